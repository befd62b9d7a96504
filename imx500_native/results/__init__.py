"""What a network found, as structs of arrays."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from imx500_native.results.detections import Detection, Detections

if TYPE_CHECKING:
    from typing import TypeAlias

    from imx500_native.results.classification import Classification, ClassScore
    from imx500_native.results.instance_masks import InstanceMask, InstanceMasks
    from imx500_native.results.poses import Pose, Poses
    from imx500_native.results.segmentation import Region, Segmentation

    Result: TypeAlias = Detections | Poses | InstanceMasks | Segmentation | Classification

__all__ = [
    "ClassScore",
    "Classification",
    "Detection",
    "Detections",
    "InstanceMask",
    "InstanceMasks",
    "Pose",
    "Poses",
    "Region",
    "Segmentation",
]

# A program that detects objects should not pay for the results of other tasks.
_LAZY = {
    "ClassScore": "classification",
    "Classification": "classification",
    "InstanceMask": "instance_masks",
    "InstanceMasks": "instance_masks",
    "Pose": "poses",
    "Poses": "poses",
    "Region": "segmentation",
    "Segmentation": "segmentation",
}


def __getattr__(name: str) -> object:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_LAZY[name]}"), name)
    globals()[name] = value
    return value
