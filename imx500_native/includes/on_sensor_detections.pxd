from libc.stdint cimport int32_t, uint32_t


cdef extern from "on_sensor_detections.h" nogil:
    struct imx500_candidates:
        const float *boxes
        const float *scores
        const float *classes
        size_t rows
        float count

    struct imx500_box_format:
        int x_first
        float x_unit
        float y_unit

    size_t imx500_select_candidates(const imx500_candidates *candidates, float threshold,
                                    uint32_t *selected)
    void imx500_gather_candidates(const imx500_candidates *candidates,
                                  const imx500_box_format *format, const uint32_t *selected,
                                  size_t count, float *xyxy, float *confidence, int32_t *class_id)
