"""The person of the simulated scene: a walk in a few steps, drawn and measured from one skeleton.

A walk is a cycle of `PHASES` stances. Each has its own box, which the drawn person fills to all
four sides, and the places of the 17 COCO joints in that box; so joints fit the drawing exactly.
People walk to the right here; the renderer mirrors them.
"""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from imx500_native.simulation.canvas import (
    Colour,
    Point,
    Shape,
    curve,
    ellipse,
    polygon,
    stroke,
    tint,
)

if TYPE_CHECKING:
    from imx500_native.simulation.canvas import Canvas

PHASES = 24
STRIDE = 0.72
"""How far a person gets in one cycle, in heights of the person."""

MIRRORED = (0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 16, 15)
"""COCO's joint of the other side, for each joint."""

EXPOSED = tuple(0.2 if joint == 3 else 0.8 if joint % 2 else 1.0 for joint in range(len(MIRRORED)))
"""How well each joint shows whose right side is near: its left ear is behind the head."""

_INK: Colour = (44, 48, 66)
_SHOE: Colour = (246, 243, 234)
_SWING, _ARM_SWING = 0.43, 0.46
_THIGH, _SHANK, _SOLE = 0.235, 0.222, 0.058
_UPPER_ARM, _FOREARM = 0.142, 0.122
_TRUNK, _NECK, _HEAD = 0.285, 0.106, 0.082


class Look(NamedTuple):
    """Colours of a person."""

    shirt: Colour
    skin: Colour
    hair: Colour
    trousers: Colour


_LOOKS = (
    Look((214, 92, 82), (236, 188, 152), (84, 58, 48), (74, 86, 122)),
    Look((70, 124, 186), (150, 102, 74), (40, 34, 38), (94, 92, 98)),
    Look((226, 172, 74), (206, 152, 112), (52, 42, 46), (62, 92, 104)),
    Look((62, 150, 148), (244, 206, 174), (206, 158, 84), (112, 88, 74)),
    Look((146, 98, 158), (126, 86, 64), (34, 30, 34), (70, 78, 132)),
)

SHIRTS = tuple(look.shirt for look in _LOOKS)
"""Colours that a person's shirt can have; the rest of the clothes goes with it."""


class _Frame(NamedTuple):
    """Where to put what is given in body heights about the point on the ground below the hips."""

    u: float
    v: float
    unit: float

    def point(self, x: float, y: float) -> Point:
        return (x - self.u) * self.unit, (y - self.v) * self.unit


class _Limb(NamedTuple):
    """Three joints: hip, knee, ankle or shoulder, elbow, wrist; and the last part's angle."""

    start: Point
    middle: Point
    end: Point
    angle: float


class Stance:
    """One moment of the walk.

    Attributes
    ----------
    bounds : tuple of float
        (x0, y0, x1, y1) of the drawn person in heights of a person who stands straight, from the
        point on the ground below the hips; y points down.
    aspect : float
        Width / height of `bounds`.
    joints : tuple of (float, float)
        The 17 COCO joints, as shares (x, y) of the box; the right side is the near one.
    """

    def __init__(self, phase: int) -> None:
        self._body = _Body(2 * math.pi * phase / PHASES)
        shapes = [shape.bounds for shape, _ in self._body.shapes(_Frame(0, 0, 1), _LOOKS[0])]
        x0, y0 = min(b[0] for b in shapes), min(b[1] for b in shapes)
        x1, y1 = max(b[2] for b in shapes), max(b[3] for b in shapes)
        self.bounds = (x0, y0, x1, y1)
        self.aspect = (x1 - x0) / (y1 - y0)
        self.joints = tuple(
            ((x - x0) / (x1 - x0), (y - y0) / (y1 - y0)) for x, y in self._body.joints()
        )

    def paint(self, canvas: Canvas, shirt: Colour) -> None:
        """Paint the person, with a shirt of that colour, so that it fills the canvas."""
        x0, y0, _, y1 = self.bounds
        look = _LOOKS[SHIRTS.index(shirt)]
        canvas.paint(ellipse(self.aspect / 2, 0.992, self.aspect * 0.46, 0.014), _INK, 0.22)
        for shape, paint in self._body.shapes(_Frame(x0, y0, 1 / (y1 - y0)), look):
            canvas.paint(shape, paint)


