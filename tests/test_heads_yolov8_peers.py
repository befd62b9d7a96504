"""What picamera2 and modlib make of YOLOv8's tensors, and what this package makes of them.

picamera2's functions are made for 640x640 pixels and, but for poses, 80 classes, with distances and
probabilities. Where the results are meant to differ, a test of its own says how.
"""

from __future__ import annotations

import numpy as np
import peers
import pytest

import imx500_native as imx
from imx500_native import Decoder

ANCHORS = 8400
SIZE = 640
STARTS = (0, 6400, 8000)
CELLS = (80, 40, 20)


@pytest.fixture(scope="module")
def picamera2():
    try:
        return peers.picamera2_module("postprocess_yolov8")
    except peers.PeerMissingError as error:
        pytest.skip(str(error))


def modlib(name):
    try:
        return peers.modlib_post_processor(name)
    except peers.PeerMissingError as error:
        pytest.skip(str(error))


def spec(shape, kind="i2", scale=1 / 8):
    return imx.OutputSpec("tensor", shape, np.dtype(kind), scale)


def decoder(channels, conf, *sheets):
    """Return a decoder for boxes, 80 scores or as many, and what else there is."""
    shapes = [(count, ANCHORS) for count in channels]
    outputs = [
        spec(shapes[0]),
        spec(shapes[1], "u1", 1 / 256),
        *map(spec, (*shapes[2:], *sheets)),
    ]
    base = imx.Network.find("yolov8n_pp").input
    return Decoder(imx.Network.from_specs(input=base, outputs=outputs), conf)


def put(boxes, scores, anchor, xyxy, class_id, score):
    """Write one box, in pixels, as one anchor's distances."""
    level = max(i for i in range(3) if anchor >= STARTS[i])
    stride, cells = 8 << level, CELLS[level]
    y, x = divmod(anchor - STARTS[level], cells)
    x0, y0, x1, y1 = (side / stride for side in xyxy)
    boxes[0, :, anchor] = [x + 0.5 - x0, y + 0.5 - y0, x1 - x - 0.5, y1 - y - 0.5]
    scores[0, class_id, anchor] = score


def background(rng, classes=80):
    boxes = rng.uniform(0, 8, (1, 4, ANCHORS)).astype(np.float32)
    scores = (rng.random((1, classes, ANCHORS)) * 0.2).astype(np.float32)
    return np.asfortranarray(boxes), np.asfortranarray(scores)


