cimport cython

from imx500_native.includes.libcamera cimport CControl, CControlList, CRequest, CTaking


@cython.final
cdef class Controls:
    cdef CControlList list
    cdef readonly unsigned int sequence
    cdef readonly str access
    cdef CControl tensor
    cdef bint sought
    cdef bint has_tensor

    cdef bint find_tensor(self) except -1


cdef CRequest *request_pointer(object request) except NULL
cdef unsigned int stand_in_for(str name) except 0
cdef object refusal(CTaking state)
cdef void *bound_pointer(object bound, object type_capsule, const char *type_name) except NULL
