"""How long what a frame of a real request hands out stays good, whatever happens to the camera."""

from __future__ import annotations

import gc
import itertools
import os
import queue
import random
import re
import shutil
import subprocess
import sys
import textwrap
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from oracles.tensor_info_oracle import pack_output_info
from sanitizing import SANITIZED

import imx500_native
from imx500_native import FULL_ROI, Frame, Network, RequestStateError, TensorTakenError

pytest.importorskip(
    "libcamera",
    reason='libcamera is missing; get it with: eval "$(scripts/libcamera --env)"',
)
pytest.importorskip(
    "imx500_native._libcamera",
    reason="imx500_native was built without libcamera; "
    'build it again after: eval "$(scripts/libcamera --env)"',
)
# After the skips, as both need libcamera.
from virtual_camera import VirtualCamera

TESTS = Path(__file__).parent
SSD = Network.find("ssd_mobilenetv2_fpnlite_320x320_pp")
ELEMENTS = sum(spec.elements for spec in SSD.outputs)
INFO = np.frombuffer(pack_output_info(SSD.output_shapes), np.uint8)
OWNERSHIPS = pytest.mark.parametrize("ownership", ["copy", "move"])


def put(inject, request, number):
    """Tensors all of whose values are one number, so that half of another frame would show."""
    inject.put(request, "CnnOutputTensor", np.full(ELEMENTS, number, np.float32))
    inject.put(request, "CnnOutputTensorInfo", INFO)


def holds(outputs, number):
    return len(outputs) == 4 and all((output == number).all() for output in outputs)


def frames_of(inject, camera, count, ownership):
    """Numbered frames, each of a request that the camera has had back since."""
    for number in range(count):
        request = camera.capture()
        put(inject, request, number)
        frame = Frame.from_request(request, network=SSD, ownership=ownership)
        camera.requeue(request)
        yield frame


@OWNERSHIPS
def test_all_that_a_frame_shows_outlives_requests_and_camera(inject, ownership):
    shown = []

    def look():
        for number, (frame, outputs, metadata, found) in enumerate(shown):
            assert holds(outputs, number)
            assert holds(frame.outputs, number)
            assert (metadata["CnnOutputTensor"] == number).all()
            # A count of `number` boxes, each of no size.
            assert len(found) == min(number, len(outputs[1]))

    with VirtualCamera() as camera:
        camera.start()
        for frame in frames_of(inject, camera, 40, ownership):
            metadata = frame.metadata | {"ScalerCrop": FULL_ROI}
            located = Frame.from_metadata(
                metadata, network=SSD, stream_size=(640, 480), roi=FULL_ROI
            )
            shown.append((frame, frame.outputs, metadata, located.detections()))
        look()
        camera.stop()
        look()
        camera.start()
        camera.capture()
    look()
    del camera
    gc.collect()
    look()


@OWNERSHIPS
def test_frames_and_their_arrays_go_in_any_order(inject, camera, ownership):
    chance = random.Random(7)
    # The frame, one output and the dict each keep the memory that they show.
    kept = [
        (number, part)
        for number, frame in enumerate(frames_of(inject, camera, 50, ownership))
        for part in (frame, frame.outputs[chance.randrange(4)], frame.metadata)
    ]
    chance.shuffle(kept)
    while kept:
        number, part = kept.pop(chance.randrange(len(kept)))
        if isinstance(part, Frame):
            assert holds(part.outputs, number)
        else:
            values = part["CnnOutputTensor"] if isinstance(part, dict) else part
            assert (values == number).all()


@OWNERSHIPS
def test_frames_go_in_any_thread(inject, camera, ownership):
    handed: queue.SimpleQueue = queue.SimpleQueue()

    def consume():
        seen = 0
        while (item := handed.get()) is not None:
            number, frame = item
            outputs = frame.outputs
            del item, frame
            assert holds(outputs, number)
            seen += 1
        return seen

    with ThreadPoolExecutor(4) as pool:
        consumers = [pool.submit(consume) for _ in range(4)]
        for item in enumerate(frames_of(inject, camera, 400, ownership)):
            handed.put(item)
        del item
        for _ in consumers:
            handed.put(None)
        assert sum(consumer.result() for consumer in consumers) == 400


