"""Which camera `open_camera` opens."""

from __future__ import annotations

import logging
import sys
from types import SimpleNamespace

import pytest

from imx500_native import LibcameraMissingError, Network, SimulatedCamera, SimulationError
from imx500_native import camera as camera_module
from imx500_native.camera import open_camera


@pytest.fixture(scope="module")
def network():
    return Network.find("ssd_mobilenetv2_fpnlite_320x320_pp")


@pytest.fixture
def devices(monkeypatch):
    """What the machine's list of IMX500 sub-devices holds: nothing at first."""
    found = []
    monkeypatch.setattr(camera_module, "find_subdevices", lambda: found)
    return found


class Recorder:
    """Stands in for the live camera and keeps what it was opened with."""

    def __init__(self, network, **options):
        self.network = network
        self.options = options


@pytest.fixture
def live(monkeypatch):
    module = SimpleNamespace(Camera=Recorder)
    monkeypatch.setitem(sys.modules, "imx500_native.live_camera", module)


FAST = {"real_time": False, "seed": 3}


def test_auto_without_a_device_simulates_and_says_so_each_time(network, devices, caplog):
    with caplog.at_level(logging.WARNING, logger="imx500_native"):
        for calls in (1, 2):
            with open_camera(network, size=(64, 48), simulation_options=FAST) as camera:
                assert isinstance(camera, SimulatedCamera)
                assert camera.source == "simulated"
                assert camera.capture().image.shape == (48, 64, 3)
            assert len(caplog.records) == calls
    assert "simulated" in caplog.records[0].getMessage()


def test_simulated_is_silent_whatever_the_machine_has(network, devices, caplog):
    devices.append("imx500")
    with open_camera(network, "simulated", frame_rate=5) as camera:
        assert camera.frame_rate == 5
    assert not caplog.records


@pytest.mark.parametrize("source", ["auto", "camera"])
def test_a_device_is_opened_live(network, devices, live, caplog, source):
    devices.append("imx500")
    camera = open_camera(
        network,
        source,
        size=(640, 480),
        roi=(508, 0, 3040, 3040),
        camera_options={"policy": "all"},
        simulation_options=FAST,
    )
    assert isinstance(camera, Recorder)
    assert camera.network is network
    assert camera.options == {
        "size": (640, 480),
        "frame_rate": 30.0,
        "roi": (508, 0, 3040, 3040),
        "input_tensor": False,
        "progress": None,
        "policy": "all",
    }
    assert not caplog.records


def test_a_device_that_cannot_be_opened_is_an_error_and_never_a_simulation(
    network, devices, monkeypatch
):
    devices.append("imx500")
    monkeypatch.setitem(sys.modules, "libcamera", None)
    with pytest.raises(LibcameraMissingError, match="python3-libcamera"):
        open_camera(network)


@pytest.mark.parametrize("source", ["real", "", None, 0])
def test_unknown_sources_are_named(network, source):
    with pytest.raises(SimulationError, match="'auto', 'camera' or 'simulated'"):
        open_camera(network, source)


def test_options_are_checked_before_anything_is_said(network, devices, caplog):
    with pytest.raises(SimulationError, match="size"):
        open_camera(network, size=(1, 1))
    with pytest.raises(TypeError, match="colour"):
        open_camera(network, simulation_options={"colour": "red"})
    assert not caplog.records
