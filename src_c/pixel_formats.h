/* A camera's pixel formats to and from interleaved RGB. */
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

/* (start + red R + green G + blue B) / divisor, which is given by its reciprocal. */
struct imx500_rgb_sum {
    int32_t red;
    int32_t green;
    int32_t blue;
    int32_t start;
    uint32_t reciprocal;
};

/* From RGB to Y'CbCr: Y' of one pixel, Cb and Cr of the sum of four. */
struct imx500_rgb_weights {
    struct imx500_rgb_sum luma;
    struct imx500_rgb_sum cb;
    struct imx500_rgb_sum cr;
};

/* Where a picture's values lie: for pixel (x, y) at luma[y * luma_stride + x * luma_step], and
 * chroma at (x / 2, y >> chroma_row_shift) in the same way. */
struct imx500_ycbcr_picture {
    uint8_t *luma;
    uint8_t *cb;
    uint8_t *cr;
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

void imx500_rgb_weights_init(struct imx500_rgb_weights *weights,
                             enum imx500_ycbcr_encoding encoding, int full_range);

/* Writes width * height values of Y', and Cb and Cr of the mean of all pixels that share them.
 * Everything is the exact value, rounded; halves go up, but to 255 at most. `stride` is from one
 * row of RGB triples to the next. */
void imx500_rgb_to_ycbcr(const struct imx500_rgb_weights *weights, const uint8_t *rgb,
                         ptrdiff_t stride, size_t width, size_t height,
                         const struct imx500_ycbcr_picture *picture);

/* The first three of `channels` bytes of each pixel, in reverse order with `bgr`. */
void imx500_packed_to_rgb(const uint8_t *pixels, ptrdiff_t stride, ptrdiff_t step, int bgr,
                          size_t width, size_t height, uint8_t *rgb);

/* The reverse: writes `channels` bytes of each pixel, the fourth as 255. */
void imx500_rgb_to_packed(const uint8_t *rgb, ptrdiff_t rgb_stride, int bgr, size_t width,
                          size_t height, uint8_t *pixels, ptrdiff_t stride, ptrdiff_t step,
                          size_t channels);

#endif
