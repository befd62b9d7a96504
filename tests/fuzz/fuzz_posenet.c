/* Any numbers in maps of any size give poses that are sorted, inside, and no more than asked for.
 */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "posenet.h"

#define KEYPOINTS IMX500_POSENET_KEYPOINTS
#define CHANNELS (KEYPOINTS + 2 * KEYPOINTS + 4 * IMX500_POSENET_EDGES)
#define HEADER 8

static void require(int holds) {
    if (!holds)
        abort();
}

/* Memory of exactly this size, so that the sanitizer sees the first byte beyond it. */
static void *exactly(size_t bytes) {
    void *memory = malloc(bytes ? bytes : 1);
    if (!memory)
        abort();
    return memory;
}

/* One byte makes one number, and most bytes a number of the tensors' own grid; a short input is
   repeated. */
static float number(uint8_t byte, float scale) {
    static const float odd[] = {NAN, INFINITY, -INFINITY, 3e38f, -3e38f, -0.0f, 1e-40f, 1e9f};
    return byte < 8 ? odd[byte] : ((float)byte - 128.0f) * scale;
}

static void check(const float *xy, const float *keypoints, const float *confidence, size_t count,
                  float threshold) {
    for (size_t i = 0; i < count; i++) {
        require(confidence[i] >= threshold && confidence[i] >= 0.0f && confidence[i] <= 1.0f);
        require(i == 0 || confidence[i] <= confidence[i - 1]);
        for (size_t k = 0; k < KEYPOINTS; k++) {
            const float x = xy[2 * (i * KEYPOINTS + k)], y = xy[2 * (i * KEYPOINTS + k) + 1];
            const float score = keypoints[i * KEYPOINTS + k];
            require(score >= 0.0f && score <= 1.0f);
            if (isnan(x))
                require(isnan(y) && score == 0.0f);
            else
                require(x > 0.0f && x < 1.0f && y > 0.0f && y < 1.0f);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size <= HEADER)
        return 0;
    const size_t rows = data[0] % 9 + 1, columns = data[1] % 9 + 1;
    const struct imx500_posenet_options options = {
        .threshold = number(data[2], 1.0f / 128.0f),
        .nms_radius = number(data[3], 1.0f),
        .stride = (float)(data[4] % 32 + 1),
        .refinements = data[5] % 8,
        .max_detections = data[6] % 4 ? data[6] % 16 : SIZE_MAX,
    };
    data += HEADER;
    size -= HEADER;
    const size_t cells = rows * columns;
    float *tensors = exactly(CHANNELS * cells * sizeof *tensors);
    for (size_t i = 0; i < CHANNELS * cells; i++)
        tensors[i] = number(data[i % size], i < KEYPOINTS * cells ? 0.125f : 0.5f);
    const struct imx500_posenet_maps maps = {
        .heat = tensors,
        .short_offset = tensors + KEYPOINTS * cells,
        .mid_offset = tensors + 3 * KEYPOINTS * cells,
        .rows = rows,
        .columns = columns,
    };
    const struct imx500_posenet_view view = {
        .stride = options.stride,
        .width = (float)columns * options.stride,
        .height = (float)rows * options.stride,
    };
    void *scratch = exactly(imx500_posenet_scratch_bytes(rows, columns, options.max_detections));
    const size_t count = imx500_posenet_decode(&maps, &options, scratch);
    require(count <= options.max_detections && count <= IMX500_POSENET_MAX_WALKS);
    float *xy = exactly(count * KEYPOINTS * 2 * sizeof *xy);
    float *keypoints = exactly(count * KEYPOINTS * sizeof *keypoints);
    float *confidence = exactly(count * sizeof *confidence);
    imx500_posenet_gather(&maps, options.max_detections, &view, scratch, count, xy, keypoints,
                          confidence);
    check(xy, keypoints, confidence, count, options.threshold);
    free(confidence);
    free(keypoints);
    free(xy);
    free(scratch);
    free(tensors);
    return 0;
}
