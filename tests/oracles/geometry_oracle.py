"""The coordinate chain step by step, in exact fractions."""

from __future__ import annotations

from fractions import Fraction


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
