from libc.stddef cimport size_t
from libc.stdint cimport uint32_t

from imx500_native.includes.anchor_scan cimport imx500_anchor_table
from imx500_native.includes.nms cimport imx500_box_list


cdef extern from "yolov8.h" nogil:
    struct imx500_yolov8_level:
        size_t first
        size_t width
        float stride

    enum imx500_yolov8_boxes:
        IMX500_YOLOV8_DISTANCES
        IMX500_YOLOV8_CENTRES
        IMX500_YOLOV8_CORNERS

    struct imx500_yolov8_layout:
        size_t anchors
        size_t classes
        imx500_yolov8_boxes boxes
        const imx500_yolov8_level *levels
        size_t level_count
        float x_unit
        float y_unit
        int score_logits

    struct imx500_yolov8_keypoints:
        imx500_anchor_table table
        size_t count
        size_t dimensions
        int offsets
        int visibility_logits

    void imx500_yolov8_candidates(const imx500_yolov8_layout *layout,
                                  const imx500_anchor_table *boxes,
                                  const imx500_anchor_table *scores, float threshold,
                                  imx500_box_list *found)
    void imx500_yolov8_read_keypoints(const imx500_yolov8_layout *layout,
                                      const imx500_yolov8_keypoints *keypoints,
                                      const uint32_t *anchors, size_t count, float *xy,
                                      float *confidence)
