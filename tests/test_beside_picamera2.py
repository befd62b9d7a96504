"""Beside picamera2's real Picamera2, in one process: two loops, one request, the runner."""

from __future__ import annotations

import gc
import importlib
import importlib.util
import sys
import threading
import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import peers
import pytest
from drop_in.stand_ins import Device

from imx500_native import FULL_ROI, Frame, Network, SimulatedCamera
from imx500_native._lazy import LazySequence
from imx500_native.errors import CameraError, RequestStateError, TensorTakenError
from imx500_native.picamera2 import IMX500, installing

libcamera = pytest.importorskip(
    "libcamera",
    reason="libcamera's Python bindings are missing; "
    'get them with: eval "$(scripts/libcamera --env)"',
)
_camera = pytest.importorskip(
    "imx500_native._camera",
    reason="imx500_native was built without libcamera; "
    'build it again after: eval "$(scripts/libcamera --env)"',
)
if importlib.util.find_spec("picamera2") is None:
    pytest.skip(
        "picamera2 is missing; scripts/test makes an environment that has it",
        allow_module_level=True,
    )
# After the skips, as both need libcamera.
from real_picamera2 import real_picamera2  # noqa: E402

from imx500_native.live_camera import Camera  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

# picamera2's preview starts its thread with it.
pytestmark = pytest.mark.filterwarnings("ignore:setDaemon")

SIZE = (640, 480)
SMALL = (64, 48)
THEIRS = "/base/axi/pcie@1000120000/rp1/i2c@88000/imx500@1a"
OURS = "/base/axi/pcie@1000120000/rp1/i2c@80000/imx500@1a"


@pytest.fixture(scope="class")
def package(request: pytest.FixtureRequest) -> Iterator[ModuleType]:
    """picamera2's package, with our runner installed "before" or "after" its import, or not."""
    when = getattr(request, "param", None)
    finders = list(sys.meta_path)
    try:
        with real_picamera2(installing.install if when == "before" else None) as package:
            if when == "after":
                installing.install()
            yield package
    finally:
        sys.meta_path[:] = finders


@pytest.fixture(scope="module")
def network() -> Network:
    return Network.find("ssd_mobilenetv2_fpnlite_320x320_pp")


def opened(package: ModuleType, **streams: Any) -> Any:
    cameras = package.Picamera2.global_camera_info()
    (number,) = (place for place, camera in enumerate(cameras) if camera["Id"] == THEIRS)
    picam2 = package.Picamera2(number)
    picam2.configure(
        picam2.create_preview_configuration(main={"size": SIZE, "format": "NV12"}, **streams)
    )
    return picam2


@pytest.fixture
def picam2(package: ModuleType) -> Iterator[Any]:
    with opened(package) as picam2:
        picam2.start()
        yield picam2


class Sensor:
    """What a sensor would say of each frame, put onto picamera2's requests as they come."""

    def __init__(self, network: Network, picam2: Any, size: tuple[int, int] = SIZE) -> None:
        self.scene = SimulatedCamera(
            network, size=size, seed=3, real_time=False, input_tensor=True
        ).start()
        self.frames: dict[int, Frame] = {}
        picam2.pre_callback = self.put

    def put(self, completed: Any) -> None:
        frame = self.frames[completed.request.sequence] = self.scene.capture()
        names = ("ScalerCrop", *(name for name in frame.metadata if name.startswith("Cnn")))
        values = {name: frame.metadata[name] for name in names}
        _camera.put_sensor_controls(completed.request, values)

    def capture(self, picam2: Any) -> tuple[Any, Frame]:
        """Return a request that has tensors, and what they are."""
        while True:
            request = picam2.capture_request()
            frame = self.frames.get(request.request.sequence)
            if frame is not None and frame.outputs is not None:
                return request, frame
            request.release()


@pytest.fixture
def sensor(inject: ModuleType, network: Network, picam2: Any) -> Sensor:
    # Registered, so that libcamera's bindings, and through them picamera2, show the controls too.
    return Sensor(network, picam2)


