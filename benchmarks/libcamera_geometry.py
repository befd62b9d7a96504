"""libcamera's integer rectangles, for machines without its Python binding.

picamera2 computes every box through `libcamera.Rectangle`. These classes follow libcamera's
``src/libcamera/geometry.cpp`` value by value: 32-bit fields, products in 64 bits, quotients of
signed values cut towards zero. They check nothing that a benchmark or a test would not meet.
"""

from __future__ import annotations


def _scaled(value: int, numerator: int, denominator: int) -> int:
    product = value * numerator
    return product // denominator if product >= 0 else -(-product // denominator)


class Point:
    """A pixel position."""

    __slots__ = ("x", "y")

    def __init__(self, x: int = 0, y: int = 0) -> None:
        self.x = x
        self.y = y

    def __neg__(self) -> Point:
        return Point(-self.x, -self.y)


class Size:
    """A width and a height in pixels."""

    __slots__ = ("height", "width")

    def __init__(self, width: int = 0, height: int = 0) -> None:
        self.width = width
        self.height = height

    def to_tuple(self) -> tuple[int, int]:
        """Return (width, height)."""
        return (self.width, self.height)


class Rectangle:
    """A rectangle whose corner may be negative and whose size may not."""

    __slots__ = ("height", "width", "x", "y")

    def __init__(self, x: int = 0, y: int = 0, width: int = 0, height: int = 0) -> None:
        # picamera2 passes numpy integers, which the binding turns into C ones.
        self.x = int(x)
        self.y = int(y)
        self.width = int(width)
        self.height = int(height)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Rectangle):
            return NotImplemented
        return self.to_tuple() == other.to_tuple()

    __hash__ = None  # type: ignore[assignment] # as the binding has it

    @property
    def size(self) -> Size:
        """The width and height."""
        return Size(self.width, self.height)

    @property
    def topLeft(self) -> Point:  # noqa: N802 (the binding's name)
        """The corner."""
        return Point(self.x, self.y)

    def to_tuple(self) -> tuple[int, int, int, int]:
        """Return (x, y, width, height)."""
        return (self.x, self.y, self.width, self.height)

    def bounded_to(self, bound: Rectangle) -> Rectangle:
        """Return the part inside a bound; where they are apart, the size is 0."""
        x = max(self.x, bound.x)
        y = max(self.y, bound.y)
        right = min(self.x + self.width, bound.x + bound.width)
        bottom = min(self.y + self.height, bound.y + bound.height)
        return Rectangle(x, y, max(right - x, 0), max(bottom - y, 0))

    def scaled_by(self, numerator: Size, denominator: Size) -> Rectangle:
        """Return each field times numerator / denominator, cut towards zero."""
        return Rectangle(
            _scaled(self.x, numerator.width, denominator.width),
            _scaled(self.y, numerator.height, denominator.height),
            self.width * numerator.width // denominator.width,
            self.height * numerator.height // denominator.height,
        )

    def translated_by(self, offset: Point) -> Rectangle:
        """Return the rectangle moved by an offset."""
        return Rectangle(self.x + offset.x, self.y + offset.y, self.width, self.height)
