"""Dense detectors, anchor by anchor in Python and float64, from their definitions."""

from __future__ import annotations

import math

import numpy as np


def sigmoid(value):
    with np.errstate(over="ignore"):
        return float(np.float32(1 / (1 + np.exp(-np.float64(value)))))


def best_class(values):
    """Return (class, value); class None where no value is above minus infinity."""
    best, found = -math.inf, None
    for index, value in enumerate(values):
        if value > best:
            best, found = float(value), index
    return found, best


def nanodet_anchors(size, strides):
    """Yield (x, y, stride) of every row."""
    width, height = size
    for stride in strides:
        for line in range(math.ceil(height / stride)):
            for column in range(math.ceil(width / stride)):
                yield column * stride, line * stride, stride


def nanodet(tensor, *, size, strides, classes, bins, threshold):
    """Return [(box in pixels, score, class)] in the order of the rows."""
    found = []
    for row, (x, y, stride) in zip(tensor, nanodet_anchors(size, strides), strict=True):
        class_id, logit = best_class(row[:classes])
        if class_id is None or sigmoid(logit) < np.float32(threshold):
            continue
        reach = []
        for side in row[classes:].reshape(4, bins).astype(np.float64):
            with np.errstate(all="ignore"):
                weights = np.exp(side - side.max())
                reach.append(stride * float(np.sum(weights * np.arange(bins)) / weights.sum()))
        box = [x - reach[0], y - reach[1], x + reach[2], y + reach[3]]
        if all(map(math.isfinite, box)):
            found.append((box, sigmoid(logit), class_id))
    return found


def efficientdet_anchors(size, first, last, scale):
    """Yield (x, y, width, height) of every row, x and y of the middle."""
    width, height = size
    for level in range(first, last + 1):
        columns, lines = math.ceil(width / 2**level), math.ceil(height / 2**level)
        for line in range(lines):
            for column in range(columns):
                for octave in range(3):
                    for ratio in (1.0, 2.0, 0.5):
                        side = scale * 2 ** (octave / 3)
                        yield (
                            (column + 0.5) * width / columns,
                            (line + 0.5) * height / lines,
                            side * math.sqrt(ratio) * width / columns,
                            side / math.sqrt(ratio) * height / lines,
                        )


def efficientdet(logits, codes, *, size, levels, scale, threshold):
    """Return [(box in pixels, score, class)] in the order of the rows."""
    found = []
    anchors = efficientdet_anchors(size, *levels, scale)
    for row, code, anchor in zip(logits, codes.astype(np.float64), anchors, strict=True):
        class_id, logit = best_class(row)
        if class_id is None or sigmoid(logit) < np.float32(threshold):
            continue
        with np.errstate(all="ignore"):
            y, x = code[0] * anchor[3] + anchor[1], code[1] * anchor[2] + anchor[0]
            height, width = np.exp(code[2]) * anchor[3], np.exp(code[3]) * anchor[2]
            box = np.array([x - width / 2, y - height / 2, x + width / 2, y + height / 2])
            if np.isfinite(box.astype(np.float32)).all():
                found.append((box.tolist(), sigmoid(logit), class_id))
    return found


def yolov5(rows, *, threshold, logits):
    """Return [(index, (x, y, width, height) as sent, score, class)] of rows of channels."""
    found = []
    for index, row in enumerate(rows):
        class_id, likely = best_class(row[5:])
        box, seen = row[:4].tolist(), float(row[4])
        if logits:
            box, seen, likely = [sigmoid(v) for v in box], sigmoid(seen), sigmoid(likely)
        score = np.float32(seen) * np.float32(likely)
        if class_id is None or not np.isfinite(score):
            continue
        if seen >= np.float32(threshold) and score >= np.float32(threshold):
            found.append((index, box, float(score), class_id))
    return found


def yolov5_box(sent, column, line, stride, anchor):
    """Return the box in pixels of one anchor in one cell."""
    x = (2 * sent[0] - 0.5 + column) * stride
    y = (2 * sent[1] - 0.5 + line) * stride
    width, height = (2 * sent[2]) ** 2 * anchor[0], (2 * sent[3]) ** 2 * anchor[1]
    return [x - width / 2, y - height / 2, x + width / 2, y + height / 2]
