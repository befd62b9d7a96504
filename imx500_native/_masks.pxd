cimport numpy as cnp


cdef cnp.ndarray sparse_zeros(tuple shape, int kind, size_t item)
