"""The temporal filter and the extra columns of what it follows."""

from __future__ import annotations

import math

import numpy as np
import pytest

from imx500_native import Detections
from imx500_native.errors import PipelineError
from imx500_native.filtering import TemporalFilter

SIZE = (1000, 500)
BOX = (100.0, 100.0, 200.0, 300.0)
FAR = (600.0, 100.0, 700.0, 300.0)


def known(*boxes, fresh=True, **data):
    count = len(boxes)
    return Detections(
        np.reshape(boxes, (count, 4)),
        [0.75] * count,
        [0] * count,
        data=data,
        space="stream",
        fresh=fresh,
    )


def columns_of(shown):
    return {name: column.tolist() for name, column in shown.data.items()}


def test_extra_columns_are_those_of_the_last_hit():
    follow = TemporalFilter(visible_frames=3, factor=0.2)
    shown = follow(known(BOX, FAR, depth=[1.5, 2.5], speed=[[1, 2], [3, 4]]), SIZE)
    assert columns_of(shown) == {"depth": [1.5, 2.5], "speed": [[1, 2], [3, 4]]}
    # Not smoothed, in the order of what is shown, and kept for what is missed.
    shown = follow(known(FAR, BOX, depth=[20.0, 10.0], speed=[[30, 40], [10, 20]]), SIZE)
    assert shown.tracker_id.tolist() == [1, 2]
    assert columns_of(shown) == {"depth": [10.0, 20.0], "speed": [[10, 20], [30, 40]]}
    shown = follow(known(FAR, depth=[200.0], speed=[[300, 400]]), SIZE)
    assert columns_of(shown) == {"depth": [10.0, 200.0], "speed": [[10, 20], [300, 400]]}
    # With BOX gone the rows move up.
    for depth in (201.0, 202.0):
        shown = follow(known(FAR, depth=[depth], speed=[[300, 400]]), SIZE)
    assert shown.tracker_id.tolist() == [2]
    assert columns_of(shown) == {"depth": [202.0], "speed": [[300, 400]]}


def test_extra_columns_of_what_is_hidden_wait_with_it():
    follow = TemporalFilter(hidden_frames=1, visible_frames=1)
    follow(known(BOX, name=["one"]), SIZE)
    shown = follow(known(FAR, BOX, name=["another", "one"]), SIZE)
    assert columns_of(shown) == {"name": ["one"]}
    shown = follow(known(FAR, name=["a longer name"]), SIZE)
    assert (shown.tracker_id.tolist(), columns_of(shown)) == ([2], {"name": ["a longer name"]})


def test_extra_columns_are_of_the_second_of_two_that_match_the_same():
    follow = TemporalFilter()
    near = (BOX[0] + 10, BOX[1], BOX[2] + 10, BOX[3])
    bad = (math.nan, *BOX[1:])
    shown = follow(known(bad, BOX, near, number=[1, 2, 3]), SIZE)
    assert columns_of(shown) == {"number": [3]}


def test_extra_columns_last_through_frames_without_objects_and_without_tensors():
    follow = TemporalFilter(visible_frames=2)
    assert columns_of(follow(known(number=[]), SIZE)) == {"number": []}
    follow(known(BOX, number=[7]), SIZE)
    for fresh, expected in [(False, [7]), (True, [7]), (False, [7]), (True, []), (False, [])]:
        shown = follow(known(fresh=fresh), SIZE)
        assert (shown.fresh, columns_of(shown)) == (fresh, {"number": expected})
        assert shown.data["number"].dtype == np.int64
    # Nothing is followed: the columns may be others, or none.
    assert columns_of(follow(known(BOX), SIZE)) == {}
    follow.reset()
    assert columns_of(follow(known(BOX, depth=[1.5]), SIZE)) == {"depth": [1.5]}
    follow.reset()
    assert columns_of(follow(known(fresh=False), SIZE)) == {}


def test_what_is_shown_has_columns_of_its_own():
    follow = TemporalFilter()
    seen = known(BOX, number=[7])
    follow(seen, SIZE).data["number"][:] = 8
    seen.data["number"][:] = 9
    assert columns_of(follow(known(), SIZE)) == {"number": [7]}


@pytest.mark.parametrize(
    "other",
    [
        known(BOX),
        known(BOX, depth=[1.5]),
        known(BOX, number=[1], depth=[1.5]),
        known(BOX, number=[[1, 2]]),
        known(BOX, number=np.array([(1, 2)], "i4,i4")),
    ],
)
def test_other_extra_columns_need_a_reset(other):
    follow = TemporalFilter()
    follow(known(FAR, number=[7]), SIZE)
    with pytest.raises(PipelineError, match=r"reset\(\)"):
        follow(other, SIZE)
    # Nothing has changed.
    shown = follow(known(FAR, number=[8]), SIZE)
    assert (shown.xyxy.tolist(), columns_of(shown)) == ([list(FAR)], {"number": [8]})
    follow.reset()
    assert columns_of(follow(other, SIZE)) == columns_of(other)


def test_extra_columns_need_a_reset_where_there_were_none():
    follow = TemporalFilter()
    follow(known(FAR), SIZE)
    with pytest.raises(PipelineError, match=r"data has \[\], here it has \['number'\]"):
        follow(known(BOX, number=[7]), SIZE)
