from typing import final

import numpy as np
import numpy.typing as npt

@final
class AxisMaps:
    def __init__(self, x: tuple[float, float, float], y: tuple[float, float, float]) -> None: ...
    def apply(self, points: npt.ArrayLike, clip: bool) -> npt.NDArray[np.float32]: ...
