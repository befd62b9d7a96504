"""NanoDet against anchors in Python, and against picamera2's own."""

from __future__ import annotations

import threading

import dense_networks
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles import dense_oracle, nms_oracle

from imx500_native import Decoder, DecoderError, Network, _dense
from imx500_native.heads.nanodet import NanoDetHead

ZOO = "nanodet_plus_416x416"
ROWS = 3598
NO_SUPPRESSION = 1.0


@st.composite
def shapes(draw):
    return {
        "size": draw(st.sampled_from([(32, 32), (64, 32), (40, 72)])),
        "strides": draw(st.sampled_from([(8, 16, 32, 64), (8, 16, 32), (16,)])),
        "classes": draw(st.integers(1, 9)),
        "bins": draw(st.sampled_from([1, 2, 8])),
    }


def head(*, size, strides, classes, bins, threshold, iou=NO_SUPPRESSION, limit=-1, plus_one=False):
    rows = len(list(dense_oracle.nanodet_anchors(size, strides)))
    return _dense.NanoDet(classes, bins, strides, size, rows, threshold, iou, limit, plus_one)


def tensor_of(shape, rng):
    rows = len(list(dense_oracle.nanodet_anchors(shape["size"], shape["strides"])))
    values = rng.integers(-60, 40, (rows, shape["classes"] + 4 * shape["bins"])) / 8
    return np.asfortranarray(values.astype(np.float32))


@given(
    shape=shapes(),
    seed=st.integers(0, 2**32 - 1),
    threshold=st.sampled_from([0.0, 0.3, 0.5, 0.75, 1.0]),
    places=st.lists(
        st.tuples(st.integers(0, 10**6), st.integers(0, 10**6), dense_networks.any_float),
        max_size=20,
    ),
)
def test_every_candidate_equals_the_oracle(shape, seed, threshold, places):
    tensor = tensor_of(shape, np.random.default_rng(seed))
    for row, column, value in places:
        tensor[row % tensor.shape[0], column % tensor.shape[1]] = value
    expected = dense_oracle.nanodet(tensor, **shape, threshold=threshold)
    found = head(**shape, threshold=threshold)([tensor])
    dense_networks.same_candidates(found, expected, shape["size"])


@given(
    seed=st.integers(0, 2**32 - 1),
    iou=st.sampled_from([0.0, 0.3, 0.65]),
    limit=st.integers(-1, 30),
    plus_one=st.booleans(),
)
def test_suppression_is_that_of_nms(seed, iou, limit, plus_one):
    # Sides that are powers of two, so that going back to pixels is exact.
    shape = {"size": (64, 32), "strides": (8, 16), "classes": 3, "bins": 8}
    tensor = tensor_of(shape, np.random.default_rng(seed))
    xyxy, confidence, class_id = head(**shape, threshold=0.5)([tensor])
    kept = nms_oracle.nms(
        xyxy * np.float32([64, 32, 64, 32]),
        confidence,
        iou,
        classes=class_id,
        limit=None if limit < 0 else limit,
        plus_one=plus_one,
    )
    found = head(**shape, threshold=0.5, iou=iou, limit=limit, plus_one=plus_one)([tensor])
    for ours, all_of_them in zip(found, (xyxy, confidence, class_id), strict=True):
        np.testing.assert_array_equal(ours, all_of_them[kept])


def scene(rng, *, objects=10, columns=112):
    """Background noise and some objects, each seen by a few anchors side by side."""
    tensor = rng.normal(-6, 1, (ROWS, columns)).astype(np.float32)
    for _ in range(objects):
        row, class_id = int(rng.integers(0, 2600)), int(rng.integers(0, 80))
        for anchor in (row, row + 1, row + 52, row + 53):
            tensor[anchor, class_id] = rng.normal(1.5, 0.5)
            tensor[anchor, 80:112] = rng.normal(0, 2, 32)
    return np.asfortranarray(tensor)


def test_the_network_of_the_zoo():
    network = Network.find(ZOO)
    decoder = Decoder.for_network(network)
    assert (decoder.head, decoder.task, decoder.threshold) == ("nanodet", "object detection", 0.5)
    tensor = np.full((ROWS, 112), -8, np.float32, order="F")
    tensor[52 * 10 + 20, 2] = 2.0
    # Of 8 bins, the 3rd left, the 1st above, the 8th right, half 2nd half 3rd below.
    tensor[52 * 10 + 20, [80 + 2, 88, 96 + 7, 104 + 1, 104 + 2]] = 60.0
    (found,) = decoder([tensor])
    np.testing.assert_allclose(
        np.multiply(found.xyxy, 416), [160 - 16, 80, 160 + 56, 80 + 12], rtol=1e-6
    )
    assert found.label == "car"
    assert found.confidence == pytest.approx(1 / (1 + np.exp(-2)))
    assert len(decoder(None)) == 0
    assert not decoder(None).fresh


