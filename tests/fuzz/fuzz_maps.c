/* Any floats, in maps of any size and rows of any length, give classes and shares that hold. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "classification.h"
#include "segmentation.h"

#define HEADER 8

static void require(int holds) {
    if (!holds)
        abort();
}

static void *room(size_t count, size_t size) {
    void *memory = malloc(count * size + (count == 0));
    require(memory != NULL);
    return memory;
}

/* As many floats as were asked for, from bytes that repeat, in memory of exactly that size. */
static float *floats(const uint8_t *data, size_t size, size_t count) {
    float *values = room(count, sizeof *values);
    uint8_t *bytes = (uint8_t *)values;
    for (size_t i = 0; i < count * sizeof *values; i++)
        bytes[i] = size ? data[i % size] : 0;
    return values;
}

static void check_regions(const int16_t *map, size_t height, size_t width) {
    const size_t pixels = height * width;
    const size_t classes = (size_t)(imx500_highest_class(map, pixels) + 1);
    struct imx500_region *regions = room(classes, sizeof *regions);
    imx500_measure_regions(map, height, width, regions, classes);
    size_t without = 0, within = 0;
    for (size_t i = 0; i < pixels; i++)
        without += map[i] < 0;
    uint8_t *mask = room(pixels, 1);
    for (size_t i = 0; i < classes; i++) {
        const struct imx500_region *region = regions + i;
        if (region->pixels == 0)
            continue;
        require(0 <= region->x0 && region->x0 < region->x1 && (size_t)region->x1 <= width);
        require(0 <= region->y0 && region->y0 < region->y1 && (size_t)region->y1 <= height);
        within += region->pixels;
        const int32_t class_id = (int32_t)i;
        imx500_class_masks(map, pixels, &class_id, 1, mask);
        size_t ones = 0;
        for (size_t pixel = 0; pixel < pixels; pixel++)
            ones += mask[pixel];
        require(ones == region->pixels);
    }
    require(within + without == pixels);
    free(mask);
    free(regions);
}

static void check_picture(const int16_t *map, size_t height, size_t width, int swapped,
                          const uint8_t *data, size_t size) {
    struct imx500_nearest columns = {.count = 13}, rows = {.count = 7};
    /* Places run one way; from where and how fast is the fuzzer's. */
    float places[13];
    float *start_and_step = floats(data, size, 2);
    for (size_t i = 0; i < 13; i++)
        places[i] = start_and_step[0] + (float)i * start_and_step[1];
    free(start_and_step);
    columns.offset = room(columns.count, sizeof *columns.offset);
    rows.offset = room(rows.count, sizeof *rows.offset);
    const uint32_t across = (uint32_t)width, down = (uint32_t)height;
    imx500_find_nearest(&columns, places, 1, swapped ? down : across, swapped ? across : 1);
    imx500_find_nearest(&rows, places, 1, swapped ? across : down, swapped ? 1 : across);
    require(columns.begin <= columns.end && columns.end <= columns.count);
    int16_t *picture = room(columns.count * rows.count, sizeof *picture);
    imx500_place_map(map, &rows, &columns, picture);
    for (size_t i = 0; i < columns.count * rows.count; i++)
        require(picture[i] >= -1);
    free(picture);
    free(rows.offset);
    free(columns.offset);
}

static void try_maps(size_t height, size_t width, size_t classes, int flags, const uint8_t *data,
                     size_t size) {
    const size_t pixels = height * width;
    int16_t *map = room(pixels, sizeof *map);
    float *ids = floats(data, size, pixels);
    imx500_class_map(ids, height, width, map);
    for (size_t y = 0; y < height; y++)
        for (size_t x = 0; x < width; x++) {
            const float id = ids[x * height + y];
            require(map[y * width + x] == (id > -1.0f && id < 32768.0f ? (int16_t)id : -1));
        }
    free(ids);
    check_regions(map, height, width);
    check_picture(map, height, width, flags & 1, data, size);

    float *scores = floats(data, size, pixels * classes);
    imx500_best_class_map(scores, height, width, classes, flags & 2, map);
    for (size_t i = 0; i < pixels; i++)
        require(map[i] >= -1 && map[i] < (int)classes);
    free(scores);
    free(map);
}

static void try_ranking(size_t count, size_t limit, int softmax, const uint8_t *data, size_t size) {
    float *scores = floats(data, size, count);
    float *threshold = floats(data, size, 1);
    const struct imx500_ranking_options options = {softmax, *threshold, limit};
    const size_t fitting = limit < count ? limit : count;
    int32_t *class_id = room(fitting, sizeof *class_id);
    float *confidence = room(fitting, sizeof *confidence);
    uint32_t *scratch = room(imx500_top_classes_scratch(count, limit), sizeof *scratch);
    const size_t kept = imx500_top_classes(scores, count, &options, class_id, confidence, scratch);
    require(kept <= fitting);
    float sum = 0.0f;
    for (size_t i = 0; i < kept; i++) {
        require(class_id[i] >= 0 && (size_t)class_id[i] < count);
        require(confidence[i] >= options.threshold);
        const float score = scores[class_id[i]];
        require(softmax || confidence[i] == score);
        if (i > 0) {
            const float before = scores[class_id[i - 1]];
            require(before > score || (before == score && class_id[i - 1] < class_id[i]));
        }
        sum += softmax ? confidence[i] : 0.0f;
    }
    require(sum <= 1.001f);
    free(scratch);
    free(confidence);
    free(class_id);
    free(threshold);
    free(scores);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < HEADER)
        return 0;
    const size_t height = data[0] % 80, width = data[1] % 40, classes = data[2] % 9;
    const size_t count = (size_t)data[3] * 2, limit = data[4];
    const int flags = data[5];
    try_maps(height, width, classes, flags, data + HEADER, size - HEADER);
    try_ranking(count, limit, flags & 4, data + HEADER, size - HEADER);
    return 0;
}
