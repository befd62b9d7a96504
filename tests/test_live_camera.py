"""imx500_native.Camera on libcamera's virtual cameras, which deliver as fast as they are served."""

from __future__ import annotations

import asyncio
import gc
import os
import random
import signal
import struct
import subprocess
import sys
import textwrap
import threading
import time
import weakref
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from imx500_native import FULL_ROI, Network, buffers
from imx500_native.errors import (
    CameraError,
    CameraOptionError,
    CameraTimeoutError,
    DeviceNotFoundError,
    GeometryError,
    Imx500Error,
    NetworkTypeError,
)

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
# After the skips, as all of them need libcamera.
from native.build import occupy_manager  # noqa: E402
from virtual_camera import VirtualCamera  # noqa: E402

from imx500_native.live_camera import Camera  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType

SMALL = (64, 48)
NETWORK = "ssd_mobilenetv2_fpnlite_320x320_pp"


@pytest.fixture(scope="module")
def manager() -> ModuleType:
    return occupy_manager()


@pytest.fixture
def camera() -> Iterator[Camera]:
    with Camera(size=SMALL) as camera:
        yield camera


@pytest.fixture(scope="module")
def network() -> Network:
    return Network.find(NETWORK)


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


class TestFrames:
    def test_a_frame_shows_the_cameras_own_buffer(self, camera: Camera) -> None:
        first = camera.capture()
        assert camera.running
        assert (camera.size, camera.image_format) == (SMALL, "NV12")
        assert first.image.shape == (72, 64)
        assert first.image_format == "NV12"
        assert not first.image.flags.writeable
        with pytest.raises(ValueError, match="WRITEABLE"):
            first.image.flags.writeable = True
        assert first.network is None
        assert first.roi is None
        assert first.outputs is None
        assert first.sensor_timestamp_ns > 0
        assert camera.held == 1
        second = camera.capture()
        assert second.sequence > first.sequence
        assert second.sensor_timestamp_ns > first.sensor_timestamp_ns
        assert not np.shares_memory(first.image, second.image)
        del first, second
        assert camera.held == 0

    def test_the_picture_is_the_bars_that_the_camera_draws(self) -> None:
        # 75 % grey is not among them: the virtual camera's bars are the corners of the RGB cube.
        with Camera(size=(640, 480)) as camera:
            rgb = camera.to_rgb(camera.capture())
        assert rgb.shape == (480, 640, 3)
        assert {tuple(colour > 128) for colour in rgb[7, 3::8]} >= {
            (True, True, True),
            (True, True, False),
            (False, True, True),
            (False, False, True),
            (True, False, False),
        }
        np.testing.assert_array_equal(rgb[7], rgb[400])

    def test_tensors_are_those_of_the_request(self, inject: ModuleType, network: Network) -> None:
        camera = Camera(network, size=SMALL, roi=FULL_ROI)
        put = inject_tensors(inject, network)
        addresses = []

        def hook(request: object) -> None:
            put(request)
            addresses.append(inject.address(request, "CnnOutputTensor"))

        camera._before_taking = hook
        with camera:
            frames = [camera.capture() for _ in range(20)]
        for frame, address in zip(frames, addresses, strict=True):
            assert tuple(output.shape for output in frame.outputs) == network.output_shapes
            assert frame.outputs[0].ctypes.data == address
            flat = np.concatenate([output.ravel("F") for output in frame.outputs])
            np.testing.assert_array_equal(flat, np.arange(len(flat)))
            assert frame.kpi == (12.0, 3.0)
            assert frame.frame_count == 7
            assert frame.network is network
            assert frame.roi == FULL_ROI
            assert frame.detections().space == "stream"

    def test_all_delivers_every_frame_in_order(self) -> None:
        with Camera(size=SMALL, policy="all") as camera:
            sequences = [frame.sequence for frame, _ in zip(camera, range(500), strict=False)]
            assert camera.dropped == 0
        assert sequences == list(range(500))

    def test_latest_drops_what_nobody_took_and_counts_it(self, camera: Camera) -> None:
        delivered = []
        for frame in camera:
            delivered.append(frame.sequence)
            before = camera.dropped
            wait_until(lambda before=before: camera.dropped > before + 3)
            if len(delivered) == 20:
                break
        last = camera.capture()
        assert all(np.diff(delivered) > 3)
        # Between two looks at a camera that runs, it may have dropped more.
        assert len(delivered) + camera.dropped >= last.sequence - len(delivered)

    def test_two_cameras_at_once(self) -> None:
        with Camera(camera=0, size=SMALL) as one, Camera(camera=1, size=(640, 480)) as other:
            assert one.id != other.id
            taken: dict[str, list[int]] = {one.id: [], other.id: []}

            def run(camera: Camera) -> None:
                for frame in camera:
                    taken[camera.id].append(frame.image.shape[1])
                    if len(taken[camera.id]) == 200:
                        return

            threads = [threading.Thread(target=run, args=(each,)) for each in (one, other)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        assert set(taken[one.id]) == {64}
        assert set(taken[other.id]) == {640}

    def test_beside_a_user_of_the_bindings_loop(self, camera: Camera) -> None:
        # As picamera2 is one: it gets its own requests, and none of ours.
        with VirtualCamera(model="imx708") as other:
            other.start()
            for _ in range(100):
                frame = camera.capture()
                request = other.capture()
                assert request in other.requests
                other.requeue(request)
            assert frame.image.any()


class TestChoice:
    def test_by_index_id_and_model(self) -> None:
        there = libcamera.CameraManager.singleton().cameras
        for number, device in enumerate(there):
            for wanted in (number, device.id):
                camera = Camera(camera=wanted, size=SMALL)
                assert camera.id == device.id
                camera.close()
        camera = Camera(camera="imx708", size=SMALL)
        assert camera.model == "imx708"
        camera.close()
        camera = Camera(size=SMALL)
        assert camera.model == "imx500"
        camera.close()

    @pytest.mark.parametrize("wanted", [99, -1, "imx999"])
    def test_none_names_those_that_there_are(self, wanted: object) -> None:
        with pytest.raises(DeviceNotFoundError) as raised:
            Camera(camera=wanted)
        for device in libcamera.CameraManager.singleton().cameras:
            assert device.id in str(raised.value)

    def test_one_that_is_open_already(self, camera: Camera) -> None:
        with pytest.raises(CameraError, match="open already"):
            Camera(camera=camera.id, size=SMALL)

    @pytest.mark.parametrize(
        ("options", "error", "message"),
        [
            ({"camera": 1.5}, CameraOptionError, "camera must be"),
            ({"size": (63, 47)}, CameraOptionError, r"size=\("),
            ({"size": (0, 48)}, GeometryError, "size"),
            ({"pixel_format": "NV21"}, CameraOptionError, "BGR888"),
            ({"pixel_format": "BGR888"}, CameraOptionError, "'NV12'"),
            ({"raw_size": (2028, 1520)}, CameraOptionError, "raw"),
            ({"frame_rate": 0}, CameraOptionError, "frame_rate"),
            ({"camera": True}, CameraOptionError, "camera must be"),
            ({"transform": "rotate90"}, GeometryError, "rot180"),
            ({"transform": "rot90"}, CameraOptionError, "does not transpose"),
            ({"network_flipped": "no"}, GeometryError, "network_flipped must be True, False"),
            ({"network": "posenet"}, NetworkTypeError, r"Network\.find"),
            ({"progress": "x"}, CameraOptionError, "progress must be a function"),
            ({"frame_rate": True}, CameraOptionError, "frame_rate"),
            ({"frame_rate": "30"}, CameraOptionError, "frame_rate"),
            ({"frame_rate": 10**400}, CameraOptionError, "frame_rate"),
            ({"buffer_count": True}, CameraOptionError, "buffer_count"),
            ({"buffer_count": 4.0}, CameraOptionError, "buffer_count"),
            ({"controls": [1]}, CameraOptionError, "controls must be a mapping"),
            ({"roi": (-100, -5, 9999, 1)}, GeometryError, "roi must lie on the sensor"),
            ({"roi": (4000, 0, 100, 100)}, GeometryError, "roi must lie on the sensor"),
            ({"timeout_s": "x"}, CameraOptionError, "timeout_s must be a positive number"),
            ({"timeout_s": None}, CameraOptionError, "timeout_s"),
            ({"timeout_s": float("nan")}, CameraOptionError, "timeout_s"),
            ({"buffer_count": 0}, CameraOptionError, "buffer_count"),
            ({"controls": {"Nonsense": 1}}, CameraOptionError, "FrameDurationLimits"),
            ({"controls": {"FrameDurationLimits": "x"}}, CameraOptionError, "Integer64"),
            ({"input_tensor": True}, CameraOptionError, "CnnEnableInputTensor"),
            ({"roi": (0, 0, 0, 0)}, GeometryError, "roi"),
            ({"timeout_s": 0}, CameraOptionError, "timeout_s"),
            ({"policy": "newest"}, CameraOptionError, '"latest" or "all"'),
        ],
    )
    def test_options_that_cannot_be(
        self, options: dict[str, object], error: type[Imx500Error], message: str
    ) -> None:
        with pytest.raises(error, match=message):
            Camera(**{"size": SMALL, **options})
        # The camera is free again.
        Camera(size=SMALL).close()

    def test_numpys_numbers_and_libcameras_transform(self) -> None:
        options = {
            "camera": np.int64(0),
            "frame_rate": np.float32(30),
            "buffer_count": np.int64(4),
            "timeout_s": np.float32(2),
            "roi": np.array([508, 0, 3040, 3040]),
        }
        with Camera(size=SMALL, transform=libcamera.Transform(), **options) as camera:
            assert camera.id == libcamera.CameraManager.singleton().cameras[0].id
            assert camera.buffer_count == 4
            assert camera._controls == {"FrameDurationLimits": (33333, 33333)}
            assert camera.capture().roi == (508, 0, 3040, 3040)
        Camera(size=SMALL, transform="identity").close()

    def test_what_a_method_cannot_take(self, camera: Camera) -> None:
        frame = camera.capture()
        for call, message in (
            (lambda: camera.capture("x"), "timeout_s must be a number of seconds or None"),
            (lambda: asyncio.run(camera.capture_async("x")), "timeout_s must be a number"),
            (lambda: camera.set_controls(None), "controls must be a mapping"),
            (lambda: camera.set_controls([]), "controls must be a mapping"),
            (lambda: camera.to_rgb(None), "to_rgb takes a Frame, not NoneType"),
            (lambda: camera.to_rgb(frame.image), "to_rgb takes a Frame, not ndarray"),
        ):
            with pytest.raises(CameraOptionError, match=message):
                call()
        assert camera.capture(np.float32(5)).image.any()

    def test_controls_reach_the_camera(self, manager: ModuleType) -> None:
        seen: list[set[str]] = []
        camera = Camera(size=SMALL, frame_rate=30, policy="all")
        camera._before_taking = lambda request: seen.append(manager.control_names(request))
        with camera:
            camera.capture()
            assert not any(seen)
            camera.set_controls({"FrameDurationLimits": np.array([10_000, 20_000])})
            for _ in camera:
                if seen[-1]:
                    break
            assert seen[-1] == {"FrameDurationLimits"}
            seen.clear()
            for _ in range(20):
                camera.capture()
            assert not any(seen)
            with pytest.raises(CameraOptionError, match="Nonsense"):
                camera.set_controls({"Nonsense": 1})


class TestPictures:
    def test_pictures_survive_stop_restart_close_and_the_camera(self) -> None:
        camera = Camera(size=SMALL)
        camera.start()
        kept = [camera.capture().image for _ in range(8)]
        camera.stop()
        copies = [image.copy() for image in kept]
        for _ in range(3):
            camera.start()
            for _ in range(50):
                assert not any(np.shares_memory(camera.capture().image, image) for image in kept)
            camera.stop()
        camera.close()
        del camera
        gc.collect()
        for image, copy in zip(kept, copies, strict=True):
            np.testing.assert_array_equal(image, copy)

    def test_the_camera_keeps_two_buffers(self, camera: Camera) -> None:
        # The third picture at a time would leave the camera with one of four.
        assert camera.buffer_count == 4
        kept = [camera.capture().image for _ in range(20)]
        assert camera.held == 2
        assert all(not image.flags.writeable for image in kept)
        shared = [
            np.shares_memory(one, other) for one in kept for other in kept if one is not other
        ]
        assert not any(shared)
        views = [image[::2] for image in kept]
        del kept
        assert camera.held == 2
        del views
        assert camera.held == 0

    def test_a_held_picture_is_never_written_to(self, camera: Camera) -> None:
        image = camera.capture().image
        copy = image.copy()
        for _ in range(100):
            camera.capture()
        np.testing.assert_array_equal(image, copy)

    def test_dropped_in_any_order_by_any_thread(self, camera: Camera) -> None:
        rng = random.Random(1)
        kept: list[object] = []
        lock = threading.Lock()
        finished = threading.Event()

        def drop() -> None:
            while not finished.is_set():
                with lock:
                    if kept:
                        kept.pop(rng.randrange(len(kept)))
                time.sleep(0)

        class Cycle:
            def __init__(self, frame: object) -> None:
                self.frame, self.me = frame, self

            def __del__(self) -> None:
                self.last = self.frame.image[:1]

        threads = [threading.Thread(target=drop) for _ in range(3)]
        for thread in threads:
            thread.start()
        try:
            for number in range(3000):
                frame = camera.capture()
                with lock:
                    kept.append(Cycle(frame) if number % 3 else frame.image[::2])
                if number % 100 == 0:
                    gc.collect()
        finally:
            finished.set()
            for thread in threads:
                thread.join()
        kept.clear()
        del frame
        gc.collect()
        assert camera.held == 0
        assert camera.capture().image.any()

    def test_dropped_after_stop_and_after_close(self) -> None:
        camera = Camera(size=SMALL)
        camera.start()
        kept = [camera.capture(), camera.capture()]
        camera.stop()
        assert camera.held == 2
        del kept[0]
        assert camera.held == 1
        camera.start()
        assert camera.held == 0
        assert camera.capture().image.any()
        camera.close()
        kept.clear()

    def test_dma_bufs_are_bracketed(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        # A file instead of a dma-buf: the kernel refuses to bracket it, and nothing else differs.
        def allocate(heap: int, request: int, argument: bytes) -> bytes:
            length, _, flags, heap_flags = struct.unpack("=QIIQ", argument)
            file = os.memfd_create("dma-buf")
            os.ftruncate(file, length)
            return struct.pack("=QIIQ", length, file, flags, heap_flags)

        (tmp_path / "heap").touch()
        monkeypatch.setattr(buffers, "HEAPS", (str(tmp_path / "heap"),))
        monkeypatch.setattr("fcntl.ioctl", allocate)
        with Camera(size=SMALL) as camera:
            assert camera._pool.source == "dma-heap"
            kept = [camera.capture().image for _ in range(10)]
            assert all(image.any() for image in kept)
            assert camera.held == 2

    def test_5000_frames_leave_nothing_behind(self, inject: ModuleType, network: Network) -> None:
        camera = Camera(network, size=SMALL)
        camera._before_taking = inject_tensors(inject, network)
        with camera:
            for _ in range(500):
                assert camera.capture().outputs is not None
            gc.collect()
            files, memory = open_files(), resident_bytes()
            for number, frame in enumerate(camera):
                assert frame.outputs is not None
                if number == 5000:
                    break
            del frame
            gc.collect()
            assert open_files() == files
            # A single leaked picture per frame would be 23 MB, a single leaked tensor 12 MB.
            # AddressSanitizer keeps what is freed.
            if os.environ.get("IMX500_SANITIZED") != "1":
                assert resident_bytes() - memory < 4 << 20


class TestLifecycle:
    def test_not_started_stopped_closed(self) -> None:
        camera = Camera(size=SMALL)
        for use in (camera.capture, camera.__iter__):
            with pytest.raises(CameraError, match="start"):
                use()
        assert not camera.running
        camera.start()
        assert camera.start() is camera
        camera.capture()
        camera.stop()
        camera.stop()
        with pytest.raises(CameraError, match="start"):
            camera.capture()
        camera.close()
        camera.close()
        assert "closed" in repr(camera)
        for use in (camera.start, camera.capture, lambda: camera.set_controls({})):
            with pytest.raises(CameraError, match="closed"):
                use()

    def test_restart_20_times(self, camera: Camera) -> None:
        camera.capture()
        gc.collect()
        files = open_files()
        for _ in range(20):
            camera.stop()
            camera.start()
            assert camera.capture().sequence is not None
        gc.collect()
        assert open_files() == files

    def test_open_and_close_20_times(self) -> None:
        Camera(size=SMALL).close()
        files = open_files()
        for _ in range(20):
            with Camera(size=SMALL) as camera:
                camera.capture()
        assert open_files() == files

    def test_a_forgotten_camera_is_closed(self) -> None:
        camera = Camera(size=SMALL)
        camera.start()
        gone = weakref.ref(camera)
        del camera
        assert gone() is None
        with Camera(size=SMALL) as camera:
            camera.capture()

    def test_stop_ends_loops_of_other_threads(self, camera: Camera, manager: ModuleType) -> None:
        counts = []
        thread = threading.Thread(target=lambda: counts.append(sum(1 for _ in camera)))
        thread.start()
        time.sleep(0.05)
        manager.occupy(camera._device, 0.3)
        time.sleep(0.05)
        camera.stop()
        thread.join(10)
        assert not thread.is_alive()
        assert counts[0] > 0

    def test_stop_tells_who_waits_for_one_frame(self, camera: Camera, manager: ModuleType) -> None:
        raised: list[BaseException] = []

        def run() -> None:
            try:
                while True:
                    camera.capture()
            except CameraError as error:
                raised.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        manager.occupy(camera._device, 0.3)
        time.sleep(0.1)
        camera.stop()
        thread.join(10)
        assert len(raised) == 1

    def test_stop_at_any_moment(self) -> None:
        camera = Camera(size=SMALL)
        rng = random.Random(2)
        for _ in range(60):
            camera.start()
            thread = threading.Thread(target=lambda: [0 for _ in camera])
            thread.start()
            time.sleep(rng.uniform(0, 0.01))
            camera.stop()
            thread.join(10)
            assert not thread.is_alive()
        camera.close()

    def test_a_signal_ends_the_wait(self, camera: Camera, manager: ModuleType) -> None:
        class AlarmError(Exception):
            pass

        def ring(*_: object) -> None:
            raise AlarmError

        before = signal.signal(signal.SIGALRM, ring)
        try:
            manager.occupy(camera._device, 0.5)
            signal.setitimer(signal.ITIMER_REAL, 0.1)
            with pytest.raises(AlarmError):
                capture_for_ever(camera)
        finally:
            signal.signal(signal.SIGALRM, before)
        assert camera.capture().image.any()

    def test_other_threads_run_while_start_blocks(self, manager: ModuleType) -> None:
        camera = Camera(size=SMALL)
        manager.occupy(camera._device, 0.6)
        ticks = []
        finished = threading.Event()

        def tick() -> None:
            while not finished.wait(0.01):
                ticks.append(time.monotonic())

        thread = threading.Thread(target=tick)
        thread.start()
        begun = time.monotonic()
        camera.start()
        ended = time.monotonic()
        finished.set()
        thread.join()
        with camera:
            camera.capture(timeout_s=1)
        assert ended - begun > 0.4
        assert sum(begun < when < ended for when in ticks) > 10


class TestTimeouts:
    def test_a_camera_that_delivers_nothing(self, manager: ModuleType) -> None:
        with Camera(size=SMALL) as camera:
            pass
        camera = Camera(size=SMALL, timeout_s=0.4)
        camera.start()
        manager.occupy(camera._device, 1)
        with pytest.raises(CameraTimeoutError) as raised:
            capture_for_ever(camera)
        assert raised.value.kind in ("no frame", "stalled")
        assert isinstance(raised.value, TimeoutError)
        assert camera.capture(timeout_s=5).image.any()
        camera.close()

    def test_the_time_to_start_does_not_count(self, manager: ModuleType) -> None:
        camera = Camera(size=SMALL, timeout_s=0.2)
        manager.occupy(camera._device, 0.5)
        with camera:
            assert camera.capture().image.any()

    def test_no_frame_at_all(self) -> None:
        camera = Camera(size=SMALL, timeout_s=0.4)
        with camera:
            session = camera._session
            nothing = NothingTaken(session, completed=0)
            camera._session = nothing
            with pytest.raises(CameraTimeoutError, match="cable") as raised:
                camera.capture()
            assert raised.value.kind == "no frame"
            camera._session = NothingTaken(session, cancelled=3)
            with pytest.raises(CameraTimeoutError, match="cancelled 3") as raised:
                camera.capture()
            assert raised.value.kind == "cancelled"
            camera._session = session

    def test_no_more_frames_while_iterating(self) -> None:
        with Camera(size=SMALL) as camera:
            camera.capture()
            session = camera._session
            camera._session = NothingTaken(session, completed=3)
            with pytest.raises(CameraTimeoutError, match=r"within 0\.4 s, after 3 that") as raised:
                camera.capture(0.4)
            assert raised.value.kind == "stalled"
            camera._session = session
            camera.timeout_s = 1e-6  # no camera is so fast
            with pytest.raises(CameraTimeoutError, match="too early to tell") as raised:
                for _ in camera:
                    pass
            assert raised.value.kind == "too early"

    @pytest.mark.parametrize("options", [{}, {"frame_rate": 0.5}])
    def test_a_wait_shorter_than_a_few_frames_tells_nothing(self, options: dict[str, Any]) -> None:
        with Camera(size=SMALL, **options) as camera:
            session = camera._session
            for completed in (0, 100):
                camera._session = NothingTaken(session, completed=completed)
                for wait_s in (0, -1, 0.001, float("nan"), *([5] if options else [])):
                    with pytest.raises(CameraTimeoutError, match=f"within {wait_s} s") as raised:
                        camera.capture(wait_s)
                    assert raised.value.kind == "too early"
                    assert "stop()" not in str(raised.value)
                    assert f"take {2 if options else 0.0333} s" in str(raised.value)
            camera._session = session

    def test_frames_without_tensors(self, network: Network) -> None:
        with Camera(network, size=SMALL, timeout_s=0.2) as camera:
            with pytest.raises(CameraTimeoutError, match=r"last \d+ frames.*tensors") as raised:
                capture_for_ever(camera)
            assert raised.value.kind == "no tensors"
            assert camera.capture().outputs is None

    def test_tensors_now_and_then_are_enough(self, inject: ModuleType, network: Network) -> None:
        put = inject_tensors(inject, network)
        camera = Camera(network, size=SMALL, timeout_s=0.3)
        number = 0

        def now_and_then(request: object) -> None:
            nonlocal number
            number += 1
            if number % 10 == 0:
                put(request)

        camera._before_taking = now_and_then
        with camera:
            begun = time.monotonic()
            while time.monotonic() < begun + 0.6:
                camera.capture()


class NothingTaken:
    """A session in which no frame comes."""

    running = True

    def __init__(self, session: object, completed: int = 0, cancelled: int = 0):
        self.session = session
        self.counts = session.counts._replace(completed=completed, cancelled=cancelled)

    def take(self, timeout_s: float) -> None:
        return None


class TestAsyncio:
    def test_async_for(self) -> None:
        async def run() -> tuple[list[int], int]:
            ticks = 0

            async def tick() -> None:
                nonlocal ticks
                while True:
                    await asyncio.sleep(0)
                    ticks += 1

            ticking = asyncio.create_task(tick())
            sequences = []
            async with Camera(size=SMALL) as camera:
                async for frame in camera:
                    sequences.append(frame.sequence)
                    await asyncio.sleep(0)
                    if len(sequences) == 100:
                        break
                sequences.append((await camera.capture_async()).sequence)
            ticking.cancel()
            return sequences, ticks

        sequences, ticks = asyncio.run(run())
        assert len(sequences) == 101
        assert all(np.diff(sequences) > 0)
        assert ticks > 100

    def test_the_event_loop_runs_while_start_blocks(self, manager: ModuleType) -> None:
        async def run() -> list[float]:
            camera = Camera(size=SMALL)
            manager.occupy(camera._device, 0.5)
            ticks = []

            async def tick() -> None:
                while True:
                    await asyncio.sleep(0.01)
                    ticks.append(time.monotonic())

            ticking = asyncio.create_task(tick())
            begun = time.monotonic()
            async with camera:
                ended = time.monotonic()
                await camera.capture_async()
            ticking.cancel()
            return [when for when in ticks if begun < when < ended]

        assert len(asyncio.run(run())) > 10

    def test_stop_ends_the_loop_and_time_runs_out(self, manager: ModuleType) -> None:
        async def run() -> None:
            camera = Camera(size=SMALL, timeout_s=0.1)
            async with camera:
                manager.occupy(camera._device, 0.5)
                with pytest.raises(CameraTimeoutError):
                    await capture_for_ever_async(camera)
                camera.timeout_s = 5
                asyncio.get_running_loop().call_later(
                    0.1, threading.Thread(target=camera.stop).start
                )
                async for _ in camera:
                    pass
                with pytest.raises(CameraError, match="start"):
                    await camera.capture_async()

        asyncio.run(run())

    def test_cancelling_leaves_the_camera_usable(self, manager: ModuleType) -> None:
        async def run() -> None:
            async with Camera(size=SMALL) as camera:
                manager.occupy(camera._device, 0.3)
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(capture_for_ever_async(camera), 0.1)
                assert (await camera.capture_async()).image.any()

        asyncio.run(run())


def run_script(text: str, *, timeout_s: float = 30) -> subprocess.CompletedProcess[str]:
    script = "from imx500_native.live_camera import Camera\n" + textwrap.dedent(text)
    path = [str(Path(__file__).parent), *sys.path]
    return subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        timeout=timeout_s,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(part for part in path if part)},
    )


