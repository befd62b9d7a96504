from collections.abc import Callable
from typing import Any, NamedTuple, Self, final

import numpy as np
import numpy.typing as npt

from imx500_native._frame import FrameContext, PictureLease
from imx500_native._taking import FrameSource
from imx500_native.latency import LatencyBudget

def abandon(owner: object) -> None: ...
def prepare_sensor_controls() -> None: ...
def put_sensor_controls(
    request: Any,
    values: dict[str, npt.NDArray[Any] | bytes | tuple[int, ...]],
) -> None: ...

class Counts(NamedTuple):
    completed: int
    dropped: int
    cancelled: int
    silent_s: float

@final
class Lease(PictureLease):
    def __init__(self, /, *args: object, **kwargs: object) -> None: ...

@final
class RunLoop(FrameSource):
    latency: LatencyBudget | None
    def __new__(
        cls,
        camera: Any,
        requests: list[Any],
        carrier: Any,
        pictures: list[npt.NDArray[np.uint8]],
        dma_bufs: list[int],
        *,
        only_latest: bool,
        context: FrameContext,
        before_taking: Callable[[Any], object] | None = None,
    ) -> Self: ...
    def start(self) -> None: ...
    def stop(self) -> None: ...
    def set_controls(self) -> None: ...
    @property
    def running(self) -> bool: ...
    @property
    def held(self) -> list[int]: ...
    @property
    def event_fd(self) -> int: ...
    @property
    def counts(self) -> Counts: ...