def test_another_network_of_that_kind():
    """Other classes, an input that no stride divides, older strides."""
    size, labels = (330, 200), ("cat", "dog", "bird")
    rows = 42 * 25 + 21 * 13 + 11 * 7
    network = dense_networks.network(size, [(rows, 3 + 32)], labels=labels)
    decoder = Decoder(network, 0.5)
    assert decoder.head == "nanodet"
    tensor = np.full((rows, 35), -8, np.float32)
    tensor[42 * 25 + 21 * 13 + 11 * 2 + 5, 1] = 4
    (found,) = decoder([tensor])
    x, y = 5 * 32, 2 * 32
    reach = 3.5 * 32
    expected = [(x - reach) / 330, (y - reach) / 200, (x + reach) / 330, (y + reach) / 200]
    np.testing.assert_allclose(found.xyxy, expected, rtol=1e-6)
    assert found.label == "dog"


def test_bins_and_strides_can_be_told():
    network = dense_networks.network((64, 64), [(16, 2 + 64)])
    assert not NanoDetHead.fits(network)
    decoder = Decoder(network, head="nanodet", bins=16, strides=[16])
    tensor = np.full((16, 66), -8, np.float32)
    tensor[5, 1] = 4
    (found,) = decoder([tensor])
    np.testing.assert_allclose(np.multiply(found.xyxy, 64), [-104, -104, 136, 136])


def test_any_strides_in_memory_give_the_same():
    tensor = scene(np.random.default_rng(1))
    decoder = Decoder(Network.find(ZOO))
    expected = decoder([tensor])
    assert len(expected) > 5
    for other in dense_networks.strided_twice(tensor):
        np.testing.assert_array_equal(decoder([other]).xyxy, expected.xyxy)


def test_everything_may_pass():
    shape = {"size": (416, 416), "strides": (8, 16, 32, 64), "classes": 80, "bins": 8}
    tensor = scene(np.random.default_rng(2))
    found = head(**shape, threshold=0.0)([tensor])
    assert len(found[1]) == ROWS
    assert (np.diff(found[1]) <= 0).all()


def test_a_confidence_that_equals_the_threshold_counts():
    network = Network.find(ZOO)
    tensor = np.full((ROWS, 112), -8, np.float32)
    for step in range(-40, 40):
        tensor[7, 3] = step / 8
        confidence = dense_oracle.sigmoid(step / 8)
        above = float(np.nextafter(np.float32(confidence), np.float32(2)))
        assert len(Decoder(network, confidence)([tensor])) == 1
        assert len(Decoder(network, above)([tensor])) == 0


def test_values_that_are_not_finite():
    network = Network.find(ZOO)
    tensor = np.full((ROWS, 112), -8, np.float32)
    tensor[0, 0], tensor[0, 1] = np.nan, 3  # a NaN is no class
    tensor[1000, :80] = np.nan  # no class at all
    tensor[1100, :80] = -np.inf
    tensor[1200, 5] = np.inf  # certain
    tensor[1300, 6], tensor[1300, 85] = 3, np.nan  # no box
    tensor[1400, 6], tensor[1400, 85] = 3, np.inf
    tensor[1500, 6], tensor[1500, 80:88] = 3, -np.inf
    tensor[1600, 6], tensor[1600, 80:84] = 2, -np.inf  # a distribution all the same
    found = Decoder(network, 0.4)([tensor])
    assert found.class_id.tolist() == [5, 1, 6]
    assert found.confidence[0] == 1.0
    assert np.isfinite(found.xyxy).all()
    assert len(Decoder(network, 0.0, iou_threshold=1.0)([tensor])) == ROWS - 5


@pytest.mark.parametrize("outputs", [[], [(ROWS, 111)], [(ROWS, 112, 1)], [(ROWS, 112)] * 2])
def test_wrong_shapes_show_both(outputs):
    decoder = Decoder(Network.find(ZOO))
    with pytest.raises(DecoderError, match=r"nanodet.*\(anchors, classes \+ 4 \* bins\)") as caught:
        decoder([np.zeros(shape, np.float32) for shape in outputs])
    assert all(str(shape) in str(caught.value) for shape in outputs)


def test_a_network_that_does_not_fit_is_refused():
    with pytest.raises(DecoderError, match=r"\(anchors, classes \+ 4 \* bins\).*\(1000,\)"):
        Decoder(Network.find("mobilenet_v2"), head="nanodet")
    with pytest.raises(DecoderError, match=r"416x416.*2704.*3598"):
        Decoder(Network.find(ZOO), strides=(8,))
    with pytest.raises(DecoderError, match=r"200x200.*with strides \(8, 16, 32\).*100"):
        Decoder(dense_networks.network((200, 200), [(100, 112)]), head="nanodet")


