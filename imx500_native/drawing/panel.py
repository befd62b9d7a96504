"""The classes of a whole picture, listed in its corner."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from imx500_native.drawing.brush import plate
from imx500_native.drawing.colours import DARK, LIGHT, class_colour
from imx500_native.drawing.letters import fitting_name, text

if TYPE_CHECKING:
    from imx500_native.drawing.brush import Brush
    from imx500_native.drawing.style import Style
    from imx500_native.results import Classification

_ROWS = 5
"""Classes that are listed at most."""

_GROUND = 0.72
"""Strength of the panel's dark ground: the picture shows through, but no letter is lost in it."""


def draw_classification(brush: Brush, classification: Classification, style: Style) -> None:
    """List the most probable classes, each with its name, percentage and a bar."""
    if not style.labels or len(classification) == 0:
        return
    size = style.letters
    pad, bar = max(3, round(size * 0.5)), max(2, round(size * 0.22))
    high = len(text("|", size))
    row = high + bar + 2 * max(1, round(size * 0.14))
    between = max(2, round(size * 0.36))
    margin = max(2, round(size * 0.6))
    # At most about half of the picture's height, but one class always.
    fit = (round(brush.height * 0.6) - 2 * pad - margin + between) // (row + between)
    count = max(1, min(len(classification), _ROWS, fit))
    listed = list(classification)[:count]

    percents = [text(_percent(one.confidence), size) for one in listed]
    last = max(text("100%", size).shape[1], *(cover.shape[1] for cover in percents))
    gap = max(4, size // 2)
    room = brush.width - 2 * (margin + pad) - gap - last
    names = [
        fitting_name(f"class {one.class_id}" if one.label is None else one.label, size, room)
        for one in listed
    ]
    # No narrower than most names and percentages, so that it keeps its width as they change.
    first = max(*(cover.shape[1] for cover in names), min(size * 9, room))
    inner = first + gap + last
    x0, y0 = margin, margin
    width, height = inner + 2 * pad, count * (row + between) - between + 2 * pad
    ground = plate(width, height, max(2, size // 3)) * np.float32(_GROUND)
    brush.stamp(x0, y0, ground, DARK)
    for index, (one, name, percent) in enumerate(zip(listed, names, percents, strict=True)):
        x, y = x0 + pad, y0 + pad + index * (row + between)
        brush.stamp(x, y, name, LIGHT)
        brush.stamp(x + inner - percent.shape[1], y, percent, LIGHT)
        low = y + row - bar
        track = plate(inner, bar, bar // 2)
        brush.stamp(x, low, track * np.float32(0.25), LIGHT)
        share = min(max(one.confidence, 0.0), 1.0) if math.isfinite(one.confidence) else 0.0
        length = round(inner * share)
        if length > 0:
            brush.stamp(x, low, plate(length, bar, bar // 2), class_colour(one.class_id))


def _percent(confidence: float) -> str:
    if not math.isfinite(confidence):
        return "?"
    return "<1%" if 0 < confidence < 0.01 else f"{round(confidence * 100)}%"
