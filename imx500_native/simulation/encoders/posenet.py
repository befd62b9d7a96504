"""Scenes as the tensors of PoseNet: heat maps and the displacement maps of PersonLab."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from imx500_native.simulation.encoders.base import Encoder
from imx500_native.simulation.encoders.people import JOINTS, people_in

if TYPE_CHECKING:
    from imx500_native.network import Network
    from imx500_native.simulation.packing import Floats
    from imx500_native.simulation.scene import Scene

STRIDE = 16
_EDGES = (
    (0, 1), (1, 3), (0, 2), (2, 4),
    (0, 5), (5, 7), (7, 9), (5, 11), (11, 13), (13, 15),
    (0, 6), (6, 8), (8, 10), (6, 12), (12, 14), (14, 16),
)  # fmt: skip
"""From parent to child joint: the tree that PoseNet was trained on, from the nose outwards."""

_PARENTS, _CHILDREN = (np.array(ends) for ends in zip(*_EDGES, strict=True))

_BACKGROUND_LOGIT = -5.5
_SLOPE = 2.6
"""How much a joint's logit falls over one cell; it falls with the square of the distance."""

_REACH = 2.0
"""Cells away from a joint at which the maps still speak of it."""


class PoseNetEncoder(Encoder):
    """Writes people as heat maps, offsets to joints and offsets between joints.

    As in Papandreou et al., "PersonLab" (2018): near a joint, cell (row, column) holds the vector
    from its own place, (row, column) * 16 pixels, to the joint, and those to the neighbours of the
    joint in the skeleton. Of several people's joints, a cell speaks of the nearest.

    Parameters
    ----------
    network : Network
        Its maps are (rows, columns, 17), (rows, columns, 34) and (rows, columns, 64).
    noise : float
        As for `people_in`; it also stirs the heat maps.
    """

    task = "pose estimation"

    def __init__(self, network: Network, noise: float) -> None:
        super().__init__(network, noise)
        rows, columns = network.output_shapes[0][:2]
        self._size = np.array((network.input.width, network.input.height), np.float32)
        grid = np.meshgrid(np.arange(columns), np.arange(rows))
        # (rows, columns, x and y): what has joints goes before, so that maps lie in memory as sent.
        self._cells = np.stack(grid, axis=-1).astype(np.float32) * STRIDE

    def __call__(self, scene: Scene) -> list[Floats]:
        """Encode one moment: heat map logits, short offsets, offsets along the skeleton."""
        shape = self._cells.shape[:2]
        heat = np.full((JOINTS, *shape), _BACKGROUND_LOGIT, np.float32)
        short = np.zeros((2, JOINTS, *shape), np.float32)
        middle = np.zeros((2, 2, len(_EDGES), *shape), np.float32)
        if self._noise > 0:
            heat += scene.rng.normal(0, 0.5 * min(self._noise, 3.0), heat.shape)
        people = people_in(scene, self._noise)
        if len(people):
            self._write(people, heat, short, middle)
        maps = (heat, short.reshape(-1, *shape), middle.reshape(-1, *shape))
        return [np.moveaxis(one, 0, -1) for one in maps]

    def _write(self, people: Floats, heat: Floats, short: Floats, middle: Floats) -> None:
        # Cell (row, column) stands for the middle of that pixel.
        places = people[:, :, :2] * self._size - np.float32(0.5)
        away = places[:, :, np.newaxis, np.newaxis] - self._cells
        square = np.square(away).sum(axis=-1)
        nearest = square.argmin(axis=0)
        joints = np.arange(JOINTS)[:, np.newaxis, np.newaxis]
        square = np.take_along_axis(square, nearest[np.newaxis], axis=0)[0]
        near = square <= (_REACH * STRIDE) ** 2

        logits = _peaks(people[:, :, 2], places)[nearest, joints] - square * (_SLOPE / STRIDE**2)
        heat[near] = np.maximum(heat, logits)[near]
        rows, columns = np.indices(near.shape[1:], sparse=True)
        offsets = away[nearest, joints, rows, columns]
        for axis in (0, 1):
            short[1 - axis][near] = offsets[..., axis][near]
        for backward, (own, other) in enumerate(((_PARENTS, _CHILDREN), (_CHILDREN, _PARENTS))):
            target = places[nearest[own], other[:, np.newaxis, np.newaxis]] - self._cells
            for axis in (0, 1):
                middle[backward, 1 - axis] = np.where(near[own], target[..., axis], 0)


def _peaks(scores: Floats, places: Floats) -> Floats:
    """Logits at joints, such that interpolation between the four cells about one gives its score.

    Between the cells at a and a + 1, what falls with the square of the distance from a place
    a + f is f * (1 - f) times the slope too low there.
    """
    part = places / STRIDE - np.floor(places / STRIDE)
    sag = (part * (1 - part)).sum(axis=-1)
    return np.asarray(np.log(scores / (1 - scores)) + _SLOPE * sag, np.float32)
