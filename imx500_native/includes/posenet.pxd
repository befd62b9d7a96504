from libc.stdint cimport uint32_t


cdef extern from "posenet.h" nogil:
    const int IMX500_POSENET_KEYPOINTS
    const int IMX500_POSENET_EDGES
    const int IMX500_POSENET_MAX_WALKS
    const size_t IMX500_POSENET_MAX_CELLS

    struct imx500_posenet_maps:
        const float *heat
        const float *short_offset
        const float *mid_offset
        size_t rows
        size_t columns

    struct imx500_posenet_options:
        float threshold
        float nms_radius
        float stride
        uint32_t refinements
        size_t max_detections

    struct imx500_posenet_view:
        float stride
        float width
        float height

    size_t imx500_posenet_scratch_bytes(size_t rows, size_t columns, size_t max_detections)
    size_t imx500_posenet_decode(const imx500_posenet_maps *maps,
                                 const imx500_posenet_options *options, void *scratch)
    void imx500_posenet_gather(const imx500_posenet_maps *maps, size_t max_detections,
                               const imx500_posenet_view *view, void *scratch, size_t count,
                               float *xy, float *keypoint_confidence, float *confidence)
