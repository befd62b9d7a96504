"""The assignment of the C core, which no extension of the package shows."""

cimport numpy as cnp
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from libc.stdint cimport int32_t

import numpy as np

cnp.import_array()


cdef extern from "assignment.h":
    size_t imx500_assignment_scratch_bytes(size_t rows, size_t columns)
    void imx500_assign(const double *costs, size_t rows, size_t columns, int32_t *column_of_row,
                       void *scratch)


def assign(costs):
    """Return each row's column, -1 for none, as an int32 array."""
    cdef cnp.ndarray table = np.ascontiguousarray(costs, dtype=np.float64)
    cdef size_t rows = table.shape[0], columns = table.shape[1]
    cdef cnp.ndarray chosen = np.empty(rows, np.int32)
    cdef void *scratch = PyMem_Malloc(imx500_assignment_scratch_bytes(rows, columns))
    if scratch == NULL:
        raise MemoryError
    try:
        imx500_assign(<const double *>cnp.PyArray_DATA(table), rows, columns,
                      <int32_t *>cnp.PyArray_DATA(chosen), scratch)
    finally:
        PyMem_Free(scratch)
    return chosen
