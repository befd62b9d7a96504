#include "anchor_scan.h"
#include "class_scan.h"
#include "counting.h"
#include "efficientdet.h"
#include "nanodet.h"
#include "nms.h"
#include "on_sensor_detections.h"
#include "ranking.h"
#include "yolov5.h"
#include "yolov8.h"

#define CLASSES 80

static struct imx500_box_list list_of(size_t capacity) {
    const struct imx500_box_list list = {
        .xyxy = fresh(4 * capacity * sizeof(float)),
        .score = fresh(capacity * sizeof(float)),
        .class_id = fresh(capacity * sizeof(int32_t)),
        .anchor = fresh(capacity * sizeof(uint32_t)),
        .capacity = capacity,
    };
    return list;
}

/* Lets one class of some anchors stand out. */
static void put_objects(float *scores, size_t anchors, size_t classes, float score) {
    for (size_t i = 0; i < OBJECTS; i++)
        scores[any_index(classes) * anchors + i * anchors / OBJECTS] = score;
}

static void call_on_sensor(void) {
    enum { ROWS = 300 };
    float *scores = floats(ROWS, 0.0f, 0.25f);
    put_objects(scores, ROWS, 1, 0.75f);
    const struct imx500_candidates candidates = {
        .boxes = floats(4 * ROWS, 0.0f, 320.0f),
        .scores = scores,
        .classes = floats(ROWS, 0.0f, 80.0f),
        .rows = ROWS,
        .count = ROWS,
    };
    const struct imx500_box_format formats[] = {{0, 1.0f, 1.0f}, {1, 320.0f, 320.0f}};
    for (size_t i = 0; i < SITUATIONS; i++) {
        uint32_t *selected = fresh(3 * ROWS * sizeof *selected);
        const size_t count = GIVES(situations[i].name, imx500_select_candidates, &candidates,
                                   situations[i].threshold, selected);
        const struct imx500_box_list list = list_of(count);
        LEAVES(situations[i].name, written(list.xyxy, 4 * count * sizeof(float)),
               imx500_gather_candidates, &candidates, &formats[i % 2], selected, count, list.xyxy,
               list.score, list.class_id);
    }
}

static void call_ranking(void) {
    enum { ROWS = 10000 };
    const float *scores = floats(ROWS, 0.0f, 1.0f);
    int32_t *ids = fresh(ROWS * sizeof *ids);
    uint32_t *rows = fresh(ROWS * sizeof *rows);
    for (uint32_t i = 0; i < ROWS; i++) {
        ids[i] = (int32_t)any_index(CLASSES);
        rows[i] = i;
    }
    uint32_t *scratch = fresh(ROWS * sizeof *scratch);
    LEAVES("frame", rows[0] != 0 && scores[rows[0]] > 0.9f, imx500_rank_by_score, scores, rows,
           ROWS, scratch);
    LEAVES("frame", ids[rows[0]] == 0 && ids[rows[ROWS - 1]] > 0, imx500_rank_by_id, ids, rows,
           ROWS, scratch);
}

static void call_nms(void) {
    enum { ROWS = 3000 };
    const size_t counts[SITUATIONS] = {0, 2 * OBJECTS, ROWS};
    void *scratch = fresh(GIVES("frame", imx500_nms_scratch_bytes, ROWS));
    for (int class_aware = 0; class_aware < 2; class_aware++) {
        const struct imx500_nms_options options = {0.5f, class_aware, !class_aware, SIZE_MAX};
        for (size_t i = 0; i < SITUATIONS; i++) {
            struct imx500_box_list list = list_of(ROWS);
            list.count = counts[i];
            for (size_t row = 0; row < list.count; row++) {
                /* Every other box lies where the one before it does. */
                const float x = (float)(row / 2 % 60) * 10.0f, y = (float)(row / 120) * 20.0f;
                list.xyxy[4 * row] = x + any_number(0.0f, 1.0f);
                list.xyxy[4 * row + 1] = y + any_number(0.0f, 1.0f);
                list.xyxy[4 * row + 2] = x + 9.0f;
                list.xyxy[4 * row + 3] = y + 18.0f;
                list.score[row] = any_number(0.0f, 1.0f);
                list.class_id[row] = (int32_t)(row / 2 % CLASSES);
                list.anchor[row] = (uint32_t)row;
            }
            uint32_t *rows = fresh(ROWS * sizeof *rows);
            GIVES(situations[i].name, imx500_nms_rows, list.xyxy, list.score, list.class_id,
                  list.count, &options, rows, scratch);
            GIVES(situations[i].name, imx500_nms, &list, &options, scratch);
        }
    }
}

static void call_nanodet(void) {
    enum { ANCHORS = 3598, BINS = 8 };
    static const uint32_t strides[] = {8, 16, 32, 64};
    float *tensor = floats((size_t)ANCHORS * (CLASSES + 4 * BINS), -8.0f, -4.0f);
    put_objects(tensor, ANCHORS, CLASSES, 2.0f);
    const struct imx500_nanodet network = {tensor, ANCHORS, CLASSES, BINS, 416, 416, strides, 4};
    for (size_t i = 0; i < SITUATIONS; i++) {
        struct imx500_box_list list = list_of(ANCHORS);
        LEAVES(situations[i].name, list.count, imx500_nanodet_candidates, &network,
               situations[i].threshold, &list);
    }
}

