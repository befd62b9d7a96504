"""Detections drawn into pictures, and pictures written to files.

The shapes are drawn with numpy straight into the picture; Pillow, from the extra ``demo``, is
needed for letters and for files only, and is imported when it is first used.
"""

from __future__ import annotations

import os
import secrets
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imx500_native.errors import DrawingError, MissingContextError, MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imx500_native.results import Detection, Detections

Picture = NDArray[np.uint8]
Colour = tuple[int, int, int]
Cover = NDArray[np.float32]

PALETTE: tuple[Colour, ...] = (
    (255, 56, 86),
    (0, 122, 255),
    (255, 159, 10),
    (160, 64, 220),
    (0, 176, 132),
    (255, 84, 194),
    (98, 84, 240),
    (230, 212, 0),
    (0, 184, 222),
    (182, 92, 24),
    (52, 168, 24),
    (134, 0, 74),
    (255, 122, 92),
    (20, 74, 150),
    (168, 212, 30),
    (206, 138, 255),
    (0, 102, 92),
    (255, 196, 150),
    (110, 118, 134),
    (140, 210, 255),
)
"""Colours of classes 0, 1, 2 …, R, G, B; they repeat from the start."""

_CHANNELS = {"RGB": (0, 1, 2), "BGR": (2, 1, 0), "RGBA": (0, 1, 2), "BGRA": (2, 1, 0)}
_DARK, _LIGHT = (20, 22, 30), (255, 255, 255)
_OUTLINE: Colour = (255, 255, 255)


def class_colour(class_id: int) -> Colour:
    """Colour (R, G, B) that `annotate` gives to a class.

    Parameters
    ----------
    class_id : int
        Class id.

    Returns
    -------
    tuple of int
        0..255 each.
    """
    return PALETTE[class_id % len(PALETTE)]


def annotate(
    image: Picture,
    detections: Detections,
    *,
    image_format: str = "RGB",
    in_place: bool = False,
    labels: bool = True,
    line_width: int | None = None,
    font_size: int | None = None,
    roi: Sequence[float] | None = None,
) -> Picture:
    """Draw boxes with labels round detections.

    Parameters
    ----------
    image : ndarray
        (height, width, 3 or 4) uint8.
    detections : Detections
        In stream space, that is in pixels of `image`. A box outside the picture is not drawn, nor
        is one without area, which is what clipping leaves of a box outside.
    image_format : {"RGB", "BGR", "RGBA", "BGRA"}
        Order of the channels in memory; "RGB" and "BGR" also fit pictures with a fourth channel.
        What is drawn becomes opaque there.
    in_place : bool
        Whether to draw into `image` itself; by default into a copy.
    labels : bool
        Whether to write name and confidence.
    line_width : int, optional
        Width of the boxes' lines in pixels; by default it goes with the picture's size.
    font_size : int, optional
        Height of the letters in pixels; by default it goes with the picture's size.
    roi : sequence of float, optional
        (x0, y0, x1, y1) in pixels of `image`: what the network saw, to be outlined with a dashed
        line. ``frame.mapper().boxes([[0, 0, 1, 1]], outside="keep")[0]`` gives it.

    Returns
    -------
    ndarray
        The picture with the drawing: `image` itself if `in_place`.

    Raises
    ------
    MissingContextError
        If the detections are not in stream space.
    DrawingError
        If the picture, its format or a size cannot be drawn with.
    MissingExtraError
        If letters are needed and Pillow is not installed.
    """
    channels = _checked_picture(image, image_format)
    if detections.space != "stream":
        raise MissingContextError(
            f"annotate needs boxes in pixels of the picture, these are in {detections.space!r} "
            "space; use frame.detections(), or detections.mapped(frame.mapper())"
        )
    if in_place and not image.flags.writeable:
        raise DrawingError("the picture is read-only; draw into a copy with in_place=False")
    height, width = image.shape[:2]
    scale = min(height, width * 0.75)
    line = _checked_length(line_width, "line_width", max(2, round(scale / 240)))
    letters = _checked_length(font_size, "font_size", max(11, round(scale / 36)))

    picture = image if in_place else image.copy()
    brush = _Brush(picture, channels)
    if roi is not None:
        _draw_outline(brush, roi, max(1, round(line * 0.6)))
    shown = [one for one in detections if _is_seen(one.xyxy, width, height)]
    weakest_first = sorted(shown, key=lambda detection: detection.confidence)
    for detection in weakest_first:
        _draw_box(brush, detection, line)
    if labels:
        taken: list[_Area] = []
        for detection in reversed(weakest_first):
            _draw_label(brush, detection, line, letters, taken)
    return picture


