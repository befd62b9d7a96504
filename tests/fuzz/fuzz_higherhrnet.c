/* Any tensors of any shape that the binding lets through are grouped to people whose joints lie in
   the picture, and any costs give an assignment. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "assignment.h"
#include "higherhrnet.h"

static void require(int holds) {
    if (!holds)
        abort();
}

struct input {
    const uint8_t *bytes;
    size_t left;
};

static uint8_t next_byte(struct input *input) {
    if (input->left == 0)
        return 0;
    input->left--;
    return *input->bytes++;
}

static float next_float(struct input *input) {
    uint8_t bytes[sizeof(float)];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = next_byte(input);
    float value;
    memcpy(&value, bytes, sizeof value);
    return value;
}

/* Mostly what the network sends, or no candidate would get past the checks. */
static float next_value(struct input *input, float scale, int shift) {
    const int step = next_byte(input);
    return step == 255 ? next_float(input) : (float)(step - shift) * scale;
}

static void *reserved(size_t bytes) {
    void *memory = malloc(bytes);
    require(memory != NULL);
    return memory;
}

static void check_person(const struct imx500_joint_candidates *candidates, const float *xy,
                         const float *heats, const float *xyxy) {
    require(0.0f < xyxy[0] && xyxy[0] <= xyxy[2] && xyxy[2] < 1.0f);
    require(0.0f < xyxy[1] && xyxy[1] <= xyxy[3] && xyxy[3] < 1.0f);
    for (size_t joint = 0; joint < candidates->joints; joint++) {
        const float x = xy[2 * joint], y = xy[2 * joint + 1];
        if (heats[joint] > 0.0f)
            require(x >= xyxy[0] && x <= xyxy[2] && y >= xyxy[1] && y <= xyxy[3]);
        else
            require(heats[joint] == 0.0f && isnan(x) && isnan(y));
    }
}

static void check_people(const struct imx500_joint_candidates *candidates,
                         const struct imx500_grouping *grouping) {
    const size_t joints = candidates->joints;
    void *scratch =
        reserved(imx500_higherhrnet_scratch_bytes(candidates->candidates, candidates->joints));
    const size_t count = imx500_higherhrnet_group(candidates, grouping, scratch);
    require(count <= candidates->candidates * joints);
    float *xy = reserved((count * joints * 2 + 1) * sizeof *xy);
    float *heats = reserved((count * joints + 1) * sizeof *heats);
    float *scores = reserved((count + 1) * sizeof *scores);
    float *xyxy = reserved((count * 4 + 1) * sizeof *xyxy);
    imx500_higherhrnet_gather(candidates, scratch, count, xy, heats, scores, xyxy);
    for (size_t i = 0; i < count; i++) {
        require(scores[i] >= grouping->threshold && (i == 0 || scores[i] <= scores[i - 1]));
        check_person(candidates, xy + 2 * i * joints, heats + i * joints, xyxy + 4 * i);
    }
    free(xyxy);
    free(scores);
    free(heats);
    free(xy);
    free(scratch);
}

static void check_assignment(struct input *input) {
    const size_t rows = next_byte(input) % 12u, columns = next_byte(input) % 12u;
    double *costs = reserved((rows * columns + 1) * sizeof *costs);
    for (size_t i = 0; i < rows * columns; i++)
        costs[i] = (double)next_value(input, 0.5f, 100);
    int32_t *chosen = reserved((rows + 1) * sizeof *chosen);
    void *scratch = reserved(imx500_assignment_scratch_bytes(rows, columns) + 1);
    imx500_assign(costs, rows, columns, chosen, scratch);
    size_t assigned = 0;
    for (size_t row = 0; row < rows; row++) {
        require(chosen[row] >= -1 && chosen[row] < (int32_t)columns);
        assigned += chosen[row] >= 0;
        for (size_t other = 0; other < row; other++)
            require(chosen[row] < 0 || chosen[row] != chosen[other]);
    }
    require(assigned == (rows < columns ? rows : columns));
    free(scratch);
    free(chosen);
    free(costs);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct input input = {data, size};
    if (next_byte(&input) % 4 == 0) {
        check_assignment(&input);
        return 0;
    }
    uint8_t order[IMX500_HIGHERHRNET_MAX_JOINTS];
    struct imx500_joint_candidates candidates = {
        .candidates = next_byte(&input) % 31u,
        .joints = 1 + next_byte(&input) % 18u,
        .map_width = 1 + next_byte(&input),
        .map_height = 1 + next_byte(&input),
    };
    struct imx500_grouping grouping = {
        .joint_order = order,
        .keypoint_threshold = next_value(&input, 1.0f / 256.0f, 0),
        .tag_threshold = next_value(&input, 1.0f / 64.0f, 0),
        .threshold = next_value(&input, 1.0f / 256.0f, 0),
    };
    for (size_t joint = 0; joint < candidates.joints; joint++)
        order[joint] = (uint8_t)(candidates.joints - 1 - joint);
    const size_t length = candidates.candidates * candidates.joints;
    float *tags = reserved((length + 1) * sizeof *tags);
    float *places = reserved((length + 1) * sizeof *places);
    float *heats = reserved((length + 1) * sizeof *heats);
    for (size_t i = 0; i < length; i++) {
        tags[i] = next_value(&input, 1.0f / 16.0f, 128);
        places[i] = next_value(&input, 61.0f, 1);
        heats[i] = next_value(&input, 1.0f / 128.0f, 64);
    }
    candidates.tags = tags;
    candidates.places = places;
    candidates.heats = heats;
    check_people(&candidates, &grouping);
    free(heats);
    free(places);
    free(tags);
    return 0;
}
