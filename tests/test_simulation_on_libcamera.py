"""A simulated scene on libcamera's virtual camera: one path for frames, whatever they come from."""

from __future__ import annotations

import textwrap
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pytest
from live_cameras import SMALL, run_script

from imx500_native import FULL_ROI, Network, SimulatedCamera, _camera
from imx500_native._libcamera import take_controls
from imx500_native.errors import (
    CameraOptionError,
    RequestStateError,
    SimulationError,
    TensorTakenError,
)
from imx500_native.live_camera import Camera
from imx500_native.pictures import put_rgb

if TYPE_CHECKING:
    from types import ModuleType

    from virtual_camera import VirtualCamera

    from imx500_native.frame import Frame
    from imx500_native.pictures import ColorSpace

SIZE = (640, 480)
ROI = (508, 0, 3040, 3040)
DETECTOR = "ssd_mobilenetv2_fpnlite_320x320_pp"


@pytest.fixture(scope="module")
def network() -> Network:
    return Network.find(DETECTOR)


def scene(network: Network, **options: object) -> SimulatedCamera:
    return SimulatedCamera(network, **{"size": SMALL, "seed": 7, "real_time": False, **options})


def in_format(frame: Frame, like: np.ndarray, space: ColorSpace) -> np.ndarray:
    """A simulated frame's picture as the virtual camera, which has NV12 only, would hold it."""
    expected = np.zeros_like(like)
    put_rgb(expected, frame.image, "NV12", color_space=space)
    return expected


@pytest.mark.parametrize("name", [n for n in Network.zoo_names() if n.endswith("_pp")])
def test_a_scene_reads_the_same_through_libcamera(inject: ModuleType, name: str) -> None:
    network = Network.find(name)
    options = {"size": SIZE, "roi": ROI, "input_tensor": True}
    alone = scene(network, **options).start()
    with Camera(simulation=scene(network, **options), size=SIZE) as camera:
        assert camera.network is network
        assert "running, with a simulated scene" in repr(camera)
        found = 0
        for ours, theirs in zip(camera, [alone.capture() for _ in range(12)], strict=False):
            assert ours.access == (None if theirs.outputs is None else "move")
            assert (ours.frame_count, ours.kpi) == (theirs.frame_count, theirs.kpi)
            assert (ours.roi, ours.scaler_crop) == (ROI, theirs.scaler_crop)
            assert not ours.roi_uncertain
            assert ours.detections().to_dict() == theirs.detections().to_dict()
            found += len(ours.detections())
            assert ours.image_format == "NV12"
            assert not ours.image.flags.writeable
            expected = in_format(theirs, ours.image, camera.color_space)
            np.testing.assert_array_equal(ours.image, expected)
            if theirs.outputs is None:
                assert ours.outputs is None
                continue
            assert ours.outputs is not None
            for one, other in zip(ours.outputs, theirs.outputs, strict=True):
                np.testing.assert_array_equal(one, other)
            np.testing.assert_array_equal(ours.input_image, theirs.input_image)
    assert found > 12


def test_the_picture_is_the_scenes(network: Network) -> None:
    with Camera(simulation=scene(network, size=SIZE), size=SIZE) as camera:
        shown = camera.to_rgb(camera.capture())
    drawn = scene(network, size=SIZE).start().capture().image
    # What four pixels share of their colour makes edges differ.
    difference = np.abs(shown.astype(int) - drawn)
    assert np.median(difference) <= 1
    assert difference.mean() < 2


def test_time_is_the_cameras(network: Network) -> None:
    with Camera(simulation=scene(network, real_time=True), size=SMALL) as camera:
        frames = [camera.capture() for _ in range(6)]
    alone = scene(network)
    start_ns = frames[0].sensor_timestamp_ns
    assert all(a.sensor_timestamp_ns < b.sensor_timestamp_ns for a, b in pairwise(frames))
    for number, frame in enumerate(frames):
        seen, _ = alone._shot(number, (frame.sensor_timestamp_ns - start_ns) / 1e9)
        values = np.concatenate([output.ravel("F") for output in frame.outputs])
        np.testing.assert_array_equal(values, seen["CnnOutputTensor"])


def test_the_roi_is_the_scenes_and_moves(network: Network) -> None:
    with Camera(simulation=scene(network, roi=ROI), size=SMALL) as camera:
        first = camera.capture()
        assert camera.roi == ROI
        assert camera.set_roi((0, 0, 2000, 2000)) == (0, 0, 2000, 2000)
        second = camera.capture()
        assert camera.set_roi(None) == camera.roi == FULL_ROI
        third = camera.capture()
    assert [frame.roi for frame in (first, second, third)] == [ROI, (0, 0, 2000, 2000), FULL_ROI]
    alone = scene(network, roi=(0, 0, 2000, 2000)).start()
    alone.capture()
    assert second.detections().to_dict() == alone.capture().detections().to_dict()


def test_each_start_begins_at_the_first_frame(network: Network) -> None:
    camera = Camera(simulation=scene(network), size=SMALL)
    firsts = []
    for _ in range(2):
        camera.start()
        firsts.append(camera.capture())
        camera.capture()
        camera.stop()
    camera.close()
    np.testing.assert_array_equal(firsts[0].image, firsts[1].image)
    assert firsts[0].detections().to_dict() == firsts[1].detections().to_dict()


def test_frames_of_a_slow_network_carry_no_tensors(network: Network) -> None:
    with Camera(simulation=scene(network, frame_rate=60), size=SMALL) as camera:
        counts = [camera.capture().frame_count for _ in range(6)]
    assert counts == [0, None, 2, None, 4, None]


