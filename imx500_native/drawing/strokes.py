"""Which pixels a pen reaches, and how far from its middle they are; all lines at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from imx500_native.geometry import Size

Floats = NDArray[np.float32]
Indices = NDArray[np.intp]

_FINEST = 128.0
_LARGEST = 65535


class Stroked(NamedTuple):
    """Pixels near lines.

    Attributes
    ----------
    places : ndarray
        (m,): row * width + column of each pixel; one near two lines is listed twice.
    steps : ndarray
        (m,) uint16: distance from each pixel's middle to the line, rounded down to steps.
    starts : ndarray
        (n + 1,): where in these lists the pixels of each line start, and their end.
    steps_per_pixel : float
        As many as 16 bits hold.
    """

    places: Indices
    steps: NDArray[np.uint16]
    starts: Indices
    steps_per_pixel: float


def stroke_pixels(ends: NDArray[np.floating[Any]], reach: float, size: Size) -> Stroked:
    """Find the pixels nearer than `reach` to each line.

    Parameters
    ----------
    ends : ndarray
        (n, 4): x0, y0, x1, y1 of each line in pixels, finite.
    reach : float
        In pixels.
    size : tuple of int
        (width, height) of the picture.

    Returns
    -------
    Stroked
        What was found.
    """
    width, height = size
    lines = _clipped(np.asarray(ends, np.float64), reach + 1, size)
    # Lines go along u, in single steps, and across v, in spans that are wide enough at 45 degrees.
    x0, y0, x1, y1 = lines.T
    steep = np.abs(y1 - y0) >= np.abs(x1 - x0)
    backward = np.where(steep, y1 < y0, x1 < x0)
    lines = np.where(backward[:, None], lines[:, [2, 3, 0, 1]], lines)
    u0, v0, u1, v1 = np.where(steep[:, None], lines[:, [1, 0, 3, 2]], lines).T
    run = u1 - u0
    slope = (v1 - v0) / np.where(run > 0, run, 1)
    u_side, v_side = np.where(steep, height, width), np.where(steep, width, height)
    first = np.maximum(np.floor(u0 - reach), 0).astype(np.intp)
    last = np.minimum(np.floor(u1 + reach).astype(np.intp), u_side - 1)
    counts = np.maximum(last - first + 1, 0)
    owner = np.repeat(np.arange(len(lines)), counts)
    u = np.arange(len(owner)) - (np.cumsum(counts) - counts - first)[owner]
    # From each line's own start, where single precision serves for pictures of any size.
    along = (u + (0.5 - u0)[owner]).astype(np.float32)
    middle = v0[owner] + np.minimum(np.maximum(along, 0), run[owner]) * slope[owner]
    # The slope is 1 at most, and a span has a pixel to spare at either end.
    span = int(2 * reach * 2**0.5) + 2
    start = np.floor(middle - (span - 1) / 2).astype(np.intp)
    offsets = np.arange(span)
    across = (start + (0.5 - v0)[owner]).astype(np.float32)[:, None] + offsets.astype(np.float32)
    away = _distances(along[:, None], across, owner, run, slope)

    near = away < np.float32(reach)
    outside = (start < 0) | (start + span > v_side[owner])
    if outside.any():
        v = start[outside, None] + offsets
        near[outside] &= (v >= 0) & (v < v_side[owner[outside], None])
    per_u, per_v = np.where(steep, width, 1)[owner], np.where(steep, 1, width)[owner]
    places = (u * per_u + start * per_v)[:, None] + per_v[:, None] * offsets
    steps_per_pixel = min(_FINEST, _LARGEST / reach)
    steps = (away[near] * np.float32(steps_per_pixel)).astype(np.uint16)
    ends_of_rows = np.append(0, np.cumsum(np.count_nonzero(near, axis=1)))
    starts = ends_of_rows[np.append(0, np.cumsum(counts))]
    return Stroked(places[near], steps, starts, steps_per_pixel)


def _distances(
    along: Floats, across: Floats, owner: Indices, run: NDArray[Any], slope: NDArray[Any]
) -> Floats:
    """Distances from points to their lines, which start at (0, 0) and rise by `slope`."""
    norm = 1 / (1 + slope * slope)
    columns = np.stack((norm, norm * slope, slope, run), axis=1).astype(np.float32)[owner]
    per_u, per_v, rise, end = (columns[:, [column]] for column in range(4))
    nearest = across * per_v
    nearest += along * per_u
    np.maximum(nearest, 0, out=nearest)
    np.minimum(nearest, end, out=nearest)
    du = along - nearest
    nearest *= rise
    dv = np.subtract(across, nearest, out=nearest)
    du *= du
    dv *= dv
    du += dv
    return np.asarray(np.sqrt(du, out=du), np.float32)


def _clipped(ends: NDArray[np.float64], margin: float, size: Size) -> NDArray[np.float64]:
    """Cut lines to the picture and a margin around it (Liang and Barsky, 1984)."""
    low = np.full(2, -margin)
    high = np.asarray(size, np.float64) + margin
    points = ends.reshape(-1, 2)
    if ((points >= low) & (points <= high)).all():
        return ends.copy()
    start, direction = ends[:, :2], ends[:, 2:] - ends[:, :2]
    still = direction == 0
    step = np.where(still, 1, direction)
    near, far = (low - start) / step, (high - start) / step
    near, far = np.minimum(near, far), np.maximum(near, far)
    inside = (start >= low) & (start <= high)
    # A line that does not move along an axis is within its limits all the way, or never.
    near = np.where(still, np.where(inside, 0, 2), near)
    far = np.where(still, np.where(inside, 1, -1), far)
    enter = np.maximum(near.max(axis=1), 0)[:, None]
    leave = np.minimum(far.min(axis=1), 1)[:, None]
    cut = np.concatenate((start + enter * direction, start + leave * direction), axis=1)
    # What misses the picture becomes a dot where no pen reaches in from.
    cut[(enter > leave)[:, 0]] = low[0] - margin
    # Rounding far outside must not carry an end far away again.
    return np.asarray(np.clip(cut, np.tile(low - margin, 2), np.tile(high, 2)), np.float64)
