#include "anchor_scan.h"

#include <math.h>

/* Independent running maxima, because one alone would be a chain that no compiler may reorder. */
#define LANES 32
/* Anchors that are looked at together while none of them counts. */
#define GROUP 8
/* Columns that are read side by side, so that the running best is loaded and stored less often. */
#define COLUMNS 8

/* Keeps `best` where `value` is NaN. */
static inline float larger(float value, float best) {
    return value > best ? value : best;
}

static float largest(const float *values, size_t count) {
    float lanes[LANES];
    if (count < LANES) {
        lanes[0] = -INFINITY;
        for (size_t i = 0; i < count; i++)
            lanes[0] = larger(values[i], lanes[0]);
        return lanes[0];
    }
    for (size_t lane = 0; lane < LANES; lane++)
        lanes[lane] = -INFINITY;
    size_t i = 0;
    for (; i + LANES <= count; i += LANES)
        for (size_t lane = 0; lane < LANES; lane++)
            lanes[lane] = larger(values[i + lane], lanes[lane]);
    for (size_t lane = 0; i < count; i++, lane++)
        lanes[lane] = larger(values[i], lanes[lane]);
    for (size_t half = LANES / 2; half > 0; half /= 2)
        for (size_t lane = 0; lane < half; lane++)
            lanes[lane] = larger(lanes[lane + half], lanes[lane]);
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
        if (step == channels && !(largest(group, (end - start) * channels) >= threshold))
            continue;
        for (size_t anchor = start; anchor < end; anchor++)
            if (largest(scores->values + anchor * step, channels) >= threshold)
                found[count++] = (uint32_t)anchor;
    }
    return count;
}

static void take_columns(const float *columns, size_t step, size_t anchors, float *restrict best) {
    for (size_t a = 0; a < anchors; a++) {
        float most = best[a];
        for (size_t column = 0; column < COLUMNS; column++)
            most = larger(columns[column * step + a], most);
        best[a] = most;
    }
}

/* The anchors of a channel lie side by side. */
static size_t scan_columns(const struct imx500_anchor_table *scores, size_t anchors,
                           size_t channels, float threshold, float *restrict best,
                           uint32_t *found) {
    const size_t step = scores->channel_step;
    for (size_t a = 0; a < anchors; a++)
        best[a] = -INFINITY;
    size_t channel = 0;
    for (; channel + COLUMNS <= channels; channel += COLUMNS)
        take_columns(scores->values + channel * step, step, anchors, best);
    for (; channel < channels; channel++) {
        const float *column = scores->values + channel * step;
        for (size_t a = 0; a < anchors; a++)
            best[a] = larger(column[a], best[a]);
    }
    size_t count = 0;
    for (size_t a = 0; a < anchors; a++)
        if (best[a] >= threshold)
            found[count++] = (uint32_t)a;
    return count;
}

size_t imx500_scan_anchors(const struct imx500_anchor_table *scores, size_t anchors,
                           size_t channels, float threshold, float *best, uint32_t *anchors_found) {
    if (scores->channel_step == 1 && scores->anchor_step != 1)
        return scan_rows(scores, anchors, channels, threshold, anchors_found);
    return scan_columns(scores, anchors, channels, threshold, best, anchors_found);
}

size_t imx500_best_channel(const struct imx500_anchor_table *scores, size_t anchor, size_t channels,
                           float *value) {
    size_t best = 0;
    *value = NAN;
    for (size_t channel = 0; channel < channels; channel++) {
        const float candidate = imx500_anchor_value(scores, anchor, channel);
        if (candidate > *value || (isnan(*value) && !isnan(candidate))) {
            *value = candidate;
            best = channel;
        }
    }
    return best;
}
