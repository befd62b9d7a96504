"""Batched coordinate arithmetic, see geometry.py for the meaning of the spaces."""

cimport cython
cimport numpy as cnp

from imx500_native.includes.geometry cimport imx500_axis_map, imx500_map_points

cnp.import_array()

cdef extern from *:
    """
    /* Below this the lock costs more than it frees; at about 5 ns a point this is 20 us. */
    #define IMX500_POINTS_WORTH_RELEASING 4096
    """
    size_t IMX500_POINTS_WORTH_RELEASING


@cython.final
cdef class AxisMaps:
    """Two affine maps, one per axis: ``target = source * scale + offset``.

    Parameters
    ----------
    x, y : tuple of float
        ``(scale, offset, size)``; the target space reaches from 0 to ``size``.
    """

    cdef imx500_axis_map x
    cdef imx500_axis_map y

    def __init__(self, tuple x, tuple y):
        self.x.scale, self.x.offset, self.x.size = x
        self.y.scale, self.y.offset, self.y.size = y

    def apply(self, points, bint clip):
        """Map ``(x, y)`` pairs, which lie one after the other in the last axis.

        Parameters
        ----------
        points : array_like
            Numbers, shape ``(..., 2 * k)``.
        clip : bool
            Move what falls outside the target space to its edge.

        Returns
        -------
        ndarray
            float32, C order, the shape of `points`.

        Raises
        ------
        ValueError
            If the last axis does not hold pairs, or `points` does not hold numbers.
        """
        cdef cnp.ndarray source = cnp.PyArray_FROM_OTF(
            points, cnp.NPY_FLOAT32, cnp.NPY_ARRAY_CARRAY_RO | cnp.NPY_ARRAY_FORCECAST
        )
        if source.ndim == 0 or source.shape[source.ndim - 1] % 2:
            raise ValueError(
                "expected (x, y) pairs in the last axis, "
                f"got an array of shape {(<object>source).shape}"
            )
        cdef cnp.ndarray mapped = cnp.PyArray_EMPTY(
            source.ndim, cnp.PyArray_DIMS(source), cnp.NPY_FLOAT32, 0
        )
        cdef const float *from_points = <const float *>cnp.PyArray_DATA(source)
        cdef float *to_points = <float *>cnp.PyArray_DATA(mapped)
        cdef size_t count = <size_t>cnp.PyArray_SIZE(source) // 2
        if count < IMX500_POINTS_WORTH_RELEASING:
            imx500_map_points(&self.x, &self.y, from_points, count, clip, to_points)
        else:
            with nogil:
                imx500_map_points(&self.x, &self.y, from_points, count, clip, to_points)
        return mapped
