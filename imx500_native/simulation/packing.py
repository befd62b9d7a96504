"""Tensors as libcamera hands them on: values on the sensor's grids, and the structs beside them."""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from imx500_native.errors import SimulationError

if TYPE_CHECKING:
    from imx500_native.specs import InputSpec, OutputSpec

Floats = NDArray[np.float32]

# libcamera's exported structs: a name of 64 bytes, then as many 16-bit sizes per tensor and as many
# tensors as there is room for, then the frame count; padded to a multiple of four.
_MAX_TENSORS = 16
_MAX_DIMENSIONS = 16
_INPUT_INFO = struct.Struct("=64x3IB3x")


class OutputPacker:
    """Packs output tensors the way libcamera hands them on.

    Parameters
    ----------
    outputs : sequence of OutputSpec
        The tensors, in order.

    Raises
    ------
    SimulationError
        If libcamera's struct has no room for them.
    """

    def __init__(self, outputs: Sequence[OutputSpec]) -> None:
        self._outputs = tuple(outputs)
        if len(self._outputs) > _MAX_TENSORS:
            raise SimulationError(
                f"libcamera describes at most {_MAX_TENSORS} output tensors; "
                f"this network has {len(self._outputs)}"
            )
        parts = [struct.pack("=64xI", len(self._outputs))]
        for output in self._outputs:
            if len(output.shape) > _MAX_DIMENSIONS:
                raise SimulationError(
                    f"libcamera describes at most {_MAX_DIMENSIONS} dimensions per tensor; "
                    f"output {output.name!r} has {len(output.shape)}"
                )
            sizes = output.shape + (0,) * (_MAX_DIMENSIONS - len(output.shape))
            parts.append(struct.pack("=II16H", math.prod(output.shape), len(output.shape), *sizes))
        unused = bytes(struct.calcsize("=II16H") * (_MAX_TENSORS - len(self._outputs)))
        self._info = b"".join([*parts, unused])

    def info(self, frame_count: int) -> bytes:
        """``CnnOutputTensorInfo``: 712 bytes."""
        return self._info + struct.pack("=B3x", frame_count)

    def pack(self, arrays: Sequence[Floats]) -> Floats:
        """``CnnOutputTensor``: the values on each tensor's grid, Fortran order, read-only."""
        parts = [
            output.quantized(array).ravel(order="F")
            for output, array in zip(self._outputs, arrays, strict=True)
        ]
        values = np.concatenate(parts) if parts else np.empty(0, np.float32)
        values.flags.writeable = False
        return values

    def checked(self, arrays: object) -> list[Floats]:
        """Arrays that a user's ``encode`` returned, as float32 of the right shapes.

        Raises
        ------
        SimulationError
            If they do not fit the network's outputs.
        """
        expected = [output.shape for output in self._outputs]
        wanted = ", ".join(map(str, expected))
        if isinstance(arrays, np.ndarray) or not isinstance(arrays, Sequence):
            raise SimulationError(
                f"encode must return a sequence of {len(expected)} arrays of shapes {wanted}, "
                f"got {type(arrays).__name__}"
            )
        if len(arrays) != len(expected):
            raise SimulationError(
                f"encode must return {len(expected)} arrays of shapes {wanted}, "
                f"got {len(arrays)} arrays"
            )
        checked = []
        for index, (given, shape) in enumerate(zip(arrays, expected, strict=True)):
            try:
                array = np.asarray(given, dtype=np.float32)
            except (TypeError, ValueError) as error:
                raise SimulationError(
                    f"encode returned something for output {index} that is no array of numbers: "
                    f"{error}"
                ) from error
            if array.shape != shape:
                raise SimulationError(
                    f"encode returned an array of shape {array.shape} for output {index}; "
                    f"the network's tensor has shape {shape}"
                )
            if not np.isfinite(array).all():
                raise SimulationError(
                    f"encode returned values for output {index} that are not finite; "
                    "a tensor of integers cannot carry them"
                )
            checked.append(array)
        return checked


class InputPacker:
    """Turns a picture of the ROI into the input tensor that the sensor would send along.

    Parameters
    ----------
    spec : InputSpec
        The network's input.

    Raises
    ------
    SimulationError
        If the input is not three planes in RGB or BGR order.
    """

    def __init__(self, spec: InputSpec) -> None:
        if spec.channels != 3 or spec.format not in ("RGB", "BGR"):
            raise SimulationError(
                "input_tensor=True needs a network with a three-plane RGB or BGR input, "
                f"this one takes {spec.channels} planes of {spec.format}"
            )
        self.size = (spec.width, spec.height)
        self._table = spec.encode_table()
        self._channels = (0, 1, 2) if spec.format == "RGB" else (2, 1, 0)

    def info(self, frame_count: int) -> bytes:
        """``CnnInputTensorInfo``: 80 bytes."""
        return _INPUT_INFO.pack(*self.size, 3, frame_count)

    def pack(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """``CnnInputTensor``: the bytes of the three planes, in the network's order, read-only."""
        planes = np.empty((3, *picture.shape[:2]), np.uint8)
        for plane, (table, channel) in enumerate(zip(self._table, self._channels, strict=True)):
            np.take(table, picture[:, :, channel], out=planes[plane], mode="clip")
        values = planes.ravel()
        values.flags.writeable = False
        return values
