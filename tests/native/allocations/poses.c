#include "assignment.h"
#include "counting.h"
#include "higherhrnet.h"
#include "posenet.h"
#include "temporal_filter.h"

#define KEYPOINTS IMX500_POSENET_KEYPOINTS

static void call_posenet(void) {
    enum { ROWS = 23, COLUMNS = 31, CELLS = ROWS * COLUMNS };
    float *heat = floats((size_t)CELLS * KEYPOINTS, -8.0f, -4.0f);
    /* Small people, all around one cell, so that every offset leads to the right keypoint. */
    for (size_t i = 0; i < OBJECTS * KEYPOINTS * 9; i++) {
        const size_t person = i % OBJECTS, keypoint = i / OBJECTS % KEYPOINTS;
        const size_t around = i / OBJECTS / KEYPOINTS;
        const size_t row = 1 + person / 5 * 5 + around / 3,
                     column = 1 + person % 5 * 6 + around % 3;
        heat[keypoint * CELLS + column * ROWS + row] = around == 4 ? 3.0f : any_number(1.5f, 2.5f);
    }
    const struct imx500_posenet_maps maps = {
        .heat = heat,
        .short_offset = floats((size_t)2 * KEYPOINTS * CELLS, -2.0f, 2.0f),
        .mid_offset = floats((size_t)4 * IMX500_POSENET_EDGES * CELLS, -2.0f, 2.0f),
        .rows = ROWS,
        .columns = COLUMNS,
    };
    const struct imx500_posenet_view view = {16.0f, 481.0f, 353.0f};
    void *scratch = fresh(GIVES("frame", imx500_posenet_scratch_bytes, ROWS, COLUMNS, SIZE_MAX));
    for (size_t i = 0; i < SITUATIONS; i++) {
        const struct imx500_posenet_options options = {situations[i].threshold, 10.0f, 16.0f, 5,
                                                       SIZE_MAX};
        const size_t count =
            GIVES(situations[i].name, imx500_posenet_decode, &maps, &options, scratch);
        float *xy = fresh(count * KEYPOINTS * 2 * sizeof *xy);
        float *keypoints = fresh(count * KEYPOINTS * sizeof *keypoints);
        float *confidence = fresh(count * sizeof *confidence);
        WRITES(situations[i].name, xy, count * KEYPOINTS * 2 * sizeof *xy, imx500_posenet_gather,
               &maps, SIZE_MAX, &view, scratch, count, xy, keypoints, confidence);
    }
}

static void call_higherhrnet(void) {
    enum { CANDIDATES = 30, WIDTH = 192, HEIGHT = 144 };
    uint8_t order[KEYPOINTS];
    float *tags = floats((size_t)CANDIDATES * KEYPOINTS, -8.0f, 8.0f);
    float *places = fresh((size_t)CANDIDATES * KEYPOINTS * sizeof *places);
    float *heats = floats((size_t)CANDIDATES * KEYPOINTS, 0.0f, 0.05f);
    for (uint8_t joint = 0; joint < KEYPOINTS; joint++) {
        order[joint] = (uint8_t)(KEYPOINTS - 1 - joint);
        for (size_t i = 0; i < CANDIDATES; i++)
            places[joint * CANDIDATES + i] = (float)any_index((size_t)WIDTH * HEIGHT);
        /* Each joint lists the people in another order. */
        for (size_t person = 0; person < OBJECTS; person++) {
            const size_t at = joint * CANDIDATES + (person + joint) % OBJECTS;
            tags[at] = (float)person - OBJECTS / 2 + any_number(-0.1f, 0.1f);
            heats[at] = any_number(0.6f, 0.9f);
        }
    }
    const struct imx500_joint_candidates candidates = {tags,      places, heats, CANDIDATES,
                                                       KEYPOINTS, WIDTH,  HEIGHT};
    void *scratch = fresh(GIVES("frame", imx500_higherhrnet_scratch_bytes, CANDIDATES, KEYPOINTS));
    for (size_t i = 0; i < SITUATIONS; i++) {
        const struct imx500_grouping grouping = {order, situations[i].threshold / 5.0f + 1e-6f,
                                                 0.4f, situations[i].threshold};
        const size_t count =
            GIVES(situations[i].name, imx500_higherhrnet_group, &candidates, &grouping, scratch);
        float *xy = fresh(count * KEYPOINTS * 2 * sizeof *xy);
        float *found = fresh(count * KEYPOINTS * sizeof *found);
        float *scores = fresh(count * sizeof *scores);
        float *xyxy = fresh(count * 4 * sizeof *xyxy);
        WRITES(situations[i].name, xy, count * KEYPOINTS * 2 * sizeof *xy,
               imx500_higherhrnet_gather, &candidates, scratch, count, xy, found, scores, xyxy);
    }
}

