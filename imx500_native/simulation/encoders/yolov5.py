"""Scenes as the tensors of YOLOv5, before and after it decodes its boxes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from imx500_native.heads.yolov5 import (
    ANCHORS,
    CHANNELS_BEFORE_CLASSES,
    STRIDES,
    Level,
    anchor_levels,
    boxes_are_fractions,
)
from imx500_native.simulation.encoders.anchors import (
    Anchor,
    AnchorEncoder,
    Grid,
    best_shape,
    centred,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imx500_native.network import Network
    from imx500_native.simulation.encoders.detections import Found
    from imx500_native.simulation.packing import Floats
    from imx500_native.simulation.scene import Box


class YOLOv5Encoder(AnchorEncoder):
    """Writes each object at the anchor of the most similar shape.

    With what ``s`` the sigmoid gives, a box of cell (i, j) has its middle at
    ``((2 s_x - 0.5 + i) stride, (2 s_y - 0.5 + j) stride)`` and is ``(2 s_w)^2`` and ``(2 s_h)^2``
    times as wide and high as its anchor (YOLOv5's own ``Detect``). So only the three nearest of the
    cells about it can report it.

    Parameters
    ----------
    network : Network
    noise : float
        As for `AnchorEncoder`.
    """

    def __init__(self, network: Network, noise: float) -> None:
        width, height = network.input.width, network.input.height
        levels = anchor_levels(network, STRIDES, ANCHORS)
        self._decoded = levels is None
        self._unit = (1 / width, 1 / height) if boxes_are_fractions(network) else (1.0, 1.0)
        self._levels = _exported(width, height) if levels is None else levels
        self._shapes = [
            (index, kind, size)
            for index, level in enumerate(self._levels)
            for kind, size in enumerate(level.anchors)
        ]
        self._grids: list[Grid] = []
        first = 0
        for level in self._levels:
            columns, lines = level.grid
            self._grids.append(Grid((level.stride, level.stride), columns, lines, first))
            first += columns * lines * len(level.anchors)
        self._channels = network.output_shapes[0][-1]
        classes = self._channels - CHANNELS_BEFORE_CLASSES
        super().__init__(network, noise, classes, logits=False)

    def _tables(self, outputs: Sequence[Floats]) -> list[Floats]:
        """Return the anchors of each level, (anchors, channels), as parts of `outputs`."""
        if self._decoded:
            return [
                outputs[0][grid.first : grid.first + grid.columns * grid.lines * len(level.anchors)]
                for grid, level in zip(self._grids, self._levels, strict=True)
            ]
        # In Fortran order, the channels are the slowest: everything before them is one dimension.
        return [output.reshape((-1, self._channels), order="F") for output in outputs]

    def _scores(self, outputs: Sequence[Floats]) -> list[Floats]:
        return [table[:, CHANNELS_BEFORE_CLASSES - 1 :] for table in self._tables(outputs)]

    def _anchors(self, box: Box) -> list[Anchor]:
        x0, y0, x1, y1 = box
        best = best_shape(x1 - x0, y1 - y0, [size for _, _, size in self._shapes])
        index, kind, (width, height) = self._shapes[best]
        grid, steps = self._grids[index], self._levels[index].steps
        stride = grid.cell[0]
        x, y = (x0 + x1) / 2, (y0 + y1) / 2
        sides = math.sqrt((x1 - x0) / width) / 2, math.sqrt((y1 - y0) / height) / 2
        anchors: list[Anchor] = []
        for column, line, away in grid.about(x, y):
            place = (x / stride - column + 0.5) / 2, (y / stride - line + 0.5) / 2
            if not anchors or (min(place) >= 0 and max(place) <= 1):
                row = grid.first + column * steps[0] + line * steps[1] + kind * steps[2]
                said = centred(box, self._unit) if self._decoded else (*place, *sides)
                anchors.append(Anchor(row, grid, column, line, away, said))
        return anchors

    def _write(self, outputs: Sequence[Floats], anchor: Anchor, item: Found, score: float) -> None:
        table = self._tables(outputs)[self._grids.index(anchor.grid)]
        row = table[anchor.row - anchor.grid.first]
        row[:] = 0
        row[:CHANNELS_BEFORE_CLASSES] = *anchor.box, score
        # The confidence is the product of both.
        row[CHANNELS_BEFORE_CLASSES + item.class_id] = 1


def _exported(width: int, height: int) -> list[Level]:
    """Say where a network that decodes its boxes has its anchors: as its export joins them."""
    levels = []
    for stride, anchors in zip(STRIDES, ANCHORS, strict=True):
        columns, lines = width // stride, height // stride
        steps = (1, columns, lines * columns)
        levels.append(Level((), (columns, lines), steps, stride, anchors))
    return levels
