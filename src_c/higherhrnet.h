/* HigherHRNet: the best candidates for each joint, grouped to people by their tags.
 *
 * Associative embedding, https://arxiv.org/abs/1611.05424, as HigherHRNet groups
 * (https://arxiv.org/abs/1908.10357): joint after joint, candidates go to the people whose mean tag
 * is nearest, or begin people of their own.
 */
#ifndef IMX500_HIGHERHRNET_H
#define IMX500_HIGHERHRNET_H

#include <stddef.h>
#include <stdint.h>

#define IMX500_HIGHERHRNET_MAX_CANDIDATES 256
#define IMX500_HIGHERHRNET_MAX_JOINTS 64
#define IMX500_HIGHERHRNET_MAX_CELLS 16777216u /* float32 holds every place below it */

/* At most IMX500_HIGHERHRNET_MAX_CANDIDATES for each of at most IMX500_HIGHERHRNET_MAX_JOINTS, in a
 * map of at most IMX500_HIGHERHRNET_MAX_CELLS.
 */
struct imx500_joint_candidates {
    const float *tags;   /* candidates x joints, column after column, as libcamera exports it */
    const float *places; /* the same: cells of the heat map, counted row by row */
    const float *heats;  /* the same: how sure the network is */
    size_t candidates;
    size_t joints;
    uint32_t map_width;
    uint32_t map_height;
};

struct imx500_grouping {
    const uint8_t *joint_order; /* each joint once: which are grouped first */
    float keypoint_threshold;   /* the least heat that counts; 0 and less never does */
    float tag_threshold;        /* how near a tag must be to the mean of a person's, exclusive */
    float threshold;            /* the least score of a person */
};

/* How many bytes of scratch memory, aligned for double, the functions below need. */
size_t imx500_higherhrnet_scratch_bytes(size_t candidates, size_t joints);

/* Groups what counts: candidates with numbers for tag and heat whose place lies in the map.
 *
 * Each joint's candidates are assigned to people at the least sum of
 *     100 * round(d) - heat + min(d / tag_threshold, 1)^2 / 65536,
 * where d is how far the tag lies from the mean of the person's. A pair with d below tag_threshold
 * joins; other candidates begin people. The last term, which HigherHRNet does not have, adds up to
 * less than 1/128, a step of heat: it only decides between sums that would be equal, for the
 * nearest tags. A candidate that begins with the very tag that another person began with is put
 * into that person instead, whose mean then starts again from this tag.
 *
 * Only as many people as a joint can have candidates, those who began first, are given more joints.
 *
 * A person's score is the mean heat over all joints, 0 for those that were not found. Returns how
 * many people have at least `threshold`, and keeps in `scratch` who they are, the highest score
 * first, ties in the order in which they began.
 */
size_t imx500_higherhrnet_group(const struct imx500_joint_candidates *candidates,
                                const struct imx500_grouping *grouping, void *scratch);

/* Writes the first `count` of those people. xy (count x joints x 2) are the centres of cells in
 * 0..1 of what the network saw, NaN for a joint that was not found; heats (count x joints), 0 for
 * such a joint; scores (count); xyxy (count x 4), the extent of the joints that were found.
 */
void imx500_higherhrnet_gather(const struct imx500_joint_candidates *candidates, void *scratch,
                               size_t count, float *xy, float *heats, float *scores, float *xyxy);

#endif
