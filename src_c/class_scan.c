#include "class_scan.h"

#include <math.h>

/* Of each column, what stays in the first level cache while all columns pass by. */
#define STRIP 1024

/* Columns that are read side by side, so that the running best is loaded and stored less often. */
#define TOGETHER 4

/* How many are tested at once before any is looked at. */
#define GLANCE 16

static inline float larger(float value, float best) {
    return value > best ? value : best;
}

static void raise_best(float *restrict best, const float *first, size_t step, size_t count) {
    const float *second = first + step, *third = second + step, *fourth = third + step;
    for (size_t i = 0; i < count; i++) {
        /* A NaN is never larger; it must not stand on the other side. */
        float value = larger(first[i], best[i]);
        value = larger(second[i], value);
        value = larger(third[i], value);
        best[i] = larger(fourth[i], value);
    }
}

static void best_of_strip(const struct imx500_class_columns *columns, size_t start, size_t count,
                          float *restrict best) {
    const float *values = columns->values + start;
    for (size_t i = 0; i < count; i++)
        best[i] = -INFINITY;
    size_t index = 0;
    for (; index + TOGETHER <= columns->classes; index += TOGETHER)
        raise_best(best, values + index * columns->anchors, columns->anchors, count);
    for (; index < columns->classes; index++) {
        const float *column = values + index * columns->anchors;
        for (size_t i = 0; i < count; i++)
            best[i] = larger(column[i], best[i]);
    }
}

static inline int any_reaches(const float *values, float floor) {
    int any = 0;
    for (int i = 0; i < GLANCE; i++)
        any |= values[i] >= floor;
    return any;
}

size_t imx500_scan_classes(const struct imx500_class_columns *columns, float floor,
                           uint32_t *rows) {
    float best[STRIP];
    size_t found = 0;
    for (size_t start = 0; start < columns->anchors; start += STRIP) {
        const size_t left = columns->anchors - start;
        const size_t count = left < STRIP ? left : STRIP;
        best_of_strip(columns, start, count, best);
        for (size_t i = 0; i < count;) {
            if (count - i >= GLANCE && !any_reaches(best + i, floor)) {
                i += GLANCE;
                continue;
            }
            const size_t end = count - i >= GLANCE ? i + GLANCE : count;
            for (; i < end; i++)
                if (best[i] >= floor)
                    rows[found++] = (uint32_t)(start + i);
        }
    }
    return found;
}

void imx500_best_classes(const struct imx500_class_columns *columns, const uint32_t *rows,
                         size_t count, int32_t *class_id, float *best) {
    for (size_t i = 0; i < count; i++) {
        class_id[i] = -1;
        best[i] = -INFINITY;
    }
    for (size_t index = 0; index < columns->classes; index++) {
        const float *column = columns->values + index * columns->anchors;
        for (size_t i = 0; i < count; i++) {
            const float value = column[rows[i]];
            class_id[i] = value > best[i] ? (int32_t)index : class_id[i];
            best[i] = larger(value, best[i]);
        }
    }
}
