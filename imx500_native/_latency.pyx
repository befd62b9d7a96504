"""Histograms of durations in constant memory, cheap enough for every stage of every frame."""

from typing import NamedTuple

cimport cython
from libc.stdint cimport int64_t, uint64_t
from posix.time cimport clock_gettime, timespec

from imx500_native._table import table

cdef extern from *:
    """
    /* A duration of b significant bits falls into one of 32 equal steps of its octave, so a
       percentile is at most 1/32 too high; durations below 32 ns are exact. */
    #define IMX500_STEP_BITS 5
    #define IMX500_STEPS (1 << IMX500_STEP_BITS)
    #define IMX500_BINS ((64 - IMX500_STEP_BITS) * IMX500_STEPS)
    static inline int imx500_bin_of(uint64_t duration)
    {
        if (duration < IMX500_STEPS)
            return (int)duration;
        const int octave = 63 - __builtin_clzll(duration) - IMX500_STEP_BITS;
        return (octave + 1) * IMX500_STEPS + (int)((duration >> octave) - IMX500_STEPS);
    }
    static inline uint64_t imx500_bin_end(int bin)
    {
        if (bin < IMX500_STEPS)
            return (uint64_t)bin;
        const int octave = bin / IMX500_STEPS - 1;
        const uint64_t step = (uint64_t)(bin % IMX500_STEPS + IMX500_STEPS);
        return ((step + 1) << octave) - 1;
    }
    """
    enum:
        IMX500_BINS
    int imx500_bin_of(uint64_t duration) noexcept nogil
    uint64_t imx500_bin_end(int bin) noexcept nogil


cdef extern from "time.h":
    enum:
        CLOCK_BOOTTIME


cdef int64_t boot_time_ns() noexcept:
    # The clock of libcamera's SensorTimestamp.
    cdef timespec now
    clock_gettime(CLOCK_BOOTTIME, &now)
    return <int64_t>now.tv_sec * 1_000_000_000 + now.tv_nsec


@cython.final
cdef class Histogram:
    """Counts durations in logarithmic bins of 3 % width.

    Attributes
    ----------
    count : int
        How many durations were added.
    max_ns : int
        The longest of them.
    """

    cpdef void add(self, int64_t duration_ns) noexcept:
        """Count one duration.

        Parameters
        ----------
        duration_ns : int
            Nanoseconds; a negative one, from clocks that disagree, counts as 0.
        """
        if duration_ns < 0:
            duration_ns = 0
        self.bins[imx500_bin_of(<uint64_t>duration_ns)] += 1
        self.count += 1
        if duration_ns > self.max_ns:
            self.max_ns = duration_ns

    def percentile(self, double percent):
        """Return the duration that `percent` of all durations do not exceed.

        Parameters
        ----------
        percent : float
            0 to 100.

        Returns
        -------
        int
            Nanoseconds, at most 1/32 too high; 0 where nothing was counted.

        Raises
        ------
        ValueError
            If `percent` is out of range.
        """
        if not 0 <= percent <= 100:
            raise ValueError(f"percent must be from 0 to 100, not {percent}")
        cdef double wanted = percent / 100 * <double>self.count
        cdef uint64_t seen = 0
        cdef int index
        for index in range(IMX500_BINS):
            seen += self.bins[index]
            if seen > 0 and <double>seen >= wanted:
                return min(<int64_t>imx500_bin_end(index), self.max_ns)
        return 0


class StageLatency(NamedTuple):
    """The durations of one stage, in milliseconds."""

    stage: str
    frames: int
    p50_ms: float
    p95_ms: float
    p99_ms: float
    max_ms: float


cdef object stage_row(str stage, Histogram histogram):
    return StageLatency(
        stage,
        histogram.count,
        histogram.percentile(50) / 1e6,
        histogram.percentile(95) / 1e6,
        histogram.percentile(99) / 1e6,
        histogram.max_ns / 1e6,
    )


