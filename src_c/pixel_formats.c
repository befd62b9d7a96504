#include "pixel_formats.h"

#define ONE 65536
#define HALF (ONE / 2)

static int32_t fixed(double value) {
    return (int32_t)(value * ONE + (value < 0 ? -0.5 : 0.5));
}

void imx500_ycbcr_init(struct imx500_ycbcr *matrix, enum imx500_ycbcr_encoding encoding,
                       int full_range) {
    /* Luma coefficients of red and blue: ITU-R BT.601-7 2.5.1, BT.709-6 3.2, BT.2020-2 table 4. */
    static const double red_of[] = {0.299, 0.2126, 0.2627};
    static const double blue_of[] = {0.114, 0.0722, 0.0593};
    const double red = red_of[encoding], blue = blue_of[encoding], green = 1 - red - blue;
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
