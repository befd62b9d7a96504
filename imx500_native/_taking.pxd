from imx500_native._frame cimport FrameState


cdef class FrameSource:
    cdef public Py_ssize_t tensorless

    cpdef FrameState take(self, double timeout_s)


cdef class FrameTaker:
    cdef public FrameSource _session
    cdef public object timeout_s

    cdef FrameState next_frame(self, FrameSource session, object timeout_s)
