"""Class maps, pixel by pixel in Python."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np

SENSOR = (4056, 3040)


def class_map(tensor):
    """Return the class of every value of a (height, width) tensor of class ids."""
    height, width = tensor.shape
    found = np.empty((height, width), np.int16)
    for y in range(height):
        for x in range(width):
            value = float(tensor[y, x])
            found[y, x] = int(value) if -1 < value < 32768 else -1
    return found


def best_class_map(scores):
    """Return the class with the highest score of a (height, width, classes) tensor."""
    height, width, classes = scores.shape
    found = np.empty((height, width), np.int16)
    for y in range(height):
        for x in range(width):
            best, best_class = -math.inf, -1
            for one in range(classes):
                if float(scores[y, x, one]) > best:
                    best, best_class = float(scores[y, x, one]), one
            found[y, x] = best_class
    return found


def regions(found):
    """Return {class id: (pixels, (x0, y0, x1, y1))} in pixels of the map."""
    places = {}
    for y, row in enumerate(found.tolist()):
        for x, one in enumerate(row):
            if one >= 0:
                places.setdefault(one, []).append((x, y))
    return {
        one: (
            len(pixels),
            (
                min(x for x, _ in pixels),
                min(y for _, y in pixels),
                max(x for x, _ in pixels) + 1,
                max(y for _, y in pixels) + 1,
            ),
        )
        for one, pixels in places.items()
    }


def _index(pixel, roi, crop, size, map_size, *, flipped, sensor):
    """Return the map's pixel under a picture's pixel along one axis, exactly, and the margin.

    None where there is none; the margin is how far, in map pixels, another answer is.
    """
    place = crop[0] + (pixel + Fraction(1, 2)) * Fraction(crop[1], size)
    if flipped:
        place = sensor - place
    steps = (place - roi[0]) * Fraction(map_size, roi[1])
    margin = abs(steps - round(steps))
    return (math.floor(steps) if 0 <= steps < map_size else None), margin


def placed(found, roi, crop, size, *, hflip=False, vflip=False, transpose=False):
    """Return a class map in a picture, flips unseen by the network, and where that is decided.

    The second array is False where the centre of a pixel falls so near to an edge between pixels of
    the map that float32 may decide otherwise.
    """
    height, width = found.shape
    across = size[1] if transpose else size[0]
    down = size[0] if transpose else size[1]
    upright = np.full((down, across), -1, np.int16)
    sure = np.ones((down, across), bool)
    for y in range(down):
        row, row_margin = _index(
            y, roi[1::2], crop[1::2], down, height, flipped=vflip, sensor=SENSOR[1]
        )
        for x in range(across):
            column, margin = _index(
                x, roi[::2], crop[::2], across, width, flipped=hflip, sensor=SENSOR[0]
            )
            sure[y, x] = min(margin, row_margin) > Fraction(1, 1000)
            if row is not None and column is not None:
                upright[y, x] = found[row, column]
    return (upright.T, sure.T) if transpose else (upright, sure)
