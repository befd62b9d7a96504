"""The coordinate chain step by step, in exact fractions."""

from __future__ import annotations

from fractions import Fraction

import numpy as np


def network_to_stream(point, roi, crop, size, *, clip):
    """Map one (x, y) in 0..1 of the ROI to stream pixels."""
    mapped = []
    for axis in (0, 1):
        on_sensor = roi[axis] + Fraction(point[axis]) * roi[axis + 2]
        in_crop = on_sensor - crop[axis]
        in_stream = in_crop * size[axis] / crop[axis + 2]
        if clip:
            in_stream = min(max(in_stream, Fraction(0)), Fraction(size[axis]))
        mapped.append(in_stream)
    return mapped


def turned(array, transform):
    """Flip, then transpose, the first two axes of an array: libcamera's order."""
    if transform in ("hflip", "rot180", "rot270", "rot180transpose"):
        array = array[:, ::-1]
    if transform in ("vflip", "rot180", "rot90", "rot180transpose"):
        array = array[::-1]
    if transform in ("transpose", "rot90", "rot270", "rot180transpose"):
        array = array.swapaxes(0, 1)
    return array


def flipped(array, transform):
    """Do only the flips of a transform."""
    without = {"transpose": "identity", "rot90": "vflip", "rot270": "hflip"}
    return turned(array, without.get(transform, transform.removesuffix("transpose")))


def sampled(array, region, size):
    """Cut a region (x, y, width, height) out of an array, at the nearest pixels of a size."""
    columns, rows = (
        (region[axis] + (np.arange(size[axis]) + 0.5) * region[axis + 2] / size[axis]).astype(int)
        for axis in (0, 1)
    )
    return array[np.ix_(rows, columns)]


def marked(picture):
    """Return the box (x0, y0, x1, y1) around everything in a picture that is not zero."""
    rows, columns = np.flatnonzero(picture.any(axis=1)), np.flatnonzero(picture.any(axis=0))
    return np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1])
