"""imx500_native.Camera on libcamera's virtual cameras, which deliver as fast as they are served."""

from __future__ import annotations

import asyncio
import gc
import random
import signal
import threading
import time
import weakref
from contextlib import ExitStack
from typing import TYPE_CHECKING

import numpy as np
import pytest
from live_cameras import (
    NETWORK,
    SMALL,
    capture_for_ever,
    inject_tensors,
    libcamera,
    open_files,
    wait_until,
)
from native.build import occupy_manager
from virtual_camera import VirtualCamera

from imx500_native import FULL_ROI, Network
from imx500_native.errors import (
    CameraError,
    CameraOptionError,
    DeviceNotFoundError,
    GeometryError,
    Imx500Error,
    NetworkTypeError,
)
from imx500_native.live_camera import Camera

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType


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

    def test_nobody_gets_hold_of_what_is_half_made(self, camera: Camera) -> None:
        session = type(camera._session)
        with pytest.raises(TypeError):
            session.__new__(session)
        lease = type(camera.capture().image.base)
        with pytest.raises(TypeError, match="comes with a picture"):
            lease()
        with pytest.raises(TypeError, match="comes with a picture"):
            lease.__new__(lease).shown()

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


def test_all_of_the_machines_cameras_at_once() -> None:
    with ExitStack() as stack:
        cameras = [stack.enter_context(Camera(camera=number, size=SMALL)) for number in range(3)]
        for _ in range(50):
            for camera in cameras:
                assert camera.capture().image.any()
