from libc.stdint cimport int16_t, int32_t, uint8_t, uint32_t


cdef extern from "segmentation.h" nogil:
    enum:
        IMX500_MAX_CLASSES

    struct imx500_region:
        size_t pixels
        int32_t x0
        int32_t y0
        int32_t x1
        int32_t y1

    struct imx500_nearest:
        uint32_t *offset
        size_t count
        size_t begin
        size_t end

    void imx500_class_map(const float *ids, size_t height, size_t width, int16_t *map)
    void imx500_best_class_map(const float *scores, size_t height, size_t width, size_t classes,
                               int classes_first, int16_t *map)
    int imx500_highest_class(const int16_t *map, size_t pixels)
    void imx500_measure_regions(const int16_t *map, size_t height, size_t width,
                                imx500_region *regions, size_t classes)
    void imx500_class_masks(const int16_t *map, size_t pixels, const int32_t *class_id,
                            size_t count, uint8_t *masks)
    void imx500_find_nearest(imx500_nearest *nearest, const float *shares, size_t step,
                             uint32_t size, uint32_t stride)
    void imx500_place_map(const int16_t *map, const imx500_nearest *rows,
                          const imx500_nearest *columns, int16_t *picture)
