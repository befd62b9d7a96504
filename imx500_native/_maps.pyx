"""Class maps and class rankings; see heads/segmentation.py and heads/classification.py.

Nothing here keeps scratch memory, so every function may run in several threads at once.
"""

cimport cython
cimport numpy as cnp
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from libc.math cimport INFINITY
from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t, uint32_t

from imx500_native._arrays cimport columns_of, require_outputs
from imx500_native.includes.classification cimport (
    imx500_ranking_options,
    imx500_top_classes,
    imx500_top_classes_scratch,
)
from imx500_native.includes.segmentation cimport (
    IMX500_MAX_CLASSES,
    imx500_best_class_map,
    imx500_class_map,
    imx500_class_masks,
    imx500_find_nearest,
    imx500_highest_class,
    imx500_measure_regions,
    imx500_nearest,
    imx500_place_map,
    imx500_region,
)

cnp.import_array()

cdef extern from *:
    """
    /* Pixels and scores below which giving the lock away costs more than it frees: 20 us. */
    #define IMX500_PIXELS_WORTH_RELEASING 40000
    #define IMX500_SCORES_WORTH_RELEASING 15000
    #define IMX500_SORTED_WORTH_RELEASING 1200
    """
    Py_ssize_t IMX500_PIXELS_WORTH_RELEASING
    Py_ssize_t IMX500_SCORES_WORTH_RELEASING
    Py_ssize_t IMX500_SORTED_WORTH_RELEASING


cdef cnp.ndarray row_major(object class_map):
    cdef cnp.ndarray array = cnp.PyArray_FROM_OTF(class_map, cnp.NPY_INT16, cnp.NPY_ARRAY_CARRAY_RO)
    if array.ndim != 2 or max(array.shape[0], array.shape[1]) > 0x7fffffff:
        raise ValueError(
            f"expected a class map of shape (height, width), got {(<object>array).shape}"
        )
    return array


cdef cnp.ndarray new_map(Py_ssize_t height, Py_ssize_t width):
    cdef cnp.npy_intp[2] sizes
    sizes[0] = height
    sizes[1] = width
    return cnp.PyArray_EMPTY(2, sizes, cnp.NPY_INT16, 0)


def class_map(outputs, int lone_axis):
    """Turn a tensor of class ids into a class map.

    Parameters
    ----------
    outputs : sequence of ndarray
        Of shape (height, width), of any strides, and no more.
    lone_axis : int
        Which dimension beside these the tensor has, of length 1: 0 or 2; -1 for none.

    Returns
    -------
    ndarray
        int16, shape (height, width), C order; -1 for what is no class id.

    Raises
    ------
    OutputsError
        If the outputs are others.
    """
    cdef cnp.ndarray ids = columns_of(outputs, 1)[0]
    if lone_axis < 0:
        require_outputs(ids.ndim == 2)
    else:
        require_outputs(ids.ndim == 3 and ids.shape[lone_axis] == 1)
    # A dimension of length 1 takes no room: the numbers lie as those of (height, width) do.
    cdef int first = 1 if lone_axis == 0 else 0
    cdef size_t height = <size_t>ids.shape[first], width = <size_t>ids.shape[first + 1]
    cdef cnp.ndarray made = new_map(ids.shape[first], ids.shape[first + 1])
    cdef const float *values = <const float *>cnp.PyArray_DATA(ids)
    cdef int16_t *pixels = <int16_t *>cnp.PyArray_DATA(made)
    if cnp.PyArray_SIZE(ids) < IMX500_PIXELS_WORTH_RELEASING:
        imx500_class_map(values, height, width, pixels)
    else:
        with nogil:
            imx500_class_map(values, height, width, pixels)
    return made


