from libc.stddef cimport size_t


cdef extern from "anchor_scan.h" nogil:
    struct imx500_anchor_table:
        const float *values
        size_t anchor_step
        size_t channel_step
