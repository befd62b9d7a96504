"""Pictures from the bytes that the sensor and libcamera deliver."""

cimport numpy as cnp
from cpython.object cimport PyObject
from libc.stdint cimport uint8_t, uintptr_t

from imx500_native.includes.input_image cimport (
    imx500_planes_to_rgb,
    imx500_rgb_tables,
    imx500_rgb_tables_init,
)

cnp.import_array()

cdef extern from *:
    """
    /* CPython keeps the ints from 0 to 255 in one array, so the address of such an int tells its
       value. Reading a million of them through their addresses takes as long as reading the
       addresses from memory; through the objects it takes twice that. Nothing promises the array,
       so it is looked at when the module is loaded. */
    #define IMX500_INT_SPACING 32
    static uintptr_t imx500_address_of_zero(void)
    {
        uintptr_t zero = 0;
        for (long value = 0; value < 256; value++) {
            PyObject *number = PyLong_FromLong(value);
            const uintptr_t address = (uintptr_t)number;
            Py_XDECREF(number);
            if (value == 0)
                zero = address;
            if (number == NULL || address - zero != (uintptr_t)value * IMX500_INT_SPACING)
                return 0;
        }
        return zero;
    }

    /* Three rows of addresses are read at once, which is too many for the processor to fetch ahead
       by itself: without the hint this takes twice as long. */
    #define IMX500_PER_CACHE_LINE 8
    #define IMX500_FETCH_AHEAD 8192

    /* So many in a loop of their own that gcc makes vectors of it, rather than eight lines. */
    #define IMX500_ITEMS_TOGETHER 32

    /* False where any of the items is not an int from 0 to 255. */
    static inline int imx500_small_ints(PyObject *const *items, size_t count, uintptr_t zero,
                                        uint8_t *bytes)
    {
        uintptr_t seen = 0;
        size_t i = 0;
        for (; i + IMX500_ITEMS_TOGETHER <= count; i += IMX500_ITEMS_TOGETHER) {
            const uintptr_t ahead = (uintptr_t)(items + i) + IMX500_FETCH_AHEAD;
            for (size_t j = 0; j < IMX500_ITEMS_TOGETHER; j += IMX500_PER_CACHE_LINE)
                __builtin_prefetch((const void *)(ahead + j * sizeof *items));
            for (size_t j = i; j < i + IMX500_ITEMS_TOGETHER; j++) {
                bytes[j] = (uint8_t)(((uintptr_t)items[j] - zero) / IMX500_INT_SPACING);
                seen |= (uintptr_t)items[j] - zero;
            }
        }
        for (; i < count; i++) {
            bytes[i] = (uint8_t)(((uintptr_t)items[i] - zero) / IMX500_INT_SPACING);
            seen |= (uintptr_t)items[i] - zero;
        }
        return (seen & ~(uintptr_t)(255 * IMX500_INT_SPACING)) == 0;
    }

    /* Small enough that what is fetched ahead is not pushed out before it is read. */
    #define IMX500_TILE 1024
    static int imx500_small_ints_to_rgb(const struct imx500_rgb_tables *tables,
                                        PyObject *const *red, PyObject *const *green,
                                        PyObject *const *blue, size_t pixels, uintptr_t zero,
                                        uint8_t *rgb)
    {
        uint8_t planes[3][IMX500_TILE];
        for (size_t done = 0; done < pixels; done += IMX500_TILE) {
            const size_t count = pixels - done < IMX500_TILE ? pixels - done : IMX500_TILE;
            if (!imx500_small_ints(red + done, count, zero, planes[0]) ||
                !imx500_small_ints(green + done, count, zero, planes[1]) ||
                !imx500_small_ints(blue + done, count, zero, planes[2]))
                return 0;
            imx500_planes_to_rgb(tables, planes[0], planes[1], planes[2], count, rgb + 3 * done);
        }
        return 1;
    }
    """
    uintptr_t imx500_address_of_zero() noexcept
    int imx500_small_ints_to_rgb(const imx500_rgb_tables *tables, PyObject *const *red,
                                 PyObject *const *green, PyObject *const *blue, size_t pixels,
                                 uintptr_t zero, uint8_t *rgb) noexcept nogil

