from collections.abc import Callable
from typing import NamedTuple

ROI: int
NETWORK_FD: int
DEVICE_ID: int
INJECTION: int
TENSOR_FD: int
COMPARISON_FRAME: int

class ControlInfo(NamedTuple):
    id: int
    name: str
    type: int
    flags: int
    elements: int
    minimum: int
    maximum: int

def replace_ioctl(replacement: Callable[[int, int, memoryview], object] | None) -> None: ...
def query_control(descriptor: int, control: int) -> ControlInfo: ...
def get_integer(descriptor: int, control: int) -> int: ...
def set_integer(descriptor: int, control: int, value: int) -> None: ...
def get_words(descriptor: int, control: int) -> tuple[int, int, int, int]: ...
def set_words(
    descriptor: int, control: int, first: int, second: int, third: int, fourth: int
) -> None: ...
