cdef extern from "geometry.h" nogil:
    struct imx500_axis_map:
        double scale
        double offset
        double size

    void imx500_map_points(const imx500_axis_map *x, const imx500_axis_map *y,
                           const float *points, size_t count, int clip, float *mapped)
