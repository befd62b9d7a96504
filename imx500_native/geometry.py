"""Where the things that the network saw are in the picture.

Three spaces meet here:

``network``
    0 to 1 in x and y over what the network saw: the region of interest (ROI) on the sensor.
``sensor``
    Pixels of the full sensor, 4056 x 3040. The ROI and libcamera's ``ScalerCrop`` are given in it.
``stream``
    Pixels of a picture that libcamera delivers. It shows the ``ScalerCrop``.

Sizes are (width, height), rectangles (x, y, width, height).
"""

from __future__ import annotations

import operator
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from imx500_native._geometry import AxisMaps
from imx500_native.errors import GeometryError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import numpy.typing as npt

Size: TypeAlias = tuple[int, int]
Rect: TypeAlias = tuple[int, int, int, int]
Space: TypeAlias = Literal["network", "stream"]
Outside: TypeAlias = Literal["clip", "keep"]

SENSOR_SIZE: Size = (4056, 3040)
"""Width and height of the full IMX500 sensor in pixels."""

FULL_ROI: Rect = (0, 0, *SENSOR_SIZE)
"""The region of interest that is the full sensor."""


def as_rectangle(value: Any, name: str) -> Rect:
    """Check a rectangle.

    Parameters
    ----------
    value : sequence of 4 int, or an object like libcamera.Rectangle
        The rectangle: x, y, width, height; an object has ``x``, ``y``, ``width``, ``height``.
    name : str
        What the rectangle is, for the message.

    Returns
    -------
    tuple of int
        (x, y, width, height).

    Raises
    ------
    GeometryError
        If it is not four integers, or has no area.
    """
    if type(value) is not tuple and hasattr(value, "width"):
        value = tuple(getattr(value, part, None) for part in ("x", "y", "width", "height"))
    try:
        x, y, width, height = value
        return _checked_rectangle(x, y, width, height, name)
    except GeometryError:
        raise
    except (TypeError, ValueError):
        raise GeometryError(
            f"{name} must be four integers (x, y, width, height), not {value!r:.80}"
        ) from None


# Frame after frame brings the same few rectangles.
@lru_cache(maxsize=64, typed=True)
def _checked_rectangle(x: int, y: int, width: int, height: int, name: str) -> Rect:
    index = operator.index
    x, y, width, height = index(x), index(y), index(width), index(height)
    if width <= 0 or height <= 0:
        raise GeometryError(f"{name} must have an area, not width {width} and height {height}")
    return x, y, width, height


def as_size(value: Any, name: str) -> Size:
    """Check a size.

    Parameters
    ----------
    value : sequence of 2 int
        Width and height.
    name : str
        What the size is, for the message.

    Returns
    -------
    tuple of int
        (width, height).

    Raises
    ------
    GeometryError
        If it is not two integers of at least 1.
    """
    try:
        width, height = value
        return _checked_size(width, height, name)
    except GeometryError:
        raise
    except (TypeError, ValueError):
        raise GeometryError(
            f"{name} must be two integers (width, height), not {value!r:.80}"
        ) from None


@lru_cache(maxsize=64, typed=True)
def _checked_size(width: int, height: int, name: str) -> Size:
    width, height = operator.index(width), operator.index(height)
    if width < 1 or height < 1:
        raise GeometryError(f"{name} must be at least 1 x 1, not {width} x {height}")
    return width, height


