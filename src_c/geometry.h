/* Coordinates from what the network saw to the pixels of a picture, and back. */
#ifndef IMX500_GEOMETRY_H
#define IMX500_GEOMETRY_H

#include <stddef.h>

/* Per axis: target = source * scale + offset; the target space reaches from 0 to `size`. */
struct imx500_axis_map {
    double scale;
    double offset;
    double size;
};

/* Maps `count` (x, y) pairs. A box in corner form is two pairs. With `clip`, what falls outside
 * the target space is moved to its edge, each corner for itself, so that a box is trimmed and
 * never shifted. NaN stays NaN. `mapped` may be `points`.
 */
void imx500_map_points(const struct imx500_axis_map *x, const struct imx500_axis_map *y,
                       const float *points, size_t count, int clip, float *mapped);

#endif
