from libc.stdint cimport uint8_t


cdef tuple tensor_views(
    object owner,
    const float *values,
    Py_ssize_t count,
    const uint8_t *info,
    size_t info_length,
    object shapes,
)