class Finalized:
    """Reads its frame, and makes another, when nobody else can any more."""

    seen: list[bool]

    def __init__(self, frame, request, number, seen):
        self.frame, self.request, self.number, self.seen = frame, request, number, seen

    def __del__(self):
        self.seen.append(holds(self.frame.outputs, self.number))
        again = Frame.from_request(self.request, network=SSD, ownership="move")
        self.seen.append(holds(again.outputs, self.number))


def test_a_finalizer_may_read_and_make_frames(inject, camera):
    seen: list[bool] = []
    for number in range(40):
        request = camera.capture()
        put(inject, request, number)
        frame = Frame.from_request(request, network=SSD)
        last = Finalized(frame, request, number, seen)
        if number % 2:
            # Only the collector finds these.
            last.itself = last
        del last, frame
        gc.collect()
        camera.requeue(request)
    assert seen == [True] * 80


@OWNERSHIPS
def test_the_collector_may_run_at_every_step(inject, camera, ownership):
    freed = []
    before = gc.get_threshold()
    gc.set_threshold(1)
    try:
        for number, frame in enumerate(frames_of(inject, camera, 60, ownership)):
            assert holds(frame.outputs, number)
            cycle = [frame, frame.outputs, frame.metadata]
            cycle.append(cycle)
            freed.append(weakref.ref(frame))
            del frame, cycle
    finally:
        gc.set_threshold(*before)
    gc.collect()
    assert [reference() for reference in freed] == [None] * 60


def test_one_copies_and_another_moves(inject, camera):
    request = camera.capture()
    put(inject, request, 5)
    copied = Frame.from_request(request, network=SSD)
    moved = Frame.from_request(request, network=SSD, ownership="move")
    assert (copied.access, moved.access) == ("copy", "move")
    for ownership in ("copy", "move"):
        with pytest.raises(TensorTakenError, match="moved into another frame"):
            Frame.from_request(request, network=SSD, ownership=ownership)
    camera.requeue(request)
    outputs = moved.outputs
    del moved
    assert holds(outputs, 5)
    assert holds(copied.outputs, 5)
    assert not np.shares_memory(outputs[0], copied.outputs[0])


def test_threads_racing_for_a_request_get_its_data_or_are_told(inject, camera):
    request = camera.capture()
    put(inject, request, -1)
    done = threading.Event()
    interval = sys.getswitchinterval()

    def consume(seed):
        chance = random.Random(seed)
        outcomes = dict.fromkeys(("data", "none", "taken", "state"), 0)
        while not done.is_set():
            ownership = "move" if chance.random() < 0.1 else "copy"
            try:
                frame = Frame.from_request(request, network=SSD, ownership=ownership)
            except TensorTakenError:
                outcomes["taken"] += 1
            except RequestStateError:
                outcomes["state"] += 1
            else:
                # None between completion and injection.
                outputs = frame.outputs
                assert outputs is None or holds(outputs, outputs[0].flat[0])
                outcomes["none" if outputs is None else "data"] += 1
        return outcomes

    sys.setswitchinterval(1e-5)
    try:
        with ThreadPoolExecutor(8) as pool:
            consumers = [pool.submit(consume, seed) for seed in range(8)]
            try:
                for number in range(150):
                    put(inject, request, number)
                    done.wait(0.001)
                    camera.requeue(request)
                    request = camera.capture()
            finally:
                done.set()
            totals = [consumer.result() for consumer in consumers]
    finally:
        sys.setswitchinterval(interval)
    for outcome in ("data", "taken"):
        assert sum(total[outcome] for total in totals) > 0, totals


def resident_bytes():
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def open_files():
    return len(list(Path("/proc/self/fd").iterdir()))


