"""Words as coverage, drawn by Pillow, which is imported when the first word is needed."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from imx500_native.errors import MissingExtraError

if TYPE_CHECKING:
    from imx500_native.drawing.brush import Cover

_LONGEST = 24
"""Characters of a name that are written at most."""

_NUMBERED = re.compile(r"\d+:\s*(?=\S)")


def short_name(name: str, longest: int = _LONGEST) -> str:
    """Shorten a class's name for a drawing.

    A leading number ("281:tabby, tabby cat") goes, then synonyms after a comma from the end, and
    last the end of what is still longer than `longest` characters.
    """
    name = _NUMBERED.sub("", name, count=1) if _NUMBERED.match(name) else name
    while len(name) > longest and "," in name:
        name = name[: name.rindex(",")].rstrip()
    return name if len(name) <= longest else name[: max(longest - 1, 1)].rstrip() + "…"


def fitting_name(name: str, size: int, room: int, suffix: str = "") -> Cover:
    """Write as much of a name as `room` pixels hold, a letter at least, and all of `suffix`."""
    longest = _LONGEST
    while True:
        shown = short_name(name, longest)
        cover = text(shown + suffix, size)
        if cover.shape[1] <= room or longest <= 2:
            return cover
        longest = min(longest, len(shown)) - 1


@lru_cache(maxsize=256)
def text(words: str, size: int) -> Cover:
    """Coverage of one line of letters, as high as the font's tallest."""
    tools = pillow()
    face = font(size)
    if isinstance(face, tools.font.ImageFont):
        # The old bitmap font knows Latin-1 only and raises on anything else.
        words = words.replace("…", "...").encode("latin-1", "replace").decode("latin-1")
    left, _, right, _ = face.getbbox(words)
    _, top, _, bottom = face.getbbox("Ågj|")
    mask = tools.image.new("L", (max(1, right - left), max(1, bottom - top)))
    tools.draw.Draw(mask).text((-left, -top), words, fill=255, font=face)
    return np.asarray(mask, np.float32) / np.float32(255)


@lru_cache(maxsize=16)
def font(size: int) -> Any:
    """Pillow's own font; before Pillow 10.1, or without FreeType, it has one small size only."""
    tools = pillow()
    try:
        return tools.font.load_default(size=size)
    except (TypeError, ImportError):
        return tools.font.load_default()


class Pillow(NamedTuple):
    """The modules of Pillow that are used here."""

    image: Any
    draw: Any
    font: Any


@lru_cache(maxsize=1)
def pillow() -> Pillow:
    """Import Pillow, or say how to get it."""
    try:
        from PIL import Image, ImageDraw, ImageFont
    except ImportError as error:
        raise MissingExtraError(
            "pictures need Pillow, which is not installed: pip install 'imx500-native[demo]'"
        ) from error
    return Pillow(Image, ImageDraw, ImageFont)
