from collections.abc import Sequence
from typing import Self, final

import numpy as np
import numpy.typing as npt

MAX_CANDIDATES: int
MAX_JOINTS: int
MAX_CELLS: int

@final
class Grouping:
    def __new__(
        cls,
        map_size: tuple[int, int],
        joint_order: bytes,
        keypoint_threshold: float,
        tag_threshold: float,
        threshold: float,
    ) -> Self: ...
    def __call__(
        self, outputs: Sequence[npt.NDArray[np.float32]], max_detections: int
    ) -> tuple[
        npt.NDArray[np.float32],
        npt.NDArray[np.float32],
        npt.NDArray[np.float32],
        npt.NDArray[np.float32],
    ]: ...
