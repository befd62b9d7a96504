"""The way from a real request of libcamera's virtual camera, side by side with picamera2's."""

from __future__ import annotations

import importlib
from time import perf_counter, perf_counter_ns
from typing import TYPE_CHECKING, Any, NamedTuple

import cases
import frames
import numpy as np
import peers
import timing

import imx500_native as imx
from imx500_native.picamera2 import IMX500

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import numpy.typing as npt

    from imx500_native.network import Network

# One, few and many floats; four outputs and one.
NETWORKS = (
    "mobilenet_v2",
    "ssd_mobilenetv2_fpnlite_320x320_pp",
    "deeplabv3plus",
    "nanodet_plus_416x416",
)
DETECTOR = "ssd_mobilenetv2_fpnlite_320x320_pp"
BATCH = 25


class Job(NamedTuple):
    """A call on a completed request, and who writes the request's tensors.

    `prepare` writes those that are measured, which on a camera is the work of another thread;
    `prepare_warm_up` writes others, as small as the call can do with. Freeing what the call returns
    is timed with it, unless told otherwise.
    """

    call: Callable[[Any], object]
    prepare: Callable[[Any], None]
    prepare_warm_up: Callable[[Any], None]
    frees: bool = True


class Writer:
    """Puts what a camera would have sent into completed requests.

    Raises
    ------
    ImportError
        If what the tests use of libcamera is not there.
    """

    def __init__(self) -> None:
        # It brings the library that the next one needs.
        importlib.import_module("imx500_native._libcamera")
        # The tests' own, which scripts/bench puts on the path.
        self._inject = importlib.import_module("native.build").inject_controls()
        self._inject.register_cnn_controls()

    def tensors(
        self,
        tensors: Sequence[npt.NDArray[Any]],
        shapes: Sequence[tuple[int, ...]],
        planes: npt.NDArray[np.uint8] | None = None,
        *,
        scaler_crop: bool = False,
    ) -> Callable[[Any], None]:
        """Return a function that writes tensors, an input tensor and a crop into a request."""
        values = np.concatenate([tensor.ravel(order="F") for tensor in tensors])
        info = np.frombuffer(frames.info_of(shapes), np.uint8)
        crop = np.array(peers.FULL_SENSOR, np.int32)

        def put(request: Any) -> None:
            self._inject.put(request, "CnnOutputTensor", values)
            self._inject.put(request, "CnnOutputTensorInfo", info)
            if planes is not None:
                self._inject.put(request, "CnnInputTensor", planes)
            if scaler_crop:
                self._inject.put(request, "ScalerCrop", crop, "rectangle")

        return put


def least_s(camera: Any, jobs: Sequence[Job], budget_s: float) -> list[float]:
    """Return the least seconds of each job, every call on a fresh request.

    Before each timed call the same call runs on another request: writing megabytes of tensors
    pushes the interpreter and the code of both sides out of the caches, and this brings back what
    the job itself runs, but not its tensors. The clock is read once before for the same reason, and
    its own time is taken off. The jobs take turns in batches, as one call of a peer that touches
    megabytes leaves no cache warm for the next.
    """
    least = [float("inf")] * len(jobs)
    end = perf_counter() + budget_s
    rounds = 0
    while rounds < 2 or perf_counter() < end:
        for number, job in enumerate(jobs):
            for _ in range(BATCH):
                request = camera.capture()
                job.prepare(request)
                other = camera.capture()
                job.prepare_warm_up(other)
                job.call(other)
                perf_counter_ns()
                start = perf_counter_ns()
                result = job.call(request)
                if job.frees:
                    result = None
                took = perf_counter_ns() - start
                least[number] = min(least[number], took)
                del result
                camera.requeue(other)
                camera.requeue(request)
        rounds += 1
    clock_ns = timing.clock_ns()
    return [(ns - clock_ns) / 1e9 for ns in least]


def measure(budget_s: float) -> Iterator[cases.Row]:
    """Yield what is measured of requests, with a budget for each job.

    Raises
    ------
    ImportError
        If libcamera, or what the tests use of it, is not there.
    """
    writer = Writer()
    rng = np.random.default_rng(500)
    with importlib.import_module("virtual_camera").VirtualCamera() as camera:
        camera.start()
        for network in (cases.small_network(), *map(imx.Network.find, NETWORKS)):
            yield from _outputs_and_metadata(camera, writer, network, rng, budget_s)
        yield from _detections(camera, writer, imx.Network.find(DETECTOR), rng, budget_s)


