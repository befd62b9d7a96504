"""YOLOv5 against anchors in Python, and against picamera2's own."""

from __future__ import annotations

import dense_networks
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles import dense_oracle, nms_oracle

from imx500_native import Decoder, DecoderError, NetworkIntrinsics
from imx500_native.heads.yolov5 import ANCHORS, STRIDES, YOLOv5Head

SIZE = (640, 640)
NO_SUPPRESSION = 1.0
LAYOUTS = ("cells", "anchor first", "anchor last")


def arranged(levels, layout):
    """Lay out levels of (lines, columns, anchors, channels) as networks do."""
    if layout == "cells":
        return [level.reshape(-1, *level.shape[2:]) for level in levels]
    if layout == "anchor first":
        return [level.transpose(2, 0, 1, 3) for level in levels]
    return list(levels)


def rows_in_order(lines, columns, anchors, layout):
    """Yield (line, column, anchor) in the order of the tensor, first dimension fastest."""
    if layout == "cells":
        return [(y, x, a) for a in range(anchors) for y in range(lines) for x in range(columns)]
    if layout == "anchor first":
        return [(y, x, a) for x in range(columns) for y in range(lines) for a in range(anchors)]
    return [(y, x, a) for a in range(anchors) for x in range(columns) for y in range(lines)]