def test_100_000_injections_leave_memory_and_files_as_they_were(inject, camera):
    values = np.ones(ELEMENTS, np.float32)
    ownerships = itertools.cycle(["copy", "move", "move"])

    def frames(count):
        for _ in range(count // 20):
            request = camera.capture()
            for _ in range(20):
                inject.put(request, "CnnOutputTensor", values)
                inject.put(request, "CnnOutputTensorInfo", INFO)
                frame = Frame.from_request(request, network=SSD, ownership=next(ownerships))
                assert frame.outputs[1][0] == 1
            camera.requeue(request)

    frames(10_000)
    gc.collect()
    memory, files = resident_bytes(), open_files()
    frames(100_000)
    gc.collect()
    assert open_files() == files
    # One list in a hundred leaked would be 3 MB. The sanitizers keep what is freed for a while.
    if not SANITIZED:
        assert resident_bytes() - memory < 1_500_000


SCRIPT = """\
import gc, os, sys, threading
sys.path.insert(0, sys.argv[1])
import libcamera
import numpy as np
from native.build import inject_controls
from oracles.tensor_info_oracle import pack_output_info
from virtual_camera import VirtualCamera
from imx500_native import Frame, Network

inject = inject_controls()
inject.register_cnn_controls()
network = Network.find("ssd_mobilenetv2_fpnlite_320x320_pp")
elements = sum(spec.elements for spec in network.outputs)
info = np.frombuffer(pack_output_info(network.output_shapes), np.uint8)

def captured(camera, number):
    request = camera.capture()
    inject.put(request, "CnnOutputTensor", np.full(elements, number, np.float32))
    inject.put(request, "CnnOutputTensorInfo", info)
    return request

def frame_of(camera, number, ownership="move"):
    return Frame.from_request(captured(camera, number), network=network, ownership=ownership)

def tell(frame):
    print(*[int(output.flat[-1]) for output in frame.outputs], flush=True)

"""


def run(script, *arguments):
    """Run a script of a user's in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", SCRIPT + textwrap.dedent(script), TESTS, *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        # libcamera says on stderr that there is no dma-buf.
        env=os.environ | {"LIBCAMERA_LOG_LEVELS": "*:FATAL"},
    )


ENDS = {
    "frames in globals": """
        with VirtualCamera() as camera:
            camera.start()
            first, second = frame_of(camera, 3, "copy"), frame_of(camera, 3)
        outputs = second.outputs
        del second
        tell(first)
        assert outputs[0].sum() == 3 * outputs[0].size
    """,
    "frames in a cycle, read by a finalizer at exit": """
        class Last:
            def __del__(self):
                tell(self.frame)
        with VirtualCamera() as camera:
            camera.start()
            last = Last()
            last.frame, last.itself = frame_of(camera, 3), last
    """,
    "frames read by atexit": """
        import atexit
        with VirtualCamera() as camera:
            camera.start()
            atexit.register(tell, frame_of(camera, 3))
    """,
    "frames in a daemon thread that reads them to the end": """
        with VirtualCamera() as camera:
            camera.start()
            frame = frame_of(camera, 3)
            started = threading.Event()
            def read(frame):
                while frame.outputs[0][0, 0] == frame.metadata["CnnOutputTensor"][0] == 3:
                    started.set()
            threading.Thread(target=read, args=(frame,), daemon=True).start()
            started.wait()
        tell(frame)
    """,
    "frames after the camera manager": """
        threads = os.listdir("/proc/self/task")
        with VirtualCamera() as camera:
            camera.start()
            frame = frame_of(camera, 3)
        camera.manager = camera.camera = None
        VirtualCamera._pool.clear()
        del camera
        gc.collect()
        # Its threads are gone, so it is.
        assert os.listdir("/proc/self/task") == threads
        tell(frame)
    """,
    "sys.exit while streaming": """
        with VirtualCamera() as camera:
            camera.start()
            frame = frame_of(camera, 3)
            tell(frame)
            sys.exit()
    """,
}


@pytest.mark.parametrize("end", ENDS)
def test_an_interpreter_may_end_with(end):
    done = run(ENDS[end])
    assert (done.returncode, done.stdout) == (0, "3 3 3 3\n"), done.stderr


def test_a_script_that_raises_while_streaming_shows_its_own_traceback():
    done = run(
        """
        with VirtualCamera() as camera:
            camera.start()
            kept = [frame_of(camera, 3), frame_of(camera, 4, "copy")]
            raise RuntimeError("the user's own mistake")
        """
    )
    assert done.returncode == 1
    assert done.stderr.startswith("Traceback (most recent call last):\n")
    assert done.stderr.endswith("RuntimeError: the user's own mistake\n")


# Tensors are put in through the installed package, which finds nothing wrong. A copy of it, which
# has seen no request yet, then meets what an upgrade or a strange machine leaves behind.
FALLBACK = """
    import ctypes, logging, shutil
    from pathlib import Path

    logging.basicConfig(format="%(levelname)s %(message)s")
    copies = Path(sys.argv[2])
    with VirtualCamera() as camera:
        camera.start()
        request = captured(camera, 3)
        for name in [name for name in sys.modules if name.startswith("imx500_native")]:
            del sys.modules[name]
        sys.path.insert(0, sys.argv[2])
        import imx500_native
        assert Path(imx500_native.__file__).is_relative_to(copies)
        network = imx500_native.Network.find(network.name)
        {damage}
        frames = [
            imx500_native.Frame.from_request(request, network=network, ownership=ownership)
            for ownership in ("move", "copy", "move")
        ]
        shown = {{key.name: value for key, value in request.metadata.items()}}
        camera.requeue(request)
    print(*{{frame.access for frame in frames}})
    for frame in frames:
        assert frame.metadata == shown
        assert frame.sensor_timestamp_ns == shown["SensorTimestamp"] > 0
        tell(frame)
"""
DAMAGE = {
    "a second libcamera": (
        """
        path = next(
            line.split(maxsplit=5)[5].strip()
            for line in open("/proc/self/maps") if "/libcamera.so" in line
        )
        second = shutil.copy(path, copies / "libcamera.so.0.99")
        ctypes.CDLL(second)
        """,
        r"there must be one libcamera in this process, not 2 \(.*libcamera\.so\.0\.99",
    ),
    "bindings of another version": (
        """
        import imx500_native._libcamera as direct
        whole = direct.mapping_problem
        direct.mapping_problem = lambda maps, built, running: whole(maps, built, "v0.99.1+rpt")
        """,
        r"built with libcamera 0\.\d+ and meets v0\.99\.1\+rpt",
    ),
    "bindings of an old pybind11": (
        "del libcamera.Request._pybind11_conduit_v1_",
        r"pybind11 older than 2\.11\.2",
    ),
    "its libcamera gone": (
        """
        (extension,) = copies.glob("imx500_native/_libcamera.*.so")
        needed = b"libcamera.so.0."
        assert needed in extension.read_bytes()
        # A name as long: the file keeps its layout, and no such library was ever made.
        extension.write_bytes(extension.read_bytes().replace(needed, b"libcamera.so.x."))
        """,
        r"libcamera\.so\.x\.\d+: cannot open shared object file",
    ),
    "built without libcamera": (
        """
        next(copies.glob("imx500_native/_libcamera.*.so")).unlink()
        """,
        "built without libcamera; install libcamera-dev, pkg-config and g\\+\\+, then build",
    ),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_the_bindings_metadata_serve_with_one_warning_where_there_is(tmp_path, damage):
    shutil.copytree(Path(imx500_native.__file__).parent, tmp_path / "imx500_native")
    code, reason = DAMAGE[damage]
    indented = textwrap.indent(textwrap.dedent(code).strip(), " " * 8).lstrip()
    done = run(FALLBACK.format(damage=indented), tmp_path)
    assert (done.returncode, done.stdout) == (0, "tuple\n" + 3 * "3 3 3 3\n"), done.stderr
    warning = "WARNING requests are read slowly, through libcamera's Python bindings: "
    assert re.fullmatch(f"{warning}.*{reason}.*\n", done.stderr), done.stderr
