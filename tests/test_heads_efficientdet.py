"""EfficientDet against anchors in Python, and against picamera2's own."""

from __future__ import annotations

import dense_networks
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles import dense_oracle, nms_oracle

from imx500_native import Decoder, DecoderError, _dense
from imx500_native.heads.efficientdet import EfficientDetHead

SIZE = (320, 320)
ROWS = 9 * (40**2 + 20**2 + 10**2 + 5**2 + 3**2)
CLASSES = 90
NO_SUPPRESSION = 1.0


def lite0(*, boxes_first=False, classes=CLASSES):
    shapes = [(ROWS, classes), (ROWS, 4)]
    return dense_networks.network(SIZE, shapes[::-1] if boxes_first else shapes)


@st.composite
def shapes(draw):
    first = draw(st.integers(2, 4))
    return {
        "size": draw(st.sampled_from([(32, 32), (33, 20), (16, 48)])),
        "levels": (first, first + draw(st.integers(0, 3))),
        "scale": draw(st.sampled_from([3.0, 4.0])),
    }


def head(shape, classes, threshold, iou=NO_SUPPRESSION, limit=-1, plus_one=False):
    rows = len(list(dense_oracle.efficientdet_anchors(shape["size"], *shape["levels"], 3)))
    return _dense.EfficientDet(
        classes, shape["levels"], shape["scale"], False, shape["size"], rows, threshold, iou,
        limit, plus_one,
    )  # fmt: skip


def tensors_of(shape, classes, rng):
    rows = len(list(dense_oracle.efficientdet_anchors(shape["size"], *shape["levels"], 3)))
    logits = np.asfortranarray(rng.integers(-60, 20, (rows, classes)) / 8, np.float32)
    codes = np.asfortranarray(rng.normal(0, 1, (rows, 4)), np.float32)
    return logits, codes


@given(
    shape=shapes(),
    classes=st.integers(1, 7),
    seed=st.integers(0, 2**32 - 1),
    threshold=st.sampled_from([0.0, 0.3, 0.5, 0.75]),
    places=st.lists(
        st.tuples(
            st.integers(0, 1),
            st.integers(0, 10**6),
            st.integers(0, 10**6),
            dense_networks.any_float,
        ),
        max_size=20,
    ),
)
def test_every_candidate_equals_the_oracle(shape, classes, seed, threshold, places):
    tensors = tensors_of(shape, classes, np.random.default_rng(seed))
    for which, row, column, value in places:
        tensor = tensors[which]
        tensor[row % tensor.shape[0], column % tensor.shape[1]] = value
    # Sizes that only just fit into a float32 may be rounded out of it.
    np.clip(tensors[1], -80, 80, out=tensors[1], where=np.isfinite(tensors[1]))
    expected = dense_oracle.efficientdet(*tensors, **shape, threshold=threshold)
    found = head(shape, classes, threshold)(tensors)
    dense_networks.same_candidates(found, expected, shape["size"])


@given(seed=st.integers(0, 2**32 - 1), iou=st.sampled_from([0.0, 0.3, 0.65]))
def test_suppression_is_that_of_nms(seed, iou):
    shape = {"size": (32, 32), "levels": (3, 4), "scale": 3.0}
    tensors = tensors_of(shape, 2, np.random.default_rng(seed))
    xyxy, confidence, class_id = head(shape, 2, 0.5)(tensors)
    kept = nms_oracle.nms(xyxy * np.float32(32), confidence, iou, classes=class_id, limit=20)
    found = head(shape, 2, 0.5, iou, 20)(tensors)
    for ours, all_of_them in zip(found, (xyxy, confidence, class_id), strict=True):
        np.testing.assert_array_equal(ours, all_of_them[kept])


def scene(rng, *, objects=10, classes=CLASSES):
    logits = rng.normal(-6, 1, (ROWS, classes)).astype(np.float32)
    codes = rng.normal(0, 0.3, (ROWS, 4)).astype(np.float32)
    for _ in range(objects):
        row, class_id = int(rng.integers(0, ROWS - 20)), int(rng.integers(0, classes))
        logits[row : row + 18, class_id] = rng.normal(1.5, 0.5, 18)
    return np.asfortranarray(logits), np.asfortranarray(codes)


