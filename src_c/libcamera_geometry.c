#include "libcamera_geometry.h"

#include <math.h>

/* libcamera stores what it computes in wider types back into 32 bits, without a check. */
static int32_t as_int(int64_t value) {
    return (int32_t)(uint32_t)(uint64_t)value;
}

static uint64_t scaled(uint32_t value, uint32_t numerator, uint32_t denominator) {
    const uint64_t product = (uint64_t)value * numerator;
    /* Pixels times pixels of any camera fit; a division in 64 bits takes three times as long. */
    if (product <= UINT32_MAX)
        return (uint32_t)product / denominator;
    return product / denominator;
}

static int32_t scaled_position(int32_t value, uint32_t numerator, uint32_t denominator) {
    if (value >= 0)
        return (int32_t)(uint32_t)scaled((uint32_t)value, numerator, denominator);
    return (int32_t)(0 - (uint32_t)scaled(0 - (uint32_t)value, numerator, denominator));
}

static uint32_t scaled_length(uint32_t value, uint32_t numerator, uint32_t denominator) {
    return (uint32_t)scaled(value, numerator, denominator);
}

enum imx500_status imx500_rectangle_scaled(const struct imx500_rectangle *rectangle,
                                           struct imx500_size numerator,
                                           struct imx500_size denominator,
                                           struct imx500_rectangle *scaled) {
    if (denominator.width == 0 || denominator.height == 0)
        return IMX500_ZERO_DENOMINATOR;
    *scaled = (struct imx500_rectangle){
        scaled_position(rectangle->x, numerator.width, denominator.width),
        scaled_position(rectangle->y, numerator.height, denominator.height),
        scaled_length(rectangle->width, numerator.width, denominator.width),
        scaled_length(rectangle->height, numerator.height, denominator.height),
    };
    return IMX500_OK;
}

static int32_t end_of(int32_t start, uint32_t length) {
    return (int32_t)((uint32_t)start + length);
}

static void bounded_along(int32_t start, uint32_t length, int32_t bound_start,
                          uint32_t bound_length, int32_t *low, uint32_t *bounded_length) {
    const int32_t end = end_of(start, length), bound_end = end_of(bound_start, bound_length);
    *low = start > bound_start ? start : bound_start;
    const int32_t left = as_int((int64_t)(end < bound_end ? end : bound_end) - *low);
    *bounded_length = left > 0 ? (uint32_t)left : 0;
}

struct imx500_rectangle imx500_rectangle_bounded(const struct imx500_rectangle *rectangle,
                                                 const struct imx500_rectangle *bound) {
    struct imx500_rectangle bounded;
    bounded_along(rectangle->x, rectangle->width, bound->x, bound->width, &bounded.x,
                  &bounded.width);
    bounded_along(rectangle->y, rectangle->height, bound->y, bound->height, &bounded.y,
                  &bounded.height);
    return bounded;
}

enum imx500_status imx500_rectangle_of_ratio(struct imx500_size full, struct imx500_size ratio,
                                             struct imx500_rectangle *centred) {
    if (ratio.width == 0 || ratio.height == 0)
        return IMX500_ZERO_DENOMINATOR;
    const uint64_t across = (uint64_t)full.width * ratio.height;
    const uint64_t down = (uint64_t)ratio.width * full.height;
    struct imx500_size cut = full;
    if (across > down)
        cut.width = (uint32_t)(down / ratio.height);
    else
        cut.height = (uint32_t)(across / ratio.width);
    /* What fits into `full` and is centred in it is enclosed in it already. */
    *centred = (struct imx500_rectangle){
        (int32_t)(full.width / 2 - cut.width / 2),
        (int32_t)(full.height / 2 - cut.height / 2),
        cut.width,
        cut.height,
    };
    return IMX500_OK;
}

enum imx500_status imx500_peer_chain_set(struct imx500_peer_chain *chain, struct imx500_size full,
                                         struct imx500_size raw, struct imx500_size stream,
                                         const struct imx500_rectangle *scaler_crop) {
    chain->full = full;
    chain->raw = raw;
    chain->stream = stream;
    chain->bounded_to_roi = 0;
    const enum imx500_status status =
        imx500_rectangle_scaled(scaler_crop, raw, full, &chain->sensor_crop);
    if (status != IMX500_OK)
        return status;
    if (chain->sensor_crop.width == 0 || chain->sensor_crop.height == 0)
        return IMX500_ZERO_DENOMINATOR;
    return IMX500_OK;
}

