"""Which figure stands for which class of a network."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

from imx500_native.simulation.figures import FIGURES, PARCEL

if TYPE_CHECKING:
    from imx500_native.simulation.canvas import Colour
    from imx500_native.simulation.figures import Figure

_OTHER_NAMES = {
    "sports_ball": "sports ball",
    "ball": "sports ball",
    "potted_plant": "potted plant",
    "pottedplant": "potted plant",
    "traffic_light": "traffic light",
    "pedestrian": "person",
    "bike": "bicycle",
}

_LIKENESSES: dict[str, tuple[str, Colour]] = {
    "golden retriever": ("dog", (212, 164, 98)),
    "labrador retriever": ("dog", (222, 188, 136)),
    "chesapeake bay retriever": ("dog", (150, 98, 62)),
    "irish setter": ("dog", (170, 84, 52)),
    "vizsla": ("dog", (190, 112, 66)),
    "weimaraner": ("dog", (140, 136, 140)),
    "siberian husky": ("dog", (112, 120, 136)),
    "tabby": ("cat", (150, 132, 116)),
    "tiger cat": ("cat", (222, 150, 84)),
    "persian cat": ("cat", (226, 206, 178)),
    "egyptian cat": ("cat", (168, 150, 128)),
    "indigo bunting": ("bird", (58, 104, 196)),
    "jay": ("bird", (88, 132, 190)),
    "goldfinch": ("bird", (236, 190, 60)),
    "house finch": ("bird", (206, 86, 82)),
    "sports car": ("car", (208, 62, 56)),
    "convertible": ("car", (70, 124, 186)),
    "cab": ("car", (240, 188, 52)),
    "beach wagon": ("car", (62, 150, 148)),
    "school bus": ("bus", (240, 180, 52)),
    "minibus": ("bus", (62, 150, 148)),
    "mountain bike": ("bicycle", (214, 92, 82)),
    "bicycle-built-for-two": ("bicycle", (70, 124, 186)),
    "soccer ball": ("sports ball", (44, 48, 66)),
    "water bottle": ("bottle", (70, 124, 186)),
    "wine bottle": ("bottle", (70, 116, 76)),
    "beer bottle": ("bottle", (140, 92, 52)),
    "coffee mug": ("cup", (214, 92, 82)),
    "folding chair": ("chair", (166, 112, 76)),
    "rocking chair": ("chair", (146, 98, 158)),
    "pot": ("potted plant", (214, 112, 82)),
    "ox": ("cow", (150, 104, 74)),
    "sorrel": ("horse", (176, 104, 62)),
}
"""Classes of ImageNet that a figure resembles, each with the colour that it has to have."""


_RELATED = {
    "dog": ("malamute", "beagle"),
    "cat": ("lynx", "cougar"),
    "bird": ("hummingbird", "bee eater"),
    "car": ("racer", "minivan", "limousine"),
    "bus": ("trolleybus", "streetcar"),
    "bicycle": ("tricycle", "unicycle"),
    "sports ball": ("volleyball", "rugby ball", "golf ball"),
    "bottle": ("pop bottle", "beaker"),
    "cup": ("espresso", "teapot", "beer glass"),
    "chair": ("studio couch", "throne"),
    "potted plant": ("vase", "greenhouse"),
    "traffic light": ("pole", "street sign", "parking meter"),
    "umbrella": ("parachute", "bonnet", "mushroom"),
    "cow": ("water buffalo", "bison"),
    "horse": ("horse cart", "zebra"),
}
"""Classes of ImageNet without a figure of their own that a classifier takes figures for."""


def plain_name(label: str | None) -> str:
    """First name of a label in small letters, without a number before it.

    Examples
    --------
    >>> plain_name("207:golden retriever")
    'golden retriever'
    >>> plain_name("281:tabby, tabby cat")
    'tabby'
    """
    return re.sub(r"^\d+:", "", label or "").split(",")[0].strip().lower()


@cache
def figure_for(label: str | None) -> Figure:
    """Choose the figure that stands for a class; a plain rounded block where none is known."""
    name = plain_name(label)
    if name in _LIKENESSES:
        own, colour = _LIKENESSES[name]
        return replace(FIGURES[own], colours=(colour,))
    return FIGURES.get(_OTHER_NAMES.get(name, name), PARCEL)


def is_known(label: str | None) -> bool:
    """Whether there is a figure for a class, rather than the plain block."""
    return figure_for(label) is not PARCEL


def kind(label: str | None) -> str:
    """Name of the figure that stands for a class: what looks alike has the same; "" for none."""
    name = plain_name(label)
    if name in _LIKENESSES:
        return _LIKENESSES[name][0]
    name = _OTHER_NAMES.get(name, name)
    return name if name in FIGURES else ""


def mistaken_for(label: str | None) -> tuple[str, ...]:
    """Plain names of classes that a classifier confuses with one, the likeliest first."""
    own, name = kind(label), plain_name(label)
    alike = {
        other: colour
        for other, (other_kind, colour) in _LIKENESSES.items()
        if other_kind == own and other != name
    }
    colour = _LIKENESSES.get(name, (own, (128.0, 128.0, 128.0)))[1]
    by_colour = sorted(alike, key=lambda other: math.dist(alike[other], colour))
    return (*by_colour, *(other for other in _RELATED.get(own, ()) if other not in by_colour))
