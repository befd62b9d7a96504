"""Latency histograms against sorted lists."""

from __future__ import annotations

import math
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imx500_native import LatencyBudget
from imx500_native._latency import Histogram


@given(
    durations=st.lists(st.integers(0, 2**62), min_size=1, max_size=200),
    percent=st.floats(0, 100),
)
def test_percentiles_are_at_most_a_thirtysecond_too_high(durations, percent):
    histogram = Histogram()
    for duration in durations:
        histogram.add(duration)
    rank = max(1, math.ceil(percent / 100 * len(durations)))
    exact = sorted(durations)[rank - 1]
    found = histogram.percentile(percent)
    assert exact <= found <= max(exact, exact + exact // 32)
    assert histogram.count == len(durations)
    assert histogram.max_ns == max(durations)


def test_an_empty_histogram_and_a_negative_duration():
    histogram = Histogram()
    assert histogram.percentile(50) == 0
    histogram.add(-5)
    assert (histogram.count, histogram.percentile(100), histogram.max_ns) == (1, 0, 0)
    with pytest.raises(ValueError, match="0 to 100"):
        histogram.percentile(101)


def run_frame(budget, sensor_ms=None, **stages_ms):
    now_ns = 10**12
    budget.start(None if sensor_ms is None else now_ns - sensor_ms * 1_000_000, now_ns)
    for stage, duration in stages_ms.items():
        now_ns += duration * 1_000_000
        budget.mark(stage, now_ns)
    budget.finish()


def test_stages_frames_and_misses_are_counted():
    budget = LatencyBudget(frame_ms=20)
    for _ in range(9):
        run_frame(budget, decode=2, draw=8)
    run_frame(budget, decode=2, draw=30)
    run_frame(budget, decode=40, draw=1)
    rows = {row.stage: row for row in budget.rows()}
    assert list(rows) == ["decode", "draw", "frame"]
    assert rows["draw"].frames == 11
    assert rows["draw"].p50_ms == pytest.approx(8, rel=1 / 32)
    assert rows["draw"].max_ms == 30
    assert rows["frame"].p99_ms == 41
    assert budget.misses == {"draw": 1, "decode": 1}


def test_the_sensors_time_is_shown_and_no_part_of_the_budget():
    budget = LatencyBudget(frame_ms=20)
    run_frame(budget, sensor_ms=38, decode=2)
    rows = {row.stage: row.max_ms for row in budget.rows()}
    assert rows == {"sensor": 38, "decode": 2, "frame": 2, "age": 40}
    assert budget.misses == {}


def test_a_frame_without_marks_takes_no_time():
    budget = LatencyBudget(frame_ms=20)
    run_frame(budget)
    assert budget.rows()[-1].max_ms == 0
    assert budget.misses == {}


def test_what_waits_for_its_consumer_is_shown_and_no_part_of_the_budget():
    budget = LatencyBudget(frame_ms=20)
    budget.start(10**9, 10**9 + 90_000_000, 10**9 + 40_000_000)
    budget.mark("decode", 10**9 + 92_000_000)
    budget.finish()
    rows = {row.stage: row.max_ms for row in budget.rows()}
    assert rows == {"sensor": 40, "wait": 50, "decode": 2, "frame": 2, "age": 92}
    assert budget.misses == {}


def test_a_frame_that_nobody_began_is_not_counted():
    budget = LatencyBudget(frame_ms=20)
    budget.finish()
    assert budget.rows()[-1].frames == 0
    run_frame(budget, decode=2)
    budget.finish()
    assert [row.frames for row in budget.rows()] == [1, 1]
    budget.mark("draw")
    budget.finish()
    assert [row.frames for row in budget.rows()] == [1, 1, 2]


def test_the_table():
    budget = LatencyBudget(frame_ms=100 / 3)
    run_frame(budget, sensor_ms=10, decode=2)
    assert str(budget).splitlines() == [
        "milliseconds per frame, of a budget of 33.3:",
        "  stage   frames     p50     p95     p99     max",
        "  sensor       1  10.000  10.000  10.000  10.000",
        "  decode       1   2.000   2.000   2.000   2.000",
        "  frame        1   2.000   2.000   2.000   2.000",
        "  age          1  12.000  12.000  12.000  12.000",
    ]


def test_the_clock_is_that_of_sensor_timestamps():
    budget = LatencyBudget(frame_ms=1000)
    before = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    budget.start(before)
    budget.mark("read")
    budget.finish()
    elapsed_ms = (time.clock_gettime_ns(time.CLOCK_BOOTTIME) - before) / 1e6
    assert 0 <= budget.rows()[-1].max_ms <= elapsed_ms


def test_a_budget_must_be_positive():
    for value in (0, -1, float("nan")):
        with pytest.raises(ValueError, match="positive"):
            LatencyBudget(frame_ms=value)
