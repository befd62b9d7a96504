"""Where in a picture is what a network saw: picamera2's numbers, or exact ones."""

from __future__ import annotations

import contextlib
import math
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from imx500_native import controls
from imx500_native._peer_geometry import rectangle_bounded
from imx500_native.bindings import copied_control
from imx500_native.errors import GeometryError
from imx500_native.geometry import (
    FULL_ROI,
    SENSOR_SIZE,
    Rect,
    Size,
    cached_mapper,
    configured_transform,
    second_crop,
)
from imx500_native.peer_geometry import peer_chain
from imx500_native.picamera2 import shapes
from imx500_native.picamera2.sources import control_of, metadata_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imx500_native._peer_geometry import PeerChain
    from imx500_native.device import Imx500Device
    from imx500_native.geometry import CoordinateMapper

Coordinates: TypeAlias = Literal["auto", "exact", "picamera2"]
"""How `IMX500` converts coordinates, see its parameter of this name."""

FLIP_UNKNOWN = (
    "the camera's transform has a flip: say whether what the network sees is flipped too, "
    "network_flipped = True or False on the IMX500 (its input_tensor_image shows it), or have "
    "picamera2's numbers with coordinates = 'picamera2'"
)


def checked_word(word: Coordinates) -> Coordinates:
    """Return a word for coordinates, if it is one.

    Raises
    ------
    GeometryError
        If it is none of the three.
    """
    if word not in ("auto", "exact", "picamera2"):
        raise GeometryError(f"coordinates must be 'auto', 'exact' or 'picamera2', not {word!r:.40}")
    return word


class Placement:
    """Places what a network saw in the pictures, for the region of interest that it saw.

    picamera2 cuts its numbers at the region of interest (ROI) that was requested, and exact ones
    are of the ROI that the driver applied: both are kept.

    Parameters
    ----------
    device : Imx500Device
        Whose ROI it is.
    config : dict
        Whose ``roi`` is kept up to date.
    """

    def __init__(self, device: Imx500Device, config: dict[str, Any]) -> None:
        self._device = device
        self._history = device.roi_history
        self._config = config
        self._requested: Rect = FULL_ROI
        self._applied: Rect = FULL_ROI

    def request(self, roi: Sequence[int]) -> None:
        """Set the ROI, cut at the sensor; raises as `IMX500.set_inference_roi_abs`."""
        requested = rectangle_bounded(roi, FULL_ROI)
        applied = self._device.set_roi(None if requested == FULL_ROI else requested)
        self._note(requested, applied)

    def follow(self) -> None:
        """Take a ROI that was set at the device for what was requested."""
        applied = self._history.latest
        if applied != self._applied:
            self._note(applied, applied)

    def _note(self, requested: Rect, applied: Rect) -> None:
        self._requested = requested
        self._applied = applied
        self._config["roi"] = shapes.rectangle(requested)

    def way_to(
        self,
        source: Any,
        configuration: Any,
        stream: str,
        coordinates: Coordinates,
        network_flipped: bool | None,
    ) -> PeerChain | CoordinateMapper:
        """Return what places a frame's boxes in its picture.

        Parameters
        ----------
        source : mapping or request
            Of the frame.
        configuration : mapping
            ``camera_configuration()`` of the frame's camera.
        stream : str
            Which picture.
        coordinates : {"auto", "exact", "picamera2"}
            Whose numbers.
        network_flipped : bool or None
            Whether what the network sees is flipped as the picture is.

        Returns
        -------
        PeerChain or CoordinateMapper
            picamera2's numbers, or exact ones.

        Raises
        ------
        KeyError, GeometryError
            As `IMX500.convert_inference_coords`.
        """
        if coordinates == "picamera2":
            # It knows the newest only.
            if self._history.latest != self._applied:
                self.follow()
            roi: Rect | None = self._requested
        else:
            # The device's word: a program may set the ROI there too.
            roi = self._history.constant
            if roi is None:
                if controls.peek_control is copied_control:
                    # Each look at a request would convert everything in it anew.
                    source = metadata_of(source)
                roi = self._roi_of(source)
            if roi != FULL_ROI or coordinates == "exact":
                return _mapper(roi, source, configuration, stream, network_flipped)
        crop = control_of(source, "ScalerCrop")
        return peer_chain(crop, configuration["raw"]["size"], configuration[stream]["size"], roi)

    def _roi_of(self, source: Any) -> Rect:
        try:
            return self._history.at(control_of(source, "SensorTimestamp"))[0]
        except KeyError:
            return self._history.latest


def _mapper(
    roi: Rect, source: Any, configuration: Any, stream: str, network_flipped: bool | None
) -> CoordinateMapper:
    crop = control_of(source, "ScalerCrop")
    if stream == "lores":
        with contextlib.suppress(KeyError):
            crop = second_crop(control_of(source, "ScalerCrops"), crop)
    size: Size = configuration[stream]["size"]
    turned = configured_transform(configuration.get("transform", "identity"))
    try:
        return cached_mapper(roi, tuple(crop), tuple(size), turned, network_flipped)
    except GeometryError:
        if network_flipped is None and (turned.hflip or turned.vflip):
            raise GeometryError(FLIP_UNKNOWN) from None
        raise


def number_of(value: Any) -> Any:
    """Return a number, or the one number of an array: demos take their boxes apart into such."""
    return value.reshape(())[()] if isinstance(value, np.ndarray) else value


def in_whole_pixels(mapper: CoordinateMapper, corners: list[float]) -> Rect:
    """Return an exact box x0, y0, x1, y1 as x, y, width, height, each corner rounded.

    Raises
    ------
    GeometryError
        If a corner is not finite.
    """
    if not all(map(math.isfinite, corners)):
        raise GeometryError(f"a box has four finite corners, not {corners}")
    x0, y0, x1, y1 = map(round, mapper.boxes(corners).tolist())
    return (x0, y0, x1 - x0, y1 - y0)


@lru_cache(maxsize=64)
def all_seen(mapper: CoordinateMapper) -> Rect:
    """Return where all that the network saw is, as x, y, width, height."""
    return in_whole_pixels(mapper, [0.0, 0.0, 1.0, 1.0])


def on_full_sensor(y0: Any, x0: Any, y1: Any, x1: Any) -> Rect:
    """Take numbers of any type to the full sensor, each computed in its own precision.

    Raises
    ------
    GeometryError
        If one of them is not finite.
    """
    width, height = SENSOR_SIZE
    coords = y0, x0, y1, x1
    y0, x0, y1, x1 = map(number_of, coords)
    sides = (x0 * width, y0 * height, (x1 - x0) * width, (y1 - y0) * height)
    try:
        x, y, across, down = (int(max(side, 0)) for side in sides)
    except (ValueError, OverflowError):
        raise GeometryError(f"a box has four finite corners, not {list(coords)}") from None
    return (x, y, across, down)