void imx500_peer_chain_apply(const struct imx500_peer_chain *chain,
                             const struct imx500_rectangle *on_sensor, size_t count,
                             struct imx500_rectangle *placed) {
    const struct imx500_rectangle *crop = &chain->sensor_crop;
    const struct imx500_size crop_size = {crop->width, crop->height};
    for (size_t i = 0; i < count; i++) {
        struct imx500_rectangle object = on_sensor[i];
        if (chain->bounded_to_roi)
            object = imx500_rectangle_bounded(&object, &chain->roi);
        imx500_rectangle_scaled(&object, chain->raw, chain->full, &object);
        object = imx500_rectangle_bounded(&object, crop);
        object.x = as_int((int64_t)object.x - crop->x);
        object.y = as_int((int64_t)object.y - crop->y);
        imx500_rectangle_scaled(&object, chain->stream, crop_size, &placed[i]);
    }
}

/* Whether a Rectangle holds it; false for NaN. */
static int fits(double value) {
    return value < 2147483648.0;
}

/* numpy's maximum(value, 0), which lets NaN through. */
static double at_least_zero(double value) {
    return value < 0.0 ? 0.0 : value;
}

static int on_full_sensor(double x, double y, double width, double height,
                          struct imx500_rectangle *rectangle) {
    x = at_least_zero(x);
    y = at_least_zero(y);
    width = at_least_zero(width);
    height = at_least_zero(height);
    if (!fits(x) || !fits(y) || !fits(width) || !fits(height))
        return 0;
    *rectangle =
        (struct imx500_rectangle){(int32_t)x, (int32_t)y, (uint32_t)width, (uint32_t)height};
    return 1;
}

enum imx500_status imx500_picamera2_boxes(struct imx500_size full, const double *boxes,
                                          size_t count, struct imx500_rectangle *on_sensor,
                                          size_t *bad) {
    const double width = full.width, height = full.height;
    for (size_t i = 0; i < count; i++, boxes += 4) {
        const double y0 = boxes[0], x0 = boxes[1], y1 = boxes[2], x1 = boxes[3];
        if (!on_full_sensor(x0 * width, y0 * height, (x1 - x0) * width, (y1 - y0) * height,
                            &on_sensor[i])) {
            *bad = i;
            return IMX500_BAD_VALUE;
        }
    }
    return IMX500_OK;
}

enum imx500_status imx500_picamera2_boxes_single(struct imx500_size full, const float *boxes,
                                                 size_t count, struct imx500_rectangle *on_sensor,
                                                 size_t *bad) {
    const float width = (float)full.width, height = (float)full.height;
    for (size_t i = 0; i < count; i++, boxes += 4) {
        const float y0 = boxes[0], x0 = boxes[1];
        /* Named, so that each is rounded to a float as numpy rounds it. */
        const float across = boxes[3] - x0, down = boxes[2] - y0;
        const float x = x0 * width, y = y0 * height, w = across * width, h = down * height;
        if (!on_full_sensor((double)x, (double)y, (double)w, (double)h, &on_sensor[i])) {
            *bad = i;
            return IMX500_BAD_VALUE;
        }
    }
    return IMX500_OK;
}

/* Both bounds are exact in a float. */
static int fits_int(float value) {
    return value >= -2147483648.0F && value < 2147483648.0F;
}

static int fits_length(float value) {
    return value >= 0.0F && value < 4294967296.0F;
}

enum imx500_status imx500_rpicam_apps_boxes(struct imx500_size full, const float *rectangles,
                                            size_t count, struct imx500_rectangle *on_sensor,
                                            size_t *bad) {
    const float last_x = (float)(full.width - 1), last_y = (float)(full.height - 1);
    for (size_t i = 0; i < count; i++, rectangles += 4) {
        const float x = roundf(rectangles[0] * last_x), y = roundf(rectangles[1] * last_y);
        const float width = roundf(rectangles[2] * last_x);
        const float height = roundf(rectangles[3] * last_y);
        if (!fits_int(x) || !fits_int(y) || !fits_length(width) || !fits_length(height)) {
            *bad = i;
            return IMX500_BAD_VALUE;
        }
        on_sensor[i] =
            (struct imx500_rectangle){(int32_t)x, (int32_t)y, (uint32_t)width, (uint32_t)height};
    }
    return IMX500_OK;
}
