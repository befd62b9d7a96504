cimport cython

from imx500_native.includes.libcamera cimport CControlList, CRequest


@cython.final
cdef class Controls:
    cdef CControlList list
    cdef readonly unsigned int sequence
    cdef readonly str access


cdef CRequest *request_pointer(object request) except NULL
cdef void *bound_pointer(object bound, object type_capsule, const char *type_name) except NULL
