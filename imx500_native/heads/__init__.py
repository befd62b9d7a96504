"""Network heads: each reads the output tensors of one kind of network.

A head is found by asking them in the order of `HEADS`; the special go before the general.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from imx500_native.errors import DecoderError

if TYPE_CHECKING:
    from imx500_native.heads.base import Head
    from imx500_native.network import Network

HEADS = {
    "on_sensor": "on_sensor:OnSensorHead",
    "ultralytics_pose": "ultralytics:UltralyticsPoseHead",
    "ultralytics_segmentation": "ultralytics:UltralyticsSegmentationHead",
    "yolov8_segmentation": "yolov8_segmentation:Yolov8SegmentationHead",
    "yolov8_pose": "yolov8_pose:Yolov8PoseHead",
    "yolov8": "yolov8:Yolov8Head",
    "nanodet": "nanodet:NanoDetHead",
    "yolov5": "yolov5:YoloV5Head",
    "efficientdet": "efficientdet:EfficientDetHead",
    "posenet": "posenet:PosenetHead",
    "higherhrnet": "higherhrnet:HigherHrnetHead",
    "segmentation": "segmentation:SegmentationHead",
    "classification": "classification:ClassificationHead",
}
"""Module and class of each head, by the name that users give; imported when one is needed."""


def head_class(name: str) -> type[Head]:
    """Return a head's class by its name.

    Parameters
    ----------
    name : str
        One of `HEADS`.

    Returns
    -------
    type

    Raises
    ------
    DecoderError
        If there is no such head.
    """
    place = HEADS.get(name)
    if place is None:
        raise DecoderError(
            f"there is no head {name!r:.40}; known: {', '.join(HEADS)}, or pass your own function "
            "f(outputs, network)"
        )
    module, _, attribute = place.partition(":")
    found: type[Head] = getattr(importlib.import_module(f"{__name__}.{module}"), attribute)
    return found


def fitting_head(network: Network) -> type[Head] | None:
    """Return the first head that reads a network's outputs, or None.

    Parameters
    ----------
    network : Network

    Returns
    -------
    type or None
    """
    for name in HEADS:
        head = head_class(name)
        if head.fits(network):
            return head
    return None
