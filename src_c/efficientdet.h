/* EfficientDet(-Lite) before post-processing: class logits, and boxes as changes to anchors.
 *
 * A row is an anchor: levels in order, in each the cells of its grid, x fastest, in each cell three
 * scales (1, 2^1/3, 2^2/3), in each scale three shapes (width to height 1, 2 and 1/2).
 */
#ifndef IMX500_EFFICIENTDET_H
#define IMX500_EFFICIENTDET_H

#include "nms.h"

#define IMX500_EFFICIENTDET_ANCHORS_PER_CELL 9

struct imx500_efficientdet {
    const float *logits; /* anchors x classes, column after column */
    const float *codes;  /* anchors x 4: y, x in anchors' sizes, and logarithms of height, width */
    size_t anchors;      /* at most UINT32_MAX */
    size_t classes;
    uint32_t width; /* of the network's input */
    uint32_t height;
    uint32_t first_level; /* a level's cell is 2^level pixels, or a little less to fit */
    uint32_t last_level;  /* at most 31 */
    float anchor_scale;   /* the size of the smallest square anchor, in cells */
};

/* Fills the list, whose capacity is at least the number of anchors, with every anchor whose
 * confidence is at least `threshold`, in pixels of the input, in the order of the rows. Rows beyond
 * the grids of the levels are left out, and those without a class.
 */
void imx500_efficientdet_candidates(const struct imx500_efficientdet *network, float threshold,
                                    struct imx500_box_list *list);

#endif
