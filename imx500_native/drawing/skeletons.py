"""Persons as limbs and keypoints."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from imx500_native.drawing.boxes import Boxed, draw_boxes, draw_labels, is_seen, outer_edges
from imx500_native.drawing.brush import Area, Layer, Shape
from imx500_native.drawing.colours import DARK, LIGHT, class_colour
from imx500_native.drawing.labels import best_area, caption, draw_plate, plate_size

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from imx500_native.drawing.brush import Brush, Cover
    from imx500_native.drawing.colours import Colour
    from imx500_native.drawing.style import Style
    from imx500_native.results import Poses

_THINNEST = 1.25
"""Pixels of a limb's line where a person is far away."""

_REACH = 0.028
"""A limb's width over the person's extent, beyond which a far person would be a blot."""

_DOT = 1.15
"""Radius of a keypoint over the width of a limb's line."""

_HEAD = 0.2
"""Share of a person's height that a label should leave to be seen."""


def draw_poses(brush: Brush, poses: Poses, style: Style) -> None:
    """Draw persons, the most confident one on top; boxes only where they are asked for."""
    confidences = poses.detection_confidence.tolist()
    order = sorted(range(len(poses)), key=confidences.__getitem__)
    ids = None if poses.tracker_id is None else poses.tracker_id.tolist()
    colours = [class_colour(row if ids is None else ids[row]) for row in range(len(poses))]
    shown = (poses.keypoint_confidence >= np.float32(style.keypoint_threshold)) & np.isfinite(
        poses.xy
    ).all(axis=2)
    limbs = np.asarray(poses.skeleton or (), np.intp).reshape(-1, 2)
    people = [_shapes(poses.xy[row], shown[row], limbs, colours[row], style) for row in order]
    brush.strokes([limb for limb, _ in people])
    # Later, so that nobody's limbs hide anybody's keypoints.
    brush.strokes([dots for _, dots in people])

    if style.boxes:
        boxes = poses.boxes.tolist()
        boxed = [
            Boxed(boxes[row], confidences[row], "", None if ids is None else ids[row], colours[row])
            for row in order
            if is_seen(boxes[row], brush.width, brush.height)
        ]
        draw_boxes(brush, boxed, style)
        if style.labels:
            draw_labels(brush, boxed, style)
    elif style.labels:
        heads = [
            (row, _head(poses.xy[row][shown[row]], style.line)) for row in order if shown[row].any()
        ]
        # Nobody's label goes over anybody's face, if there is another place.
        taken = [head for _, head in heads]
        for row, head in reversed(heads):
            words = caption("", None if ids is None else ids[row], confidences[row], style.letters)
            if words.size and is_seen(head, brush.width, brush.height):
                _draw_label(brush, head, words, colours[row], style.letters, taken)


def _shapes(
    xy: NDArray[np.float32],
    shown: NDArray[np.bool_],
    limbs: NDArray[np.intp],
    colour: Colour,
    style: Style,
) -> tuple[Shape, Shape]:
    """Limbs and keypoints of one person."""
    points = xy[shown]
    pen = float(style.line)
    if not style.fixed_line and len(points):
        # In double precision, which the difference of two floats cannot exceed.
        low, high = points.min(axis=0).astype(np.float64), points.max(axis=0).astype(np.float64)
        extent = float((high - low).max())
        # In quarters of a pixel, so that a person who moves is not drawn with ever new pens.
        pen = max(min(pen, round(extent * _REACH * 4) / 4), min(pen, _THINNEST))
    rim = max(0.75, pen * 0.3)
    radius = pen * _DOT
    drawn = limbs[shown[limbs].all(axis=1)]
    return (
        Shape(
            xy[drawn].reshape(-1, 4),
            (Layer(pen / 2 + rim, DARK, 0.55), Layer(pen / 2, colour, 1.0)),
        ),
        Shape(
            np.concatenate((points, points), axis=1),
            (
                Layer(radius + rim, DARK, 0.55),
                Layer(radius, LIGHT, 1.0),
                Layer(radius - max(0.75, pen * 0.35), colour, 1.0),
            ),
        ),
    )


def _head(points: NDArray[np.float32], line: int) -> Area:
    """Bounds of a person's highest keypoints, with a little room around."""
    top, bottom = float(points[:, 1].min()), float(points[:, 1].max())
    low = top + (bottom - top) * _HEAD
    upper = points[points[:, 1] <= low, 0]
    gap = 2 * line + 2
    return outer_edges(
        (float(upper.min()) - gap, top - gap, float(upper.max()) + gap, low + gap), 0
    )


def _draw_label(
    brush: Brush, head: Area, words: Cover, colour: Colour, letters: int, taken: list[Area]
) -> None:
    """Write above a person's head, else beside it, else below."""
    width, height = size = plate_size(brush, words, letters)
    middle, above = (head.x0 + head.x1 - width) // 2, head.y0 - height
    beside = min(max(head.y0, 0), brush.height - height)
    places = [
        (middle, above),
        (head.x0 - width, beside),
        (head.x1, beside),
        (middle - width // 2, above),
        (middle + width // 2, above),
        (middle, above - height),
        (middle, head.y1),
    ]
    area = best_area(brush, size, places, taken)
    taken.append(area)
    draw_plate(brush, area, words, colour, letters)
