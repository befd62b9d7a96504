"""The way from a real request of libcamera's virtual camera, side by side with picamera2's."""

from __future__ import annotations

import importlib
from time import perf_counter, perf_counter_ns
from typing import TYPE_CHECKING, Any

import frames
import numpy as np
import peers
import timing
from cases import (
    REQUEST_DETECTIONS,
    REQUEST_METADATA,
    REQUEST_OUTPUTS,
    REQUEST_ROI,
    picamera2_detections,
)

import imx500_native as imx
from imx500_native.picamera2 import IMX500

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# One, few and many floats; four outputs and one.
NETWORKS = (
    "mobilenet_v2",
    "ssd_mobilenetv2_fpnlite_320x320_pp",
    "deeplabv3plus",
    "nanodet_plus_416x416",
)
DETECTOR = "ssd_mobilenetv2_fpnlite_320x320_pp"
BATCH = 25


def _least_s(
    camera: Any,
    prepare: Callable[[Any], None],
    warm_up: Callable[[], None],
    ours: Callable[[Any], None],
    theirs: Callable[[Any], None],
    budget_s: float,
) -> tuple[float, float]:
    """Return the least seconds of either call, every one on a fresh request, results freed.

    `prepare` writes the tensors, which on a camera is the work of another thread; `warm_up` brings
    back to the caches what that pushed out of them: the interpreter, not the tensors. Both sides
    take turns in batches, as one call of a peer that touches megabytes leaves no cache warm for the
    next.
    """
    least = {ours: float("inf"), theirs: float("inf")}
    end = perf_counter() + budget_s
    rounds = 0
    while rounds < 2 or perf_counter() < end:
        for call in least:
            for _ in range(BATCH):
                request = camera.capture()
                prepare(request)
                warm_up()
                start = perf_counter_ns()
                call(request)
                took = perf_counter_ns() - start
                least[call] = min(least[call], took / 1e9)
                camera.requeue(request)
        rounds += 1
    return least[ours], least[theirs]


def measure(budget_s: float) -> Iterator[tuple[str, str, float, float]]:
    """Yield (job, network, our seconds, picamera2's seconds).

    Raises
    ------
    ImportError
        If libcamera, or what the tests use of it, is not there.
    """
    # The tests' own, which scripts/bench puts on the path.
    inject = importlib.import_module("native.build").inject_controls()
    inject.register_cnn_controls()
    rng = np.random.default_rng(500)
    with importlib.import_module("virtual_camera").VirtualCamera() as camera:
        camera.start()
        for name in NETWORKS:
            yield from _measure_network(camera, inject, imx.Network.find(name), rng, budget_s)


def _measure_network(
    camera: Any, inject: Any, network: imx.Network, rng: np.random.Generator, budget_s: float
) -> Iterator[tuple[str, str, float, float]]:
    device = peers.picamera2_imx500(network)
    if network.name == DETECTOR:
        tensors = frames.detector_tensors(network, 10, rng)
    else:
        tensors = [frames.random_tensor(spec, rng) for spec in network.outputs]
    values = np.concatenate([tensor.ravel(order="F") for tensor in tensors])
    info = np.frombuffer(frames.output_info(network), np.uint8)
    spec = network.input
    planes = rng.integers(0, 256, 3 * spec.width * spec.height, dtype=np.uint8)
    bytes_of_one = np.frombuffer(frames.info_of([(1,)]), np.uint8)
    crop = np.array(peers.FULL_SENSOR, np.int32)

    def prepare(request: Any) -> None:
        inject.put(request, "CnnOutputTensor", values)
        inject.put(request, "CnnOutputTensorInfo", info)

    def with_input(request: Any) -> None:
        prepare(request)
        inject.put(request, "CnnInputTensor", planes)

    def warm_up() -> None:
        request = camera.capture()
        inject.put(request, "CnnOutputTensor", values[:1])
        inject.put(request, "CnnOutputTensorInfo", bytes_of_one)
        _ = imx.Frame.from_request(request, ownership="move").outputs
        camera.requeue(request)

    def outputs(request: Any) -> None:
        _ = imx.Frame.from_request(request, network=network, ownership="move").outputs

    def peer_outputs(request: Any) -> None:
        device.get_outputs(peers.picamera2_request(request).get_metadata())

    def metadata(request: Any) -> None:
        _ = imx.Frame.from_request(request, ownership="move").metadata

    def peer_metadata(request: Any) -> None:
        peers.picamera2_request(request).get_metadata()

    yield (
        REQUEST_OUTPUTS,
        network.name,
        *_least_s(camera, prepare, warm_up, outputs, peer_outputs, budget_s),
    )
    yield (
        REQUEST_METADATA,
        network.name,
        *_least_s(camera, with_input, warm_up, metadata, peer_metadata, budget_s),
    )
    if network.name != DETECTOR:
        return

    stream = (1280, 720)
    picamera2 = peers.picamera2_camera(stream)

    def with_crop(request: Any) -> None:
        prepare(request)
        inject.put(request, "ScalerCrop", crop, "rectangle")

    def detections(request: Any) -> None:
        frame = imx.Frame.from_request(
            request,
            network=network,
            stream_size=stream,
            roi=peers.FULL_SENSOR,
            ownership="move",
        )
        frame.detections(0.5)

    def peer_detections(request: Any) -> None:
        found = peers.picamera2_request(request).get_metadata()
        picamera2_detections(device, picamera2, network, found)

    yield (
        REQUEST_DETECTIONS,
        network.name,
        *_least_s(camera, with_crop, warm_up, detections, peer_detections, budget_s),
    )

    drop_in = IMX500("", device=importlib.import_module("drop_in.stand_ins").Device())

    request = camera.capture()
    with_crop(request)
    completed = peers.picamera2_request(request)
    completed.picam2 = picamera2
    # It leaves the request as it was: both are asked about the same one.
    ours, theirs = timing.compare(
        [lambda: drop_in.get_roi_scaled(completed), lambda: device.get_roi_scaled(completed)],
        budget_s,
    )
    camera.requeue(request)
    yield (REQUEST_ROI, network.name, ours, theirs)