@cython.final
cdef class LatencyBudget:
    """Measures the stages of each frame against the time that a frame may take.

    Memory is constant however long it runs; percentiles are at most 1/32 too high. ``str()`` of it
    is a table of `rows`.

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

    def __cinit__(self, double frame_ms):
        if not frame_ms > 0:
            raise ValueError(f"frame_ms must be positive, not {frame_ms!r}")
        self.frame_ms = frame_ms
        self.misses = {}
        self.stages = {}
        self.sensor = Histogram()
        self.wait = Histogram()
        self.frame = Histogram()
        self.age = Histogram()
        self.start()
        # A frame is counted from its first mark on: that nobody began is none.
        self.begun = False

    def start(self, sensor_timestamp_ns=None, at_ns=None, completed_ns=None):
        """Begin a frame.

        Parameters
        ----------
        sensor_timestamp_ns : int, optional
            When the sensor saw it, as libcamera's ``SensorTimestamp``. The time from then until
            libcamera completed the frame is shown as the stage "sensor" and in the age of the
            result; it is no part of the budget, since exposure and read-out are in it.
        at_ns : int, optional
            When the frame was taken, on the same clock (``CLOCK_BOOTTIME``); now where left out.
        completed_ns : int, optional
            When libcamera completed it; `at_ns` where left out. The time between the two is shown
            as the stage "wait", no part of the budget either: the frame waited for its consumer.
        """
        cdef int64_t arrived_ns
        self.number += 1
        self.begun = True
        self.start_ns = boot_time_ns() if at_ns is None else at_ns
        self.last_ns = self.end_ns = self.start_ns
        self.longest_ns = -1
        self.longest = "frame"
        self.sensor_ns = -1
        arrived_ns = self.start_ns if completed_ns is None else completed_ns
        if completed_ns is not None:
            self.wait.add(self.start_ns - arrived_ns)
        if sensor_timestamp_ns is not None:
            self.sensor_ns = sensor_timestamp_ns
            self.sensor.add(arrived_ns - self.sensor_ns)

    def mark(self, str stage, at_ns=None):
        """End a stage, which began at `start` or at the mark before.

        What a frame has measured itself meanwhile, as a `Frame` of a `Camera` does with "outputs"
        and "results", is not counted again.

        Parameters
        ----------
        stage : str
            Its name.
        at_ns : int, optional
            When it ended (``CLOCK_BOOTTIME``); now where left out.
        """
        cdef int64_t now_ns = boot_time_ns() if at_ns is None else at_ns
        self.begun = True
        self.count(stage, now_ns - self.last_ns)
        self.last_ns = self.end_ns = now_ns

    cdef int measured(self, str stage, uint64_t number, int64_t began_ns) except -1:
        # A frame that is looked at late must not count as another one's.
        if number != self.number:
            return 0
        cdef int64_t now_ns = boot_time_ns()
        self.count(stage, now_ns - began_ns)
        # The stage that is going on began so much later, as far as its own work goes.
        self.last_ns += now_ns - began_ns
        self.end_ns = now_ns
        return 0

    cdef int count(self, str stage, int64_t duration_ns) except -1:
        cdef Histogram histogram = self.stages.get(stage)
        if histogram is None:
            histogram = self.stages[stage] = Histogram()
        histogram.add(duration_ns)
        if duration_ns > self.longest_ns:
            self.longest_ns = duration_ns
            self.longest = stage
        return 0

    def finish(self):
        """End the frame at its last mark, and count it as missed where it is over budget.

        Nothing happens where none was begun since the last time.
        """
        if not self.begun:
            return
        self.begun = False
        cdef int64_t total_ns = self.end_ns - self.start_ns
        self.frame.add(total_ns)
        if self.sensor_ns >= 0:
            self.age.add(self.end_ns - self.sensor_ns)
        if <double>total_ns > self.frame_ms * 1e6:
            self.misses[self.longest] = self.misses.get(self.longest, 0) + 1

    def rows(self):
        """Return the durations per stage.

        Returns
        -------
        list of StageLatency
            "sensor" and "wait" where they are known; the stages in the order of their first mark;
            "frame", which the budget is for; "age" of the results where known.
        """
        rows = [stage_row(stage, histogram) for stage, histogram in self.stages.items()]
        rows.append(stage_row("frame", self.frame))
        if self.wait.count:
            rows.insert(0, stage_row("wait", self.wait))
        if self.sensor.count:
            rows.insert(0, stage_row("sensor", self.sensor))
            rows.append(stage_row("age", self.age))
        return rows

    def __str__(self):
        cells = [("stage", "frames", "p50", "p95", "p99", "max")]
        cells += [
            (stage, str(frames), *[f"{time_ms:.3f}" for time_ms in times_ms])
            for stage, frames, *times_ms in self.rows()
        ]
        lines = [f"milliseconds per frame, of a budget of {self.frame_ms:.1f}:"]
        lines += ["  " + line for line in table(cells, "<>>>>>")]
        return "\n".join(lines)
