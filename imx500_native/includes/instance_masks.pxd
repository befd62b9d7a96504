from libc.stddef cimport size_t
from libc.stdint cimport uint8_t, uint32_t

from imx500_native.includes.anchor_scan cimport imx500_anchor_table


cdef extern from "instance_masks.h" nogil:
    struct imx500_prototypes:
        const float *values
        size_t channels
        size_t height
        size_t width
        size_t channel_step
        size_t y_step
        size_t x_step

    struct imx500_mask_axis:
        double scale
        double offset
        size_t pixels

    struct imx500_mask_picture:
        imx500_mask_axis x
        imx500_mask_axis y
        int swapped

    size_t imx500_mask_logits_scratch_bytes(size_t channels, size_t height, size_t width)
    void imx500_mask_logits(const imx500_prototypes *prototypes,
                            const imx500_anchor_table *coefficients, const uint32_t *anchors,
                            const float *xyxy, size_t count, float *logits, void *scratch)
    void imx500_network_masks(const float *logits, size_t count, size_t height, size_t width,
                              const float *xyxy, uint8_t *masks)
    size_t imx500_picture_masks_scratch_bytes(const imx500_mask_picture *picture, size_t height,
                                              size_t width)
    void imx500_picture_masks(const float *logits, size_t count, size_t height, size_t width,
                              const imx500_mask_picture *picture, const float *xyxy,
                              uint8_t *masks, void *scratch)
