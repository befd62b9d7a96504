/* The largest of many values, written so that compilers use vectors for it. */
#ifndef IMX500_LARGEST_H
#define IMX500_LARGEST_H

#include <math.h>
#include <stddef.h>

/* Independent running maxima, because one alone would be a chain that no compiler may reorder. */
#define IMX500_MAXIMA 32

/* Keeps `best` where `value` is NaN. */
static inline float imx500_larger(float value, float best) {
    return value > best ? value : best;
}

/* Of each lane: values IMX500_MAXIMA apart, but for the last, which may be in any. Minus infinity
 * where a lane has none but NaN. There are at least IMX500_MAXIMA values.
 */
static inline void imx500_maxima(const float *values, size_t count, float lanes[IMX500_MAXIMA]) {
    for (size_t lane = 0; lane < IMX500_MAXIMA; lane++)
        lanes[lane] = -INFINITY;
    for (size_t i = 0; i < count; i += IMX500_MAXIMA) {
        /* To look twice at some of the last is quicker than to look at them one by one. */
        const float *part = values + (count - i < IMX500_MAXIMA ? count - IMX500_MAXIMA : i);
        for (size_t lane = 0; lane < IMX500_MAXIMA; lane++)
            lanes[lane] = imx500_larger(part[lane], lanes[lane]);
    }
}

static inline float imx500_largest_of(const float lanes[IMX500_MAXIMA]) {
    enum { QUARTER = IMX500_MAXIMA / 4 };
    float best = -INFINITY;
    float most[QUARTER];
    for (size_t lane = 0; lane < QUARTER; lane++)
        most[lane] =
            imx500_larger(imx500_larger(lanes[lane], lanes[lane + QUARTER]),
                          imx500_larger(lanes[lane + 2 * QUARTER], lanes[lane + 3 * QUARTER]));
    for (size_t lane = 0; lane < QUARTER; lane++)
        best = imx500_larger(most[lane], best);
    return best;
}

/* Minus infinity where there is no value, or none but NaN. */
static inline float imx500_largest(const float *values, size_t count) {
    float best = -INFINITY;
    if (count < IMX500_MAXIMA) {
        for (size_t i = 0; i < count; i++)
            best = imx500_larger(values[i], best);
        return best;
    }
    float lanes[IMX500_MAXIMA];
    imx500_maxima(values, count, lanes);
    return imx500_largest_of(lanes);
}

#endif
