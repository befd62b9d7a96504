"""The post-processing functions, against picamera2's own."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import numpy as np
import pytest
from drop_in.peer_code import peer_module as peer
from drop_in.stand_ins import Picamera2

from imx500_native import DecoderError
from imx500_native.picamera2 import (
    postprocess,
    postprocess_efficientdet_lite0,
    postprocess_highernet,
    postprocess_nanodet,
    postprocess_yolov5,
    postprocess_yolov8,
)
from imx500_native.picamera2.postprocess import BoxFormat


@pytest.fixture
def rng():
    return np.random.default_rng(17)


def random_boxes(rng, count, side=416):
    corner = rng.uniform(0, side * 0.7, (count, 2))
    return np.hstack([corner, corner + rng.uniform(5, side * 0.4, (count, 2))])


def same(ours, theirs):
    assert type(ours) is type(theirs)
    if isinstance(ours, (tuple, list)):
        assert len(ours) == len(theirs)
        for mine, other in zip(ours, theirs, strict=True):
            same(mine, other)
    elif isinstance(ours, np.ndarray):
        assert ours.shape == theirs.shape
        assert ours.dtype.kind == theirs.dtype.kind
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)
    else:
        assert ours == theirs


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("count", [0, 1, 300])
def test_nms(rng, count, dtype):
    theirs = peer("postprocess")
    for _ in range(5):
        boxes = random_boxes(rng, count).astype(dtype)
        scores = rng.permutation(count).astype(dtype)
        for overlap, most in ((0.1, 1000), (0.55, 50), (0.9, 7)):
            assert postprocess.nms(boxes, scores, overlap, most) == theirs.nms(
                boxes, scores, overlap, most
            )


def test_nms_of_boxes_whose_overlap_is_known():
    # One pixel is added to every side: 11 x 11 shares 11 x 6 with the next, of 176.
    boxes = np.array([[0, 0, 10, 10], [0, 5, 10, 15], [50, 50, 60, 60]], float)
    scores = np.array([0.5, 0.9, 0.1])
    assert postprocess.nms(boxes, scores, iou_thres=66 / 176) == [1, 0, 2]
    assert postprocess.nms(boxes, scores, iou_thres=66 / 176 - 1e-9) == [1, 2]
    assert postprocess.nms(boxes, scores, iou_thres=1.0, max_out_dets=1) == [1]


def class_scores(rng, *shape):
    """No two alike, so that no order is left to chance."""
    return rng.permuted(np.linspace(0, 1, int(np.prod(shape)))).reshape(shape).astype(np.float32)


def test_combined_nms(rng):
    theirs = peer("postprocess")
    boxes = random_boxes(rng, 800).reshape(2, 400, 4).astype(np.float32)
    scores = class_scores(rng, 2, 400, 5)
    for conf in (0.2, 0.9, 1.0):
        same(
            postprocess.combined_nms(boxes, scores, 0.5, conf, 40),
            theirs.combined_nms(boxes, scores, 0.5, conf, 40),
        )


def test_combined_nms_seg(rng):
    theirs = peer("postprocess")
    boxes = random_boxes(rng, 200)[np.newaxis].astype(np.float32)
    scores, masks = class_scores(rng, 1, 200, 3), rng.random((1, 32, 200), np.float32)
    same(
        postprocess.combined_nms_seg(boxes, scores, masks, 0.5, 0.4, 30),
        theirs.combined_nms_seg(boxes, scores, masks, 0.5, 0.4, 30),
    )
    # picamera2 fails here.
    (nothing,) = postprocess.combined_nms_seg(boxes, scores, masks, 0.5, 1.0)
    assert [part.shape for part in nothing] == [(0, 4), (0,), (0,), (0, 32)]


@pytest.mark.parametrize("name", BoxFormat.__members__)
def test_box_formats(rng, name):
    theirs = peer("postprocess")
    boxes = random_boxes(rng, 9)
    ours = postprocess.convert_to_ymin_xmin_ymax_xmax_format(boxes.copy(), BoxFormat[name])
    expected = theirs.convert_to_ymin_xmin_ymax_xmax_format(boxes.copy(), theirs.BoxFormat[name])
    np.testing.assert_array_equal(ours, expected)
    assert BoxFormat[name].value == theirs.BoxFormat[name].value


def test_an_unknown_box_format_is_refused():
    with pytest.raises(ValueError, match="BoxFormat, not 'xyxy'"):
        postprocess.convert_to_ymin_xmin_ymax_xmax_format(np.zeros((1, 4)), "xyxy")


def test_scaling(rng):
    theirs, theirs5 = peer("postprocess"), peer("postprocess_yolov5")
    for _ in range(100):
        sizes = rng.integers(100, 900, 4).tolist()
        keep, normalized = (bool(flag) for flag in rng.integers(0, 2, 2))
        boxes, points = rng.uniform(-1, 2, (7, 4)), rng.uniform(-9, 900, (2, 17, 3))
        for mine, other, values, more in (
            (postprocess.scale_boxes, theirs.scale_boxes, boxes, (normalized,)),
            (postprocess.scale_coords, theirs.scale_coords, points, ()),
            (postprocess_yolov5.scale_boxes, theirs5.scale_boxes, boxes * 300, ()),
        ):
            ours = mine(changed := values.copy(), *sizes, keep, *more)
            assert ours is changed
            np.testing.assert_array_equal(ours, other(values.copy(), *sizes, keep, *more))


def test_softmax_and_crop_mask(rng):
    theirs = peer("postprocess")
    values = rng.normal(0, 9, (4, 5, 8)).astype(np.float32)
    same(postprocess.softmax(values), theirs.softmax(values))
    masks, boxes = rng.normal(size=(6, 20, 30)), rng.uniform(-5, 35, (6, 4))
    np.testing.assert_array_equal(
        postprocess.crop_mask(masks, boxes), theirs.crop_mask(masks, boxes)
    )
    assert theirs.PARTS == postprocess.PARTS


def test_nanodet(rng):
    theirs = peer("postprocess_nanodet")
    outputs = rng.normal(0, 1, (2, 3598, 112)).astype(np.float32)
    outputs[..., :80] = rng.normal(-4, 1.5, (2, 3598, 80))
    for conf, most in ((0.6, 300), (0.5, 20), (1.0, 300)):
        ours = postprocess_nanodet.postprocess_nanodet_detection(outputs, conf, 0.5, most)
        same(ours, theirs.postprocess_nanodet_detection(outputs, conf, 0.5, most))
        assert (len(ours[0][0]) > 0) == (conf < 1)


def yolov8(rng, *more):
    scores = rng.beta(0.3, 9, (1, 80, 8400)).astype(np.float32)
    return (rng.uniform(0.5, 6, (1, 4, 8400)).astype(np.float32), scores, *more)


def test_yolov8(rng):
    theirs = peer("postprocess_yolov8")
    outputs = yolov8(rng)
    for conf in (0.3, 0.55, 1.0):
        same(
            postprocess_yolov8.postprocess_yolov8_detection(outputs, conf),
            theirs.postprocess_yolov8_detection(outputs, conf),
        )


def test_yolov8_keypoints(rng):
    theirs = peer("postprocess_yolov8")
    boxes, scores = yolov8(rng)
    outputs = (boxes, scores[:, :1], rng.normal(0, 3, (1, 51, 8400)).astype(np.float32))
    for conf in (0.2, 1.0):
        same(
            postprocess_yolov8.postprocess_yolov8_keypoints(outputs, conf),
            theirs.postprocess_yolov8_keypoints(outputs, conf),
        )


def test_yolov8_inst_seg(rng):
    theirs = peer("postprocess_yolov8")
    weights = rng.normal(size=(1, 32, 8400)).astype(np.float32)
    outputs = yolov8(rng, weights, rng.normal(size=(1, 32, 16, 16)).astype(np.float32))
    ours = postprocess_yolov8.postprocess_yolov8_inst_seg(outputs, conf=0.55)
    same(ours, theirs.postprocess_yolov8_inst_seg(outputs, conf=0.55))
    nothing = postprocess_yolov8.postprocess_yolov8_inst_seg(outputs, conf=1.0)
    assert [part.shape for part in nothing] == [(0, 4), (0,), (0,), (0, 16, 16)]


def test_yolov8_parts(rng):
    theirs = peer("postprocess_yolov8")
    for mine, other in zip(
        postprocess_yolov8.make_anchors_yolo_v8([4, 2], [8, 16]),
        theirs.make_anchors_yolo_v8([4, 2], [8, 16]),
        strict=True,
    ):
        np.testing.assert_array_equal(mine, other)
    distances, points = rng.random((5, 4)), rng.random((5, 2))
    for xywh in (True, False):
        np.testing.assert_array_equal(
            postprocess_yolov8.dist2bbox_yolo_v8(distances, points, xywh),
            theirs.dist2bbox_yolo_v8(distances, points, xywh),
        )


def test_yolov8_masks_of_the_picture(rng):
    pytest.importorskip("cv2", reason="pip install opencv-python-headless to test what needs it")
    theirs = peer("postprocess_yolov8")
    roi, size = SimpleNamespace(x=3, y=5, width=20, height=40), SimpleNamespace(width=64, height=64)
    for count in (1, 3):
        masks, boxes = rng.normal(size=(count, 16, 16)), rng.uniform(0, 16, (count, 4))
        same(
            postprocess_yolov8.process_masks(masks, boxes, roi, size),
            theirs.process_masks(masks, boxes, roi, size),
        )


def yolov5(rng, batch=1):
    return [
        rng.beta(0.5, 3, (batch, cells, 3, 85)).astype(np.float32)
        for cells in (8 * 8, 4 * 4, 2 * 2)
    ]


def test_yolov5(rng):
    theirs = peer("postprocess_yolov5")
    for conf in (0.3, 1.0):
        outputs = yolov5(rng)
        arguments = {"model_input_shape": (64, 64), "conf_thres": conf, "iou_thres": 0.4}
        if conf == 1.0:
            # picamera2 keeps a reduction that has no rows.
            ours = postprocess_yolov5.postprocess_yolov5_detection(outputs, **arguments)
            assert [part.shape for part in ours] == [(0, 4), (0,), (0,)]
            continue
        ours = postprocess_yolov5.postprocess_yolov5_detection(outputs, **arguments)
        expected = theirs.postprocess_yolov5_detection(outputs, **arguments)
        assert len(ours[0]) > 5
        for mine, other in zip(ours, expected, strict=True):
            np.testing.assert_allclose(mine, other, rtol=1e-5)


def test_yolov5_parts(rng):
    theirs = peer("postprocess_yolov5")
    np.testing.assert_allclose(
        postprocess_yolov5.box_decoding_yolov5n(yolov5(rng, 2), 80, 64, 64),
        theirs.box_decoding_yolov5n(yolov5(np.random.default_rng(17), 2), 80, 64, 64),
        rtol=1e-6,
    )
    np.testing.assert_array_equal(
        postprocess_yolov5.coco80_to_coco91(np.arange(80.0)),
        theirs.coco80_to_coco91(np.arange(80.0)),
    )
    for boxes in (rng.uniform(0, 1, (3, 4)), rng.uniform(2, 300, (3, 4)), np.empty((0, 4))):
        np.testing.assert_array_equal(
            postprocess_yolov5.apply_normalization(boxes.copy(), 640, 480, None),
            theirs.apply_normalization(boxes.copy(), 640, 480, None),
        )


def test_yolov5_preprocess(rng):
    pytest.importorskip("cv2", reason="pip install opencv-python-headless to test what needs it")
    theirs = peer("postprocess_yolov5")
    for shape in ((480, 640, 3), (333, 201, 3)):
        picture = rng.integers(0, 256, shape, dtype=np.uint8)
        np.testing.assert_array_equal(
            postprocess_yolov5.yolov5n_preprocess(picture), theirs.yolov5n_preprocess(picture)
        )


@pytest.mark.parametrize("classes", [80, 90])
def test_efficientdet(rng, classes):
    theirs = peer("postprocess_efficientdet_lite0")
    boxes = 9 * (8 * 8 + 4 * 4 + 2 * 2 + 1 + 1)
    outputs = (
        rng.normal(-5, 2, (1, boxes, classes)).astype(np.float32),
        rng.normal(0, 0.5, (1, boxes, 4)).astype(np.float32),
    )
    for arguments in (
        {"conf_thres": 0.3},
        {"conf_thres": 0.5, "box_variance": [0.1, 0.2, 0.3, 0.4]},
    ):
        arguments["model_input_shape"] = (64, 64)
        mine = postprocess_efficientdet_lite0.postprocess_efficientdet_lite0_detection
        ours = mine(outputs, **arguments)
        expected = theirs.postprocess_efficientdet_lite0_detection(outputs, **arguments)
        assert len(ours[0]) > 5
        for value, other in zip(ours, expected, strict=True):
            np.testing.assert_allclose(value, other, rtol=1e-6, atol=1e-6)


def poses(rng, people=6):
    """Tags, places and scores of some persons, each joint's in an order of its own."""
    # Apart by distances of which no two are alike: equal ones leave the match to chance.
    where = np.array([0.0, 5, 14, 30, 61, 100])[:people, np.newaxis]
    tags = where + rng.uniform(-0.2, 0.2, (people, 17))
    tags = np.concatenate([tags, rng.normal(50, 20, (30 - people, 17))])
    scores = rng.permuted(np.linspace(0.35, 0.9, 30 * 17)).reshape(30, 17)
    scores[people:] /= 10
    # Some joints are not seen, but never the first, which founds the persons.
    scores[:, 1:][rng.random((30, 16)) < 0.1] = 0
    order = rng.permuted(np.tile(np.arange(30)[:, np.newaxis], 17), axis=0)
    tags, scores = (np.take_along_axis(part, order, axis=0) for part in (tags, scores))
    # picamera2 leaves a joint in the first row or column out of the person's box.
    places = rng.integers(1, 144, (30, 17)) * 192 + rng.integers(1, 192, (30, 17))
    return tags.astype(np.float32), places, scores.astype(np.float32)


