"""Suppression against pairs in Python, and against picamera2's own."""

from __future__ import annotations

import threading

import numpy as np
import peers
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from oracles import nms_oracle

from imx500_native import DecoderError
from imx500_native.suppression import nms

any_float = st.floats(width=32, allow_nan=True, allow_infinity=True)
# Quarters overlap by exact shares, and often.
quarters = st.integers(-8, 40).map(lambda step: step / 4)


@st.composite
def candidates(draw, coordinate=quarters, most=60):
    count = draw(st.integers(0, most))
    boxes = draw(hnp.arrays(np.float32, (count, 4), elements=coordinate))
    scores = draw(hnp.arrays(np.float32, count, elements=st.integers(0, 6).map(lambda s: s / 8)))
    classes = draw(st.none() | hnp.arrays(np.int32, count, elements=st.integers(-2, 3)))
    return boxes, scores, classes


options = st.fixed_dictionaries(
    {
        "limit": st.none() | st.integers(0, 10),
        "plus_one": st.booleans(),
    }
)
thresholds = st.sampled_from([0.0, 0.25, 0.5, 0.65, 1.0]) | st.floats(0, 1, width=32)


def both(boxes, scores, classes, threshold, limit, plus_one):
    ours = nms(boxes, scores, threshold, class_id=classes, max_detections=limit, plus_one=plus_one)
    oracle = nms_oracle.nms(
        boxes, scores, threshold, classes=classes, limit=limit, plus_one=plus_one
    )
    assert ours.dtype == np.intp
    return ours.tolist(), oracle


@given(candidates=candidates(), threshold=thresholds, options=options)
def test_nms_equals_the_oracle(candidates, threshold, options):
    ours, oracle = both(*candidates, threshold, **options)
    assert ours == oracle


@given(
    candidates=candidates(coordinate=quarters | any_float), threshold=thresholds, options=options
)
def test_absurd_boxes_too(candidates, threshold, options):
    ours, oracle = both(*candidates, threshold, **options)
    assert ours == oracle


@given(
    scores=hnp.arrays(np.float32, st.integers(0, 200), elements=any_float),
    ids=st.integers(1, 3).flatmap(lambda digits: st.just(256**digits)),
)
def test_any_scores_and_distant_class_ids(scores, ids):
    classes = (np.arange(len(scores)) % 5 - 2) * ids
    boxes = np.tile(np.float32([0, 0, 2, 2]), (len(scores), 1))
    ours, oracle = both(boxes, scores, classes.astype(np.int32), 0.5, None, False)
    assert ours == oracle


def random_boxes(rng, count, spread=600.0):
    corners = rng.random((count, 2)) * spread
    boxes = np.concatenate([corners, corners + 20 + rng.random((count, 2)) * 100], axis=1)
    return boxes.astype(np.float32), rng.permutation(count).astype(np.float32) / count


@pytest.mark.parametrize("count", [24, 25, 300, 3000])
def test_many_boxes(count):
    rng = np.random.default_rng(count)
    boxes, scores = random_boxes(rng, count, spread=200 + count)
    classes = rng.integers(0, 80, count).astype(np.int32)
    ours, oracle = both(boxes, scores, classes, 0.5, 100, False)
    assert ours == oracle


