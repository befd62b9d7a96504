"""Pictures from the bytes that the sensor and libcamera deliver."""

cimport numpy as cnp
from libc.stdint cimport uint8_t

from imx500_native.includes.input_image cimport imx500_planes_to_rgb

cnp.import_array()


def planar_to_rgb(planes, table, bint bgr=False):
    """Turn a planar, quantised input tensor into an RGB picture.

    Parameters
    ----------
    planes : ndarray
        int8 or uint8, shape ``(3, height, width)``: the planes as the sensor sends them.
    table : ndarray
        uint8, shape ``(3, 256)``: the picture value of each byte, per plane.
    bgr : bool
        True where the planes are blue, green, red.

    Returns
    -------
    ndarray
        uint8, shape ``(height, width, 3)``, RGB.

    Raises
    ------
    ValueError
        If `planes` or `table` has another shape or dtype.
    """
    cdef cnp.ndarray source = cnp.PyArray_GETCONTIGUOUS(planes)
    cdef cnp.ndarray tables = cnp.PyArray_GETCONTIGUOUS(table)
    cdef int kind = cnp.PyArray_TYPE(source)
    if kind not in (cnp.NPY_UINT8, cnp.NPY_INT8) or source.ndim != 3 or source.shape[0] != 3:
        raise ValueError(
            f"planes must be bytes of shape (3, height, width), not {planes.dtype} {planes.shape}"
        )
    if (
        cnp.PyArray_TYPE(tables) != cnp.NPY_UINT8
        or tables.ndim != 2
        or tables.shape[0] != 3
        or tables.shape[1] != 256
    ):
        raise ValueError(f"table must be uint8 of shape (3, 256), not {table.dtype} {table.shape}")
    cdef uint8_t[3] plane_of
    plane_of[0] = 2 if bgr else 0
    plane_of[1] = 1
    plane_of[2] = 0 if bgr else 2
    cdef cnp.npy_intp[3] sizes
    sizes[0] = source.shape[1]
    sizes[1] = source.shape[2]
    sizes[2] = 3
    cdef cnp.ndarray picture = cnp.PyArray_EMPTY(3, sizes, cnp.NPY_UINT8, 0)
    cdef const uint8_t *from_planes = <const uint8_t *>cnp.PyArray_DATA(source)
    cdef const uint8_t *from_tables = <const uint8_t *>cnp.PyArray_DATA(tables)
    cdef uint8_t *to_picture = <uint8_t *>cnp.PyArray_DATA(picture)
    cdef size_t pixels = <size_t>(sizes[0] * sizes[1])
    with nogil:
        imx500_planes_to_rgb(from_planes, pixels, from_tables, plane_of, to_picture)
    return picture