def best_class_map(outputs, bint classes_first):
    """Turn a tensor of scores into a map of the classes that have the highest.

    Parameters
    ----------
    outputs : sequence of ndarray
        Of shape (height, width, classes), of any strides, and no more.
    classes_first : bool
        The shape is (classes, height, width).

    Returns
    -------
    ndarray
        int16, shape (height, width), C order; -1 where no score is above minus infinity.

    Raises
    ------
    OutputsError
        If the outputs are others, or have more classes than an int16 can name.
    """
    cdef cnp.ndarray scores = columns_of(outputs, 1)[0]
    require_outputs(
        scores.ndim == 3 and scores.shape[0 if classes_first else 2] <= IMX500_MAX_CLASSES
    )
    cdef int first = 1 if classes_first else 0
    cdef size_t height = <size_t>scores.shape[first], width = <size_t>scores.shape[first + 1]
    cdef size_t classes = <size_t>scores.shape[0 if classes_first else 2]
    cdef cnp.ndarray made = new_map(scores.shape[first], scores.shape[first + 1])
    cdef const float *values = <const float *>cnp.PyArray_DATA(scores)
    cdef int16_t *pixels = <int16_t *>cnp.PyArray_DATA(made)
    if cnp.PyArray_SIZE(scores) < IMX500_PIXELS_WORTH_RELEASING:
        imx500_best_class_map(values, height, width, classes, first, pixels)
    else:
        with nogil:
            imx500_best_class_map(values, height, width, classes, first, pixels)
    return made


def regions(class_map):
    """Measure what every class of a map covers.

    Parameters
    ----------
    class_map : array_like
        int16, shape (height, width).

    Returns
    -------
    tuple of ndarray
        The class ids that occur, ascending, (m,) int32; their pixels, (m,) int64; and the boxes
        round these in pixels of the map, (m, 4) float32: x0, y0, x1, y1, x1 and y1 being where the
        last pixel ends.

    Raises
    ------
    ValueError, TypeError
        If the map has another shape, or another type.
    """
    cdef cnp.ndarray array = row_major(class_map)
    cdef const int16_t *pixels = <const int16_t *>cnp.PyArray_DATA(array)
    cdef size_t height = <size_t>array.shape[0], width = <size_t>array.shape[1]
    cdef size_t classes
    with nogil:
        classes = <size_t>(imx500_highest_class(pixels, height * width) + 1)
    cdef imx500_region *table = <imx500_region *>PyMem_Malloc(
        (classes + 1) * sizeof(imx500_region)
    )
    if table == NULL:
        raise MemoryError
    cdef cnp.npy_intp[2] sizes
    cdef size_t i, present = 0
    try:
        with nogil:
            imx500_measure_regions(pixels, height, width, table, classes)
            for i in range(classes):
                present += table[i].pixels > 0
        sizes[0] = <cnp.npy_intp>present
        sizes[1] = 4
        class_id = cnp.PyArray_EMPTY(1, sizes, cnp.NPY_INT32, 0)
        areas = cnp.PyArray_EMPTY(1, sizes, cnp.NPY_INT64, 0)
        boxes = cnp.PyArray_EMPTY(2, sizes, cnp.NPY_FLOAT32, 0)
        fill_regions(
            table,
            classes,
            <int32_t *>cnp.PyArray_DATA(class_id),
            <int64_t *>cnp.PyArray_DATA(areas),
            <float *>cnp.PyArray_DATA(boxes),
        )
    finally:
        PyMem_Free(table)
    return class_id, areas, boxes


cdef void fill_regions(
    const imx500_region *table, size_t classes, int32_t *class_id, int64_t *areas, float *boxes
) noexcept nogil:
    cdef size_t i, row = 0
    for i in range(classes):
        if table[i].pixels == 0:
            continue
        class_id[row] = <int32_t>i
        areas[row] = <int64_t>table[i].pixels
        boxes[4 * row] = <float>table[i].x0
        boxes[4 * row + 1] = <float>table[i].y0
        boxes[4 * row + 2] = <float>table[i].x1
        boxes[4 * row + 3] = <float>table[i].y1
        row += 1


