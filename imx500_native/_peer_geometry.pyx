"""The peers' integer coordinate chains over whole arrays, see peer_geometry.py."""

cimport cython
cimport numpy as cnp
from cpython.number cimport PyNumber_Index
from libc.stdint cimport int64_t, uint32_t

from imx500_native.includes.libcamera_geometry cimport (
    imx500_peer_chain,
    imx500_peer_chain_apply,
    imx500_peer_chain_set,
    imx500_picamera2_boxes,
    imx500_picamera2_boxes_single,
    imx500_rectangle,
    imx500_rectangle_bounded,
    imx500_rectangle_of_ratio,
    imx500_rectangle_scaled,
    imx500_rpicam_apps_boxes,
    imx500_size,
)
from imx500_native.includes.status cimport IMX500_OK, IMX500_ZERO_DENOMINATOR, imx500_status

from imx500_native.errors import GeometryError

cnp.import_array()


cdef int set_size(object value, imx500_size *size) except -1:
    try:
        width, height = value
        size.width, size.height = PyNumber_Index(width), PyNumber_Index(height)
    except (TypeError, ValueError, OverflowError):
        raise GeometryError(
            f"a size must be two integers (width, height) from 0 to 4294967295, not {value!r:.80}"
        ) from None
    return 0


cdef int set_rectangle(object value, imx500_rectangle *rectangle) except -1:
    try:
        x, y, width, height = value
        rectangle.x, rectangle.y = PyNumber_Index(x), PyNumber_Index(y)
        rectangle.width, rectangle.height = PyNumber_Index(width), PyNumber_Index(height)
    except (TypeError, ValueError, OverflowError):
        raise GeometryError(
            "a rectangle must be four 32-bit integers (x, y, width, height) without a negative "
            f"size, not {value!r:.80}"
        ) from None
    return 0


cdef tuple as_tuple(const imx500_rectangle *rectangle):
    return (rectangle.x, rectangle.y, rectangle.width, rectangle.height)


cdef object bad_box(size_t index, object box):
    return GeometryError(
        f"box {index} is {box}: libcamera's Rectangle holds no such numbers (not finite, too "
        "large, or a size below 0)"
    )


def rectangle_scaled(rectangle, numerator, denominator):
    """Return libcamera's ``Rectangle::scaledBy``.

    Parameters
    ----------
    rectangle : tuple of int
        (x, y, width, height).
    numerator, denominator : tuple of int
        (width, height).

    Returns
    -------
    tuple of int
        (x, y, width, height), each field cut towards zero.

    Raises
    ------
    GeometryError
        If the denominator has a zero, or a number does not fit.
    """
    cdef imx500_rectangle given
    cdef imx500_size over
    cdef imx500_size under
    set_rectangle(rectangle, &given)
    set_size(numerator, &over)
    set_size(denominator, &under)
    if imx500_rectangle_scaled(&given, over, under, &given) != IMX500_OK:
        raise GeometryError(f"cannot scale by a size with a zero in it, {tuple(denominator)}")
    return as_tuple(&given)


def rectangle_bounded(rectangle, bound):
    """Return libcamera's ``Rectangle::boundedTo``.

    Parameters
    ----------
    rectangle, bound : tuple of int
        (x, y, width, height).

    Returns
    -------
    tuple of int
        (x, y, width, height); where the two are apart, with a size of 0.

    Raises
    ------
    GeometryError
        If a number does not fit.
    """
    cdef imx500_rectangle given
    cdef imx500_rectangle limit
    set_rectangle(rectangle, &given)
    set_rectangle(bound, &limit)
    given = imx500_rectangle_bounded(&given, &limit)
    return as_tuple(&given)


