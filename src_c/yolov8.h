/* YOLOv8 and YOLO11 as they leave the network: one row per anchor, nothing suppressed yet. */
#ifndef IMX500_YOLOV8_H
#define IMX500_YOLOV8_H

#include "anchor_scan.h"
#include "nms.h"

#include <stddef.h>
#include <stdint.h>

/* One level of the pyramid: its cells, row after row, are the anchors from `first` on. */
struct imx500_yolov8_level {
    size_t first;
    size_t width; /* cells in a row, at least 1 */
    float stride; /* pixels of the network's input from cell to cell */
};

enum imx500_yolov8_boxes {
    IMX500_YOLOV8_DISTANCES, /* left, top, right, bottom from the cell's centre, in strides */
    IMX500_YOLOV8_CENTRES,   /* x and y of the centre, width, height */
    IMX500_YOLOV8_CORNERS,   /* x0, y0, x1, y1 */
};

struct imx500_yolov8_layout {
    size_t anchors;
    size_t classes;
    enum imx500_yolov8_boxes boxes;
    const struct imx500_yolov8_level *levels; /* the first begins at anchor 0, then ascending */
    size_t level_count;                       /* at least 1 where anything counts in strides */
    float x_unit;
    float y_unit; /* what the full width and height of the input are, in the tensors' units */
    int score_logits;
};

/* Finds the anchors whose best class scores at least `threshold` (after the sigmoid, where scores
 * are logits), which is finite then, and whose box is finite, in the order of the anchors; boxes
 * in 0..1 of the input. `found` has room for every anchor; its count is set.
 */
void imx500_yolov8_candidates(const struct imx500_yolov8_layout *layout,
                              const struct imx500_anchor_table *boxes,
                              const struct imx500_anchor_table *scores, float threshold,
                              struct imx500_box_list *found);

struct imx500_yolov8_keypoints {
    struct imx500_anchor_table table;
    size_t count;          /* keypoints per anchor */
    size_t dimensions;     /* 2: x, y; 3: and how visible it is */
    int offsets;           /* in strides from the cell rather than in the units of the layout */
    int visibility_logits; /* through the sigmoid */
};

/* Reads the keypoints of `count` anchors: xy (count, keypoints, 2) in 0..1 of the input, and
 * confidence (count, keypoints), 1 where the network gives none. A keypoint that is not finite has
 * NaN coordinates and confidence 0.
 */
void imx500_yolov8_read_keypoints(const struct imx500_yolov8_layout *layout,
                                  const struct imx500_yolov8_keypoints *keypoints,
                                  const uint32_t *anchors, size_t count, float *xy,
                                  float *confidence);

#endif
