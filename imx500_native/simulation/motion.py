"""How the objects of the simulated scene move; all of it a pure function of the time."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

Habit = Literal["ground", "air", "bounce"]


class Moment(NamedTuple):
    """Where an object is: the middle and the bottom of its box in sensor pixels, and its side."""

    middle: float
    bottom: float
    looks_left: bool


class Motion(Protocol):
    """What takes an object through the scene."""

    def at(self, time_s: float) -> Moment | None:
        """Where the object is `time_s` seconds after the start; None while it is away."""


@dataclass(frozen=True, slots=True)
class Wandering:
    """To and fro about one place, for ever.

    Attributes
    ----------
    middle, bottom : float
        The place, in sensor pixels.
    reach_x, reach_y : float
        How far it goes from there.
    speed : float
        Radians per second.
    phase : float
        Where in its wandering it starts.
    habit : str
        "ground", "air" or "bounce": whether and how it goes up and down.
    """

    middle: float
    bottom: float
    reach_x: float
    reach_y: float
    speed: float
    phase: float
    habit: Habit

    def at(self, time_s: float) -> Moment:
        """Where the object is `time_s` seconds after the start."""
        angle = self.speed * time_s + self.phase
        # Two waves whose reaches add up to one: it wanders, yet never leaves its range.
        sway = 0.8 * math.sin(angle) + 0.2 * math.sin(2.3 * angle + self.phase)
        slope = 0.8 * math.cos(angle) + 0.46 * math.cos(2.3 * angle + self.phase)
        bottom = self.bottom
        if self.habit == "air":
            bottom += self.reach_y * math.sin(1.7 * angle)
        elif self.habit == "bounce":
            bottom -= self.reach_y * abs(math.sin(2.1 * time_s + self.phase))
        return Moment(self.middle + self.reach_x * sway, bottom, slope < 0)


_DAWDLE = 0.12
"""Share of its way that an object which passes would go at an even pace."""


@dataclass(frozen=True, slots=True)
class Passing:
    """Across the field once per round, slowly in the middle, with the other objects taking turns.

    Attributes
    ----------
    start, end : float
        Where it comes in and goes out, in sensor pixels.
    bottom : float
    turn : float
        When its way begins, in seconds of the round.
    seconds : float
        How long its way takes.
    round_s : float
        After how long it comes again.
    """

    start: float
    end: float
    bottom: float
    turn: float
    seconds: float
    round_s: float

    def at(self, time_s: float) -> Moment | None:
        """Where the object is `time_s` seconds after the start; None while it is away."""
        way = ((time_s - self.turn) % self.round_s) / self.seconds
        if way >= 1:
            return None
        side = 2 * way - 1
        side = _DAWDLE * side + (1 - _DAWDLE) * side**5
        middle = (self.start + self.end) / 2 + side * (self.end - self.start) / 2
        return Moment(middle, self.bottom, self.end < self.start)
