"""The figures that walk, drive and stand about in the simulated scene.

Each figure reaches all four sides of its box, so that a box drawn round it shows at once whether
the coordinates are right. Figures look to the right.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from imx500_native.simulation import walking
from imx500_native.simulation.canvas import (
    Canvas,
    Colour,
    block,
    both,
    curve,
    ellipse,
    polygon,
    ring,
    stroke,
    tint,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from imx500_native.simulation.motion import Habit

INK: Colour = (44, 48, 66)
PALE: Colour = (246, 243, 234)
GLASS: Colour = (196, 224, 236)
TYRE: Colour = (52, 54, 66)
METAL: Colour = (206, 210, 216)


@dataclass(frozen=True, slots=True)
class Figure:
    """One kind of figure and how it behaves in the scene.

    Attributes
    ----------
    aspect : float
        Width / height.
    height : float
        Height relative to a person at the same place.
    nearness : tuple of float
        Nearest and farthest place it takes, as the scale of a person there (1 = foreground).
    pace : float
        Largest speed, in sensor pixels per second at scale 1.
    habit : str
        "ground", "air" or "bounce".
    colours : tuple of colours
        Main colours to choose from.
    paint : callable
        paint(canvas, colour); of a figure that walks, one moment of it.
    walks : bool
        Whether the figure has the stances of `walking`, each with a box of its own.
    """

    aspect: float
    height: float
    nearness: tuple[float, float]
    pace: float
    habit: Habit
    colours: tuple[Colour, ...]
    paint: Callable[[Canvas, Colour], None]
    walks: bool = False


def _shadow(canvas: Canvas, aspect: float) -> None:
    canvas.paint(ellipse(aspect / 2, 0.99, aspect * 0.48, 0.022), INK, 0.22)


def _person(canvas: Canvas, colour: Colour) -> None:
    walking.stance(0).paint(canvas, colour)


def _wheel(canvas: Canvas, u: float, v: float, radius: float) -> None:
    canvas.paint(ellipse(u, v, radius), TYRE)
    canvas.paint(ellipse(u, v, radius * 0.58), METAL)
    canvas.paint(ellipse(u, v, radius * 0.2), tint(METAL, -0.45))


def _car(canvas: Canvas, colour: Colour) -> None:
    _shadow(canvas, 2.45)
    canvas.paint(polygon([(0.50, 0.46), (0.82, 0.06), (1.42, 0.06), (1.80, 0.46)], 0.06), colour)
    canvas.paint(polygon([(0.66, 0.42), (0.885, 0.135), (1.06, 0.135), (1.06, 0.42)], 0.03), GLASS)
    canvas.paint(polygon([(1.18, 0.42), (1.18, 0.135), (1.375, 0.135), (1.63, 0.42)], 0.03), GLASS)
    canvas.paint(
        polygon(
            [(0.10, 0.50), (0.42, 0.45), (1.78, 0.45), (2.27, 0.53), (2.35, 0.70), (2.35, 0.74),
             (0.10, 0.74)],
            0.10,
        ),
        colour,
    )  # fmt: skip
    canvas.paint(block(0.0, 0.69, 2.45, 0.80, 0.05), tint(colour, -0.45))
    canvas.paint(block(0.95, 0.53, 1.12, 0.56, 0.015), tint(colour, -0.4))
    canvas.paint(ellipse(2.33, 0.575, 0.075, 0.05), (255, 240, 190))
    canvas.paint(block(0.015, 0.50, 0.085, 0.60, 0.03), (214, 72, 66))
    for u in (0.55, 1.88):
        canvas.paint(ellipse(u, 0.78, 0.255), tint(colour, -0.7))
        _wheel(canvas, u, 0.785, 0.215)


def _bus(canvas: Canvas, colour: Colour) -> None:
    _shadow(canvas, 2.2)
    canvas.paint(block(0.0, 0.0, 2.2, 0.89, 0.09), colour)
    canvas.paint(block(0.0, 0.62, 2.2, 0.70, 0.0), PALE)
    canvas.paint(block(0.03, 0.81, 2.17, 0.89, 0.04), tint(colour, -0.45))
    for index in range(4):
        u = 0.10 + index * 0.42
        canvas.paint(block(u, 0.15, u + 0.34, 0.50, 0.04), GLASS)
    canvas.paint(polygon([(1.83, 0.20), (2.08, 0.20), (2.15, 0.60), (1.83, 0.60)], 0.04), GLASS)
    canvas.paint(ellipse(2.14, 0.76, 0.04), (255, 240, 190))
    for u in (0.45, 1.70):
        canvas.paint(ellipse(u, 0.86, 0.17), tint(colour, -0.7))
        _wheel(canvas, u, 0.86, 0.14)


def _bicycle(canvas: Canvas, colour: Colour) -> None:
    rear, front, hub = (0.33, 0.67), (1.32, 0.67), (0.76, 0.69)
    saddle, head = (0.60, 0.27), (1.14, 0.22)
    _shadow(canvas, 1.65)
    for u, v in (rear, front):
        canvas.paint(ring(u, v, 0.33, 0.052), TYRE)
        canvas.paint(ring(u, v, 0.278, 0.014), METAL)
        for du, dv in ((0.27, 0.0), (0.135, 0.234), (-0.135, 0.234)):
            canvas.paint(stroke([(u - du, v - dv), (u + du, v + dv)], 0.009), tint(METAL, -0.2))
        canvas.paint(ellipse(u, v, 0.034), INK)
    canvas.paint(stroke([rear, hub], 0.036), tint(colour, -0.2))
    canvas.paint(stroke([rear, (0.63, 0.34)], 0.036), tint(colour, -0.2))
    canvas.paint(stroke([hub, saddle], 0.046), colour)
    canvas.paint(stroke([hub, (1.17, 0.33)], 0.046), colour)
    canvas.paint(stroke([(0.63, 0.37), (1.155, 0.28)], 0.046), colour)
    canvas.paint(stroke([head, (1.18, 0.36), front], 0.046), colour)
    canvas.paint(stroke([(1.02, 0.025), (1.10, 0.03), head], 0.05), INK)
    canvas.paint(stroke([(0.90, 0.035), (1.05, 0.025)], 0.05), INK)
    canvas.paint(stroke([(0.48, 0.245), (0.70, 0.25)], 0.07), INK)
    canvas.paint(ring(*hub, 0.085, 0.022), INK)
    canvas.paint(stroke([hub, (0.83, 0.83)], 0.026), INK)
    canvas.paint(stroke([(0.78, 0.84), (0.88, 0.84)], 0.032), INK)


def _dog(canvas: Canvas, colour: Colour) -> None:
    dark, light = tint(colour, -0.28), tint(colour, 0.35)
    _shadow(canvas, 1.3)
    canvas.paint(stroke(curve((0.30, 0.46), (0.08, 0.44), (0.045, 0.12)), 0.09), dark)
    for top, foot in ((0.40, 0.34), (0.84, 0.80)):
        canvas.paint(stroke([(top, 0.58), (foot, 0.77), (foot + 0.02, 0.94)], 0.11), dark)
    canvas.paint(stroke([(0.34, 0.50), (0.84, 0.48)], 0.34), colour)
    canvas.paint(stroke([(0.45, 0.61), (0.80, 0.59)], 0.12), light)
    canvas.paint(stroke([(0.85, 0.45), (0.95, 0.25)], 0.27), colour)
    for top, foot in ((0.28, 0.26), (0.92, 0.94)):
        canvas.paint(stroke([(top, 0.55), (foot, 0.77), (foot, 0.93)], 0.125), colour)
        canvas.paint(stroke([(foot - 0.01, 0.955), (foot + 0.055, 0.955)], 0.09), light)
    canvas.paint(ellipse(0.98, 0.19, 0.185, 0.17), colour)
    canvas.paint(stroke([(1.06, 0.235), (1.205, 0.25)], 0.15), light)
    canvas.paint(ellipse(1.255, 0.205, 0.045, 0.04), INK)
    canvas.paint(ellipse(1.055, 0.15, 0.026), INK)
    canvas.paint(stroke(curve((0.90, 0.06), (0.78, 0.14), (0.82, 0.32)), 0.12), dark)
    canvas.paint(stroke([(0.765, 0.36), (0.985, 0.405)], 0.05), (214, 80, 74))


def _cat(canvas: Canvas, colour: Colour) -> None:
    dark, light = tint(colour, -0.25), tint(colour, 0.5)
    _shadow(canvas, 0.8)
    canvas.paint(stroke(curve((0.30, 0.92), (-0.12, 0.98), (0.062, 0.62)), 0.09), dark)
    canvas.paint(ellipse(0.44, 0.73, 0.27, 0.27), colour)
    canvas.paint(stroke([(0.50, 0.46), (0.51, 0.62)], 0.32), colour)
    canvas.paint(ellipse(0.56, 0.66, 0.11, 0.20), light)
    for u in (0.48, 0.63):
        canvas.paint(stroke([(u, 0.70), (u + 0.01, 0.94)], 0.105), colour)
        canvas.paint(stroke([(u, 0.955), (u + 0.05, 0.955)], 0.09), light)
    for ear, tip in ((0.36, 0.335), (0.70, 0.745)):
        canvas.paint(polygon([(ear - 0.055, 0.18), (tip, 0.022), (ear + 0.055, 0.16)], 0.022), dark)
    canvas.paint(ellipse(0.54, 0.285, 0.26, 0.20), colour)
    canvas.paint(ellipse(0.555, 0.36, 0.12, 0.085), light)
    for u in (0.43, 0.665):
        canvas.paint(ellipse(u, 0.265, 0.036, 0.045), (250, 226, 120))
        canvas.paint(ellipse(u + 0.006, 0.265, 0.014, 0.038), INK)
    canvas.paint(polygon([(0.535, 0.325), (0.575, 0.325), (0.555, 0.345)], 0.012), (206, 106, 110))
    for v, rise in ((0.345, -0.02), (0.37, 0.01)):
        canvas.paint(stroke([(0.65, v), (0.785, v + rise)], 0.009), INK, 0.6)
        canvas.paint(stroke([(0.46, v), (0.31, v + rise)], 0.009), INK, 0.6)


def _bird(canvas: Canvas, colour: Colour) -> None:
    dark, light, beak = tint(colour, -0.3), tint(colour, 0.5), (244, 172, 64)
    far_wing = curve((0.62, 0.62), (0.66, 0.22), (0.98, 0.03)) + curve(
        (0.98, 0.03), (1.02, 0.34), (0.90, 0.62)
    )
    near_wing = curve((0.56, 0.70), (0.40, 0.30), (0.36, 0.022)) + curve(
        (0.36, 0.022), (0.78, 0.20), (0.92, 0.66)
    )
    canvas.paint(polygon(far_wing, 0.02), dark)
    canvas.paint(polygon([(0.035, 0.62), (0.44, 0.64), (0.44, 0.80), (0.10, 0.84)], 0.035), dark)
    canvas.paint(ellipse(0.76, 0.74, 0.44, 0.26), colour)
    canvas.paint(both(ellipse(0.76, 0.74, 0.44, 0.26), ellipse(0.90, 0.92, 0.42, 0.22)), light)
    canvas.paint(polygon([(1.28, 0.56), (1.49, 0.62), (1.28, 0.67)], 0.01), beak)
    canvas.paint(ellipse(1.14, 0.60, 0.20, 0.20), colour)
    canvas.paint(ellipse(1.21, 0.56, 0.036), INK)
    canvas.paint(polygon(near_wing, 0.022), tint(colour, -0.14))


def _bottle(canvas: Canvas, colour: Colour) -> None:
    canvas.paint(block(0.10, 0.0, 0.22, 0.09, 0.02), INK)
    canvas.paint(block(0.115, 0.06, 0.205, 0.34, 0.02), tint(colour, -0.12))
    canvas.paint(
        polygon([(0.135, 0.28), (0.185, 0.28), (0.28, 0.46), (0.28, 0.96), (0.04, 0.96),
                 (0.04, 0.46)], 0.04),
        colour,
    )  # fmt: skip
    canvas.paint(block(0.0, 0.55, 0.32, 0.82), PALE)
    canvas.paint(block(0.06, 0.63, 0.26, 0.66, 0.01), tint(colour, -0.2))
    canvas.paint(block(0.06, 0.70, 0.19, 0.73, 0.01), tint(colour, 0.3))
    canvas.paint(stroke([(0.065, 0.44), (0.065, 0.50)], 0.03), PALE, 0.7)
    canvas.paint(stroke([(0.065, 0.87), (0.065, 0.92)], 0.03), PALE, 0.7)


def _cup(canvas: Canvas, colour: Colour) -> None:
    canvas.paint(ring(0.88, 0.45, 0.27, 0.10), tint(colour, -0.15))
    canvas.paint(
        polygon([(0.06, 0.10), (0.90, 0.10), (0.82, 0.88), (0.72, 0.94), (0.24, 0.94),
                 (0.14, 0.88)], 0.06),
        colour,
    )  # fmt: skip
    canvas.paint(ellipse(0.48, 0.11, 0.48, 0.11), tint(colour, 0.55))
    canvas.paint(ellipse(0.48, 0.125, 0.40, 0.075), (104, 66, 48))
    canvas.paint(stroke([(0.15, 0.34), (0.20, 0.78)], 0.07), PALE, 0.45)
    canvas.paint(block(0.34, 0.44, 0.66, 0.72, 0.14), tint(colour, 0.4))


def _chair(canvas: Canvas, colour: Colour) -> None:
    dark = tint(colour, -0.3)
    _shadow(canvas, 0.66)
    canvas.paint(stroke([(0.16, 0.60), (0.13, 0.96)], 0.055), dark)
    canvas.paint(stroke([(0.55, 0.60), (0.555, 0.94)], 0.055), dark)
    canvas.paint(stroke([(0.035, 0.035), (0.085, 0.56), (0.035, 0.965)], 0.07), colour)
    canvas.paint(stroke([(0.50, 0.035), (0.47, 0.52)], 0.07), colour)
    canvas.paint(polygon([(0.06, 0.07), (0.475, 0.07), (0.465, 0.30), (0.085, 0.30)], 0.03), dark)
    canvas.paint(stroke([(0.09, 0.43), (0.45, 0.43)], 0.05), dark)
    canvas.paint(polygon([(0.09, 0.535), (0.53, 0.535), (0.60, 0.60), (0.10, 0.60)], 0.04), colour)
    canvas.paint(stroke([(0.60, 0.60), (0.625, 0.965)], 0.07), colour)


def _ball(canvas: Canvas, colour: Colour) -> None:
    ball = ellipse(0.5, 0.5, 0.5)
    canvas.paint(ball, PALE)
    canvas.paint(
        polygon([(0.5, 0.28), (0.70, 0.425), (0.625, 0.66), (0.375, 0.66), (0.30, 0.425)], 0.02),
        colour,
    )
    spots = ((0.5, 0.02), (0.955, 0.35), (0.78, 0.89), (0.22, 0.89), (0.045, 0.35))
    corners = ((0.5, 0.27), (0.71, 0.42), (0.63, 0.67), (0.37, 0.67), (0.29, 0.42))
    for index, (spot, corner) in enumerate(zip(spots, corners, strict=True)):
        canvas.paint(both(ball, stroke([spot, corner], 0.022)), colour, 0.7)
        canvas.paint(both(ball, stroke([spot, spots[index - 1]], 0.022)), colour, 0.7)
        canvas.paint(both(ball, ellipse(*spot, 0.15)), colour)
    canvas.paint(both(ball, ring(0.5, 0.5, 0.5, 0.03)), tint(colour, -0.3), 0.55)


def _grazer(canvas: Canvas, colour: Colour) -> None:
    dark, light = tint(colour, -0.3), tint(colour, 0.4)
    _shadow(canvas, 1.3)
    canvas.paint(stroke(curve((0.20, 0.34), (0.03, 0.34), (0.035, 0.66)), 0.07), dark)
    for top, foot in ((0.38, 0.36), (0.80, 0.78)):
        canvas.paint(stroke([(top, 0.60), (foot, 0.93)], 0.10), dark)
    canvas.paint(block(0.14, 0.26, 0.99, 0.66, 0.17), colour)
    canvas.paint(ellipse(0.45, 0.42, 0.13, 0.10), light)
    canvas.paint(ellipse(0.70, 0.52, 0.09, 0.07), light)
    for top, foot in ((0.23, 0.22), (0.90, 0.91)):
        canvas.paint(stroke([(top, 0.56), (foot, 0.92)], 0.115), colour)
        canvas.paint(block(foot - 0.062, 0.91, foot + 0.062, 1.0, 0.025), INK)
    canvas.paint(stroke([(0.90, 0.40), (1.03, 0.17)], 0.24), colour)
    canvas.paint(stroke([(1.03, 0.04), (0.985, 0.12)], 0.08), dark)
    canvas.paint(polygon([(1.02, 0.10), (1.12, 0.08), (1.22, 0.26), (1.16, 0.30)], 0.075), colour)
    canvas.paint(ellipse(1.205, 0.285, 0.095, 0.085), light)
    canvas.paint(ellipse(1.245, 0.27, 0.018), INK)
    canvas.paint(ellipse(1.10, 0.14, 0.024), INK)
    canvas.paint(stroke([(1.015, 0.03), (1.06, 0.075)], 0.06), INK)


def _plant(canvas: Canvas, colour: Colour) -> None:
    leaf = (92.0, 152.0, 98.0)
    tips = ((0.36, 0.02), (0.035, 0.22), (0.685, 0.20), (0.05, 0.50), (0.67, 0.48))
    bends = ((0.30, 0.35), (0.20, 0.22), (0.55, 0.18), (0.24, 0.42), (0.50, 0.40))
    for index, (tip, bend) in enumerate(zip(tips, bends, strict=True)):
        side = 0.085 if tip[0] < 0.36 else -0.085
        lower = (bend[0] + side, bend[1] + 0.12)
        outline = curve((0.34, 0.68), bend, tip) + curve(tip, lower, (0.38, 0.68))[1:]
        shade = (0.0, -0.14, 0.08, 0.12, -0.08)[index]
        canvas.paint(polygon(outline, 0.02 if index == 0 else 0.035), tint(leaf, shade))
    canvas.paint(polygon([(0.16, 0.68), (0.56, 0.68), (0.50, 0.965), (0.22, 0.965)], 0.035), colour)
    canvas.paint(block(0.09, 0.62, 0.63, 0.72, 0.035), tint(colour, 0.2))


def _signal(canvas: Canvas, colour: Colour) -> None:
    canvas.paint(block(0.165, 0.60, 0.235, 1.0, 0.02), METAL)
    canvas.paint(block(0.0, 0.0, 0.40, 0.70, 0.10), colour)
    canvas.paint(block(0.035, 0.035, 0.365, 0.665, 0.08), INK)
    for v, lamp in ((0.15, (232, 88, 78)), (0.35, (120, 104, 66)), (0.55, (70, 112, 86))):
        canvas.paint(ellipse(0.20, v, 0.085), lamp)
    canvas.paint(ellipse(0.175, 0.125, 0.025), PALE, 0.6)


def _umbrella(canvas: Canvas, colour: Colour) -> None:
    canvas.paint(stroke([(0.5, 0.03), (0.5, 0.88)], 0.036), INK)
    canvas.paint(stroke(curve((0.5, 0.87), (0.5, 1.09), (0.65, 0.89)), 0.036), INK)
    canopy = both(ellipse(0.5, 0.52, 0.5, 0.47), block(0, 0, 1, 0.52))
    canvas.paint(canopy, colour)
    canvas.paint(both(canopy, ellipse(0.5, 0.52, 0.19, 0.50)), tint(colour, 0.35))
    canvas.paint(stroke([(0.5, 0.018), (0.5, 0.07)], 0.036), INK)


def _parcel(canvas: Canvas, colour: Colour) -> None:
    canvas.paint(block(0.0, 0.0, 1.0, 1.0, 0.14), colour)
    canvas.paint(block(0.0, 0.80, 1.0, 1.0, 0.14), tint(colour, -0.22))
    canvas.paint(block(0.0, 0.72, 1.0, 0.88), colour)
    canvas.paint(block(0.10, 0.09, 0.90, 0.80, 0.10), tint(colour, 0.22))
    canvas.paint(ellipse(0.5, 0.445, 0.22), tint(colour, 0.6))
    canvas.paint(ellipse(0.5, 0.445, 0.12), tint(colour, -0.1))


RED: Colour = (214, 92, 82)
BLUE: Colour = (70, 124, 186)
TEAL: Colour = (62, 150, 148)
MUSTARD: Colour = (226, 172, 74)
PLUM: Colour = (146, 98, 158)
BROWN: Colour = (166, 112, 76)
SAND: Colour = (204, 168, 122)
SLATE: Colour = (116, 124, 140)
VIVID = (RED, BLUE, TEAL, MUSTARD, PLUM)

PARCEL = Figure(1.0, 0.36, (0.95, 0.55), 90, "ground", (*VIVID, SLATE), _parcel)

_PERSON = Figure(
    walking.stance(0).aspect, 1.0, (0.95, 0.42), 460, "ground", walking.SHIRTS, _person, walks=True
)
_CAR = Figure(2.45, 0.72, (0.64, 0.42), 620, "ground", (RED, BLUE, TEAL, MUSTARD), _car)
_BUS = Figure(2.2, 1.25, (0.48, 0.38), 480, "ground", (MUSTARD, RED, TEAL), _bus)
_BICYCLE = Figure(1.65, 0.62, (0.95, 0.50), 420, "ground", VIVID, _bicycle)
_GRAZER = Figure(1.3, 0.80, (0.70, 0.42), 160, "ground", (BROWN, SAND, SLATE), _grazer)

FIGURES: dict[str, Figure] = {
    "person": _PERSON,
    "car": _CAR,
    "bus": _BUS,
    "bicycle": _BICYCLE,
    "dog": Figure(1.3, 0.46, (1.0, 0.60), 380, "ground", (BROWN, SAND, SLATE), _dog),
    "cat": Figure(0.80, 0.36, (1.0, 0.70), 120, "ground", (SLATE, (222, 150, 84), SAND), _cat),
    "bird": Figure(1.5, 0.20, (1.0, 0.70), 420, "air", (BLUE, TEAL, RED), _bird),
    "sports ball": Figure(1.0, 0.22, (1.0, 0.70), 420, "bounce", (INK, BLUE, RED), _ball),
    "bottle": Figure(0.32, 0.42, (1.0, 0.75), 70, "ground", (TEAL, BLUE, (96, 150, 98)), _bottle),
    "cup": Figure(1.15, 0.26, (1.0, 0.80), 70, "ground", VIVID, _cup),
    "chair": Figure(0.66, 0.58, (0.95, 0.55), 80, "ground", (RED, TEAL, MUSTARD, BROWN), _chair),
    "potted plant": Figure(0.72, 0.50, (0.95, 0.55), 60, "ground", (RED, BLUE, SAND), _plant),
    "traffic light": Figure(0.40, 1.25, (0.55, 0.45), 60, "ground", (MUSTARD, SLATE), _signal),
    "umbrella": Figure(1.0, 0.62, (0.85, 0.55), 160, "air", VIVID, _umbrella),
    "horse": _GRAZER,
    "cow": _GRAZER,
}  # fmt: skip
