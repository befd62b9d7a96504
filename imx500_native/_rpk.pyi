from typing import NamedTuple

SECTION_AP_PARAMS: int

# Every Cython module has one, for doctest.

class RawSection(NamedTuple):
    type: int
    address: int
    offset: int
    size: int

class RawMember(NamedTuple):
    name: bytes
    header: int
    offset: int
    size: int
    end: int

class RawTensor(NamedTuple):
    name: str
    shape: tuple[int, ...]
    order: tuple[int, ...]
    padding: tuple[int, ...]
    bits: int
    signed: bool
    scale: float
    shift: int

class RawApParams(NamedTuple):
    network_name: str
    num_networks: int
    inputs: tuple[RawTensor, ...]
    outputs: tuple[RawTensor, ...]

def blocks(data: bytes) -> tuple[tuple[tuple[int, int, int, int, bool], ...], int]: ...
def sections(data: bytes) -> tuple[RawSection, ...]: ...
def members(data: bytes, archive: int) -> tuple[RawMember, ...]: ...
def ap_params(data: bytes, offset: int, size: int) -> RawApParams: ...
