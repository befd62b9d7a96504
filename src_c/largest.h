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

/* Minus infinity where there is no value, or none but NaN. */
static inline float imx500_largest(const float *values, size_t count) {
    float best = -INFINITY;
    if (count < IMX500_MAXIMA) {
        for (size_t i = 0; i < count; i++)
            best = imx500_larger(values[i], best);
        return best;
    }
    float lanes[IMX500_MAXIMA];
    for (size_t lane = 0; lane < IMX500_MAXIMA; lane++)
        lanes[lane] = -INFINITY;
    for (size_t i = 0; i < count; i += IMX500_MAXIMA) {
        /* To look twice at some of the last is quicker than to look at them one by one. */
        const float *part = values + (count - i < IMX500_MAXIMA ? count - IMX500_MAXIMA : i);
        for (size_t lane = 0; lane < IMX500_MAXIMA; lane++)
            lanes[lane] = imx500_larger(part[lane], lanes[lane]);
    }
    for (size_t lane = 0; lane < IMX500_MAXIMA / 2; lane++)
        lanes[lane] = imx500_larger(lanes[lane + IMX500_MAXIMA / 2], lanes[lane]);
    for (size_t lane = 0; lane < IMX500_MAXIMA / 4; lane++)
        lanes[lane] = imx500_larger(lanes[lane + IMX500_MAXIMA / 4], lanes[lane]);
    for (size_t lane = 0; lane < IMX500_MAXIMA / 4; lane++)
        best = imx500_larger(lanes[lane], best);
    return best;
}

#endif