class TestTwoLoops:
    def test_both_get_their_own_frames_and_all_of_them(self, picam2: Any) -> None:
        buffers = set(picam2.allocator.frame_buffers[picam2.stream_map["main"]])
        theirs: list[int] = []
        strange: list[object] = []

        def see(completed: Any) -> None:
            theirs.append(completed.request.sequence)
            strange.extend(set(completed.request.buffers.values()) - buffers)

        picam2.pre_callback = see
        with Camera(camera=OURS, size=SMALL, policy="all") as camera:
            ours = [camera.capture().sequence for _ in range(300)]
            seen = len(theirs)
            for _ in range(20):
                picam2.capture_metadata()
            # The first of them may have been waiting.
            assert len(theirs) >= seen + 19
            assert camera.dropped == 0
        picam2.stop()
        assert ours == list(range(300))
        assert theirs == list(range(theirs[0], theirs[0] + len(theirs)))
        assert not strange

    def test_both_wait_at_once(self, picam2: Any) -> None:
        results: list[tuple[int, int]] = []

        def run() -> None:
            with Camera(camera=OURS, size=SMALL) as camera:
                results.extend(camera.capture().image.shape for _ in range(100))

        thread = threading.Thread(target=run)
        thread.start()
        shapes = [picam2.capture_array("main").shape for _ in range(20)]
        thread.join()
        assert shapes == [(720, 640)] * 20
        assert results == [(72, 64)] * 100

    @pytest.mark.parametrize("first", ["theirs", "ours"])
    @pytest.mark.parametrize("how", ["stop", "close"])
    def test_either_ends_first(self, package: ModuleType, first: str, how: str) -> None:
        picam2 = opened(package)
        picam2.start()
        camera = Camera(camera=OURS, size=SMALL).start()
        ending, other = (picam2, camera) if first == "theirs" else (camera, picam2)

        def take(camera: Any) -> None:
            camera.capture() if isinstance(camera, Camera) else camera.capture_metadata()

        take(ending)
        getattr(ending, how)()
        for _ in range(20):
            take(other)
        if how == "stop":
            ending.start()
            for _ in range(20):
                take(ending)
                take(other)
        other.close()
        if how == "stop":
            take(ending)
        ending.close()
        # The manager was not stopped under anybody, and a new one is not needed.
        assert OURS in {device.id for device in libcamera.CameraManager.singleton().cameras}
        with Camera(camera=THEIRS, size=SMALL) as camera:
            take(camera)

    def test_one_camera_for_one_of_them(self, package: ModuleType, picam2: Any) -> None:
        with pytest.raises(CameraError, match="open already"):
            Camera(camera=THEIRS, size=SMALL)
        picam2.capture_metadata()
        picam2.close()
        with Camera(camera=THEIRS, size=SMALL) as camera:
            with warnings.catch_warnings():
                # Its constructor leaves a pipe behind.
                warnings.simplefilter("ignore", ResourceWarning)
                with pytest.raises(RuntimeError, match="did not complete"):
                    opened(package)
                gc.collect()
            camera.capture()

    def test_a_simulated_scene_beside_it(self, picam2: Any, network: Network) -> None:
        scene = SimulatedCamera(network, size=SMALL, seed=1, real_time=False)
        with Camera(simulation=scene, camera=OURS, size=SMALL) as camera:
            assert camera.capture().outputs is not None
            metadata = picam2.capture_metadata()
        assert not any(name.startswith("Cnn") for name in metadata)


