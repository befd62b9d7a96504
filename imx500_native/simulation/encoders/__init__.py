"""From the simulated scene to the tensors that a network would send: one encoder per head."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from imx500_native.errors import SimulationError
from imx500_native.heads import fitting_head
from imx500_native.simulation.encoders.base import Encoder
from imx500_native.simulation.encoders.classes import gives_no_result

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from imx500_native.network import Network
    from imx500_native.simulation.packing import Floats
    from imx500_native.simulation.scene import Scene

Encode: TypeAlias = "Callable[[Scene, Network], Sequence[Any]]"

_ENCODERS = {
    "on_sensor": "detections:OnSensorEncoder",
    "ultralytics_pose": "ultralytics:UltralyticsPoseEncoder",
    "ultralytics_segmentation": "ultralytics:UltralyticsSegmentationEncoder",
    "yolov8_segmentation": "yolov8:YOLOv8SegmentationEncoder",
    "yolov8_pose": "yolov8:YOLOv8PoseEncoder",
    "yolov8": "yolov8:YOLOv8Encoder",
    "nanodet": "nanodet:NanoDetEncoder",
    "yolov5": "yolov5:YOLOv5Encoder",
    "efficientdet": "efficientdet:EfficientDetEncoder",
    "posenet": "posenet:PoseNetEncoder",
    "higherhrnet": "higherhrnet:HigherHRNetEncoder",
    "segmentation": "segmentation:SegmentationEncoder",
    "classification": "classification:ClassificationEncoder",
}
"""Module and class of each head's encoder, by the head's name; imported when one is needed."""


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
        return _Meaningless(network, noise)
    head = fitting_head(network)
    if head is None:
        raise SimulationError(
            f"network {network.name!r} (task: {network.task or 'unknown'}) has outputs "
            f"{', '.join(map(str, network.output_shapes))}, and there is no built-in encoder for "
            f"them, as there is for the heads {', '.join(_ENCODERS)}. Pass encode=f, where "
            "f(scene, network) returns one array per output"
        )
    module, _, attribute = _ENCODERS[head.name].partition(":")
    found: type[Encoder] = getattr(importlib.import_module(f"{__name__}.{module}"), attribute)
    return found(network, noise)


class _Meaningless(Encoder):
    """Random numbers, for a network whose outputs mean nothing."""

    task = None

    def __init__(self, network: Network, noise: float) -> None:
        super().__init__(network, noise)
        self._outputs = network.outputs

    def __call__(self, scene: Scene) -> list[Floats]:
        return [
            scene.rng.uniform(*output.value_range, output.shape).astype(np.float32)
            for output in self._outputs
        ]
