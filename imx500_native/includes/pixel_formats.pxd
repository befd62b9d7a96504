from libc.stddef cimport ptrdiff_t
from libc.stdint cimport uint8_t


cdef extern from "pixel_formats.h" nogil:
    enum imx500_ycbcr_encoding:
        IMX500_REC601
        IMX500_REC709
        IMX500_REC2020

    struct imx500_ycbcr:
        pass

    struct imx500_rgb_weights:
        pass

    struct imx500_ycbcr_picture:
        uint8_t *luma
        uint8_t *cb
        uint8_t *cr
        ptrdiff_t luma_stride
        ptrdiff_t chroma_stride
        ptrdiff_t luma_step
        ptrdiff_t chroma_step
        int chroma_row_shift

    void imx500_ycbcr_init(imx500_ycbcr *matrix, imx500_ycbcr_encoding encoding, int full_range)
    void imx500_ycbcr_to_rgb(const imx500_ycbcr *matrix, const imx500_ycbcr_picture *picture,
                             size_t width, size_t height, uint8_t *rgb)
    void imx500_packed_to_rgb(const uint8_t *pixels, ptrdiff_t stride, ptrdiff_t step, int bgr,
                              size_t width, size_t height, uint8_t *rgb)
    void imx500_rgb_weights_init(imx500_rgb_weights *weights, imx500_ycbcr_encoding encoding,
                                 int full_range)
    void imx500_rgb_to_ycbcr(const imx500_rgb_weights *weights, const uint8_t *rgb,
                             ptrdiff_t stride, size_t width, size_t height,
                             const imx500_ycbcr_picture *picture)
    void imx500_rgb_to_packed(const uint8_t *rgb, ptrdiff_t rgb_stride, int bgr, size_t width,
                              size_t height, uint8_t *pixels, ptrdiff_t stride, ptrdiff_t step,
                              size_t channels)
