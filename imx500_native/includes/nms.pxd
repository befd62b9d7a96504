from libc.stdint cimport int32_t, uint32_t


cdef extern from "nms.h" nogil:
    struct imx500_box_list:
        float *xyxy
        float *score
        int32_t *class_id
        uint32_t *anchor
        size_t capacity
        size_t count

    struct imx500_nms_options:
        float iou_threshold
        int class_aware
        int plus_one
        size_t max_detections

    size_t imx500_nms_scratch_bytes(size_t capacity)
    size_t imx500_nms_rows(const float *xyxy, const float *score, const int32_t *class_id,
                           size_t count, const imx500_nms_options *options, uint32_t *rows,
                           void *scratch)
    size_t imx500_nms(imx500_box_list *list, const imx500_nms_options *options, void *scratch)
