"""Where the things that the network saw are in the picture.

Three spaces meet here:

``network``
    0 to 1 in x and y over what the network saw: the region of interest (ROI) on the sensor.
``sensor``
    Pixels of the full sensor, 4056 x 3040. The ROI and libcamera's ``ScalerCrop`` are given in it.
``stream``
    Pixels of a picture that libcamera delivers. It shows the ``ScalerCrop``.

A sensor that flips its picture reads its array out flipped. libcamera on the Raspberry Pi cuts the
``ScalerCrop`` out of the array as it is read out and does not turn it back (``applyScalerCrop`` in
its ``pipeline_base.cpp``), so with a flip the crop counts from the corner that comes first then.

Sizes are (width, height), rectangles (x, y, width, height).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np

from imx500_native._geometry import AxisMaps
from imx500_native.checks import whole_number
from imx500_native.errors import GeometryError

Size: TypeAlias = tuple[int, int]
Rect: TypeAlias = tuple[int, int, int, int]
Space: TypeAlias = Literal["network", "stream"]
Outside: TypeAlias = Literal["clip", "keep"]
TransformName: TypeAlias = Literal[
    "identity",
    "hflip",
    "vflip",
    "rot180",
    "transpose",
    "rot90",
    "rot270",
    "rot180transpose",
]

SENSOR_SIZE: Size = (4056, 3040)
"""Width and height of the full IMX500 sensor in pixels."""

FULL_ROI: Rect = (0, 0, *SENSOR_SIZE)
"""The region of interest that is the full sensor."""

# libcamera's own rectangles and sizes have 32 bits.
_LARGEST = 2**31 - 1


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
        If it is not four integers of 32 bits, or has no area.
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
            f"{name} must be four integers (x, y, width, height) in pixels of the sensor, "
            f"which is {SENSOR_SIZE[0]}x{SENSOR_SIZE[1]}, not {value!r:.80}"
        ) from None


# Frame after frame brings the same few rectangles.
@lru_cache(maxsize=64, typed=True)
def _checked_rectangle(x: int, y: int, width: int, height: int, name: str) -> Rect:
    left, top, across, down = (_whole(value, name) for value in (x, y, width, height))
    if across <= 0 or down <= 0:
        raise GeometryError(f"{name} must have an area, not width {across} and height {down}")
    return left, top, across, down


def _whole(value: object, name: str) -> int:
    number = whole_number(value)
    if number is None:
        raise TypeError("no integer")
    if abs(number) > _LARGEST:
        raise GeometryError(f"{name} must be of integers of 32 bits, not {number!r:.40}")
    return number


def as_roi(value: Any, name: str) -> Rect:
    """Check a region of interest: a network sees nothing but the sensor.

    Parameters
    ----------
    value : sequence of 4 int, or an object like libcamera.Rectangle
        The region: x, y, width, height in sensor pixels.
    name : str
        What the region is, for the message.

    Returns
    -------
    tuple of int
        (x, y, width, height).

    Raises
    ------
    GeometryError
        If it is not four integers, has no area or leaves the sensor, which the driver would not
        notice.
    """
    x, y, width, height = as_rectangle(value, name)
    columns, rows = SENSOR_SIZE
    if x < 0 or y < 0 or x + width > columns or y + height > rows:
        raise GeometryError(
            f"{name} must lie on the sensor, which is {columns}x{rows}, not {x, y, width, height}"
        )
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
        If it is not two integers of 32 bits and at least 1.
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
    across, down = _whole(width, name), _whole(height, name)
    if across < 1 or down < 1:
        raise GeometryError(f"{name} must be at least 1 x 1, not {across} x {down}")
    return across, down


class Transform(NamedTuple):
    """How a picture is turned: first the flips, then the transposition, as libcamera has it."""

    hflip: bool
    vflip: bool
    transpose: bool


TRANSFORMS: dict[TransformName, Transform] = {
    "identity": Transform(hflip=False, vflip=False, transpose=False),
    "hflip": Transform(hflip=True, vflip=False, transpose=False),
    "vflip": Transform(hflip=False, vflip=True, transpose=False),
    "rot180": Transform(hflip=True, vflip=True, transpose=False),
    "transpose": Transform(hflip=False, vflip=False, transpose=True),
    "rot90": Transform(hflip=False, vflip=True, transpose=True),
    "rot270": Transform(hflip=True, vflip=False, transpose=True),
    "rot180transpose": Transform(hflip=True, vflip=True, transpose=True),
}
"""libcamera's transforms by name; rotations are clockwise."""


class Layout(NamedTuple):
    """How a frame's pictures lie, besides the size of the main one; see `Frame.from_metadata`."""

    lores_size: Size | None
    transform: TransformName | Any
    network_flipped: bool | None


def as_transform(value: Any) -> Transform:
    """Check a transform.

    Parameters
    ----------
    value : str, or an object like libcamera.Transform
        One of `TRANSFORMS`; an object has ``hflip``, ``vflip`` and ``transpose``.

    Returns
    -------
    Transform
        The flips and the transposition.

    Raises
    ------
    GeometryError
        If it is neither.
    """
    if isinstance(value, str) and value in TRANSFORMS:
        return TRANSFORMS[value]
    try:
        return Transform(bool(value.hflip), bool(value.vflip), bool(value.transpose))
    except AttributeError:
        raise GeometryError(
            f"the transform must be one of {', '.join(TRANSFORMS)}, or a libcamera.Transform, "
            f"not {value!r:.40}"
        ) from None


# By the object, which is the same from frame to frame and takes two microseconds to ask: what it
# said with the first frame is what the camera was configured with.
configured_transform = lru_cache(maxsize=8)(as_transform)


