/* YOLOv5: a box, a confidence that there is an object, and the likelihood of each class. */
#ifndef IMX500_YOLOV5_H
#define IMX500_YOLOV5_H

#include "nms.h"

/* One level of the network before its boxes are decoded. The steps say in which order the tensor
 * holds cells and anchors; the channels (x, y, width, height, object, classes) come last. */
struct imx500_yolov5_level {
    const float *tensor;
    size_t columns; /* cells side by side */
    size_t lines;
    size_t x_step;
    size_t y_step;
    size_t anchor_step;
    size_t anchors;           /* per cell; columns * lines * anchors is at most UINT32_MAX */
    const float *anchor_size; /* width, height of each, in pixels */
    float stride;
};

/* Appends every anchor whose confidence, object times class, is at least `threshold`, as is its
 * object's alone, in pixels of the input, in the order of the tensor. `logits` says that the
 * sigmoid is still to be done. The rows of the list count from `first_row`. There must be room for
 * all.
 */
void imx500_yolov5_candidates(const struct imx500_yolov5_level *level, size_t classes, int logits,
                              float threshold, uint32_t first_row, struct imx500_box_list *list);

/* Does the same with boxes that the network has decoded: rows x (5 + classes), column after column;
 * centre and size in `x_unit` and `y_unit` pixels of the input. */
void imx500_yolov5_decoded_candidates(const float *tensor, size_t rows, size_t classes,
                                      float x_unit, float y_unit, float threshold,
                                      struct imx500_box_list *list);

#endif
