/* Any floats, in any layout that the binding lets through, give boxes, keypoints and masks that are
   within bounds. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "instance_masks.h"
#include "yolov8.h"

static void require(int holds) {
    if (!holds)
        abort();
}

struct source {
    const uint8_t *data;
    size_t size, place;
};

static size_t number(struct source *source, size_t least, size_t most) {
    const uint8_t byte = source->size ? source->data[source->place++ % source->size] : 0;
    return least + byte % (most - least + 1);
}

static void *allocate(size_t bytes) {
    /* Exactly as much as is asked for, so that nothing beyond goes unnoticed. */
    void *memory = malloc(bytes ? bytes : 1);
    if (!memory)
        exit(0);
    return memory;
}

/* Most of a tensor is small numbers, or next to nothing would be a box; some are any bits. */
static float *floats(struct source *source, size_t count) {
    float *values = allocate(count * sizeof *values);
    for (size_t i = 0; i < count; i++) {
        const size_t kind = number(source, 0, 255);
        values[i] = (float)kind / 16.0f - 4.0f;
        if (kind < 16)
            for (size_t byte = 0; byte < sizeof *values; byte++)
                ((uint8_t *)&values[i])[byte] = (uint8_t)number(source, 0, 255);
    }
    return values;
}

static struct imx500_anchor_table table(const float *values, size_t anchors, size_t channels,
                                        int rows) {
    const struct imx500_anchor_table side_by_side = {values, channels, 1};
    const struct imx500_anchor_table columns = {values, 1, anchors};
    return rows ? side_by_side : columns;
}

static void check_boxes(const struct imx500_box_list *found, size_t anchors, size_t classes) {
    require(found->count <= anchors);
    for (size_t i = 0; i < found->count; i++) {
        for (size_t side = 0; side < 4; side++)
            require(isfinite(found->xyxy[4 * i + side]));
        require(found->class_id[i] >= 0 && (size_t)found->class_id[i] < classes);
        require(found->anchor[i] < anchors);
        require(i == 0 || found->score[i] <= found->score[i - 1]);
    }
}

static void try_keypoints(struct source *source, const struct imx500_yolov8_layout *layout,
                          const struct imx500_box_list *found) {
    struct imx500_yolov8_keypoints keypoints = {0};
    keypoints.count = number(source, 1, 4);
    keypoints.dimensions = number(source, 2, 3);
    keypoints.offsets = (int)number(source, 0, 1);
    keypoints.visibility_logits = (int)number(source, 0, 1);
    const size_t channels = keypoints.count * keypoints.dimensions;
    float *values = floats(source, layout->anchors * channels);
    keypoints.table = table(values, layout->anchors, channels, (int)number(source, 0, 1));
    const size_t points = found->count * keypoints.count;
    float *xy = allocate(2 * points * sizeof *xy), *sure = allocate(points * sizeof *sure);
    imx500_yolov8_read_keypoints(layout, &keypoints, found->anchor, found->count, xy, sure);
    for (size_t i = 0; i < points; i++) {
        require(isfinite(sure[i]));
        require(isfinite(xy[2 * i]) ? isfinite(xy[2 * i + 1]) : isnan(xy[2 * i + 1]));
    }
    free(values);
    free(xy);
    free(sure);
}

static void check_masks(const uint8_t *masks, size_t count) {
    for (size_t i = 0; i < count; i++)
        require(masks[i] <= 1);
}

static struct imx500_mask_axis axis(struct source *source) {
    float *pair = floats(source, 2);
    const struct imx500_mask_axis made = {(double)pair[0], (double)pair[1], number(source, 1, 12)};
    free(pair);
    return made;
}

