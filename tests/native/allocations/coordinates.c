#include "counting.h"
#include "geometry.h"
#include "libcamera_geometry.h"

#define COUNT 300

static void call_geometry(void) {
    const struct imx500_mapping mappings[] = {
        {{1280.0, 0.0, 1280.0}, {960.0, 0.0, 960.0}, 0},
        {{-1500.0, 1400.0, 1280.0}, {1000.0, -50.0, 960.0}, 1},
    };
    const float *places = floats(4 * COUNT, -0.5f, 1.5f);
    for (int i = 0; i < 2; i++) {
        float *points = fresh(2 * COUNT * sizeof *points);
        WRITES("frame", points, 2 * COUNT * sizeof *points, imx500_map_points, &mappings[i], places,
               COUNT, i, points);
        float *boxes = fresh(4 * COUNT * sizeof *boxes);
        WRITES("frame", boxes, 4 * COUNT * sizeof *boxes, imx500_map_boxes, &mappings[i], places,
               COUNT, i, boxes);
        float *rectangles = fresh(4 * COUNT * sizeof *rectangles);
        WRITES("frame", rectangles, 4 * COUNT * sizeof *rectangles, imx500_map_rectangles,
               &mappings[i], places, COUNT, i, rectangles);
    }
}

static void call_libcamera_geometry(void) {
    const struct imx500_size full = {4056, 3040}, raw = {2028, 1520}, stream = {1280, 960};
    const struct imx500_rectangle crop = {0, 0, 4056, 3040}, inner = {100, 100, 5000, 1000};
    struct imx500_rectangle *made = fresh(sizeof *made);
    WRITES("frame", made, sizeof *made, imx500_rectangle_scaled, &inner, stream, full, made);
    begin_call();
    *made = imx500_rectangle_bounded(&inner, &crop);
    end_call("imx500_rectangle_bounded", "frame", made->width);
    made = fresh(sizeof *made);
    WRITES("frame", made, sizeof *made, imx500_rectangle_of_ratio, full, stream, made);

    float *singles = fresh(4 * COUNT * sizeof *singles);
    double *doubles = fresh(4 * COUNT * sizeof *doubles);
    for (size_t i = 0; i < 4 * COUNT; i++)
        doubles[i] = (double)(singles[i] = any_number(0.0f, 0.5f) + (i % 4 < 2 ? 0.0f : 0.5f));
    const size_t bytes = COUNT * sizeof(struct imx500_rectangle);
    size_t bad;
    struct imx500_rectangle *on_sensor = fresh(bytes);
    WRITES("frame", on_sensor, bytes, imx500_picamera2_boxes, full, doubles, COUNT, on_sensor,
           &bad);
    on_sensor = fresh(bytes);
    WRITES("frame", on_sensor, bytes, imx500_picamera2_boxes_single, full, singles, COUNT,
           on_sensor, &bad);
    on_sensor = fresh(bytes);
    WRITES("frame", on_sensor, bytes, imx500_rpicam_apps_boxes, full, singles, COUNT, on_sensor,
           &bad);

    struct imx500_peer_chain *chain = fresh(sizeof *chain);
    WRITES("frame", chain, sizeof *chain, imx500_peer_chain_set, chain, full, raw, stream, &crop);
    struct imx500_rectangle *placed = fresh(bytes);
    WRITES("frame", placed, bytes, imx500_peer_chain_apply, chain, on_sensor, COUNT, placed);
}

void call_coordinates(void) {
    call_geometry();
    call_libcamera_geometry();
}
