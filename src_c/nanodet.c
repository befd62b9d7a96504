#include "nanodet.h"

#include <math.h>

#include "class_scan.h"
#include "logits.h"

struct point {
    float x;
    float y;
    float stride; /* 0 for a row that no level has */
};

static struct point anchor_point(const struct imx500_nanodet *network, size_t row) {
    for (size_t level = 0; level < network->levels; level++) {
        const size_t stride = network->strides[level];
        const size_t columns = (network->width + stride - 1) / stride;
        const size_t cells = columns * ((network->height + stride - 1) / stride);
        if (row < cells)
            return (struct point){(float)(row % columns * stride), (float)(row / columns * stride),
                                  (float)stride};
        row -= cells;
    }
    return (struct point){0.0f, 0.0f, 0.0f};
}

/* Where every bin is minus infinity, or one is a NaN or infinite, this is a NaN. */
static float expected_bin(const float *column, size_t step, size_t bins) {
    float most = column[0];
    for (size_t bin = 1; bin < bins; bin++)
        if (column[bin * step] > most)
            most = column[bin * step];
    float total = 0.0f, weighted = 0.0f;
    for (size_t bin = 0; bin < bins; bin++) {
        const float weight = expf(column[bin * step] - most);
        total += weight;
        weighted += weight * (float)bin;
    }
    return weighted / total;
}

void imx500_nanodet_candidates(const struct imx500_nanodet *network, float threshold,
                               struct imx500_box_list *list) {
    const struct imx500_class_columns logits = {network->tensor, network->anchors,
                                                network->classes};
    const float *sides = network->tensor + network->classes * network->anchors;
    const size_t found = imx500_scan_classes(&logits, imx500_logit_floor(threshold), list->anchor);
    imx500_best_classes(&logits, list->anchor, found, list->class_id, list->score);
    size_t count = 0;
    for (size_t i = 0; i < found; i++) {
        const uint32_t row = list->anchor[i];
        const float score = imx500_sigmoid(list->score[i]);
        const struct point anchor = anchor_point(network, row);
        if (!(score >= threshold) || list->class_id[i] < 0 || anchor.stride == 0.0f)
            continue;
        float distance[4];
        for (size_t side = 0; side < 4; side++)
            distance[side] =
                anchor.stride * expected_bin(sides + side * network->bins * network->anchors + row,
                                             network->anchors, network->bins);
        float *box = list->xyxy + 4 * count;
        box[0] = anchor.x - distance[0];
        box[1] = anchor.y - distance[1];
        box[2] = anchor.x + distance[2];
        box[3] = anchor.y + distance[3];
        list->score[count] = score;
        list->class_id[count] = list->class_id[i];
        list->anchor[count++] = row;
    }
    list->count = count;
}
