"""Where the time of a frame goes, measured against what a frame may cost."""

from __future__ import annotations

import time
from typing import NamedTuple

from imx500_native._latency import Histogram


class StageLatency(NamedTuple):
    """The durations of one stage, in milliseconds."""

    stage: str
    count: int
    p50_ms: float
    p95_ms: float
    p99_ms: float
    max_ms: float


class LatencyBudget:
    """Measures the stages of each frame against the time that a frame may take.

    Memory is constant however long it runs. Percentiles are at most 1/32 too high.

    Parameters
    ----------
    frame_ms : float
        The budget of one frame, usually 1000 / frame rate.

    Attributes
    ----------
    frame_ms : float
        As the parameter.
    misses : dict of str to int
        Frames over budget, by the stage that took longest in them.

    Raises
    ------
    ValueError
        If `frame_ms` is not positive.

    Examples
    --------
    >>> budget = LatencyBudget(frame_ms=33.3)
    >>> for frame in range(3):
    ...     budget.start()
    ...     budget.mark("decode")
    ...     budget.finish()
    >>> [row.stage for row in budget.rows()]
    ['decode', 'frame']
    """

    __slots__ = ("_frame", "_last_ns", "_longest", "_start_ns", "_stages", "frame_ms", "misses")

    def __init__(self, frame_ms: float) -> None:
        if not frame_ms > 0:
            raise ValueError(f"frame_ms must be positive, not {frame_ms!r}")
        self.frame_ms = frame_ms
        self.misses: dict[str, int] = {}
        self._stages: dict[str, Histogram] = {}
        self._frame = Histogram()
        self._start_ns = self._last_ns = time.perf_counter_ns()
        self._longest = (0, "frame")

    def start(self) -> None:
        """Begin a frame."""
        self._start_ns = self._last_ns = time.perf_counter_ns()
        self._longest = (-1, "frame")

    def mark(self, stage: str) -> None:
        """End a stage, which began at `start` or at the mark before.

        Parameters
        ----------
        stage : str
            Its name.
        """
        now_ns = time.perf_counter_ns()
        duration_ns = now_ns - self._last_ns
        self._last_ns = now_ns
        try:
            self._stages[stage].add(duration_ns)
        except KeyError:
            self._stages[stage] = Histogram()
            self._stages[stage].add(duration_ns)
        if duration_ns > self._longest[0]:
            self._longest = (duration_ns, stage)

    def finish(self) -> None:
        """End the frame at its last mark, and count it as missed where it is over budget."""
        total_ns = self._last_ns - self._start_ns
        self._frame.add(total_ns)
        if total_ns > self.frame_ms * 1e6:
            stage = self._longest[1]
            self.misses[stage] = self.misses.get(stage, 0) + 1

    def rows(self) -> list[StageLatency]:
        """Return the stages in the order of their first mark, then the whole frame.

        Returns
        -------
        list of StageLatency
            The last row has the stage "frame".
        """
        return [
            StageLatency(
                stage,
                histogram.count,
                *(histogram.percentile(percent) / 1e6 for percent in (50, 95, 99)),
                histogram.max_ns / 1e6,
            )
            for stage, histogram in [*self._stages.items(), ("frame", self._frame)]
        ]
