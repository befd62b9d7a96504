"""From the simulated scene to the tensors that a network would send: one encoder per head."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from imx500_native.errors import SimulationError
from imx500_native.heads import fitting_head
from imx500_native.simulation.encoders.classification import ClassificationEncoder
from imx500_native.simulation.encoders.detections import NanoDetEncoder, OnSensorEncoder
from imx500_native.simulation.encoders.higherhrnet import HigherHRNetEncoder
from imx500_native.simulation.encoders.posenet import PoseNetEncoder
from imx500_native.simulation.encoders.segmentation import SegmentationEncoder
from imx500_native.simulation.figures import FIGURES

if TYPE_CHECKING:
    from imx500_native.network import Network
    from imx500_native.simulation.packing import Floats
    from imx500_native.simulation.scene import ClassChoice, Scene

Encode: TypeAlias = "Callable[[Scene, Network], Sequence[Any]]"
Encoder: TypeAlias = "Callable[[Scene], Sequence[Floats]]"

_ENCODERS: dict[str, Callable[[Network, Sequence[ClassChoice], float], Encoder]] = {
    "on_sensor": OnSensorEncoder,
    "nanodet": NanoDetEncoder,
    "posenet": PoseNetEncoder,
    "higherhrnet": HigherHRNetEncoder,
    "segmentation": SegmentationEncoder,
    "classification": ClassificationEncoder,
}
"""Encoders by the name of the head that reads what they write."""

_UNNAMED_CLASSES = 10
_PERSON = (0, "person")


def encoder_for(network: Network, classes: Sequence[ClassChoice], noise: float) -> Encoder:
    """Make the encoder whose tensors the network's head reads back.

    Parameters
    ----------
    network : Network
        The network to imitate.
    classes : sequence of (int, str or None)
        Classes that the scene's objects may have.
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
    encoder = None if head is None else _ENCODERS.get(head.name)
    if encoder is None:
        raise SimulationError(
            f"network {network.name!r} (task: {network.task or 'unknown'}) has outputs "
            f"{', '.join(map(str, network.output_shapes))}, and there is no built-in encoder for "
            f"them, as there is for the heads {', '.join(_ENCODERS)}. Pass encode=f, where "
            "f(scene, network) returns one array per output"
        )
    return encoder(network, classes, noise)


def gives_no_result(network: Network) -> bool:
    """Tell whether a network only passes its input on: the zoo's "inputtensoronly"."""
    return network.network_name == "model_file0" and network.output_shapes == ((10,),)


def class_choices(network: Network) -> list[ClassChoice]:
    """Class ids that the network can report, each with its name; placeholders ("-") left out."""
    if network.task == "pose estimation":
        return [_PERSON]
    if gives_no_result(network):
        return list(enumerate(FIGURES))
    largest = int(network.outputs[2].value_range[1]) if network.detects_on_sensor else None
    # Of a segmentation, the first class is the background.
    first = 1 if network.task == "segmentation" else 0
    if network.labels is None:
        known: list[ClassChoice] = [(first + i, None) for i in range(_UNNAMED_CLASSES)]
    else:
        known = [(i, label) for i, label in enumerate(network.labels) if i >= first and label != "-"]
    return [choice for choice in known if largest is None or choice[0] <= largest]


class _Meaningless:
    """Random numbers, for a network whose outputs mean nothing."""

    def __init__(self, network: Network) -> None:
        self._outputs = network.outputs

    def __call__(self, scene: Scene) -> list[Floats]:
        return [
            scene.rng.uniform(*output.value_range, output.shape).astype(np.float32)
            for output in self._outputs
        ]
