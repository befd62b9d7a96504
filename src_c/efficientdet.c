#include "efficientdet.h"

#include <math.h>

#include "class_scan.h"
#include "logits.h"

#define SHAPES 3

struct box {
    float x; /* of the centre */
    float y;
    float width; /* 0 for a row that no level has */
    float height;
};

static size_t cells_along(uint32_t pixels, uint32_t level) {
    const uint64_t cell = (uint64_t)1 << level;
    return (size_t)((pixels + cell - 1) / cell);
}

static struct box anchor_box(const struct imx500_efficientdet *network, size_t row) {
    static const double octaves[] = {1.0, 1.2599210498948732, 1.5874010519681994};
    static const double widths[SHAPES] = {1.0, 1.4142135623730951, 0.7071067811865476};
    for (uint32_t level = network->first_level; level <= network->last_level; level++) {
        const size_t columns = cells_along(network->width, level);
        const size_t lines = cells_along(network->height, level);
        const size_t anchors = columns * lines * IMX500_EFFICIENTDET_ANCHORS_PER_CELL;
        if (row >= anchors) {
            row -= anchors;
            continue;
        }
        const size_t cell = row / IMX500_EFFICIENTDET_ANCHORS_PER_CELL;
        const size_t kind = row % IMX500_EFFICIENTDET_ANCHORS_PER_CELL;
        const double cell_width = (double)network->width / (double)columns;
        const double cell_height = (double)network->height / (double)lines;
        const double size = (double)network->anchor_scale * octaves[kind / SHAPES];
        const double shape = widths[kind % SHAPES];
        return (struct box){(float)(((double)(cell % columns) + 0.5) * cell_width),
                            (float)(((double)(cell / columns) + 0.5) * cell_height),
                            (float)(size * shape * cell_width),
                            (float)(size / shape * cell_height)};
    }
    return (struct box){0.0f, 0.0f, 0.0f, 0.0f};
}

void imx500_efficientdet_candidates(const struct imx500_efficientdet *network, float threshold,
                                    struct imx500_box_list *list) {
    const struct imx500_class_columns logits = {network->logits, network->anchors,
                                                network->classes};
    const size_t found = imx500_scan_classes(&logits, imx500_logit_floor(threshold), list->anchor);
    imx500_best_classes(&logits, list->anchor, found, list->class_id, list->score);
    size_t count = 0;
    for (size_t i = 0; i < found; i++) {
        const uint32_t row = list->anchor[i];
        const float score = imx500_sigmoid(list->score[i]);
        const struct box anchor = anchor_box(network, row);
        if (!(score >= threshold) || list->class_id[i] < 0 || anchor.width == 0.0f)
            continue;
        const float *code = network->codes + row;
        const float y = code[0] * anchor.height + anchor.y;
        const float x = code[network->anchors] * anchor.width + anchor.x;
        const float half_height = 0.5f * expf(code[2 * network->anchors]) * anchor.height;
        const float half_width = 0.5f * expf(code[3 * network->anchors]) * anchor.width;
        float *box = list->xyxy + 4 * count;
        box[0] = x - half_width;
        box[1] = y - half_height;
        box[2] = x + half_width;
        box[3] = y + half_height;
        list->score[count] = score;
        list->class_id[count] = list->class_id[i];
        list->anchor[count++] = row;
    }
    list->count = count;
}
