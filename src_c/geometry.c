#include "geometry.h"

static double clipped(double value, double size) {
    if (value < 0.0)
        return 0.0;
    return value > size ? size : value;
}

void imx500_map_points(const struct imx500_axis_map *x, const struct imx500_axis_map *y,
                       const float *points, size_t count, int clip, float *mapped) {
    for (size_t i = 0; i < count; i++) {
        double px = (double)points[2 * i] * x->scale + x->offset;
        double py = (double)points[2 * i + 1] * y->scale + y->offset;
        if (clip) {
            px = clipped(px, x->size);
            py = clipped(py, y->size);
        }
        mapped[2 * i] = (float)px;
        mapped[2 * i + 1] = (float)py;
    }
}