class _Body:
    """A skeleton at one angle of the walk's cycle, and the shapes round it."""

    def __init__(self, angle: float) -> None:
        self._legs = _leg(angle + math.pi), _leg(angle)  # far, near
        # The lower foot is on the ground; the body rises and falls with that.
        hip = -max(leg.end[1] + _foot_depth(leg.angle) for leg in self._legs)
        self._legs = (
            _moved(self._legs[0], 0.022, hip),
            _moved(self._legs[1], -0.020, hip),
        )
        shoulder = hip - _TRUNK
        self._neck = (0.014, shoulder)
        self._hip = hip
        self._arms = (
            _moved(_arm(angle), 0.046, shoulder + 0.020),
            _moved(_arm(angle + math.pi), -0.022, shoulder + 0.022),
        )
        self._head = (0.026, shoulder - _NECK)

    def joints(self) -> list[Point]:
        """Places of the COCO joints: nose, then left and right of eyes, ears, shoulders, ..."""
        x, y = self._head
        points = [(x + 0.087, y + 0.018), (x + 0.071, y), (x + 0.038, y)]
        points += [(x + 0.030, y + 0.012), (x - 0.018, y + 0.014)]
        (left_arm, right_arm), (left_leg, right_leg) = self._arms, self._legs
        for left, right in ((left_arm, right_arm), (left_leg, right_leg)):
            for part in range(3):
                points += [left[part], right[part]]  # type: ignore[list-item]
        return points

    def shapes(self, frame: _Frame, look: Look) -> list[tuple[Shape, Colour]]:
        """Shapes and colours from back to front."""
        (far_arm, near_arm), (far_leg, near_leg) = self._arms, self._legs
        neck_x, neck_y = self._neck
        at, unit = frame.point, frame.unit
        trunk = [
            at(neck_x - 0.042, neck_y + 0.018),
            at(neck_x + 0.046, neck_y + 0.018),
            at(0.042, self._hip + 0.012),
            at(-0.046, self._hip + 0.012),
        ]
        shirt_far, trousers_far = tint(look.shirt, -0.3), tint(look.trousers, -0.3)
        parts = _arm_shapes(frame, far_arm, shirt_far, tint(look.skin, -0.14))
        parts += _leg_shapes(frame, far_leg, trousers_far, tint(_SHOE, -0.18))
        parts += _leg_shapes(frame, near_leg, look.trousers, _SHOE)
        parts += [
            (
                stroke([at(neck_x, neck_y - 0.05), at(neck_x, neck_y + 0.02)], 0.055 * unit),
                tint(look.skin, -0.14),
            ),
            (polygon(trunk, 0.034 * unit), look.shirt),
        ]
        parts += self._head_shapes(frame, look)
        return parts + _arm_shapes(frame, near_arm, tint(look.shirt, 0.18), look.skin)

    def _head_shapes(self, frame: _Frame, look: Look) -> list[tuple[Shape, Colour]]:
        x, y = self._head
        at, unit = frame.point, frame.unit

        def oval(dx: float, dy: float, rx: float, ry: float) -> Shape:
            return ellipse(*at(x + dx, y + dy), rx * unit, ry * unit)

        fringe = [at(x - 0.040, y - 0.036), at(x + 0.020, y - 0.050), at(x + 0.058, y - 0.036)]
        return [
            (oval(-0.008, -0.004, 0.078, _HEAD), look.hair),
            (oval(0.080, 0.018, 0.017, 0.012), look.skin),
            (oval(0.020, 0.008, 0.064, 0.068), look.skin),
            (stroke(fringe, 0.038 * unit), look.hair),
            (oval(-0.018, 0.014, 0.014, 0.018), tint(look.skin, -0.12)),
            (oval(0.038, 0.0, 0.0085, 0.011), _INK),
            (oval(0.071, 0.0, 0.0070, 0.010), _INK),
            (
                stroke(
                    curve(
                        at(x + 0.040, y + 0.040),
                        at(x + 0.058, y + 0.054),
                        at(x + 0.071, y + 0.040),
                        4,
                    ),
                    0.009 * unit,
                ),
                tint(look.skin, -0.45),
            ),
        ]


