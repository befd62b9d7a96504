"""Scenes as the tensors of EfficientDet without its post-processing."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from imx500_native.heads.efficientdet import ANCHORS_PER_CELL, LEVELS, boxes_come_first
from imx500_native.simulation.encoders.anchors import (
    BACKGROUND_LOGIT,
    Anchor,
    AnchorEncoder,
    Grid,
    best_shape,
    square_grids,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imx500_native.network import Network
    from imx500_native.simulation.encoders.detections import Found
    from imx500_native.simulation.packing import Floats
    from imx500_native.simulation.scene import Box

_SHAPES = [
    (3 * 2 ** (octave / 3) * widths, 3 * 2 ** (octave / 3) / widths)
    for octave in range(3)
    for widths in (1.0, math.sqrt(2), math.sqrt(0.5))
]
"""Width and height of the anchors of a cell, in cells."""

_SMALLEST_PX = 1e-3


class EfficientDetEncoder(AnchorEncoder):
    """Writes each object at the anchor of the most similar shape.

    A box is (y, x, height, width): what its middle is off the anchor's in sizes of the anchor, and
    how many times as high and wide it is, as a logarithm (EfficientDet, Tan et al., 2020).

    Parameters
    ----------
    network : Network
    noise : float
        As for `AnchorEncoder`.
    """

    def __init__(self, network: Network, noise: float) -> None:
        width, height = network.input.width, network.input.height
        grids = square_grids(network.input, [2**level for level in range(LEVELS[0], LEVELS[1] + 1)])
        # Cells divide the input evenly, also where it is no multiple of them.
        self._grids = [
            Grid((width / columns, height / lines), columns, lines, first * ANCHORS_PER_CELL)
            for _, columns, lines, first in grids
        ]
        self._shapes = [
            (grid, kind, (width * grid.cell[0], height * grid.cell[1]))
            for grid in self._grids
            for kind, (width, height) in enumerate(_SHAPES)
        ]
        self._boxes = 0 if boxes_come_first(network) else 1
        classes = network.output_shapes[1 - self._boxes][1]
        super().__init__(network, noise, classes, logits=True)

    def _scores(self, outputs: Sequence[Floats]) -> list[Floats]:
        return [outputs[1 - self._boxes]]

    def _anchors(self, box: Box) -> list[Anchor]:
        x0, y0, x1, y1 = box
        width, height = max(x1 - x0, _SMALLEST_PX), max(y1 - y0, _SMALLEST_PX)
        best = best_shape(width, height, [size for _, _, size in self._shapes])
        grid, kind, own = self._shapes[best]
        x, y = (x0 + x1) / 2, (y0 + y1) / 2
        sides = math.log(height / own[1]), math.log(width / own[0])
        anchors = []
        for column, line, away in grid.about(x, y):
            row = grid.first + (line * grid.columns + column) * ANCHORS_PER_CELL + kind
            off_x = (x - (column + 0.5) * grid.cell[0]) / own[0]
            off_y = (y - (line + 0.5) * grid.cell[1]) / own[1]
            anchors.append(Anchor(row, grid, column, line, away, (off_y, off_x, *sides)))
        return anchors

    def _write(self, outputs: Sequence[Floats], anchor: Anchor, item: Found, score: float) -> None:
        logits = outputs[1 - self._boxes][anchor.row]
        logits[:] = BACKGROUND_LOGIT
        logits[item.class_id] = self._stored(score)
        outputs[self._boxes][anchor.row] = anchor.box