class TestProcessEnd:
    @pytest.mark.parametrize("how", ["with Camera(size=(64, 48)) as camera:", "if True:"])
    def test_a_script_that_raises_ends_with_its_own_traceback(self, how: str) -> None:
        done = run_script(
            f"""
            camera = Camera(camera=1, size=(64, 48)).start()
            {how}
                frames = [camera.capture() for _ in range(5)]
                raise ZeroDivisionError("mine")
            """
        )
        assert done.returncode == 1
        assert "ZeroDivisionError: mine" in done.stderr
        assert "FATAL" not in done.stderr

    @pytest.mark.parametrize(
        "script",
        [
            "camera = Camera(size=(64, 48)).start(); frame = camera.capture()",
            "import sys; camera = Camera(size=(64, 48)).start(); sys.keep = camera.capture()",
            "import builtins; builtins.c = Camera(size=(64, 48)).start(); builtins.i = iter(c)",
            "c = Camera(size=(64, 48)).start(); f = c.capture(); c.close()",
            """
            import threading
            camera = Camera(size=(64, 48)).start()
            def run():
                for frame in camera: pass
            threading.Thread(target=run, daemon=True).start()
            """,
            """
            import threading
            camera = Camera(size=(64, 48)).start()
            kept = []
            def run():
                for frame in camera: kept.append(frame) if len(kept) < 9 else None
            threading.Thread(target=run, daemon=True).start()
            import time; time.sleep(0.05)
            """,
            """
            import os
            camera = Camera(size=(64, 48)).start()
            frame = camera.capture()
            child = os.fork()
            if child == 0:
                del frame
                camera.close()
            else:
                assert os.waitpid(child, 0)[1] == 0
                frame = camera.capture()
                camera.close()
            """,
        ],
    )
    def test_it_ends_cleanly(self, script: str) -> None:
        done = run_script(script)
        assert done.returncode == 0, done.stderr
        assert "FATAL" not in done.stderr
        assert "Traceback" not in done.stderr


def test_all_of_the_machines_cameras_at_once() -> None:
    with ExitStack() as stack:
        cameras = [stack.enter_context(Camera(camera=number, size=SMALL)) for number in range(3)]
        for _ in range(50):
            for camera in cameras:
                assert camera.capture().image.any()
