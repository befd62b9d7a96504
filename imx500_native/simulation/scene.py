"""What happens in front of the simulated camera: objects that move across the sensor's field.

Everything here is in sensor pixels of the full 4056x3040 field and a pure function of the time,
so the same seed gives the same scene at every picture size, frame rate and speed of the reader.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from imx500_native.geometry import SENSOR_SIZE
from imx500_native.simulation import walking
from imx500_native.simulation.likenesses import figure_for, is_known
from imx500_native.simulation.motion import Motion, Passing, Wandering

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from imx500_native.geometry import Rect, Size
    from imx500_native.simulation.canvas import Colour
    from imx500_native.simulation.figures import Figure

Box = tuple[float, float, float, float]
ClassChoice = tuple[int, str | None]

HORIZON_Y = 1330.0
FOREGROUND_Y = 2600.0
PERSON_HEIGHT = 1320.0
"""Height in sensor pixels of a person in the foreground, whose eyes are level with the horizon."""

SMALLEST_SHARE = 0.25
"""The network reports an object only where at least this share of it can be seen."""

COVERED_SHARE = 0.3
"""How much a joint counts behind which another object stands in the way."""

_TURN_S, _ON_STAGE_S = 6.0, 7.5
_STAGE_Y = 2560.0
_STAGE_SIZE = (2500.0, 1650.0)

_MINGLING = 0.25, (0.09, 0.17)
_APART = 0.08, (0.065, 0.095)
# How far objects are off their place at most, as a share of the room that each has, and how far
# they go from there, as a share of the field.

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
        Size in sensor pixels; of a person, of one that stands straight with room to walk.
    motion : Motion
        Its way through the scene.
    """

    class_id: int
    label: str | None
    figure: Figure
    colour: Colour
    scale: float
    width: float
    height: float
    motion: Motion

    def at(self, time_s: float) -> Placed | None:
        """Where the object is, `time_s` seconds after the start; None while it is away."""
        moment = self.motion.at(time_s)
        if moment is None:
            return None
        middle, bottom, looks_left = moment
        if not self.figure.walks:
            x = middle - self.width / 2
            return Placed(self, (x, bottom - self.height, x + self.width, bottom), looks_left)
        # Mirrored, the walk runs backwards, so that feet stay where they are at a turn.
        phase = walking.phase_at((-middle if looks_left else middle) / self.height)
        x0, y0, x1, y1 = (edge * self.height for edge in walking.stance(phase).bounds)
        if looks_left:
            x0, x1 = -x1, -x0
        return Placed(self, (middle + x0, bottom + y0, middle + x1, bottom + y1), looks_left, phase)


class Joint(NamedTuple):
    """One of a person's 17 joints, in the order of COCO.

    Attributes
    ----------
    x, y : float
        Place, 0..1 of what the network sees; outside of that where it is cut off.
    visible : float
        How well it shows, 0..1: less on the far side of the body, little behind another object,
        and 0 outside of what the network sees.
    """

    x: float
    y: float
    visible: float


