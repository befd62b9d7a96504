from libc.stdint cimport uint32_t

from imx500_native.includes.nms cimport imx500_box_list


cdef extern from "yolov5.h" nogil:
    struct imx500_yolov5_level:
        const float *tensor
        size_t columns
        size_t lines
        size_t x_step
        size_t y_step
        size_t anchor_step
        size_t anchors
        const float *anchor_size
        float stride

    void imx500_yolov5_candidates(const imx500_yolov5_level *level, size_t classes, int logits,
                                  float threshold, uint32_t first_row, imx500_box_list *list)
    void imx500_yolov5_decoded_candidates(const float *tensor, size_t rows, size_t classes,
                                          float x_unit, float y_unit, float threshold,
                                          imx500_box_list *list)
