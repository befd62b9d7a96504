"""From the simulated scene to the tensors that a network would send."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from imx500_native.errors import SimulationError

if TYPE_CHECKING:
    from imx500_native.network import InputSpec, Network, OutputSpec
    from imx500_native.simulation.scene import Box, Scene

Floats = NDArray[np.float32]
Encode: TypeAlias = "Callable[[Scene, Network], Sequence[Any]]"
ClassChoice = tuple[int, str | None]

# libcamera's exported structs: a name of 64 bytes, then as many 16-bit sizes per tensor and as many
# tensors as there is room for, then the frame count; padded to a multiple of four.
_MAX_TENSORS = 16
_MAX_DIMENSIONS = 16
_INPUT_INFO = struct.Struct("=64x3IB3x")

_UNNAMED_CLASSES = 10


class _Found(NamedTuple):
    xyxy: Box
    score: float
    class_id: int


def class_choices(network: Network) -> list[ClassChoice]:
    """Class ids that the network can report, each with its name; placeholders ("-") left out."""
    largest = int(network.outputs[2].value_range[1]) if network.detects_on_sensor else None
    if network.labels is None:
        known: list[ClassChoice] = [(class_id, None) for class_id in range(_UNNAMED_CLASSES)]
    else:
        known = [(i, label) for i, label in enumerate(network.labels) if label != "-"]
    return [choice for choice in known if largest is None or choice[0] <= largest]


class DetectionEncoder:
    """Writes a scene as the output tensors of a detector that post-processes on the sensor.

    Parameters
    ----------
    network : Network
        Its boxes' order and units are followed.
    classes : sequence of (int, str or None)
        Classes that a false detection may have.
    noise : float
        0 is exact; 1 jitters boxes and scores a little, now and then misses an object and now and
        then sees one that is not there, with a score below 0.4.
    """

    def __init__(self, network: Network, classes: Sequence[ClassChoice], noise: float) -> None:
        self._classes = classes
        self._noise = noise
        self._rows = network.output_shapes[1][0]
        self._order = [1, 0, 3, 2] if network.box_order == "yx" else [0, 1, 2, 3]
        width, height = network.input.width, network.input.height
        unit = (1, 1, 1, 1) if network.boxes_normalized else (width, height, width, height)
        self._unit = np.array(unit, np.float32)

    def __call__(self, scene: Scene) -> list[Floats]:
        """Encode one moment: boxes, scores, class ids and their count, best score first."""
        found = self._look(scene)
        found.sort(key=lambda item: -item.score)
        found = found[: self._rows]
        boxes = np.zeros((self._rows, 4), np.float32)
        scores = np.zeros(self._rows, np.float32)
        class_ids = np.zeros(self._rows, np.float32)
        count = len(found)
        if count:
            corners = np.array([item.xyxy for item in found], np.float32) * self._unit
            boxes[:count] = corners[:, self._order]
            scores[:count] = [item.score for item in found]
            class_ids[:count] = [item.class_id for item in found]
        return [boxes, scores, class_ids, np.array([count], np.float32)]

    def _look(self, scene: Scene) -> list[_Found]:
        noise, rng = self._noise, scene.rng
        found = []
        for item in scene.objects:
            score = 0.55 + 0.42 * item.visible - 0.03 * (item.depth - 1)
            xyxy = item.xyxy
            if noise > 0:
                jitter = rng.normal(0, 0.008 * noise, 4)
                score += 0.035 * noise * float(rng.normal())
                missed = rng.random() < 0.02 * noise
                if missed:
                    continue
                xyxy = _jittered(xyxy, jitter)
            found.append(_Found(xyxy, min(max(score, 0.05), 0.99), item.class_id))
        if noise > 0 and self._classes and rng.random() < 0.06 * noise:
            x, y, width, height = rng.uniform((0, 0, 0.05, 0.05), (0.8, 0.8, 0.2, 0.2)).tolist()
            class_id, _ = self._classes[int(rng.integers(len(self._classes)))]
            weak = float(rng.uniform(0.1, 0.38))
            found.append(_Found((x, y, x + width, y + height), weak, class_id))
        return found


def _jittered(box: Box, jitter: NDArray[np.float64]) -> Box:
    width, height = box[2] - box[0], box[3] - box[1]
    moved = [
        min(max(edge + float(shift) * length, 0.0), 1.0)
        for edge, shift, length in zip(box, jitter, (width, height, width, height), strict=True)
    ]
    x0, x1 = sorted(moved[0::2])
    y0, y1 = sorted(moved[1::2])
    return x0, y0, x1, y1


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