static void call_assignment(void) {
    enum { PEOPLE = 30 };
    double *costs = fresh((size_t)PEOPLE * PEOPLE * sizeof *costs);
    for (size_t i = 0; i < (size_t)PEOPLE * PEOPLE; i++)
        costs[i] = (double)any_number(-1.0f, 100.0f);
    void *scratch = fresh(GIVES("frame", imx500_assignment_scratch_bytes, PEOPLE, PEOPLE));
    int32_t *chosen = fresh(PEOPLE * sizeof *chosen);
    WRITES("frame", chosen, PEOPLE * sizeof *chosen, imx500_assign, costs, PEOPLE, PEOPLE, chosen,
           scratch);
}

static const struct imx500_filter_rule rule = {0.05f, 0.05f, 0.2, 8, 3};

static struct imx500_followed_list list_of(size_t capacity, size_t width) {
    const struct imx500_followed_list list = {
        .followed = fresh(capacity * sizeof *list.followed),
        .places = fresh(capacity * width * sizeof *list.places),
        .width = width,
        .capacity = capacity,
    };
    return list;
}

static void show_objects(const char *name, const struct imx500_followed_list *list, size_t count) {
    float *xyxy = fresh(4 * count * sizeof *xyxy);
    float *confidence = fresh(count * sizeof *confidence);
    int32_t *class_id = fresh(count * sizeof *class_id);
    int64_t *id = fresh(count * sizeof *id);
    WRITES(name, xyxy, 4 * count * sizeof *xyxy, imx500_shown_objects, list, xyxy, confidence,
           class_id, id);
}

static void follow_objects(void) {
    enum { ROWS = 300 };
    const size_t counts[SITUATIONS] = {0, OBJECTS, ROWS};
    int32_t *class_id = fresh(ROWS * sizeof *class_id);
    for (size_t i = 0; i < ROWS; i++)
        class_id[i] = (int32_t)any_index(80);
    struct imx500_seen_objects seen = {floats(4 * ROWS, 0.0f, 1.0f), floats(ROWS, 0.0f, 1.0f),
                                       class_id, 0};
    for (size_t i = 0; i < SITUATIONS; i++) {
        struct imx500_followed_list list = list_of(ROWS, 4);
        seen.count = counts[i];
        /* Seen for the first time, again, and partly missed. */
        for (int frame = 0; frame < 3; frame++) {
            if (frame == 2)
                seen.count = counts[i] / 2;
            const size_t count =
                GIVES(situations[i].name, imx500_follow_objects, &list, &rule, &seen);
            show_objects(situations[i].name, &list, count);
        }
    }
}

static void show_poses(const char *name, const struct imx500_followed_list *list, size_t count) {
    float *xy = fresh(count * KEYPOINTS * 2 * sizeof *xy);
    float *keypoints = fresh(count * KEYPOINTS * sizeof *keypoints);
    float *confidence = fresh(count * sizeof *confidence);
    float *xyxy = fresh(4 * count * sizeof *xyxy);
    int64_t *id = fresh(count * sizeof *id);
    WRITES(name, xy, count * KEYPOINTS * 2 * sizeof *xy, imx500_shown_poses, list, KEYPOINTS, xy,
           keypoints, confidence, xyxy, id);
}

static void follow_poses(void) {
    enum { PEOPLE = 100 };
    const size_t counts[SITUATIONS] = {0, OBJECTS, PEOPLE};
    struct imx500_seen_poses seen = {
        .xy = floats((size_t)PEOPLE * KEYPOINTS * 2, 0.0f, 1.0f),
        .keypoint_confidence = floats((size_t)PEOPLE * KEYPOINTS, 0.0f, 1.0f),
        .confidence = floats(PEOPLE, 0.0f, 1.0f),
        .xyxy = floats(4 * PEOPLE, 0.0f, 1.0f),
        .keypoints = KEYPOINTS,
    };
    const size_t width = GIVES("frame", imx500_pose_width, KEYPOINTS, 1);
    for (size_t i = 0; i < SITUATIONS; i++) {
        struct imx500_followed_list list = list_of(PEOPLE, width);
        seen.count = counts[i];
        for (uint32_t frame = 0; frame <= rule.hidden_frames + 1; frame++) {
            const int hidden = frame < rule.hidden_frames;
            const char *name = hidden ? "hidden" : situations[i].name;
            if (frame > rule.hidden_frames)
                seen.count = counts[i] / 2;
            show_poses(name, &list, GIVES(name, imx500_follow_poses, &list, &rule, &seen));
        }
    }
}

void call_poses(void) {
    call_posenet();
    call_higherhrnet();
    call_assignment();
    follow_objects();
    follow_poses();
}
