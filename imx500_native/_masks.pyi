from typing import final

import numpy as np
import numpy.typing as npt

@final
class ZeroPages:
    def __new__(cls, size: int) -> ZeroPages: ...

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