def random_levels(rng, size, classes, *, logits=False):
    width, height = size
    levels = [
        rng.random((height // stride, width // stride, 3, 5 + classes)) ** 2 for stride in STRIDES
    ]
    levels = [np.round(level * 256) / 256 for level in levels]
    if logits:
        levels = [
            np.log(np.clip(level, 1e-3, 0.999) / np.clip(1 - level, 1e-3, 1)) for level in levels
        ]
    return [level.astype(np.float32) for level in levels]


def oracle(levels, layout, threshold, logits):
    found = []
    for level, stride, sizes in zip(levels, STRIDES, ANCHORS, strict=True):
        places = rows_in_order(*level.shape[:3], layout)
        rows = [level[place] for place in places]
        for index, sent, score, class_id in dense_oracle.yolov5(
            rows, threshold=threshold, logits=logits
        ):
            line, column, anchor = places[index]
            box = dense_oracle.yolov5_box(sent, column, line, stride, sizes[anchor])
            if np.isfinite(np.float32(box)).all():
                found.append((box, score, class_id))
    return found


@given(
    size=st.sampled_from([(64, 32), (32, 96)]),
    classes=st.integers(1, 5),
    seed=st.integers(0, 2**32 - 1),
    layout=st.sampled_from(LAYOUTS),
    logits=st.booleans(),
    threshold=st.sampled_from([0.0, 0.25, 0.5]),
    places=st.lists(
        st.tuples(st.integers(0, 2), st.integers(0, 10**6), dense_networks.any_float), max_size=9
    ),
)
def test_every_candidate_equals_the_oracle(size, classes, seed, layout, logits, threshold, places):
    levels = random_levels(np.random.default_rng(seed), size, classes, logits=logits)
    for which, place, value in places:
        absurd = not np.isfinite(value) or logits or abs(value) < 1e3
        levels[which].reshape(-1)[place % levels[which].size] = value if absurd else 1e3
    with np.errstate(all="ignore"):
        expected = oracle(levels, layout, threshold, logits)
    tensors = arranged(levels, layout)
    network = dense_networks.network(size, [tensor.shape for tensor in tensors])
    decoder = Decoder(network, threshold, logits=logits, iou_threshold=NO_SUPPRESSION)
    found = decoder(tensors)
    columns = (found.xyxy, found.confidence, found.class_id)
    dense_networks.same_candidates(columns, expected, size)


@given(seed=st.integers(0, 2**32 - 1), iou=st.sampled_from([0.0, 0.45, 0.65]))
def test_suppression_is_that_of_nms(seed, iou):
    tensors = arranged(random_levels(np.random.default_rng(seed), (64, 64), 3), "cells")
    network = dense_networks.network((64, 64), [tensor.shape for tensor in tensors])
    everything = Decoder(network, 0.3, iou_threshold=NO_SUPPRESSION)(tensors)
    kept = nms_oracle.nms(
        everything.xyxy * np.float32(64), everything.confidence, iou,
        classes=everything.class_id, limit=15,
    )  # fmt: skip
    found = Decoder(network, 0.3, 15, iou_threshold=iou)(tensors)
    np.testing.assert_array_equal(found.xyxy, everything.xyxy[kept])
    np.testing.assert_array_equal(found.class_id, everything.class_id[kept])


def test_levels_may_come_in_any_order():
    tensors = arranged(random_levels(np.random.default_rng(1), (64, 32), 3), "anchor first")
    found = []
    for order in ((0, 1, 2), (2, 0, 1)):
        network = dense_networks.network((64, 32), [tensors[i].shape for i in order])
        found.append(Decoder(network, 0.3)([tensors[i] for i in order]))
    assert sorted(map(tuple, found[0].xyxy.tolist())) == sorted(map(tuple, found[1].xyxy.tolist()))


def yolov5n(layout="cells", classes=80):
    tensors = [np.zeros((640 // s, 640 // s, 3, 5 + classes), np.float32) for s in STRIDES]
    network = dense_networks.network(SIZE, [t.shape for t in arranged(tensors, layout)])
    return network, tensors


@pytest.mark.parametrize("layout", LAYOUTS)
def test_one_box(layout):
    network, levels = yolov5n(layout)
    levels[1][7, 3, 2, [0, 1, 2, 3, 4, 5 + 16]] = [0.5, 0.75, 0.5, 1.0, 0.875, 0.75]
    decoder = Decoder(network)
    assert decoder.head == "yolov5"
    (found,) = decoder(arranged(levels, layout))
    x, y, width, height = 3.5 * 16, 8 * 16, 59, 4 * 119
    expected = [x - width / 2, y - height / 2, x + width / 2, y + height / 2]
    np.testing.assert_allclose(np.multiply(found.xyxy, 640), expected, rtol=1e-6)
    assert (found.class_id, found.confidence) == (16, 0.65625)
    assert not decoder(None).fresh


def test_anchors_and_strides_of_ones_own():
    network = dense_networks.network((64, 64), [(16, 2, 7)])
    assert not YOLOv5Head.fits(network)
    tensor = np.zeros((16, 2, 7), np.float32)
    tensor[5, 1] = [0.5, 0.5, 0.5, 0.5, 1, 0, 1]
    decoder = Decoder(network, head="yolov5", strides=[16], anchors=[[(4, 4), (8, 16)]])
    np.testing.assert_allclose(decoder([tensor]).xyxy * 64, [[20, 16, 28, 32]])


def decoded_network(scale=4.0, rows=25200, **options):
    network = dense_networks.network(SIZE, [(rows, 85)], scale=scale)
    if options:
        network.intrinsics = NetworkIntrinsics({"cpu": options})
    return network


@pytest.mark.parametrize(
    ("network", "options", "unit"),
    [
        (decoded_network(), {}, 1),
        (decoded_network(scale=1 / 128), {}, 640),
        (decoded_network(), {"normalized": True}, 640),
        (decoded_network(scale=1 / 128), {"normalized": False}, 1),
        (decoded_network(scale=1 / 128, bbox_normalization=True), {}, 1),
    ],
)
def test_boxes_that_the_network_decoded(network, options, unit):
    tensor = np.zeros((25200, 85), np.float32)
    tensor[20000, :5] = np.array([320, 160, 64, 32, 0.75 * unit]) / unit
    tensor[20000, 5 + 7] = 1
    (found,) = Decoder(network, **options)([tensor])
    np.testing.assert_allclose(np.multiply(found.xyxy, 640), [288, 144, 352, 176], rtol=1e-6)
    assert (found.class_id, found.confidence) == (7, 0.75)


def test_decoded_boxes_have_no_logits():
    with pytest.raises(DecoderError, match="logits"):
        Decoder(decoded_network(), logits=True)


def test_any_strides_in_memory_give_the_same():
    rng = np.random.default_rng(1)
    tensors = arranged(random_levels(rng, (64, 64), 3), "cells")
    decoder = Decoder(dense_networks.network((64, 64), [t.shape for t in tensors]), 0.3)
    expected = decoder(tensors)
    assert len(expected) > 5
    for others in zip(*map(dense_networks.strided_twice, tensors), strict=True):
        np.testing.assert_array_equal(decoder(others).xyxy, expected.xyxy)


def test_values_that_are_not_finite():
    network, levels = yolov5n()
    one = [0.5, 0.5, 0.5, 0.5, 0.9]
    for column in range(0, 80, 10):
        levels[0][0, column, 0, :5] = one
        levels[0][0, column, 0, 5 + column] = 0.9
    levels[0][0, 0, 0, 4] = np.nan
    levels[0][0, 10, 0, 4] = np.inf
    levels[0][0, 20, 0, 5:] = np.nan
    levels[0][0, 30, 0, 6] = np.nan
    levels[0][0, 40, 0, 0] = np.inf
    levels[0][0, 50, 0, 2] = np.nan
    levels[0][0, 60, 0, 3] = 1e30
    found = Decoder(network)(arranged(levels, "cells"))
    assert found.class_id.tolist() == [30, 70]


def test_wrong_shapes_show_both():
    network, levels = yolov5n()
    tensors = arranged(levels, "cells")
    with pytest.raises(DecoderError, match=r"5 \+ classes.*\(400, 3, 85\).*\(1600, 3, 85\)"):
        Decoder(network)(tensors[::-1])
    with pytest.raises(DecoderError, match=r"5 \+ classes.*none"):
        Decoder(network)([])


@pytest.mark.parametrize(
    "shapes",
    [
        [(1000,)],
        [(6400, 3, 85), (1600, 3, 85)],
        [(6400, 3, 85), (1600, 3, 85), (400, 3, 84)],
        [(6400, 3, 85), (1600, 3, 85), (1600, 3, 85)],
        [(6400, 3, 5), (1600, 3, 5), (400, 3, 5)],
        [(25200, 5)],
        [(8400, 85)],
    ],
)
def test_a_network_that_does_not_fit_is_refused(shapes):
    network = dense_networks.network(SIZE, shapes)
    assert not YOLOv5Head.fits(network)
    with pytest.raises(DecoderError, match=r"5 \+ classes"):
        Decoder(network, head="yolov5")


@pytest.mark.parametrize(
    "options",
    [
        {"strides": (8, 16)},
        {"strides": (8, 16, 0)},
        {"anchors": [[], [], []]},
        {"anchors": [[(1, -1)] * 3] * 3},
        {"anchors": ANCHORS[:2]},
        {"iou_threshold": None},
    ],
)
def test_options_are_checked(options):
    with pytest.raises(DecoderError):
        Decoder(yolov5n()[0], **options)


def scene(rng, objects=10):
    network, levels = yolov5n()
    for level in levels:
        level[...] = rng.random(level.shape) ** 4 * 0.3
    for _ in range(objects):
        level = levels[int(rng.integers(0, 3))]
        line, column, anchor = (int(rng.integers(0, n - 2)) for n in (*level.shape[:2], 5))
        class_id = int(rng.integers(0, 80))
        near = level[line : line + 2, column : column + 2, anchor]
        near[..., 2:4] = 0.4 + 0.2 * rng.random((2, 2, 2))
        near[..., 4] = 0.8 + 0.2 * rng.random((2, 2))
        near[..., 5 + class_id] = 0.8 + 0.2 * rng.random((2, 2))
    return network, [np.asfortranarray(tensor) for tensor in arranged(levels, "cells")]


def test_eight_threads():
    network, tensors = scene(np.random.default_rng(3))
    dense_networks.one_decoder_per_thread(lambda: Decoder(network), tensors)


# picamera2's own, and what differs from it on purpose.


def picamera2_detections(tensors, **options):
    module = dense_networks.picamera2("postprocess_yolov5")
    boxes, scores, classes = module.postprocess_yolov5_detection(
        [tensor[None] for tensor in tensors], **options
    )
    return boxes[:, [1, 0, 3, 2]] / 640, scores, classes, module


@pytest.mark.parametrize("seed", range(4))
def test_picamera2_finds_the_same_with_plus_one(seed):
    network, tensors = scene(np.random.default_rng(seed), 15)
    boxes, scores, classes, module = picamera2_detections(tensors, conf_thres=0.5, max_out_dets=20)
    found = Decoder(network, 0.5, 20, iou_threshold=0.65, plus_one=True)(tensors)
    assert len(found) > 8
    numbered = module.coco80_to_coco91(found.class_id.astype(int)) - 1
    assert numbered.tolist() == classes.tolist()
    np.testing.assert_array_equal(found.confidence, scores.astype(np.float32))
    np.testing.assert_allclose(found.xyxy, boxes, atol=1e-5)


def one(sent):
    network, levels = yolov5n()
    levels[0][0, 0, 0, : len(sent)] = sent
    return network, arranged(levels, "cells")


def test_picamera2_needs_more_than_the_threshold():
    network, tensors = one([0.5, 0.5, 0.5, 0.5, 1, 0.5])
    assert len(picamera2_detections(tensors, conf_thres=0.5)[1]) == 0
    assert len(Decoder(network, 0.5)(tensors)) == 1


def test_picamera2_leaves_out_boxes_of_two_pixels():
    network, tensors = one([0.5, 0.5, 0.2, 0.19, 1, 1])
    assert len(picamera2_detections(tensors, conf_thres=0.5)[1]) == 0
    assert len(Decoder(network, 0.5)(tensors)) == 1


def test_picamera2_numbers_80_classes_as_91():
    network, tensors = one([0.5, 0.5, 0.5, 0.5, 1, *([0] * 11), 1])
    assert picamera2_detections(tensors, conf_thres=0.5)[2].tolist() == [12]
    assert Decoder(network, 0.5)(tensors).class_id.tolist() == [11]


def test_picamera2_looks_at_the_5000_most_confident_only():
    network, levels = yolov5n()
    # Apart from one, all at one place, each a little more confident than it.
    levels[0][..., :5] = [0.5, 0.5, 0.5, 0.5, 1]
    levels[0][..., 5] = 0.75
    levels[2][10, 10, 0, :7] = [0.5, 0.5, 0.5, 0.5, 1, 0, 0.5]
    tensors = arranged(levels, "cells")
    assert 1 not in picamera2_detections(tensors, conf_thres=0.4)[2]
    found = Decoder(network, 0.4)(tensors)
    assert found.class_id[-1] == 1
