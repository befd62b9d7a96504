from collections.abc import Sequence
from typing import Self, final

import numpy as np
import numpy.typing as npt

@final
class PoseNetMaps:
    def __new__(
        cls,
        threshold: float,
        max_detections: int,
        refinements: int,
        nms_radius: float,
        stride: float,
        width: float,
        height: float,
    ) -> Self: ...
    def __call__(
        self, outputs: Sequence[npt.NDArray[np.float32]]
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32], npt.NDArray[np.float32]]: ...
