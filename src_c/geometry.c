#include "geometry.h"

static double mapped_along(const struct imx500_axis_map *axis, double value, int clip) {
    value = value * axis->scale + axis->offset;
    if (clip) {
        if (value < 0.0)
            return 0.0;
        if (value > axis->size)
            return axis->size;
    }
    return value;
}

struct interval {
    double low;
    double high;
};

static struct interval mapped_interval(const struct imx500_axis_map *axis, struct interval from,
                                       int clip) {
    const double low = mapped_along(axis, from.low, clip);
    const double high = mapped_along(axis, from.high, clip);
    return axis->scale < 0.0 ? (struct interval){high, low} : (struct interval){low, high};
}

void imx500_map_points(const struct imx500_mapping *mapping, const float *points, size_t count,
                       int clip, float *mapped) {
    const size_t to_x = mapping->swapped ? 1 : 0;
    for (size_t i = 0; i < count; i++, points += 2, mapped += 2) {
        const double x = points[to_x], y = points[1 - to_x];
        mapped[0] = (float)mapped_along(&mapping->x, x, clip);
        mapped[1] = (float)mapped_along(&mapping->y, y, clip);
    }
}

void imx500_map_boxes(const struct imx500_mapping *mapping, const float *boxes, size_t count,
                      int clip, float *mapped) {
    const size_t to_x = mapping->swapped ? 1 : 0, to_y = 1 - to_x;
    for (size_t i = 0; i < count; i++, boxes += 4, mapped += 4) {
        const struct interval x = {boxes[to_x], boxes[to_x + 2]};
        const struct interval y = {boxes[to_y], boxes[to_y + 2]};
        const struct interval across = mapped_interval(&mapping->x, x, clip);
        const struct interval down = mapped_interval(&mapping->y, y, clip);
        mapped[0] = (float)across.low;
        mapped[1] = (float)down.low;
        mapped[2] = (float)across.high;
        mapped[3] = (float)down.high;
    }
}

void imx500_map_rectangles(const struct imx500_mapping *mapping, const float *rectangles,
                           size_t count, int clip, float *mapped) {
    const size_t to_x = mapping->swapped ? 1 : 0, to_y = 1 - to_x;
    for (size_t i = 0; i < count; i++, rectangles += 4, mapped += 4) {
        const double left = rectangles[to_x], top = rectangles[to_y];
        const struct interval x = {left, left + (double)rectangles[to_x + 2]};
        const struct interval y = {top, top + (double)rectangles[to_y + 2]};
        const struct interval across = mapped_interval(&mapping->x, x, clip);
        const struct interval down = mapped_interval(&mapping->y, y, clip);
        mapped[0] = (float)across.low;
        mapped[1] = (float)down.low;
        mapped[2] = (float)(across.high - across.low);
        mapped[3] = (float)(down.high - down.low);
    }
}