def as_network_flipped(value: Any) -> bool | None:
    """Check what was said of whether the network sees the flips of the transform.

    Parameters
    ----------
    value : bool or None
        None where nobody said.

    Returns
    -------
    bool or None
        As it came.

    Raises
    ------
    GeometryError
        If it is anything else.
    """
    if value is None:
        return None
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    raise GeometryError(f"network_flipped must be True, False or None, not {value!r:.40}")


def second_crop(crops: Any, main: Any) -> Any:
    """Choose the scaler crop of the camera's second picture, ``lores``.

    Parameters
    ----------
    crops : sequence of rectangles or None
        ``ScalerCrops`` of the metadata, which the Raspberry Pi 5 reports: one per picture.
    main : rectangle or None
        ``ScalerCrop``, which is of both pictures where there is no other.

    Returns
    -------
    rectangle or None
        One of the two, as it came.
    """
    return main if crops is None or len(crops) < 2 else crops[1]


class CoordinateMapper(AxisMaps):
    """Maps boxes, rectangles and points from what the network saw to pixels of a stream.

    A network coordinate u in 0..1 is at ``roi.x + u * roi.width`` on the sensor, and a sensor
    coordinate s is at ``(s - crop.x) * stream.width / crop.width`` in the picture; likewise for
    y. Between the two, a flip that the network does not see takes s to ``4056 - s``, or to
    ``3040 - s`` in y; at the end a transposition swaps x and y. Everything stays in floating
    point; nothing is rounded.

    Parameters
    ----------
    roi : tuple of int
        What the network saw: (x, y, width, height) in sensor pixels, in the array that the network
        reads: the flipped one with `network_flipped`. One that reaches over the sensor's edge is
        taken as it is, unlike by `Frame` and `Camera`: the driver takes such a region from other
        programs, and reports it.
    scaler_crop : tuple of int
        What the picture shows: libcamera's ``ScalerCrop``, in sensor pixels. A ``lores`` stream may
        have a crop of its own: the second of libcamera's ``rpi::ScalerCrops``.
    stream_size : tuple of int
        (width, height) of the picture in pixels, as it is after the transform.
    transform : str or libcamera.Transform
        How the picture is turned, see `TRANSFORMS`.
    network_flipped : bool, optional
        Whether the flips of the transform are in what the network sees too. It must be said where
        the transform has a flip: no document tells whether a flip on the sensor reaches the
        network. Look at an input tensor to find out.

    Attributes
    ----------
    source_space, target_space : {"network", "stream"}
        Which way it maps.
    target_size : tuple of float
        (width, height) of the target space, which begins at 0.

    Raises
    ------
    GeometryError
        If a rectangle or the size has no area or is no integers, the transform is unknown, or
        `network_flipped` is no bool, or missing where it matters.

    Examples
    --------
    >>> mapper = CoordinateMapper((508, 0, 3040, 3040), (0, 0, 4056, 3040), (640, 480))
    >>> mapper.boxes([[0.25, 0.25, 0.75, 0.75]]).round(1).tolist()
    [[200.1, 120.0, 439.9, 360.0]]
    """

    __slots__ = ()

    def __init__(
        self,
        roi: Rect,
        scaler_crop: Rect,
        stream_size: Size,
        *,
        transform: TransformName | Any = "identity",
        network_flipped: bool | None = None,
    ) -> None:
        seen = as_rectangle(roi, "the ROI")
        crop = as_rectangle(scaler_crop, "the scaler crop")
        width, height = as_size(stream_size, "the stream size")
        turned = as_transform(transform)
        network_flipped = as_network_flipped(network_flipped)
        if (turned.hflip or turned.vflip) and network_flipped is None:
            raise GeometryError(
                "the transform has a flip: say whether what the network sees is flipped too, "
                "network_flipped=True or network_flipped=False"
            )
        # What the picture's size would be without the transposition.
        sizes = (height, width) if turned.transpose else (width, height)
        pairs = []
        for axis in (0, 1):
            zoom = sizes[axis] / crop[axis + 2]
            if turned[axis] and not network_flipped:
                start = SENSOR_SIZE[axis] - seen[axis] - crop[axis]
                pairs.append((-seen[axis + 2] * zoom, start * zoom))
            else:
                pairs.append((seen[axis + 2] * zoom, (seen[axis] - crop[axis]) * zoom))
        x, y = reversed(pairs) if turned.transpose else pairs
        super().__init__(
            (x, y), turned.transpose, (float(width), float(height)), "network", "stream"
        )

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
        x, y = ((1.0 / scale, -offset / scale) for scale, offset in self.pairs)
        mapper = CoordinateMapper.__new__(CoordinateMapper)
        AxisMaps.__init__(
            mapper,
            (y, x) if self.swapped else (x, y),
            self.swapped,
            (1.0, 1.0),
            self.target_space,
            self.source_space,
        )
        return mapper

    def __repr__(self) -> str:
        (x_scale, x_offset), (y_scale, y_offset) = self.pairs
        x, y = ("y", "x") if self.swapped else ("x", "y")
        return (
            f"<CoordinateMapper {self.source_space} to {self.target_space}: "
            f"{x} * {x_scale:g} + {x_offset:g}, {y} * {y_scale:g} + {y_offset:g}>"
        )


@lru_cache(maxsize=64)
def cached_mapper(
    roi: Rect,
    scaler_crop: Rect,
    stream_size: Size,
    transform: TransformName | Transform = "identity",
    network_flipped: bool | None = None,
) -> CoordinateMapper:
    """Return the mapper for one geometry, which rarely changes from frame to frame.

    Parameters
    ----------
    roi, scaler_crop, stream_size, transform, network_flipped
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
    return CoordinateMapper(
        roi, scaler_crop, stream_size, transform=transform, network_flipped=network_flipped
    )
