"""Laying colours over a picture: rectangles, stamps, masks and smooth lines."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imx500_native.drawing.strokes import stroke_pixels

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imx500_native.drawing.colours import Colour
    from imx500_native.drawing.style import Picture

Cover = NDArray[np.float32]
Mask = NDArray[np.bool_]

_AT_ONCE = 8192
"""Pixels that are mixed in one go: what they need fits into a core's cache."""


class Area(NamedTuple):
    """Whole pixels x0 <= x < x1, y0 <= y < y1."""

    x0: int
    y0: int
    x1: int
    y1: int

    def touches(self, other: Area) -> bool:
        """Whether two areas share a pixel."""
        return (
            self.x0 < other.x1 and other.x0 < self.x1 and self.y0 < other.y1 and other.y0 < self.y1
        )


class Layer(NamedTuple):
    """One of the colours that a stroke consists of.

    Attributes
    ----------
    radius : float
        Half the width of the pen, in pixels.
    colour : tuple of int
        R, G, B.
    strength : float
        0 (see-through) .. 1 (opaque).
    """

    radius: float
    colour: Colour
    strength: float


class Shape(NamedTuple):
    """Lines that are drawn as one.

    Attributes
    ----------
    ends : ndarray
        (n, 4): x0, y0, x1, y1 of each line in pixels, finite; a line without length is a dot.
        The middle of the first pixel is at 0.5.
    layers : sequence of Layer
        From the bottom up.
    """

    ends: NDArray[np.floating[Any]]
    layers: Sequence[Layer]


class Brush:
    """Lays colours over a picture, cut at its edges; a fourth channel becomes opaque there.

    Parameters
    ----------
    picture : ndarray
        (height, width, 3 or 4) uint8; the channels of a pixel lie side by side in memory.
    channels : tuple of int
        Where R, G and B are.
    """

    def __init__(self, picture: Picture, channels: tuple[int, ...]) -> None:
        self.height, self.width = picture.shape[:2]
        self._picture = picture
        self._depth = picture.shape[2]
        self._channels = channels
        # Pixels as wholes: numpy then moves runs of them at once, not channel by channel.
        self._least: NDArray[np.uint16] | None = None
        self._pixels: NDArray[np.void] = picture.view(f"V{self._depth}")[..., 0]

    def _ink(self, colour: Colour) -> NDArray[np.float32]:
        """Order `colour` like the picture's channels, opaque in a fourth."""
        ink = np.full(self._depth, 255, np.float32)
        ink[list(self._channels)] = colour
        return ink

    def fill(self, area: Area, colour: Colour) -> None:
        """Cover an area."""
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

    def tint(self, x: int, y: int, mask: Mask, colour: Colour, opacity: float) -> None:
        """Mix `colour` into the pixels of a mask whose upper left corner is at (x, y).

        The mask must lie within the picture. With a = opacity in 256ths, each channel becomes
        ``(old * (256 - a) + new * a + 128) >> 8``; a fourth one becomes opaque.
        """
        share = round(opacity * 256)
        if share == 0:
            return
        target = self._pixels[y : y + mask.shape[0], x : x + mask.shape[1]]
        ink = self._ink(colour).astype(np.uint16)
        if share == 256:
            target[mask] = ink.astype(np.uint8).view(target.dtype)[0]
            return
        found = target[mask]
        values = found.view(np.uint8)
        step = _AT_ONCE * self._depth
        added = np.tile(ink * np.uint16(share) + np.uint16(128), min(_AT_ONCE, len(found)))
        for start in range(0, len(values), step):
            part = values[start : start + step]
            mixed = part.astype(np.uint16)
            mixed *= np.uint16(256 - share)
            mixed += added[: len(mixed)]
            mixed >>= 8
            part[...] = mixed
        if self._depth == 4:
            values[3::4] = 255
        target[mask] = found

    def strokes(self, shapes: Sequence[Shape]) -> None:
        """Draw shapes made of lines, each over those before it, with a round pen.

        Where the lines of one shape cross, nothing is laid on twice.

        Parameters
        ----------
        shapes : sequence of Shape
            May be none.
        """
        if not any(len(shape.ends) for shape in shapes):
            return
        # All at once, as what numpy costs per call would otherwise be most of it.
        ends = np.concatenate([shape.ends for shape in shapes])
        reach = max(layer.radius for shape in shapes for layer in shape.layers) + 0.5
        found = stroke_pixels(ends, reach, (self.width, self.height))
        if self._least is None:
            self._least = np.empty(self.height * self.width, np.uint16)
        line = 0
        for shape in shapes:
            last = line + len(shape.ends)
            part = slice(*found.starts[[line, last]].tolist())
            line = last
            places, steps = found.places[part], found.steps[part]
            if len(places):
                steps = _least_steps(self._least, places, steps)
                self._lay(places, steps, reach, found.steps_per_pixel, shape.layers)

    def _lay(
        self,
        places: NDArray[np.intp],
        steps: NDArray[np.uint16],
        reach: float,
        steps_per_pixel: float,
        layers: Sequence[Layer],
    ) -> None:
        """Lay colours over pixels whose distances from the pen's path are known."""
        keep, inks = _tables(tuple(layers), int(reach * steps_per_pixel) + 1, steps_per_pixel)
        # Everything drawn is opaque in a fourth channel.
        ordered = [inks[3]] * self._depth
        for channel, ink in zip(self._channels, inks, strict=False):
            ordered[channel] = ink
        flat = self._pixels.reshape(-1) if self._pixels.flags.c_contiguous else None
        where = np.divmod(places, self.width) if flat is None else ()
        found = self._pixels[where] if flat is None else flat.take(places)
        values = found.view(np.uint8).reshape(-1, self._depth)
        kept = keep.take(steps)
        for channel, ink in enumerate(ordered):
            mixed = values[:, channel] * kept
            mixed += ink.take(steps)
            values[:, channel] = mixed
        # A pixel that is listed more than once gets the same value each time.
        if flat is None:
            self._pixels[where] = found
        else:
            flat.put(places, found)


