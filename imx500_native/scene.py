"""What happens in front of the simulated camera: objects that move across the sensor's field.

Everything here is in sensor pixels of the full 4056x3040 field and a pure function of the time,
so the same seed gives the same scene at every picture size, frame rate and speed of the reader.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from imx500_native.figures import FIGURES, Figure, figure_for
from imx500_native.geometry import SENSOR_SIZE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imx500_native.canvas import Colour
    from imx500_native.geometry import Rect

Box = tuple[float, float, float, float]

HORIZON_Y = 1330.0
FOREGROUND_Y = 2600.0
PERSON_HEIGHT = 1320.0
"""Height in sensor pixels of a person in the foreground, whose eyes are level with the horizon."""

SMALLEST_SHARE = 0.25
"""The network reports an object only where at least this share of it can be seen."""

_FLIGHT_Y = (560.0, 980.0)
_TOP_MARGIN = 430.0


@dataclass(frozen=True, slots=True)
class Actor:
    """One object of the scene, with the motion that it follows for ever.

    Attributes
    ----------
    class_id : int
        Class as the network's tensors carry it.
    label : str or None
        Name of the class.
    figure : Figure
        How it looks.
    colour : tuple of float
        Main colour, 0..255.
    scale : float
        Size relative to the foreground; distances go as 1 / scale.
    width, height : float
        Size in sensor pixels.
    """

    class_id: int
    label: str | None
    figure: Figure
    colour: Colour
    scale: float
    width: float
    height: float
    _middle_x: float
    _bottom: float
    _reach_x: float
    _reach_y: float
    _speed: float
    _phase: float

    def at(self, time_s: float) -> Placed:
        """Where the object is, and which way it looks, `time_s` seconds after the start."""
        angle = self._speed * time_s + self._phase
        # Two waves whose reaches add up to one: it wanders, yet never leaves its range.
        sway = 0.8 * math.sin(angle) + 0.2 * math.sin(2.3 * angle + self._phase)
        slope = 0.8 * math.cos(angle) + 0.46 * math.cos(2.3 * angle + self._phase)
        x = self._middle_x + self._reach_x * sway - self.width / 2
        bottom = self._bottom
        if self.figure.habit == "air":
            bottom += self._reach_y * math.sin(1.7 * angle)
        elif self.figure.habit == "bounce":
            bottom -= self._reach_y * abs(math.sin(2.1 * time_s + self._phase))
        return Placed(self, (x, bottom - self.height, x + self.width, bottom), slope < 0)


class Placed(NamedTuple):
    """An actor at one moment: its box (x0, y0, x1, y1) in sensor pixels and its direction."""

    actor: Actor
    box: Box
    looks_left: bool


class SceneObject(NamedTuple):
    """One object that the network can see.

    Attributes
    ----------
    class_id : int
        Class as the network's tensors carry it.
    label : str or None
        Name of the class, if the network has names.
    xyxy : tuple of float
        Box (x0, y0, x1, y1), 0..1 of what the network sees (its ROI), clipped to it.
    depth : float
        Distance from the camera, as a multiple of the foreground's.
    visible : float
        Share of the object that can be seen, 0.25..1.
    """

    class_id: int
    label: str | None
    xyxy: Box
    depth: float
    visible: float


@dataclass(frozen=True, slots=True)
class Scene:
    """What the network sees at one moment; the first argument of an ``encode`` function.

    Attributes
    ----------
    objects : tuple of SceneObject
        Farthest first. Exact: noise is left to whoever encodes.
    time_s : float
        Seconds since the first frame.
    roi : tuple of int
        (x, y, width, height) in sensor pixels of what the network sees.
    rng : numpy.random.Generator
        Random numbers that depend on the camera's seed and on this frame alone.
    """

    objects: tuple[SceneObject, ...]
    time_s: float
    roi: Rect
    rng: np.random.Generator


class World:
    """The objects, and where they are at any time.

    Parameters
    ----------
    classes : sequence of (int, str or None)
        Class ids to choose from, each with its name; without any, there are no objects.
    objects : int
        How many objects there are.
    seed : int
        The same seed gives the same objects and motions.
    """

    def __init__(self, classes: Sequence[tuple[int, str | None]], objects: int, seed: int) -> None:
        rng = np.random.default_rng(seed)
        cast = _choose_cast(classes, objects, rng)
        objects = len(cast)
        places = (rng.permutation(objects) + rng.uniform(0.25, 0.75, objects)) / max(objects, 1)
        ranks = (rng.permutation(objects) + rng.uniform(0, 1, objects)) / max(objects, 1)
        actors = [
            _make_actor(class_id, label, float(place), float(rank), rng)
            for (class_id, label), place, rank in zip(cast, places, ranks, strict=True)
        ]
        self.actors = tuple(sorted(actors, key=lambda actor: actor.scale))

    def at(self, time_s: float) -> tuple[Placed, ...]:
        """All objects at `time_s`, farthest first."""
        return tuple(actor.at(time_s) for actor in self.actors)


def visible_objects(placed: Sequence[Placed], roi: Rect) -> tuple[SceneObject, ...]:
    """List what a network that sees `roi` can recognise.

    An object counts as seen as far as its box lies in the ROI and is not covered by the box of a
    single nearer object.
    """
    left, top, width, height = roi
    if width <= 0 or height <= 0:
        return ()
    field = (float(left), float(top), float(left + width), float(top + height))
    seen = []
    for index, (actor, box, _) in enumerate(placed):
        inside = _intersection(box, field)
        if inside is None:
            continue
        area = _area(inside)
        covered = 0.0
        for nearer in placed[index + 1 :]:
            common = _intersection(inside, nearer.box)
            if common is not None:
                covered = max(covered, _area(common))
        visible = (area - covered) / _area(box)
        if visible < SMALLEST_SHARE:
            continue
        x0, y0, x1, y1 = inside
        xyxy = (
            (x0 - left) / width,
            (y0 - top) / height,
            (x1 - left) / width,
            (y1 - top) / height,
        )
        seen.append(SceneObject(actor.class_id, actor.label, xyxy, 1 / actor.scale, visible))
    return tuple(seen)


def _choose_cast(
    classes: Sequence[tuple[int, str | None]], objects: int, rng: np.random.Generator
) -> list[tuple[int, str | None]]:
    """Classes of the objects: mostly such as have a figure, a person first, few twice."""
    known = [item for item in classes if figure_for(item[1]) in _KNOWN]
    others = [item for item in classes if figure_for(item[1]) not in _KNOWN]
    weights = np.array(
        [_PREFERENCE.get(item[1] or "", 0.25) for item in known]
        + [(0.3 if known else 1.0) / max(len(others), 1)] * len(others)
    )
    pool = known + others
    cast: list[tuple[int, str | None]] = [item for item in known if item[1] == "person"][:1]
    while len(cast) < objects and pool:
        # Gumbel's trick: sorting by log(weight) + noise draws without replacement by weight.
        keys = np.log(weights) + rng.gumbel(size=len(pool))
        cast += [pool[i] for i in np.argsort(-keys)][:8]
    return cast[:objects]


def _make_actor(
    class_id: int, label: str | None, place: float, rank: float, rng: np.random.Generator
) -> Actor:
    figure = figure_for(label)
    nearest, farthest = figure.nearness
    scale = farthest + (nearest - farthest) * rank
    height = PERSON_HEIGHT * figure.height * scale * float(rng.uniform(0.94, 1.06))
    width = height * figure.aspect * float(rng.uniform(0.97, 1.03))
    field_width = SENSOR_SIZE[0]

    reach_x = min(float(rng.uniform(0.09, 0.17)) * field_width, (field_width - width) / 2)
    low, high = width / 2 + reach_x, field_width - width / 2 - reach_x
    middle_x = min(max(place * field_width, low), max(low, high))

    bottom, reach_y = HORIZON_Y + scale * (FOREGROUND_Y - HORIZON_Y), 0.0
    if figure.habit == "air":
        reach_y = float(rng.uniform(60, 130))
        bottom = float(rng.uniform(*_FLIGHT_Y)) + height / 2
        bottom = max(bottom, _TOP_MARGIN + height + reach_y)
    elif figure.habit == "bounce":
        reach_y = min(float(rng.uniform(350, 600)) * scale, bottom - height - _TOP_MARGIN)
    return Actor(
        class_id=class_id,
        label=label,
        figure=figure,
        colour=figure.colours[int(rng.integers(len(figure.colours)))],
        scale=scale,
        width=width,
        height=height,
        _middle_x=middle_x,
        _bottom=bottom,
        _reach_x=reach_x,
        _reach_y=reach_y,
        _speed=figure.pace * scale / reach_x,
        _phase=float(rng.uniform(0, 2 * math.pi)),
    )


def _intersection(a: Box, b: Box) -> Box | None:
    box = (max(a[0], b[0]), max(a[1], b[1]), min(a[2], b[2]), min(a[3], b[3]))
    return box if box[0] < box[2] and box[1] < box[3] else None


def _area(box: Box) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])


_KNOWN = frozenset(FIGURES.values())

_PREFERENCE = {
    "person": 2.0,
    "dog": 1.6,
    "car": 1.6,
    "bicycle": 1.4,
    "cat": 0.9,
    "bird": 1.1,
    "sports ball": 0.8,
    "chair": 0.6,
    "potted plant": 0.6,
    "bus": 0.5,
    "cup": 0.4,
    "bottle": 0.4,
    "horse": 0.4,
}
"""How often classes show up; what has a figure and is not named here comes less often."""