class Placed(NamedTuple):
    """An actor at one moment: its box (x0, y0, x1, y1) in sensor pixels and its direction.

    `phase` is the stance of a figure that walks.
    """

    actor: Actor
    box: Box
    looks_left: bool
    phase: int = 0

    def joints(self) -> list[tuple[float, float, float]]:
        """COCO's 17 joints of a person: x and y in sensor pixels, and how exposed each is, 0..1.

        Of other figures there are none.
        """
        if not self.actor.figure.walks:
            return []
        x0, y0, x1, y1 = self.box
        own = walking.stance(self.phase).joints
        joints = []
        for joint in range(len(own)):
            source = walking.MIRRORED[joint] if self.looks_left else joint
            x, y = own[source]
            x = 1 - x if self.looks_left else x
            joints.append((x0 + x * (x1 - x0), y0 + y * (y1 - y0), walking.EXPOSED[source]))
        return joints


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
    joints : tuple of Joint
        A person's 17 joints; empty for anything else.
    """

    class_id: int
    label: str | None
    xyxy: Box
    depth: float
    visible: float
    joints: tuple[Joint, ...] = ()


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
    class_map : callable
        ``class_map(size)`` returns what each pixel shows if the network's view is drawn
        `size` = (width, height) pixels large: an int16 array (height, width) of class ids, -1
        where there is no object. As drawn, so also what is too well hidden for `objects`.
    """

    objects: tuple[SceneObject, ...]
    time_s: float
    roi: Rect
    rng: np.random.Generator
    class_map: Callable[[Size], NDArray[np.int16]]


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
    size : float
        How many times its natural size everything has.
    apart : bool
        Whether everything keeps more to its own place, so that objects seldom meet.
    one_by_one : bool
        Whether objects pass in turn, each large in the middle, instead of wandering about.
    """

    def __init__(
        self,
        classes: Sequence[ClassChoice],
        objects: int,
        seed: int,
        *,
        size: float = 1.0,
        apart: bool = False,
        one_by_one: bool = False,
    ) -> None:
        rng = np.random.default_rng(seed)
        cast = _choose_cast(classes, objects, rng)
        objects = len(cast)
        off, reach = _APART if apart else _MINGLING
        places = rng.permutation(objects) + rng.uniform(0.5 - off, 0.5 + off, objects)
        places /= max(objects, 1)
        ranks = (rng.permutation(objects) + rng.uniform(0, 1, objects)) / max(objects, 1)
        first_colours = rng.integers(0, 64, objects)
        actors = []
        for index, (class_id, label) in enumerate(cast):
            figure = figure_for(label)
            # Two of a kind are told apart by their colours.
            twins = sum(figure_for(other) is figure for _, other in cast[:index])
            choice = int(first_colours[0]) + twins if twins else int(first_colours[index])
            if one_by_one:
                scale, width, height, motion = _on_stage(figure, index, objects)
            else:
                scale, width, height, motion = _about(
                    figure, float(places[index]), float(ranks[index]), size, reach, rng
                )
            colour = figure.colours[choice % len(figure.colours)]
            actors.append(Actor(class_id, label, figure, colour, scale, width, height, motion))
        self.actors = tuple(sorted(actors, key=lambda actor: actor.scale))

    def at(self, time_s: float) -> tuple[Placed, ...]:
        """All objects that are there at `time_s`, farthest first."""
        placed = (actor.at(time_s) for actor in self.actors)
        return tuple(one for one in placed if one is not None)


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
    for index, one in enumerate(placed):
        actor, box = one.actor, one.box
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
        joints = tuple(
            Joint(
                (x - left) / width,
                (y - top) / height,
                _joint_visible(x, y, field, placed[index + 1 :]) * exposed,
            )
            for x, y, exposed in one.joints()
        )
        seen.append(
            SceneObject(actor.class_id, actor.label, xyxy, 1 / actor.scale, visible, joints)
        )
    return tuple(seen)


def _joint_visible(x: float, y: float, field: Box, nearer: Sequence[Placed]) -> float:
    """0 outside of the field, little behind the middle of a nearer object, else 1."""
    if not (field[0] <= x <= field[2] and field[1] <= y <= field[3]):
        return 0.0
    for one in nearer:
        x0, y0, x1, y1 = one.box
        # Figures leave the corners of their boxes empty.
        margin = 0.2 * (x1 - x0)
        if x0 + margin <= x <= x1 - margin and y0 <= y <= y1:
            return COVERED_SHARE
    return 1.0


def _choose_cast(
    classes: Sequence[ClassChoice], objects: int, rng: np.random.Generator
) -> list[ClassChoice]:
    """Classes of the objects: such as have a figure if they can, a person first, few twice."""
    known = [item for item in classes if is_known(item[1])]
    # Plain blocks say nothing to a viewer: they stand in where there is too little else.
    pool = known if len(known) >= objects else list(classes)
    weights = np.array([_PREFERENCE.get(item[1] or "", 0.25) for item in pool])
    cast: list[ClassChoice] = [item for item in known if item[1] == "person"][:1]
    while len(cast) < objects and pool:
        # Gumbel's trick: sorting by log(weight) + noise draws without replacement by weight.
        keys = np.log(weights) + rng.gumbel(size=len(pool))
        cast += [pool[i] for i in np.argsort(-keys)][:8]
    return cast[:objects]


_Part = tuple[float, float, float, Motion]
"""Scale, width, height and motion of an actor."""


def _about(
    figure: Figure,
    place: float,
    rank: float,
    size: float,
    reach: tuple[float, float],
    rng: np.random.Generator,
) -> _Part:
    nearest, farthest = figure.nearness
    scale = farthest + (nearest - farthest) * rank
    height = PERSON_HEIGHT * figure.height * scale * size * float(rng.uniform(0.94, 1.06))
    stretch = float(rng.uniform(0.97, 1.03))
    width = 2 * walking.reach() * height if figure.walks else height * figure.aspect * stretch
    field_width = SENSOR_SIZE[0]

    reach_x = min(float(rng.uniform(*reach)) * field_width, (field_width - width) / 2)
    low, high = width / 2 + reach_x, field_width - width / 2 - reach_x
    middle = min(max(place * field_width, low), max(low, high))

    bottom, reach_y = HORIZON_Y + scale * (FOREGROUND_Y - HORIZON_Y), 0.0
    if figure.habit == "air":
        reach_y = float(rng.uniform(60, 130))
        bottom = float(rng.uniform(*_FLIGHT_Y)) + height / 2
        bottom = max(bottom, _TOP_MARGIN + height + reach_y)
    elif figure.habit == "bounce":
        reach_y = min(float(rng.uniform(350, 600)) * scale, bottom - height - _TOP_MARGIN)
    speed, phase = figure.pace * scale / reach_x, float(rng.uniform(0, 2 * math.pi))
    wandering = Wandering(middle, bottom, reach_x, reach_y, speed, phase, figure.habit)
    return scale, width, height, wandering


def _on_stage(figure: Figure, index: int, objects: int) -> _Part:
    most_width, most_height = _STAGE_SIZE
    height = min(most_height, most_width / figure.aspect)
    width = height * figure.aspect
    bottom = _STAGE_Y if figure.habit == "ground" else (SENSOR_SIZE[1] + height) / 2
    ends = (-width / 2, SENSOR_SIZE[0] + width / 2)
    start, end = ends if index % 2 == 0 else ends[::-1]
    round_s = max(objects * _TURN_S, _ON_STAGE_S)
    # At the start the first is in the middle already.
    turn = index * _TURN_S - 0.4 * _ON_STAGE_S
    # Those that come later pass in front.
    scale = 1 + 0.01 * index
    return scale, width, height, Passing(start, end, bottom, turn, _ON_STAGE_S, round_s)


def _intersection(a: Box, b: Box) -> Box | None:
    box = (max(a[0], b[0]), max(a[1], b[1]), min(a[2], b[2]), min(a[3], b[3]))
    return box if box[0] < box[2] and box[1] < box[3] else None


def _area(box: Box) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])


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
    "pottedplant": 0.6,
    "bus": 0.5,
    "cup": 0.4,
    "bottle": 0.4,
    "horse": 0.4,
}
"""How often classes show up; what has a figure and is not named here comes less often."""
