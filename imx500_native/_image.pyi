from typing import Any

import numpy as np
import numpy.typing as npt

def planar_to_rgb(
    planes: npt.NDArray[np.uint8] | npt.NDArray[np.int8],
    table: npt.NDArray[np.uint8],
    bgr: bool = False,
) -> npt.NDArray[np.uint8]: ...
def ints_to_rgb(
    values: tuple[Any, ...],
    width: int,
    height: int,
    table: npt.NDArray[np.uint8],
    bgr: bool = False,
) -> npt.NDArray[np.uint8] | None: ...
