#include "on_sensor_detections.h"

#include <math.h>

#include "ranking.h"

/* Above this, float32 does not hold every integer. */
#define MAX_CLASS_ID 16777216.0f

static size_t filled_rows(const struct imx500_candidates *candidates) {
    if (!(candidates->count > 0.0f))
        return 0;
    if (candidates->count >= (float)candidates->rows)
        return candidates->rows;
    return (size_t)candidates->count;
}

static int box_is_finite(const float *boxes, size_t rows, size_t row) {
    return isfinite(boxes[row]) && isfinite(boxes[rows + row]) && isfinite(boxes[2 * rows + row]) &&
           isfinite(boxes[3 * rows + row]);
}

size_t imx500_select_candidates(const struct imx500_candidates *candidates, float threshold,
                                uint32_t *selected) {
    const size_t filled = filled_rows(candidates);
    /* Python's lock keeps nobody from writing to the tensors, and the order needs what stays. */
    float *scores = (float *)(selected + 2 * candidates->rows);
    size_t count = 0;
    for (size_t row = 0; row < filled; row++) {
        scores[row] = candidates->scores[row];
        if (!(scores[row] >= threshold) || scores[row] == INFINITY ||
            !box_is_finite(candidates->boxes, candidates->rows, row))
            continue;
        selected[count++] = (uint32_t)row;
    }
    imx500_rank_by_score(scores, selected, count, selected + candidates->rows);
    return count;
}

void imx500_gather_candidates(const struct imx500_candidates *candidates,
                              const struct imx500_box_format *format, const uint32_t *selected,
                              size_t count, float *xyxy, float *confidence, int32_t *class_id) {
    const size_t rows = candidates->rows;
    const size_t x_column = format->x_first ? 0 : 1;
    const float *x0 = candidates->boxes + x_column * rows;
    const float *y0 = candidates->boxes + (1 - x_column) * rows;
    const float *x1 = x0 + 2 * rows;
    const float *y1 = y0 + 2 * rows;
    for (size_t i = 0; i < count; i++) {
        const size_t row = selected[i];
        xyxy[4 * i] = x0[row] / format->x_unit;
        xyxy[4 * i + 1] = y0[row] / format->y_unit;
        xyxy[4 * i + 2] = x1[row] / format->x_unit;
        xyxy[4 * i + 3] = y1[row] / format->y_unit;
        confidence[i] = candidates->scores[row];
        const float value = candidates->classes[row];
        class_id[i] = value >= 0.0f && value <= MAX_CLASS_ID ? (int32_t)value : -1;
    }
}
