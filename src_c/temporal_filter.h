/* The temporal filter of rpicam-apps: what is seen for the first time stays hidden for some frames,
 * what is missed stays shown for some, and what moves is smoothed.
 */
#ifndef IMX500_TEMPORAL_FILTER_H
#define IMX500_TEMPORAL_FILTER_H

#include <stddef.h>
#include <stdint.h>

struct imx500_filter_rule {
    /* How far something may move from one frame to the next, in units of its coordinates. */
    float x_tolerance;
    float y_tolerance;
    double factor; /* the share of the new place in the smoothed one, 0 to 1 */
    uint32_t visible_frames;
    uint32_t hidden_frames;
};

struct imx500_followed {
    int64_t id;
    /* Its place in the list before the last frame; or where that frame has it, counted on from the
     * end of that list. */
    size_t row;
    float confidence;
    int32_t class_id;
    uint32_t visible; /* the misses after which it goes */
    uint32_t hidden;  /* the hits that it still needs to be shown */
};

/* What is followed, in the order in which it was first seen. The memory is the caller's. */
struct imx500_followed_list {
    struct imx500_followed *followed; /* capacity */
    float *places; /* capacity x width: boxes, or what `imx500_pose_width` describes */
    size_t width;
    size_t capacity;
    size_t count;
    int64_t next_id;
};

struct imx500_seen_objects {
    const float *xyxy; /* count x 4 */
    const float *confidence;
    const int32_t *class_id;
    size_t count;
};

struct imx500_seen_poses {
    const float *xy;                  /* count x keypoints x 2 */
    const float *keypoint_confidence; /* count x keypoints */
    const float *confidence;
    const float *xyxy; /* count x 4, or NULL */
    size_t keypoints;
    size_t count;
};

/* The width of a list of poses: per keypoint x, y and confidence, then the box if there is one. */
size_t imx500_pose_width(size_t keypoints, int boxed);

/* Both take in one frame and return how many of the list are shown.
 *
 * Each thing that is seen goes to the first of the list that it matches, also to one that another
 * has gone to before. What matches none is appended while there is room, and left out otherwise.
 */

/* An object matches one of its class when x, y, width and height each differ by less than the
 * tolerance. The first objects, those that come while nothing is followed, are shown at once. An
 * object whose box is not finite is left out. `list->width` is 4. */
size_t imx500_follow_objects(struct imx500_followed_list *list,
                             const struct imx500_filter_rule *rule,
                             const struct imx500_seen_objects *seen);

/* A keypoint counts as found where x and y are finite. A pose matches one when there is a keypoint
 * that both have found, and none of these differs by more than the tolerance. What is found anew,
 * or lost, is so at once, without smoothing; lost ones are NaN with confidence 0. A pose without
 * any keypoint is left out. `list->width` is `imx500_pose_width(seen->keypoints, seen->xyxy != 0)`.
 */
size_t imx500_follow_poses(struct imx500_followed_list *list, const struct imx500_filter_rule *rule,
                           const struct imx500_seen_poses *seen);

/* Both write what is shown, in the order of the list; the arrays have room for as many as the call
 * above returned. `xyxy` of poses is NULL where the list has no boxes. */
void imx500_shown_objects(const struct imx500_followed_list *list, float *xyxy, float *confidence,
                          int32_t *class_id, int64_t *id);
void imx500_shown_poses(const struct imx500_followed_list *list, size_t keypoints, float *xy,
                        float *keypoint_confidence, float *confidence, float *xyxy, int64_t *id);

#endif
