"""Non-maximum suppression, pair by pair in Python, in float32 as the C does it."""

from __future__ import annotations

import math

import numpy as np

ZERO = np.float32(0)


def _area(box, extra):
    width, height = box[2] - box[0] + extra, box[3] - box[1] + extra
    return max(width, ZERO) * max(height, ZERO)


def _overlap_too_much(one, other, threshold, extra):
    width = min(one[2], other[2]) - max(one[0], other[0]) + extra
    height = min(one[3], other[3]) - max(one[1], other[1]) + extra
    shared = max(width, ZERO) * max(height, ZERO)
    covered = _area(one, extra) + _area(other, extra) - shared
    return shared > np.float32(threshold) * covered


def nms(boxes, scores, threshold, *, classes=None, limit=None, plus_one=False):
    """Return the rows that stay, best first."""
    boxes, scores = np.asarray(boxes, np.float32), np.asarray(scores, np.float32)
    extra = np.float32(plus_one)
    usable = [
        row
        for row in range(len(scores))
        if np.isfinite(boxes[row]).all() and not math.isnan(scores[row])
    ]
    kept = []
    with np.errstate(over="ignore", invalid="ignore"):
        for row in sorted(usable, key=lambda row: -scores[row]):
            if len(kept) == limit:
                break
            rivals = [k for k in kept if classes is None or classes[k] == classes[row]]
            if not any(_overlap_too_much(boxes[row], boxes[k], threshold, extra) for k in rivals):
                kept.append(row)
    return kept
