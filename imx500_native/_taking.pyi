from typing import Self, final

from typing_extensions import disjoint_base

from imx500_native.frame import Frame

@disjoint_base
class FrameSource:
    tensorless: int
    def take(self, timeout_s: float) -> Frame | None: ...

@disjoint_base
class FrameTaker:
    timeout_s: float
    _session: FrameSource | None
    def capture(self, timeout_s: float | None = None) -> Frame: ...

@final
class Frames:
    def __new__(cls, camera: FrameTaker, session: FrameSource) -> Self: ...
    def __iter__(self) -> Frames: ...
    def __next__(self) -> Frame: ...
