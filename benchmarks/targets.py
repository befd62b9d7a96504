"""What was promised of the benchmarks."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import cases
import timing
from heads import classification, higherhrnet, nanodet, nms, posenet, segmentation, yolov8

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cases import Row

SSD = "ssd_mobilenetv2_fpnlite_320x320_pp"
ONE_OUTPUT = (cases.SMALL, "deeplabv3plus", "nanodet_plus_416x416")


class Target(NamedTuple):
    """What the design promises of some measurements, of which the worst counts.

    One of three: a ratio, a share of the peer's time, or a time. Those `in_readme` stand there too.
    """

    job: str
    networks: tuple[str, ...]
    text: str
    least_ratio: float = 0.0
    most_share: float = 0.0
    most_s: float = 0.0
    peer: str = "picamera2"
    in_readme: bool = False

    def used(self, row: Row) -> float:
        """Return how much a row takes of what it may: more than 1 breaks the promise."""
        if self.most_s:
            return row.ours_s / self.most_s
        assert row.ratio is not None
        if self.least_ratio:
            return self.least_ratio / row.ratio
        return 1 / row.ratio / self.most_share

    def covers(self, row: Row) -> bool:
        """Tell whether the promise was made of this row."""
        return (self.job, self.peer) == (row.job, row.peer) and row.network in self.networks

    def worst(self, rows: Iterable[Row]) -> Row | None:
        """Return the row that decides, if one was measured."""
        return max(filter(self.covers, rows), key=self.used, default=None)

    def measured(self, row: Row) -> str:
        """Return what was measured, in the words of the promise."""
        if self.most_s:
            return timing.duration(row.ours_s)
        assert row.ratio is not None
        return timing.ratio(row.ratio if self.least_ratio else 1 / row.ratio)


def mark(used: Iterable[float]) -> str:
    """Return a tick, a cross where one promise is broken, or nothing where there is none."""
    worst = max(used, default=None)
    return "" if worst is None else "✓" if worst <= 1 else "✗"


def mark_of(row: Row) -> str:
    """Return the mark of all that was promised of a row."""
    return mark(target.used(row) for target in TARGETS if target.covers(row))


TARGETS = (
    Target(
        cases.detections_job(10),
        (SSD,),
        "metadata to detections in stream pixels, SSD, 10 objects: at least 40x as fast",
        least_ratio=40,
        in_readme=True,
    ),
    Target(
        cases.IMAGE_TUPLE,
        ("yolov8n_pp", "yolo11n_pp"),
        "input image, 640x640: at least 50x as fast",
        least_ratio=50,
        in_readme=True,
    ),
    Target(
        cases.TUPLE_LOOP,
        ("402976",),
        "402,976 floats of a tuple: at least 10x",
        least_ratio=10,
        peer="numpy.fromiter",
    ),
    Target(
        cases.REQUEST_OUTPUTS,
        ONE_OUTPUT,
        "request to outputs, one output: at most 4 µs",
        most_s=4e-6,
    ),
    Target(
        cases.REQUEST_OUTPUTS,
        (SSD,),
        "request to outputs, four outputs: at most 5 µs",
        most_s=5e-6,
    ),
    Target(
        cases.REQUEST_GROWTH,
        ("",),
        "request to outputs, one output, from 601 to 402,976 floats: at most 1.5 µs more",
        most_s=1.5e-6,
        peer="",
    ),
    Target(
        cases.REQUEST_OUTPUTS,
        (SSD,),
        "request to outputs, 601 floats: at least 25x as fast",
        least_ratio=25,
        in_readme=True,
    ),
    Target(
        cases.REQUEST_OUTPUTS,
        ("deeplabv3plus",),
        "request to outputs, 102,400 floats: at least 2,500x",
        least_ratio=2500,
    ),
    Target(
        cases.REQUEST_OUTPUTS,
        ("nanodet_plus_416x416",),
        "request to outputs, 402,976 floats: at least 8,000x",
        least_ratio=8000,
        in_readme=True,
    ),
    Target(
        cases.CAMERA_CAPTURE,
        (*ONE_OUTPUT, SSD),
        "imx.Camera, completed frame to outputs, capture(): at most 2.5 µs",
        most_s=2.5e-6,
        peer="",
    ),
    Target(
        cases.CAMERA_LOOP,
        (*ONE_OUTPUT, SSD),
        "imx.Camera, completed frame to outputs, for loop: at most 2.5 µs",
        most_s=2.5e-6,
        peer="",
        in_readme=True,
    ),
    Target(
        cases.REQUEST_DETECTIONS,
        (SSD,),
        "request to detections in stream pixels, SSD, 10 objects: at most 15 µs",
        most_s=15e-6,
        in_readme=True,
    ),
    Target(
        cases.REQUEST_METADATA,
        (*ONE_OUTPUT, SSD, "mobilenet_v2"),
        "whole metadata with the input tensor, any network: at least 10x the bindings",
        least_ratio=10,
        peer="libcamera",
    ),
    Target(
        cases.REQUEST_ROI,
        (SSD,),
        "get_roi_scaled of a request, 601 floats: at least 50x as fast",
        least_ratio=50,
    ),
    Target(
        cases.FLOAT_BOXES,
        ("",),
        "100 boxes into the picture, in floats: at least 200x the call for each",
        least_ratio=200,
        in_readme=True,
    ),
    Target(
        cases.EXACT_BOXES,
        ("",),
        "100 boxes into the picture, picamera2's integers: at least 200x",
        least_ratio=200,
    ),
    Target(
        cases.LATENCY_BUDGET,
        ("",),
        "LatencyBudget, one frame: at most 1 µs",
        most_s=1e-6,
        peer="",
    ),
    Target(
        cases.IMPORT,
        ("",),
        "import: at most 1.5x the time of import numpy",
        most_share=1.5,
        peer="numpy",
    ),
    Target(
        cases.DEMO,
        ("",),
        "100 frames of the demo, with the picture: at most 5 s",
        most_s=5,
        peer="",
    ),
    Target(
        nanodet.JOB, (nanodet.NETWORK,), "NanoDet raw, 10 objects: at least 30x", 30, in_readme=True
    ),
    Target(
        higherhrnet.people_job(6),
        (higherhrnet.NETWORK,),
        "HigherHRNet, 6 people: at least 50x",
        50,
        in_readme=True,
    ),
    Target(
        yolov8.DETECTIONS, ("yolov8",), "YOLOv8 raw, 10 objects: at least 50x", 50, in_readme=True
    ),
    Target(yolov8.POSES, ("yolov8",), "YOLOv8 raw, 10 people's poses: at least 50x", 50),
    Target(
        posenet.people_job(5),
        (posenet.NETWORK,),
        "PoseNet, 5 people: at least 4x modlib's C++",
        4,
        peer="modlib",
        in_readme=True,
    ),
    Target(
        nms.AROUND_OBJECTS,
        ("",),
        "NMS of 300 boxes around 10 objects: at least 100x",
        100,
        in_readme=True,
    ),
    Target(nms.AROUND_MANY, ("",), "NMS of 300 boxes around 75 objects: at least 100x", 100),
    Target(nms.IN_A_CROWD, ("",), "NMS of 300 boxes in a crowd: at least 100x", 100),
    Target(
        segmentation.OVERLAYS,
        (segmentation.NETWORK,),
        "segmentation masks: at least 20x",
        20,
        in_readme=True,
    ),
    Target(
        classification.BEST_FIVE,
        (classification.NETWORK,),
        "softmax and top 5: at least 10x",
        10,
        in_readme=True,
    ),
)
