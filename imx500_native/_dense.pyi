from collections.abc import Sequence
from typing import Self, final

import numpy as np
import numpy.typing as npt
from typing_extensions import disjoint_base

@disjoint_base
class BoxHead:
    def __call__(
        self, outputs: Sequence[npt.NDArray[np.float32]]
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32], npt.NDArray[np.int32]]: ...

@final
class NanoDet(BoxHead):
    def __new__(
        cls,
        classes: int,
        bins: int,
        strides: Sequence[int],
        size: tuple[int, int],
        anchors: int,
        threshold: float,
        iou_threshold: float,
        max_detections: int,
        plus_one: bool,
    ) -> Self: ...

@final
class EfficientDet(BoxHead):
    def __new__(
        cls,
        classes: int,
        levels: tuple[int, int],
        anchor_scale: float,
        boxes_first: bool,
        size: tuple[int, int],
        anchors: int,
        threshold: float,
        iou_threshold: float,
        max_detections: int,
        plus_one: bool,
    ) -> Self: ...

@final
class YOLOv5(BoxHead):
    def __new__(
        cls,
        classes: int,
        levels: Sequence[
            tuple[
                tuple[int, ...],
                tuple[int, int],
                tuple[int, int, int],
                float,
                Sequence[tuple[float, float]],
            ]
        ],
        logits: bool,
        size: tuple[int, int],
        anchors: int,
        threshold: float,
        iou_threshold: float,
        max_detections: int,
        plus_one: bool,
    ) -> Self: ...

@final
class YOLOv5Decoded(BoxHead):
    def __new__(
        cls,
        classes: int,
        units: tuple[float, float],
        size: tuple[int, int],
        anchors: int,
        threshold: float,
        iou_threshold: float,
        max_detections: int,
        plus_one: bool,
    ) -> Self: ...

def nms(
    xyxy: npt.ArrayLike,
    confidence: npt.ArrayLike,
    iou_threshold: float = 0.5,
    *,
    class_id: npt.ArrayLike | None = None,
    max_detections: int | None = None,
    plus_one: bool = False,
) -> npt.NDArray[np.intp]: ...
