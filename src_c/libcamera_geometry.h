/* libcamera's integer rectangles, value by value as its geometry.cpp computes them, and the two
 * chains that peers build from them. Where libcamera divides by zero, these refuse. */
#ifndef IMX500_LIBCAMERA_GEOMETRY_H
#define IMX500_LIBCAMERA_GEOMETRY_H

#include <stddef.h>
#include <stdint.h>

#include "status.h"

struct imx500_rectangle {
    int32_t x;
    int32_t y;
    uint32_t width;
    uint32_t height;
};

struct imx500_size {
    uint32_t width;
    uint32_t height;
};

/* Each field times numerator / denominator, cut towards zero. IMX500_ZERO_DENOMINATOR. */
enum imx500_status imx500_rectangle_scaled(const struct imx500_rectangle *rectangle,
                                           struct imx500_size numerator,
                                           struct imx500_size denominator,
                                           struct imx500_rectangle *scaled);

/* The part inside `bound`; where they are apart the size is 0 and the corner may lie outside. */
struct imx500_rectangle imx500_rectangle_bounded(const struct imx500_rectangle *rectangle,
                                                 const struct imx500_rectangle *bound);

/* The largest rectangle of the ratio in the middle of `full`, as Size::boundedToAspectRatio,
 * centeredTo and enclosedIn make it. IMX500_ZERO_DENOMINATOR for a ratio with a zero. */
enum imx500_status imx500_rectangle_of_ratio(struct imx500_size full, struct imx500_size ratio,
                                             struct imx500_rectangle *centred);

/* From rectangles on the full sensor to pixels of a picture, as both peers do it. */
struct imx500_peer_chain {
    struct imx500_size full;
    struct imx500_size raw;
    struct imx500_size stream;
    struct imx500_rectangle sensor_crop;
    struct imx500_rectangle roi;
    int bounded_to_roi;
};

/* Fills in all but the ROI, which it sets to none. IMX500_ZERO_DENOMINATOR where the crop has no
 * size in the raw picture, or `full` has none. */
enum imx500_status imx500_peer_chain_set(struct imx500_peer_chain *chain, struct imx500_size full,
                                         struct imx500_size raw, struct imx500_size stream,
                                         const struct imx500_rectangle *scaler_crop);

/* Never fails on a chain that was set. `placed` may be `on_sensor`. */
void imx500_peer_chain_apply(const struct imx500_peer_chain *chain,
                             const struct imx500_rectangle *on_sensor, size_t count,
                             struct imx500_rectangle *placed);

/* picamera2's first step: boxes (y0, x0, y1, x1) in 0..1 to rectangles on the full sensor, in the
 * precision of the numbers given, as numpy computes it. IMX500_BAD_VALUE for a box that no
 * Rectangle holds (NaN, infinite, too large); its index goes to `bad`. */
enum imx500_status imx500_picamera2_boxes(struct imx500_size full, const double *boxes,
                                          size_t count, struct imx500_rectangle *on_sensor,
                                          size_t *bad);
enum imx500_status imx500_picamera2_boxes_single(struct imx500_size full, const float *boxes,
                                                 size_t count, struct imx500_rectangle *on_sensor,
                                                 size_t *bad);

/* rpicam-apps' first step: rectangles (x, y, width, height) in 0..1 to rectangles on the full
 * sensor. IMX500_BAD_VALUE also for a negative size, which C++ leaves undefined. */
enum imx500_status imx500_rpicam_apps_boxes(struct imx500_size full, const float *rectangles,
                                            size_t count, struct imx500_rectangle *on_sensor,
                                            size_t *bad);

#endif
