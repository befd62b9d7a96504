"""Batched coordinate arithmetic, see geometry.py for the meaning of the spaces."""

cimport cython
cimport numpy as cnp

from imx500_native.includes.geometry cimport (
    imx500_map_boxes,
    imx500_map_points,
    imx500_map_rectangles,
    imx500_mapping,
)

cnp.import_array()

cdef extern from *:
    """
    /* Below this the lock costs more than it frees; at about 5 ns a point this is 20 us. */
    #define IMX500_POINTS_WORTH_RELEASING 4096
    """
    Py_ssize_t IMX500_POINTS_WORTH_RELEASING

ctypedef void (*map_function)(
    const imx500_mapping *, const float *, size_t, int, float *
) noexcept nogil


cdef cnp.ndarray mapped_by(
    map_function function, const imx500_mapping *mapping, object items, Py_ssize_t width, bint clip
):
    cdef cnp.ndarray source = cnp.PyArray_FROM_OTF(
        items, cnp.NPY_FLOAT32, cnp.NPY_ARRAY_CARRAY_RO | cnp.NPY_ARRAY_FORCECAST
    )
    if source.ndim == 0 or source.shape[source.ndim - 1] != width:
        raise ValueError(
            f"expected {width} coordinates in the last axis, "
            f"got an array of shape {(<object>source).shape}"
        )
    cdef cnp.ndarray mapped = cnp.PyArray_EMPTY(
        source.ndim, cnp.PyArray_DIMS(source), cnp.NPY_FLOAT32, 0
    )
    cdef const float *from_items = <const float *>cnp.PyArray_DATA(source)
    cdef float *to_items = <float *>cnp.PyArray_DATA(mapped)
    cdef Py_ssize_t size = cnp.PyArray_SIZE(source)
    cdef size_t count = <size_t>(size // width)
    if size < 2 * IMX500_POINTS_WORTH_RELEASING:
        function(mapping, from_items, count, clip, to_items)
    else:
        with nogil:
            function(mapping, from_items, count, clip, to_items)
    return mapped


@cython.final
cdef class AxisMaps:
    """Two affine maps, one per axis of the target: ``target = source * scale + offset``.

    Parameters
    ----------
    x, y : tuple of float
        ``(scale, offset, size)``; the target space reaches from 0 to ``size``.
    swapped : bool
        The target's x comes from the source's y, and its y from x.
    """

    cdef imx500_mapping mapping

    def __init__(self, tuple x, tuple y, bint swapped):
        self.mapping.x.scale, self.mapping.x.offset, self.mapping.x.size = x
        self.mapping.y.scale, self.mapping.y.offset, self.mapping.y.size = y
        self.mapping.swapped = swapped

    def points(self, items, bint clip):
        """Map points, ``(x, y)`` in the last axis.

        Parameters
        ----------
        items : array_like
            Numbers, shape ``(..., 2)``.
        clip : bool
            Move what falls outside the target space to its edge.

        Returns
        -------
        ndarray
            float32, C order, the shape of `items`.

        Raises
        ------
        ValueError
            If `items` has another shape, or does not hold numbers.
        """
        return mapped_by(imx500_map_points, &self.mapping, items, 2, clip)

    def boxes(self, items, bint clip):
        """Map boxes, ``(x0, y0, x1, y1)`` in the last axis.

        Parameters
        ----------
        items : array_like
            Numbers, shape ``(..., 4)``.
        clip : bool
            Move what falls outside the target space to its edge.

        Returns
        -------
        ndarray
            float32, C order, the shape of `items`.

        Raises
        ------
        ValueError
            If `items` has another shape, or does not hold numbers.
        """
        return mapped_by(imx500_map_boxes, &self.mapping, items, 4, clip)

    def rectangles(self, items, bint clip):
        """Map rectangles, ``(x, y, width, height)`` in the last axis.

        Parameters
        ----------
        items : array_like
            Numbers, shape ``(..., 4)``.
        clip : bool
            Move what falls outside the target space to its edge.

        Returns
        -------
        ndarray
            float32, C order, the shape of `items`.

        Raises
        ------
        ValueError
            If `items` has another shape, or does not hold numbers.
        """
        return mapped_by(imx500_map_rectangles, &self.mapping, items, 4, clip)
