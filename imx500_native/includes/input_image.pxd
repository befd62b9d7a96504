from libc.stdint cimport uint8_t


cdef extern from "input_image.h" nogil:
    void imx500_planes_to_rgb(const uint8_t *planes, size_t pixels, const uint8_t *tables,
                              const uint8_t *plane_of, uint8_t *rgb)
