"""Detectors that post-process on the sensor, row by row in Python."""

from __future__ import annotations

import math

import numpy as np


def decode(outputs, *, order, units, threshold, limit=None):
    """Return [(xyxy, score, class_id)], most confident first, ties in row order."""
    boxes, scores, classes, count = outputs
    filled = float(count[0])
    filled = 0 if not filled > 0 else int(min(filled, len(scores)))
    rows = []
    for row in range(filled):
        score, box = float(scores[row]), [float(v) for v in boxes[row]]
        if not score >= threshold or not all(map(math.isfinite, (score, *box))):
            continue
        x0, y0, x1, y1 = box if order == "xy" else (box[1], box[0], box[3], box[2])
        width, height = (np.float32(unit) for unit in units)
        xyxy = [
            float(np.float32(x0) / width),
            float(np.float32(y0) / height),
            float(np.float32(x1) / width),
            float(np.float32(y1) / height),
        ]
        value = float(classes[row])
        rows.append((xyxy, score, int(value) if 0 <= value <= 2**24 else -1))
    rows.sort(key=lambda item: -item[1])
    return rows[:limit]
