from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from typing_extensions import Buffer

class OutputTensorInfo(NamedTuple):
    network_name: str
    shapes: tuple[tuple[int, ...], ...]
    frame_count: int | None

class InputTensorInfo(NamedTuple):
    network_name: str
    width: int
    height: int
    channels: int
    frame_count: int | None

def output_info(data: Buffer | Sequence[int]) -> OutputTensorInfo: ...
def output_frame_count(data: Buffer | Sequence[int]) -> int | None: ...
def input_info(data: Buffer | Sequence[int]) -> InputTensorInfo: ...
def output_arrays(
    values: Buffer | Sequence[float],
    info: Buffer | Sequence[int] | None,
    shapes: Sequence[Sequence[int]] | None = None,
) -> tuple[npt.NDArray[np.float32], ...]: ...
def byte_array(values: Buffer | Sequence[int]) -> npt.NDArray[np.uint8]: ...
