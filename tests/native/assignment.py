"""``src_c/assignment.c``, which no extension of the package shows."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest
from native.build import core_library

try:
    _library = core_library("assignment")
except FileNotFoundError as error:
    pytest.skip(f"needs a C compiler, $CC or gcc: {error}", allow_module_level=True)

_library.imx500_assignment_scratch_bytes.argtypes = [ctypes.c_size_t] * 2
_library.imx500_assignment_scratch_bytes.restype = ctypes.c_size_t
_library.imx500_assign.argtypes = [
    ctypes.c_void_p,
    *[ctypes.c_size_t] * 2,
    *[ctypes.c_void_p] * 2,
]
_library.imx500_assign.restype = None


def assign(costs):
    """Return each row's column, -1 for none, as an int32 array."""
    table = np.ascontiguousarray(costs, dtype=np.float64)
    rows, columns = table.shape
    chosen = np.empty(rows, np.int32)
    length = _library.imx500_assignment_scratch_bytes(rows, columns)
    scratch = np.empty(length // 8 + 1, np.float64)
    _library.imx500_assign(
        table.ctypes.data, rows, columns, chosen.ctypes.data, scratch.ctypes.data
    )
    return chosen
