/* A camera's pixel formats as interleaved RGB. */
#ifndef IMX500_PIXEL_FORMATS_H
#define IMX500_PIXEL_FORMATS_H

#include <stddef.h>
#include <stdint.h>

enum imx500_ycbcr_encoding {
    IMX500_REC601,
    IMX500_REC709,
    IMX500_REC2020,
};

/* From Y'CbCr to RGB, each as 1/65536: R = luma (Y - offset) + red_cr (Cr - 128) and so on. */
struct imx500_ycbcr {
    int32_t luma_offset;
    int32_t luma;
    int32_t red_cr;
    int32_t green_cb;
    int32_t green_cr;
    int32_t blue_cb;
};

/* Where a picture's values lie: for pixel (x, y) at luma[y * luma_stride + x * luma_step], and
 * chroma at (x / 2, y >> chroma_row_shift) in the same way. */
struct imx500_ycbcr_picture {
    const uint8_t *luma;
    const uint8_t *cb;
    const uint8_t *cr;
    ptrdiff_t luma_stride;
    ptrdiff_t chroma_stride;
    ptrdiff_t luma_step;
    ptrdiff_t chroma_step;
    int chroma_row_shift;
};

void imx500_ycbcr_init(struct imx500_ycbcr *matrix, enum imx500_ycbcr_encoding encoding,
                       int full_range);

/* Writes width * height RGB triples. */
void imx500_ycbcr_to_rgb(const struct imx500_ycbcr *matrix,
                         const struct imx500_ycbcr_picture *picture, size_t width, size_t height,
                         uint8_t *rgb);

/* The first three of `channels` bytes of each pixel, in reverse order with `bgr`. */
void imx500_packed_to_rgb(const uint8_t *pixels, ptrdiff_t stride, ptrdiff_t step, int bgr,
                          size_t width, size_t height, uint8_t *rgb);

#endif
