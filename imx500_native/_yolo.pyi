from collections.abc import Sequence
from typing import Any, final

import numpy as np
import numpy.typing as npt

Place = tuple[int, int, bool]

class TensorReader:
    def __init__(
        self,
        shapes: tuple[tuple[int, ...], ...],
        anchors: int,
        *,
        threshold: float,
        max_detections: int,
        boxes: Place,
        units: tuple[float, float],
        levels: tuple[tuple[int, int, float], ...] = ...,
        keypoints: tuple[Place, int, int, bool, bool] | None = None,
        coefficients: tuple[Place, int] | None = None,
        prototypes: tuple[int, bool] | None = None,
    ) -> None: ...
    def __call__(
        self, outputs: Sequence[npt.NDArray[np.float32]]
    ) -> tuple[npt.NDArray[Any], ...] | None: ...

@final
class YoloReader(TensorReader):
    def __init__(
        self,
        shapes: tuple[tuple[int, ...], ...],
        anchors: int,
        *,
        scores: tuple[Place, int],
        score_logits: bool,
        box_form: int,
        iou_threshold: float,
        **options: Any,
    ) -> None: ...

@final
class SuppressedReader(TensorReader):
    def __init__(
        self, shapes: tuple[tuple[int, ...], ...], anchors: int, **options: Any
    ) -> None: ...

def network_masks(
    logits: npt.NDArray[np.float32], xyxy: npt.NDArray[np.float32]
) -> npt.NDArray[np.bool_]: ...
def picture_masks(
    logits: npt.NDArray[np.float32],
    xyxy: npt.NDArray[np.float32],
    x: tuple[float, float, int],
    y: tuple[float, float, int],
    swapped: bool,
) -> npt.NDArray[np.bool_]: ...
