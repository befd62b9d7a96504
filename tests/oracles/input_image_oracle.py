"""The sensor's input normalisation, sample by sample, and its inverse by search."""

from __future__ import annotations

import numpy as np


def encode_sample(x, spec, plane):
    low, high = (-128, 127) if spec.dtype == np.int8 else (0, 255)
    scaled = (x * spec.div_val[plane]) >> spec.div_shift
    value = (scaled + spec.norm_val[plane]) >> spec.norm_shift
    return min(max(value, low), high)


def encode_image(picture, spec):
    """Return the planes, (3, height, width), that the sensor sends for an RGB picture."""
    planes = np.empty((3, *picture.shape[:2]), spec.dtype)
    for plane in range(3):
        colour = plane if spec.format == "RGB" else 2 - plane
        for (row, column), x in np.ndenumerate(picture[:, :, colour]):
            planes[plane, row, column] = encode_sample(int(x), spec, plane)
    return planes


def decode_sample(value, spec, plane):
    """The smallest picture value that encodes to `value`, which must be one that is sent."""
    for x in range(256):
        if encode_sample(x, spec, plane) == value:
            return x
    raise AssertionError(f"{value} is never sent")


def decode_image(planes, spec):
    picture = np.empty((*planes.shape[1:], 3), np.uint8)
    for plane in range(3):
        colour = plane if spec.format == "RGB" else 2 - plane
        for (row, column), value in np.ndenumerate(planes[plane]):
            picture[row, column, colour] = decode_sample(int(value), spec, plane)
    return picture
