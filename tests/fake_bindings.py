"""What libcamera's Python bindings show of a request, for tests without a libcamera."""

from __future__ import annotations

import enum
import sys
from types import ModuleType
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pytest


class Status(enum.Enum):
    Pending = 0
    Complete = 1
    Cancelled = 2


class ControlId(NamedTuple):
    name: str


class Request:
    def __init__(self, metadata: Mapping[str, object], status: Status = Status.Complete) -> None:
        self.metadata = {ControlId(name): value for name, value in metadata.items()}
        self.status = status
        self.sequence = 9


def install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make ``libcamera`` name these bindings until the end of the test."""
    module = ModuleType("libcamera")
    module.Request = Request
    monkeypatch.setitem(sys.modules, "libcamera", module)