@st.composite
def clusters(draw):
    """Draw boxes around objects of any number, which decides between rounds and sorting.

    Few objects with many boxes come first, then perhaps many with one box each, so that the one way
    hands over to the other in between.
    """
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    objects, alone = draw(st.integers(1, 40)), draw(st.integers(0, 120))
    per_object = draw(st.integers(1, 200 // objects))
    which = np.concatenate([np.repeat(np.arange(objects), per_object), objects + np.arange(alone)])
    corners = np.stack([which % 16, which // 16], axis=1) * 40 + rng.normal(0, 2, (len(which), 2))
    boxes = np.concatenate([corners, corners + 30], axis=1).astype(np.float32)
    # Those of many boxes score higher; only so many values, so that some are equal.
    steps = draw(st.sampled_from([1, 5, 100, 10**6]))
    scores = (rng.integers(0, steps, len(which)) + steps * (which < objects)) / (2 * steps)
    scores = scores.astype(np.float32)
    unusable = rng.random(len(which)) < draw(st.sampled_from([0, 0.02, 0.7]))
    boxes[unusable & (rng.random(len(which)) < 0.5), rng.integers(4)] = np.inf
    scores[unusable & (rng.random(len(which)) < 0.5)] = np.nan
    scores[rng.random(len(which)) < draw(st.sampled_from([0, 0.1, 1]))] = -np.inf
    classes = rng.integers(0, draw(st.sampled_from([1, 2, 80])), len(which)).astype(np.int32)
    order = rng.permutation(len(which))
    return boxes[order], scores[order], draw(st.sampled_from([None, classes[order]]))


@given(
    candidates=clusters(),
    threshold=st.sampled_from([0.0, 0.3, 0.55, 0.8, 1.0]),
    limit=st.none() | st.integers(0, 60),
    plus_one=st.booleans(),
)
def test_few_and_many_objects(candidates, threshold, limit, plus_one):
    ours, oracle = both(*candidates, threshold, limit, plus_one)
    assert ours == oracle


@pytest.mark.parametrize("objects", [1, 2, 10, 31, 33, 300])
@pytest.mark.parametrize("classes", [None, 1, 7])
def test_rows_of_one_object_may_be_anywhere(objects, classes):
    count = 1201
    rng = np.random.default_rng(objects)
    which = rng.integers(0, objects, count)
    corners = np.stack([which % 20, which // 20], axis=1) * 50.0
    boxes = np.concatenate([corners, corners + 40], axis=1).astype(np.float32)
    scores = rng.permutation(count).astype(np.float32)
    class_id = None if classes is None else rng.integers(0, classes, count).astype(np.int32)
    keys = which if class_id is None else which * classes + class_id
    best = [max(np.flatnonzero(keys == key), key=lambda row: scores[row]) for key in set(keys)]
    expected = sorted(best, key=lambda row: -scores[row])
    assert nms(boxes, scores, class_id=class_id).tolist() == expected


def test_a_box_is_suppressed_only_above_the_threshold():
    boxes = [[0, 0, 4, 1], [2, 0, 6, 1]]  # share a third
    assert nms(boxes, [0.9, 0.8], np.float32(1 / 3)).tolist() == [0, 1]
    assert nms(boxes, [0.9, 0.8], 0.33).tolist() == [0]


def test_what_is_suppressed_does_not_suppress():
    boxes = [[0, 0, 10, 1], [4, 0, 14, 1], [8, 0, 18, 1]]
    assert nms(boxes, [0.9, 0.8, 0.7], 0.4).tolist() == [0, 2]


def test_classes_do_not_see_each_other():
    boxes = [[0, 0, 1, 1]] * 4
    assert nms(boxes, [0.5, 0.9, 0.7, 0.6], class_id=[1, 1, 2, 2]).tolist() == [1, 2]
    assert nms(boxes, [0.5, 0.9, 0.7, 0.6]).tolist() == [1]


def test_the_limit_counts_what_stays():
    boxes = [[i, 0, i + 1, 1] for i in range(9)]
    assert nms(boxes, np.arange(9), max_detections=3).tolist() == [8, 7, 6]
    assert nms(boxes, np.arange(9), max_detections=0).tolist() == []


def test_equal_scores_keep_the_order_of_their_rows():
    boxes = [[i, 0, i + 1, 1] for i in range(100)]
    assert nms(boxes, np.tile([0.0, -0.0], 50)).tolist() == list(range(100))


def test_boxes_that_are_not_finite_and_scores_that_are_nan_are_left_out():
    boxes = np.tile(np.float32([0, 0, 1, 1]), (6, 1))
    boxes[0, 0], boxes[1, 3], boxes[2, 1] = np.nan, np.inf, -np.inf
    assert nms(boxes, [9, 8, 7, np.nan, 1, 2]).tolist() == [5]


def test_boxes_without_an_area_neither_suppress_nor_are_suppressed():
    boxes = [[1, 1, 1, 1], [1, 1, 1, 1], [0, 0, 2, 2], [3, 0, 1, 2], [0, 2, 2, 0]]
    assert nms(boxes, [5, 4, 3, 2, 1], 0.0).tolist() == [0, 1, 2, 3, 4]


def test_areas_beyond_float32_do_the_same():
    boxes = [[-3e38, -3e38, 3e38, 3e38]] * 2
    assert nms(boxes, [2, 1]).tolist() == [0, 1]


@pytest.mark.parametrize("empty", [np.empty((0, 4)), np.empty(0), []])
def test_no_boxes(empty):
    assert nms(empty, []).tolist() == []
    assert nms(empty, [], class_id=[]).tolist() == []


@pytest.mark.parametrize(
    ("boxes", "scores", "classes"),
    [
        (np.zeros((3, 5)), np.zeros(3), None),
        (np.zeros((4, 4)), np.zeros(3), None),
        (np.zeros((3, 4)), np.zeros((3, 1)), None),
        (np.zeros(12), np.zeros(3), None),
        (np.zeros((3, 4)), np.zeros(3), np.zeros(2, int)),
        (np.zeros((3, 4)), np.zeros(0), None),
    ],
)
def test_wrong_shapes_show_all(boxes, scores, classes):
    with pytest.raises(DecoderError, match=r"\(n, 4\)") as caught:
        nms(boxes, scores, class_id=classes)
    assert str(boxes.shape) in str(caught.value)
    assert str(scores.shape) in str(caught.value)


@pytest.mark.parametrize(
    "wrong", ["a", None, [[1], [2, 3]], [[object()]], np.zeros((1, 4), complex)]
)
@pytest.mark.parametrize("column", ["xyxy", "confidence", "class_id"])
def test_what_are_no_numbers_is_refused(column, wrong):
    columns = {"xyxy": [[0, 0, 1, 1]], "confidence": [1], "class_id": [0]} | {column: wrong}
    if column == "class_id" and wrong is None:
        pytest.skip("without classes all boxes are of one")
    with pytest.raises(DecoderError, match=r"\(n, 4\)"):
        nms(**columns)


@pytest.mark.parametrize("threshold", [-0.1, 1.1, float("nan"), 10**400, "a", None, [1, 2]])
def test_a_threshold_is_a_share(threshold):
    with pytest.raises(DecoderError, match="iou_threshold"):
        nms([[0, 0, 1, 1]], [1], threshold)


def test_a_limit_may_be_beyond_any_size():
    assert nms([[0, 0, 1, 1]], [1], max_detections=10**30).tolist() == [0]
    assert nms([[0, 0, 1, 1]], [1], max_detections=np.int8(1)).tolist() == [0]


@pytest.mark.parametrize("limit", [-1, -(10**30), 0.5, "a", [1]])
def test_a_limit_is_a_count(limit):
    with pytest.raises(DecoderError, match="max_detections"):
        nms([[0, 0, 1, 1]], [1], max_detections=limit)


def test_any_strides_and_types_give_the_same():
    boxes, scores = random_boxes(np.random.default_rng(2), 200)
    wide = np.zeros((400, 8), np.float32)
    wide[::2, ::2] = boxes
    expected = nms(boxes, scores).tolist()
    for other in (np.asfortranarray(boxes), wide[::2, ::2], boxes.astype("f8"), boxes.tolist()):
        assert nms(other, scores.tolist()).tolist() == expected


def test_eight_threads():
    boxes, scores = random_boxes(np.random.default_rng(4), 3000)
    expected = nms(boxes, scores).tolist()
    answers = []

    def work():
        answers.extend(nms(boxes, scores).tolist() == expected for _ in range(5))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [True] * 40


# picamera2's own, and what differs from it on purpose.


@pytest.fixture(scope="module")
def picamera2_nms():
    try:
        return peers.picamera2_module("postprocess").nms
    except peers.PeerMissingError as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("seed", range(8))
def test_picamera2_finds_the_same_rows_with_plus_one(picamera2_nms, seed):
    rng = np.random.default_rng(seed)
    boxes, scores = random_boxes(rng, 300)
    limit = int(rng.integers(1, 300))
    theirs = picamera2_nms(boxes, scores, iou_thres=0.55, max_out_dets=limit)
    ours = nms(boxes, scores, 0.55, max_detections=limit, plus_one=True)
    assert ours.tolist() == [int(row) for row in theirs]


def test_picamera2_treats_fractions_as_pixels(picamera2_nms):
    """A pixel more on each side is everything where the whole picture is 1 wide."""
    boxes = np.float32([[0, 0, 0.1, 0.1], [0.1, 0.1, 0.2, 0.2]])
    scores = np.float32([0.9, 0.8])
    assert picamera2_nms(boxes, scores) == [0]
    assert nms(boxes, scores, 0.55).tolist() == [0, 1]
    assert nms(boxes, scores, 0.55, plus_one=True).tolist() == [0]


def test_picamera2_takes_the_last_of_equal_scores_first(picamera2_nms):
    boxes = np.float32([[0, 0, 10, 10], [20, 0, 30, 10]])
    scores = np.float32([0.5, 0.5])
    assert picamera2_nms(boxes, scores) == [1, 0]
    assert nms(boxes, scores).tolist() == [0, 1]


def test_picamera2_lets_a_nan_score_suppress(picamera2_nms):
    boxes = np.float32([[0, 0, 10, 10], [0, 0, 10, 10]])
    scores = np.float32([np.nan, 0.5])
    assert picamera2_nms(boxes, scores) == [0]
    assert nms(boxes, scores).tolist() == [1]


def test_both_keep_boxes_that_overlap_by_exactly_the_threshold(picamera2_nms):
    boxes = np.float32([[0, 0, 3, 0], [0, 0, 1, 0]])  # with +1: 4 and 2 pixels, 2 of them shared
    scores = np.float32([0.9, 0.8])
    assert picamera2_nms(boxes, scores, iou_thres=0.5) == [0, 1]
    assert nms(boxes, scores, 0.5, plus_one=True).tolist() == [0, 1]
