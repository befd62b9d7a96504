"""Colours of classes and persons, and the ink that can be read on them."""

from __future__ import annotations

Colour = tuple[int, int, int]

PALETTE: tuple[Colour, ...] = (
    (255, 56, 86),
    (0, 122, 255),
    (255, 159, 10),
    (160, 64, 220),
    (0, 176, 132),
    (255, 84, 194),
    (98, 84, 240),
    (230, 212, 0),
    (0, 184, 222),
    (182, 92, 24),
    (52, 168, 24),
    (134, 0, 74),
    (255, 122, 92),
    (20, 74, 150),
    (168, 212, 30),
    (206, 138, 255),
    (0, 102, 92),
    (255, 196, 150),
    (110, 118, 134),
    (140, 210, 255),
)
"""Colours of classes 0, 1, 2 …, R, G, B; they repeat from the start."""

DARK: Colour = (20, 22, 30)
LIGHT: Colour = (255, 255, 255)


def class_colour(class_id: int) -> Colour:
    """Colour (R, G, B) that `annotate` gives to a class, or to a person of this number.

    Parameters
    ----------
    class_id : int
        Class id.

    Returns
    -------
    tuple of int
        0..255 each.
    """
    return PALETTE[class_id % len(PALETTE)]


def ink_on(colour: Colour) -> Colour:
    """Choose white letters wherever they reach WCAG 2's contrast of 3 to 1, else dark ones."""
    linear = [
        channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4
        for channel in (value / 255 for value in colour)
    ]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return LIGHT if 1.05 / (luminance + 0.05) >= 3 else DARK
