"""Detectors of YOLOv8's kind against an oracle, anchor by anchor."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from oracles import yolov8_oracle as oracle
from yolov8_networks import ANCHORS, SIZE, arranged, detector, network, spec

import imx500_native as imx
from imx500_native import Decoder, DecoderError
from imx500_native._yolo import YOLOReader
from imx500_native.heads.yolov8 import YOLOv8Head

CELLS = oracle.grid(SIZE, (8, 16, 32))

any_float = st.floats(width=32, allow_nan=True, allow_infinity=True)


def decoded(decoder, outputs, **options):
    """Compare a decoder with the oracle and return what it found."""
    boxes, scores = (np.asarray(part, np.float32) for part in outputs[:2])
    expected = oracle.decode(
        boxes,
        scores,
        **{
            "form": "distances",
            "units": SIZE,
            "cells": CELLS,
            "logits": True,
            "threshold": decoder.threshold,
            "iou_threshold": 0.7,
            "limit": decoder.max_detections,
        }
        | options,
    )
    found = decoder([part.T for part in outputs])
    assert found.class_id.tolist() == [row[2] for row in expected]
    np.testing.assert_allclose(found.confidence, [row[1] for row in expected], rtol=1e-6)
    np.testing.assert_allclose(
        found.xyxy, np.reshape([row[0] for row in expected], (-1, 4)), rtol=1e-5, atol=1e-6
    )
    return found


def scene(rng, classes=5, objects=3):
    """Return distances (n, 4) and logits (n, classes) in which a few anchors are likely."""
    boxes = rng.uniform(0.2, 6, (ANCHORS, 4)).astype(np.float32)
    scores = rng.uniform(-9, -3, (ANCHORS, classes)).astype(np.float32)
    for anchor in rng.choice(ANCHORS, 4 * objects, replace=False):
        scores[anchor, rng.integers(classes)] = rng.uniform(-1, 5)
    return boxes, scores


@pytest.mark.parametrize("threshold", [0.0, 0.01, 0.3, 0.5, 0.9, 1.0])
@pytest.mark.parametrize("limit", [None, 0, 2])
def test_scenes_equal_the_oracle(threshold, limit):
    rng = np.random.default_rng(7)
    for _ in range(5):
        boxes, scores = scene(rng)
        decoder = Decoder(detector(5), threshold, limit)
        assert decoder.head == "yolov8"
        decoded(decoder, (boxes, scores))


@given(
    seed=st.integers(0, 2**32 - 1),
    scores=hnp.arrays(
        np.float32, (ANCHORS, 3), elements=any_float, fill=st.just(np.float32(-20.0))
    ),
    threshold=st.sampled_from([0.0, 0.25, 0.5, 1.0]),
    logits=st.booleans(),
)
def test_any_scores_equal_the_oracle(seed, scores, threshold, logits):
    boxes = np.random.default_rng(seed).uniform(0, 6, (ANCHORS, 4)).astype(np.float32)
    words = "logits" if logits else "probabilities"
    decoder = Decoder(detector(3), threshold, head="yolov8", scores=words)
    decoded(decoder, (boxes, scores), logits=logits)


@given(
    boxes=hnp.arrays(np.float32, (ANCHORS, 4), elements=any_float, fill=st.just(np.float32(2.0))),
    form=st.sampled_from(["distances", "centres", "corners"]),
)
def test_any_boxes_equal_the_oracle(boxes, form):
    # A class for each anchor, so that none suppresses another.
    scores = np.where(np.eye(ANCHORS), 1.0, -20.0).astype(np.float32)
    decoder = Decoder(detector(ANCHORS), boxes=form, normalized=False)
    decoded(decoder, (boxes, scores), form=form)


def test_ties_keep_the_order_of_the_anchors_and_of_the_classes():
    boxes = np.full((ANCHORS, 4), 0.25, np.float32)
    scores = np.full((ANCHORS, 3), -20, np.float32)
    scores[[5, 9, 2], 1:] = 2.0
    found = decoded(Decoder(detector(3)), (boxes, scores))
    assert found.class_id.tolist() == [1, 1, 1]
    centres = (found.xyxy[:, 0] + found.xyxy[:, 2]) * SIZE[0] / 2
    np.testing.assert_allclose(centres, [CELLS[a][0] * 8 + 4 for a in (2, 5, 9)], atol=1e-3)


def test_everything_may_pass_and_nothing():
    rng = np.random.default_rng(1)
    boxes = rng.uniform(0, 3, (ANCHORS, 4)).astype(np.float32)
    assert len(decoded(Decoder(detector(4), 0.0), (boxes, rng.normal(size=(ANCHORS, 4))))) > 0
    assert len(decoded(Decoder(detector(4)), (boxes, np.full((ANCHORS, 4), -9.0)))) == 0
    assert len(decoded(Decoder(detector(4), 0.0), (boxes, np.full((ANCHORS, 4), np.nan)))) == 0


@pytest.mark.parametrize("threshold", [0.1, 0.25, 0.3, 0.5, 0.6, 0.9, 0.999])
def test_a_score_that_equals_the_threshold_counts(threshold):
    share = np.float32(threshold)
    logit = np.float32(np.log(threshold / (1 - threshold)))
    boxes = np.ones((ANCHORS, 4), np.float32)
    scores = np.full((ANCHORS, 1), -30, np.float32)
    # One float either side of the logit: whichever comes up to the threshold counts, no other.
    for value in (np.nextafter(logit, -np.inf), logit, np.nextafter(logit, np.float32(np.inf))):
        scores[3] = value
        found = Decoder(detector(1), float(share))([boxes.T, scores.T])
        assert len(found) == (oracle.sigmoid(value) >= share)
    scores[:] = 0.0
    scores[3] = share
    found = Decoder(detector(1), float(share), scores="probabilities")([boxes.T, scores.T])
    assert len(found) == 1


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("batch", [False, True])
@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("joined", [False, True])
@pytest.mark.parametrize("classes", [1, 5, 40])
def test_every_layout_gives_the_same(order, batch, turned, joined, classes):
    rng = np.random.default_rng(3)
    boxes, scores = scene(rng, classes)
    expected = decoded(Decoder(detector(classes)), (boxes, scores))
    outputs = arranged((boxes, scores), joined=joined, turned=turned, batch=batch, order=order)
    options = {"boxes": "distances", "scores": "logits"} if joined else {}
    decoder = Decoder(network([spec(part.shape) for part in outputs]), **options)
    found = decoder(outputs)
    np.testing.assert_array_equal(found.xyxy, expected.xyxy)
    np.testing.assert_array_equal(found.confidence, expected.confidence)
    np.testing.assert_array_equal(found.class_id, expected.class_id)


def test_strides_and_types_do_not_matter():
    boxes, scores = scene(np.random.default_rng(4))
    decoder = Decoder(detector(5))
    expected = decoder([boxes.T, scores.T])
    wide = np.zeros((2 * ANCHORS, 10), np.float32)
    wide[::2, ::2] = scores
    for other in (wide[::2, ::2].T, scores.T.astype("f8"), scores.T.astype(">f4")):
        np.testing.assert_array_equal(decoder([boxes.T, other]).xyxy, expected.xyxy)


def test_a_single_tensor_has_centres_and_probabilities():
    rng = np.random.default_rng(5)
    boxes = rng.uniform(5, 60, (ANCHORS, 4)).astype(np.float32)
    scores = rng.uniform(0, 0.6, (ANCHORS, 6)).astype(np.float32)
    (whole,) = arranged((boxes, scores), joined=True)
    decoder = Decoder(network([spec(whole.shape, "i2", 1 / 32)]))
    found = decoder([whole])
    expected = oracle.decode(
        boxes,
        scores,
        form="centres",
        units=SIZE,
        cells=None,
        logits=False,
        threshold=0.5,
        iou_threshold=0.7,
    )
    assert len(expected) > 3
    np.testing.assert_allclose(found.xyxy, [row[0] for row in expected], rtol=1e-5, atol=1e-6)
    fractions = Decoder(network([spec(whole.shape, "i2", 1 / 8192)]))
    scaled = np.concatenate([boxes / np.tile(SIZE, 2), scores], axis=1).T
    np.testing.assert_allclose(fractions([scaled]).xyxy, found.xyxy, atol=1e-6)


def test_a_single_tensor_of_any_number_of_anchors_is_read():
    rows = np.zeros((9, 700), np.float32)
    rows[:4, 650] = [32, 32, 16, 16]
    rows[6, 650] = 0.75
    for whole in (rows, rows.T):
        found = Decoder(network([spec(whole.shape, "i2", 1 / 32)]), head="yolov8")([whole])
        assert found.class_id.tolist() == [2]


def test_the_range_of_the_scores_tells_logits_from_probabilities():
    boxes = np.ones((4, ANCHORS), np.float32)
    scores = np.full((3, ANCHORS), 0.25, np.float32)
    scores[2, 7] = 0.75
    for kind, scale, confidence in [
        ("i1", 1 / 8, oracle.sigmoid(0.75)),
        ("u1", 1 / 256, 0.75),
        ("i1", 1 / 128, 0.75),
    ]:
        tensors = network([spec((4, ANCHORS)), spec((3, ANCHORS), kind, scale)])
        found = Decoder(tensors, 0.6)([boxes, scores])
        np.testing.assert_allclose(found.confidence, [confidence], rtol=1e-6)


def test_other_strides_are_an_option():
    width, height = SIZE
    anchors = (width // 16) * (height // 16) + (width // 32) * (height // 32)
    boxes = np.full((4, anchors), 0.5, np.float32)
    scores = np.full((2, anchors), -9, np.float32)
    scores[1, 4] = 3
    made = network([spec(boxes.shape), spec(scores.shape)])
    found = Decoder(made, head="yolov8", strides=(16, 32))([boxes, scores])
    x, y, stride = oracle.grid(SIZE, (16, 32))[4]
    expected = np.array([x, y, x + 1, y + 1]) * stride / np.tile(SIZE, 2)
    np.testing.assert_allclose(found.xyxy, [expected], rtol=1e-6)
    with pytest.raises(DecoderError, match=rf"\(8, 16, 32\) give {ANCHORS} anchors.*{anchors}"):
        Decoder(made, head="yolov8")
    for strides in ((), (0, 8), "8", (8,) * 9, (8.5,)):
        with pytest.raises(DecoderError, match="strides must be one to eight integers"):
            Decoder(made, head="yolov8", strides=strides)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("boxes", "yxyx"),
        ("scores", "raw"),
        ("iou_threshold", None),
        ("threshold", float("nan")),
        ("max_detections", -1),
    ],
)
def test_options_are_checked(option, value):
    with pytest.raises(DecoderError, match=option):
        Decoder(detector(2), **{option: value})


def test_wrong_shapes_show_both():
    decoder = Decoder(detector(3))
    boxes, scores = np.zeros((4, ANCHORS), np.float32), np.zeros((3, ANCHORS), np.float32)
    for outputs in (
        [boxes],
        [boxes, scores.T],
        [boxes, scores[:2]],
        [boxes[None, None], scores],
        [np.stack([boxes, boxes]), scores],
        [boxes, scores, scores],
    ):
        with pytest.raises(DecoderError, match=r"\(4, n\) and \(classes, n\)") as caught:
            decoder(outputs)
        assert all(str(part.shape) in str(caught.value) for part in outputs)


def test_a_network_of_other_shapes_shows_both():
    other = imx.Network.find("deeplabv3plus")
    with pytest.raises(DecoderError, match=r"\(4, n\) and \(classes, n\).*\(320, 320\)"):
        Decoder(other, head="yolov8")


def test_which_networks_fit():
    assert YOLOv8Head.fits(detector(80))
    assert not any(YOLOv8Head.fits(imx.Network.find(name)) for name in imx.Network.zoo_names())
    whole = spec((84, ANCHORS))
    assert YOLOv8Head.fits(network([whole]))
    assert not YOLOv8Head.fits(network([whole], task="classification"))
    assert not YOLOv8Head.fits(network([spec((4, ANCHORS)), spec((3, 5))]))
    assert not YOLOv8Head.fits(network([spec((4, ANCHORS + 1)), spec((3, ANCHORS + 1))]))


@pytest.mark.parametrize(
    ("name", "scale", "head"),
    [
        ("custom", 1 / 8, "nanodet"),
        ("custom", 8, "yolov8"),
        ("nanodet_m", 8, "nanodet"),
        ("yolo11n", 1 / 8, "yolov8"),
    ],
)
def test_rows_of_a_nanodet_are_told_by_name_or_range(name, scale, head):
    assert Decoder(network([spec((ANCHORS, 84), "i1", scale)], name=name)).head == head


def test_without_tensors_the_result_is_empty_and_not_fresh():
    found = Decoder(detector(2, labels=("a", "b")))(None)
    assert (len(found), found.fresh, found.labels) == (0, False, ("a", "b"))


def test_decoders_in_threads_give_what_one_gives():
    rng = np.random.default_rng(8)
    frames = [[part.T for part in scene(rng)] for _ in range(20)]
    network = detector(5)
    expected = [Decoder(network)(frame).xyxy for frame in frames]
    failures = []

    def work():
        decoder = Decoder(network)
        failures.extend(
            i
            for _ in range(10)
            for i, frame in enumerate(frames)
            if not np.array_equal(decoder(frame).xyxy, expected[i])
        )

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_one_decoder_in_two_threads_is_an_error_or_right():
    decoder = Decoder(detector(5))
    frame = [part.T for part in scene(np.random.default_rng(9))]
    expected = decoder(frame)
    wrong = []

    def work():
        for _ in range(300):
            try:
                if not np.array_equal(decoder(frame).xyxy, expected.xyxy):
                    wrong.append("another result")
            except DecoderError as error:
                if "one decoder per thread" not in str(error):
                    wrong.append(str(error))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    np.testing.assert_array_equal(decoder(frame).xyxy, expected.xyxy)


@pytest.mark.parametrize(
    "wrong",
    [
        {"anchors": 0},
        {"anchors": 127},
        {"boxes": (0, 1, True)},
        {"boxes": (0, 0, False)},
        {"scores": ((1, 0, True), 0)},
        {"scores": ((1, 0, True), 4)},
        {"box_form": 3},
        {"levels": ()},
        {"levels": ((1, 3, 8.0),)},
        {"levels": ((0, 0, 8.0),)},
        {"keypoints": ((1, 0, True), 1, 4, False, False)},
        {"coefficients": ((1, 0, True), 3), "prototypes": (1, True)},
        {"coefficients": ((1, 0, True), 3), "prototypes": (10**6, True)},
    ],
)
def test_the_reader_refuses_places_that_are_not_there(wrong):
    options = {
        "shapes": ((4, 126), (3, 126)),
        "anchors": 126,
        "threshold": 0.5,
        "max_detections": -1,
        "boxes": (0, 0, True),
        "units": (1.0, 1.0),
        "scores": ((1, 0, True), 3),
        "score_logits": False,
        "box_form": 0,
        "iou_threshold": 0.5,
    }
    YOLOReader(**options)
    with pytest.raises((ValueError, IndexError)):
        YOLOReader(**options | wrong)


def test_an_infinite_score_is_certain_where_it_is_a_logit_and_none_where_it_is_not():
    boxes = np.ones((ANCHORS, 4), np.float32)
    scores = np.full((ANCHORS, 2), -30, np.float32)
    scores[3] = np.inf, 1
    scores[9] = 0.75, -np.inf
    scores[12] = np.nan, 0.625
    tensors = [boxes.T, scores.T]
    logits = Decoder(detector(2), scores="logits", iou_threshold=1.0)(tensors)
    assert logits.confidence.tolist()[0] == 1
    assert logits.class_id.tolist() == [0, 0, 1]
    shares = Decoder(detector(2), scores="probabilities", iou_threshold=1.0)(tensors)
    assert shares.confidence.tolist() == [0.75, 0.625]
    assert shares.class_id.tolist() == [0, 1]
