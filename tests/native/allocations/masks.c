#include "classification.h"
#include "counting.h"
#include "instance_masks.h"
#include "segmentation.h"

static void call_segmentation(void) {
    enum { SIDE = 320, PIXELS = SIDE * SIDE, CLASSES = 21, WIDTH = 1280, HEIGHT = 960 };
    const float *ids = floats(PIXELS, 0.0f, CLASSES);
    const float *scores = floats((size_t)PIXELS * CLASSES, -8.0f, 8.0f);
    int16_t *map = fresh(PIXELS * sizeof *map);
    WRITES("frame", map, PIXELS * sizeof *map, imx500_class_map, ids, SIDE, SIDE, map);
    for (int classes_first = 0; classes_first < 2; classes_first++) {
        map = fresh(PIXELS * sizeof *map);
        WRITES("frame", map, PIXELS * sizeof *map, imx500_best_class_map, scores, SIDE, SIDE,
               CLASSES, classes_first, map);
    }
    const size_t present = GIVES("frame", imx500_highest_class, map, PIXELS) + 1;
    struct imx500_region *regions = fresh(present * sizeof *regions);
    WRITES("frame", regions, present * sizeof *regions, imx500_measure_regions, map, SIDE, SIDE,
           regions, present);
    int32_t class_id[CLASSES];
    for (int32_t i = 0; i < CLASSES; i++)
        class_id[i] = i;
    uint8_t *masks = fresh((size_t)CLASSES * PIXELS);
    WRITES("frame", masks, (size_t)CLASSES * PIXELS, imx500_class_masks, map, PIXELS, class_id,
           CLASSES, masks);

    float shares[2 * WIDTH];
    for (size_t i = 0; i < WIDTH; i++)
        shares[2 * i] = shares[2 * i + 1] = ((float)i + 0.5f) / WIDTH * 1.5f - 0.25f;
    struct imx500_nearest columns = {.offset = fresh(WIDTH * sizeof(uint32_t)), .count = WIDTH};
    WRITES("frame", columns.offset, WIDTH * sizeof(uint32_t), imx500_find_nearest, &columns, shares,
           2, SIDE, 1);
    struct imx500_nearest rows = {.offset = fresh(HEIGHT * sizeof(uint32_t)), .count = HEIGHT};
    WRITES("frame", rows.offset, HEIGHT * sizeof(uint32_t), imx500_find_nearest, &rows, shares + 1,
           2, SIDE, SIDE);
    int16_t *picture = fresh((size_t)WIDTH * HEIGHT * sizeof *picture);
    WRITES("frame", picture, (size_t)WIDTH * HEIGHT * sizeof *picture, imx500_place_map, map, &rows,
           &columns, picture);
}

static void call_classification(void) {
    enum { CLASSES = 1000 };
    float *scores = floats(CLASSES, 0.0f, 0.25f);
    for (size_t i = 0; i < OBJECTS; i++)
        scores[i * CLASSES / OBJECTS] = any_number(0.6f, 0.9f);
    int32_t *class_id = fresh(CLASSES * sizeof *class_id);
    float *confidence = fresh(CLASSES * sizeof *confidence);
    uint32_t *scratch =
        fresh(GIVES("frame", imx500_top_classes_scratch, CLASSES, CLASSES) * sizeof *scratch);
    for (size_t i = 0; i < SITUATIONS; i++) {
        const struct imx500_ranking_options options = {0, situations[i].threshold, CLASSES};
        GIVES(situations[i].name, imx500_top_classes, scores, CLASSES, &options, class_id,
              confidence, scratch);
    }
    const size_t limits[] = {5, CLASSES};
    for (size_t i = 0; i < 2; i++) {
        const struct imx500_ranking_options options = {1, 0.0f, limits[i]};
        GIVES("softmax", imx500_top_classes, scores, CLASSES, &options, class_id, confidence,
              scratch);
    }
}

static void call_instance_masks(void) {
    enum { SIDE = 160, CHANNELS = 32, ANCHORS = 8400, WIDTH = 640, HEIGHT = 480 };
    const float *values = floats((size_t)SIDE * SIDE * CHANNELS, -1.0f, 1.0f);
    const struct imx500_prototypes orders[] = {
        {values, CHANNELS, SIDE, SIDE, SIDE * SIDE, 1, SIDE},
        {values, CHANNELS, SIDE, SIDE, 1, CHANNELS * SIDE, CHANNELS},
    };
    const struct imx500_anchor_table coefficients = {floats(CHANNELS * ANCHORS, -1.0f, 1.0f), 1,
                                                     ANCHORS};
    const struct imx500_mask_picture pictures[] = {
        {{1.0 / WIDTH, 0.0, WIDTH}, {1.0 / HEIGHT, 0.0, HEIGHT}, 0},
        {{-1.0 / WIDTH, 1.0, WIDTH}, {1.0 / HEIGHT, 0.0, HEIGHT}, 1},
    };
    uint32_t anchors[OBJECTS];
    float seen[4 * OBJECTS], placed[4 * OBJECTS];
    for (size_t i = 0; i < OBJECTS; i++) {
        anchors[i] = (uint32_t)any_index(ANCHORS);
        for (size_t side = 0; side < 4; side++) {
            const float at = any_number(0.0f, 0.5f) + (side < 2 ? 0.0f : 0.5f);
            seen[4 * i + side] = at;
            placed[4 * i + side] = at * (side % 2 ? HEIGHT : WIDTH);
        }
    }
    const size_t sheets = (size_t)OBJECTS * SIDE * SIDE;
    for (size_t i = 0; i < 2; i++) {
        void *scratch =
            fresh(GIVES("frame", imx500_mask_logits_scratch_bytes, CHANNELS, SIDE, SIDE));
        float *logits = fresh(sheets * sizeof *logits);
        WRITES("frame", logits, sheets * sizeof *logits, imx500_mask_logits, &orders[i],
               &coefficients, anchors, seen, OBJECTS, logits, scratch);
        uint8_t *masks = zeros(sheets);
        LEAVES("frame", set(masks, sheets), imx500_network_masks, logits, OBJECTS, SIDE, SIDE, seen,
               masks);
        scratch =
            fresh(GIVES("frame", imx500_picture_masks_scratch_bytes, &pictures[i], SIDE, SIDE));
        masks = zeros((size_t)OBJECTS * WIDTH * HEIGHT);
        LEAVES("frame", set(masks, (size_t)OBJECTS * WIDTH * HEIGHT), imx500_picture_masks, logits,
               OBJECTS, SIDE, SIDE, &pictures[i], placed, masks, scratch);
    }
}

void call_masks(void) {
    call_segmentation();
    call_classification();
    call_instance_masks();
}
