cimport cython
from libc.stdint cimport int64_t, uint64_t


cdef int64_t boot_time_ns() noexcept


@cython.final
cdef class Histogram:
    cdef uint64_t[1888] bins
    cdef readonly uint64_t count
    cdef readonly int64_t max_ns

    cpdef void add(self, int64_t duration_ns) noexcept


@cython.final
cdef class LatencyBudget:
    cdef readonly double frame_ms
    cdef readonly dict misses
    cdef dict stages
    cdef Histogram sensor
    cdef Histogram wait
    cdef Histogram frame
    cdef Histogram age
    cdef uint64_t number
    cdef bint begun
    cdef int64_t sensor_ns
    cdef int64_t start_ns
    cdef int64_t last_ns
    cdef int64_t end_ns
    cdef int64_t longest_ns
    cdef str longest

    cdef int measured(self, str stage, uint64_t number, int64_t began_ns) except -1
    cdef int count(self, str stage, int64_t duration_ns) except -1
