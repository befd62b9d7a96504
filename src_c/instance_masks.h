/* Masks of single objects: coefficients times prototypes, worked out only where the boxes are.
 *
 * Boxes are rows of x0, y0, x1, y1. One that is not finite, or has no area, has no mask.
 */
#ifndef IMX500_INSTANCE_MASKS_H
#define IMX500_INSTANCE_MASKS_H

#include "anchor_scan.h"

#include <stddef.h>
#include <stdint.h>

/* Prototype c at (y, x) is values[c * channel_step + y * y_step + x * x_step]; one step is 1. */
struct imx500_prototypes {
    const float *values;
    size_t channels;
    size_t height;
    size_t width;
    size_t channel_step;
    size_t y_step;
    size_t x_step;
};

/* Bytes of scratch that `imx500_mask_logits` needs, aligned for float. */
size_t imx500_mask_logits_scratch_bytes(size_t channels, size_t height, size_t width);

/* Writes coefficients times prototypes to `logits` (count, height, width), one sheet per row of
 * `anchors` and of `xyxy` (in 0..1 of what the network saw): everywhere that interpolation inside
 * the box reaches, and nowhere else.
 */
void imx500_mask_logits(const struct imx500_prototypes *prototypes,
                        const struct imx500_anchor_table *coefficients, const uint32_t *anchors,
                        const float *xyxy, size_t count, float *logits, void *scratch);

/* Sets the bytes of `masks` (count, height, width), all 0 before, to 1 where the logit is above 0
 * and the pixel's centre is inside the box, in 0..1.
 */
void imx500_network_masks(const float *logits, size_t count, size_t height, size_t width,
                          const float *xyxy, uint8_t *masks);

/* Along one axis of a picture: the centre of pixel i is at (i + 0.5) * scale + offset, in 0..1 of
 * what the network saw.
 */
struct imx500_mask_axis {
    double scale;
    double offset;
    size_t pixels;
};

struct imx500_mask_picture {
    struct imx500_mask_axis x; /* of the picture */
    struct imx500_mask_axis y;
    int swapped; /* the picture's x runs along the network's y */
};

/* Bytes of scratch that `imx500_picture_masks` needs, aligned for float. */
size_t imx500_picture_masks_scratch_bytes(const struct imx500_mask_picture *picture, size_t height,
                                          size_t width);

/* Sets the bytes of `masks` (count, y.pixels, x.pixels), all 0 before, to 1 where the logits
 * (count, height, width), interpolated linearly in y and x between the centres of their pixels, are
 * above 0 and the pixel's centre is inside the box `xyxy`, in pixels of the picture. Between two
 * logits above 0 every value counts as above 0, and between two others none does.
 */
void imx500_picture_masks(const float *logits, size_t count, size_t height, size_t width,
                          const struct imx500_mask_picture *picture, const float *xyxy,
                          uint8_t *masks, void *scratch);

#endif
