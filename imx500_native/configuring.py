"""Finding and configuring a camera through libcamera's own Python bindings."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from imx500_native.bindings import REBUILD
from imx500_native.checks import real_number, whole_number
from imx500_native.controls import NOT_BUILT
from imx500_native.errors import (
    CameraError,
    CameraOptionError,
    DeviceNotFoundError,
    LibcameraMissingError,
)
from imx500_native.geometry import TRANSFORMS, as_size, as_transform
from imx500_native.pictures import PIXEL_FORMATS, ColorSpace, PictureLayout, picture_layout

if TYPE_CHECKING:
    from imx500_native.geometry import Size, TransformName

# RGB in memory, which needs no conversion for most uses.
PREFERRED_FORMAT = "BGR888"
# libcamera's names of the transforms that need no transposition, which no AI Camera can.
_ORIENTATIONS = {
    TRANSFORMS["identity"]: "Rotate0",
    TRANSFORMS["hflip"]: "Rotate0Mirror",
    TRANSFORMS["vflip"]: "Rotate180Mirror",
    TRANSFORMS["rot180"]: "Rotate180",
}
# How libcamera's Python bindings spell the fields that a control's value is made of.
_COMPOUND = {"Rectangle": 4, "Size": 2, "Point": 2}


class Stream(NamedTuple):
    """The stream of pictures, as the camera was configured."""

    stream: Any
    size: Size
    layout: PictureLayout
    color_space: ColorSpace
    buffer_count: int


def libcamera_bindings() -> Any:
    """Return libcamera's Python module.

    Returns
    -------
    module
        ``libcamera``.

    Raises
    ------
    LibcameraMissingError
        If it, or this package's own module for live cameras, is not there.
    """
    try:
        import libcamera
    except ImportError as error:
        raise LibcameraMissingError(
            f"a live camera needs libcamera's Python bindings ({error}); on Raspberry Pi OS: "
            "apt install python3-libcamera, and a virtual environment made with "
            "--system-site-packages"
        ) from error
    try:
        from imx500_native import _camera  # noqa: F401
    except ModuleNotFoundError as error:
        raise LibcameraMissingError(NOT_BUILT) from error
    except ImportError as error:
        raise LibcameraMissingError(f"{error}; {REBUILD}") from error
    return libcamera


def model_of(device: Any) -> str:
    """Return a camera's model.

    Parameters
    ----------
    device : libcamera.Camera
        Any camera.

    Returns
    -------
    str
        Its property ``Model``, "unknown" where it has none.
    """
    for key, value in device.properties.items():
        if key.name == "Model":
            return str(value)
    return "unknown"


def find_device(manager: Any, wanted: int | str | None) -> Any:
    """Return one of libcamera's cameras.

    Parameters
    ----------
    manager : libcamera.CameraManager
        The process's manager.
    wanted : int, str or None
        Its place in libcamera's list, its id or its model; None for the first IMX500.

    Returns
    -------
    libcamera.Camera
        The camera.

    Raises
    ------
    DeviceNotFoundError
        If there is no such camera; names those that there are.
    CameraOptionError
        If `wanted` is of another type.
    """
    devices = list(manager.cameras)
    found: list[Any] = []
    number = whole_number(wanted)
    if number is not None:
        found = devices[number : number + 1] if number >= 0 else []
        said = f"number {number}"
    elif wanted is None or isinstance(wanted, str):
        name = "imx500" if wanted is None else wanted
        found = [device for device in devices if device.id == name]
        found = found or [device for device in devices if model_of(device) == name]
        said = f"{name!r}"
    else:
        raise CameraOptionError(
            f"camera must be an index, an id, a model or None, not {wanted!r:.80}"
        )
    if found:
        return found[0]
    there = "; ".join(
        f"{number}: {model_of(device)} ({device.id})" for number, device in enumerate(devices)
    )
    raise DeviceNotFoundError(f"libcamera has no camera {said}. It has: {there or 'none at all'}")


def configure(
    libcamera: Any,
    device: Any,
    *,
    size: Size,
    pixel_format: str | None,
    raw_size: Size | None,
    transform: TransformName | Any | None,
    buffer_count: int,
) -> Stream:
    """Configure an acquired camera.

    Parameters
    ----------
    libcamera : module
        libcamera's bindings.
    device : libcamera.Camera
        The camera.
    size, pixel_format, raw_size, transform, buffer_count
        As `imx500_native.Camera` has them.

    Returns
    -------
    Stream
        The stream of pictures.

    Raises
    ------
    CameraOptionError
        If the camera does not offer what was asked for.
    GeometryError
        If a size is malformed, or the transform unknown.
    CameraError
        If libcamera refuses the configuration.
    """
    size = as_size(size, "size")
    if pixel_format is not None and pixel_format not in PIXEL_FORMATS:
        raise CameraOptionError(
            f"pixel_format {pixel_format!r:.80} is not one of {', '.join(PIXEL_FORMATS)}"
        )
    turned = as_transform("identity" if transform is None else transform)
    if turned.transpose:
        raise CameraOptionError(
            f"the camera cannot do the transform {transform!r:.80}: it flips, but does not "
            "transpose"
        )
    buffers = whole_number(buffer_count)
    if buffers is None or not 1 <= buffers <= 64:
        raise CameraOptionError(
            f"buffer_count must be an integer from 1 to 64, not {buffer_count!r:.80}"
        )
    roles = [libcamera.StreamRole.Viewfinder]
    if raw_size is not None:
        raw_size = as_size(raw_size, "raw_size")
        roles.append(libcamera.StreamRole.Raw)
    config = device.generate_configuration(roles)
    if config is None or len(config) < len(roles):
        raise CameraOptionError(
            f"the camera {device.id} has no raw stream; leave raw_size out"
            if raw_size is not None
            else f"the camera {device.id} has no stream of pictures"
        )
    main = config.at(0)
    main.size = libcamera.Size(*size)
    main.buffer_count = buffers
    chosen = pixel_format or _default_format(main)
    main.pixel_format = libcamera.PixelFormat(chosen)
    if raw_size is not None:
        config.at(1).size = libcamera.Size(*raw_size)
    orientation = getattr(libcamera.Orientation, _ORIENTATIONS[turned])
    config.orientation = orientation
    config.validate()
    _check_given(config, size, chosen, raw_size, orientation, transform)
    try:
        device.configure(config)
    except RuntimeError as error:
        raise CameraError(f"{error} {device.id}: {main}") from error
    main = config.at(0)
    return Stream(
        stream=main.stream,
        size=size,
        layout=picture_layout(chosen, size, main.stride, main.frame_size),
        color_space=_color_space(main.color_space),
        buffer_count=main.buffer_count,
    )


def _default_format(stream: Any) -> str:
    offered = [str(name) for name in stream.formats.pixel_formats]
    own = str(stream.pixel_format)
    for name in (PREFERRED_FORMAT, own, *PIXEL_FORMATS):
        if name in offered and name in PIXEL_FORMATS:
            return name
    raise CameraOptionError(
        f"the camera offers {', '.join(offered)}, none of which is one of "
        f"{', '.join(PIXEL_FORMATS)}"
    )


def _check_given(
    config: Any,
    size: Size,
    pixel_format: str,
    raw_size: Size | None,
    orientation: Any,
    transform: TransformName | Any | None,
) -> None:
    # libcamera changes what it cannot do; whoever asked should know, and not find out by a picture.
    main = config.at(0)
    given = (main.size.width, main.size.height)
    if given != size or str(main.pixel_format) != pixel_format:
        raise CameraOptionError(
            f"the camera cannot give {size[0]}x{size[1]} {pixel_format}; the nearest that "
            f"libcamera offers is size=({given[0]}, {given[1]}), "
            f"pixel_format={str(main.pixel_format)!r}"
        )
    if raw_size is not None:
        raw = config.at(1).size
        if (raw.width, raw.height) != raw_size:
            raise CameraOptionError(
                f"the camera has no raw size {raw_size[0]}x{raw_size[1]}; the nearest is "
                f"raw_size=({raw.width}, {raw.height})"
            )
    if config.orientation != orientation:
        raise CameraOptionError(f"the camera cannot do the transform {transform!r:.80}")


def _color_space(space: Any) -> ColorSpace:
    if space is None:
        return ColorSpace()
    encoding = space.ycbcrEncoding.name
    full_range = space.range.name == "Full"
    if encoding in ("Rec601", "Rec709", "Rec2020"):
        return ColorSpace(encoding, full_range)
    return ColorSpace(full_range=full_range)


def as_controls(controls: object) -> dict[str, Any]:
    """Check that controls came by name.

    Parameters
    ----------
    controls : mapping of str to object
        As a caller gave them.

    Returns
    -------
    dict
        A copy.

    Raises
    ------
    CameraOptionError
        If they are no mapping.
    """
    if isinstance(controls, Mapping):
        return dict(controls)
    raise CameraOptionError(
        "controls must be a mapping of libcamera's names to values, such as "
        f'{{"ExposureTime": 10000}}, not {controls!r:.80}'
    )


class ControlNames:
    """The controls that a camera takes, by name.

    Parameters
    ----------
    libcamera : module
        libcamera's bindings.
    device : libcamera.Camera
        The camera.
    """

    def __init__(self, libcamera: Any, device: Any) -> None:
        self._libcamera = libcamera
        self._ids = {key.name: key for key in device.controls}

    def __contains__(self, name: str) -> bool:
        return name in self._ids

    def put(self, request: Any, controls: Mapping[str, Any]) -> None:
        """Set controls on a request, all or none.

        Parameters
        ----------
        request : libcamera.Request
            A request that is not queued.
        controls : mapping of str to object
            libcamera's names, and numbers, booleans, strings, tuples, lists or arrays;
            (x, y, width, height) for a Rectangle, (width, height) for a Size.

        Raises
        ------
        CameraOptionError
            If the camera has no such control, or it takes no such value.
        """
        for name, value in as_controls(controls).items():
            key = self._ids.get(name)
            if key is None:
                known = ", ".join(sorted(self._ids)) or "none"
                raise CameraOptionError(f"the camera has no control {name!r:.80}; it has: {known}")
            try:
                request.set_control(key, self._value(key, value))
            except (RuntimeError, TypeError, ValueError) as error:
                request.reuse()
                kind = f"{key.type.name}{'s' if key.isArray else ''}"
                raise CameraOptionError(
                    f"the control {name} takes {kind}, not {value!r:.80}"
                ) from error

    def _value(self, key: Any, value: Any) -> Any:
        if isinstance(value, (np.ndarray, np.generic)):
            value = value.tolist()
        length = _COMPOUND.get(key.type.name)
        if length is None or not isinstance(value, (tuple, list)):
            return value
        kind = getattr(self._libcamera, key.type.name)
        if len(value) == length and not isinstance(value[0], (tuple, list)):
            return kind(*value)
        return tuple(kind(*item) for item in value)


def frame_duration(frame_rate: float) -> tuple[int, int]:
    """Return the value of ``FrameDurationLimits`` for a fixed frame rate.

    Parameters
    ----------
    frame_rate : float
        Frames per second.

    Returns
    -------
    tuple of int
        The shortest and the longest time that a frame may take, in microseconds.

    Raises
    ------
    CameraOptionError
        If `frame_rate` is not a positive number.
    """
    rate = real_number(frame_rate)
    if not (math.isfinite(rate) and rate > 0):
        raise CameraOptionError(f"frame_rate must be a positive number, not {frame_rate!r:.80}")
    duration_us = round(1_000_000 / rate)
    return duration_us, duration_us
