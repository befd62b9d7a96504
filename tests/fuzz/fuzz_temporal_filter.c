/* Any floats, for any rule: what is followed stays within its memory and its counts, and what is
 * shown of objects is finite. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "temporal_filter.h"

#define MOST_SEEN 8

static void require(int holds) {
    if (!holds)
        abort();
}

struct input {
    const uint8_t *data;
    size_t size;
};

/* Zeros at the end, so that every input is complete. */
static void take(struct input *input, void *to, size_t size) {
    const size_t there = size < input->size ? size : input->size;
    memset(to, 0, size);
    memcpy(to, input->data, there);
    input->data += there;
    input->size -= there;
}

static uint8_t take_byte(struct input *input) {
    uint8_t byte;
    take(input, &byte, 1);
    return byte;
}

/* Memory of exactly this size, for the sanitizer to guard. */
static void *memory(size_t size) {
    void *made = malloc(size ? size : 1);
    if (!made)
        abort();
    return made;
}

static float *take_floats(struct input *input, size_t count) {
    float *made = memory(count * sizeof *made);
    take(input, made, count * sizeof *made);
    return made;
}

/* Half of the places come from a grid: random floats would never match each other. */
static void to_grid(float *values, size_t count) {
    for (size_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, &values[i], sizeof bits);
        if (bits & 1)
            values[i] = (float)(bits >> 28);
    }
}

static void check(const struct imx500_followed_list *list, const struct imx500_filter_rule *rule,
                  size_t before, size_t seen, size_t shown) {
    size_t expected = 0;
    require(list->count <= list->capacity);
    for (size_t i = 0; i < list->count; i++) {
        const struct imx500_followed *one = &list->followed[i];
        require(one->id > 0 && one->id < list->next_id);
        require(i == 0 || one->id > list->followed[i - 1].id);
        require(one->row < before + seen);
        require(one->row >= before || (one->hidden == 0 && one->visible > 0));
        require(one->hidden <= rule->hidden_frames && one->visible <= rule->visible_frames);
        expected += one->hidden == 0;
    }
    require(shown == expected);
}

static void try_objects(struct input *input, struct imx500_followed_list *list,
                        const struct imx500_filter_rule *rule) {
    const size_t count = take_byte(input) % (MOST_SEEN + 1);
    float *xyxy = take_floats(input, 4 * count);
    float *confidence = take_floats(input, count);
    int32_t *class_id = memory(count * sizeof *class_id);
    for (size_t i = 0; i < count; i++)
        class_id[i] = take_byte(input) % 3 - 1;
    to_grid(xyxy, 4 * count);
    const struct imx500_seen_objects seen = {xyxy, confidence, class_id, count};
    const size_t before = list->count;
    const size_t shown = imx500_follow_objects(list, rule, &seen);
    check(list, rule, before, count, shown);

    float *out_xyxy = memory(4 * shown * sizeof *out_xyxy);
    float *out_confidence = memory(shown * sizeof *out_confidence);
    int32_t *out_class = memory(shown * sizeof *out_class);
    int64_t *out_id = memory(shown * sizeof *out_id);
    imx500_shown_objects(list, out_xyxy, out_confidence, out_class, out_id);
    for (size_t i = 0; i < 4 * shown; i++)
        require(isfinite(out_xyxy[i]));
    free(out_id);
    free(out_class);
    free(out_confidence);
    free(out_xyxy);
    free(class_id);
    free(confidence);
    free(xyxy);
}

static void try_poses(struct input *input, struct imx500_followed_list *list,
                      const struct imx500_filter_rule *rule, size_t keypoints, int boxed) {
    const size_t count = take_byte(input) % (MOST_SEEN + 1);
    float *xy = take_floats(input, 2 * keypoints * count);
    float *keypoint_confidence = take_floats(input, keypoints * count);
    float *confidence = take_floats(input, count);
    float *xyxy = take_floats(input, 4 * count);
    to_grid(xy, 2 * keypoints * count);
    const struct imx500_seen_poses seen = {
        xy, keypoint_confidence, confidence, boxed ? xyxy : NULL, keypoints, count,
    };
    const size_t before = list->count;
    const size_t shown = imx500_follow_poses(list, rule, &seen);
    check(list, rule, before, count, shown);

    float *out_xy = memory(2 * keypoints * shown * sizeof *out_xy);
    float *out_keypoint_confidence = memory(keypoints * shown * sizeof *out_keypoint_confidence);
    float *out_confidence = memory(shown * sizeof *out_confidence);
    float *out_xyxy = memory(4 * shown * sizeof *out_xyxy);
    int64_t *out_id = memory(shown * sizeof *out_id);
    imx500_shown_poses(list, keypoints, out_xy, out_keypoint_confidence, out_confidence,
                       boxed ? out_xyxy : NULL, out_id);
    for (size_t i = 0; i < keypoints * shown; i++) {
        const float *point = out_xy + 2 * i;
        require(isfinite(point[0]) == isfinite(point[1]));
        require(isfinite(point[0]) || out_keypoint_confidence[i] == 0.0f);
    }
    free(out_id);
    free(out_xyxy);
    free(out_confidence);
    free(out_keypoint_confidence);
    free(out_xy);
    free(xyxy);
    free(confidence);
    free(keypoint_confidence);
    free(xy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct input input = {data, size};
    const uint8_t kind = take_byte(&input);
    const struct imx500_filter_rule rule = {
        .x_tolerance = (float)(take_byte(&input) % 8) / 2.0f,
        .y_tolerance = (float)(take_byte(&input) % 8) / 2.0f,
        .factor = take_byte(&input) / 255.0,
        .visible_frames = take_byte(&input) % 5,
        .hidden_frames = take_byte(&input) % 4,
    };
    const size_t keypoints = kind >> 1 & 3;
    const int boxed = kind >> 3 & 1, objects = kind & 1;
    struct imx500_followed_list list = {
        .width = objects ? 4 : imx500_pose_width(keypoints, boxed),
        .capacity = take_byte(&input) % 20,
        .next_id = 1,
    };
    list.followed = memory(list.capacity * sizeof *list.followed);
    list.places = memory(list.capacity * list.width * sizeof *list.places);
    while (input.size > 0) {
        if (objects)
            try_objects(&input, &list, &rule);
        else
            try_poses(&input, &list, &rule, keypoints, boxed);
    }
    free(list.places);
    free(list.followed);
    return 0;
}
