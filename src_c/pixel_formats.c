#include "pixel_formats.h"

#include <string.h>

#define ONE 65536
#define HALF (ONE / 2)

static int32_t fixed(double value) {
    return (int32_t)(value * ONE + (value < 0 ? -0.5 : 0.5));
}

/* What red and blue count in Y', each as 1/10000: ITU-R BT.601-7 2.5.1, BT.709-6 3.2, BT.2020-2
 * table 4. */
static const int32_t red_of[] = {2990, 2126, 2627};
static const int32_t blue_of[] = {1140, 722, 593};

void imx500_ycbcr_init(struct imx500_ycbcr *matrix, enum imx500_ycbcr_encoding encoding,
                       int full_range) {
    const double red = red_of[encoding] / 10000.0, blue = blue_of[encoding] / 10000.0;
    const double green = 1 - red - blue;
    const double luma = full_range ? 1 : 255.0 / 219;
    const double chroma = full_range ? 1 : 255.0 / 224;
    matrix->luma_offset = full_range ? 0 : 16;
    matrix->luma = fixed(luma);
    matrix->red_cr = fixed(2 * (1 - red) * chroma);
    matrix->blue_cb = fixed(2 * (1 - blue) * chroma);
    matrix->green_cr = fixed(-2 * (1 - red) * red / green * chroma);
    matrix->green_cb = fixed(-2 * (1 - blue) * blue / green * chroma);
}

static uint8_t clipped(int32_t value) {
    if (value < 0)
        return 0;
    value >>= 16;
    return (uint8_t)(value > 255 ? 255 : value);
}

void imx500_ycbcr_to_rgb(const struct imx500_ycbcr *matrix,
                         const struct imx500_ycbcr_picture *picture, size_t width, size_t height,
                         uint8_t *rgb) {
    const struct imx500_ycbcr factors = *matrix;
    for (size_t y = 0; y < height; y++) {
        const ptrdiff_t chroma_row =
            (ptrdiff_t)(y >> picture->chroma_row_shift) * picture->chroma_stride;
        const uint8_t *luma = picture->luma + (ptrdiff_t)y * picture->luma_stride;
        const uint8_t *cb = picture->cb + chroma_row;
        const uint8_t *cr = picture->cr + chroma_row;
        for (size_t x = 0; x < width; x++) {
            const int32_t grey = factors.luma * (*luma - factors.luma_offset) + HALF;
            const int32_t blueness = *cb - 128;
            const int32_t redness = *cr - 128;
            rgb[0] = clipped(grey + factors.red_cr * redness);
            rgb[1] = clipped(grey + factors.green_cb * blueness + factors.green_cr * redness);
            rgb[2] = clipped(grey + factors.blue_cb * blueness);
            rgb += 3;
            luma += picture->luma_step;
            if (x & 1) {
                cb += picture->chroma_step;
                cr += picture->chroma_step;
            }
        }
    }
}

/* floor(sum / divisor) is sum * reciprocal >> REACH, with the reciprocal rounded up: as long as
 * sum * divisor < 2^REACH, that adds less than 1 / divisor. Here no divisor is above 10000 * 255,
 * and no sum above 257 times its divisor. Nor is a divisor below 2^20, where the reciprocal would
 * have more than 32 bits. */
#define REACH 52

/* The weights sum to 10000 in Y', and to 0 in Cb and Cr. */
static struct imx500_rgb_sum sum_over(int32_t divisor, int32_t zero, int32_t scale, int32_t red,
                                      int32_t green, int32_t blue) {
    return (struct imx500_rgb_sum){
        .red = scale * red,
        .green = scale * green,
        .blue = scale * blue,
        .start = zero * divisor + divisor / 2,
        .reciprocal = (uint32_t)(((uint64_t)1 << REACH) / (uint64_t)divisor + 1),
    };
}

void imx500_rgb_weights_init(struct imx500_rgb_weights *weights,
                             enum imx500_ycbcr_encoding encoding, int full_range) {
    const int32_t red = red_of[encoding], blue = blue_of[encoding], green = 10000 - red - blue;
    const int32_t white = full_range ? 255 : 219;
    /* Half of the mean of four pixels is 32/256 of their sum, and 224/255 of that is 28/255. */
    const int32_t scale = full_range ? 32 : 28, divisor = full_range ? 256 : 255;
    weights->luma = sum_over(10000 * 255, full_range ? 0 : 16, white, red, green, blue);
    weights->cb = sum_over((10000 - blue) * divisor, 128, scale, -red, -green, 10000 - blue);
    weights->cr = sum_over((10000 - red) * divisor, 128, scale, 10000 - red, -green, -blue);
}

