"""The peers' coordinate chains as they are told step by step, in Python's own integers."""

from __future__ import annotations

import math

import numpy as np

FULL = (0, 0, 4056, 3040)


def cut(numerator, denominator):
    """Divide and cut towards zero."""
    quotient = abs(numerator) // denominator
    return quotient if numerator >= 0 else -quotient


def scaled(rectangle, numerator, denominator):
    """Scale each field for itself."""
    x, y, width, height = rectangle
    return (
        cut(x * numerator[0], denominator[0]),
        cut(y * numerator[1], denominator[1]),
        cut(width * numerator[0], denominator[0]),
        cut(height * numerator[1], denominator[1]),
    )


def bounded(rectangle, bound):
    """Return what lies in both."""
    x, y = max(rectangle[0], bound[0]), max(rectangle[1], bound[1])
    right = min(rectangle[0] + rectangle[2], bound[0] + bound[2])
    bottom = min(rectangle[1] + rectangle[3], bound[1] + bound[3])
    return (x, y, max(right - x, 0), max(bottom - y, 0))


def of_ratio(ratio):
    """Return the largest rectangle of the ratio in the middle of the full sensor."""
    width, height = FULL[2:]
    if width * ratio[1] > ratio[0] * height:
        width = ratio[0] * height // ratio[1]
    else:
        height = width * ratio[1] // ratio[0]
    return (4056 // 2 - width // 2, 3040 // 2 - height // 2, width, height)


def chain(rectangle, crop, raw, stream, roi=None):
    """Take a rectangle on the full sensor to pixels of the picture."""
    sensor_crop = scaled(crop, raw, FULL[2:])
    if roi is not None:
        rectangle = bounded(rectangle, roi)
    rectangle = bounded(scaled(rectangle, raw, FULL[2:]), sensor_crop)
    x, y, width, height = rectangle
    rectangle = (x - sensor_crop[0], y - sensor_crop[1], width, height)
    return scaled(rectangle, stream, sensor_crop[2:])


def picamera2_box(box):
    """Return a box (y0, x0, y1, x1) of floats of one type as a rectangle on the full sensor."""
    y0, x0, y1, x1 = box
    # numpy 1 takes a float32 times an int to double precision; the promise is what numpy 2 does.
    width, height = (type(x0)(size) for size in FULL[2:])
    sides = [x0 * width, y0 * height, (x1 - x0) * width, (y1 - y0) * height]
    return tuple(int(max(side, 0)) for side in sides)


def rpicam_apps_box(rectangle):
    """Return (x, y, width, height) in float32 as a rectangle on the full sensor."""

    def rounded(value, last):
        product = float(np.float32(value) * np.float32(last))
        return int(math.copysign(math.floor(abs(product) + 0.5), product))

    x, y, width, height = rectangle
    return (rounded(x, 4055), rounded(y, 3039), rounded(width, 4055), rounded(height, 3039))
