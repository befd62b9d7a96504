"""Poses: columns, rows, boxes, mapping, dicts, and what supervision makes of them."""

from __future__ import annotations

import json

import numpy as np
import pytest

import imx500_native as imx
from imx500_native.errors import GeometryError
from imx500_native.results.poses import COCO_KEYPOINTS, COCO_SKELETON, Poses

NAN = float("nan")


def two(**changes):
    columns = {
        "xy": [[[0.25, 0.5], [0.5, 0.75], [NAN, NAN]], [[0.0, 0.0], [1.0, 1.0], [0.5, 0.5]]],
        "keypoint_confidence": [[0.9, 0.8, 0.0], [0.7, 0.6, 0.5]],
        "detection_confidence": [0.75, 0.5],
    }
    return Poses(**{**columns, **changes})


def test_columns_keep_their_values_and_types():
    poses = two(tracker_id=[7, 9], skeleton=[(0, 1)], keypoint_names=["a", "b", "c"])
    assert poses.xy.dtype == poses.keypoint_confidence.dtype == np.float32
    assert poses.tracker_id.dtype == np.int64
    assert poses.skeleton == ((0, 1),)
    assert poses.keypoint_names == ("a", "b", "c")
    assert len(poses) == 2


def test_seventeen_keypoints_are_those_of_coco():
    poses = Poses(np.zeros((1, 17, 2)), np.ones((1, 17)), [1])
    assert poses.keypoint_names == COCO_KEYPOINTS
    assert poses.skeleton == COCO_SKELETON
    assert poses[:0].keypoint_names == COCO_KEYPOINTS
    assert two().keypoint_names is None
    assert two().skeleton == ()


def test_limbs_join_left_to_left_and_right_to_right():
    for start, end in COCO_SKELETON[5:]:
        sides = {COCO_KEYPOINTS[joint].split()[0] for joint in (start, end)}
        parts = {COCO_KEYPOINTS[joint].split()[1] for joint in (start, end)}
        assert len(sides) == 1 or len(parts) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"xy": np.zeros((2, 3))},
        {"xy": np.zeros((2, 3, 3))},
        {"keypoint_confidence": np.zeros((2, 2))},
        {"detection_confidence": [1]},
        {"xyxy": np.zeros((1, 4))},
        {"tracker_id": [1]},
        {"keypoint_names": ["nose"]},
        {"skeleton": [(0, 3)]},
    ],
)
def test_columns_that_do_not_fit_are_refused(changes):
    with pytest.raises(ValueError, match="expected"):
        two(**changes)


def test_rows_are_chosen_by_index_slice_and_mask():
    poses = two(xyxy=[[0, 0, 1, 1], [0, 0, 0.5, 0.5]], tracker_id=[7, 9])
    for part in (poses[1], poses[1:], poses[np.array([False, True])], poses[[1]], poses[-1]):
        assert isinstance(part, Poses)
        assert part.detection_confidence.tolist() == [0.5]
        assert part.xyxy.tolist() == [[0, 0, 0.5, 0.5]]
        assert part.tracker_id.tolist() == [9]
        np.testing.assert_array_equal(part.xy, poses.xy[1:])


def test_iteration_gives_plain_values_and_none_for_what_was_not_found():
    first, second = two(xyxy=[[0, 0, 1, 1]] * 2, tracker_id=[7, 9])
    assert first.xy == ((0.25, 0.5), (0.5, 0.75), None)
    assert first.confidence == 0.75
    assert first.xyxy == (0.0, 0.0, 1.0, 1.0)
    assert first.tracker_id == 7
    assert second.xy[2] == (0.5, 0.5)
    assert next(iter(two())).xyxy is None