def masks(class_map, class_id):
    """Make a mask of each class.

    Parameters
    ----------
    class_map : array_like
        int16, shape (height, width).
    class_id : array_like
        Which classes, int32, shape (m,); -1 for the pixels without any.

    Returns
    -------
    ndarray
        bool, shape (m, height, width).

    Raises
    ------
    ValueError, TypeError
        If an argument has another shape, or another type.
    """
    cdef cnp.ndarray array = row_major(class_map)
    cdef cnp.ndarray wanted = cnp.PyArray_FROM_OTF(class_id, cnp.NPY_INT32, cnp.NPY_ARRAY_CARRAY_RO)
    if wanted.ndim != 1:
        raise ValueError(f"expected class ids of shape (m,), got {(<object>wanted).shape}")
    cdef cnp.npy_intp[3] sizes
    sizes[0] = wanted.shape[0]
    sizes[1] = array.shape[0]
    sizes[2] = array.shape[1]
    cdef cnp.ndarray made = cnp.PyArray_EMPTY(3, sizes, cnp.NPY_BOOL, 0)
    cdef const int16_t *pixels = <const int16_t *>cnp.PyArray_DATA(array)
    cdef const int32_t *ids = <const int32_t *>cnp.PyArray_DATA(wanted)
    cdef uint8_t *values = <uint8_t *>cnp.PyArray_DATA(made)
    cdef size_t size = <size_t>cnp.PyArray_SIZE(array), count = <size_t>wanted.shape[0]
    with nogil:
        imx500_class_masks(pixels, size, ids, count, values)
    return made


@cython.final
cdef class NearestPixels:
    """Where each pixel of a picture falls in a class map.

    Immutable, so any number of threads may use one.

    Parameters
    ----------
    across, down : array_like
        float32, shapes (width, 2) and (height, 2): x and y in 0..1 of the map for the centres of
        the pixels along the picture's upper edge and along its left edge.
    map_size : tuple of int
        (width, height) of the map.
    swapped : bool
        The map's x depends on the picture's y, and its y on the picture's x.

    Raises
    ------
    ValueError
        If an argument has another shape, or the map more pixels than 32 bits can count.
    """

    cdef imx500_nearest columns
    cdef imx500_nearest rows
    cdef Py_ssize_t map_width
    cdef Py_ssize_t map_height

    def __cinit__(self, across, down, tuple map_size, bint swapped):
        self.map_width, self.map_height = map_size
        if (
            not 0 <= self.map_width <= 0x7fffffff
            or not 0 <= self.map_height <= 0x7fffffff
            or self.map_width * self.map_height > 0x7fffffff
        ):
            raise ValueError(f"a map of {self.map_width}x{self.map_height} pixels is too large")
        cdef uint32_t width = <uint32_t>self.map_width, height = <uint32_t>self.map_height
        if swapped:
            find(&self.columns, across, 1, height, width)
            find(&self.rows, down, 0, width, 1)
        else:
            find(&self.columns, across, 0, width, 1)
            find(&self.rows, down, 1, height, width)

    def __dealloc__(self):
        PyMem_Free(self.columns.offset)
        PyMem_Free(self.rows.offset)

    def placed(self, class_map):
        """Show a class map in the picture.

        Parameters
        ----------
        class_map : array_like
            int16, of the map's size.

        Returns
        -------
        ndarray
            int16, of the picture's size, C order; -1 outside the map.

        Raises
        ------
        ValueError, TypeError
            If the map has another shape, or another type.
        """
        cdef cnp.ndarray array = row_major(class_map)
        if array.shape[0] != self.map_height or array.shape[1] != self.map_width:
            raise ValueError(
                f"expected a class map of shape {(self.map_height, self.map_width)}, "
                f"got {(<object>array).shape}"
            )
        cdef cnp.ndarray made = new_map(
            <Py_ssize_t>self.rows.count, <Py_ssize_t>self.columns.count
        )
        cdef const int16_t *pixels = <const int16_t *>cnp.PyArray_DATA(array)
        cdef int16_t *picture = <int16_t *>cnp.PyArray_DATA(made)
        with nogil:
            imx500_place_map(pixels, &self.rows, &self.columns, picture)
        return made


