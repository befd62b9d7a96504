from libc.stdint cimport int64_t, uint64_t

from imx500_native._latency cimport LatencyBudget


cdef class PictureLease:
    cpdef object shown(self)


cdef class FrameState:
    cdef readonly object _controls
    cdef readonly object _stream_size
    cdef readonly object _layout
    cdef readonly object network
    cdef object fixed_roi
    cdef object roi_history
    cdef bint uncertain
    # None, an array, or the lease of a buffer until somebody asks for the array.
    cdef object picture
    cdef readonly object image_format
    cdef readonly object sequence
    cdef object tensors
    cdef bint tensors_read
    # Whom to tell how long its stages took, and which of its frames this one is.
    cdef LatencyBudget budget
    cdef uint64_t budget_number

    cdef int settle_roi(self) except -1
    cdef int watch(self, LatencyBudget budget) except -1
    cdef int64_t stage_begins(self) noexcept
    cdef int stage_ends(self, str stage, int64_t began_ns) except -1
    cdef object found(self, str task, object threshold, object max_detections)


cdef class FrameContext:
    cdef type kind
    cdef object network
    cdef object stream_size
    cdef public object roi
    cdef object image_format
    cdef object roi_history
    cdef object layout

    cdef FrameState frame(self, object controls, object picture, object sequence)
