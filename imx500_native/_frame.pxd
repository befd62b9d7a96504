cdef class FrameState:
    cdef readonly object _controls
    cdef readonly object _stream_size
    cdef readonly object _layout
    cdef readonly object network
    cdef object fixed_roi
    cdef object roi_history
    cdef bint uncertain
    cdef readonly object image
    cdef readonly object image_format
    cdef readonly object sequence
    cdef object tensors
    cdef bint tensors_read

    cdef int settle_roi(self) except -1


cdef class FrameContext:
    cdef type kind
    cdef object network
    cdef object stream_size
    cdef public object roi
    cdef object image_format
    cdef object roi_history
    cdef object layout

    cdef FrameState frame(self, object controls, object image, object sequence)
