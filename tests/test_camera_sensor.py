"""A live camera with the driver of its IMX500: libcamera's virtual one, and a stand-in driver."""

from __future__ import annotations

import contextlib
import time

import numpy as np
import pytest
from live_cameras import SMALL
from native.build import inject_controls

from imx500_native import CameraError, DeviceError, GeometryError, Network, device, live_camera
from imx500_native.live_camera import Camera

ROI = (508, 0, 3040, 3040)


class Sensor:
    """What `Camera` asks of `Imx500Device`, with what it was asked."""

    refuses = False

    def __init__(self, camera_id):
        self.camera_id = camera_id
        self.asked = []
        self.closed = False
        self.roi = (0, 0, 4056, 3040)
        self.moved_ns = 0

    def load(self, network):
        if self.refuses:
            raise DeviceError(16, "Device or resource busy", "stop the other program")
        self.asked.append(("load", network.name))

    def set_roi(self, roi):
        self.asked.append(("set_roi", roi))
        self.roi = roi or (0, 0, 4056, 3040)
        self.moved_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        return self.roi

    def roi_at(self, timestamp_ns):
        return self.roi, timestamp_ns < self.moved_ns

    @contextlib.contextmanager
    def watch_upload(self, progress):
        self.asked.append("upload begins")
        progress("network", 1, 2)
        yield
        self.asked.append("upload ends")

    def close(self):
        self.closed = True


@pytest.fixture(autouse=True)
def sensor_class(monkeypatch):
    monkeypatch.setattr(live_camera, "find_subdevices", lambda: ["one"])
    monkeypatch.setattr(device, "Imx500Device", Sensor)
    monkeypatch.setattr(Sensor, "refuses", False)
    return Sensor


@pytest.fixture(scope="module")
def network():
    return Network.find("ssd_mobilenetv2_fpnlite_320x320_pp")


def test_the_network_and_the_roi_go_to_the_sensor_before_streaming(network):
    told = []
    camera = Camera(network, size=SMALL, roi=ROI, progress=lambda *step: told.append(step))
    assert camera.sensor.camera_id == camera.id
    assert camera.sensor.asked == [("load", network.name), ("set_roi", ROI)]
    with camera:
        assert camera.sensor.asked[2:] == ["upload begins", "upload ends"]
        assert camera.roi == ROI
    assert told == [("network", 1, 2)]
    assert camera.sensor.closed


def test_without_a_roi_the_sensor_is_set_to_see_everything(network):
    with Camera(network, size=SMALL) as camera:
        assert camera.sensor.asked == [("load", network.name), ("set_roi", None)]
        assert camera.capture().roi == (0, 0, 4056, 3040)


def test_without_a_network_only_the_roi_is_set():
    with Camera(size=SMALL) as camera:
        assert camera.sensor.asked == [("set_roi", None)]


def test_a_frame_has_the_roi_of_its_own_time(network):
    with Camera(network, size=SMALL, roi=ROI) as camera:
        before = camera.capture()
        assert (before.roi, before.roi_uncertain) == (ROI, False)
        queued = camera.capture()
        assert camera.set_roi((0, 0, 2000, 1500)) == (0, 0, 2000, 1500)
        # Asked for after the change, of a frame from before it.
        assert queued.roi_uncertain
        assert before.roi == ROI
        for _ in range(8):
            after = camera.capture()
        assert (after.roi, after.roi_uncertain) == ((0, 0, 2000, 1500), False)


def test_a_camera_without_an_ai_sensor_has_no_roi_to_change(monkeypatch):
    monkeypatch.setattr(live_camera, "find_subdevices", tuple)
    with (
        Camera(size=SMALL) as camera,
        pytest.raises(CameraError, match=r"no region of interest: no IMX500 sensor"),
    ):
        camera.set_roi(None)


def test_a_driver_that_refuses_leaves_nothing_open(network, sensor_class, monkeypatch):
    monkeypatch.setattr(sensor_class, "refuses", True)
    with pytest.raises(DeviceError, match="stop the other program"):
        Camera(network, size=SMALL)
    monkeypatch.setattr(sensor_class, "refuses", False)
    with Camera(network, size=SMALL) as camera:
        assert isinstance(camera.capture().image, np.ndarray)


def test_a_turned_picture_is_not_mapped_before_it_is_said_what_the_network_sees(
    network, monkeypatch
):
    # libcamera's virtual camera turns nothing, so only what is asked of it is left out.
    configure = live_camera.configure
    monkeypatch.setattr(
        live_camera,
        "configure",
        lambda *given, transform, **options: configure(*given, transform=None, **options),
    )
    inject = inject_controls()
    crop = np.array((0, 0, 4056, 3040), np.int32)

    def turned(**options):
        camera = Camera(network, size=SMALL, transform="hflip", **options)
        camera._before_taking = lambda request: inject.put(request, "ScalerCrop", crop, "rectangle")
        return camera

    for flipped, left in ((False, 48.0), (True, 16.0)):
        with turned(network_flipped=flipped) as camera:
            mapped = camera.capture().mapper().points([0.25, 0.5])
            assert mapped.tolist() == pytest.approx([left, 24])
    with turned() as camera:
        frame = camera.capture()
        with pytest.raises(GeometryError, match="network_flipped"):
            frame.mapper()
