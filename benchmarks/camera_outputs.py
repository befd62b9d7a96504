"""What `imx.Camera` takes from a completed frame to its outputs, on libcamera's virtual camera."""

from __future__ import annotations

import gc
import importlib
import time
from time import perf_counter, perf_counter_ns
from typing import TYPE_CHECKING, Any

import cases
import frames
import live_requests
import numpy as np
import timing

import imx500_native as imx

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy.typing as npt

COLUMNS = (cases.CAMERA_CAPTURE, cases.CAMERA_LOOP, cases.CAMERA_LATE)
NETWORKS = ("deeplabv3plus", "nanodet_plus_416x416", "ssd_mobilenetv2_fpnlite_320x320_pp")


def _requests_of(camera: imx.Camera) -> list[Any]:
    """Return the requests of a streaming camera, which are its own business.

    They are found among what its session refers to. The hook by which tests see each request would
    be called, and timed, with every frame.
    """
    for owned in gc.get_referents(camera._session):
        if isinstance(owned, list) and owned and hasattr(owned[0], "cookie"):
            return owned
    raise AssertionError("the session of an imx.Camera keeps no list of requests any more")


def _capture(camera: imx.Camera, _: Iterator[imx.Frame]) -> imx.Frame:
    return camera.capture()


def _loop(_: imx.Camera, iterator: Iterator[imx.Frame]) -> imx.Frame:
    return next(iterator)


def measure(budget_s: float) -> Iterator[cases.Row]:
    """Yield `Camera.capture` and a loop over a camera, each up to the outputs.

    All frames are complete and their tensors in them before the clock runs: waiting is no work. A
    frame is taken before, untimed, and held on to, as the variable of a loop does. So neither is
    counted what freeing a frame costs, which comes after the outputs are there; nor giving a
    buffer back to the camera, which a program that keeps up with it does before the next frame is
    complete. What that adds for one that does not is measured too. The jobs take turns in changing
    order, as what each leaves in the caches differs. The least of many counts. The clock is read
    once before, as tensors that were just written have pushed it out of the caches too, and its own
    time is taken off.

    Raises
    ------
    ImportError
        If libcamera, or what the tests use of it, is not there.
    """
    writer = live_requests.Writer()
    rng = np.random.default_rng(500)
    for network in (cases.small_network(), *map(imx.Network.find, NETWORKS)):
        tensors = [frames.random_tensor(spec, rng) for spec in network.outputs]
        prepare = writer.tensors(tensors, network.output_shapes)
        with imx.Camera(network, size=(64, 48), roi=imx.FULL_ROI, policy="all") as camera:
            seconds = _least_s(camera, prepare, tensors[0], budget_s)
        for job, least in zip(COLUMNS, seconds, strict=True):
            yield cases.Row(job, network.name, "", least)


def _least_s(
    camera: imx.Camera,
    prepare: Callable[[Any], None],
    expected: npt.NDArray[np.float32],
    budget_s: float,
) -> list[float]:
    complete = importlib.import_module("libcamera").Request.Status.Complete
    requests = _requests_of(camera)
    iterator = iter(camera)
    takes = (_capture, _loop, _capture)
    prepared = set()
    least = [float("inf")] * len(takes)
    end = perf_counter() + budget_s
    first = 0
    while perf_counter() < end:
        first += 1
        for turn in range(len(takes)):
            number = (first + turn) % len(takes)
            take = takes[number]
            while any(request.status != complete for request in requests):
                time.sleep(0)
            for request in requests:
                # Megabytes more than a frame brings would leave no cache warm for anybody.
                if request.sequence not in prepared:
                    prepare(request)
                    prepared.add(request.sequence)
            before = [take(camera, iterator)]
            _ = before[0].outputs
            if COLUMNS[number] == cases.CAMERA_LATE:
                before.clear()
            perf_counter_ns()
            start = perf_counter_ns()
            frame = take(camera, iterator)
            outputs = frame.outputs
            took = perf_counter_ns() - start
            assert outputs is not None
            cases.require(np.array_equal(outputs[0].ravel(order="F"), expected), COLUMNS[number])
            least[number] = min(least[number], took)
            del before, frame, outputs
    clock_ns = timing.clock_ns()
    return [(ns - clock_ns) / 1e9 for ns in least]
