from typing import Literal

import numpy as np
import numpy.typing as npt
from typing_extensions import disjoint_base

@disjoint_base
class AxisMaps:
    def __init__(
        self,
        pairs: tuple[tuple[float, float], tuple[float, float]],
        swapped: bool,
        size: tuple[float, float],
        source_space: Literal["network", "stream"],
        target_space: Literal["network", "stream"],
    ) -> None: ...
    @property
    def pairs(self) -> tuple[tuple[float, float], tuple[float, float]]: ...
    @property
    def swapped(self) -> bool: ...
    @property
    def source_space(self) -> Literal["network", "stream"]: ...
    @property
    def target_space(self) -> Literal["network", "stream"]: ...
    @property
    def target_size(self) -> tuple[float, float]: ...
    def boxes(
        self, xyxy: npt.ArrayLike, *, outside: Literal["clip", "keep"] = "clip"
    ) -> npt.NDArray[np.float32]: ...
    def rectangles(
        self, xywh: npt.ArrayLike, *, outside: Literal["clip", "keep"] = "clip"
    ) -> npt.NDArray[np.float32]: ...
    def points(
        self, xy: npt.ArrayLike, *, outside: Literal["clip", "keep"] = "clip"
    ) -> npt.NDArray[np.float32]: ...