@cache
def stance(phase: int) -> Stance:
    """Stance number `phase` of the walk, 0 to `PHASES` - 1."""
    return Stance(phase)


def phase_at(distance: float) -> int:
    """Stance of a person that has come `distance` of its own heights."""
    return round(distance / STRIDE * PHASES) % PHASES


@cache
def reach() -> float:
    """How far a walking person reaches to either side of the hips, in heights of a person."""
    return max(max(-stance(i).bounds[0], stance(i).bounds[2]) for i in range(PHASES))


def _turn(start: Point, length: float, angle: float) -> Point:
    """End of a bone that hangs down from `start`, turned forward by `angle`."""
    return start[0] + length * math.sin(angle), start[1] + length * math.cos(angle)


def _leg(angle: float) -> _Limb:
    """Leg below a hip at (0, 0); it swings forward while the cosine is positive."""
    # Two waves make an even pace: the foot on the ground stays there as the body moves on.
    thigh = _SWING * 0.9 * (math.sin(angle) - math.sin(3 * angle) / 9) + 0.05
    lift = max(math.cos(angle + 0.25), 0.0)
    bend = 0.10 + 0.80 * lift**1.5
    knee = _turn((0.0, 0.0), _THIGH, thigh)
    return _Limb((0.0, 0.0), knee, _turn(knee, _SHANK, thigh - bend), 0.55 * lift * bend)


def _arm(angle: float) -> _Limb:
    upper = _ARM_SWING * math.sin(angle)
    elbow = _turn((0.0, 0.0), _UPPER_ARM, upper)
    forearm = upper + 0.38 + 0.22 * math.sin(angle)
    return _Limb((0.0, 0.0), elbow, _turn(elbow, _FOREARM, forearm), forearm)


def _moved(limb: _Limb, dx: float, dy: float) -> _Limb:
    points = [(x + dx, y + dy) for x, y in limb[:3]]
    return _Limb(points[0], points[1], points[2], limb.angle)


_FOOT = ((-0.014, 0.028), (0.068, 0.028))
_FOOT_PEN = 0.060


def _foot(pitch: float) -> list[Point]:
    """Heel and toe below an ankle at (0, 0); positive `pitch` points the toes down."""
    cosine, sine = math.cos(pitch), math.sin(pitch)
    return [(x * cosine - y * sine, x * sine + y * cosine) for x, y in _FOOT]


def _foot_depth(pitch: float) -> float:
    return max(y for _, y in _foot(pitch)) + _FOOT_PEN / 2


def _leg_shapes(
    frame: _Frame, leg: _Limb, trousers: Colour, shoe: Colour
) -> list[tuple[Shape, Colour]]:
    at, unit = frame.point, frame.unit
    x, y = leg.end
    foot = [at(x + dx, y + dy) for dx, dy in _foot(leg.angle)]
    return [
        (stroke(foot, _FOOT_PEN * unit), shoe),
        (stroke([at(*leg.start), at(*leg.middle)], 0.088 * unit), trousers),
        (stroke([at(*leg.middle), at(*leg.end)], 0.074 * unit), trousers),
    ]


def _arm_shapes(
    frame: _Frame, arm: _Limb, sleeve: Colour, skin: Colour
) -> list[tuple[Shape, Colour]]:
    at, unit = frame.point, frame.unit
    hand = _turn(arm.end, 0.022, arm.angle)
    return [
        (ellipse(*at(*hand), 0.029 * unit), skin),
        (stroke([at(*arm.start), at(*arm.middle), at(*arm.end)], 0.058 * unit), sleeve),
    ]