@pytest.fixture
def munkres():
    pytest.importorskip("munkres", reason="pip install munkres to compare with picamera2")


# picamera2 looks for the least of no numbers, and says so.
@pytest.mark.filterwarnings("ignore:All-NaN slice:RuntimeWarning")
@pytest.mark.usefixtures("munkres")
def test_higherhrnet(rng):
    theirs = peer("postprocess_highernet")
    for _ in range(4):
        outputs = [part[np.newaxis] for part in poses(rng)]
        arguments = (outputs, (480, 640), (0, 0), (0, 0), True)
        ours = postprocess_highernet.postprocess_higherhrnet(*arguments)
        expected = theirs.postprocess_higherhrnet(*arguments)
        assert len(ours[0]) == len(expected[0]) > 5
        for mine, other in zip(ours, expected, strict=True):
            np.testing.assert_allclose(np.array(mine), np.array(other), rtol=1e-5, atol=1e-4)


def test_higherhrnet_cuts_rows_to_whole_cells():
    tags, scores = np.zeros((1, 30, 17), np.float32), np.zeros((1, 30, 17), np.float32)
    places = np.zeros((1, 30, 17), np.float32)
    places[0, 0], scores[0, 0] = 193, 0.9
    keypoints, means, boxes = postprocess_highernet.postprocess_higherhrnet(
        [tags, places, scores], (288, 384), (0, 0), (0, 0), True
    )
    # picamera2 makes 2 * 193 / 192 of y.
    assert keypoints[0][:3] == pytest.approx([2, 2, 0.9])
    assert means == pytest.approx([0.9])
    assert boxes == [[2, 2, 2, 2]]