def rectangle_of_ratio(full, ratio):
    """Return the largest rectangle of an aspect ratio in the middle of a full size.

    Parameters
    ----------
    full, ratio : tuple of int
        (width, height).

    Returns
    -------
    tuple of int
        (x, y, width, height).

    Raises
    ------
    GeometryError
        If the ratio has a zero, or a number does not fit.
    """
    cdef imx500_size whole
    cdef imx500_size wanted
    cdef imx500_rectangle centred
    set_size(full, &whole)
    set_size(ratio, &wanted)
    if imx500_rectangle_of_ratio(whole, wanted, &centred) != IMX500_OK:
        raise GeometryError(f"an aspect ratio has no zero in it, got {tuple(ratio)}")
    return as_tuple(&centred)


@cython.final
cdef class PeerChain:
    """One camera geometry, checked and worked out once, as both peers go through it.

    Parameters
    ----------
    full_size : tuple of int
        (width, height) of the full sensor.
    scaler_crop : tuple of int
        The picture's ``ScalerCrop`` in sensor pixels.
    raw_size, stream_size : tuple of int
        (width, height) of the raw stream and of the picture.
    roi : tuple of int or None
        What boxes are cut at, in sensor pixels; None for nothing.

    Attributes
    ----------
    full : tuple of int
        Where the full sensor is in the picture, cut at the ROI: (x, y, width, height).

    Raises
    ------
    GeometryError
        If the crop has no size in raw pixels, which peers divide by; or a number does not fit.
    """

    cdef imx500_peer_chain chain
    cdef readonly tuple full

    def __init__(self, full_size, scaler_crop, raw_size, stream_size, roi):
        cdef imx500_size full
        cdef imx500_size raw
        cdef imx500_size stream
        cdef imx500_rectangle crop
        set_size(full_size, &full)
        set_size(raw_size, &raw)
        set_size(stream_size, &stream)
        set_rectangle(scaler_crop, &crop)
        if imx500_peer_chain_set(&self.chain, full, raw, stream, &crop) == IMX500_ZERO_DENOMINATOR:
            raise GeometryError(
                f"the scaler crop {tuple(scaler_crop)} has no size in raw pixels, of "
                f"{tuple(raw_size)} for the full sensor's {tuple(full_size)}"
            )
        if roi is not None:
            set_rectangle(roi, &self.chain.roi)
            self.chain.bounded_to_roi = True
        self.full = self.rectangle((0, 0, full.width, full.height))

    def rectangle(self, on_sensor):
        """Place one rectangle on the full sensor in the picture.

        Parameters
        ----------
        on_sensor : tuple of int
            (x, y, width, height) in sensor pixels.

        Returns
        -------
        tuple of int
            (x, y, width, height) in stream pixels.

        Raises
        ------
        GeometryError
            If a number does not fit.
        """
        cdef imx500_rectangle placed
        set_rectangle(on_sensor, &placed)
        imx500_peer_chain_apply(&self.chain, &placed, 1, &placed)
        return as_tuple(&placed)

    def picamera2_box(self, double y0, double x0, double y1, double x1):
        """Place one box as picamera2 does, computing in double precision.

        Parameters
        ----------
        y0, x0, y1, x1 : float
            Corners in 0..1 of the full sensor.

        Returns
        -------
        tuple of int
            (x, y, width, height) in stream pixels.

        Raises
        ------
        GeometryError
            If libcamera's Rectangle cannot hold the box.
        """
        cdef double[4] box = [y0, x0, y1, x1]
        cdef imx500_rectangle placed
        cdef size_t bad = 0
        if imx500_picamera2_boxes(self.chain.full, box, 1, &placed, &bad) != IMX500_OK:
            raise bad_box(0, [y0, x0, y1, x1])
        imx500_peer_chain_apply(&self.chain, &placed, 1, &placed)
        return as_tuple(&placed)

    def picamera2_boxes(self, boxes):
        """Place boxes as picamera2 does.

        Parameters
        ----------
        boxes : array_like
            Corners y0, x0, y1, x1 in 0..1 of the full sensor, shape (n, 4). float32 is computed
            in single precision, everything else in double.

        Returns
        -------
        ndarray
            int64, shape (n, 4): x, y, width, height in stream pixels.

        Raises
        ------
        GeometryError
            If `boxes` has another shape, or holds a box that libcamera's Rectangle cannot.
        """
        cdef bint single = isinstance(boxes, cnp.ndarray) and (
            cnp.PyArray_TYPE(<cnp.ndarray>boxes) == cnp.NPY_FLOAT32
        )
        cdef cnp.ndarray given = rows_of(boxes, cnp.NPY_FLOAT32 if single else cnp.NPY_FLOAT64)
        cdef cnp.ndarray rectangles = scratch_for(given)
        cdef size_t count = <size_t>given.shape[0]
        cdef size_t bad = 0
        cdef imx500_status status
        cdef imx500_rectangle *on_sensor = <imx500_rectangle *>cnp.PyArray_DATA(rectangles)
        if single:
            status = imx500_picamera2_boxes_single(
                self.chain.full, <const float *>cnp.PyArray_DATA(given), count, on_sensor, &bad
            )
        else:
            status = imx500_picamera2_boxes(
                self.chain.full, <const double *>cnp.PyArray_DATA(given), count, on_sensor, &bad
            )
        if status != IMX500_OK:
            raise bad_box(bad, (<object>given)[bad].tolist())
        return self.placed(rectangles)

    def rpicam_apps_boxes(self, rectangles):
        """Place rectangles as rpicam-apps does.

        Parameters
        ----------
        rectangles : array_like
            x, y, width, height in 0..1 of the full sensor, shape (n, 4); taken as float32.

        Returns
        -------
        ndarray
            int64, shape (n, 4): x, y, width, height in stream pixels.

        Raises
        ------
        GeometryError
            If `rectangles` has another shape, or holds one that libcamera's Rectangle cannot.
        """
        cdef cnp.ndarray given = rows_of(rectangles, cnp.NPY_FLOAT32)
        cdef cnp.ndarray scratch = scratch_for(given)
        cdef size_t bad = 0
        if imx500_rpicam_apps_boxes(
            self.chain.full,
            <const float *>cnp.PyArray_DATA(given),
            <size_t>given.shape[0],
            <imx500_rectangle *>cnp.PyArray_DATA(scratch),
            &bad,
        ) != IMX500_OK:
            raise bad_box(bad, (<object>given)[bad].tolist())
        return self.placed(scratch)

    cdef cnp.ndarray placed(self, cnp.ndarray rectangles):
        cdef Py_ssize_t count = rectangles.shape[0]
        cdef imx500_rectangle *given = <imx500_rectangle *>cnp.PyArray_DATA(rectangles)
        cdef cnp.npy_intp[2] shape = [count, 4]
        cdef cnp.ndarray result = cnp.PyArray_EMPTY(2, shape, cnp.NPY_INT64, 0)
        cdef int64_t *out = <int64_t *>cnp.PyArray_DATA(result)
        imx500_peer_chain_apply(&self.chain, given, <size_t>count, given)
        for i in range(count):
            out[4 * i] = given[i].x
            out[4 * i + 1] = given[i].y
            out[4 * i + 2] = given[i].width
            out[4 * i + 3] = given[i].height
        return result


cdef cnp.ndarray rows_of(object items, int type_number):
    cdef cnp.ndarray rows
    try:
        rows = cnp.PyArray_FROM_OTF(
            items, type_number, cnp.NPY_ARRAY_CARRAY_RO | cnp.NPY_ARRAY_FORCECAST
        )
    except (TypeError, ValueError, OverflowError):
        raise GeometryError(f"expected boxes of shape (n, 4), got {items!r:.80}") from None
    # What a list of boxes is where there are none.
    if rows.ndim == 1 and rows.shape[0] == 0:
        return rows.reshape(0, 4)
    if rows.ndim != 2 or rows.shape[1] != 4:
        raise GeometryError(f"expected boxes of shape (n, 4), got {(<object>rows).shape}")
    return rows


cdef cnp.ndarray scratch_for(cnp.ndarray rows):
    cdef cnp.npy_intp[2] shape = [rows.shape[0], sizeof(imx500_rectangle) // sizeof(uint32_t)]
    return cnp.PyArray_EMPTY(2, shape, cnp.NPY_UINT32, 0)
