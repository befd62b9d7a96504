"""OpenEXR pictures as the input tensors that picamera2's injection takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from imx500_native.errors import TensorInfoError
from imx500_native.injection import input_tensor

if TYPE_CHECKING:
    from imx500_native.specs import InputSpec

CHANNELS = ("R", "G", "B")


def tensor_of_exr(spec: InputSpec, exr_input: Any) -> bytes:
    """Make an input tensor of an OpenEXR picture.

    Parameters
    ----------
    spec : InputSpec
        The network's input.
    exr_input : OpenEXR.InputFile
        Channels R, G and B of 32-bit floats in 0..1, of the size of the input.

    Returns
    -------
    bytes
        As `imx500_native.injection.input_tensor`.

    Raises
    ------
    TensorInfoError
        If the picture has another type, size or range, or lacks a channel.
    """
    import Imath
    import OpenEXR

    if not isinstance(exr_input, OpenEXR.InputFile):
        raise TensorInfoError(
            f"expected an OpenEXR.InputFile, got {type(exr_input).__module__}."
            f"{type(exr_input).__qualname__}"
        )
    header = exr_input.header()
    window = header["dataWindow"]
    size = (window.max.x - window.min.x + 1, window.max.y - window.min.y + 1)
    if size != (spec.width, spec.height):
        raise TensorInfoError(
            f"expected a picture of the network's {spec.width} x {spec.height} pixels, "
            f"got {size[0]} x {size[1]}"
        )
    kind = Imath.PixelType(Imath.PixelType.FLOAT)
    planes = []
    for name in CHANNELS:
        if header["channels"].get(name) != Imath.Channel(kind):
            raise TensorInfoError(f"expected a channel {name} of 32-bit floats in the picture")
        plane = np.frombuffer(exr_input.channel(name, kind), np.float32)
        if not (plane.min() >= 0 and plane.max() <= 1):
            raise TensorInfoError(
                f"expected values in 0..1, channel {name} has {plane.min():g} to {plane.max():g}"
            )
        planes.append(plane.reshape(spec.height, spec.width))
    picture = np.round(np.stack(planes, axis=-1) * np.float32(255)).astype(np.uint8)
    return input_tensor(spec, picture)
