from typing import Any, Literal, Self, TypeVar, final

import numpy as np
import numpy.typing as npt
from typing_extensions import disjoint_base

from imx500_native._latency import LatencyBudget
from imx500_native.decoding import Decoder
from imx500_native.geometry import CoordinateMapper, Layout, Rect, Size, TransformName
from imx500_native.network import Network
from imx500_native.results import (
    Classification,
    Detections,
    InstanceMasks,
    Poses,
    Result,
    Segmentation,
)

@disjoint_base
class PictureLease:
    def shown(self) -> npt.NDArray[np.uint8]: ...

@disjoint_base
class FrameState:
    @classmethod
    def from_request(
        cls,
        request: Any,
        *,
        network: Network | None = None,
        stream_size: Size | None = None,
        roi: Rect | None = None,
        lores_size: Size | None = None,
        transform: TransformName | Any = None,
        network_flipped: bool | None = None,
        ownership: Literal["copy", "move"] = "copy",
    ) -> Self: ...
    def _watch(self, budget: LatencyBudget) -> None: ...
    def _stage_begins(self) -> int: ...
    def _stage_ends(self, stage: str, began_ns: int) -> None: ...
    @property
    def _controls(self) -> Any: ...
    @property
    def _stream_size(self) -> Size | None: ...
    @property
    def _layout(self) -> Layout | None: ...
    @property
    def network(self) -> Network | None: ...
    @property
    def roi(self) -> Rect | None: ...
    @property
    def roi_uncertain(self) -> bool: ...
    @property
    def image(self) -> npt.NDArray[np.uint8] | None: ...
    @property
    def image_format(self) -> str | None: ...
    @property
    def sequence(self) -> int | None: ...
    @property
    def outputs(self) -> tuple[npt.NDArray[np.float32], ...] | None: ...
    def mapper(self, stream: str = "main") -> CoordinateMapper: ...
    def result(
        self, threshold: float | None = None, max_detections: int | None = None
    ) -> Result: ...
    def detections(
        self, threshold: float | None = None, max_detections: int | None = None
    ) -> Detections: ...
    def poses(self, threshold: float | None = None, max_detections: int | None = None) -> Poses: ...
    def instance_masks(
        self, threshold: float | None = None, max_detections: int | None = None
    ) -> InstanceMasks: ...
    def segmentation(self) -> Segmentation: ...
    def classification(
        self, threshold: float | None = None, max_detections: int | None = None
    ) -> Classification: ...
    def __init__(self, /, *args: object, **kwargs: object) -> None: ...

_Kind = TypeVar("_Kind", bound=FrameState)

def checked_roi(roi: Any) -> Rect | None: ...
def cached_decoder(
    network: Network, threshold: float | None, max_detections: int | None
) -> Decoder: ...

@final
class FrameContext:
    roi: Rect | None
    def __new__(
        cls,
        kind: type[FrameState],
        network: Network | None,
        stream_size: Size | None,
        roi: Rect | None,
        image_format: str | None,
        roi_history: object,
        layout: Layout | None,
    ) -> Self: ...

def new_frame(
    kind: type[_Kind],
    controls: object,
    network: Network | None,
    stream_size: Size | None,
    roi: Rect | None,
    image: npt.NDArray[np.uint8] | None,
    image_format: str | None,
    sequence: int | None,
    layout: Layout | None = None,
) -> _Kind: ...
