"""Pictures and results for the tests of drawing."""

from __future__ import annotations

import numpy as np

from imx500_native.results import Detections

GREY = 120


def picture(width=320, height=240, channels=3):
    return np.full((height, width, channels), GREY, np.uint8)


def detections(*boxes, classes=None, labels=("person", "dog", "potted plant"), **columns):
    count = len(boxes)
    return Detections(
        np.array(boxes, np.float32).reshape(-1, 4),
        np.linspace(0.9, 0.6, count),
        classes if classes is not None else [0] * count,
        labels=labels,
        space="stream",
        **columns,
    )


def changed(drawn, value=GREY):
    """Bounds (x0, y0, x1, y1) of what is not background; None where nothing is."""
    rows, columns = np.nonzero((drawn[..., :3] != value).any(axis=2))
    if len(rows) == 0:
        return None
    return columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
