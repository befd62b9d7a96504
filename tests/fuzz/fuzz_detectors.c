/* Any floats in tensors of any small size give boxes that are finite, ranked and apart; nothing is
 * read or written beyond what was lent. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "efficientdet.h"
#include "nanodet.h"
#include "nms.h"
#include "yolov5.h"

#define MOST_ROWS 512

static void require(int holds) {
    if (!holds)
        abort();
}

/* What the fuzzer sent, from which sizes, options and tensors are taken. */
struct source {
    const uint8_t *data;
    size_t size;
};

static uint32_t number(struct source *source, uint32_t least, uint32_t most) {
    uint32_t value = 0;
    if (source->size > 0) {
        value = source->data[0];
        source->data++;
        source->size--;
    }
    return least + value % (most - least + 1);
}

/* Exactly so many floats in memory of their own, so that a byte beyond them is noticed. */
static float *floats(struct source *source, size_t count) {
    float *values = calloc(count ? count : 1, sizeof *values);
    if (!values)
        abort();
    if (count > 0 && source->size > 0)
        /* Short inputs fill large tensors, too. */
        for (size_t at = 0; at < count * sizeof *values; at++)
            ((uint8_t *)values)[at] = source->data[at % source->size];
    return values;
}

static struct imx500_box_list list_of(size_t capacity) {
    struct imx500_box_list list = {
        malloc(4 * capacity * sizeof(float) + 1),
        malloc(capacity * sizeof(float) + 1),
        malloc(capacity * sizeof(int32_t) + 1),
        malloc(capacity * sizeof(uint32_t) + 1),
        capacity,
        0,
    };
    return list;
}

static void check(const struct imx500_box_list *list, size_t classes, size_t rows,
                  float threshold) {
    require(list->count <= list->capacity);
    for (size_t i = 0; i < list->count; i++) {
        require(list->score[i] >= threshold);
        require(list->class_id[i] >= 0 && (size_t)list->class_id[i] < classes);
        require(list->anchor[i] < rows);
    }
}

static void suppress(struct source *source, struct imx500_box_list *list) {
    struct imx500_nms_options options;
    options.iou_threshold = (float)number(source, 0, 4) / 4.0f;
    options.class_aware = (int)number(source, 0, 1);
    options.plus_one = (int)number(source, 0, 1);
    options.max_detections = number(source, 0, 3) ? SIZE_MAX : number(source, 0, 5);
    void *scratch = malloc(imx500_nms_scratch_bytes(list->capacity) + 1);
    const size_t before = list->count;
    const size_t kept = imx500_nms(list, &options, scratch);
    require(kept == list->count && kept <= before && kept <= options.max_detections);
    for (size_t i = 0; i < kept; i++) {
        for (size_t side = 0; side < 4; side++)
            require(isfinite(list->xyxy[4 * i + side]));
        require(!isnan(list->score[i]));
        require(i == 0 || list->score[i] <= list->score[i - 1]);
    }
    free(scratch);
    free(list->xyxy);
    free(list->score);
    free(list->class_id);
    free(list->anchor);
}

static void try_nms(struct source *source) {
    const size_t count = number(source, 0, 255);
    struct imx500_box_list list = list_of(count);
    struct source options = *source;
    float *boxes = floats(source, 4 * count);
    memcpy(list.xyxy, boxes, 4 * count * sizeof *boxes);
    free(boxes);
    for (size_t i = 0; i < count; i++) {
        uint32_t bits = 0;
        for (int byte = 0; byte < 4; byte++)
            bits = bits << 8 | number(source, 0, 255);
        memcpy(&list.score[i], &bits, sizeof bits);
        list.class_id[i] = (int32_t)(number(source, 0, 3) * 0x40000001u);
        list.anchor[i] = (uint32_t)i;
    }
    list.count = count;
    suppress(&options, &list);
}

static void try_nanodet(struct source *source, float threshold) {
    uint32_t strides[4];
    struct imx500_nanodet network = {0};
    network.levels = number(source, 0, 4);
    for (size_t level = 0; level < network.levels; level++)
        strides[level] = number(source, 1, 64);
    network.strides = strides;
    network.anchors = number(source, 0, 255) * 2;
    network.classes = number(source, 1, 9);
    network.bins = number(source, 1, 9);
    network.width = number(source, 1, 255);
    network.height = number(source, 1, 255);
    float *tensor = floats(source, network.anchors * (network.classes + 4 * network.bins));
    network.tensor = tensor;
    struct imx500_box_list list = list_of(network.anchors);
    imx500_nanodet_candidates(&network, threshold, &list);
    check(&list, network.classes, network.anchors, threshold);
    suppress(source, &list);
    free(tensor);
}

static void try_efficientdet(struct source *source, float threshold) {
    struct imx500_efficientdet network = {0};
    network.anchors = number(source, 0, 255) * 2;
    network.classes = number(source, 1, 9);
    network.width = number(source, 1, 255);
    network.height = number(source, 1, 255);
    network.first_level = number(source, 0, 8);
    network.last_level = number(source, network.first_level, 31);
    network.anchor_scale = (float)number(source, 1, 5);
    float *logits = floats(source, network.anchors * network.classes);
    float *codes = floats(source, network.anchors * 4);
    network.logits = logits;
    network.codes = codes;
    struct imx500_box_list list = list_of(network.anchors);
    imx500_efficientdet_candidates(&network, threshold, &list);
    check(&list, network.classes, network.anchors, threshold);
    suppress(source, &list);
    free(logits);
    free(codes);
}

static void try_yolov5(struct source *source, float threshold) {
    static const float sizes[] = {10, 13, 16, 30, 33, 23};
    const size_t classes = number(source, 1, 9);
    const int logits = (int)number(source, 0, 1), decoded = (int)number(source, 0, 1);
    struct imx500_box_list list = list_of(MOST_ROWS);
    size_t rows = 0;
    for (int levels = 0; levels < (decoded ? 1 : 2); levels++) {
        const size_t columns = number(source, 1, 9), lines = number(source, 1, 9);
        const size_t anchors = number(source, 1, 3), here = columns * lines * anchors;
        struct imx500_yolov5_level level = {NULL,    columns, lines, 1, columns, columns * lines,
                                            anchors, sizes,   8.0f};
        if (number(source, 0, 1)) {
            level.anchor_step = 1;
            level.y_step = anchors;
            level.x_step = anchors * lines;
        }
        float *tensor = floats(source, here * (5 + classes));
        level.tensor = tensor;
        if (decoded)
            imx500_yolov5_decoded_candidates(tensor, here, classes, 1.0f, 640.0f, threshold, &list);
        else
            imx500_yolov5_candidates(&level, classes, logits, threshold, (uint32_t)rows, &list);
        rows += here;
        free(tensor);
    }
    check(&list, classes, rows, threshold);
    suppress(source, &list);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct source source = {data, size};
    const uint32_t choice = number(&source, 0, 3);
    const float threshold = (float)number(&source, 0, 5) / 4.0f;
    if (choice == 0)
        try_nms(&source);
    else if (choice == 1)
        try_nanodet(&source, threshold);
    else if (choice == 2)
        try_efficientdet(&source, threshold);
    else
        try_yolov5(&source, threshold);
    return 0;
}