@pytest.mark.parametrize(
    "options",
    [
        {"threshold": "high"},
        {"iou_threshold": float("nan")},
        {"max_detections": -1},
        {"bins": 0},
        {"bins": 2.5},
        {"strides": (0,)},
        {"strides": (8, -16)},
        {"strides": (1,) * 9},
    ],
)
def test_options_are_checked(options):
    with pytest.raises(DecoderError):
        Decoder(Network.find(ZOO), head="nanodet", **options)


def test_eight_threads():
    network = Network.find(ZOO)
    dense_networks.one_decoder_per_thread(
        lambda: Decoder(network), [scene(np.random.default_rng(3))]
    )


def test_one_decoder_in_two_threads_is_refused_and_stays_whole():
    decoder = Decoder(Network.find(ZOO), 0.0, 1)
    outputs = [scene(np.random.default_rng(5))]
    expected = decoder(outputs).confidence.tolist()
    wrong, refused = [], []

    def work():
        for _ in range(200):
            try:
                if decoder(outputs).confidence.tolist() != expected:
                    wrong.append(1)
            except DecoderError as error:
                refused.append(str(error))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert all("one decoder per thread" in message for message in refused)
    assert decoder(outputs).confidence.tolist() == expected


# picamera2's own, and what differs from it on purpose.


def picamera2_detections(tensor, **options):
    module = dense_networks.picamera2("postprocess_nanodet")
    with dense_networks.old_reshape(), np.errstate(over="ignore", invalid="ignore"):
        ((boxes, scores, classes),) = module.postprocess_nanodet_detection(tensor[None], **options)
    return boxes[:, [1, 0, 3, 2]] / 416, scores, classes


@pytest.mark.parametrize("seed", range(6))
def test_picamera2_finds_the_same_with_plus_one(seed):
    tensor = scene(np.random.default_rng(seed), objects=15)
    boxes, scores, classes = picamera2_detections(
        tensor, conf=0.55, iou_thres=0.65, max_out_dets=10
    )
    found = Decoder(Network.find(ZOO), 0.55, 10, iou_threshold=0.65, plus_one=True)([tensor])
    assert found.class_id.tolist() == classes.tolist()
    np.testing.assert_allclose(found.confidence, scores, rtol=1e-6)
    np.testing.assert_allclose(found.xyxy, boxes, atol=1e-5)


def one_or_two(values):
    tensor = np.full((ROWS, 112), -8, np.float32)
    for row, class_id, logit in values:
        tensor[row, class_id] = logit
    return tensor


def test_picamera2_needs_more_than_the_threshold():
    tensor = one_or_two([(0, 0, 0.0)])
    assert len(picamera2_detections(tensor, conf=0.5)[1]) == 0
    assert len(Decoder(Network.find(ZOO), 0.5)([tensor])) == 1


def test_picamera2_suppresses_small_boxes_as_if_they_were_a_pixel_larger():
    tensor = one_or_two([(0, 0, 2.0), (1, 0, 1.0)])
    # 10 pixels to each side, from 8 pixels further on: they share 0.43, with a pixel more 0.45.
    tensor[:2, 80:112] = -30
    for side in range(4):
        tensor[:2, 80 + 8 * side + 1] = 30
        tensor[:2, 80 + 8 * side + 2] = 30 + np.log(1 / 3)
    assert len(picamera2_detections(tensor, conf=0.5, iou_thres=0.44)[1]) == 1
    network = Network.find(ZOO)
    assert len(Decoder(network, iou_threshold=0.44)([tensor])) == 2
    assert len(Decoder(network, iou_threshold=0.44, plus_one=True)([tensor])) == 1


def test_picamera2_takes_equal_scores_in_no_order():
    """Where two boxes of one object are as likely, the first row stays here."""
    tensor = one_or_two([(0, 0, 2.0), (1, 0, 2.0)])
    assert len(picamera2_detections(tensor, conf=0.5, iou_thres=0.3)[1]) == 1
    (found,) = Decoder(Network.find(ZOO), iou_threshold=0.3)([tensor])
    np.testing.assert_allclose(np.multiply(found.xyxy, 416), [-28, -28, 28, 28], atol=1e-4)


def test_picamera2_lets_one_nan_hide_an_anchor():
    tensor = one_or_two([(0, 0, np.nan), (0, 1, 3.0)])
    assert len(picamera2_detections(tensor, conf=0.5)[1]) == 0
    assert Decoder(Network.find(ZOO))([tensor]).class_id.tolist() == [1]
