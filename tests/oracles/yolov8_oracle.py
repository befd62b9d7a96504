"""YOLOv8's tensors, anchor by anchor, and instance masks, pixel by pixel, in Python."""

from __future__ import annotations

import math

import numpy as np

F = np.float32


def sigmoid(value):
    with np.errstate(over="ignore"):
        return F(1.0 / (1.0 + np.exp(-np.float64(value))))


def grid(size, strides):
    """Return [(x, y, stride)]: the cell of each anchor."""
    width, height = size
    return [
        (x, y, stride)
        for stride in strides
        for y in range(math.ceil(height / stride))
        for x in range(math.ceil(width / stride))
    ]


def box_of(values, form, cell):
    """Return x0, y0, x1, y1 in the units of the tensor, or pixels where it holds distances."""
    a, b, c, d = values
    if form == "distances":
        x, y, stride = F(cell[0] + 0.5), F(cell[1] + 0.5), F(cell[2])
        return [(x - a) * stride, (y - b) * stride, (x + c) * stride, (y + d) * stride]
    if form == "centres":
        return [a - c / F(2), b - d / F(2), a + c / F(2), b + d / F(2)]
    return [a, b, c, d]


def best_class(scores):
    """Return (class, score), the first of equals; None where all are NaN or minus infinity."""
    known = [(score, -index) for index, score in enumerate(scores) if score > -math.inf]
    if not known:
        return None
    score, index = max(known)
    return -index, score


def overlap(one, other, limit):
    """Tell whether two boxes share more than so much of what both cover, in float32 as C does."""
    zero = F(0)
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    shared = max(width, zero) * max(height, zero)
    areas = [max(b[2] - b[0], zero) * max(b[3] - b[1], zero) for b in (one, other)]
    return shared > F(limit) * (areas[0] + areas[1] - shared)


def decode(boxes, scores, *, form, units, cells, logits, threshold, iou_threshold, limit=None):
    """Return [(xyxy, score, class, anchor)] of boxes (n, 4) and scores (n, c), best first."""
    found = []
    with np.errstate(all="ignore"):
        for anchor, (values, row) in enumerate(zip(boxes, scores, strict=True)):
            best = best_class(row)
            if best is None:
                continue
            score = sigmoid(best[1]) if logits else F(best[1])
            width, height = F(units[0]), F(units[1])
            box = box_of(values, form, cells[anchor] if cells else None)
            box = [F(side) / unit for side, unit in zip(box, (width, height) * 2, strict=True)]
            if score >= F(threshold) and all(map(math.isfinite, (score, *box))):
                found.append((box, float(score), best[0], anchor))
    found.sort(key=lambda one: -one[1])
    kept = []
    with np.errstate(all="ignore"):
        for one in found:
            rivals = [other for other in kept if other[2] == one[2]]
            if not any(overlap(one[0], other[0], iou_threshold) for other in rivals):
                kept.append(one)
    return kept[:limit]


def keypoints(rows, anchors, *, dimensions, offsets, logits, units, cells):
    """Return xy (n, k, 2) and confidence (n, k) of the rows (anchors, k * dimensions)."""
    points, confidence = [], []
    with np.errstate(all="ignore"):
        for anchor in anchors:
            row = rows[anchor].reshape(-1, dimensions)
            for values in row:
                x, y = values[:2]
                if offsets:
                    cx, cy, stride = (F(part) for part in cells[anchor])
                    x, y = (x * F(2) + cx) * stride, (y * F(2) + cy) * stride
                x, y = x / F(units[0]), y / F(units[1])
                sure = F(1) if dimensions == 2 else values[2]
                if dimensions == 3 and logits:
                    sure = sigmoid(sure)
                if not all(map(math.isfinite, (x, y, sure))):
                    x = y = F(math.nan)
                    sure = F(0)
                points.append((x, y))
                confidence.append(sure)
    count = rows.shape[1] // dimensions
    shape = (len(anchors), count)
    return (
        np.array(points, F).reshape(*shape, 2),
        np.array(confidence, F).reshape(shape),
    )


def logits(coefficients, prototypes):
    """Return (n, h, w) of coefficients (n, c) and prototypes (c, h, w), everywhere."""
    with np.errstate(all="ignore"):
        return np.einsum("nc,chw->nhw", coefficients.astype("f8"), prototypes.astype("f8"))


def is_inside(box, x, y):
    return all(map(math.isfinite, box)) and box[0] <= x < box[2] and box[1] <= y < box[3]


def network_masks(sheets, boxes):
    count, height, width = sheets.shape
    masks = np.zeros(sheets.shape, bool)
    for i, y, x in np.ndindex(count, height, width):
        x0, y0, x1, y1 = (float(side) for side in boxes[i])
        box = (x0 * width, y0 * height, x1 * width, y1 * height)
        masks[i, y, x] = is_inside(box, x + 0.5, y + 0.5) and sheets[i, y, x] > 0
    return masks


def sample(sheet, u, v):
    """Interpolate a sheet linearly at (u, v) in 0..1; its edge goes on for ever."""
    height, width = sheet.shape
    x = min(max(u * width - 0.5, 0.0), width - 1.0)
    y = min(max(v * height - 0.5, 0.0), height - 1.0)
    left, top = int(x), int(y)
    right, bottom = min(left + 1, width - 1), min(top + 1, height - 1)
    upper = sheet[top, left] * (1 - (x - left)) + sheet[top, right] * (x - left)
    lower = sheet[bottom, left] * (1 - (x - left)) + sheet[bottom, right] * (x - left)
    return upper * (1 - (y - top)) + lower * (y - top)


def picture_values(sheets, boxes, centres):
    """Return the interpolated logits (n, H, W), NaN outside the boxes, which are in pixels.

    `centres` (H, W, 2) says where the pixels' centres are in what the network saw.
    """
    height, width = centres.shape[:2]
    values = np.full((len(sheets), height, width), np.nan)
    for i, y, x in np.ndindex(values.shape):
        if is_inside(boxes[i], x + 0.5, y + 0.5):
            values[i, y, x] = sample(sheets[i].astype("f8"), *centres[y, x])
    return values