def test_boxes_are_the_networks_or_the_extent_of_the_keypoints():
    np.testing.assert_array_equal(two().boxes, np.float32([[0.25, 0.5, 0.5, 0.75], [0, 0, 1, 1]]))
    given = [[0, 0, 0.5, 0.5]] * 2
    np.testing.assert_array_equal(two(xyxy=given).boxes, np.float32(given))
    lost = two(xy=np.full((2, 3, 2), NAN))
    assert np.isnan(lost.boxes).all()
    assert Poses.empty().boxes.shape == (0, 4)
    assert Poses.empty(0).boxes.shape == (0, 4)


def test_mapping_moves_points_and_drops_those_outside_the_picture():
    mapper = imx.CoordinateMapper(imx.FULL_ROI, (0, 380, 4056, 2280), (1280, 720))
    poses = two(xyxy=[[0.25, 0.5, 0.5, 0.75], [0, 0, 1, 1]])
    moved = poses.mapped(mapper)
    assert moved.space == "stream"
    np.testing.assert_allclose(moved.xy[0, 0], [320, (1520 - 380) / 2280 * 720], atol=1e-3)
    # (0, 0) and (1, 1) of the network lie above and below the 16:9 picture.
    assert np.isnan(moved.xy[1, :2]).all()
    assert moved.keypoint_confidence[1].tolist() == [0, 0, 0.5]
    assert moved.xyxy[1].tolist() == [0, 0, 1280, 720]
    np.testing.assert_array_equal(poses.keypoint_confidence[1], np.float32([0.7, 0.6, 0.5]))
    kept = poses.mapped(mapper, outside="keep")
    np.testing.assert_allclose(kept.xy[1, 0], [0, -120], atol=1e-3)
    assert kept.keypoint_confidence[1].tolist() == poses.keypoint_confidence[1].tolist()
    with pytest.raises(GeometryError, match="stream space"):
        moved.mapped(mapper)


def test_drop_leaves_out_people_outside_the_picture():
    mapper = imx.CoordinateMapper((0, 0, 2028, 1520), (2028, 1520, 2028, 1520), (640, 480))
    inside = imx.CoordinateMapper((0, 0, 2028, 1520), (0, 0, 2028, 1520), (640, 480))
    poses = two(xy=np.full((2, 3, 2), 0.5))
    assert len(poses.mapped(mapper, outside="drop")) == 0
    assert len(poses.mapped(inside, outside="drop")) == 2


def test_a_dict_is_plain_json():
    made = two(tracker_id=[7, 9]).to_dict()
    assert json.loads(json.dumps(made)) == made
    assert made["space"] == "network"
    assert made["fresh"] is True
    assert made["poses"][0]["xy"] == [[0.25, 0.5], [0.5, 0.75], None]
    assert made["poses"][1]["tracker_id"] == 9
    assert "xyxy" not in made["poses"][0]


def test_nobody():
    nobody = Poses.empty(fresh=False)
    assert len(nobody) == 0
    assert list(nobody) == []
    assert nobody.xy.shape == (0, 17, 2)
    assert repr(nobody) == "<Poses: 0 in network space, not fresh>"
    written = Poses([], [], [], xyxy=[])
    assert written.xy.shape == (0, 17, 2)
    assert written.keypoint_confidence.shape == (0, 17)
    assert written.boxes.shape == (0, 4)
    assert Poses([], [], [], keypoint_names=["head", "tail"]).xy.shape == (0, 2, 2)


def test_supervision_draws_poses():
    supervision = pytest.importorskip(
        "supervision", reason="supervision is not installed: pip install supervision"
    )
    rng = np.random.default_rng(3)
    xy = rng.uniform(40, 200, (2, 17, 2)).astype(np.float32)
    xy[1, 0] = NAN
    poses = Poses(xy, np.ones((2, 17)), [0.9, 0.8], space="stream")
    theirs = poses.to_supervision()
    assert len(theirs) == 2
    np.testing.assert_array_equal(theirs.xy[1, 0], [0, 0])
    np.testing.assert_array_equal(theirs.xy[0], xy[0])
    picture = np.zeros((240, 240, 3), np.uint8)
    drawn = supervision.EdgeAnnotator().annotate(picture.copy(), theirs)
    assert drawn.any()
