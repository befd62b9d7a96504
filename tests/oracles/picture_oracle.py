"""Pictures to and from RGB the slow and obvious way: one pixel at a time, in exact numbers."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np

# Kr and Kb: ITU-R BT.601-7 section 2.5.1, BT.709-6 section 3.2, BT.2020-2 table 4.
LUMA = {
    "Rec601": (Fraction("0.299"), Fraction("0.114")),
    "Rec709": (Fraction("0.2126"), Fraction("0.0722")),
    "Rec2020": (Fraction("0.2627"), Fraction("0.0593")),
}


def exact_rgb(
    luma: int, cb: int, cr: int, encoding: str, full_range: bool
) -> tuple[Fraction, Fraction, Fraction]:
    """R, G and B, 0 to 255 and not rounded, by the definition of Y', Cb and Cr."""
    kr, kb = LUMA[encoding]
    if full_range:
        y, pb, pr = Fraction(luma, 255), Fraction(cb - 128, 255), Fraction(cr - 128, 255)
    else:
        y, pb, pr = Fraction(luma - 16, 219), Fraction(cb - 128, 224), Fraction(cr - 128, 224)
    # Cb = (B - Y) / (2 (1 - Kb)), Cr = (R - Y) / (2 (1 - Kr)), Y = Kr R + (1 - Kr - Kb) G + Kb B.
    red = y + 2 * (1 - kr) * pr
    blue = y + 2 * (1 - kb) * pb
    green = (y - kr * red - kb * blue) / (1 - kr - kb)
    return tuple(
        min(max(255 * colour, Fraction(0)), Fraction(255)) for colour in (red, green, blue)
    )


def exact_ycbcr(
    red: Fraction, green: Fraction, blue: Fraction, encoding: str, full_range: bool
) -> tuple[Fraction, Fraction, Fraction]:
    """Y', Cb and Cr, not rounded, by their definition; full range goes up to 255.5."""
    kr, kb = LUMA[encoding]
    y = (kr * red + (1 - kr - kb) * green + kb * blue) / 255
    pb, pr = (blue / 255 - y) / (2 * (1 - kb)), (red / 255 - y) / (2 * (1 - kr))
    if full_range:
        return 255 * y, 128 + 255 * pb, 128 + 255 * pr
    return 16 + 219 * y, 128 + 224 * pb, 128 + 224 * pr


def as_byte(value: Fraction) -> int:
    """The nearest one; of two the higher."""
    return min(max(math.floor(value + Fraction(1, 2)), 0), 255)


def places(pixel_format: str, x: int, y: int, height: int, stride: int) -> tuple[int, int, int]:
    """Where a pixel's Y', Cb and Cr are, by the format's definition."""
    if pixel_format == "YUYV":
        pair = y * stride + x // 2 * 4
        return y * stride + 2 * x, pair + 1, pair + 3
    if pixel_format == "NV12":
        pair = stride * height + y // 2 * stride + x // 2 * 2
        return y * stride + x, pair, pair + 1
    cb = stride * height + y // 2 * (stride // 2) + x // 2
    return y * stride + x, cb, cb + (height + 1) // 2 * (stride // 2)


def yuv444(memory: bytes, pixel_format: str, width: int, height: int, stride: int) -> np.ndarray:
    """Y', Cb and Cr of each pixel."""
    values = np.zeros((height, width, 3), np.int64)
    for y in range(height):
        for x in range(width):
            found = places(pixel_format, x, y, height, stride)
            values[y, x] = [memory[place] for place in found]
    return values


def put(
    memory: np.ndarray,
    rgb: np.ndarray,
    pixel_format: str,
    stride: int,
    encoding: str,
    full_range: bool,
) -> None:
    """Write Y' of each pixel, and Cb and Cr of the mean of those that share them."""
    height, width = rgb.shape[:2]
    sharing: dict[tuple[int, int], list[list[int]]] = {}
    for y in range(height):
        for x in range(width):
            colour = rgb[y, x].tolist()
            luma, cb, cr = places(pixel_format, x, y, height, stride)
            memory[luma] = as_byte(exact_ycbcr(*map(Fraction, colour), encoding, full_range)[0])
            sharing.setdefault((cb, cr), []).append(colour)
    for (cb, cr), colours in sharing.items():
        mean = [Fraction(sum(values), len(colours)) for values in zip(*colours, strict=True)]
        _, *chroma = exact_ycbcr(*mean, encoding, full_range)
        memory[cb], memory[cr] = map(as_byte, chroma)