class TestCompletedRequest:
    def test_a_frame_knows_the_streams(self, picam2: Any, sensor: Sensor, network: Network) -> None:
        request, expected = sensor.capture(picam2)
        frame = Frame.from_request(request, network=network, roi=FULL_ROI)
        assert frame.access == "copy"
        assert frame.sequence == request.request.sequence
        assert frame.kpi == expected.kpi
        assert frame.frame_count == expected.frame_count
        # In pixels of main, whose size only picamera2 knows.
        assert frame.detections().to_dict() == expected.detections().to_dict()
        np.testing.assert_array_equal(frame.input_image, expected.input_image)
        request.release()
        for one, other in zip(frame.outputs, expected.outputs, strict=True):
            np.testing.assert_array_equal(one, other)

    def test_lores(self, package: ModuleType, inject: ModuleType, network: Network) -> None:
        with opened(package, lores={"size": SMALL, "format": "NV12"}) as picam2:
            sensor = Sensor(network, picam2)
            picam2.start()
            request, expected = sensor.capture(picam2)
            frame = Frame.from_request(request, network=network, roi=FULL_ROI)
            request.release()
        boxes = np.array([[0.0, 0.0, 1.0, 1.0], [0.25, 0.5, 0.75, 0.625]])
        np.testing.assert_allclose(
            frame.mapper("lores").boxes(boxes) * 10, expected.mapper().boxes(boxes), atol=1e-3
        )

    def test_two_consumers(self, picam2: Any, sensor: Sensor, network: Network) -> None:
        request, expected = sensor.capture(picam2)
        before = request.get_metadata()
        request.acquire()
        first = Frame.from_request(request, network=network)
        request.release()
        second = Frame.from_request(request, network=network)
        # Nobody took anything from anybody.
        assert request.get_metadata() == before
        np.testing.assert_array_equal(before["CnnOutputTensor"], first.metadata["CnnOutputTensor"])
        request.release()
        # picamera2's loop uses the request again and again meanwhile.
        for _ in range(20):
            picam2.capture_metadata()
        for one, other, third in zip(first.outputs, second.outputs, expected.outputs, strict=True):
            assert not np.shares_memory(one, other)
            np.testing.assert_array_equal(one, third)
            np.testing.assert_array_equal(other, third)

    def test_released(self, picam2: Any, sensor: Sensor) -> None:
        request, _ = sensor.capture(picam2)
        request.release()
        with pytest.raises(RequestStateError, match="was released"):
            Frame.from_request(request)

    def test_moved_away_and_the_camera_goes_on(self, picam2: Any, sensor: Sensor) -> None:
        request, expected = sensor.capture(picam2)
        frame = Frame.from_request(request, ownership="move")
        assert request.get_metadata() == {}
        with pytest.raises(TensorTakenError):
            Frame.from_request(request)
        request.release()
        assert frame.access == "move"
        np.testing.assert_array_equal(frame.outputs[0], expected.outputs[0])
        assert len(picam2.capture_metadata()) > 1

    def test_in_the_callbacks_of_its_own_thread(
        self, picam2: Any, sensor: Sensor, network: Network
    ) -> None:
        made: list[Frame] = []
        picam2.post_callback = lambda request: made.append(
            Frame.from_request(request, network=network, roi=FULL_ROI)
        )
        while len(made) < 20:
            picam2.capture_metadata()
        picam2.stop()
        for frame in made:
            expected = sensor.frames.get(frame.sequence)
            if expected is not None:
                assert frame.detections().to_dict() == expected.detections().to_dict()

    def test_outputs_as_picamera2_gives_them(
        self, package: ModuleType, picam2: Any, sensor: Sensor
    ) -> None:
        peer_class = importlib.import_module("picamera2.devices.imx500").IMX500
        peer = object.__new__(peer_class)
        peer.device_fd = None
        ours = IMX500("", device=Device())
        request, expected = sensor.capture(picam2)
        metadata = request.get_metadata()
        theirs = peer.get_outputs(metadata)
        for source in (request, metadata):
            outputs = ours.get_outputs(source)
            assert [output.shape for output in outputs] == [output.shape for output in theirs]
            for one, other, third in zip(outputs, theirs, expected.outputs, strict=True):
                assert one.dtype == other.dtype
                np.testing.assert_array_equal(one, other)
                np.testing.assert_array_equal(one, third)
            assert ours.get_kpi_info(source) == peer.get_kpi_info(metadata)
        request.release()

    # The demo's corners are arrays of one number each.
    @pytest.mark.filterwarnings("ignore:Conversion of an array:DeprecationWarning")
    def test_the_detection_demo_as_with_picamera2s_own_class(
        self, picam2: Any, sensor: Sensor, network: Network
    ) -> None:
        peer = peers.picamera2_imx500(network)
        ours = IMX500("", device=Device())
        ours.network = network
        # libcamera's virtual pipeline has no raw stream.
        picam2.camera_config["raw"] = {"size": peers.RAW_SIZE}

        def detect(imx500: Any, request: Any, metadata: Any) -> list[Any]:
            boxes, scores, classes = (array[0] for array in imx500.get_outputs(metadata, True)[:3])
            corners = zip(*np.array_split(boxes, 4, axis=1), strict=True)
            size = imx500.get_isp_output_size(picam2)
            image = imx500.input_tensor_image(metadata["CnnInputTensor"])
            found = [
                (int(number), float(score), imx500.convert_inference_coords(box, metadata, picam2))
                for box, score, number in zip(corners, scores, classes, strict=True)
                if score > 0.3
            ]
            roi = imx500.get_roi_scaled(request)
            return [found, roi, (size.width, size.height), image.tolist()]

        seen = 0
        for _ in range(5):
            request, _ = sensor.capture(picam2)
            metadata = request.get_metadata()
            mine, theirs = (detect(imx500, request, metadata) for imx500 in (ours, peer))
            request.release()
            assert mine == theirs
            seen += len(mine[0])
        assert seen > 5


@pytest.mark.parametrize("package", ["before", "after"], indirect=True, scope="class")
class TestRunner:
    def test_its_classes_are_ours(self, package: ModuleType) -> None:
        from picamera2.devices import IMX500 as SHOWN

        assert SHOWN is IMX500
        assert package.Picamera2.__module__ == "picamera2.picamera2"

    def test_metadata_by_every_call(self, picam2: Any, sensor: Sensor) -> None:
        request, expected = sensor.capture(picam2)
        slow = {key.name: value for key, value in request.request.metadata.items()}
        fast = request.get_metadata()
        assert set(fast) == set(slow)
        assert isinstance(fast["CnnOutputTensor"], LazySequence)
        assert fast["CnnOutputTensor"] == slow["CnnOutputTensor"]
        assert fast["CnnKpiInfo"] == slow["CnnKpiInfo"]
        assert fast["ScalerCrop"] == expected.scaler_crop
        assert fast["SensorTimestamp"] == slow["SensorTimestamp"]
        request.release()
        with pytest.raises(AssertionError):
            request.get_metadata()
        for metadata in (
            picam2.capture_metadata(),
            picam2.wait(picam2.capture_metadata(wait=False)),
            picam2.capture_arrays(["main"])[1],
            picam2.capture_buffers(["main"])[1],
        ):
            assert isinstance(metadata, Mapping)
            assert "SensorTimestamp" in metadata
            assert isinstance(
                metadata.get("CnnOutputTensor", fast["CnnOutputTensor"]), LazySequence
            )

    def test_a_program(self, picam2: Any, sensor: Sensor, network: Network) -> None:
        device = IMX500("", device=Device())
        found = 0
        for _ in range(20):
            metadata = picam2.capture_metadata()
            outputs = device.get_outputs(metadata, add_batch=True)
            if outputs is not None:
                assert [output.shape[1:] for output in outputs] == list(network.output_shapes)
                found += 1
        assert found > 10
