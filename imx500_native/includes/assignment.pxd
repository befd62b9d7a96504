from libc.stdint cimport int32_t


cdef extern from "assignment.h" nogil:
    size_t imx500_assignment_scratch_bytes(size_t rows, size_t columns)
    void imx500_assign(const double *costs, size_t rows, size_t columns, int32_t *column_of_row,
                       void *scratch)