@pytest.mark.parametrize("boxes_first", [False, True])
def test_a_lite0(boxes_first):
    network = lite0(boxes_first=boxes_first)
    decoder = Decoder(network)
    assert (decoder.head, decoder.threshold) == ("efficientdet", 0.5)
    logits = np.full((ROWS, CLASSES), -8, np.float32)
    codes = np.zeros((ROWS, 4), np.float32)
    row = 9 * (40**2 + 20 * 7 + 3) + 3 + 1  # stride 16, line 7, column 3, 2nd octave, twice as wide
    logits[row, 17] = 2
    codes[row] = [0.5, -0.25, np.log(2), 0]
    (found,) = decoder([codes, logits] if boxes_first else [logits, codes])
    width, height = 48 * 2 ** (1 / 3) * 2**0.5, 48 * 2 ** (1 / 3) / 2**0.5
    x, y = 3.5 * 16 - 0.25 * width, 7.5 * 16 + 0.5 * height
    expected = [x - width / 2, y - height, x + width / 2, y + height]
    np.testing.assert_allclose(np.multiply(found.xyxy, 320), expected, rtol=1e-5)
    assert found.class_id == 17
    assert found.confidence == pytest.approx(1 / (1 + np.exp(-2)))
    assert len(decoder(None)) == 0


def test_four_classes_come_before_the_boxes():
    logits, codes = np.full((ROWS, 4), -8, np.float32), np.zeros((ROWS, 4), np.float32)
    logits[5, 3] = 1
    decoder = Decoder(lite0(classes=4))
    assert decoder([logits, codes]).class_id.tolist() == [3]


def test_scale_and_levels_can_be_told():
    network = dense_networks.network((64, 64), [(9 * 16, 3), (9 * 16, 4)])
    assert not EfficientDetHead.fits(network)
    logits, codes = np.full((144, 3), -8, np.float32), np.zeros((144, 4), np.float32)
    logits[0, 0] = 1
    decoder = Decoder(network, head="efficientdet", levels=(4, 4), anchor_scale=4)
    np.testing.assert_allclose(decoder([logits, codes]).xyxy * 64, [[-24, -24, 40, 40]])


def test_any_strides_in_memory_give_the_same():
    tensors = scene(np.random.default_rng(1))
    decoder = Decoder(lite0())
    expected = decoder(tensors)
    assert len(expected) > 5
    for others in zip(*map(dense_networks.strided_twice, tensors), strict=True):
        np.testing.assert_array_equal(decoder(others).xyxy, expected.xyxy)


def test_values_that_are_not_finite():
    logits, codes = np.full((ROWS, CLASSES), -8, np.float32), np.zeros((ROWS, 4), np.float32)
    logits[0, 0], logits[0, 1] = np.nan, 3
    logits[1] = np.nan
    logits[2] = -np.inf
    logits[900, 5] = np.inf
    logits[[2000, 2100, 2200, 2300], 6] = 3
    codes[2000, 0], codes[2100, 2], codes[2200, 3] = np.nan, np.inf, 100
    codes[2300, 2] = -np.inf  # no height
    found = Decoder(lite0())([logits, codes])
    assert found.class_id.tolist() == [5, 1, 6]
    assert np.isfinite(found.xyxy).all()
    assert found.xyxy[2, 1] == found.xyxy[2, 3]


@pytest.mark.parametrize(
    "outputs", [[], [(ROWS, 90)], [(ROWS, 4), (ROWS, 90)], [(ROWS, 90), (ROWS, 4)] * 2]
)
def test_wrong_shapes_show_both(outputs):
    with pytest.raises(DecoderError, match=r"\(anchors, classes\) and \(anchors, 4\)") as caught:
        Decoder(lite0())([np.zeros(shape, np.float32) for shape in outputs])
    assert all(str(shape) in str(caught.value) for shape in outputs)


