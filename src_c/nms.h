/* Non-maximum suppression: of boxes that show one object, the most confident stays. */
#ifndef IMX500_NMS_H
#define IMX500_NMS_H

#include <stddef.h>
#include <stdint.h>

struct imx500_box_list { /* candidates of one picture, struct of arrays, memory of the caller */
    float *xyxy;         /* capacity x 4, row after row: x0, y0, x1, y1 */
    float *score;
    int32_t *class_id;
    uint32_t *anchor; /* the row of the tensors that each came from */
    size_t capacity;  /* at most UINT32_MAX */
    size_t count;
};

struct imx500_nms_options {
    float iou_threshold; /* boxes of one class that overlap MORE than this suppress each other */
    int class_aware;
    int plus_one;          /* the peers' inclusive-pixel rule: widths and heights + 1 */
    size_t max_detections; /* early exit; SIZE_MAX for all */
};

size_t imx500_nms_scratch_bytes(size_t capacity);

/* Finds the rows that stay, best first, ties in the order of their rows, and returns how many there
 * are; `rows` has room for `count`. `scratch`, aligned for double, has imx500_nms_scratch_bytes of
 * `count`. `class_id` may be NULL where the options are not class-aware.
 *
 * Rows with a box that is not finite or a NaN score do not stay and suppress nothing. A box of no
 * area, and one whose area is beyond float32, neither suppresses nor is suppressed.
 */
size_t imx500_nms_rows(const float *xyxy, const float *score, const int32_t *class_id, size_t count,
                       const struct imx500_nms_options *options, uint32_t *rows, void *scratch);

/* Does the same to a list, which then holds what stays, best first. Returns its new count.
 * `scratch` has imx500_nms_scratch_bytes of its capacity.
 */
size_t imx500_nms(struct imx500_box_list *list, const struct imx500_nms_options *options,
                  void *scratch);

#endif
