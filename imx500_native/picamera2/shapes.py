"""Rectangles and sizes as picamera2 hands them out: libcamera's, where a program has libcamera."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable


class PlainRectangle(NamedTuple):
    """A rectangle for machines without libcamera's bindings."""

    x: int
    y: int
    width: int
    height: int

    def to_tuple(self) -> tuple[int, int, int, int]:
        """Return (x, y, width, height)."""
        return (self.x, self.y, self.width, self.height)


class PlainSize(NamedTuple):
    """A size for machines without libcamera's bindings."""

    width: int
    height: int

    def to_tuple(self) -> tuple[int, int]:
        """Return (width, height)."""
        return (self.width, self.height)


def rectangle(sides: Iterable[int]) -> Any:
    """Return a ``libcamera.Rectangle`` where the program uses the bindings, else a plain one."""
    return getattr(sys.modules.get("libcamera"), "Rectangle", PlainRectangle)(*sides)


def size(sides: Iterable[int]) -> Any:
    """Return a ``libcamera.Size`` where the program uses the bindings, else a plain one."""
    return getattr(sys.modules.get("libcamera"), "Size", PlainSize)(*sides)
