"""What `annotate` is given: pictures, their channel orders, and how to draw; all checked here."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from imx500_native.checks import real_number, whole_number
from imx500_native.errors import DrawingError

Picture = NDArray[np.uint8]

# A third of the sensor's height. Larger letters take much memory, and Pillow refuses huge ones.
LARGEST_LENGTH = 1000

CHANNELS = {"RGB": (0, 1, 2), "BGR": (2, 1, 0), "RGBA": (0, 1, 2), "BGRA": (2, 1, 0)}


class Style(NamedTuple):
    """How results are drawn; lengths in pixels.

    Attributes
    ----------
    line : int
        Width of lines.
    letters : int
        Size of letters.
    fixed_line : bool
        Whether the user asked for this width, so that it does not shrink with what is drawn.
    labels : bool
        Whether words are written.
    boxes : bool or None
        Whether boxes are drawn; None leaves it to the kind of result.
    keypoint_threshold : float
        Least confidence of a keypoint that is drawn.
    opacity : float
        Strength of colours laid over regions, 0..1.
    """

    line: int
    letters: int
    fixed_line: bool
    labels: bool
    boxes: bool | None
    keypoint_threshold: float
    opacity: float


def checked_picture(image: object, image_format: str) -> tuple[int, ...]:
    """Check a picture; return where its R, G and B are."""
    channels = CHANNELS.get(image_format)
    if channels is None:
        raise DrawingError(
            f"image_format must be one of {', '.join(CHANNELS)}, got {image_format!r:.40}"
        )
    depths = (4,) if image_format.endswith("A") else (3, 4)
    if (
        not isinstance(image, np.ndarray)
        or image.dtype != np.uint8
        or image.ndim != 3
        or image.shape[2] not in depths
        or image.size == 0
    ):
        came = (
            f"{image.dtype} of shape {image.shape}"
            if isinstance(image, np.ndarray)
            else type(image).__name__
        )
        raise DrawingError(
            f"a picture in {image_format} order must be a uint8 array of shape "
            f"(height, width, {' or '.join(map(str, depths))}), got {came}; "
            "camera.to_rgb(frame) makes one of a frame in any format"
        )
    return channels


def checked_length(value: int | None, name: str, default: int) -> int:
    """Check a length in pixels; None gives the default."""
    if value is None:
        return default
    length = whole_number(value)
    if length is None or not 1 <= length <= LARGEST_LENGTH:
        raise DrawingError(
            f"{name} must be an integer from 1 to {LARGEST_LENGTH}, got {value!r:.40}"
        )
    return length


def checked_share(value: float, name: str) -> float:
    """Check a number of 0..1."""
    share = real_number(value)
    if not 0 <= share <= 1:
        raise DrawingError(f"{name} must be a number from 0 to 1, got {value!r:.40}")
    return share