static uint32_t quotient(const struct imx500_rgb_sum *sum, int32_t red, int32_t green,
                         int32_t blue) {
    const int32_t dividend = sum->start + sum->red * red + sum->green * green + sum->blue * blue;
    return (uint32_t)((uint64_t)dividend * sum->reciprocal >> REACH);
}

static void put_luma(const struct imx500_rgb_sum *sum, const uint8_t *rgb, size_t width,
                     uint8_t *luma, ptrdiff_t step) {
    for (size_t x = 0; x < width; x++) {
        *luma = (uint8_t)quotient(sum, rgb[0], rgb[1], rgb[2]);
        rgb += 3;
        luma += step;
    }
}

/* The purest blue and red in full range have 255.5. */
static uint8_t chroma_of(const struct imx500_rgb_sum *sum, const int32_t rgb[3]) {
    const uint32_t value = quotient(sum, rgb[0], rgb[1], rgb[2]);
    return (uint8_t)(value > 255 ? 255 : value);
}

/* Of blocks of two rows, where one may be both; the last column of an odd width counts twice. */
static void put_chroma(const struct imx500_rgb_weights *weights, const uint8_t *upper,
                       const uint8_t *lower, size_t width, uint8_t *cb, uint8_t *cr,
                       ptrdiff_t step) {
    for (size_t x = 0; x < width; x += 2) {
        const size_t right = x + 1 < width ? 3 : 0;
        int32_t sums[3];
        for (size_t i = 0; i < 3; i++)
            sums[i] = upper[i] + upper[i + right] + lower[i] + lower[i + right];
        *cb = chroma_of(&weights->cb, sums);
        *cr = chroma_of(&weights->cr, sums);
        upper += 6;
        lower += 6;
        cb += step;
        cr += step;
    }
}

void imx500_rgb_to_ycbcr(const struct imx500_rgb_weights *weights, const uint8_t *rgb,
                         ptrdiff_t stride, size_t width, size_t height,
                         const struct imx500_ycbcr_picture *picture) {
    const struct imx500_rgb_weights factors = *weights;
    const size_t block_rows = (size_t)1 << picture->chroma_row_shift;
    for (size_t y = 0; y < height; y++) {
        const uint8_t *row = rgb + (ptrdiff_t)y * stride;
        put_luma(&factors.luma, row, width, picture->luma + (ptrdiff_t)y * picture->luma_stride,
                 picture->luma_step);
        if (y % block_rows != 0)
            continue;
        const uint8_t *lower = block_rows == 2 && y + 1 < height ? row + stride : row;
        const ptrdiff_t chroma_row = (ptrdiff_t)(y / block_rows) * picture->chroma_stride;
        put_chroma(&factors, row, lower, width, picture->cb + chroma_row, picture->cr + chroma_row,
                   picture->chroma_step);
    }
}

void imx500_packed_to_rgb(const uint8_t *pixels, ptrdiff_t stride, ptrdiff_t step, int bgr,
                          size_t width, size_t height, uint8_t *rgb) {
    const size_t red = bgr ? 2 : 0;
    for (size_t y = 0; y < height; y++) {
        const uint8_t *pixel = pixels + (ptrdiff_t)y * stride;
        for (size_t x = 0; x < width; x++) {
            rgb[0] = pixel[red];
            rgb[1] = pixel[1];
            rgb[2] = pixel[2 - red];
            rgb += 3;
            pixel += step;
        }
    }
}

void imx500_rgb_to_packed(const uint8_t *rgb, ptrdiff_t rgb_stride, int bgr, size_t width,
                          size_t height, uint8_t *pixels, ptrdiff_t stride, ptrdiff_t step,
                          size_t channels) {
    const size_t red = bgr ? 2 : 0;
    for (size_t y = 0; y < height; y++) {
        const uint8_t *colour = rgb + (ptrdiff_t)y * rgb_stride;
        uint8_t *pixel = pixels + (ptrdiff_t)y * stride;
        if (!bgr && channels == 3 && step == 3) {
            memcpy(pixel, colour, 3 * width);
            continue;
        }
        for (size_t x = 0; x < width; x++) {
            pixel[red] = colour[0];
            pixel[1] = colour[1];
            pixel[2 - red] = colour[2];
            if (channels == 4)
                pixel[3] = 255;
            colour += 3;
            pixel += step;
        }
    }
}
