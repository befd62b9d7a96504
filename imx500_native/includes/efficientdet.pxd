from libc.stdint cimport uint32_t

from imx500_native.includes.nms cimport imx500_box_list


cdef extern from "efficientdet.h" nogil:
    struct imx500_efficientdet:
        const float *logits
        const float *codes
        size_t anchors
        size_t classes
        uint32_t width
        uint32_t height
        uint32_t first_level
        uint32_t last_level
        float anchor_scale

    void imx500_efficientdet_candidates(const imx500_efficientdet *network, float threshold,
                                        imx500_box_list *list)
