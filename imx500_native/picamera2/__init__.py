"""The names of ``picamera2.devices.imx500``, on this package.

Change ``from picamera2.devices import IMX500`` into ``from imx500_native.picamera2 import IMX500``;
or change nothing, and run the program with ``python -m imx500_native.picamera2 program.py``.
docs/picamera2.md lists what differs.
"""

from __future__ import annotations

# picamera2's package has the module as an attribute, too.
from imx500_native.picamera2 import postprocess  # noqa: F401
from imx500_native.picamera2.imx500 import IMX500, NetworkIntrinsics
from imx500_native.picamera2.installing import install
from imx500_native.picamera2.postprocess_efficientdet_lite0 import (
    postprocess_efficientdet_lite0_detection,
)
from imx500_native.picamera2.postprocess_nanodet import postprocess_nanodet_detection
from imx500_native.picamera2.postprocess_yolov5 import postprocess_yolov5_detection
from imx500_native.picamera2.postprocess_yolov8 import postprocess_yolov8_detection

__all__ = [
    "IMX500",
    "NetworkIntrinsics",
    "install",
    "postprocess_efficientdet_lite0_detection",
    "postprocess_nanodet_detection",
    "postprocess_yolov5_detection",
    "postprocess_yolov8_detection",
]
