"""From the simulated scene to the tensors that a network would send: one encoder per head."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from imx500_native.errors import SimulationError
from imx500_native.heads import fitting_head
from imx500_native.simulation.encoders.classes import gives_no_result
from imx500_native.simulation.encoders.classification import ClassificationEncoder
from imx500_native.simulation.encoders.detections import NanoDetEncoder, OnSensorEncoder
from imx500_native.simulation.encoders.higherhrnet import HigherHRNetEncoder
from imx500_native.simulation.encoders.posenet import PoseNetEncoder
from imx500_native.simulation.encoders.segmentation import SegmentationEncoder

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from imx500_native.network import Network
    from imx500_native.simulation.packing import Floats
    from imx500_native.simulation.scene import Scene

Encode: TypeAlias = "Callable[[Scene, Network], Sequence[Any]]"
Encoder: TypeAlias = "Callable[[Scene], Sequence[Floats]]"

_ENCODERS: dict[str, Callable[[Network, float], Encoder]] = {
    "on_sensor": OnSensorEncoder,
    "nanodet": NanoDetEncoder,
    "posenet": PoseNetEncoder,
    "higherhrnet": HigherHRNetEncoder,
    "segmentation": SegmentationEncoder,
    "classification": ClassificationEncoder,
}
"""Encoders by the name of the head that reads what they write."""


def encoder_for(network: Network, noise: float) -> Encoder:
    """Make the encoder whose tensors the network's head reads back.

    Parameters
    ----------
    network : Network
        The network to imitate.
    noise : float
        0 is exact; 1 is about as restless as a real network.

    Raises
    ------
    SimulationError
        If there is none.
    """
    if gives_no_result(network):
        return _Meaningless(network)
    head = fitting_head(network)
    encoder = None if head is None else _ENCODERS.get(str(head.name))
    if encoder is None:
        raise SimulationError(
            f"network {network.name!r} (task: {network.task or 'unknown'}) has outputs "
            f"{', '.join(map(str, network.output_shapes))}, and there is no built-in encoder for "
            f"them, as there is for the heads {', '.join(_ENCODERS)}. Pass encode=f, where "
            "f(scene, network) returns one array per output"
        )
    return encoder(network, noise)


class _Meaningless:
    """Random numbers, for a network whose outputs mean nothing."""

    def __init__(self, network: Network) -> None:
        self._outputs = network.outputs

    def __call__(self, scene: Scene) -> list[Floats]:
        return [
            scene.rng.uniform(*output.value_range, output.shape).astype(np.float32)
            for output in self._outputs
        ]