def test_higherhrnet_scales_x_by_the_width_and_y_by_the_height():
    tags, scores = np.zeros((1, 30, 17), np.float32), np.zeros((1, 30, 17), np.float32)
    places = np.zeros((1, 30, 17), np.float32)
    places[0, 0], scores[0, 0] = 192 * 10 + 20, 0.9
    keypoints, _, _ = postprocess_highernet.postprocess_higherhrnet(
        [tags, places, scores], (720, 1280), (4, 0), (8, 0), True
    )
    x, y = (20 * 2 - 4) * 1280 / (384 - 4), (10 * 2 - 8) * 720 / (288 - 8)
    assert keypoints[0][:2] == pytest.approx([x, y])


def test_higherhrnet_finds_nobody():
    nothing = [np.zeros((1, 30, 17), np.float32)] * 3
    found = postprocess_highernet.postprocess_higherhrnet(nothing, (480, 640), (0, 0), (0, 0), True)
    assert found == ([], [], [])
    maps = np.zeros((144, 192, 17), np.float32)
    with pytest.raises(DecoderError, match="tag for each joint"):
        postprocess_highernet.top_k(maps, maps, tag_per_joint=False)


# picamera2 looks for the least of no numbers, and says so.
@pytest.mark.filterwarnings("ignore:All-NaN slice:RuntimeWarning")
@pytest.mark.usefixtures("munkres")
def test_higherhrnet_of_raw_heat_maps(rng):
    pytest.importorskip("cv2", reason="pip install opencv-python-headless to test what needs it")
    theirs = peer("postprocess_highernet")
    # Five persons side by side, each with tags of its own and every joint once.
    tags = np.repeat([0.0, 5.0, 14.0, 30.0, 61.0], [10, 10, 10, 10, 8])
    small = np.zeros((1, 36, 48, 34))
    small[..., 17:] = tags[:, np.newaxis] + rng.uniform(-0.2, 0.2, 17)
    large = np.zeros((1, 72, 96, 17))
    for joint in range(17):
        for person in range(5):
            column, row = 20 * person + rng.integers(4, 14), rng.integers(2, 70)
            large[0, row, column, joint] = rng.uniform(0.7, 2)
            large[0, row, column + 1, joint] = large[0, row - 1, column, joint] = 0.3
    outputs = [small.astype(np.float32), large.astype(np.float32)]
    for adjust in (False, True):
        arguments = (outputs, (288, 384), (0, 0), (0, 0), False)
        more = {"output_shape": (72, 96), "max_num_people": 5, "adjust": adjust}
        ours = postprocess_highernet.postprocess_higherhrnet(*arguments, **more)
        expected = theirs.postprocess_higherhrnet(*arguments, **more)
        assert len(ours[0]) == 5
        for mine, other in zip(ours, expected, strict=True):
            np.testing.assert_allclose(np.array(mine), np.array(other), rtol=1e-5, atol=1e-4)


