from collections.abc import Sequence
from typing import Self, final

import numpy as np
import numpy.typing as npt

def class_map(
    outputs: Sequence[npt.NDArray[np.float32]], lone_axis: int
) -> npt.NDArray[np.int16]: ...
def best_class_map(
    outputs: Sequence[npt.NDArray[np.float32]], classes_first: bool
) -> npt.NDArray[np.int16]: ...
def regions(
    class_map: npt.ArrayLike,
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int64], npt.NDArray[np.float32]]: ...
def masks(class_map: npt.ArrayLike, class_id: npt.ArrayLike) -> npt.NDArray[np.bool_]: ...

@final
class NearestPixels:
    def __new__(
        cls,
        across: npt.NDArray[np.float32],
        down: npt.NDArray[np.float32],
        map_size: tuple[int, int],
        swapped: bool,
    ) -> Self: ...
    def placed(self, class_map: npt.ArrayLike) -> npt.NDArray[np.int16]: ...

def top_classes(
    outputs: Sequence[npt.NDArray[np.float32]], softmax: bool, threshold: float, limit: int
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float32]]: ...
