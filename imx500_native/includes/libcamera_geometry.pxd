from libc.stdint cimport int32_t, uint32_t

from imx500_native.includes.status cimport imx500_status

cdef extern from "libcamera_geometry.h" nogil:
    struct imx500_rectangle:
        int32_t x
        int32_t y
        uint32_t width
        uint32_t height

    struct imx500_size:
        uint32_t width
        uint32_t height

    struct imx500_peer_chain:
        imx500_size full
        imx500_rectangle roi
        int bounded_to_roi

    imx500_status imx500_rectangle_scaled(const imx500_rectangle *rectangle, imx500_size numerator,
                                          imx500_size denominator, imx500_rectangle *scaled)
    imx500_rectangle imx500_rectangle_bounded(const imx500_rectangle *rectangle,
                                              const imx500_rectangle *bound)
    imx500_status imx500_rectangle_of_ratio(imx500_size full, imx500_size ratio,
                                            imx500_rectangle *centred)
    imx500_status imx500_peer_chain_set(imx500_peer_chain *chain, imx500_size full,
                                        imx500_size raw, imx500_size stream,
                                        const imx500_rectangle *scaler_crop)
    void imx500_peer_chain_apply(const imx500_peer_chain *chain, const imx500_rectangle *on_sensor,
                                 size_t count, imx500_rectangle *placed)
    imx500_status imx500_picamera2_boxes(imx500_size full, const double *boxes, size_t count,
                                         imx500_rectangle *on_sensor, size_t *bad)
    imx500_status imx500_picamera2_boxes_single(imx500_size full, const float *boxes,
                                                size_t count, imx500_rectangle *on_sensor,
                                                size_t *bad)
    imx500_status imx500_rpicam_apps_boxes(imx500_size full, const float *rectangles,
                                           size_t count, imx500_rectangle *on_sensor, size_t *bad)