static void try_masks(struct source *source, size_t anchors, const struct imx500_box_list *found) {
    struct imx500_prototypes sheets = {0};
    sheets.channels = number(source, 1, 20);
    sheets.height = number(source, 1, 6);
    sheets.width = number(source, 1, 6);
    const size_t area = sheets.height * sheets.width, count = found->count;
    static const size_t orders[4][3] = {{0, 1, 2}, {2, 1, 0}, {1, 2, 0}, {1, 0, 2}};
    const size_t sizes[3] = {sheets.channels, sheets.height, sheets.width};
    const size_t *order = orders[number(source, 0, 3)];
    size_t steps[3], step = 1;
    for (size_t i = 0; i < 3; i++) {
        steps[order[i]] = step;
        step *= sizes[order[i]];
    }
    sheets.channel_step = steps[0];
    sheets.y_step = steps[1];
    sheets.x_step = steps[2];
    float *values = floats(source, sheets.channels * area);
    sheets.values = values;
    float *coefficients = floats(source, anchors * sheets.channels);
    const struct imx500_anchor_table rows =
        table(coefficients, anchors, sheets.channels, (int)number(source, 0, 1));
    float *logits = allocate(count * area * sizeof *logits);
    memset(logits, 0, count * area * sizeof *logits);
    void *scratch =
        allocate(imx500_mask_logits_scratch_bytes(sheets.channels, sheets.height, sheets.width));
    imx500_mask_logits(&sheets, &rows, found->anchor, found->xyxy, count, logits, scratch);
    free(scratch);

    uint8_t *masks = allocate(count * area);
    memset(masks, 0, count * area);
    imx500_network_masks(logits, count, sheets.height, sheets.width, found->xyxy, masks);
    check_masks(masks, count * area);
    free(masks);

    const struct imx500_mask_picture picture = {axis(source), axis(source),
                                                (int)number(source, 0, 1)};
    const size_t pixels = count * picture.x.pixels * picture.y.pixels;
    masks = allocate(pixels);
    memset(masks, 0, pixels);
    scratch = allocate(imx500_picture_masks_scratch_bytes(&picture, sheets.height, sheets.width));
    float *boxes = floats(source, 4 * count);
    imx500_picture_masks(logits, count, sheets.height, sheets.width, &picture, boxes, masks,
                         scratch);
    check_masks(masks, pixels);
    free(boxes);
    free(scratch);
    free(masks);
    free(logits);
    free(coefficients);
    free(values);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct source source = {data, size, 0};
    const size_t anchors = number(&source, 1, 60), classes = number(&source, 1, 70);
    const size_t first = number(&source, 1, 60);
    const struct imx500_yolov8_level levels[2] = {{0, number(&source, 1, 9), 8.0f},
                                                  {first, number(&source, 1, 9), 16.0f}};
    struct imx500_yolov8_layout layout = {0};
    layout.anchors = anchors;
    layout.classes = classes;
    layout.boxes = (enum imx500_yolov8_boxes)number(&source, 0, 2);
    layout.levels = levels;
    layout.level_count = number(&source, 1, 2);
    layout.x_unit = 64.0f;
    layout.y_unit = 1.0f;
    layout.score_logits = (int)number(&source, 0, 1);
    const float threshold = (float)number(&source, 0, 10) / 10.0f;
    struct imx500_nms_options options = {0.5f, 1, 0, number(&source, 0, 60)};

    float *box_values = floats(&source, 4 * anchors);
    float *score_values = floats(&source, anchors * classes);
    const struct imx500_anchor_table boxes =
        table(box_values, anchors, 4, (int)number(&source, 0, 1));
    const struct imx500_anchor_table scores =
        table(score_values, anchors, classes, (int)number(&source, 0, 1));
    struct imx500_box_list found = {allocate(4 * anchors * sizeof(float)),
                                    allocate(anchors * sizeof(float)),
                                    allocate(anchors * sizeof(int32_t)),
                                    allocate(anchors * sizeof(uint32_t)),
                                    anchors,
                                    0};
    imx500_yolov8_candidates(&layout, &boxes, &scores, threshold, &found);
    for (size_t i = 0; i < found.count; i++)
        require(found.score[i] >= threshold);
    void *scratch = allocate(imx500_nms_scratch_bytes(anchors));
    imx500_nms(&found, &options, scratch);
    check_boxes(&found, anchors, classes);
    require(found.count <= options.max_detections);
    try_keypoints(&source, &layout, &found);
    try_masks(&source, anchors, &found);
    free(scratch);
    free(found.xyxy);
    free(found.score);
    free(found.class_id);
    free(found.anchor);
    free(box_values);
    free(score_values);
    return 0;
}
