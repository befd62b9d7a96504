from libc.stdint cimport uint8_t, uint32_t


cdef extern from "higherhrnet.h" nogil:
    const size_t IMX500_HIGHERHRNET_MAX_CANDIDATES
    const size_t IMX500_HIGHERHRNET_MAX_JOINTS
    const uint32_t IMX500_HIGHERHRNET_MAX_CELLS

    struct imx500_joint_candidates:
        const float *tags
        const float *places
        const float *heats
        size_t candidates
        size_t joints
        uint32_t map_width
        uint32_t map_height

    struct imx500_grouping:
        const uint8_t *joint_order
        float keypoint_threshold
        float tag_threshold
        float threshold

    size_t imx500_higherhrnet_scratch_bytes(size_t candidates, size_t joints)
    size_t imx500_higherhrnet_group(const imx500_joint_candidates *candidates,
                                    const imx500_grouping *grouping, void *scratch)
    void imx500_higherhrnet_gather(const imx500_joint_candidates *candidates, void *scratch,
                                   size_t count, float *xy, float *heats, float *scores,
                                   float *xyxy)