static void call_efficientdet(void) {
    enum { CELLS = 40 * 40 + 20 * 20 + 10 * 10 + 5 * 5 + 3 * 3, LABELS = 90 };
    const size_t anchors = CELLS * IMX500_EFFICIENTDET_ANCHORS_PER_CELL;
    float *logits = floats(anchors * LABELS, -8.0f, -4.0f);
    put_objects(logits, anchors, LABELS, 2.0f);
    const struct imx500_efficientdet network = {
        logits, floats(4 * anchors, -1.0f, 1.0f), anchors, LABELS, 320, 320, 3, 7, 3.0f,
    };
    for (size_t i = 0; i < SITUATIONS; i++) {
        struct imx500_box_list list = list_of(anchors);
        LEAVES(situations[i].name, list.count, imx500_efficientdet_candidates, &network,
               situations[i].threshold, &list);
    }
}

static void call_yolov5(void) {
    enum { SIDE = 40, SHAPES = 3, ROWS = SIDE * SIDE * SHAPES, CHANNELS = 5 + CLASSES };
    static const float sizes[2 * SHAPES] = {30, 61, 62, 45, 59, 119};
    for (int logits = 0; logits < 2; logits++) {
        const float low = logits ? -8.0f : 0.0f, high = logits ? -4.0f : 0.25f;
        const float stands_out = logits ? 4.0f : 0.9f;
        float *tensor = floats((size_t)ROWS * CHANNELS, low, high);
        for (size_t i = 0; i < OBJECTS; i++) {
            const size_t row = i * ROWS / OBJECTS;
            tensor[4 * ROWS + row] = tensor[(5 + any_index(CLASSES)) * ROWS + row] = stands_out;
        }
        const struct imx500_yolov5_level level = {tensor,      SIDE,   SIDE,  1,    SIDE,
                                                  SIDE * SIDE, SHAPES, sizes, 16.0f};
        for (size_t i = 0; i < SITUATIONS; i++) {
            struct imx500_box_list list = list_of(ROWS);
            LEAVES(situations[i].name, list.count, imx500_yolov5_candidates, &level, CLASSES,
                   logits, situations[i].threshold, 0, &list);
            if (logits)
                continue;
            list.count = 0;
            LEAVES(situations[i].name, list.count, imx500_yolov5_decoded_candidates, tensor, ROWS,
                   CLASSES, 640.0f, 640.0f, situations[i].threshold, &list);
        }
    }
}

static void call_yolov8(void) {
    enum { ANCHORS = 8400, KEYPOINTS = 17 };
    static const struct imx500_yolov8_level levels[] = {
        {0, 80, 8.0f}, {6400, 40, 16.0f}, {8000, 20, 32.0f}};
    const struct imx500_anchor_table boxes = {floats(4 * ANCHORS, 0.0f, 100.0f), 1, ANCHORS};
    float *values = floats((size_t)CLASSES * ANCHORS, -8.0f, -4.0f);
    put_objects(values, ANCHORS, CLASSES, 2.0f);
    const struct imx500_anchor_table scores = {values, 1, ANCHORS};
    /* As the columns of one anchor, side by side. */
    const struct imx500_anchor_table places = {floats(3 * KEYPOINTS * ANCHORS, 0.0f, 640.0f),
                                               3 * KEYPOINTS, 1};
    const struct imx500_yolov8_keypoints keypoints = {places, KEYPOINTS, 3, 1, 1};
    for (enum imx500_yolov8_boxes form = IMX500_YOLOV8_DISTANCES; form <= IMX500_YOLOV8_CORNERS;
         form++) {
        const struct imx500_yolov8_layout layout = {ANCHORS, CLASSES, form,   levels,
                                                    3,       640.0f,  640.0f, 1};
        for (size_t i = 0; i < SITUATIONS; i++) {
            struct imx500_box_list list = list_of(ANCHORS);
            LEAVES(situations[i].name, list.count, imx500_yolov8_candidates, &layout, &boxes,
                   &scores, situations[i].threshold, &list);
            float *xy = fresh(list.count * KEYPOINTS * 2 * sizeof *xy);
            float *confidence = fresh(list.count * KEYPOINTS * sizeof *confidence);
            WRITES(situations[i].name, confidence, list.count * KEYPOINTS * sizeof *confidence,
                   imx500_yolov8_read_keypoints, &layout, &keypoints, list.anchor, list.count, xy,
                   confidence);
        }
    }
}

static void call_scans(void) {
    enum { ANCHORS = 8400 };
    float *values = floats((size_t)CLASSES * ANCHORS, 0.0f, 0.25f);
    put_objects(values, ANCHORS, CLASSES, 0.75f);
    const struct imx500_class_columns columns = {values, ANCHORS, CLASSES};
    for (size_t i = 0; i < SITUATIONS; i++) {
        const struct imx500_box_list list = list_of(ANCHORS);
        const size_t count = GIVES(situations[i].name, imx500_scan_classes, &columns,
                                   situations[i].threshold, list.anchor);
        WRITES(situations[i].name, list.class_id, count * sizeof(int32_t), imx500_best_classes,
               &columns, list.anchor, count, list.class_id, list.score);
    }
    const struct imx500_anchor_table tables[] = {{values, 1, ANCHORS}, {values, CLASSES, 1}};
    for (size_t i = 0; i < 2 * SITUATIONS; i++) {
        const struct situation *situation = &situations[i / 2];
        const struct imx500_box_list list = list_of(ANCHORS);
        const size_t count = GIVES(situation->name, imx500_scan_anchors, &tables[i % 2], ANCHORS,
                                   CLASSES, situation->threshold, list.anchor);
        WRITES(situation->name, list.class_id, count * sizeof(int32_t), imx500_best_channels,
               &tables[i % 2], ANCHORS, CLASSES, list.anchor, count, list.class_id, list.score);
    }
}

void call_detectors(void) {
    call_on_sensor();
    call_ranking();
    call_nms();
    call_scans();
    call_nanodet();
    call_efficientdet();
    call_yolov5();
    call_yolov8();
}
