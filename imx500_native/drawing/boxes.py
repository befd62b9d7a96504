"""Boxes round objects, their labels, and the dashed outline of what the network saw."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from imx500_native.drawing.brush import Area, corner
from imx500_native.drawing.colours import DARK, LIGHT, class_colour
from imx500_native.drawing.labels import (
    best_area,
    caption,
    draw_plate,
    padding,
    places_at_box,
    plate_size,
)
from imx500_native.errors import DrawingError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imx500_native.drawing.brush import Brush
    from imx500_native.drawing.colours import Colour
    from imx500_native.drawing.style import Style
    from imx500_native.results import Detections, InstanceMasks


class Boxed(NamedTuple):
    """A box and what is written on it."""

    xyxy: Sequence[float]
    confidence: float
    name: str
    tracker_id: int | None
    colour: Colour


def draw_detections(brush: Brush, detections: Detections, style: Style) -> None:
    """Draw boxes with labels, the most confident one on top."""
    boxes = [one for _, one in seen_boxes(brush, detections)]
    if style.boxes is not False:
        draw_boxes(brush, boxes, style)
    if style.labels:
        draw_labels(brush, boxes, style)


def seen_boxes(brush: Brush, found: Detections | InstanceMasks) -> list[tuple[int, Boxed]]:
    """Rows of `found` whose boxes reach into the picture, the least confident first."""
    names = found.labels or ()
    count = len(found)
    identities = [None] * count if found.tracker_id is None else found.tracker_id.tolist()
    columns = (found.xyxy.tolist(), found.confidence.tolist(), found.class_id.tolist(), identities)
    boxes = [
        (
            row,
            Boxed(
                box,
                confidence,
                names[class_id] if 0 <= class_id < len(names) else f"class {class_id}",
                tracker_id,
                class_colour(class_id),
            ),
        )
        for row, (box, confidence, class_id, tracker_id) in enumerate(zip(*columns, strict=True))
        if is_seen(box, brush.width, brush.height)
    ]
    return sorted(boxes, key=lambda row: row[1].confidence)


def draw_boxes(brush: Brush, boxes: Sequence[Boxed], style: Style) -> None:
    """Draw boxes, the last one on top."""
    for box in boxes:
        _draw_box(brush, box, style.line)


def draw_labels(brush: Brush, boxes: Sequence[Boxed], style: Style) -> None:
    """Write labels at boxes; the last box has the first choice of places."""
    taken: list[Area] = []
    for box in reversed(boxes):
        draw_label(brush, box, style.line, style.letters, taken)


def draw_label(brush: Brush, box: Boxed, line: int, size: int, taken: list[Area]) -> None:
    """Write the label of one box, away from the labels in `taken`, to which it is added."""
    room = brush.width - 2 * padding(size)[0]
    words = caption(box.name, box.tracker_id, box.confidence, size, room)
    wanted = plate_size(brush, words, size)
    area = best_area(brush, wanted, places_at_box(outer_edges(box.xyxy, line), wanted), taken)
    taken.append(area)
    draw_plate(brush, area, words, box.colour, size)


def _draw_box(brush: Brush, box: Boxed, line: int) -> None:
    outer = outer_edges(box.xyxy, line)
    x0, y0, x1, y1 = outer
    radius = min(line * 2 + 2, (x1 - x0) // 2, (y1 - y0) // 2)
    if radius <= line:
        for side in _sides(outer, line, 0):
            brush.fill(side, box.colour)
        return
    for side in _sides(outer, line, radius):
        brush.fill(side, box.colour)
    quarter = corner(radius, line)
    brush.stamp(x0, y0, quarter, box.colour)
    brush.stamp(x1 - radius, y0, quarter[:, ::-1], box.colour)
    brush.stamp(x0, y1 - radius, quarter[::-1], box.colour)
    brush.stamp(x1 - radius, y1 - radius, quarter[::-1, ::-1], box.colour)


def is_seen(xyxy: Sequence[float], width: int, height: int) -> bool:
    """Whether a box has an area and some of it in the picture; never so with a NaN."""
    x0, y0, x1, y1 = xyxy
    return x0 < min(x1, width) and y0 < min(y1, height) and x1 > 0 and y1 > 0


def outer_edges(xyxy: Sequence[float], line: int) -> Area:
    """Outside of a line of width `line` whose middle runs along the box."""
    before, after = line // 2, line - line // 2
    # Far outside the picture the place of an edge does not matter, but it must be finite.
    x0, y0, x1, y1 = (round(min(max(edge, -(1 << 20)), 1 << 20)) for edge in xyxy)
    return Area(x0 - before, y0 - before, x1 + after, y1 + after)


def _sides(outer: Area, line: int, radius: int) -> tuple[Area, ...]:
    """Split off the straight parts of a frame whose corners take up `radius` pixels."""
    x0, y0, x1, y1 = outer
    return (
        Area(x0 + radius, y0, x1 - radius, y0 + line),
        Area(x0 + radius, y1 - line, x1 - radius, y1),
        Area(x0, y0 + radius, x0 + line, y1 - radius),
        Area(x1 - line, y0 + radius, x1, y1 - radius),
    )


def draw_outline(brush: Brush, roi: Sequence[float], line: int) -> None:
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
            (LIGHT, places < dash, 0.9),
            (DARK, places >= dash, 0.35),
        ):
            cover = np.repeat(wanted[np.newaxis, :] * np.float32(strength), line, axis=0)
            if vertical:
                brush.stamp(at, start, cover.T, colour)
            else:
                brush.stamp(start, at, cover, colour)
