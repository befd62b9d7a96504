"""Frames to measure and compare with: metadata as libcamera's Python binding hands it out."""

from __future__ import annotations

import math
import struct
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from imx500_native.network import Network, OutputSpec

FOUND = (0.6, 0.95)
NOT_FOUND = (0.0, 0.4)


def output_info(network: Network, frame_count: int = 7) -> bytes:
    """Return the 712 bytes of libcamera's ``CnnOutputTensorInfo`` for a network."""
    return info_of(network.output_shapes, network.network_name, frame_count)


def info_of(
    shapes: Sequence[tuple[int, ...]], network_name: str = "", frame_count: int = 7
) -> bytes:
    """Return the 712 bytes of libcamera's ``CnnOutputTensorInfo`` for tensors of some shapes."""
    tensors = b"".join(
        struct.pack("<II16H", math.prod(shape), len(shape), *shape, *[0] * (16 - len(shape)))
        for shape in shapes
    )
    header = struct.pack("<64sI", network_name.encode()[:63], len(shapes))
    return (header + tensors).ljust(708, b"\0") + struct.pack("<B3x", frame_count)


def random_tensor(spec: OutputSpec, rng: np.random.Generator) -> npt.NDArray[Any]:
    """Return random values of a tensor's own grid, float32."""
    limits = np.iinfo(spec.dtype)
    raw = rng.integers(limits.min, limits.max, spec.elements, dtype=np.int64, endpoint=True)
    return ((raw - spec.shift) * spec.scale).astype(np.float32)


def detector_tensors(
    network: Network, objects: int, rng: np.random.Generator
) -> list[npt.NDArray[Any]]:
    """Return the tensors of a detector that fills all its rows and is sure of some `objects`."""
    boxes, scores, classes, count = network.outputs
    rows = boxes.shape[0]
    width, height = network.input.width, network.input.height
    corner = rng.uniform(0.02, 0.6, (rows, 2))
    extent = rng.uniform(0.05, 0.35, (rows, 2))
    xyxy = np.hstack([corner, corner + extent])
    if not network.boxes_normalized:
        xyxy *= [width, height, width, height]
    if network.box_order == "yx":
        xyxy = xyxy[:, [1, 0, 3, 2]]
    confidence = np.where(
        np.arange(rows) < objects, rng.uniform(*FOUND, rows), rng.uniform(*NOT_FOUND, rows)
    )
    labels = len(network.labels or ()) or 80
    values = [
        (boxes, xyxy),
        (scores, np.sort(confidence)[::-1]),
        (classes, rng.integers(0, labels, rows)),
        (count, np.array([rows])),
    ]
    return [
        spec.quantized(np.asarray(value, dtype=np.float32)).flatten(order="F")
        for spec, value in values
    ]


def metadata(
    network: Network,
    tensors: list[npt.NDArray[Any]],
    planes: npt.NDArray[Any] | None = None,
    frame_count: int = 7,
) -> dict[str, Any]:
    """Return a request's metadata as picamera2 hands it out: numbers in tuples.

    Parameters
    ----------
    network
        Whose tensors they are.
    tensors
        Flat, in the order in which libcamera exports them.
    planes
        The input tensor as (channels, height, width) uint8, where the frame carries it.
    """
    values: dict[str, Any] = {
        "CnnOutputTensor": tuple(np.concatenate(tensors).tolist()),
        "CnnOutputTensorInfo": tuple(output_info(network, frame_count)),
        "CnnKpiInfo": (14023, 12411),
        "SensorTimestamp": 81_423_520_000,
        "ScalerCrop": (0, 0, 4056, 3040),
        "FrameDuration": 33_333,
    }
    if planes is not None:
        spec = network.input
        header = struct.pack("<64sIII", b"", spec.width, spec.height, spec.channels)
        values["CnnInputTensor"] = tuple(planes.tobytes())
        values["CnnInputTensorInfo"] = tuple(header + struct.pack("<B3x", frame_count))
    return values