@lru_cache(maxsize=64)
def _tables(
    layers: tuple[Layer, ...], count: int, steps_per_pixel: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """All layers as one, ``old * keep + ink``, by distance; a row of ink per R, G, B, opacity."""
    away = np.arange(count, dtype=np.float32) / np.float32(steps_per_pixel)
    keep = np.ones_like(away)
    inks = np.zeros((4, count), np.float32)
    for layer in layers:
        cover = np.clip(np.float32(layer.radius + 0.5) - away, 0, 1) * np.float32(layer.strength)
        keep *= 1 - cover
        inks += (np.array([[*layer.colour, 255]], np.float32).T - inks) * cover
    # What follows cuts fractions off.
    inks += np.float32(0.5)
    return keep, inks


def _least_steps(
    scratch: NDArray[np.uint16], places: NDArray[np.intp], steps: NDArray[np.uint16]
) -> NDArray[np.uint16]:
    """Give every listing of a place the least of its distances."""
    scratch[places] = steps
    closer = np.flatnonzero(steps < scratch[places])
    # Each round settles one more listing of a place, at worst.
    while len(closer):
        scratch[places[closer]] = steps[closer]
        closer = closer[steps[closer] < scratch[places[closer]]]
    return scratch[places]


@lru_cache(maxsize=64)
def corner(radius: int, line: int) -> Cover:
    """Coverage of the upper left quarter of a ring with outer `radius` and width `line`."""
    steps = radius - (np.arange(radius, dtype=np.float32) + np.float32(0.5))
    away = np.hypot(steps[:, np.newaxis], steps[np.newaxis, :])
    outer = np.clip(radius - away + 0.5, 0, 1)
    inner = np.clip(radius - line - away + 0.5, 0, 1)
    return np.asarray(outer - inner, np.float32)


@lru_cache(maxsize=64)
def plate(width: int, height: int, radius: int) -> Cover:
    """Coverage of a rectangle with round corners."""
    cover = np.ones((height, width), np.float32)
    radius = min(radius, width // 2, height // 2)
    if radius > 0:
        quarter = corner(radius, radius)
        cover[:radius, :radius] = quarter
        cover[:radius, -radius:] = quarter[:, ::-1]
        cover[-radius:, :radius] = quarter[::-1]
        cover[-radius:, -radius:] = quarter[::-1, ::-1]
    return cover
