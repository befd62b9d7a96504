from collections.abc import Sequence
from typing import final

import numpy as np
import numpy.typing as npt

@final
class OnSensorHead:
    def __init__(self, x_first: bool, x_unit: float, y_unit: float) -> None: ...
    def __call__(
        self,
        outputs: Sequence[npt.NDArray[np.float32]],
        threshold: float,
        max_detections: int,
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32], npt.NDArray[np.int32]]: ...
