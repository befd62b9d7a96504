#include "yolov5.h"

#include <math.h>

#include "class_scan.h"
#include "logits.h"

enum { X, Y, WIDTH, HEIGHT, OBJECT, CLASSES };

struct reading {
    const float *tensor;
    size_t rows;
    size_t classes;
    int logits;
    float threshold;
};

/* Puts the rows behind those of the list, scores and classes with them. */
static size_t find_rows(const struct reading *from, struct imx500_box_list *list) {
    const struct imx500_class_columns object = {from->tensor + OBJECT * from->rows, from->rows, 1};
    const struct imx500_class_columns classes = {from->tensor + CLASSES * from->rows, from->rows,
                                                 from->classes};
    uint32_t *rows = list->anchor + list->count;
    float *scores = list->score + list->count;
    int32_t *class_id = list->class_id + list->count;
    const float floor = from->logits ? imx500_logit_floor(from->threshold) : from->threshold;
    const size_t found = imx500_scan_classes(&object, floor, rows);
    imx500_best_classes(&classes, rows, found, class_id, scores);
    for (size_t i = 0; i < found; i++) {
        const float seen = object.values[rows[i]];
        const float likely = scores[i];
        const float confidence = from->logits ? imx500_sigmoid(seen) : seen;
        const float score = confidence * (from->logits ? imx500_sigmoid(likely) : likely);
        const int counts =
            confidence >= from->threshold && score >= from->threshold && isfinite(score);
        scores[i] = counts && class_id[i] >= 0 ? score : NAN;
    }
    return found;
}

static void append(struct imx500_box_list *list, size_t from, uint32_t row, float x, float y,
                   float half_width, float half_height) {
    const size_t to = list->count++;
    float *box = list->xyxy + 4 * to;
    box[0] = x - half_width;
    box[1] = y - half_height;
    box[2] = x + half_width;
    box[3] = y + half_height;
    list->score[to] = list->score[from];
    list->class_id[to] = list->class_id[from];
    list->anchor[to] = row;
}

static inline float channel(const struct reading *from, size_t row, size_t index) {
    const float value = from->tensor[index * from->rows + row];
    return from->logits ? imx500_sigmoid(value) : value;
}

void imx500_yolov5_candidates(const struct imx500_yolov5_level *level, size_t classes, int logits,
                              float threshold, uint32_t first_row, struct imx500_box_list *list) {
    const size_t rows = level->columns * level->lines * level->anchors;
    const struct reading from = {level->tensor, rows, classes, logits, threshold};
    const size_t start = list->count;
    const size_t found = find_rows(&from, list);
    for (size_t i = start; i < start + found; i++) {
        if (isnan(list->score[i]))
            continue;
        const size_t row = list->anchor[i];
        const size_t column = row / level->x_step % level->columns;
        const size_t line = row / level->y_step % level->lines;
        const float *size = level->anchor_size + 2 * (row / level->anchor_step % level->anchors);
        const float width = 2.0f * channel(&from, row, WIDTH);
        const float height = 2.0f * channel(&from, row, HEIGHT);
        append(list, i, first_row + (uint32_t)row,
               (2.0f * channel(&from, row, X) - 0.5f + (float)column) * level->stride,
               (2.0f * channel(&from, row, Y) - 0.5f + (float)line) * level->stride,
               0.5f * width * width * size[0], 0.5f * height * height * size[1]);
    }
}

void imx500_yolov5_decoded_candidates(const float *tensor, size_t rows, size_t classes,
                                      float x_unit, float y_unit, float threshold,
                                      struct imx500_box_list *list) {
    const struct reading from = {tensor, rows, classes, 0, threshold};
    const size_t start = list->count;
    const size_t found = find_rows(&from, list);
    for (size_t i = start; i < start + found; i++) {
        if (isnan(list->score[i]))
            continue;
        const size_t row = list->anchor[i];
        append(list, i, (uint32_t)row, channel(&from, row, X) * x_unit,
               channel(&from, row, Y) * y_unit, 0.5f * channel(&from, row, WIDTH) * x_unit,
               0.5f * channel(&from, row, HEIGHT) * y_unit);
    }
}
