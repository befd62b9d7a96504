"""Where the time from a request to its outputs goes, and how it grows with the tensors.

Each stage is what a call takes more than the call that ends before it, both on fresh requests and
at their least; so a stage has the noise of two measurements.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

import cases
import frames
import live_requests
import numpy as np

import imx500_native as imx
from imx500_native._libcamera import take_controls

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from imx500_native.network import Network

NETWORKS = ("nanodet_plus_416x416", "ssd_mobilenetv2_fpnlite_320x320_pp")

STAGES = (
    "the clock, an empty call",
    "reaching the request, taking its list",
    "making the frame",
    "making the arrays",
    "freeing it all",
)
WHOLE = "from request to outputs"


def _calls(network: Network) -> tuple[Callable[[Any], Any], ...]:
    """Return calls of which each ends a stage later; the last stage is freeing what one returns."""

    def nothing(request: Any) -> None:
        pass

    def taken(request: Any) -> Any:
        return take_controls(request, "move")

    def framed(request: Any) -> Any:
        return imx.Frame.from_request(request, network=network, ownership="move")

    def shown(request: Any) -> Any:
        frame = imx.Frame.from_request(request, network=network, ownership="move")
        return frame, frame.outputs

    def outputs(request: Any) -> Any:
        return imx.Frame.from_request(request, network=network, ownership="move").outputs

    return nothing, taken, framed, shown, outputs


def measure(budget_s: float) -> Iterator[cases.Row]:
    """Yield the stages of few floats in one output, of many, and of few in four outputs.

    And the growth from few to many, from the same rounds.

    Raises
    ------
    ImportError
        If libcamera, or what the tests use of it, is not there.
    """
    writer = live_requests.Writer()
    rng = np.random.default_rng(500)
    networks = (cases.small_network(), *map(imx.Network.find, NETWORKS))
    jobs = []
    for network in networks:
        tensors = [frames.random_tensor(spec, rng) for spec in network.outputs]
        prepare = writer.tensors(tensors, network.output_shapes)
        small = writer.tensors([tensors[0][:1]], [(1,)])
        *until, whole = _calls(network)
        jobs += [live_requests.Job(call, prepare, small, frees=False) for call in until]
        jobs.append(live_requests.Job(whole, prepare, small))
    with importlib.import_module("virtual_camera").VirtualCamera() as camera:
        camera.start()
        ends = np.reshape(live_requests.least_s(camera, jobs, budget_s), (-1, len(STAGES)))
    for network, seconds in zip(networks, ends.tolist(), strict=True):
        for stage, before, after in zip(STAGES, [0.0, *seconds], seconds, strict=False):
            yield cases.Row(stage, network.name, "", after - before)
        yield cases.Row(WHOLE, network.name, "", seconds[-1])
    few, many = ends[:2, -1].tolist()
    yield cases.Row(cases.REQUEST_GROWTH, "", "", many - few)