cdef int find(
    imx500_nearest *nearest, object points, Py_ssize_t axis, uint32_t size, uint32_t stride
) except -1:
    cdef cnp.ndarray array = cnp.PyArray_FROM_OTF(points, cnp.NPY_FLOAT32, cnp.NPY_ARRAY_CARRAY_RO)
    if array.ndim != 2 or array.shape[1] != 2:
        raise ValueError(f"expected points of shape (n, 2), got {(<object>array).shape}")
    nearest.count = <size_t>array.shape[0]
    nearest.offset = <uint32_t *>PyMem_Malloc((nearest.count + 1) * sizeof(uint32_t))
    if nearest.offset == NULL:
        raise MemoryError
    imx500_find_nearest(nearest, <const float *>cnp.PyArray_DATA(array) + axis, 2, size, stride)
    return 0


def top_classes(outputs, bint softmax, float threshold, Py_ssize_t limit):
    """Rank the classes of a classifier.

    Parameters
    ----------
    outputs : sequence of ndarray
        One score per class, and no more; dimensions of length 1 beside that do not matter.
    softmax : bool
        The scores are logits, and the confidences their softmax.
    threshold : float
        The least confidence that counts.
    limit : int
        How many of the best to keep; negative for all.

    Returns
    -------
    tuple of ndarray
        class_id (k,) int32 and confidence (k,) float32, most confident first, ties by class id.
        A score that is NaN or, without softmax, infinite is left out.

    Raises
    ------
    OutputsError
        If the outputs are others, with more than one dimension that is longer than 1.
    """
    cdef cnp.ndarray scores = columns_of(outputs, 1)[0]
    cdef Py_ssize_t size = cnp.PyArray_SIZE(scores)
    cdef int axis, long_axes = 0
    for axis in range(scores.ndim):
        long_axes += scores.shape[axis] != 1
    require_outputs(long_axes <= 1 and scores.ndim > 0 and size <= 0x7fffffff)
    cdef cnp.npy_intp room = size if limit < 0 or limit > size else limit
    class_id = cnp.PyArray_EMPTY(1, &room, cnp.NPY_INT32, 0)
    confidence = cnp.PyArray_EMPTY(1, &room, cnp.NPY_FLOAT32, 0)
    cdef imx500_ranking_options options
    options.softmax = softmax
    options.threshold = threshold
    options.limit = <size_t>room
    cdef const float *values = <const float *>cnp.PyArray_DATA(scores)
    cdef int32_t *best = <int32_t *>cnp.PyArray_DATA(class_id)
    cdef float *shares = <float *>cnp.PyArray_DATA(confidence)
    cdef size_t count = <size_t>size, kept
    cdef uint32_t *scratch = NULL
    cdef size_t needed = imx500_top_classes_scratch(count, options.limit)
    if needed > 0:
        scratch = <uint32_t *>PyMem_Malloc(needed * sizeof(uint32_t))
        if scratch == NULL:
            raise MemoryError
    if size < (IMX500_SORTED_WORTH_RELEASING if needed else IMX500_SCORES_WORTH_RELEASING):
        kept = imx500_top_classes(values, count, &options, best, shares, scratch)
    else:
        with nogil:
            kept = imx500_top_classes(values, count, &options, best, shares, scratch)
    PyMem_Free(scratch)
    if kept > 0 and shares[0] == INFINITY:
        # No probability. It would be the first, and so rare that looking again costs nothing.
        finite = (<object>scores).copy()
        finite[finite == INFINITY] = -INFINITY
        return top_classes((finite,), softmax, threshold, limit)
    if <cnp.npy_intp>kept < room:
        return class_id[:kept], confidence[:kept]
    return class_id, confidence
