from collections.abc import Callable
from typing import Any, NamedTuple, final

import numpy as np
import numpy.typing as npt

from imx500_native._frame import FrameContext
from imx500_native.frame import Frame
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

@final
class Lease:
    def __init__(self, /, *args: object, **kwargs: object) -> None: ...

@final
class RunLoop:
    latency: LatencyBudget | None
    tensorless: int
    def __init__(
        self,
        camera: Any,
        requests: list[Any],
        carrier: Any,
        memories: list[npt.NDArray[np.uint8]],
        dma_bufs: list[int],
        shape: tuple[int, ...],
        strides: tuple[int, ...],
        *,
        only_latest: bool,
        context: FrameContext,
        before_taking: Callable[[Any], object] | None = None,
    ) -> None: ...
    def start(self) -> None: ...
    def stop(self) -> None: ...
    def set_controls(self) -> None: ...
    def take(self, timeout_s: float) -> Frame | None: ...
    @property
    def running(self) -> bool: ...
    @property
    def held(self) -> list[int]: ...
    @property
    def event_fd(self) -> int: ...
    @property
    def counts(self) -> Counts: ...

@final
class Frames:
    def __init__(self, camera: object, session: RunLoop) -> None: ...
    def __iter__(self) -> Frames: ...
    def __next__(self) -> Frame: ...
