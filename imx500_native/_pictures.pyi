from typing import TypeAlias

import numpy as np
import numpy.typing as npt

_Image: TypeAlias = npt.NDArray[np.uint8]

def nv12_to_rgb(
    image: _Image, width: int, height: int, encoding: str, full_range: bool
) -> _Image: ...
def yuv420_to_rgb(
    image: _Image, width: int, height: int, encoding: str, full_range: bool
) -> _Image: ...
def yuyv_to_rgb(image: _Image, encoding: str, full_range: bool) -> _Image: ...
def packed_to_rgb(image: _Image, bgr: bool) -> _Image: ...
