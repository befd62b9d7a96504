"""Waiting for frames of imx500_native.Camera: time-outs, and asynchronous loops."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from live_cameras import (
    NETWORK,
    SMALL,
    capture_for_ever,
    capture_for_ever_async,
    inject_tensors,
)
from native.build import occupy_manager

from imx500_native import Network
from imx500_native._taking import FrameSource
from imx500_native.errors import CameraError, CameraTimeoutError
from imx500_native.live_camera import Camera

if TYPE_CHECKING:
    from types import ModuleType


@pytest.fixture(scope="module")
def manager() -> ModuleType:
    return occupy_manager()


@pytest.fixture(scope="module")
def network() -> Network:
    return Network.find(NETWORK)


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
            camera._session = NothingTaken(session, completed=0, silent_s=0.4)
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
            camera._session = NothingTaken(session, completed=3, silent_s=0.4)
            with pytest.raises(
                CameraTimeoutError, match=r"within 0\.4 s, nor for 0\.4 s after 3 that"
            ) as raised:
                camera.capture(0.4)
            assert raised.value.kind == "stalled"
            camera._session = session
            camera.timeout_s = 1e-6  # no camera is so fast
            with pytest.raises(CameraTimeoutError, match="too early to tell") as raised:
                for _ in camera:
                    pass
            assert raised.value.kind == "too early"

    def test_a_camera_that_is_polled_and_delivers_nothing(self, manager: ModuleType) -> None:
        with Camera(size=SMALL) as camera:
            camera.capture()
            manager.occupy(camera._device, 1)
            kinds = []
            begun = time.monotonic()
            while not kinds or kinds[-1] == "too early":
                assert time.monotonic() < begun + 10
                try:
                    camera.capture(0)
                except CameraTimeoutError as error:
                    kinds.append(error.kind)
                time.sleep(0.01)
            assert kinds[0] == "too early"
            assert kinds[-1] == "stalled"
            assert camera.capture(5).image.any()

    def test_a_camera_without_a_buffer_has_not_stalled(self) -> None:
        with Camera(size=SMALL, policy="all") as camera:
            time.sleep(0.5)
            for _ in range(camera.buffer_count):
                camera.capture(0)
            # It is given its buffers one after the other, and has no frame yet.
            kinds = set()
            for _ in range(100):
                try:
                    camera.capture(0)
                except CameraTimeoutError as error:
                    kinds.add(error.kind)
            assert kinds == {"too early"}

    @pytest.mark.parametrize("options", [{}, {"frame_rate": 0.5}])
    def test_a_wait_shorter_than_a_few_frames_tells_nothing(self, options: dict[str, Any]) -> None:
        with Camera(size=SMALL, **options) as camera:
            session = camera._session
            for completed in (0, 100):
                silent_s = 5 if options else 0.3
                camera._session = NothingTaken(session, completed=completed, silent_s=silent_s)
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


class NothingTaken(FrameSource):
    """A session in which no frame comes."""

    running = True

    def __init__(
        self, session: Any, completed: int = 0, cancelled: int = 0, silent_s: float = 0
    ) -> None:
        self.session = session
        self.counts = session.counts._replace(
            completed=completed, cancelled=cancelled, silent_s=silent_s
        )

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

    def test_a_slow_consumer_can_be_cancelled(self) -> None:
        async def run() -> int:
            frames = 0

            async def consume(camera: Camera) -> None:
                nonlocal frames
                async for _ in camera:
                    time.sleep(0.04)
                    frames += 1
                    assert frames < 100

            async with Camera(size=SMALL, policy="all") as camera:
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(consume(camera), 0.2)
            return frames

        assert 1 <= asyncio.run(run()) < 20

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
