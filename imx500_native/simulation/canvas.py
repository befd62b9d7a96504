"""A small anti-aliased painter for the figures of the simulated scene.

Shapes are signed distances (negative inside), as this gives smooth edges at every size with
nothing but numpy. Figures are one unit high: ``u`` runs from 0 to the figure's aspect ratio
(width / height), ``v`` from 0 at the top to 1 at the bottom.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Floats = NDArray[np.float32]
Colour = tuple[float, float, float]
Point = tuple[float, float]


class Shape(NamedTuple):
    """A region of the figure's plane.

    Attributes
    ----------
    bounds : tuple of float
        (u0, v0, u1, v1) outside of which the shape has no point.
    distance : callable
        Signed distance to the outline for broadcastable arrays u and v, negative inside.
    """

    bounds: tuple[float, float, float, float]
    distance: Callable[[Floats, Floats], Floats]


def ellipse(u: float, v: float, ru: float, rv: float | None = None) -> Shape:
    """Ellipse about (u, v) with half axes `ru` and `rv`; a circle where `rv` is not given."""
    rv = ru if rv is None else rv

    def distance(pu: Floats, pv: Floats) -> Floats:
        # First-order distance f / |grad f| of f = |p / r| - 1: exact for circles, and right to
        # well below a pixel near the outline, which is all that anti-aliasing looks at.
        x, y = (pu - u) / ru, (pv - v) / rv
        length = np.sqrt(x * x + y * y) + np.float32(1e-6)
        slope = np.sqrt((x / ru) ** 2 + (y / rv) ** 2) + np.float32(1e-6)
        return np.asarray(length * (length - 1) / slope, np.float32)

    return Shape((u - ru, v - rv, u + ru, v + rv), distance)


def block(u0: float, v0: float, u1: float, v1: float, radius: float = 0.0) -> Shape:
    """Axis-parallel rectangle with rounded corners."""
    cu, cv, hu, hv = (u0 + u1) / 2, (v0 + v1) / 2, (u1 - u0) / 2, (v1 - v0) / 2
    radius = min(radius, hu, hv)

    def distance(pu: Floats, pv: Floats) -> Floats:
        x, y = np.abs(pu - cu) - (hu - radius), np.abs(pv - cv) - (hv - radius)
        outside = np.sqrt(np.maximum(x, 0) ** 2 + np.maximum(y, 0) ** 2)
        return np.asarray(outside + np.minimum(np.maximum(x, y), 0) - radius, np.float32)

    return Shape((u0, v0, u1, v1), distance)


def stroke(points: Sequence[Point], width: float) -> Shape:
    """Line of round pen `width` through `points`."""
    radius = width / 2
    us, vs = [p[0] for p in points], [p[1] for p in points]

    def distance(pu: Floats, pv: Floats) -> Floats:
        nearest = _to_segment(pu, pv, points[0], points[1])
        for start, end in itertools.pairwise(points):
            nearest = np.minimum(nearest, _to_segment(pu, pv, start, end))
        return np.sqrt(nearest) - np.float32(radius)

    bounds = (min(us) - radius, min(vs) - radius, max(us) + radius, max(vs) + radius)
    return Shape(bounds, distance)


def polygon(points: Sequence[Point], radius: float = 0.0) -> Shape:
    """Polygon through `points`, grown by `radius`, which rounds its corners."""
    us, vs = [p[0] for p in points], [p[1] for p in points]

    def distance(pu: Floats, pv: Floats) -> Floats:
        nearest: Floats | None = None
        inside = np.zeros(np.broadcast_shapes(pu.shape, pv.shape), bool)
        for start, end in zip(points, [*points[1:], points[0]], strict=True):
            away = _to_segment(pu, pv, start, end)
            nearest = away if nearest is None else np.minimum(nearest, away)
            if start[1] != end[1]:
                crossing = start[0] + (pv - start[1]) * ((end[0] - start[0]) / (end[1] - start[1]))
                inside ^= ((pv < start[1]) != (pv < end[1])) & (pu < crossing)
        assert nearest is not None
        away = np.sqrt(nearest)
        return np.where(inside, -away, away) - np.float32(radius)

    bounds = (min(us) - radius, min(vs) - radius, max(us) + radius, max(vs) + radius)
    return Shape(bounds, distance)


def ring(u: float, v: float, radius: float, width: float) -> Shape:
    """Circle line of pen `width` whose outer edge has `radius`."""
    middle = radius - width / 2

    def distance(pu: Floats, pv: Floats) -> Floats:
        return np.abs(np.sqrt((pu - u) ** 2 + (pv - v) ** 2) - middle) - np.float32(width / 2)

    return Shape((u - radius, v - radius, u + radius, v + radius), distance)


def both(first: Shape, second: Shape) -> Shape:
    """Intersect two shapes."""
    a, b = first.bounds, second.bounds

    def distance(pu: Floats, pv: Floats) -> Floats:
        return np.maximum(first.distance(pu, pv), second.distance(pu, pv))

    bounds = (max(a[0], b[0]), max(a[1], b[1]), min(a[2], b[2]), min(a[3], b[3]))
    return Shape(bounds, distance)


def curve(start: Point, bend: Point, end: Point, steps: int = 10) -> list[Point]:
    """Points of the quadratic Bezier curve from `start` to `end` that `bend` pulls at."""
    points = []
    for step in range(steps + 1):
        t = step / steps
        a, b, c = (1 - t) ** 2, 2 * t * (1 - t), t * t
        points.append(
            (
                a * start[0] + b * bend[0] + c * end[0],
                a * start[1] + b * bend[1] + c * end[1],
            )
        )
    return points


def tint(colour: Colour, amount: float) -> Colour:
    """`colour` mixed with white (`amount` > 0) or with a bluish black (`amount` < 0)."""
    target = (255.0, 255.0, 255.0) if amount > 0 else (24.0, 28.0, 48.0)
    share = abs(amount)
    return (
        colour[0] * (1 - share) + target[0] * share,
        colour[1] * (1 - share) + target[1] * share,
        colour[2] * (1 - share) + target[2] * share,
    )


def _to_segment(pu: Floats, pv: Floats, start: Point, end: Point) -> Floats:
    """Squared distance from each (pu, pv) to the segment."""
    du, dv = end[0] - start[0], end[1] - start[1]
    square = du * du + dv * dv
    x, y = pu - start[0], pv - start[1]
    if square == 0:
        return x * x + y * y
    along = np.clip((x * du + y * dv) / square, 0, 1)
    return np.asarray((x - along * du) ** 2 + (y - along * dv) ** 2, np.float32)


class Canvas:
    """Pixels of one figure, painted shape over shape.

    Parameters
    ----------
    width, height : int
        Size in pixels.
    aspect : float
        Width of the figure's plane; its height is 1.

    Attributes
    ----------
    colour : ndarray, (height, width, 3) float32
        0..255, already multiplied by `coverage`.
    coverage : ndarray, (height, width, 1) float32
        0 (see-through) .. 1 (opaque).
    """

    def __init__(self, width: int, height: int, aspect: float) -> None:
        self._u = ((np.arange(width, dtype=np.float32) + 0.5) * (aspect / width))[np.newaxis, :]
        self._v = ((np.arange(height, dtype=np.float32) + 0.5) * (1 / height))[:, np.newaxis]
        self._per_u = width / aspect
        self._pixel = np.float32(1 / height)
        # Red, green, blue and coverage: planes, as these are several times as fast to mix.
        self._planes = np.zeros((4, height, width), np.float32)
        self.colour = np.moveaxis(self._planes[:3], 0, -1)
        self.coverage = np.moveaxis(self._planes[3:], 0, -1)

    def paint(self, shape: Shape, colour: Colour, opacity: float = 1.0) -> None:
        """Lay `shape` over what is there."""
        height, width = self.coverage.shape[:2]
        u0, v0, u1, v1 = shape.bounds
        left, right = max(int(u0 * self._per_u) - 1, 0), min(int(u1 * self._per_u) + 2, width)
        top, bottom = max(int(v0 * height) - 1, 0), min(int(v1 * height) + 2, height)
        if left >= right or top >= bottom:
            return
        distance = shape.distance(self._u[:, left:right], self._v[top:bottom])
        cover = np.clip(np.float32(0.5) - distance / self._pixel, 0, 1)
        cover *= np.float32(opacity)
        window = self._planes[:, top:bottom, left:right]
        window += (np.array([*colour, 1], np.float32)[:, np.newaxis, np.newaxis] - window) * cover
