"""Scenes as the scores of a classifier."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from imx500_native.simulation.encoders.base import Encoder
from imx500_native.simulation.likenesses import is_known, mistaken_for, plain_name

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from imx500_native.network import Network
    from imx500_native.simulation.packing import Floats
    from imx500_native.simulation.scene import Scene, SceneObject

_Shares: TypeAlias = "NDArray[np.float64]"

_SURE = 0.9
"""Share of all confidence that goes to what is there; the rest falls on everything else."""

_OWN_SHARE = 0.82
"""Share of an object's confidence for its own class; the rest falls on classes that look alike."""

_FADING = 0.45
"""Each class that looks alike has this share of what the one before it left over."""


class ClassificationEncoder(Encoder):
    """Writes a scene as one score per class: the most prominent object's is the highest.

    Parameters
    ----------
    network : Network
        With one output (classes,): probabilities where its values end at 1, else logits.
    noise : float
        0 depends on the scene alone; 1 changes each score by about a fifth of itself.
    """

    task = "classification"

    def __init__(self, network: Network, noise: float) -> None:
        super().__init__(network, noise)
        self._count = network.outputs[0].elements
        self._low, self._high = network.outputs[0].value_range
        self._probabilities = self._low >= 0 and self._high <= 1
        by_name = {plain_name(label): class_id for class_id, label in reversed(self.choices)}
        self._alike = {
            class_id: [by_name[name] for name in mistaken_for(label) if name in by_name]
            for class_id, label in self.choices
            if is_known(label)
        }
        # A few classes come to any network's mind, whatever it sees.
        tail = np.random.default_rng(0).exponential(1, self._count) ** 2
        self._tail = tail / tail.sum()

    def __call__(self, scene: Scene) -> list[Floats]:
        """Encode one moment."""
        shares = self._tail.copy()
        weights = np.array([prominence(item) ** 2 for item in scene.objects])
        if len(weights) and weights.sum() > 0:
            shares *= 1 - _SURE
            for item, weight in zip(scene.objects, weights / weights.sum(), strict=True):
                self._add(shares, item.class_id, _SURE * float(weight))
        if self._noise > 0:
            shares *= np.exp(scene.rng.normal(0, 0.2 * min(self._noise, 10.0), self._count))
            shares /= shares.sum()
        if self._probabilities:
            return [shares.astype(np.float32)]
        return [self._logits(shares)]

    def _add(self, shares: _Shares, own: int, share: float) -> None:
        alike = self._alike.get(own, [])
        shares[own] += share * (_OWN_SHARE if alike else 1.0)
        left = share * (1 - _OWN_SHARE)
        for other in alike:
            shares[other] += left * _FADING
            left *= 1 - _FADING

    def _logits(self, shares: _Shares) -> Floats:
        """Logits with this softmax, about the middle of what the tensor can carry."""
        logits = np.log(np.maximum(shares, 1e-9))
        # What is too unlikely to matter may be cut off, the likeliest must not.
        most = min(self._high, logits.max() - np.median(logits) + max(self._low, -6.0))
        logits = np.clip(logits - logits.max() + most, self._low, self._high)
        return np.asarray(logits, np.float32)


def prominence(item: SceneObject) -> float:
    """How much an object takes a viewer's eye: by its size, and if it is near the middle."""
    x0, y0, x1, y1 = item.xyxy
    off_x, off_y = (x0 + x1) / 2 - 0.5, (y0 + y1) / 2 - 0.5
    central = max(1 - (off_x**2 + off_y**2) / 0.4, 0.1)
    return (x1 - x0) * (y1 - y0) * item.visible * central
