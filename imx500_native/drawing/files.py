"""Pictures in files."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from imx500_native.checks import path_text
from imx500_native.drawing.letters import pillow
from imx500_native.drawing.style import checked_picture
from imx500_native.errors import DrawingError

if TYPE_CHECKING:
    from imx500_native.drawing.style import Picture


def save_picture(
    path: str | os.PathLike[str], image: Picture, image_format: str = "RGB", *, quality: int = 90
) -> None:
    """Write a picture to a PNG or JPEG file.

    The file appears complete or not at all: it is written under another name beside `path` and
    then renamed.

    Parameters
    ----------
    path : path-like
        Ends in .png, .jpg or .jpeg; a file of this name is replaced.
    image : ndarray
        (height, width, 3 or 4) uint8; a JPEG leaves the fourth channel out.
    image_format : {"RGB", "BGR", "RGBA", "BGRA"}
        Order of the channels in memory. With "RGB" and "BGR" a fourth channel is left out.
    quality : int
        Of a JPEG, 1 to 95.

    Raises
    ------
    DrawingError
        If the name is none, or the suffix, the picture or its format is unknown.
    MissingExtraError
        If Pillow is not installed.
    OSError
        If the file cannot be written; it names `path`.
    """
    name = path_text(path)
    if name is None:
        raise DrawingError(
            f"save_picture takes the file's name and then the picture, got {type(path).__name__} "
            "for a name"
        )
    target = Path(name)
    kinds = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG"}
    kind = kinds.get(target.suffix.lower())
    if kind is None:
        raise DrawingError(f"a picture's file must end in .png, .jpg or .jpeg, got {target.name!r}")
    channels = checked_picture(image, image_format)
    if image_format.endswith("A") and kind == "PNG":
        channels = (*channels, 3)
    tools = pillow()
    options: dict[str, Any] = {"quality": quality} if kind == "JPEG" else {}
    # The name is free with near certainty, and "x" makes sure of it.
    draft = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    try:
        with draft.open("xb") as file:
            ordered = np.ascontiguousarray(image[:, :, list(channels)])
            tools.image.fromarray(ordered).save(file, format=kind, **options)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(target)
    except BaseException as error:
        with contextlib.suppress(OSError):
            draft.unlink()
        if isinstance(error, OSError) and error.errno is not None:
            raise OSError(error.errno, error.strerror, str(target)) from error
        raise
