"""Words on a coloured plate, placed so that they hide one another as little as possible."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from imx500_native.drawing.brush import Area, plate
from imx500_native.drawing.colours import ink_on
from imx500_native.drawing.letters import fitting_name, text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from imx500_native.drawing.brush import Brush, Cover
    from imx500_native.drawing.colours import Colour
    from imx500_native.geometry import Size

_UNLIMITED = 1 << 30


def caption(
    name: str, tracker_id: int | None, confidence: float, size: int, room: int = _UNLIMITED
) -> Cover:
    """Write name, identity and confidence, those that there are, in `room` pixels if possible."""
    identity = "" if tracker_id is None else f"#{tracker_id}"
    gap = max(3, round(size * 0.28))
    words = []
    # Apart, as names and percentages come again and again, but seldom together.
    if math.isfinite(confidence):
        words.append(text(f"{round(confidence * 100)}%", size))
        room -= words[0].shape[1] + gap
    if name:
        words.insert(0, fitting_name(name, size, room, f" {identity}" if identity else ""))
    elif identity:
        words.insert(0, text(identity, size))
    if len(words) == 2:
        words.insert(1, np.zeros((len(words[0]), gap), np.float32))
    return np.concatenate(words, axis=1) if words else np.zeros((0, 0), np.float32)


def padding(size: int) -> Size:
    """Room left and right, and above and below, of letters on a plate."""
    return max(2, round(size * 0.4)), max(1, round(size * 0.22))


def plate_size(brush: Brush, words: Cover, size: int) -> Size:
    """Size of the plate under some words, which is no larger than the picture."""
    pad_x, pad_y = padding(size)
    height, width = words.shape
    return min(width + 2 * pad_x, brush.width), min(height + 2 * pad_y, brush.height)


def draw_plate(brush: Brush, area: Area, words: Cover, colour: Colour, size: int) -> None:
    """Draw words on a plate."""
    width, height = area.x1 - area.x0, area.y1 - area.y0
    pad_x, pad_y = padding(size)
    brush.stamp(area.x0, area.y0, plate(width, height, max(2, size // 4)), colour)
    room = words[: max(height - 2 * pad_y, 0), : max(width - 2 * pad_x, 0)]
    brush.stamp(area.x0 + pad_x, area.y0 + pad_y, room, ink_on(colour))


def places_at_box(box: Area, size: Size) -> list[tuple[int, int]]:
    """Corners for a label of a box: above it, else inside, below, or at its right."""
    width, height = size
    left, right = box.x0, box.x1 - width
    return [
        (left, box.y0 - height),
        (left, box.y0),
        (left, box.y1),
        (right, box.y0 - height),
        (right, box.y1),
        (left, box.y1 - height),
    ]


def free_area(
    brush: Brush, size: Size, places: Iterable[tuple[int, int]], taken: Sequence[Area]
) -> Area | None:
    """Take the first place that touches no label; one may be moved sideways into the picture."""
    for area in _within(brush, size, places):
        if not any(area.touches(other) for other in taken):
            return area
    return None


def best_area(
    brush: Brush, size: Size, places: Sequence[tuple[int, int]], taken: Sequence[Area]
) -> Area:
    """Take the first free place, else the first in the picture, else one nearby."""
    free = free_area(brush, size, places, taken)
    if free is not None:
        return free
    for area in _within(brush, size, places):
        return area
    x, y = places[1]
    width, height = size
    x, y = min(max(x, 0), brush.width - width), min(max(y, 0), brush.height - height)
    return Area(x, y, x + width, y + height)


def _within(brush: Brush, size: Size, places: Iterable[tuple[int, int]]) -> Iterable[Area]:
    width, height = size
    for x, y in places:
        if 0 <= y <= brush.height - height:
            inside = min(max(x, 0), brush.width - width)
            yield Area(inside, y, inside + width, y + height)
