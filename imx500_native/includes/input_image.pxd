from libc.stdint cimport uint8_t


cdef extern from "input_image.h" nogil:
    struct imx500_rgb_tables:
        pass

    void imx500_rgb_tables_init(imx500_rgb_tables *tables, const uint8_t *per_plane, int bgr)
    void imx500_planes_to_rgb(const imx500_rgb_tables *tables, const uint8_t *red,
                              const uint8_t *green, const uint8_t *blue, size_t pixels,
                              uint8_t *rgb)
