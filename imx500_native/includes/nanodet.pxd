from libc.stdint cimport uint32_t

from imx500_native.includes.nms cimport imx500_box_list


cdef extern from "nanodet.h" nogil:
    struct imx500_nanodet:
        const float *tensor
        size_t anchors
        size_t classes
        size_t bins
        uint32_t width
        uint32_t height
        const uint32_t *strides
        size_t levels

    void imx500_nanodet_candidates(const imx500_nanodet *network, float threshold,
                                   imx500_box_list *list)
