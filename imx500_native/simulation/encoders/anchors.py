"""What encoders have in common that say something of every anchor of a detector."""

from __future__ import annotations

import itertools
import math
from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar, NamedTuple

import numpy as np

from imx500_native.heads.yolov8_layout import levels
from imx500_native.simulation.encoders.base import Encoder
from imx500_native.simulation.encoders.detections import detected

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from imx500_native.heads.base import Task
    from imx500_native.network import Network
    from imx500_native.simulation.encoders.detections import Found
    from imx500_native.simulation.packing import Floats
    from imx500_native.simulation.scene import Box, Scene
    from imx500_native.specs import InputSpec

BACKGROUND_LOGIT = -6.5

_AROUND = sorted(
    itertools.product((-1, 0, 1), repeat=2), key=lambda step: step[0] ** 2 + step[1] ** 2
)


class Grid(NamedTuple):
    """The cells of one level: their size in pixels, how many, and the row of the first anchor."""

    cell: tuple[float, float]
    columns: int
    lines: int
    first: int

    def about(self, x: float, y: float) -> Iterator[tuple[int, int, int]]:
        """List the cells about a place in pixels: column, line and steps away, the own first."""
        column = min(max(int(x / self.cell[0]), 0), self.columns - 1)
        line = min(max(int(y / self.cell[1]), 0), self.lines - 1)
        for dx, dy in _AROUND:
            if 0 <= column + dx < self.columns and 0 <= line + dy < self.lines:
                yield column + dx, line + dy, abs(dx) + abs(dy)


def square_grids(spec: InputSpec, strides: Sequence[int]) -> list[Grid]:
    """Cells as wide as their level's stride, which cover the input, level after level."""
    return [
        Grid((stride, stride), columns, math.ceil(spec.height / stride), first)
        for first, columns, stride in levels(spec, strides)
    ]


class Anchor(NamedTuple):
    """One that can speak of an object.

    Its row, its cell, how many cells it is from the nearest, and what it has to say of the box.
    """

    row: int
    grid: Grid
    column: int
    line: int
    away: int
    box: Sequence[float]


class AnchorEncoder(Encoder):
    """Writes a scene as what a network says of all anchors, before suppression.

    Anchors about the middle of an object all report it, as in the network, with falling scores.

    Parameters
    ----------
    network : Network
    noise : float
        As for `detected`; it also stirs the scores of the background.
    classes : int
        How many have scores.
    logits : bool
        Scores have still to go through the sigmoid.
    """

    task: ClassVar[Task | None] = "object detection"

    def __init__(self, network: Network, noise: float, classes: int, logits: bool) -> None:
        super().__init__(network, noise, classes)
        self._logits = logits
        self._size = (network.input.width, network.input.height)
        # In Fortran order, as the packer sends them.
        self._empty = [np.zeros(shape, np.float32, order="F") for shape in network.output_shapes]
        for scores in self._scores(self._empty):
            scores[:] = self._background

    @abstractmethod
    def _scores(self, outputs: Sequence[Floats]) -> Sequence[Floats]:
        """Return the tables (anchors, columns) of what speaks for objects: parts of `outputs`."""

    @abstractmethod
    def _anchors(self, box: Box) -> list[Anchor]:
        """List the anchors that can speak of a box in pixels, the nearest first; at least one."""

    @abstractmethod
    def _write(self, outputs: Sequence[Floats], anchor: Anchor, item: Found, score: float) -> None:
        """Let an anchor say that there is an object."""

    @property
    def _background(self) -> float:
        return BACKGROUND_LOGIT if self._logits else 0.0

    def _stored(self, score: float) -> float:
        return math.log(score / (1 - score)) if self._logits else score

    def _stir(self, outputs: Sequence[Floats], rng: np.random.Generator) -> None:
        # A few hundred anchors stir; all of them would take longer than the rest of a frame.
        for scores in self._scores(outputs):
            rows = rng.integers(0, len(scores), 300)
            spread = rng.normal(0, 0.8 * min(self._noise, 3.0), (300, scores.shape[1]))
            if self._logits:
                scores[rows] += spread
            else:
                scores[rows] = 1 / (1 + np.exp(-BACKGROUND_LOGIT - spread))

    def _prepare(self, scene: Scene, found: Sequence[Found]) -> None:
        """Look what else there is to say of what is found, before it is written."""

    def __call__(self, scene: Scene) -> list[Floats]:
        """Encode one moment."""
        found = detected(scene, self.choices, self._noise)
        outputs = [output.copy(order="F") for output in self._empty]
        if self._noise > 0:
            self._stir(outputs, scene.rng)
        self._prepare(scene, found)
        width, height = self._size
        around = []
        for item in found:
            x0, y0, x1, y1 = item.xyxy
            around.append(self._anchors((x0 * width, y0 * height, x1 * width, y1 * height)))
        for item, anchors in zip(reversed(found), reversed(around), strict=True):
            for anchor in anchors[1:]:
                score = min(max(item.score * (1 - 0.09 * anchor.away), 0.01), 0.99)
                self._write(outputs, anchor, item, score)
        # Nobody may lose the last anchor to another: each has one for itself.
        taken: set[int] = set()
        for item, anchors in zip(found, around, strict=True):
            own = next((one for one in anchors if one.row not in taken), anchors[0])
            taken.add(own.row)
            self._write(outputs, own, item, item.score)
        return outputs


def level_for(box: Box, grids: Sequence[Grid], room: float) -> Grid:
    """Return the finest of square grids with no side of a box more than `room` cells off."""
    x0, y0, x1, y1 = box
    half = max(x1 - x0, y1 - y0) / 2
    return next((grid for grid in grids if half <= room * grid.cell[0]), grids[-1])


def sides_from(x: float, y: float, box: Box, stride: float) -> list[float]:
    """Return how many strides a place is from a box's left, top, right and bottom side."""
    x0, y0, x1, y1 = box
    return [(x - x0) / stride, (y - y0) / stride, (x1 - x) / stride, (y1 - y) / stride]


def best_shape(width: float, height: float, shapes: Sequence[tuple[float, float]]) -> int:
    """Return which of some (width, height) comes nearest in the worse of the two ratios."""

    def unlike(shape: tuple[float, float]) -> float:
        ratios = width / shape[0], height / shape[1]
        return max(max(one, 1 / max(one, 1e-6)) for one in ratios)

    return min(range(len(shapes)), key=lambda index: unlike(shapes[index]))


def centred(box: Box, unit: tuple[float, float]) -> tuple[float, float, float, float]:
    """Return middle and size of a box, in units of which a pixel has so many."""
    x0, y0, x1, y1 = box
    in_x, in_y = unit
    return (x0 + x1) / 2 * in_x, (y0 + y1) / 2 * in_y, (x1 - x0) * in_x, (y1 - y0) * in_y
