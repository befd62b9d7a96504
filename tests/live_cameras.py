"""What the tests of live cameras share: a sensor that is not there, and looks at the process.

Whoever imports this is skipped, with the remedy, where there is no libcamera or no extension for
it: import it before either.
"""

from __future__ import annotations

import os
import struct
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

libcamera = pytest.importorskip(
    "libcamera",
    reason="libcamera's Python bindings are missing; "
    'get them with: eval "$(scripts/libcamera --env)"',
)
pytest.importorskip(
    "imx500_native._camera",
    reason="imx500_native was built without libcamera; "
    'build it again after: eval "$(scripts/libcamera --env)"',
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from imx500_native import Network
    from imx500_native.live_camera import Camera

SMALL = (64, 48)
NETWORK = "ssd_mobilenetv2_fpnlite_320x320_pp"


def wait_until(condition: Callable[[], bool], timeout_s: float = 10.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.001)


def inject_tensors(inject: ModuleType, network: Network, frame_count: int = 7) -> Callable:
    """A stand-in for the sensor's network: every tensor's values are 0, 1, 2, …"""
    shapes = network.output_shapes
    values = np.arange(sum(int(np.prod(shape)) for shape in shapes), dtype=np.float32)
    info = struct.pack("<64sI", b"", len(shapes))
    for shape in shapes:
        dimensions = [*shape, *[0] * (16 - len(shape))]
        info += struct.pack("<II16H", int(np.prod(shape)), len(shape), *dimensions)
    info = info.ljust(68 + 16 * 40, b"\0") + struct.pack("<B3x", frame_count)

    def put(request: object) -> None:
        inject.put(request, "CnnOutputTensor", values)
        inject.put(request, "CnnOutputTensorInfo", np.frombuffer(info, np.uint8))
        inject.put(request, "CnnKpiInfo", np.array([12_000, 3_000], np.int32))
        inject.put(request, "ScalerCrop", np.array([0, 440, 4056, 2160], np.int32), "rectangle")

    return put


def capture_for_ever(camera: Camera) -> None:
    while True:
        camera.capture()


async def capture_for_ever_async(camera: Camera) -> None:
    while True:
        await camera.capture_async()


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def run_script(text: str, *, timeout_s: float = 30) -> subprocess.CompletedProcess[str]:
    """Run a program, which has Camera, in a process of its own."""
    script = "from imx500_native.live_camera import Camera\n" + textwrap.dedent(text)
    path = [str(Path(__file__).parent), *sys.path]
    return subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        timeout=timeout_s,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(part for part in path if part)},
    )
