from libc.stdint cimport int32_t, int64_t, uint32_t


cdef extern from "temporal_filter.h" nogil:
    struct imx500_filter_rule:
        float x_tolerance
        float y_tolerance
        double factor
        uint32_t visible_frames
        uint32_t hidden_frames

    struct imx500_followed:
        size_t row
        uint32_t hidden

    struct imx500_followed_list:
        imx500_followed *followed
        float *places
        size_t width
        size_t capacity
        size_t count
        int64_t next_id

    struct imx500_seen_objects:
        const float *xyxy
        const float *confidence
        const int32_t *class_id
        size_t count

    struct imx500_seen_poses:
        const float *xy
        const float *keypoint_confidence
        const float *confidence
        const float *xyxy
        size_t keypoints
        size_t count

    size_t imx500_pose_width(size_t keypoints, int boxed)
    size_t imx500_follow_objects(imx500_followed_list *list, const imx500_filter_rule *rule,
                                 const imx500_seen_objects *seen)
    size_t imx500_follow_poses(imx500_followed_list *list, const imx500_filter_rule *rule,
                               const imx500_seen_poses *seen)
    void imx500_shown_objects(const imx500_followed_list *list, float *xyxy, float *confidence,
                              int32_t *class_id, int64_t *id)
    void imx500_shown_poses(const imx500_followed_list *list, size_t keypoints, float *xy,
                            float *keypoint_confidence, float *confidence, float *xyxy, int64_t *id)
