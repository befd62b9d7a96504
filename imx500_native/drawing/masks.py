"""Regions under translucent colours, with their outlines and names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from imx500_native.drawing.boxes import draw_boxes, draw_labels, outer_edges, seen_boxes
from imx500_native.drawing.colours import class_colour
from imx500_native.drawing.labels import draw_plate, free_area, padding, plate_size
from imx500_native.drawing.letters import fitting_name
from imx500_native.drawing.middles import region_middles
from imx500_native.errors import DrawingError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from imx500_native.drawing.brush import Area, Brush, Mask
    from imx500_native.drawing.colours import Colour
    from imx500_native.drawing.style import Picture, Style
    from imx500_native.results import InstanceMasks, Result, Segmentation

_PIXELS = {"segmentation": "class_map", "instance segmentation": "masks"}


def check_size(result: Result, picture: Picture) -> None:
    """Check that the pixels of a class map, or of masks, are those of the picture."""
    column = _PIXELS.get(result.task)
    if column is None:
        return
    pixels: NDArray[Any] = getattr(result, column)
    height, width = picture.shape[:2]
    if pixels.size and pixels.shape[-2:] != (height, width):
        raise DrawingError(
            f"the {result.task} must have the picture's size, {width} x {height}, got "
            f"{pixels.shape[-1]} x {pixels.shape[-2]}; use mapped(frame.mapper()) of the "
            "picture's own frame"
        )


def draw_segmentation(brush: Brush, segmentation: Segmentation, style: Style) -> None:
    """Colour the regions of every class but the background, and name the larger ones."""
    class_map = segmentation.class_map
    present = segmentation.class_id.tolist()
    for class_id, box in zip(present, segmentation.boxes.tolist(), strict=True):
        x0, y0, x1, y1 = outer_edges(box, 2)
        x0, y0 = max(x0, 0), max(y0, 0)
        mask = class_map[y0:y1, x0:x1] == class_id
        _draw_region(brush, x0, y0, mask, class_colour(class_id), style)
    if not style.labels or not present:
        return
    names = segmentation.labels or ()
    room = brush.width - 2 * padding(style.letters)[0]
    taken: list[Area] = []
    for class_id, x, y in region_middles(class_map, present):
        name = names[class_id] if class_id < len(names) else f"class {class_id}"
        words = fitting_name(name, style.letters, room)
        width, height = size = plate_size(brush, words, style.letters)
        top, bottom = _reach(class_map[:, x] == class_id, y)
        left, middle = x - width // 2, y - height // 2
        places = [(left, middle + step * height // 2) for step in (0, -2, 2, -3, 3, -4, 4)]
        if bottom - top < 2 * height:
            # On something this low the name would hide what it names.
            places = [(left, top - height - 1), (left, bottom + 1), *places]
        area = free_area(brush, size, places, taken)
        # Better no name than one that cannot be read; the colour still tells the classes apart.
        if area is not None:
            taken.append(area)
            draw_plate(brush, area, words, class_colour(class_id), style.letters)


def draw_instance_masks(brush: Brush, instances: InstanceMasks, style: Style) -> None:
    """Colour the masks of objects, the most confident one on top, then their boxes and labels."""
    seen = seen_boxes(brush, instances)
    for row, box in seen:
        # A mask ends at its box, which saves looking at the rest of the picture.
        x0, y0, x1, y1 = outer_edges(box.xyxy, 2)
        x0, y0 = max(x0, 0), max(y0, 0)
        mask = instances.masks[row, y0 : max(y1, 0), x0 : max(x1, 0)]
        _draw_region(brush, x0, y0, mask, box.colour, style)
    boxes = [box for _, box in seen]
    if style.boxes is not False:
        draw_boxes(brush, boxes, style)
    if style.labels:
        draw_labels(brush, boxes, style)


def _reach(column: Mask, y: int) -> tuple[int, int]:
    """Find where the run of True around `y` starts, and where it ends."""
    above, below = np.flatnonzero(~column[:y]), np.flatnonzero(~column[y:])
    start = int(above[-1]) + 1 if len(above) else 0
    return start, y + int(below[0]) if len(below) else len(column)


def _draw_region(brush: Brush, x: int, y: int, mask: Mask, colour: Colour, style: Style) -> None:
    """Colour a region whose upper left corner is at (x, y), with a firm line just inside it."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if len(rows) == 0:
        return
    # A pixel around is left, as only the picture's own edge ends a region without a line.
    top, left = max(rows[0] - 1, 0), max(columns[0] - 1, 0)
    mask = mask[top : rows[-1] + 2, left : columns[-1] + 2]
    inner = mask.copy()
    for _ in range(max(1, round(style.line * 0.6))):
        shrunk = inner.copy()
        shrunk[1:] &= inner[:-1]
        shrunk[:-1] &= inner[1:]
        shrunk[:, 1:] &= inner[:, :-1]
        shrunk[:, :-1] &= inner[:, 1:]
        inner = shrunk
    brush.tint(x + left, y + top, inner, colour, style.opacity)
    brush.tint(x + left, y + top, mask & ~inner, colour, 1.0)
