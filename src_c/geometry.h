/* Coordinates from what the network saw to the pixels of a picture, and back. */
#ifndef IMX500_GEOMETRY_H
#define IMX500_GEOMETRY_H

#include <stddef.h>

/* Per axis of the target: target = source * scale + offset; it reaches from 0 to `size`. */
struct imx500_axis_map {
    double scale;
    double offset;
    double size;
};

/* `swapped`: the target's x comes from the source's y, and its y from x. */
struct imx500_mapping {
    struct imx500_axis_map x;
    struct imx500_axis_map y;
    int swapped;
};

/* All three map `count` items and may write where they read. With `clip`, what falls outside the
 * target space is moved to its edge, each corner for itself, so that a box is trimmed and never
 * shifted. NaN stays NaN.
 */

/* Points: x, y. */
void imx500_map_points(const struct imx500_mapping *mapping, const float *points, size_t count,
                       int clip, float *mapped);

/* Boxes: x0, y0, x1, y1. Along an axis that is flipped the two corners change places, so that the
 * box stays the right way round. */
void imx500_map_boxes(const struct imx500_mapping *mapping, const float *boxes, size_t count,
                      int clip, float *mapped);

/* Rectangles: x, y, width, height. */
void imx500_map_rectangles(const struct imx500_mapping *mapping, const float *rectangles,
                           size_t count, int clip, float *mapped);

#endif