def save_picture(
    path: str | os.PathLike[str], image: Picture, image_format: str = "RGB", *, quality: int = 90
) -> None:
    """Write a picture to a PNG or JPEG file.

    The file appears complete or not at all: it is written under another name beside `path` and
    then renamed.

    Parameters
    ----------
    path : path-like
        Ends in .png, .jpg or .jpeg; a file of this name is replaced.
    image : ndarray
        (height, width, 3 or 4) uint8; a JPEG leaves the fourth channel out.
    image_format : {"RGB", "BGR", "RGBA", "BGRA"}
        Order of the channels in memory. With "RGB" and "BGR" a fourth channel is left out.
    quality : int
        Of a JPEG, 1 to 95.

    Raises
    ------
    DrawingError
        If the suffix, the picture or its format is unknown.
    MissingExtraError
        If Pillow is not installed.
    OSError
        If the file cannot be written.
    """
    target = Path(path)
    kinds = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG"}
    kind = kinds.get(target.suffix.lower())
    if kind is None:
        raise DrawingError(f"a picture's file must end in .png, .jpg or .jpeg, got {target.name!r}")
    channels = _checked_picture(image, image_format)
    if image_format.endswith("A") and kind == "PNG":
        channels = (*channels, 3)
    pillow = _pillow()
    options: dict[str, Any] = {"quality": quality} if kind == "JPEG" else {}
    # The name is free with near certainty, and "x" makes sure of it.
    draft = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    try:
        with draft.open("xb") as file:
            ordered = np.ascontiguousarray(image[:, :, list(channels)])
            pillow.image.fromarray(ordered).save(file, format=kind, **options)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(target)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


class _Area(NamedTuple):
    """Whole pixels x0 <= x < x1, y0 <= y < y1."""

    x0: int
    y0: int
    x1: int
    y1: int

    def touches(self, other: _Area) -> bool:
        return (
            self.x0 < other.x1 and other.x0 < self.x1 and self.y0 < other.y1 and other.y0 < self.y1
        )


class _Brush:
    """Lays colours over a picture, cut at its edges."""

    def __init__(self, picture: Picture, channels: tuple[int, ...]) -> None:
        self.height, self.width = picture.shape[:2]
        self._picture = picture
        self._depth = picture.shape[2]
        self._channels = channels

    def _ink(self, colour: Colour) -> NDArray[np.float32]:
        """Order `colour` like the picture's channels, opaque in a fourth."""
        ink = np.full(self._depth, 255, np.float32)
        ink[list(self._channels)] = colour
        return ink

    def fill(self, area: _Area, colour: Colour) -> None:
        x0, y0 = max(area.x0, 0), max(area.y0, 0)
        if x0 < area.x1 and y0 < area.y1:
            self._picture[y0 : max(area.y1, 0), x0 : max(area.x1, 0)] = self._ink(colour)

    def stamp(self, x: int, y: int, cover: Cover, colour: Colour) -> None:
        """Lay `colour` over the picture from (x, y) on, as strongly as `cover` (0..1) says."""
        height, width = cover.shape
        left, top = max(x, 0), max(y, 0)
        right, bottom = min(x + width, self.width), min(y + height, self.height)
        if left >= right or top >= bottom:
            return
        share = cover[top - y : bottom - y, left - x : right - x, np.newaxis]
        target = self._picture[top:bottom, left:right]
        target[...] = np.rint(target + (self._ink(colour) - target) * share)


