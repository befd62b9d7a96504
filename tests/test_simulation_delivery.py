"""A simulated camera's frames are asked for as a live one's."""

from __future__ import annotations

import asyncio
import time

import numpy as np
import pytest

from imx500_native import Camera, CameraTimeoutError, Network, SimulatedCamera, SimulationError

SIZE = (64, 48)


@pytest.fixture(scope="module")
def network():
    return Network.find("ssd_mobilenetv2_fpnlite_320x320_pp")


def camera_of(network, **options):
    return SimulatedCamera(network, **{"size": SIZE, "seed": 3, "real_time": False} | options)


def test_a_program_for_the_one_runs_on_the_other(network):
    pytest.importorskip(
        "libcamera", reason='libcamera is missing; get it with: eval "$(scripts/libcamera --env)"'
    )
    pytest.importorskip(
        "imx500_native._camera",
        reason="imx500_native was built without libcamera; "
        'build it again after: eval "$(scripts/libcamera --env)"',
    )
    # What only configures libcamera, or the simulation.
    own = {"buffer_count", "color_space", "policy", "raw_size", "simulation", "timeout_s"}
    with Camera(size=SIZE) as live, camera_of(network) as simulated:
        asked = {name for name in dir(live) if not name.startswith("_")} - own
        assert asked <= set(dir(simulated))
        assert type(simulated.latency) is type(live.latency)
        assert isinstance(simulated.to_rgb(simulated.capture()), np.ndarray)


def test_its_state(network):
    camera = camera_of(network)
    assert (camera.running, camera.held, camera.sensor) == (False, 0, None)
    assert (camera.source, camera.model, camera.id) == ("simulated",) * 3
    with camera:
        assert camera.running
        camera.stop()
        assert not camera.running


def test_pictures_as_rgb_are_of_their_own_memory(network):
    with camera_of(network) as camera:
        frame = camera.capture()
        picture = camera.to_rgb(frame)
        assert frame.image_format == camera.image_format == "RGB"
        np.testing.assert_array_equal(picture, frame.image)
        assert not np.shares_memory(picture, frame.image)
        for wrong in (type(frame).from_metadata({}), None, picture):
            with pytest.raises(SimulationError, match="frame of this camera, which has a picture"):
                camera.to_rgb(wrong)


def test_stop_ends_a_loop(network):
    with camera_of(network) as camera:
        seen = []
        for frame in camera:
            seen.append(frame.sequence)
            if len(seen) == 3:
                camera.stop()
        assert seen == [0, 1, 2]
        with pytest.raises(SimulationError, match="start"):
            iter(camera)


def test_time_runs_out(network):
    with camera_of(network, real_time=True, frame_rate=0.5) as camera:
        assert camera.capture(0.05).sequence == 0
        begun = time.monotonic()
        with pytest.raises(CameraTimeoutError, match=r"every 2 s") as raised:
            camera.capture(0.05)
        assert raised.value.kind == "too early"
        assert 0.05 <= time.monotonic() - begun < 1
        with pytest.raises(CameraTimeoutError):
            camera.capture(timeout_s=0)
        with pytest.raises(CameraTimeoutError):
            asyncio.run(camera.capture_async(0.05))
        for wrong in ("x", float("nan"), True):
            for wait in (camera.capture, lambda wait_s: asyncio.run(camera.capture_async(wait_s))):
                with pytest.raises(SimulationError, match="timeout_s must be a number of seconds"):
                    wait(wrong)


def test_controls_change_nothing(network):
    with camera_of(network) as camera, camera_of(network) as other:
        camera.set_controls({"ExposureTime": 5000})
        np.testing.assert_array_equal(camera.capture().image, other.capture().image)
        with pytest.raises(SimulationError, match="mapping of names to values, not list"):
            camera.set_controls([1])


def test_async_for_lets_others_run(network):
    async def run():
        ticks = 0

        async def tick():
            nonlocal ticks
            while True:
                await asyncio.sleep(0)
                ticks += 1

        ticking = asyncio.create_task(tick())
        async with camera_of(network, frames=5) as camera:
            sequences = [frame.sequence async for frame in camera]
            sequences.append((await camera.capture_async()).sequence)
        ticking.cancel()
        assert not camera.running
        return sequences, ticks

    sequences, ticks = asyncio.run(run())
    assert sequences == [0, 1, 2, 3, 4, 5]
    assert ticks >= 6


def test_async_frames_come_at_their_time(network):
    async def run():
        async with camera_of(network, real_time=True, frame_rate=20) as camera:
            begun = time.monotonic()
            sequences = [(await camera.capture_async()).sequence for _ in range(5)]
            return sequences, time.monotonic() - begun, camera.dropped

    sequences, seconds, dropped = asyncio.run(run())
    assert sequences[-1] >= 4
    assert seconds >= 0.2 - 0.001
    assert sequences[-1] == 4 + dropped


def test_latency(network):
    with camera_of(network, frame_rate=25) as camera:
        camera.capture()
        budget = camera.latency
        assert budget.frame_ms == 40
        for _ in range(4):
            assert camera.capture().detections() is not None
            budget.mark("draw")
        budget.finish()
        rows = {row.stage: row.frames for row in budget.rows()}
        assert rows == {"outputs": 4, "results": 4, "draw": 4, "frame": 4}
