"""rpicam-apps' temporal filter, one thing at a time in Python.

With ``rpicam=True`` it does what rpicam-apps does to the letter: an object's box is x, y, width and
height in whole pixels, cut off after smoothing, and the count of visible frames is unsigned and
wraps below 0. Without, it is what this package promises: corners in float32, and no wrap.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

F = np.float32


@dataclass
class Followed:
    id: int
    place: list
    confidence: float
    kind: int
    visible: int
    hidden: int
    matched: bool = True


class Oracle:
    def __init__(
        self,
        size,
        *,
        tolerance=0.05,
        factor=0.2,
        visible_frames=5,
        hidden_frames=2,
        rpicam=False,
    ):
        self.tolerances = [F(tolerance) * F(side) for side in size]
        self.factor = factor
        self.visible_frames = visible_frames
        self.hidden_frames = hidden_frames
        self.rpicam = rpicam
        self.followed = []
        self.given = 0

    def step(self, seen, matches, smooth, first_hidden):
        """Take in [(place, confidence, kind)]; return what is shown."""
        for one in self.followed:
            one.matched = False
        for place, confidence, kind in seen:
            for one in self.followed:
                if one.kind == kind and matches(one.place, place):
                    one.matched = True
                    one.confidence = confidence
                    one.place = smooth(one.place, place)
                    one.visible = self.visible_frames
                    one.hidden = max(0, one.hidden - 1)
                    break
            else:
                self.given += 1
                self.followed.append(
                    Followed(self.given, place, confidence, kind, self.visible_frames, first_hidden)
                )
        for one in self.followed:
            if not one.matched:
                if one.hidden:
                    one.visible = 0
                elif self.rpicam:
                    one.visible = (one.visible - 1) % 2**32
                else:
                    one.visible = max(0, one.visible - 1)
        self.followed = [one for one in self.followed if one.matched or one.visible]
        return [one for one in self.followed if one.hidden == 0]

    def mixed(self, before, now):
        return F(self.factor * float(now) + (1 - self.factor) * float(before))


class ObjectOracle(Oracle):
    def __call__(self, seen):
        """Take in [((x0, y0, x1, y1), confidence, class)]."""
        seen = [
            ([F(v) for v in box], confidence, kind)
            for box, confidence, kind in seen
            if all(map(math.isfinite, box))
        ]
        if self.rpicam:
            seen = [
                ([int(v) for v in (x0, y0, x1 - x0, y1 - y0)], confidence, kind)
                for (x0, y0, x1, y1), confidence, kind in seen
            ]
        hidden = self.hidden_frames if self.followed else 0
        return self.step(seen, self.matches, self.smooth, hidden)

    def matches(self, before, now):
        if not self.rpicam:
            before, now = ([x0, y0, x1 - x0, y1 - y0] for x0, y0, x1, y1 in (before, now))
        return all(
            F(abs(b - n)) < tolerance
            for b, n, tolerance in zip(before, now, self.tolerances * 2, strict=True)
        )

    def smooth(self, before, now):
        cut = int if self.rpicam else F
        return [cut(self.mixed(b, n)) for b, n in zip(before, now, strict=True)]

    def box(self, one):
        """Return the corners of what is shown."""
        if not self.rpicam:
            return list(map(float, one.place))
        x, y, width, height = one.place
        return [x, y, x + width, y + height]


class PoseOracle(Oracle):
    """A place is a list of (x, y, confidence); None for a keypoint that was not found."""

    def __call__(self, seen):
        """Take in [([(x, y, keypoint confidence)], confidence)]."""
        poses = []
        for keypoints, confidence in seen:
            place = [
                (F(x), F(y), F(c)) if math.isfinite(x) and math.isfinite(y) else None
                for x, y, c in keypoints
            ]
            if any(point is not None for point in place):
                poses.append((place, confidence, 0))
        return self.step(poses, self.matches, self.smooth, self.hidden_frames)

    def matches(self, before, now):
        common = [(b, n) for b, n in zip(before, now, strict=True) if b and n]
        return bool(common) and all(
            abs(b[axis] - n[axis]) <= self.tolerances[axis] for b, n in common for axis in (0, 1)
        )

    def smooth(self, before, now):
        return [
            tuple(self.mixed(*pair) for pair in zip(b, n, strict=True)) if b and n else n
            for b, n in zip(before, now, strict=True)
        ]
