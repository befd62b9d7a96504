"""The coordinates that picamera2 and rpicam-apps compute, bit for bit, over whole arrays.

Both take a network's coordinates for fractions of the full sensor and cut to whole pixels at every
step, in libcamera's ``Rectangle`` arithmetic. Their results are here for programs that must agree
with what they have; `imx500_native.CoordinateMapper` says where things are.

Where libcamera would divide by zero, these raise `GeometryError`.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from imx500_native._peer_geometry import PeerChain, rectangle_of_ratio
from imx500_native.geometry import SENSOR_SIZE, Rect, Size

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


_cached_chain = lru_cache(maxsize=64)(PeerChain)


def peer_chain(
    scaler_crop: Rect, raw_size: Size, stream_size: Size, roi: Rect | None = None
) -> PeerChain:
    """Return the chain for one camera geometry, which rarely changes from frame to frame.

    Parameters
    ----------
    scaler_crop : tuple of int
        The picture's ``ScalerCrop``: (x, y, width, height) in sensor pixels.
    raw_size, stream_size : tuple of int
        (width, height) of the raw stream and of the picture.
    roi : tuple of int, optional
        What boxes are cut at, in sensor pixels; None for nothing.

    Returns
    -------
    PeerChain
        Shared: chains are immutable.

    Raises
    ------
    GeometryError
        If the crop has no size in raw pixels, or a number does not fit 32 bits.
    """
    try:
        return _cached_chain(SENSOR_SIZE, scaler_crop, raw_size, stream_size, roi)
    except TypeError:
        # A list, which is no key.
        crop, raw, stream = tuple(scaler_crop), tuple(raw_size), tuple(stream_size)
        return _cached_chain(SENSOR_SIZE, crop, raw, stream, None if roi is None else tuple(roi))


def picamera2_convert_inference_coords(
    boxes: npt.ArrayLike,
    *,
    scaler_crop: Rect,
    raw_size: Size,
    stream_size: Size,
    roi: Rect | None = None,
) -> npt.NDArray[np.int64]:
    """Do what picamera2's ``IMX500.convert_inference_coords`` does, for many boxes.

    Parameters
    ----------
    boxes : array_like
        Corners y0, x0, y1, x1 in 0..1, shape (n, 4). float32 is computed in single precision, as
        numpy 2 does in picamera2; everything else in double.
    scaler_crop : tuple of int
        The picture's ``ScalerCrop``: (x, y, width, height) in sensor pixels.
    raw_size, stream_size : tuple of int
        (width, height) of the raw stream and of the picture.
    roi : tuple of int, optional
        The region of interest at which boxes are cut, in sensor pixels; None for none. picamera2
        cuts them at the full sensor where no other was requested.

    Returns
    -------
    ndarray
        int64, shape (n, 4): x, y, width, height in stream pixels. A box outside the picture has no
        area and its corner means nothing.

    Raises
    ------
    GeometryError
        If the crop has no size in raw pixels, or a box is not finite or too large.
    """
    return peer_chain(scaler_crop, raw_size, stream_size, roi).picamera2_boxes(boxes)


def picamera2_get_roi_scaled(
    *, scaler_crop: Rect, raw_size: Size, stream_size: Size, roi: Rect | None = None
) -> Rect:
    """Do what picamera2's ``IMX500.get_roi_scaled`` does.

    Parameters
    ----------
    scaler_crop, raw_size, stream_size, roi
        As for `picamera2_convert_inference_coords`.

    Returns
    -------
    tuple of int
        (x, y, width, height) of the region of interest in stream pixels.

    Raises
    ------
    GeometryError
        If the crop has no size in raw pixels.
    """
    return peer_chain(scaler_crop, raw_size, stream_size, roi).full


def rpicam_apps_convert_inference_coordinates(
    rectangles: npt.ArrayLike, *, scaler_crop: Rect, raw_size: Size, stream_size: Size
) -> npt.NDArray[np.int64]:
    """Do what rpicam-apps' ``ConvertInferenceCoordinates`` does, for many rectangles.

    Parameters
    ----------
    rectangles : array_like
        x, y, width, height in 0..1, shape (n, 4); taken as float32.
    scaler_crop, raw_size, stream_size
        As for `picamera2_convert_inference_coords`.

    Returns
    -------
    ndarray
        int64, shape (n, 4): x, y, width, height in stream pixels.

    Raises
    ------
    GeometryError
        If the crop has no size in raw pixels, or a rectangle is not finite, too large, or of
        negative size, which C++ leaves undefined.
    """
    return peer_chain(scaler_crop, raw_size, stream_size).rpicam_apps_boxes(rectangles)


def aspect_ratio_roi(ratio: Size) -> Rect:
    """Return the largest region of the full sensor of an aspect ratio, in its middle.

    Parameters
    ----------
    ratio : tuple of int
        Width and height, in any unit.

    Returns
    -------
    tuple of int
        (x, y, width, height) in sensor pixels, as picamera2's ``set_inference_aspect_ratio``
        requests it.

    Raises
    ------
    GeometryError
        If the ratio has a zero.
    """
    return rectangle_of_ratio(SENSOR_SIZE, ratio)
