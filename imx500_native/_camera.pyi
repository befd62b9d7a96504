from collections.abc import Callable
from typing import Any, NamedTuple, final

import numpy as np
import numpy.typing as npt

from imx500_native._libcamera import Controls

def abandon(owner: object) -> None: ...

class Counts(NamedTuple):
    completed: int
    dropped: int
    cancelled: int

@final
class Lease:
    def __init__(self, /, *args: object, **kwargs: object) -> None: ...

@final
class RunLoop:
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
        before_taking: Callable[[Any], object] | None = None,
    ) -> None: ...
    def start(self) -> None: ...
    def stop(self) -> None: ...
    def set_controls(self) -> None: ...
    def take(self, timeout_s: float) -> tuple[Controls, npt.NDArray[np.uint8], bool] | None: ...
    @property
    def running(self) -> bool: ...
    @property
    def held(self) -> list[int]: ...
    @property
    def event_fd(self) -> int: ...
    @property
    def counts(self) -> Counts: ...
