"""The temporal filter against rpicam-apps' rule, on random walks."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles.temporal_filter_oracle import ObjectOracle, PoseOracle

from imx500_native import Detections, Poses
from imx500_native.filtering import TemporalFilter

SIZE = (1000, 500)
any_float = st.floats(width=32, allow_nan=True, allow_infinity=True)


def rows(seen):
    boxes = [box for box, _, _ in seen]
    return Detections(
        np.reshape(np.array(boxes, np.float32), (len(seen), 4)),
        [confidence for _, confidence, _ in seen],
        [kind for _, _, kind in seen],
        space="stream",
    )


share = st.sampled_from([0.0, 0.0625, 0.1, 0.25, 2.0])
frames_of = {"visible_frames": st.integers(0, 4), "hidden_frames": st.integers(0, 3)}


def seen_objects(coordinate, most):
    """Objects whose x, y, width and height come from a few values, so that they meet often."""
    box = st.tuples(*[coordinate] * 4).map(lambda v: (v[0], v[1], v[0] + v[2], v[1] + v[3]))
    one = st.tuples(box, st.sampled_from([0.25, 0.5]), st.integers(0, 1))
    return st.lists(st.lists(one, max_size=most), max_size=8)


def numbered(seen, first):
    found = rows(seen)
    found.data = {"number": np.arange(first, first + len(seen))}
    return found


def same(shown, expected, boxes):
    assert shown.tracker_id.tolist() == [one.id for one in expected]
    assert shown.class_id.tolist() == [one.kind for one in expected]
    assert shown.confidence.tolist() == [one.confidence for one in expected]
    np.testing.assert_array_equal(shown.xyxy, np.reshape(boxes, (len(expected), 4)))


@given(
    walk=seen_objects(st.one_of(st.integers(0, 40).map(lambda v: v * 5.0), any_float), 5),
    tolerance=share,
    factor=st.sampled_from([0.0, 0.2, 0.3, 1.0]),
    **frames_of,
)
def test_objects_follow_the_definition(walk, **rule):
    oracle, follow = ObjectOracle(SIZE, **rule), TemporalFilter(**rule)
    with np.errstate(all="ignore"):
        for seen in walk:
            expected = oracle(seen)
            same(follow(rows(seen), SIZE), expected, [oracle.box(one) for one in expected])


@given(
    walk=seen_objects(st.integers(0, 40).map(lambda v: v * 5.0), 5),
    tolerance=share,
    **frames_of,
)
def test_extra_columns_come_from_the_last_hit(walk, **rule):
    oracle, follow = ObjectOracle(SIZE, **rule), TemporalFilter(**rule)
    first = 0
    for seen in walk:
        # The oracle carries a number in the place of the confidence, which is not smoothed either.
        expected = oracle([(box, first + i, kind) for i, (box, _, kind) in enumerate(seen)])
        shown = follow(numbered(seen, first), SIZE)
        assert shown.tracker_id.tolist() == [one.id for one in expected]
        assert shown.data["number"].tolist() == [one.confidence for one in expected]
        first += len(seen)


@given(
    walk=seen_objects(st.integers(0, 40).map(lambda v: v * 5.0), 5),
    tolerance=share,
    factor=st.sampled_from([0, 1]),
    visible_frames=st.integers(1, 4),
    hidden_frames=st.integers(0, 3),
)
def test_objects_are_rpicam_s_where_nothing_is_cut_off(walk, **rule):
    """At whole pixels and with a factor of 0 or 1 no fraction ever comes up."""
    oracle, follow = ObjectOracle(SIZE, rpicam=True, **rule), TemporalFilter(**rule)
    for seen in walk:
        expected = oracle(seen)
        same(follow(rows(seen), SIZE), expected, [oracle.box(one) for one in expected])


@given(
    walk=seen_objects(st.integers(0, 12).map(lambda v: v * 2.0**16), 2),
    tolerance=share,
    visible_frames=st.integers(1, 4),
    hidden_frames=st.integers(0, 3),
)
def test_smoothed_objects_are_rpicam_s_where_nothing_is_cut_off(walk, **rule):
    """Halved at most 16 times, these places stay whole."""
    size = (2**20, 2**19)
    oracle = ObjectOracle(size, rpicam=True, factor=0.5, **rule)
    follow = TemporalFilter(factor=0.5, **rule)
    for seen in walk:
        expected = oracle(seen)
        same(follow(rows(seen), size), expected, [oracle.box(one) for one in expected])


@given(
    seed=st.integers(0, 2**32 - 1),
    factor=st.sampled_from([0.2, 0.3, 0.7]),
    visible_frames=st.integers(1, 5),
    hidden_frames=st.integers(0, 3),
)
def test_trembling_objects_are_shown_when_rpicam_shows_them(seed, **rule):
    """Far apart and within half the tolerance, what is cut off decides nothing."""
    rng = np.random.default_rng(seed)
    size = (1280, 960)
    oracle = ObjectOracle(size, rpicam=True, tolerance=0.1, **rule)
    follow = TemporalFilter(tolerance=0.1, **rule)
    homes = [(100 + 300 * i, 100, 180 + 300 * i, 260) for i in range(4)]
    for _ in range(20):
        seen = [
            (tuple((np.array(home) + rng.integers(-15, 16, 4)).tolist()), 0.5, 0)
            for home in homes
            if rng.random() < 0.6
        ]
        expected, shown = oracle(seen), follow(rows(seen), size)
        assert shown.tracker_id.tolist() == [one.id for one in expected]
        cut = np.reshape([oracle.box(one) for one in expected], (len(expected), 4))
        assert np.all(np.abs(shown.xyxy - cut) <= 2 / rule["factor"])


@st.composite
def crowds(draw, *, holes):
    keypoints = draw(st.integers(1, 4))
    coordinate = st.integers(0, 20).map(lambda v: v * 12.5)
    if holes:
        coordinate = st.one_of(coordinate, coordinate, st.sampled_from([math.nan, math.inf]))
    point = st.tuples(coordinate, coordinate, st.sampled_from([0.0, 0.25, 0.5, 1.0]))
    one = st.tuples(st.lists(point, min_size=keypoints, max_size=keypoints), st.just(0.5))
    return keypoints, draw(st.lists(st.lists(one, max_size=4), max_size=8))


@pytest.mark.parametrize("rpicam", [True, False])
@given(data=st.data())
def test_poses_follow_the_definition(rpicam, data):
    """rpicam-apps' own rule is the same one where all keypoints are there and it does not wrap."""
    rule = {
        "tolerance": data.draw(share),
        "factor": data.draw(st.sampled_from([0.0, 0.2, 0.3, 1.0])),
        "visible_frames": data.draw(st.integers(int(rpicam), 4)),
        "hidden_frames": data.draw(st.integers(0, 3)),
    }
    keypoints, crowd = data.draw(crowds(holes=not rpicam))
    oracle, follow = PoseOracle(SIZE, rpicam=rpicam, **rule), TemporalFilter(**rule)
    for seen in crowd:
        expected = oracle(seen)
        points = np.array([p for p, _ in seen], np.float32).reshape(len(seen), keypoints, 3)
        shown = follow(
            Poses(points[..., :2], points[..., 2], [c for _, c in seen], space="stream"), SIZE
        )
        assert shown.tracker_id.tolist() == [one.id for one in expected]
        lost = (math.nan, math.nan, 0.0)
        wanted = np.array([[p or lost for p in one.place] for one in expected], np.float32)
        wanted = wanted.reshape(len(expected), keypoints, 3)
        np.testing.assert_array_equal(shown.xy, wanted[..., :2])
        np.testing.assert_array_equal(shown.keypoint_confidence, wanted[..., 2])