class _Pen:
    """Notes what is drawn, where OpenCV would draw it."""

    FONT_HERSHEY_SIMPLEX = 0

    def __init__(self):
        self.drawn = []

    def __getattr__(self, name):
        return lambda img, *rest: self.drawn.append((name, *rest))


def test_drawer_needs_no_opencv_until_it_draws_and_rescales(monkeypatch):
    imx500 = SimpleNamespace(convert_inference_coords=lambda *a: (10, 20, 30, 40))
    drawer = postprocess.COCODrawer(["cat", "dog"], imx500)
    # picamera2's fails here.
    assert drawer.get_coords((0, 0, 1, 1), {}, Picamera2(), "main") == (20, 10, 60, 40)
    plain = postprocess.COCODrawer(["cat", "dog"], imx500, needs_rescale_coords=False)
    assert plain.get_coords((-2, -3, 4.9, 5.9), {}, None, "main") == (0, 0, 4, 5)

    pen = _Pen()
    monkeypatch.setitem(sys.modules, "cv2", pen)
    keypoints = np.array([[5, 6, 0.9]] * 2 + [[7, 8, 0.1]] * 15)
    plain.annotate_image(
        None,
        np.array([[1, 2, 3, 4]] * 2),
        [0.9, 0.2],
        [1, 0],
        [keypoints] * 2,
        0.5,
        0.3,
        {},
        None,
        "main",
    )
    names = [call[0] for call in pen.drawn]
    assert names == ["rectangle", "putText", "line", "circle", "putText", "circle", "putText"]
    assert pen.drawn[0][1:3] == ((2, 1), (4, 3))
    assert pen.drawn[1][1] == "dog:0.900"
    assert pen.drawn[4][1] == "Nose.0.900"


def test_masks_become_an_overlay():
    shown = []
    drawer = postprocess.COCODrawer([], None)
    masks = np.zeros((2, 3, 4))
    masks[0, 1, 2] = masks[1, 0, 0] = 0.9
    picam2 = SimpleNamespace(set_overlay=shown.append)
    drawer.overlay_masks(picam2, masks, [0.9, 0.1], [(1, 0.5, 0), (0, 0, 1)])
    (overlay,) = shown
    assert overlay.shape == (3, 4, 4)
    assert overlay[1, 2].tolist() == [255, 127, 0, 127]
    assert overlay.sum() == 255 + 127 + 127
