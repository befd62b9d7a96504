"""What was promised of the benchmarks."""

from __future__ import annotations

from typing import NamedTuple

import cases
from heads import classification, higherhrnet, nanodet, nms, posenet, segmentation, yolov8


class Target(NamedTuple):
    """What the design promises of one measurement: a ratio, or a share of the peer's time."""

    job: str
    network: str
    text: str
    least_ratio: float = 0.0
    most_share: float = float("inf")
    peer: str = "picamera2"

    def is_met(self, ratio: float) -> bool:
        """Tell whether a ratio, the peer's time over ours, keeps the promise."""
        return ratio >= self.least_ratio and 1 / ratio <= self.most_share

    def measured(self, ratio: float) -> str:
        """Return what was measured, in the words of the promise."""
        return f"{1 / ratio if self.least_ratio == 0 else ratio:.3g}x"


TARGETS = (
    Target(
        cases.detections_job(10),
        "ssd_mobilenetv2_fpnlite_320x320_pp",
        "metadata to detections in stream pixels, SSD, 10 objects: at least 40x as fast",
        least_ratio=40,
    ),
    Target(
        cases.IMAGE_TUPLE,
        "yolov8n_pp",
        "input image, 640x640: at least 50x as fast",
        least_ratio=50,
    ),
    Target(
        cases.TUPLE_LOOP,
        "402976",
        "402,976 floats of a tuple: at least 10x",
        least_ratio=10,
        peer="numpy.fromiter",
    ),
    Target(
        cases.REQUEST_OUTPUTS,
        "ssd_mobilenetv2_fpnlite_320x320_pp",
        "request to outputs, 601 floats: at least 25x as fast",
        least_ratio=25,
    ),
    Target(
        cases.REQUEST_OUTPUTS,
        "deeplabv3plus",
        "request to outputs, 102,400 floats: at least 2,500x",
        least_ratio=2500,
    ),
    Target(
        cases.REQUEST_OUTPUTS,
        "nanodet_plus_416x416",
        "request to outputs, 402,976 floats: at least 8,000x",
        least_ratio=8000,
    ),
    Target(
        cases.REQUEST_ROI,
        "ssd_mobilenetv2_fpnlite_320x320_pp",
        "get_roi_scaled of a request, 601 floats: at least 50x as fast",
        least_ratio=50,
    ),
    Target(
        cases.IMPORT,
        "",
        "import: at most 1.5x the time of import numpy",
        most_share=1.5,
        peer="numpy",
    ),
    Target(nanodet.JOB, nanodet.NETWORK, "NanoDet raw, 10 objects: at least 30x", 30),
    Target(
        higherhrnet.people_job(6), higherhrnet.NETWORK, "HigherHRNet, 6 people: at least 50x", 50
    ),
    Target(yolov8.DETECTIONS, "yolov8", "YOLOv8 raw, 10 objects: at least 50x", 50),
    Target(
        posenet.people_job(5),
        posenet.NETWORK,
        "PoseNet, 5 people: at least 4x modlib's C++",
        4,
        peer="modlib",
    ),
    Target(nms.AROUND_OBJECTS, "", "NMS of 300 boxes around 10 objects: at least 100x", 100),
    Target(nms.AROUND_MANY, "", "NMS of 300 boxes around 75 objects: at least 100x", 100),
    Target(nms.IN_A_CROWD, "", "NMS of 300 boxes in a crowd: at least 100x", 100),
    Target(segmentation.OVERLAYS, segmentation.NETWORK, "segmentation masks: at least 20x", 20),
    Target(classification.BEST_FIVE, classification.NETWORK, "softmax and top 5: at least 10x", 10),
)