def _draw_box(brush: _Brush, detection: Detection, line: int) -> None:
    colour = class_colour(detection.class_id)
    outer = _outer_edges(detection.xyxy, line)
    x0, y0, x1, y1 = outer
    radius = min(line * 2 + 2, (x1 - x0) // 2, (y1 - y0) // 2)
    if radius <= line:
        for side in _sides(outer, line, 0):
            brush.fill(side, colour)
        return
    for side in _sides(outer, line, radius):
        brush.fill(side, colour)
    corner = _corner(radius, line)
    brush.stamp(x0, y0, corner, colour)
    brush.stamp(x1 - radius, y0, corner[:, ::-1], colour)
    brush.stamp(x0, y1 - radius, corner[::-1], colour)
    brush.stamp(x1 - radius, y1 - radius, corner[::-1, ::-1], colour)


def _is_seen(xyxy: Sequence[float], width: int, height: int) -> bool:
    """Whether a box has an area and some of it in the picture; never so with a NaN."""
    x0, y0, x1, y1 = xyxy
    return x0 < min(x1, width) and y0 < min(y1, height) and x1 > 0 and y1 > 0


def _outer_edges(xyxy: Sequence[float], line: int) -> _Area:
    """Outside of a line of width `line` whose middle runs along the box."""
    before, after = line // 2, line - line // 2
    # Far outside the picture the place of an edge does not matter, but it must be finite.
    x0, y0, x1, y1 = (round(min(max(edge, -(1 << 20)), 1 << 20)) for edge in xyxy)
    return _Area(x0 - before, y0 - before, x1 + after, y1 + after)


def _sides(outer: _Area, line: int, radius: int) -> tuple[_Area, ...]:
    """Split off the straight parts of a frame whose corners take up `radius` pixels."""
    x0, y0, x1, y1 = outer
    return (
        _Area(x0 + radius, y0, x1 - radius, y0 + line),
        _Area(x0 + radius, y1 - line, x1 - radius, y1),
        _Area(x0, y0 + radius, x0 + line, y1 - radius),
        _Area(x1 - line, y0 + radius, x1, y1 - radius),
    )


@lru_cache(maxsize=64)
def _corner(radius: int, line: int) -> Cover:
    """Coverage of the upper left quarter of a ring with outer `radius` and width `line`."""
    steps = radius - (np.arange(radius, dtype=np.float32) + np.float32(0.5))
    away = np.hypot(steps[:, np.newaxis], steps[np.newaxis, :])
    outer = np.clip(radius - away + 0.5, 0, 1)
    inner = np.clip(radius - line - away + 0.5, 0, 1)
    return np.asarray(outer - inner, np.float32)


@lru_cache(maxsize=64)
def _plate(width: int, height: int, radius: int) -> Cover:
    """Coverage of a rectangle with round corners."""
    cover = np.ones((height, width), np.float32)
    radius = min(radius, width // 2, height // 2)
    if radius > 0:
        quarter = _corner(radius, radius)
        cover[:radius, :radius] = quarter
        cover[:radius, -radius:] = quarter[:, ::-1]
        cover[-radius:, :radius] = quarter[::-1]
        cover[-radius:, -radius:] = quarter[::-1, ::-1]
    return cover


def _draw_outline(brush: _Brush, roi: Sequence[float], line: int) -> None:
    """Dashes along a rectangle, light on a darker ground so that they show on anything."""
    if len(roi) != 4 or not np.isfinite(np.asarray(roi, float)).all():
        raise DrawingError(f"roi must be four finite numbers (x0, y0, x1, y1), got {roi!r:.80}")
    sides = (brush.width, brush.height) * 2
    edges = [
        round(min(max(float(edge), -line), side + line))
        for edge, side in zip(roi, sides, strict=True)
    ]
    # Kept inside, so that an outline along the picture's edge is seen.
    x0, y0 = max(edges[0], 0), max(edges[1], 0)
    x1, y1 = min(edges[2], brush.width), min(edges[3], brush.height)
    if x1 - x0 < 2 * line or y1 - y0 < 2 * line:
        return
    dash = line * 6 + 4
    for vertical, at, start, end in (
        (False, y0, x0, x1),
        (False, y1 - line, x0, x1),
        (True, x0, y0, y1),
        (True, x1 - line, y0, y1),
    ):
        places = np.arange(end - start) % (2 * dash)
        for colour, wanted, strength in (
            (_OUTLINE, places < dash, 0.9),
            (_DARK, places >= dash, 0.35),
        ):
            cover = np.repeat(wanted[np.newaxis, :] * np.float32(strength), line, axis=0)
            if vertical:
                brush.stamp(at, start, cover.T, colour)
            else:
                brush.stamp(start, at, cover, colour)


def _draw_label(
    brush: _Brush, detection: Detection, line: int, size: int, taken: list[_Area]
) -> None:
    colour = class_colour(detection.class_id)
    text = _caption(detection, size)
    pad_x, pad_y = max(2, round(size * 0.4)), max(1, round(size * 0.22))
    width = min(text.shape[1] + 2 * pad_x, brush.width)
    height = min(text.shape[0] + 2 * pad_y, brush.height)
    area = _place_label(brush, _outer_edges(detection.xyxy, line), (width, height), taken)
    taken.append(area)
    brush.stamp(area.x0, area.y0, _plate(width, height, max(2, size // 4)), colour)
    room = text[: max(height - 2 * pad_y, 0), : max(width - 2 * pad_x, 0)]
    brush.stamp(area.x0 + pad_x, area.y0 + pad_y, room, _ink_on(colour))


def _caption(detection: Detection, size: int) -> Cover:
    name = detection.label if detection.label is not None else f"class {detection.class_id}"
    identity = "" if detection.tracker_id is None else f" #{detection.tracker_id}"
    # Apart, as names and percentages come again and again, but seldom together.
    words = _text(name + identity, size), _text(f"{round(detection.confidence * 100)}%", size)
    gap = np.zeros((len(words[0]), max(3, round(size * 0.28))), np.float32)
    return np.concatenate((words[0], gap, words[1]), axis=1)


def _place_label(brush: _Brush, box: _Area, size: tuple[int, int], taken: list[_Area]) -> _Area:
    """Where a label goes: above its box if there is room, else inside, below, or just anywhere."""
    width, height = size
    left, right = box.x0, box.x1 - width
    choices = [
        (left, box.y0 - height),
        (left, box.y0),
        (left, box.y1),
        (right, box.y0 - height),
        (right, box.y1),
        (left, box.y1 - height),
    ]
    first: _Area | None = None
    for x, y in choices:
        inside_x = min(max(x, 0), brush.width - width)
        inside_y = min(max(y, 0), brush.height - height)
        area = _Area(inside_x, inside_y, inside_x + width, inside_y + height)
        if y != inside_y:
            continue
        first = first or area
        if not any(area.touches(other) for other in taken):
            return area
    if first is not None:
        return first
    x, y = min(max(left, 0), brush.width - width), min(max(box.y0, 0), brush.height - height)
    return _Area(x, y, x + width, y + height)


def _ink_on(colour: Colour) -> Colour:
    """Choose white letters wherever they reach WCAG 2's contrast of 3 to 1, else dark ones."""
    linear = [
        channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4
        for channel in (value / 255 for value in colour)
    ]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return _LIGHT if 1.05 / (luminance + 0.05) >= 3 else _DARK


@lru_cache(maxsize=256)
def _text(text: str, size: int) -> Cover:
    """Coverage of one line of letters, as high as the font's tallest."""
    pillow = _pillow()
    font = _font(size)
    if isinstance(font, pillow.font.ImageFont):
        # The old bitmap font knows Latin-1 only and raises on anything else.
        text = text.encode("latin-1", "replace").decode("latin-1")
    left, _, right, _ = font.getbbox(text)
    _, top, _, bottom = font.getbbox("Ågj|")
    mask = pillow.image.new("L", (max(1, right - left), max(1, bottom - top)))
    pillow.draw.Draw(mask).text((-left, -top), text, fill=255, font=font)
    return np.asarray(mask, np.float32) / np.float32(255)


@lru_cache(maxsize=16)
def _font(size: int) -> Any:
    """Pillow's own font; before Pillow 10.1, or without FreeType, it has one small size only."""
    pillow = _pillow()
    try:
        return pillow.font.load_default(size=size)
    except (TypeError, ImportError):
        return pillow.font.load_default()


class _Pillow(NamedTuple):
    image: Any
    draw: Any
    font: Any


@lru_cache(maxsize=1)
def _pillow() -> _Pillow:
    try:
        from PIL import Image, ImageDraw, ImageFont
    except ImportError as error:
        raise MissingExtraError(
            "pictures need Pillow, which is not installed: pip install 'imx500-native[demo]'"
        ) from error
    return _Pillow(Image, ImageDraw, ImageFont)


def _checked_picture(image: object, image_format: str) -> tuple[int, ...]:
    """Check a picture; return where its R, G and B are."""
    channels = _CHANNELS.get(image_format)
    if channels is None:
        raise DrawingError(
            f"image_format must be one of {', '.join(_CHANNELS)}, got {image_format!r:.40}"
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
            f"(height, width, {' or '.join(map(str, depths))}), got {came}"
        )
    return channels


def _checked_length(value: int | None, name: str, default: int) -> int:
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
        raise DrawingError(f"{name} must be an integer of at least 1, got {value!r:.40}")
    return int(value)
