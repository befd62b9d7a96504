"""Opening a camera where there is none."""

from __future__ import annotations

import logging

import pytest

from imx500_native import camera as camera_module
from imx500_native.camera import open_camera
from imx500_native.errors import DeviceNotFoundError, LibcameraMissingError, SimulationError
from imx500_native.network import Network
from imx500_native.simulation import SimulatedCamera


@pytest.fixture(scope="module")
def network():
    return Network.find("ssd_mobilenetv2_fpnlite_320x320_pp")


@pytest.fixture
def devices(monkeypatch, tmp_path):
    """Stand in for the system's list of video devices, empty at first."""
    monkeypatch.setattr(camera_module, "_DEVICES", tmp_path)
    return tmp_path


def test_auto_simulates_and_says_so_each_time(network, caplog):
    with caplog.at_level(logging.WARNING, logger="imx500_native"):
        for calls in (1, 2):
            with open_camera(network, size=(64, 48), seed=3, real_time=False) as camera:
                assert isinstance(camera, SimulatedCamera)
                assert camera.source == "simulated"
                assert camera.capture().image.shape == (48, 64, 3)
            assert len(caplog.records) == calls
    assert "simulated" in caplog.records[0].getMessage()


def test_simulated_is_silent(network, caplog):
    with open_camera(network, "simulated", frame_rate=5) as camera:
        assert camera.frame_rate == 5
    assert not caplog.records


def test_camera_without_a_device(network, devices):
    (devices / "v4l-subdev0").mkdir()
    (devices / "v4l-subdev0" / "name").write_text("imx708 10-001a\n")
    with pytest.raises(DeviceNotFoundError, match=r"no IMX500 was found.*picamera2") as caught:
        open_camera(network, "camera")
    assert isinstance(caught.value, FileNotFoundError)


def test_camera_with_a_device(network, devices):
    (devices / "v4l-subdev2").mkdir()
    (devices / "v4l-subdev2" / "name").write_text("imx500 10-001a\n")
    with pytest.raises(LibcameraMissingError, match=r"no live camera yet.*picamera2") as caught:
        open_camera(network, "camera")
    assert isinstance(caught.value, ImportError)


def test_unreadable_devices_are_passed_over(network, devices):
    (devices / "v4l-subdev0" / "name").mkdir(parents=True)
    with pytest.raises(DeviceNotFoundError):
        open_camera(network, "camera")


@pytest.mark.parametrize("source", ["real", "", None, 0])
def test_unknown_sources_are_named(network, source):
    with pytest.raises(SimulationError, match="'auto', 'camera' or 'simulated'"):
        open_camera(network, source)


def test_options_are_checked_before_anything_is_said(network, caplog):
    with pytest.raises(SimulationError, match="size"):
        open_camera(network, size=(1, 1))
    with pytest.raises(TypeError, match="colour"):
        open_camera(network, colour="red")
    assert not caplog.records
