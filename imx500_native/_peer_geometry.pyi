from collections.abc import Sequence
from typing import final

import numpy as np
import numpy.typing as npt

def rectangle_scaled(
    rectangle: Sequence[int], numerator: Sequence[int], denominator: Sequence[int]
) -> tuple[int, int, int, int]: ...
def rectangle_bounded(
    rectangle: Sequence[int], bound: Sequence[int]
) -> tuple[int, int, int, int]: ...
def rectangle_of_ratio(full: Sequence[int], ratio: Sequence[int]) -> tuple[int, int, int, int]: ...

@final
class PeerChain:
    @property
    def full(self) -> tuple[int, int, int, int]: ...
    def __init__(
        self,
        full_size: Sequence[int],
        scaler_crop: Sequence[int],
        raw_size: Sequence[int],
        stream_size: Sequence[int],
        roi: Sequence[int] | None,
    ) -> None: ...
    def rectangle(self, on_sensor: Sequence[int]) -> tuple[int, int, int, int]: ...
    def picamera2_box(
        self, y0: float, x0: float, y1: float, x1: float
    ) -> tuple[int, int, int, int]: ...
    def picamera2_boxes(self, boxes: npt.ArrayLike) -> npt.NDArray[np.int64]: ...
    def rpicam_apps_boxes(self, rectangles: npt.ArrayLike) -> npt.NDArray[np.int64]: ...
