"""Masks of single objects; see results/instance_masks.py."""

cimport cython
cimport numpy as cnp
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from cpython.pyport cimport PY_SSIZE_T_MAX
from libc.stdint cimport UINT32_MAX, uint8_t
from posix.mman cimport (
    MAP_ANONYMOUS,
    MAP_FAILED,
    MAP_PRIVATE,
    PROT_READ,
    PROT_WRITE,
    mmap,
    munmap,
)

from imx500_native.includes.instance_masks cimport (
    imx500_mask_picture,
    imx500_network_masks,
    imx500_picture_masks,
    imx500_picture_masks_scratch_bytes,
)

cnp.import_array()

cdef enum:
    BYTES_WORTH_MAPPING = 131072


@cython.final
cdef class ZeroPages:
    """Memory that is all zeros, of which only what is written to takes any.

    Masks are mostly background. numpy's own zeros would come in huge pages, each of them cleared
    in full for a single object.
    """

    cdef void *start
    cdef size_t size

    def __cinit__(self, size_t size):
        self.start = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        self.size = size
        if self.start == MAP_FAILED:
            raise MemoryError

    def __dealloc__(self):
        if self.start != MAP_FAILED:
            munmap(self.start, self.size)


cdef cnp.ndarray sparse_zeros(tuple shape, int kind, size_t item):
    cdef cnp.npy_intp[3] sizes
    cdef Py_ssize_t i
    total = item
    for i in range(3):
        sizes[i] = shape[i]
        total *= shape[i]
    if not BYTES_WORTH_MAPPING <= total <= PY_SSIZE_T_MAX:
        return cnp.PyArray_ZEROS(3, sizes, kind, 0)
    cdef ZeroPages pages = ZeroPages(total)
    cdef cnp.ndarray made = cnp.PyArray_SimpleNewFromData(3, sizes, kind, pages.start)
    cnp.set_array_base(made, pages)
    return made


cdef cnp.ndarray plain_floats(values, int dimensions):
    cdef cnp.ndarray made = cnp.PyArray_FROM_OTF(
        values, cnp.NPY_FLOAT32, cnp.NPY_ARRAY_CARRAY_RO | cnp.NPY_ARRAY_FORCECAST
    )
    if made.ndim != dimensions:
        raise ValueError(f"expected {dimensions} dimensions, got {made.ndim}")
    return made


def network_masks(logits, xyxy):
    """Return where logits are above 0 inside their boxes.

    Parameters
    ----------
    logits : ndarray
        Shape (n, h, w).
    xyxy : ndarray
        Boxes, shape (n, 4), in 0..1 of the width and height.

    Returns
    -------
    ndarray
        bool, shape (n, h, w).

    Raises
    ------
    ValueError
        If the shapes are others.
    """
    cdef cnp.ndarray sheets = plain_floats(logits, 3)
    cdef cnp.ndarray boxes = plain_floats(xyxy, 2)
    if boxes.shape[0] != sheets.shape[0] or boxes.shape[1] != 4:
        raise ValueError("expected a box for each sheet of logits")
    cdef cnp.ndarray masks = sparse_zeros(
        (sheets.shape[0], sheets.shape[1], sheets.shape[2]), cnp.NPY_BOOL, 1
    )
    cdef const float *values = <const float *>cnp.PyArray_DATA(sheets)
    cdef const float *corners = <const float *>cnp.PyArray_DATA(boxes)
    cdef uint8_t *out = <uint8_t *>cnp.PyArray_DATA(masks)
    cdef size_t count = <size_t>sheets.shape[0]
    cdef size_t height = <size_t>sheets.shape[1]
    cdef size_t width = <size_t>sheets.shape[2]
    with nogil:
        imx500_network_masks(values, count, height, width, corners, out)
    return masks


def picture_masks(logits, xyxy, tuple x, tuple y, bint swapped):
    """Return where interpolated logits are above 0 inside their boxes, in a picture.

    Parameters
    ----------
    logits : ndarray
        Shape (n, h, w), over the whole of what the network saw.
    xyxy : ndarray
        Boxes, shape (n, 4), in pixels of the picture.
    x, y : tuple
        (scale, offset, pixels) of the picture's axes: the centre of pixel i is at
        ``(i + 0.5) * scale + offset`` in 0..1 of what the network saw.
    swapped : bool
        The picture's x runs along the network's y.

    Returns
    -------
    ndarray
        bool, shape (n, pixels of y, pixels of x).

    Raises
    ------
    ValueError
        If the shapes are others.
    """
    cdef cnp.ndarray sheets = plain_floats(logits, 3)
    cdef cnp.ndarray boxes = plain_floats(xyxy, 2)
    if boxes.shape[0] != sheets.shape[0] or boxes.shape[1] != 4:
        raise ValueError("expected a box for each sheet of logits")
    cdef imx500_mask_picture picture
    picture.x.scale, picture.x.offset, picture.x.pixels = x
    picture.y.scale, picture.y.offset, picture.y.pixels = y
    picture.swapped = swapped
    if max(picture.x.pixels, picture.y.pixels) > UINT32_MAX:
        raise ValueError("the picture is too large")
    cdef cnp.ndarray masks = sparse_zeros(
        (sheets.shape[0], picture.y.pixels, picture.x.pixels), cnp.NPY_BOOL, 1
    )
    cdef size_t count = <size_t>sheets.shape[0]
    cdef size_t height = <size_t>sheets.shape[1]
    cdef size_t width = <size_t>sheets.shape[2]
    if cnp.PyArray_SIZE(masks) == 0 or height == 0 or width == 0:
        return masks
    cdef const float *values = <const float *>cnp.PyArray_DATA(sheets)
    cdef const float *corners = <const float *>cnp.PyArray_DATA(boxes)
    cdef uint8_t *out = <uint8_t *>cnp.PyArray_DATA(masks)
    cdef void *scratch = PyMem_Malloc(imx500_picture_masks_scratch_bytes(&picture, height, width))
    if scratch == NULL:
        raise MemoryError
    with nogil:
        imx500_picture_masks(values, count, height, width, &picture, corners, out, scratch)
    PyMem_Free(scratch)
    return masks
