#include "yolov8.h"

#include <math.h>

#include "logits.h"

struct cell {
    float x, y; /* of its upper left corner, in strides */
    float stride;
};

static struct cell cell_of(const struct imx500_yolov8_layout *layout, size_t anchor) {
    size_t level = 0;
    while (level + 1 < layout->level_count && anchor >= layout->levels[level + 1].first)
        level++;
    const struct imx500_yolov8_level *grid = &layout->levels[level];
    const size_t place = anchor - grid->first;
    return (struct cell){(float)(place % grid->width), (float)(place / grid->width), grid->stride};
}

static int read_box(const struct imx500_yolov8_layout *layout,
                    const struct imx500_anchor_table *boxes, size_t anchor, float *xyxy) {
    float values[4];
    for (size_t i = 0; i < 4; i++)
        values[i] = imx500_anchor_value(boxes, anchor, i);
    switch (layout->boxes) {
    case IMX500_YOLOV8_DISTANCES: {
        const struct cell cell = cell_of(layout, anchor);
        xyxy[0] = (cell.x + 0.5f - values[0]) * cell.stride;
        xyxy[1] = (cell.y + 0.5f - values[1]) * cell.stride;
        xyxy[2] = (cell.x + 0.5f + values[2]) * cell.stride;
        xyxy[3] = (cell.y + 0.5f + values[3]) * cell.stride;
        break;
    }
    case IMX500_YOLOV8_CENTRES:
        xyxy[0] = values[0] - values[2] / 2;
        xyxy[1] = values[1] - values[3] / 2;
        xyxy[2] = values[0] + values[2] / 2;
        xyxy[3] = values[1] + values[3] / 2;
        break;
    case IMX500_YOLOV8_CORNERS:
        for (size_t i = 0; i < 4; i++)
            xyxy[i] = values[i];
        break;
    }
    xyxy[0] /= layout->x_unit;
    xyxy[1] /= layout->y_unit;
    xyxy[2] /= layout->x_unit;
    xyxy[3] /= layout->y_unit;
    return isfinite(xyxy[0]) && isfinite(xyxy[1]) && isfinite(xyxy[2]) && isfinite(xyxy[3]);
}

void imx500_yolov8_candidates(const struct imx500_yolov8_layout *layout,
                              const struct imx500_anchor_table *boxes,
                              const struct imx500_anchor_table *scores, float threshold,
                              struct imx500_box_list *found) {
    /* The list's own column takes what the scan finds: rows are only ever moved to the front. */
    const size_t passing = imx500_scan_anchors(
        scores, layout->anchors, layout->classes,
        layout->score_logits ? imx500_logit_floor(threshold) : threshold, found->anchor);
    imx500_best_channels(scores, layout->anchors, layout->classes, found->anchor, passing,
                         found->class_id, found->score);
    size_t count = 0;
    for (size_t i = 0; i < passing; i++) {
        const uint32_t anchor = found->anchor[i];
        const float score =
            layout->score_logits ? imx500_sigmoid(found->score[i]) : found->score[i];
        if (found->class_id[i] < 0 || !(score >= threshold) || score == INFINITY ||
            !read_box(layout, boxes, anchor, found->xyxy + 4 * count))
            continue;
        found->score[count] = score;
        found->class_id[count] = found->class_id[i];
        found->anchor[count++] = anchor;
    }
    found->count = count;
}

void imx500_yolov8_read_keypoints(const struct imx500_yolov8_layout *layout,
                                  const struct imx500_yolov8_keypoints *keypoints,
                                  const uint32_t *anchors, size_t count, float *xy,
                                  float *confidence) {
    for (size_t i = 0; i < count; i++) {
        struct cell cell = {0.0f, 0.0f, 1.0f};
        if (keypoints->offsets)
            cell = cell_of(layout, anchors[i]);
        const float scale = keypoints->offsets ? 2.0f : 1.0f;
        for (size_t k = 0; k < keypoints->count; k++) {
            const size_t channel = k * keypoints->dimensions;
            float *point = xy + 2 * (i * keypoints->count + k);
            float *sure = confidence + i * keypoints->count + k;
            const float x = imx500_anchor_value(&keypoints->table, anchors[i], channel);
            const float y = imx500_anchor_value(&keypoints->table, anchors[i], channel + 1);
            point[0] = (x * scale + cell.x) * cell.stride / layout->x_unit;
            point[1] = (y * scale + cell.y) * cell.stride / layout->y_unit;
            *sure = 1.0f;
            if (keypoints->dimensions == 3) {
                *sure = imx500_anchor_value(&keypoints->table, anchors[i], channel + 2);
                if (keypoints->visibility_logits)
                    *sure = imx500_sigmoid(*sure);
            }
            if (!isfinite(point[0]) || !isfinite(point[1]) || !isfinite(*sure)) {
                point[0] = point[1] = NAN;
                *sure = 0.0f;
            }
        }
    }
}
