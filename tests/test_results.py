"""Detections as a struct of arrays."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest

import imx500_native as imx
from imx500_native import (
    FULL_ROI,
    CoordinateMapper,
    Detection,
    Detections,
    GeometryError,
    MissingExtraError,
)

BOXES = [[0.0, 0.25, 0.5, 0.75], [0.5, 0.5, 1.0, 1.0], [0.25, 0.0, 0.75, 0.5]]


def three(**changes):
    columns = {"xyxy": BOXES, "confidence": [0.75, 0.5, 0.25], "class_id": [1, 0, 7]}
    return Detections(**{**columns, "labels": ("person", "dog"), **changes})


def test_iteration_gives_plain_python_values():
    rows = list(three(tracker_id=[5, 6, 7]))
    assert rows[0] == Detection((0.0, 0.25, 0.5, 0.75), 0.75, 1, 5, "dog")
    assert rows[2] == Detection((0.25, 0.0, 0.75, 0.5), 0.25, 7, 7, None)
    assert [type(value) for value in rows[0]] == [tuple, float, int, int, str]


def test_a_label_is_in_a_result_where_something_of_it_was_found():
    found = three()
    assert ["person" in found, "dog" in found, "cat" in found] == [True, True, False]
    assert "dog" not in found[1:]
    assert "dog" not in Detections.empty(labels=("person", "dog"))
    assert None not in found
    assert next(iter(found)) in found
    assert next(iter(found)) not in found[1:]
    regions = imx.Segmentation(np.array([[0, 1], [1, 1]]), labels=("road", "dog", "cat"))
    assert ["dog" in regions, "cat" in regions] == [True, False]


def test_columns_have_fixed_types():
    found = three()
    assert (found.xyxy.dtype, found.confidence.dtype) == (np.float32, np.float32)
    assert (found.class_id.dtype, found.tracker_id) == (np.int32, None)
    assert three(tracker_id=[1, 2, 3]).tracker_id.dtype == np.int64


@pytest.mark.parametrize(
    ("index", "kept"),
    [
        (slice(1, None), [0, 7]),
        (np.array([True, False, True]), [1, 7]),
        ([2, 0], [7, 1]),
        (np.array([1]), [0]),
        (1, [0]),
        (np.int64(-1), [7]),
        (slice(0, 0), []),
    ],
)
def test_indexing_returns_the_same_type_with_every_column(index, kept):
    found = three(tracker_id=[10, 11, 12], data={"size": [1.0, 2.0, 3.0]}, space="stream")
    part = found[index]
    assert isinstance(part, Detections)
    assert part.class_id.tolist() == kept
    assert part.tracker_id.tolist() == [{1: 10, 0: 11, 7: 12}[c] for c in kept]
    assert part.data["size"].tolist() == [{1: 1.0, 0: 2.0, 7: 3.0}[c] for c in kept]
    assert (part.space, part.fresh, part.labels) == ("stream", True, ("person", "dog"))


def test_filtering_by_a_column_reads_naturally():
    found = three()
    assert found[found.confidence > 0.4].class_id.tolist() == [1, 0]


def test_an_index_out_of_range_is_an_index_error():
    with pytest.raises(IndexError):
        three()[3]


@pytest.mark.parametrize("kind", [Detections, imx.InstanceMasks, imx.Poses, imx.Segmentation])
@pytest.mark.parametrize("space", ["pixels", "Stream", None])
def test_a_space_that_is_none_is_refused(kind, space):
    with pytest.raises(GeometryError, match=rf'"network", .* "stream", .*, not {space!r}$'):
        kind.empty(space=space)


def test_mapped_changes_space_and_boxes_only():
    mapper = CoordinateMapper(FULL_ROI, FULL_ROI, (640, 480))
    found = three(fresh=False)
    mapped = found.mapped(mapper)
    assert mapped.space == "stream"
    assert mapped.fresh is False
    assert mapped.xyxy.tolist() == [[0, 120, 320, 360], [320, 240, 640, 480], [160, 0, 480, 240]]
    assert mapped.confidence is found.confidence
    assert found.space == "network"
    with pytest.raises(GeometryError, match=r"CoordinateMapper, such as frame\.mapper.*tuple$"):
        found.mapped((640, 480))
    with pytest.raises(GeometryError, match="in stream space; the mapper starts from network"):
        mapped.mapped(mapper)
    back = mapped.mapped(mapper.inverse())
    assert back.space == "network"
    np.testing.assert_allclose(back.xyxy, BOXES, atol=1e-6)


def test_mapped_keeps_what_is_outside_on_request():
    mapper = CoordinateMapper((508, 0, 3040, 3040), (508, 0, 3040, 3040), (100, 100))
    found = Detections([[-0.5, 0, 0.5, 1]], [1], [0])
    assert found.mapped(mapper).xyxy.tolist() == [[0, 0, 50, 100]]
    assert found.mapped(mapper, outside="keep").xyxy.tolist() == [[-50, 0, 50, 100]]


def test_empty():
    nothing = Detections.empty(space="stream", fresh=False, labels=("a",))
    assert (len(nothing), list(nothing), nothing.xyxy.shape) == (0, [], (0, 4))
    assert (nothing.space, nothing.fresh) == ("stream", False)
    assert len(nothing[nothing.confidence > 0.5]) == 0
    written = Detections([], [], [], tracker_id=[])
    assert (len(written), list(written), written.xyxy.shape) == (0, [], (0, 4))
    assert written.to_dict()["detections"] == []
    with pytest.raises(ValueError, match="expected xyxy"):
        Detections([], [0.5], [1])


def test_to_dict_is_json():
    found = three(tracker_id=[5, 6, 7], data={"size": np.array([1, 2, 3])})[:1]
    assert json.loads(json.dumps(found.to_dict())) == {
        "space": "network",
        "fresh": True,
        "detections": [
            {
                "label": "dog",
                "class_id": 1,
                "confidence": 0.75,
                "xyxy": [0.0, 0.25, 0.5, 0.75],
                "tracker_id": 5,
                "size": 1,
            }
        ],
    }


@pytest.mark.parametrize(
    "changes",
    [
        {"xyxy": BOXES[:2]},
        {"xyxy": [[0, 1, 2]] * 3},
        {"class_id": [1]},
        {"confidence": 0.5},
        {"tracker_id": [1]},
        {"data": {"size": [1]}},
    ],
)
def test_columns_of_other_lengths_are_refused(changes):
    with pytest.raises(ValueError, match=r"expected (xyxy \(n, 4\)|3 rows in size)"):
        three(**changes)


def test_to_supervision_without_the_package_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "supervision", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'imx500-native\[supervision\]'"):
        three().to_supervision()


@pytest.mark.filterwarnings("ignore:OpenCV")
def test_to_supervision():
    pytest.importorskip("supervision", reason="pip install supervision to test the conversion")
    converted = three(tracker_id=[5, 6, 7]).to_supervision()
    assert converted.xyxy.tolist() == BOXES
    assert converted.class_id.tolist() == [1, 0, 7]
    assert converted.tracker_id.tolist() == [5, 6, 7]
    assert converted.data["class_name"].tolist() == ["dog", "person", "7"]


def test_drop_leaves_out_what_is_outside_and_trims_the_rest():
    detections = Detections(
        [[0.1, 0.1, 0.2, 0.2], [0.4, 0.4, 0.9, 0.9], [0.7, 0.5, 0.7, 0.5], [0.5, 0.5, 0.6, 0.6]],
        [0.9, 0.8, 0.7, 0.6],
        [0, 1, 2, 3],
        data={"row": [0, 1, 2, 3]},
    )
    # The left and upper half of the sensor's right half.
    mapper = CoordinateMapper(FULL_ROI, (2028, 0, 2028, 1520), (100, 100))
    kept = detections.mapped(mapper, outside="drop")
    assert kept.class_id.tolist() == kept.data["row"].tolist() == [1]
    np.testing.assert_allclose(kept.xyxy, [[0, 80, 80, 100]], atol=1e-3)
    assert kept.space == "stream"
    assert len(detections.mapped(mapper)) == 4


# Its tracker is to move to a package of its own.
@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore:OpenCV")
def test_supervision_draws_and_tracks_what_a_camera_sees():
    supervision = pytest.importorskip(
        "supervision", reason="supervision is not installed: pip install supervision"
    )
    network = imx.Network.find("ssd_mobilenetv2_fpnlite_320x320_pp")
    tracker = supervision.ByteTrack(frame_rate=30)
    boxes, labels = supervision.BoxAnnotator(thickness=1), supervision.LabelAnnotator()
    ids = []
    camera = imx.SimulatedCamera(network, size=(640, 360), seed=3, real_time=False, noise=0)
    with camera:
        for _ in range(10):
            frame = camera.capture()
            found = frame.detections()
            if not found.fresh:
                continue
            tracked = tracker.update_with_detections(found.to_supervision())
            ids.append(sorted(tracked.tracker_id.tolist()))
            picture = boxes.annotate(frame.image.copy(), tracked)
            picture = labels.annotate(picture, tracked)
            x0, y0, x1, _ = tracked.xyxy[0].astype(int)
            assert (picture[y0, x0:x1] != frame.image[y0, x0:x1]).any()
            assert set(tracked.data["class_name"]) <= {one.label for one in found}
    assert len(ids) > 5
    # The same objects keep the same numbers.
    assert ids[0]
    assert all(one == ids[0] for one in ids)
