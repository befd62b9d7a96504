"""Scenes as the tensors of HigherHRNet, which post-processes on the sensor as far as candidates."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from imx500_native.simulation.encoders.base import Encoder
from imx500_native.simulation.encoders.people import JOINTS, joint_score, people_in, require_coco

if TYPE_CHECKING:
    from imx500_native.network import Network
    from imx500_native.simulation.packing import Floats
    from imx500_native.simulation.scene import Scene

_DOWNSCALE = 2
_TAG_SPACING = 1.6
_TAG_SPREAD = 0.04


class HigherHRNetEncoder(Encoder):
    """Writes people as the best candidates of each joint: tags, places in a map, heat values.

    Tags of one person are alike and those of two differ (Cheng et al., "HigherHRNet", 2020). Rows
    are candidates, best first; those that no person claims are weak, with tags of their own.

    Parameters
    ----------
    network : Network
        Its map has half the size of its input.
    noise : float
        As for `people_in`; it also spreads the tags.

    Raises
    ------
    SimulationError
        If the network has other joints.
    """

    task = "pose estimation"

    def __init__(self, network: Network, noise: float) -> None:
        super().__init__(network, noise)
        self._candidates, joints = network.output_shapes[0]
        require_coco(network, joints)
        self._columns = network.input.width // _DOWNSCALE
        self._rows = network.input.height // _DOWNSCALE
        self._tag_range = network.outputs[0].value_range

    def __call__(self, scene: Scene) -> list[Floats]:
        """Encode one moment: tags, flat indices row * columns + column, heat values."""
        people = people_in(scene, self._noise)[::-1][: self._candidates]
        rng, shape = scene.rng, (self._candidates, JOINTS)
        tags, indices = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
        values = np.zeros(shape, np.float32)
        if self._noise > 0:
            tags[:] = rng.uniform(*self._tag_range, shape)
            indices[:] = rng.integers(0, self._columns * self._rows, shape)
            values[:] = np.sort(rng.uniform(0, 0.08, shape), axis=0)[::-1]
        own_tags = self._tags(len(people))
        size = (self._columns, self._rows)
        for joint in range(JOINTS):
            place = np.floor(people[:, joint, :2] * size).astype(np.int64)
            inside = ((place >= 0) & (place < size)).all(axis=1)
            shown = np.flatnonzero(inside & (people[:, joint, 2] > joint_score(0) + 1e-6))
            order = shown[np.argsort(-people[shown, joint, 2], kind="stable")]
            count = len(order)
            tags[:count, joint] = own_tags[order]
            if self._noise > 0:
                tags[:count, joint] += rng.normal(0, _TAG_SPREAD * self._noise, count)
            indices[:count, joint] = place[order, 1] * self._columns + place[order, 0]
            values[:count, joint] = people[order, joint, 2]
        return [tags, indices, values]

    def _tags(self, people: int) -> Floats:
        """Tags as far apart as they need to be, closer together only in a large crowd."""
        low, high = self._tag_range
        spacing = min(_TAG_SPACING, (high - low) / max(people, 1))
        return ((np.arange(people) - (people - 1) / 2) * spacing).astype(np.float32)
