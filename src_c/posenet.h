/* PoseNet: people from heat maps and displacement maps, as PersonLab decodes them.
 *
 * G. Papandreou et al., "PersonLab: Person Pose Estimation and Instance Segmentation with a
 * Bottom-Up, Part-Based, Geometric Embedding Model", ECCV 2018, section 3.1, with two
 * simplifications that every PoseNet decoder makes: local maxima of the heat maps themselves stand
 * for those of the Hough scores, and all refinement uses the short offsets.
 */
#ifndef IMX500_POSENET_H
#define IMX500_POSENET_H

#include <stddef.h>
#include <stdint.h>

#define IMX500_POSENET_KEYPOINTS 17
#define IMX500_POSENET_EDGES 16

/* The most cells of one map: each has to have a number in float32, and each of 17 maps' cells one
 * in 32 bits.
 */
#define IMX500_POSENET_MAX_CELLS ((size_t)1 << 24)

/* Roots that are followed through the skeleton in one frame, best first. Somebody who reaches the
 * threshold takes one walk, and somebody who does not one for each of 17 keypoints, so only tensors
 * that were made to take long get here.
 */
#define IMX500_POSENET_MAX_WALKS 1024

/* Column-major, rows fastest, as libcamera exports them; offsets in pixels of the input. */
struct imx500_posenet_maps {
    const float *heat;         /* rows x columns x 17 logits */
    const float *short_offset; /* rows x columns x 34: to a keypoint nearby, 17 y, 17 x */
    const float *mid_offset;   /* rows x columns x 64, along an edge of the skeleton: to the child
                                  16 y, 16 x, to the parent 16 y, 16 x */
    size_t rows;
    size_t columns;
};

struct imx500_posenet_options {
    float threshold;       /* of roots and of poses, 0..1 */
    float nms_radius;      /* pixels of the input */
    float stride;          /* pixels of the input from cell to cell, above 0 */
    uint32_t refinements;  /* short-offset steps after each edge */
    size_t max_detections; /* more than IMX500_POSENET_MAX_WALKS count as that many */
};

struct imx500_posenet_view {
    float stride;
    float width;
    float height; /* of the network's input, in pixels */
};

/* Bytes of scratch memory that decoding takes, aligned for double: 8 for every cell of the heat
 * maps, 216 for every pose, and two columns. 0 where the maps are empty or have more than
 * IMX500_POSENET_MAX_CELLS cells.
 */
size_t imx500_posenet_scratch_bytes(size_t rows, size_t columns, size_t max_detections);

/* Finds people and leaves them in `scratch`, which has imx500_posenet_scratch_bytes of the same
 * sizes; returns how many there are.
 *
 * A root is a cell whose score is at least the threshold and at least that of its up to 8
 * neighbours, so that every cell of a plateau is one; NaN is never a root and hides none. Roots
 * are taken best first, ties in the order of the tensor. One that lies within the radius of the
 * same keypoint of a pose found before is passed over. A sampled offset that is not finite loses
 * the keypoint that it leads to, and those behind; a sampled heat that is not finite is a
 * confidence of 0.
 */
size_t imx500_posenet_decode(const struct imx500_posenet_maps *maps,
                             const struct imx500_posenet_options *options, void *scratch);

/* Writes the `count` poses that decoding with the same sizes left in `scratch`, best first:
 * places (count x 17 x 2, x first, 0..1 of the input), confidence of every keypoint (count x 17)
 * and of every pose (count). Cell i stands for the pixel i * stride, whose centre is half a pixel
 * further. A keypoint that was lost is NaN with confidence 0.
 */
void imx500_posenet_gather(const struct imx500_posenet_maps *maps, size_t max_detections,
                           const struct imx500_posenet_view *view, void *scratch, size_t count,
                           float *xy, float *keypoint_confidence, float *confidence);

#endif
