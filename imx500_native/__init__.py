"""Native layer for the Raspberry Pi AI Camera (Sony IMX500).

From the tensors that the sensor computes to named objects in picture pixels: see `Frame`,
`Network`, `Decoder`, `CoordinateMapper`, and `SimulatedCamera` for machines without a camera.
"""

from __future__ import annotations

import importlib
import importlib.util
from typing import TYPE_CHECKING

if importlib.util.find_spec("imx500_native._tensors") is None:
    raise ImportError(
        f"{__path__[0]} holds the sources of imx500_native, which are not built: start Python "
        "in another directory to use the installed package, or build them here with "
        "python setup.py build_ext --inplace"
    )

from imx500_native.decoding import Decoder
from imx500_native.errors import (
    CameraError,
    CameraOptionError,
    CameraTimeoutError,
    ControlMissingError,
    DecoderError,
    DeviceError,
    DeviceNotFoundError,
    DrawingError,
    GeometryError,
    Imx500Error,
    IntrinsicsError,
    LibcameraMissingError,
    MissingContextError,
    MissingExtraError,
    NetworkFileError,
    NetworkNotFoundError,
    NetworkTypeError,
    PipelineError,
    RequestStateError,
    SimulationError,
    TaskError,
    TensorInfoError,
    TensorTakenError,
)
from imx500_native.frame import Frame, Kpi
from imx500_native.geometry import FULL_ROI, SENSOR_SIZE, CoordinateMapper
from imx500_native.latency import LatencyBudget
from imx500_native.results import Detection, Detections

if TYPE_CHECKING:
    from imx500_native.camera import open_camera
    from imx500_native.device import Imx500Device
    from imx500_native.drawing import annotate
    from imx500_native.filtering import TemporalFilter
    from imx500_native.intrinsics import NetworkIntrinsics
    from imx500_native.live_camera import Camera
    from imx500_native.network import InputSpec, Network, OutputSpec
    from imx500_native.pipeline import Pipeline
    from imx500_native.results import (
        Classification,
        ClassScore,
        InstanceMask,
        InstanceMasks,
        Pose,
        Poses,
        Region,
        Segmentation,
    )
    from imx500_native.simulation import SimulatedCamera
    from imx500_native.suppression import nms

__version__ = "0.1.0"

__all__ = [
    "FULL_ROI",
    "SENSOR_SIZE",
    "Camera",
    "CameraError",
    "CameraOptionError",
    "CameraTimeoutError",
    "ClassScore",
    "Classification",
    "ControlMissingError",
    "CoordinateMapper",
    "Decoder",
    "DecoderError",
    "Detection",
    "Detections",
    "DeviceError",
    "DeviceNotFoundError",
    "DrawingError",
    "Frame",
    "GeometryError",
    "Imx500Device",
    "Imx500Error",
    "InputSpec",
    "InstanceMask",
    "InstanceMasks",
    "IntrinsicsError",
    "Kpi",
    "LatencyBudget",
    "LibcameraMissingError",
    "MissingContextError",
    "MissingExtraError",
    "Network",
    "NetworkFileError",
    "NetworkIntrinsics",
    "NetworkNotFoundError",
    "NetworkTypeError",
    "OutputSpec",
    "Pipeline",
    "PipelineError",
    "Pose",
    "Poses",
    "Region",
    "RequestStateError",
    "Segmentation",
    "SimulatedCamera",
    "SimulationError",
    "TaskError",
    "TemporalFilter",
    "TensorInfoError",
    "TensorTakenError",
    "annotate",
    "nms",
    "open_camera",
]

# A program pays for what it uses: one that detects objects not for the simulation, for example.
_LAZY = {
    "Camera": "imx500_native.live_camera",
    "ClassScore": "imx500_native.results",
    "Classification": "imx500_native.results",
    "Imx500Device": "imx500_native.device",
    "InputSpec": "imx500_native.network",
    "InstanceMask": "imx500_native.results",
    "InstanceMasks": "imx500_native.results",
    "Network": "imx500_native.network",
    "NetworkIntrinsics": "imx500_native.intrinsics",
    "OutputSpec": "imx500_native.network",
    "Pipeline": "imx500_native.pipeline",
    "Pose": "imx500_native.results",
    "Poses": "imx500_native.results",
    "Region": "imx500_native.results",
    "Segmentation": "imx500_native.results",
    "SimulatedCamera": "imx500_native.simulation",
    "TemporalFilter": "imx500_native.filtering",
    "annotate": "imx500_native.drawing",
    "nms": "imx500_native.suppression",
    "open_camera": "imx500_native.camera",
}


def __getattr__(name: str) -> object:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_LAZY[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
