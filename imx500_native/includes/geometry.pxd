cdef extern from "geometry.h" nogil:
    struct imx500_axis_map:
        double scale
        double offset
        double size

    struct imx500_mapping:
        imx500_axis_map x
        imx500_axis_map y
        int swapped

    void imx500_map_points(const imx500_mapping *mapping, const float *points, size_t count,
                           int clip, float *mapped)
    void imx500_map_boxes(const imx500_mapping *mapping, const float *boxes, size_t count,
                          int clip, float *mapped)
    void imx500_map_rectangles(const imx500_mapping *mapping, const float *rectangles,
                               size_t count, int clip, float *mapped)
