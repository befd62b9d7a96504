/* NanoDet and NanoDet-Plus: one tensor of class logits and distances to the sides of the box.
 *
 * A row is an anchor: a corner of the grid of its level, x fastest, levels in the order of their
 * strides. Each distance is a distribution over `bins` whole numbers of strides, and its
 * expectation is what counts (Li et al., Generalized Focal Loss, 2020).
 */
#ifndef IMX500_NANODET_H
#define IMX500_NANODET_H

#include "nms.h"

struct imx500_nanodet {
    const float *tensor; /* anchors x (classes + 4 * bins), column after column; left, top, right,
                            bottom */
    size_t anchors;      /* at most UINT32_MAX */
    size_t classes;
    size_t bins;
    uint32_t width; /* of the network's input */
    uint32_t height;
    const uint32_t *strides; /* none is 0 */
    size_t levels;
};

/* Fills the list, whose capacity is at least the number of anchors, with every anchor whose
 * confidence is at least `threshold`, in pixels of the input, in the order of the rows. Rows beyond
 * the grids of the levels are left out, and those without a class.
 */
void imx500_nanodet_candidates(const struct imx500_nanodet *network, float threshold,
                               struct imx500_box_list *list);

#endif