def _outputs_and_metadata(
    camera: Any, writer: Writer, network: Network, rng: np.random.Generator, budget_s: float
) -> Iterator[cases.Row]:
    device = peers.picamera2_imx500(network)
    tensors = [frames.random_tensor(spec, rng) for spec in network.outputs]
    spec = network.input
    planes = rng.integers(0, 256, 3 * spec.width * spec.height, dtype=np.uint8)
    one = ([tensors[0][:1]], [(1,)])

    def outputs(request: Any) -> Any:
        return imx.Frame.from_request(request, network=network, ownership="move").outputs

    def peer_outputs(request: Any) -> Any:
        return device.get_outputs(peers.picamera2_request(request).get_metadata())

    def metadata(request: Any) -> Any:
        return imx.Frame.from_request(request, ownership="move").metadata

    def peer_metadata(request: Any) -> Any:
        return request.metadata

    small = writer.tensors(*one)
    prepare = writer.tensors(tensors, network.output_shapes)
    request = camera.capture()
    prepare(request)
    theirs = peer_outputs(request)
    cases.require(all(map(np.array_equal, outputs(request), theirs)), network.name)
    camera.requeue(request)
    jobs = [Job(call, prepare, small) for call in (outputs, peer_outputs)]
    times = least_s(camera, jobs, budget_s)
    yield cases.Row(cases.REQUEST_OUTPUTS, network.name, "picamera2", *times)

    small = writer.tensors(*one, planes[:3])
    prepare = writer.tensors(tensors, network.output_shapes, planes)
    request = camera.capture()
    prepare(request)
    theirs = {control.name: value for control, value in peer_metadata(request).items()}
    ours = metadata(request)
    cases.require(set(ours) == set(theirs), network.name)
    for name in ("CnnInputTensor", "CnnOutputTensor", "CnnOutputTensorInfo"):
        cases.require(np.array_equal(ours[name], theirs[name]), f"{network.name}, {name}")
    camera.requeue(request)
    jobs = [Job(call, prepare, small) for call in (metadata, peer_metadata)]
    times = least_s(camera, jobs, budget_s)
    yield cases.Row(cases.REQUEST_METADATA, network.name, "libcamera", *times)


def _detections(
    camera: Any, writer: Writer, network: Network, rng: np.random.Generator, budget_s: float
) -> Iterator[cases.Row]:
    device = peers.picamera2_imx500(network)
    stream = (1280, 720)
    picamera2 = peers.picamera2_camera(stream)

    def detections(request: Any) -> Any:
        frame = imx.Frame.from_request(
            request,
            network=network,
            stream_size=stream,
            roi=peers.FULL_SENSOR,
            ownership="move",
        )
        return frame.detections(0.5)

    def peer_detections(request: Any) -> Any:
        found = peers.picamera2_request(request).get_metadata()
        return cases.picamera2_detections(device, picamera2, network, found)

    # A detector's own shapes are as small as tensors get: the warm-up has others of the same.
    prepare, other = (
        writer.tensors(
            frames.detector_tensors(network, 10, rng), network.output_shapes, scaler_crop=True
        )
        for _ in range(2)
    )
    request = camera.capture()
    prepare(request)
    theirs = peer_detections(request)
    cases.require(len(theirs) == len(detections(request)) == 10, cases.REQUEST_DETECTIONS)
    camera.requeue(request)
    jobs = [Job(call, prepare, other) for call in (detections, peer_detections)]
    times = least_s(camera, jobs, budget_s)
    yield cases.Row(cases.REQUEST_DETECTIONS, network.name, "picamera2", *times)

    drop_in = IMX500("", device=importlib.import_module("drop_in.stand_ins").Device())
    request = camera.capture()
    prepare(request)
    completed = peers.picamera2_request(request)
    completed.picam2 = picamera2
    # It leaves the request as it was: both are asked about the same one.
    times = timing.compare(
        [lambda: drop_in.get_roi_scaled(completed), lambda: device.get_roi_scaled(completed)],
        budget_s,
    )
    camera.requeue(request)
    yield cases.Row(cases.REQUEST_ROI, network.name, "picamera2", *times)