class CoordinateMapper:
    """Maps boxes and points from what the network saw to pixels of a stream.

    A network coordinate u in 0..1 is at ``roi.x + u * roi.width`` on the sensor, and a sensor
    coordinate s is at ``(s - crop.x) * stream.width / crop.width`` in the picture; likewise for
    y. Everything stays in floating point; nothing is rounded.

    Parameters
    ----------
    roi : tuple of int
        What the network saw: (x, y, width, height) in sensor pixels.
    scaler_crop : tuple of int
        What the picture shows: libcamera's ``ScalerCrop``, in sensor pixels.
    stream_size : tuple of int
        (width, height) of the picture in pixels.

    Raises
    ------
    GeometryError
        If a rectangle or the size has no area.

    Examples
    --------
    >>> mapper = CoordinateMapper((508, 0, 3040, 3040), (0, 0, 4056, 3040), (640, 480))
    >>> mapper.boxes([[0.25, 0.25, 0.75, 0.75]]).round(1).tolist()
    [[200.1, 120.0, 439.9, 360.0]]
    """

    __slots__ = ("_maps", "_pairs", "source_space", "target_space")

    source_space: Space
    target_space: Space

    def __init__(self, roi: Rect, scaler_crop: Rect, stream_size: Size) -> None:
        seen = as_rectangle(roi, "the ROI")
        crop = as_rectangle(scaler_crop, "the scaler crop")
        size = as_size(stream_size, "the stream size")
        pairs = []
        for axis in (0, 1):
            zoom = size[axis] / crop[axis + 2]
            pairs.append((seen[axis + 2] * zoom, (seen[axis] - crop[axis]) * zoom))
        self._set(pairs, size, "network", "stream")

    def _set(
        self,
        pairs: Sequence[tuple[float, float]],
        size: tuple[float, float],
        source_space: Space,
        target_space: Space,
    ) -> None:
        self._pairs = tuple(pairs)
        self._maps = AxisMaps((*pairs[0], float(size[0])), (*pairs[1], float(size[1])))
        self.source_space = source_space
        self.target_space = target_space

    def boxes(self, xyxy: npt.ArrayLike, *, outside: Outside = "clip") -> npt.NDArray[np.float32]:
        """Map boxes.

        Parameters
        ----------
        xyxy : array_like
            Boxes in corner form, shape (n, 4) or (4,): x0, y0, x1, y1 in the source space.
        outside : {"clip", "keep"}
            "clip" trims a box at the edge of the target space; a box that lies outside it
            altogether collapses onto the edge and has no area. "keep" leaves it as it is.

        Returns
        -------
        ndarray
            float32, the shape of `xyxy`, in the target space. NaN stays NaN.

        Raises
        ------
        GeometryError
            If `xyxy` has another shape, or `outside` is neither word.
        """
        return self._map(xyxy, 4, outside)

    def points(self, xy: npt.ArrayLike, *, outside: Outside = "clip") -> npt.NDArray[np.float32]:
        """Map points.

        Parameters
        ----------
        xy : array_like
            Points, shape (..., 2): x, y in the source space.
        outside : {"clip", "keep"}
            "clip" moves a point outside the target space to its edge; "keep" leaves it.

        Returns
        -------
        ndarray
            float32, the shape of `xy`, in the target space. NaN stays NaN.

        Raises
        ------
        GeometryError
            If `xy` has another shape, or `outside` is neither word.
        """
        return self._map(xy, 2, outside)

    def inverse(self) -> CoordinateMapper:
        """Return the mapper that goes the other way.

        Returns
        -------
        CoordinateMapper
            From stream pixels to 0..1 of what the network saw; "clip" then keeps coordinates in
            0..1.

        Raises
        ------
        GeometryError
            If this mapper is an inverse itself.
        """
        if self.source_space == "stream":
            raise GeometryError("this mapper is an inverse already; keep the one it came from")
        mapper = CoordinateMapper.__new__(CoordinateMapper)
        mapper._set(
            [(1.0 / scale, -offset / scale) for scale, offset in self._pairs],
            (1.0, 1.0),
            self.target_space,
            self.source_space,
        )
        return mapper

    def _map(
        self, coordinates: npt.ArrayLike, width: int, outside: Outside
    ) -> npt.NDArray[np.float32]:
        if outside not in ("clip", "keep"):
            raise GeometryError(f"outside must be 'clip' or 'keep', not {outside!r:.40}")
        try:
            mapped = self._maps.apply(coordinates, outside == "clip")
        except (TypeError, ValueError) as error:
            raise GeometryError(str(error)) from None
        if mapped.shape[-1] != width:
            raise GeometryError(
                f"expected {width} coordinates in the last axis, got shape {mapped.shape}"
            )
        return mapped

    def __repr__(self) -> str:
        (x_scale, x_offset), (y_scale, y_offset) = self._pairs
        return (
            f"<CoordinateMapper {self.source_space} to {self.target_space}: "
            f"x * {x_scale:g} + {x_offset:g}, y * {y_scale:g} + {y_offset:g}>"
        )


@lru_cache(maxsize=64)
def cached_mapper(roi: Rect, scaler_crop: Rect, stream_size: Size) -> CoordinateMapper:
    """Return the mapper for one geometry, which rarely changes from frame to frame.

    Parameters
    ----------
    roi, scaler_crop, stream_size
        As for `CoordinateMapper`.

    Returns
    -------
    CoordinateMapper
        Shared: mappers are immutable.

    Raises
    ------
    GeometryError
        As `CoordinateMapper`.
    """
    return CoordinateMapper(roi, scaler_crop, stream_size)