cdef extern from "Python.h":
    PyObject **PySequence_Fast_ITEMS(object items) noexcept

cdef uintptr_t ADDRESS_OF_ZERO = imx500_address_of_zero()


cdef cnp.ndarray checked_tables(table):
    cdef cnp.ndarray tables = cnp.PyArray_GETCONTIGUOUS(<cnp.ndarray?>table)
    if (
        cnp.PyArray_TYPE(tables) != cnp.NPY_UINT8
        or tables.ndim != 2
        or tables.shape[0] != 3
        or tables.shape[1] != 256
    ):
        raise ValueError(f"table must be uint8 of shape (3, 256), not {table.dtype} {table.shape}")
    return tables


cdef cnp.ndarray new_picture(cnp.npy_intp height, cnp.npy_intp width):
    cdef cnp.npy_intp[3] sizes
    sizes[0] = height
    sizes[1] = width
    sizes[2] = 3
    return cnp.PyArray_EMPTY(3, sizes, cnp.NPY_UINT8, 0)


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
    cdef cnp.ndarray source = cnp.PyArray_GETCONTIGUOUS(<cnp.ndarray?>planes)
    cdef cnp.ndarray per_plane = checked_tables(table)
    cdef int kind = cnp.PyArray_TYPE(source)
    if kind not in (cnp.NPY_UINT8, cnp.NPY_INT8) or source.ndim != 3 or source.shape[0] != 3:
        raise ValueError(
            f"planes must be bytes of shape (3, height, width), not {planes.dtype} {planes.shape}"
        )
    cdef cnp.ndarray picture = new_picture(source.shape[1], source.shape[2])
    cdef uint8_t *rgb = <uint8_t *>cnp.PyArray_DATA(picture)
    cdef size_t pixels = <size_t>(source.shape[1] * source.shape[2])
    cdef const uint8_t *first = <const uint8_t *>cnp.PyArray_DATA(source)
    cdef const uint8_t *red = first + 2 * pixels if bgr else first
    cdef const uint8_t *blue = first if bgr else first + 2 * pixels
    cdef imx500_rgb_tables tables
    imx500_rgb_tables_init(&tables, <const uint8_t *>cnp.PyArray_DATA(per_plane), bgr)
    with nogil:
        imx500_planes_to_rgb(&tables, red, first + pixels, blue, pixels, rgb)
    return picture


def ints_to_rgb(tuple values, Py_ssize_t width, Py_ssize_t height, table, bint bgr=False):
    """Do what `planar_to_rgb` does for the tuple of ints that libcamera's bindings make.

    Parameters
    ----------
    values : tuple of int
        ``3 * height * width`` bytes, plane after plane.
    width, height : int
        Of the picture, in pixels.
    table, bgr
        As for `planar_to_rgb`.

    Returns
    -------
    ndarray or None
        uint8, shape ``(height, width, 3)``, RGB; None where an item is not a plain int from 0 to
        255, or where this Python does not allow the shortcut.

    Raises
    ------
    ValueError
        If `values` has another length, or `table` another shape or dtype.
    """
    cdef cnp.ndarray per_plane = checked_tables(table)
    if width < 0 or height < 0 or len(values) != 3 * width * height:
        raise ValueError(f"expected 3 * {width} * {height} values, got {len(values)}")
    if ADDRESS_OF_ZERO == 0:
        return None
    cdef cnp.ndarray picture = new_picture(height, width)
    cdef uint8_t *rgb = <uint8_t *>cnp.PyArray_DATA(picture)
    cdef size_t pixels = <size_t>(width * height)
    cdef PyObject *const *first = PySequence_Fast_ITEMS(values)
    cdef PyObject *const *red = first + 2 * pixels if bgr else first
    cdef PyObject *const *blue = first if bgr else first + 2 * pixels
    cdef imx500_rgb_tables tables
    cdef bint plain
    imx500_rgb_tables_init(&tables, <const uint8_t *>cnp.PyArray_DATA(per_plane), bgr)
    # No object is looked into, only addresses in a tuple that cannot change: no lock is needed.
    with nogil:
        plain = imx500_small_ints_to_rgb(
            &tables, red, first + pixels, blue, pixels, ADDRESS_OF_ZERO, rgb
        )
    return picture if plain else None
