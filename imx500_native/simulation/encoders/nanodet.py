"""Scenes as the raw output of NanoDet."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from imx500_native.heads.nanodet import BINS, fitting_strides
from imx500_native.simulation.encoders.anchors import (
    BACKGROUND_LOGIT,
    Anchor,
    AnchorEncoder,
    level_for,
    sides_from,
    square_grids,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imx500_native.network import Network
    from imx500_native.simulation.encoders.detections import Found
    from imx500_native.simulation.packing import Floats
    from imx500_native.simulation.scene import Box

_ROOM = BINS - 2
"""Of the distances in strides, less what an anchor may lie off the middle."""


class NanoDetEncoder(AnchorEncoder):
    """Writes a scene as class logits and distance distributions.

    The distances from an anchor (x * stride, y * stride) to the four sides are means of
    distributions over whole strides (Li et al., "Generalized Focal Loss", 2020); two neighbouring
    bins give any mean.

    Parameters
    ----------
    network : Network
        With one output (anchors, classes + 32).
    noise : float
        As for `AnchorEncoder`.
    """

    def __init__(self, network: Network, noise: float) -> None:
        self._low, self._high = network.outputs[0].value_range
        self._step = network.outputs[0].scale
        self._class_count = network.output_shapes[0][1] - 4 * BINS
        strides = fitting_strides(network)
        assert strides is not None
        self._grids = square_grids(network.input, strides)
        super().__init__(network, noise, self._class_count, logits=True)

    def _scores(self, outputs: Sequence[Floats]) -> list[Floats]:
        return [outputs[0][:, : self._class_count]]

    def _anchors(self, box: Box) -> list[Anchor]:
        x0, y0, x1, y1 = box
        grid = level_for(box, self._grids, _ROOM)
        stride = grid.cell[0]
        anchors: list[Anchor] = []
        # The nearest corner of a cell is that of the cell half a stride on.
        for column, line, away in grid.about((x0 + x1 + stride) / 2, (y0 + y1 + stride) / 2):
            distances = sides_from(column * stride, line * stride, box, stride)
            if not anchors or all(0 <= one <= BINS - 1 for one in distances):
                row = grid.first + line * grid.columns + column
                anchors.append(Anchor(row, grid, column, line, away, distances))
        return anchors

    def _write(self, outputs: Sequence[Floats], anchor: Anchor, item: Found, score: float) -> None:
        row = outputs[0][anchor.row]
        row[: self._class_count] = BACKGROUND_LOGIT
        row[item.class_id] = self._stored(score)
        parts = row[self._class_count :].reshape(4, BINS)
        for part, distance in zip(parts, anchor.box, strict=True):
            part[:] = self._low
            lower = min(max(int(distance), 0), BINS - 2)
            share = min(max(distance - lower, 0.0), 1.0)
            part[lower : lower + 2] = self._two_bins(share)

    def _two_bins(self, share: float) -> tuple[float, float]:
        """Logits of two bins whose softmax gives `share` to the second."""
        room = self._high - self._low
        apart = room if share >= 1 else -room if share <= 0 else math.log(share / (1 - share))
        apart = round(min(max(apart, -room), room) / self._step) * self._step
        return self._high - max(apart, 0.0), self._high + min(apart, 0.0)
