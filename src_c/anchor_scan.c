#include "anchor_scan.h"

#include <math.h>

#include "class_scan.h"
#include "largest.h"
#include "vector_clones.h"

#define MASKS 16
/* Anchors that are looked at together while none of them counts. */
#define GROUP 16

/* Whether any value counts, which takes fewer instructions than to find the largest. */
IMX500_VECTOR_CLONES
static int reaches(const float *values, size_t count, float threshold) {
    int32_t lanes[MASKS] = {0};
    size_t i = 0;
    for (; i + MASKS <= count; i += MASKS)
        for (size_t lane = 0; lane < MASKS; lane++)
            lanes[lane] |= -(values[i + lane] >= threshold);
    for (size_t lane = 0; i < count; i++, lane++)
        lanes[lane] |= values[i] >= threshold;
    for (size_t lane = 1; lane < MASKS; lane++)
        lanes[0] |= lanes[lane];
    return lanes[0];
}

/* The channels of an anchor lie side by side. */
static size_t scan_rows(const struct imx500_anchor_table *scores, size_t anchors, size_t channels,
                        float threshold, uint32_t *found) {
    const size_t step = scores->anchor_step;
    size_t count = 0;
    for (size_t start = 0; start < anchors; start += GROUP) {
        const size_t end = anchors - start < GROUP ? anchors : start + GROUP;
        const float *group = scores->values + start * step;
        if (step == channels && !reaches(group, (end - start) * channels, threshold))
            continue;
        for (size_t anchor = start; anchor < end; anchor++)
            if (reaches(scores->values + anchor * step, channels, threshold))
                found[count++] = (uint32_t)anchor;
    }
    return count;
}

size_t imx500_scan_anchors(const struct imx500_anchor_table *scores, size_t anchors,
                           size_t channels, float threshold, uint32_t *anchors_found) {
    if (scores->anchor_step != 1)
        return scan_rows(scores, anchors, channels, threshold, anchors_found);
    const struct imx500_class_columns columns = {scores->values, anchors, channels};
    return imx500_scan_classes(&columns, threshold, anchors_found);
}

static void best_of_rows(const struct imx500_anchor_table *scores, size_t channels,
                         const uint32_t *anchors, size_t count, int32_t *channel, float *best) {
    for (size_t i = 0; i < count; i++) {
        const float *row = scores->values + anchors[i] * scores->anchor_step;
        best[i] = imx500_largest(row, channels);
        channel[i] = -1;
        if (best[i] == -INFINITY)
            continue;
        size_t place = 0;
        /* Bounded, for another thread of the caller's might have written to the row meanwhile. */
        while (place + 1 < channels && row[place] != best[i])
            place++;
        channel[i] = (int32_t)place;
    }
}

void imx500_best_channels(const struct imx500_anchor_table *scores, size_t anchors, size_t channels,
                          const uint32_t *rows, size_t count, int32_t *channel, float *best) {
    if (scores->anchor_step != 1) {
        best_of_rows(scores, channels, rows, count, channel, best);
        return;
    }
    const struct imx500_class_columns columns = {scores->values, anchors, channels};
    imx500_best_classes(&columns, rows, count, channel, best);
}
