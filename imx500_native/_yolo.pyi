from collections.abc import Sequence
from typing import Any, Self, TypeAlias, final

import numpy as np
import numpy.typing as npt
from typing_extensions import disjoint_base

_Place: TypeAlias = tuple[int, int, bool]

@disjoint_base
class TensorReader:
    def _prepare(
        self,
        shapes: tuple[tuple[int, ...], ...],
        anchors: int,
        *,
        threshold: float,
        max_detections: int,
        boxes: _Place,
        units: tuple[float, float],
        levels: tuple[tuple[int, int, float], ...] = ...,
        keypoints: tuple[_Place, int, int, bool, bool] | None = None,
        coefficients: tuple[_Place, int] | None = None,
        prototypes: tuple[int, bool] | None = None,
    ) -> None: ...
    def __call__(
        self, outputs: Sequence[npt.NDArray[np.float32]]
    ) -> tuple[npt.NDArray[Any], ...]: ...

@final
class YOLOReader(TensorReader):
    def __new__(
        cls,
        shapes: tuple[tuple[int, ...], ...],
        anchors: int,
        *,
        scores: tuple[_Place, int],
        score_logits: bool,
        box_form: int,
        iou_threshold: float,
        **options: Any,
    ) -> Self: ...

@final
class SuppressedReader(TensorReader):
    def __new__(cls, shapes: tuple[tuple[int, ...], ...], anchors: int, **options: Any) -> Self: ...