@pytest.mark.parametrize(
    "options",
    [
        {"anchor_scale": 0},
        {"anchor_scale": float("inf")},
        {"levels": (4, 3)},
        {"levels": (-1, 3)},
        {"levels": (3, 40)},
        {"levels": (3, 6)},
    ],
)
def test_options_are_checked(options):
    with pytest.raises(DecoderError):
        Decoder(lite0(), **options)


def test_a_network_that_does_not_fit_is_refused():
    with pytest.raises(DecoderError, match=r"\(anchors, 4\).*\(1000,\)"):
        Decoder(dense_networks.network(SIZE, [(1000,)]), head="efficientdet")


def test_eight_threads():
    network = lite0()
    outputs = scene(np.random.default_rng(3))
    dense_networks.one_decoder_per_thread(lambda: Decoder(network), outputs)


# picamera2's own, and what differs from it on purpose.


def picamera2_detections(logits, codes, **options):
    module = dense_networks.picamera2("postprocess_efficientdet_lite0")
    with np.errstate(over="ignore"):
        boxes, scores, classes = module.postprocess_efficientdet_lite0_detection(
            (logits[None], codes[None]), **options
        )
    return boxes[:, [1, 0, 3, 2]] / 320, scores, classes


@pytest.mark.parametrize("seed", range(4))
def test_picamera2_finds_the_same_with_plus_one(seed):
    tensors = scene(np.random.default_rng(seed), objects=15)
    boxes, scores, classes = picamera2_detections(*tensors, conf_thres=0.55, max_out_dets=20)
    found = Decoder(lite0(), 0.55, 20, iou_threshold=0.65, plus_one=True)(tensors)
    assert len(found) > 10
    assert found.class_id.tolist() == classes.tolist()
    np.testing.assert_allclose(found.confidence, scores, rtol=1e-6)
    np.testing.assert_allclose(found.xyxy, boxes, atol=1e-5)


def one(logit, *, size=0.0, classes=CLASSES, class_id=0):
    logits, codes = np.full((ROWS, classes), -8, np.float32), np.zeros((ROWS, 4), np.float32)
    logits[0, class_id] = logit
    codes[0, 2:] = size
    return logits, codes


def test_picamera2_needs_more_than_the_threshold():
    tensors = one(0.0)
    assert len(picamera2_detections(*tensors, conf_thres=0.5)[1]) == 0
    assert len(Decoder(lite0(), 0.5)(tensors)) == 1


def test_picamera2_leaves_out_boxes_of_two_pixels():
    tensors = one(2.0, size=np.log(1 / 12))
    assert len(picamera2_detections(*tensors, conf_thres=0.5)[1]) == 0
    (found,) = Decoder(lite0())(tensors)
    assert (found.xyxy[2] - found.xyxy[0]) * 320 == pytest.approx(2)


def test_picamera2_numbers_80_classes_as_91():
    tensors = one(2.0, classes=80, class_id=11)
    assert picamera2_detections(*tensors, conf_thres=0.5)[2].tolist() == [13]
    assert Decoder(lite0(classes=80))(tensors).class_id.tolist() == [11]


def test_picamera2_suppresses_across_classes_where_boxes_reach_beyond_the_picture():
    """It sets the classes 320 pixels apart, which is not enough for a box of twice that."""
    logits, codes = np.full((ROWS, CLASSES), -8, np.float32), np.zeros((ROWS, 4), np.float32)
    logits[0, 0], logits[1, 1] = 3, 2
    codes[:2, 2:] = np.log(1000)
    # The second box lies where the offset takes the first one's.
    codes[1, :2] = [-320 / (24000 / 2**0.5), -320 / (24000 * 2**0.5)]
    codes[1, 2] += np.log(2**0.5)
    codes[1, 3] -= np.log(2**0.5)
    assert len(picamera2_detections(logits, codes, conf_thres=0.5, max_wh=1e9)[1]) == 1
    assert len(Decoder(lite0())([logits, codes])) == 2
