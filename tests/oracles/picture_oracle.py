"""Pictures as RGB the slow and obvious way: one pixel at a time, in exact real numbers."""

from __future__ import annotations

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


def yuv444(memory: bytes, pixel_format: str, width: int, height: int, stride: int) -> np.ndarray:
    """Y', Cb and Cr of each pixel, fetched from where the format's definition has them."""
    values = np.zeros((height, width, 3), np.int64)
    chroma_rows = (height + 1) // 2
    for y in range(height):
        for x in range(width):
            if pixel_format == "YUYV":
                pair = y * stride + x // 2 * 4
                where = (y * stride + 2 * x, pair + 1, pair + 3)
            elif pixel_format == "NV12":
                pair = stride * height + y // 2 * stride + x // 2 * 2
                where = (y * stride + x, pair, pair + 1)
            else:
                cb = stride * height + y // 2 * (stride // 2) + x // 2
                where = (y * stride + x, cb, cb + chroma_rows * (stride // 2))
            values[y, x] = [memory[place] for place in where]
    return values