def test_an_error_of_encode_comes_out_and_keeps_no_buffer(network: Network) -> None:
    simulation = scene(network, encode=lambda scene, network: [])
    with Camera(simulation=simulation, size=SMALL) as camera:
        for _ in range(10):
            with pytest.raises(SimulationError, match="4 arrays"):
                camera.capture()
            assert camera.held == 0


def test_what_does_not_fit_is_refused(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    other = Network.find("nanodet_plus_416x416_pp")
    for options, message in (
        ({"simulation": network}, "SimulatedCamera, not Network"),
        ({"network": other}, "leave network out"),
        ({"size": SIZE}, r"\(64, 48\).*\(640, 480\)"),
        ({"roi": ROI}, "to the SimulatedCamera"),
        ({"input_tensor": True}, "to the SimulatedCamera"),
        ({"transform": "hflip"}, "transform"),
    ):
        with pytest.raises(CameraOptionError, match=message):
            Camera(**{"simulation": scene(network), "size": SMALL, **options})
    monkeypatch.setattr("imx500_native.live_camera.find_subdevices", lambda: ["one"])
    with pytest.raises(CameraOptionError, match="IMX500 of its own"):
        Camera(simulation=scene(network), size=SMALL)
    Camera(simulation=scene(network), size=SMALL, camera="imx708").close()


class TestPutSensorControls:
    def test_replaces_what_there_is(self, camera: VirtualCamera, inject: ModuleType) -> None:
        request = camera.capture()
        inject.put(request, "CnnKpiInfo", np.array([1, 2], np.int32))
        before = len(request.metadata)
        values = np.arange(5, dtype=np.float32)
        _camera.put_sensor_controls(
            request,
            {
                "CnnOutputTensor": values[::2],
                "CnnOutputTensorInfo": b"\x01\x02",
                "CnnKpiInfo": (3, 4),
                "ScalerCrop": (1, 2, 3, 4),
            },
        )
        assert len(request.metadata) == before + 3
        taken = take_controls(request).to_dict()
        np.testing.assert_array_equal(taken["CnnOutputTensor"], [0, 2, 4])
        np.testing.assert_array_equal(taken["CnnOutputTensorInfo"], [1, 2])
        np.testing.assert_array_equal(taken["CnnKpiInfo"], [3, 4])
        assert taken["ScalerCrop"] == (1, 2, 3, 4)
        camera.requeue(request)

    @pytest.mark.parametrize(
        "values",
        [
            {"FrameDuration": (1,)},
            {"ScalerCrop": (1, 2, 3)},
            {"ScalerCrop": (1, 2, 3, 4, 5)},
            {"CnnOutputTensor": np.zeros((2, 2), np.float32)},
            {"CnnKpiInfo": 7},
        ],
    )
    def test_refuses_what_no_sensor_says(self, camera: VirtualCamera, values: dict) -> None:
        request = camera.capture()
        before = len(request.metadata)
        with pytest.raises(ValueError, match=next(iter(values))):
            _camera.put_sensor_controls(request, values)
        assert len(request.metadata) == before
        camera.requeue(request)

    def test_refuses_a_request_in_any_other_state(self, camera: VirtualCamera) -> None:
        request = camera.capture()
        take_controls(request, "move")
        with pytest.raises(TensorTakenError):
            _camera.put_sensor_controls(request, {"CnnKpiInfo": (1, 2)})
        request.reuse()
        with pytest.raises(RequestStateError, match="pending"):
            _camera.put_sensor_controls(request, {"CnnKpiInfo": (1, 2)})
        camera.requeue(request)
        with pytest.raises(TypeError):
            _camera.put_sensor_controls(object(), {})


def run_untaught(program: str) -> str:
    """Run a program in a process of its own, whose libcamera no other test has taught."""
    opened = f"""
import libcamera
import numpy as np
from imx500_native import Network, SimulatedCamera
from native.build import inject_controls
inject = inject_controls()
scene = SimulatedCamera(Network.find({DETECTOR!r}), size={SMALL}, seed=7, real_time=False)
camera = Camera(simulation=scene, size={SMALL})
def knows_the_controls():
    try:
        inject.put(camera._device.create_request(), "CnnKpiInfo", np.zeros(2, np.int32))
    except KeyError:
        return False
    return True
if knows_the_controls():
    raise SystemExit("knows them")
"""
    done = run_script(opened + textwrap.dedent(program))
    if done.stderr.endswith("knows them\n"):
        pytest.skip("this libcamera has the AI Camera's controls, as Raspberry Pi's has")
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_libcamera_that_has_no_such_controls_learns_none() -> None:
    told = run_untaught(
        """
        with camera:
            frame = camera.capture()
            assert frame.access == "move"
            assert len(frame.outputs) == 4
            assert frame.metadata["CnnKpiInfo"].shape == (2,)
            assert set(frame.metadata) >= {"CnnOutputTensor", "CnnOutputTensorInfo", "ScalerCrop"}
            assert not knows_the_controls()
            first = frame.detections().to_dict()
            # What another module of the process registers has a number of its own.
            inject.register_cnn_controls()
            camera.stop()
            camera.start()
            again = camera.capture()
            assert again.outputs is not None
            assert again.detections().to_dict() == first
            print(len(frame.detections()) > 0, *sorted(frame.metadata))
        """
    )
    assert told.startswith("True Cnn")


def test_a_libcamera_that_declares_them_otherwise_is_refused() -> None:
    run_untaught(
        """
        from imx500_native.errors import LibcameraMissingError
        inject.register("CnnOutputTensor")
        with camera:
            try:
                camera.capture()
            except LibcameraMissingError as error:
                assert "otherwise" in str(error)
            else:
                raise AssertionError
        """
    )