def scene(rng, objects=10, classes=80):
    """Return boxes and scores of objects apart from each other, each seen by six anchors."""
    boxes, scores = background(rng, classes)
    places = rng.permutation(16)[:objects]
    for place, class_id in zip(places, rng.integers(0, classes, objects), strict=True):
        corner = np.array([place % 4, place // 4]) * 150 + rng.uniform(5, 25, 2)
        size = rng.uniform(80, 120, 2)
        for anchor in rng.choice(ANCHORS, 6, replace=False):
            shift = rng.uniform(-2, 2, 2)
            xyxy = [*(corner + shift), *(corner + size + shift)]
            put(boxes, scores, anchor, xyxy, class_id, rng.uniform(0.35, 0.99))
    return boxes, scores


def xyxy(boxes_yx):
    return np.asarray(boxes_yx)[:, [1, 0, 3, 2]] / SIZE


def tables(boxes, scores, *more):
    return [part[0] for part in (boxes, scores, *more)]


@pytest.mark.parametrize("seed", range(5))
def test_detections_are_the_same(picamera2, seed):
    outputs = scene(np.random.default_rng(seed))
    found = decoder((4, 80), 0.3)(outputs)
    boxes, scores, classes = picamera2.postprocess_yolov8_detection(outputs)[0]
    assert len(found) == 10
    assert found.class_id.tolist() == classes.tolist()
    np.testing.assert_allclose(found.confidence, scores, rtol=1e-6)
    np.testing.assert_allclose(found.xyxy, xyxy(boxes), atol=1e-6)


@pytest.mark.parametrize("seed", range(5))
def test_random_candidates_are_the_same_before_suppression(picamera2, seed):
    rng = np.random.default_rng(seed)
    outputs = background(rng)
    outputs[1][:] = rng.random(outputs[1].shape) ** 400
    ours = decoder((4, 80), 0.3)
    everything = Decoder(ours.network, 0.3, iou_threshold=1.0)(outputs)
    boxes, scores, classes = picamera2.postprocess_yolov8_detection(
        outputs, iou_thres=10.0, max_out_dets=ANCHORS
    )[0]
    assert len(everything) == len(scores) > 100
    by_score = np.argsort(-scores, kind="stable")
    np.testing.assert_allclose(everything.confidence, scores[by_score], rtol=1e-6)
    np.testing.assert_allclose(everything.xyxy, xyxy(boxes[by_score]), atol=2e-6)
    assert everything.class_id.tolist() == classes[by_score].tolist()


def test_difference_a_score_that_equals_the_threshold_counts(picamera2):
    outputs = background(np.random.default_rng(1))
    put(*outputs, 100, (100, 100, 200, 200), 5, 0.5)
    assert len(decoder((4, 80), 0.5)(outputs)) == 1
    assert len(picamera2.postprocess_yolov8_detection(outputs, conf=0.5)[0][0]) == 0


def test_difference_boxes_have_no_pixel_more(picamera2):
    outputs = background(np.random.default_rng(1))
    # 4 and 4 pixels, 3 of them shared: 3/5 of what both cover, but 4/6 with a pixel more each.
    put(*outputs, 100, (100, 100, 104, 180), 5, 0.9)
    put(*outputs, 101, (101, 100, 105, 180), 5, 0.8)
    network = decoder((4, 80), 0.3).network
    assert len(Decoder(network, 0.3, iou_threshold=0.65)(outputs)) == 2
    theirs = picamera2.postprocess_yolov8_detection(outputs, iou_thres=0.65)
    assert len(theirs[0][0]) == 1


def test_difference_classes_are_apart_wherever_their_boxes_are(picamera2):
    outputs = background(np.random.default_rng(1))
    # picamera2 keeps classes apart by 640 pixels, so these two come to lie on each other.
    put(*outputs, 100, (645, 645, 745, 745), 0, 0.9)
    put(*outputs, 101, (5, 5, 105, 105), 1, 0.8)
    assert len(decoder((4, 80), 0.3)(outputs)) == 2
    assert len(picamera2.postprocess_yolov8_detection(outputs)[0][0]) == 1


def test_difference_ties_keep_the_order_of_the_anchors(picamera2):
    outputs = background(np.random.default_rng(1))
    for anchor, left in ((100, 10), (101, 110), (102, 210)):
        put(*outputs, anchor, (left, 10, left + 50, 60), 3, 0.75)
    ours = decoder((4, 80), 0.3)(outputs).xyxy
    np.testing.assert_allclose(ours[:, 0] * SIZE, [10, 110, 210], atol=1e-4)
    theirs = picamera2.postprocess_yolov8_detection(outputs)[0][0]
    np.testing.assert_allclose(sorted(theirs[:, 1]), [10, 110, 210], atol=1e-4)


def test_difference_a_class_that_is_not_a_number_hides_no_other(picamera2):
    outputs = background(np.random.default_rng(1))
    put(*outputs, 100, (100, 100, 200, 200), 5, 0.75)
    outputs[1][0, 60, 100] = np.nan
    assert decoder((4, 80), 0.3)(outputs).class_id.tolist() == [5]
    assert len(picamera2.postprocess_yolov8_detection(outputs)[0][0]) == 0


@pytest.mark.parametrize("seed", range(5))
def test_poses_are_the_same(picamera2, seed):
    rng = np.random.default_rng(seed)
    boxes, scores = scene(rng, classes=1)
    points = np.asfortranarray(rng.normal(size=(1, 51, ANCHORS)) * 3, np.float32)
    outputs = (boxes, scores, points)
    found = decoder((4, 1, 51), 0.3)(outputs)
    theirs_boxes, theirs_scores, theirs = picamera2.postprocess_yolov8_keypoints(outputs)
    assert len(found) == 10
    np.testing.assert_allclose(found.detection_confidence, theirs_scores, rtol=1e-6)
    np.testing.assert_allclose(found.xyxy, xyxy(theirs_boxes), atol=1e-6)
    theirs = theirs.reshape(-1, 17, 3)
    np.testing.assert_allclose(found.xy, theirs[..., :2] / SIZE, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found.keypoint_confidence, theirs[..., 2], rtol=1e-5)


def masks_scene(rng):
    boxes, scores = scene(rng)
    coefficients = np.asfortranarray(rng.normal(size=(1, 32, ANCHORS)), np.float32)
    sheets = np.asfortranarray(rng.normal(size=(1, 32, 160, 160)), np.float32)
    return boxes, scores, coefficients, sheets


@pytest.mark.parametrize("seed", range(3))
def test_masks_are_the_same_inside_the_boxes(picamera2, seed):
    outputs = masks_scene(np.random.default_rng(seed))
    found = decoder((4, 80, 32), 0.3, (32, 160, 160))(outputs)
    boxes, scores, classes, sheets = picamera2.postprocess_yolov8_inst_seg(outputs, conf=0.3)
    # Theirs go class by class.
    order = np.argsort(-scores, kind="stable")
    assert len(found) == 10
    assert found.class_id.tolist() == classes[order].tolist()
    np.testing.assert_allclose(found.confidence, scores[order], rtol=1e-6)
    np.testing.assert_allclose(found.xyxy, xyxy(boxes[order]), atol=1e-6)
    for box, ours, theirs in zip(found.xyxy, found.logits, sheets[order], strict=True):
        x0, y0, x1, y1 = np.round(box * 160).astype(int)
        window = slice(y0, y1), slice(x0, x1)
        np.testing.assert_allclose(ours[window], theirs[window], rtol=1e-3, atol=1e-4)


def test_difference_nothing_found_is_an_empty_result(picamera2):
    outputs = (*background(np.random.default_rng(1)), *masks_scene(np.random.default_rng(1))[2:])
    assert len(decoder((4, 80, 32), 0.3, (32, 160, 160))(outputs)) == 0
    with pytest.raises(IndexError):
        picamera2.postprocess_yolov8_inst_seg(outputs, conf=0.3)


def test_difference_the_limit_is_of_all_classes_together(picamera2):
    outputs = (*background(np.random.default_rng(1)), *masks_scene(np.random.default_rng(1))[2:])
    put(*outputs[:2], 100, (100, 100, 200, 200), 5, 0.75)
    put(*outputs[:2], 200, (300, 300, 400, 400), 6, 0.75)
    network = decoder((4, 80, 32), 0.3, (32, 160, 160)).network
    assert len(Decoder(network, 0.3, 1)(outputs)) == 1
    assert len(picamera2.postprocess_yolov8_inst_seg(outputs, conf=0.3, max_out_dets=1)[1]) == 2


def suppressed(rng, columns, *sheets):
    """Return tensors and a decoder of a network that the sensor suppresses, 300 rows."""
    corners = np.sort(rng.uniform(0, SIZE, (300, 2, 2)), axis=1).reshape(300, 4)
    scores = np.sort(rng.integers(0, 256, 300) / 256)[::-1]
    parts = [corners, scores, rng.integers(0, 80, 300), rng.uniform(-4, 4, (300, columns)), *sheets]
    made = [np.array(part, np.float32, order="F") for part in parts]
    specs = [spec(part.shape) for part in made]
    base = imx.Network.find("yolov8n_pp").input
    return made, Decoder(imx.Network.from_specs(input=base, outputs=specs), 0.0)


def test_suppressed_poses_are_modlibs():
    pp = modlib("pp_yolo_pose_ultralytics")
    outputs, ours = suppressed(np.random.default_rng(1), 51)
    found = ours(outputs)
    theirs = pp([part.copy() for part in outputs])
    np.testing.assert_array_equal(found.detection_confidence, theirs.confidence)
    np.testing.assert_allclose(found.xyxy, theirs.bbox, rtol=1e-6)
    np.testing.assert_allclose(found.xy, theirs.keypoints, rtol=1e-6)
    np.testing.assert_allclose(found.keypoint_confidence, theirs.keypoint_scores, rtol=1e-6)


def suppressed_masks(rng):
    pp = modlib("pp_yolo_segment_ultralytics")
    outputs, ours = suppressed(rng, 32, rng.normal(size=(32, 160, 160)))
    return ours(outputs), pp([part.copy() for part in outputs])


def test_suppressed_masks_are_modlibs():
    found, theirs = suppressed_masks(np.random.default_rng(2))
    found = found[found.confidence > 0]
    assert found.class_id.tolist() == theirs.class_id.tolist()
    np.testing.assert_allclose(found.xyxy, theirs.bbox, rtol=1e-6)
    wrong = 0
    for box, mask, whole in zip(found.xyxy, found.masks, theirs.mask, strict=True):
        x0, y0 = np.floor(box[:2] * 160).astype(int)
        x1, y1 = np.ceil(box[2:] * 160).astype(int)
        window = slice(y0 + 1, y1 - 1), slice(x0 + 1, x1 - 1)
        wrong += np.sum(mask[window] != whole[window])
    # Logits so close to 0 that the order of the sums decides.
    assert wrong <= 5


def test_difference_a_score_of_zero_is_a_score():
    found, theirs = suppressed_masks(np.random.default_rng(2))
    assert len(found) == 300
    assert len(theirs.confidence) == np.sum(found.confidence > 0) < 300


def test_difference_a_mask_has_the_pixels_whose_centres_are_in_the_box():
    found, theirs = suppressed_masks(np.random.default_rng(3))
    assert theirs.mask.sum() > found[: len(theirs.mask)].masks.sum()
