"""Histograms of durations in constant memory, cheap enough for every stage of every frame."""

from libc.stdint cimport int64_t, uint64_t

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


cdef class Histogram:
    """Counts durations in logarithmic bins of 3 % width.

    Attributes
    ----------
    count : int
        How many durations were added.
    max_ns : int
        The longest of them.
    """

    cdef uint64_t[1888] bins
    cdef readonly uint64_t count
    cdef readonly int64_t max_ns

    def add(self, int64_t duration_ns):
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
