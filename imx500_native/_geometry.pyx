"""Batched coordinate arithmetic, see geometry.py for the meaning of the spaces."""

cimport numpy as cnp

from imx500_native.includes.geometry cimport (
    imx500_map_boxes,
    imx500_map_points,
    imx500_map_rectangles,
    imx500_mapping,
)

from imx500_native.errors import GeometryError

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


cdef cnp.ndarray checked_items(object items, Py_ssize_t width):
    cdef cnp.ndarray source
    if (
        isinstance(items, cnp.ndarray)
        and cnp.PyArray_TYPE(<cnp.ndarray>items) == cnp.NPY_FLOAT32
        and cnp.PyArray_ISCARRAY_RO(<cnp.ndarray>items)
    ):
        source = items
    else:
        try:
            source = cnp.PyArray_FROM_OTF(
                items, cnp.NPY_FLOAT32, cnp.NPY_ARRAY_CARRAY_RO | cnp.NPY_ARRAY_FORCECAST
            )
        except (TypeError, ValueError, OverflowError):
            raise GeometryError(
                f"expected numbers, {width} coordinates in the last axis, got {items!r:.80}"
            ) from None
    # What a list of places is where there are none.
    if source.ndim == 1 and source.shape[0] == 0:
        return source.reshape(0, width)
    if source.ndim == 0 or source.shape[source.ndim - 1] != width:
        raise GeometryError(
            f"expected {width} coordinates in the last axis, "
            f"got an array of shape {(<object>source).shape}"
        )
    return source


cdef cnp.ndarray mapped_by(
    map_function function,
    const imx500_mapping *mapping,
    object items,
    Py_ssize_t width,
    object outside,
):
    cdef bint clip = outside == "clip"
    if not clip and outside != "keep":
        raise GeometryError(f"outside must be 'clip' or 'keep', not {outside!r:.40}")
    cdef cnp.ndarray source = checked_items(items, width)
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


cdef class AxisMaps:
    """Two affine maps, one per axis of the target: ``target = source * scale + offset``.

    Parameters
    ----------
    pairs : tuple of tuple of float
        ``(scale, offset)`` of the target's x and of its y.
    swapped : bool
        The target's x comes from the source's y, and its y from x.
    size : tuple of float
        (width, height) of the target space, which begins at 0.
    source_space, target_space : {"network", "stream"}
        Which way it maps.
    """

    cdef imx500_mapping mapping
    cdef readonly object source_space
    cdef readonly object target_space
    cdef readonly tuple target_size

    def __init__(self, tuple pairs, bint swapped, tuple size, source_space, target_space):
        x, y = pairs
        self.mapping.x.scale, self.mapping.x.offset = x
        self.mapping.y.scale, self.mapping.y.offset = y
        self.mapping.x.size, self.mapping.y.size = size
        self.mapping.swapped = swapped
        self.target_size = size
        self.source_space = source_space
        self.target_space = target_space

    @property
    def pairs(self):
        """``(scale, offset)`` of the target's x and of its y."""
        return (
            (self.mapping.x.scale, self.mapping.x.offset),
            (self.mapping.y.scale, self.mapping.y.offset),
        )

    @property
    def swapped(self):
        """Whether the target's x comes from the source's y, and its y from x."""
        return bool(self.mapping.swapped)

    def boxes(self, xyxy, *, outside="clip"):
        """Map boxes.

        Parameters
        ----------
        xyxy : array_like
            Boxes in corner form, shape (..., 4): x0, y0, x1, y1 in the source space; an empty list
            where there are none.
        outside : {"clip", "keep"}
            "clip" trims a box at the edge of the target space; a box that lies outside it
            altogether collapses onto the edge and has no area. "keep" leaves it as it is.

        Returns
        -------
        ndarray
            float32, the shape of `xyxy`, (0, 4) for an empty list, in the target space; a flip does
            not turn a box inside out. NaN stays NaN.

        Raises
        ------
        GeometryError
            If `xyxy` is no numbers or has another shape, or `outside` is neither word.
        """
        return mapped_by(imx500_map_boxes, &self.mapping, xyxy, 4, outside)

    def rectangles(self, xywh, *, outside="clip"):
        """Map rectangles.

        Parameters
        ----------
        xywh : array_like
            Rectangles, shape (..., 4): x, y, width, height in the source space; an empty list where
            there are none.
        outside : {"clip", "keep"}
            As for `boxes`.

        Returns
        -------
        ndarray
            float32, the shape of `xywh`, (0, 4) for an empty list, in the target space. NaN stays
            NaN.

        Raises
        ------
        GeometryError
            If `xywh` is no numbers or has another shape, or `outside` is neither word.

        Examples
        --------
        What the network saw, in the picture:

        >>> mapper = CoordinateMapper((508, 0, 3040, 3040), (0, 0, 4056, 3040), (640, 480))
        >>> mapper.rectangles([0, 0, 1, 1]).round(1).tolist()
        [80.2, 0.0, 479.7, 480.0]
        """
        return mapped_by(imx500_map_rectangles, &self.mapping, xywh, 4, outside)

    def points(self, xy, *, outside="clip"):
        """Map points.

        Parameters
        ----------
        xy : array_like
            Points, shape (..., 2): x, y in the source space; an empty list where there are none.
        outside : {"clip", "keep"}
            "clip" moves a point outside the target space to its edge; "keep" leaves it.

        Returns
        -------
        ndarray
            float32, the shape of `xy`, (0, 2) for an empty list, in the target space. NaN stays
            NaN.

        Raises
        ------
        GeometryError
            If `xy` is no numbers or has another shape, or `outside` is neither word.
        """
        return mapped_by(imx500_map_points, &self.mapping, xy, 2, outside)
