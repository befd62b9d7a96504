"""The device, on a machine made of files and with a driver made of Python behind the seam."""

from __future__ import annotations

import copy
import errno
import gc
import io
import os
import pickle
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import rpk_files
from fake_driver import FakeDriver
from machine_tree import Machine

import imx500_native as imx
from imx500_native import _v4l2, driver
from imx500_native.device import Imx500Device
from imx500_native.errors import (
    CameraOptionError,
    ControlMissingError,
    DeviceError,
    DeviceNotFoundError,
    GeometryError,
    Imx500Error,
    NetworkFileError,
    NetworkNotFoundError,
    NetworkTypeError,
    TensorInfoError,
)
from imx500_native.geometry import FULL_ROI
from imx500_native.injection import input_tensor
from imx500_native.network import Network
from imx500_native.upload import UploadProgress

FIRST = "base/axi/pcie@1000120000/rp1/i2c@80000/imx500@1a"
SECOND = "base/axi/pcie@1000120000/rp1/i2c@88000/imx500@1a"
SOON_NS = 10**9


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


@pytest.fixture
def kernel():
    """A driver that answers every ioctl; and whatever was opened was closed at the end."""
    before = set(os.listdir("/proc/self/fd"))  # noqa: PTH208 - names, not files
    answering = FakeDriver()
    _v4l2.replace_ioctl(answering)
    yield answering
    _v4l2.replace_ioctl(None)
    assert set(os.listdir("/proc/self/fd")) == before  # noqa: PTH208


@pytest.fixture
def device(machine, kernel):
    machine.add(0, "10-001a", of_node=SECOND)
    with opened(machine) as device:
        yield device


@pytest.fixture
def rpk(tmp_path):
    file = tmp_path / "imx500_network_tiny.rpk"
    file.write_bytes(rpk_files.RpkFile().build())
    return file


def opened(machine, camera=None):
    return Imx500Device(camera, sysfs=machine.sysfs, dev=machine.dev, debugfs=machine.debugfs)


def now_ns():
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


# Which camera


def test_the_only_camera(machine, kernel):
    machine.add(0, "4-001a", driver="imx708")
    machine.add(117, "10-001a", of_node=SECOND)
    for camera in (None, 0, f"/{SECOND}", "10-001a", str(machine.dev / "v4l-subdev117")):
        with opened(machine, camera) as device:
            assert device.subdevice.node == machine.dev / "v4l-subdev117"
            assert repr(device).startswith(f"<Imx500Device /{SECOND} ")


def test_one_of_several_cameras(machine, kernel):
    machine.add(40, "11-001a", of_node=SECOND)
    machine.add(5, "10-001a", of_node=FIRST)
    listed = (
        rf"0: /{FIRST} \({machine.dev}/v4l-subdev5\); 1: /{SECOND} \({machine.dev}/v4l-subdev40\)"
    )
    with pytest.raises(DeviceNotFoundError, match=f"found 2; choose by index or id: {listed}"):
        opened(machine)
    for camera in (2, -1, "imx500", "10-001b", ""):
        with pytest.raises(DeviceNotFoundError, match=f"there are {listed}"):
            opened(machine, camera)
    for camera in (1, f"/{SECOND}"):
        with opened(machine, camera) as device:
            assert device.subdevice.i2c == "11-001a"
    with opened(machine, np.int64(1)) as device:
        assert device.subdevice.i2c == "11-001a"
    for camera in (True, 1.0, b"10-001a", ["10-001a"]):
        with pytest.raises(CameraOptionError, match="camera must be an index, an id or None, not"):
            opened(machine, camera)


def test_places_may_be_strings(machine, kernel):
    machine.add(0, "10-001a")
    places = {name: str(getattr(machine, name)) for name in ("sysfs", "dev", "debugfs")}
    with Imx500Device(**places) as device, opened(machine) as other:
        assert device.subdevice == other.subdevice


def test_what_is_no_network_or_listener_is_named(machine, kernel):
    machine.add(0, "10-001a")
    with opened(machine) as device:
        with pytest.raises(NetworkTypeError, match=r"Network\.find"):
            device.set_roi_for("posenet")
        with pytest.raises(CameraOptionError, match="progress must be a function"):
            device.watch_upload("x")


def test_no_camera(machine):
    machine.add(0, "4-001a", driver="imx708")
    for camera in (None, 0, "10-001a"):
        with pytest.raises(DeviceNotFoundError, match=f"no IMX500 was found in {machine.sysfs}"):
            opened(machine, camera)


def test_a_node_that_is_not_there(machine):
    machine.add(0, "10-001a", node=False)
    with pytest.raises(DeviceError, match="--device") as caught:
        opened(machine)
    assert caught.value.errno == errno.ENOENT


def test_a_node_that_may_not_be_opened(machine, monkeypatch):
    machine.add(0, "10-001a")

    def refuse(*arguments):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(driver, "FileIO", refuse)
    with pytest.raises(DeviceError, match="usermod -aG video") as caught:
        opened(machine)
    assert caught.value.errno == errno.EACCES
    assert caught.value.remedy.endswith("log in again")


def test_a_node_that_is_no_sub_device(machine):
    machine.add(0, "10-001a")
    with pytest.raises(ControlMissingError, match="injection") as caught, opened(machine) as device:
        device.enable_injection(True)
    assert caught.value.errno == errno.ENOTTY


# The network


def test_a_network_from_everywhere(device, kernel, rpk):
    content = rpk.read_bytes()
    with rpk.open("rb") as file:
        file.seek(5)
        for source, network in (
            (rpk, True),
            (str(rpk), True),
            (Network(rpk), True),
            (content, False),
            (bytearray(content), False),
            (np.frombuffer(content, np.uint8)[::-1], False),
            (io.BytesIO(content), False),
            (file, False),
        ):
            device.load(source)
            assert (device.network is not None) == network
    assert kernel.files[:5] == [content] * 5
    assert kernel.files[5:] == [content[::-1], content, content[5:]]


def test_what_is_no_network(device, kernel, rpk, tmp_path):
    broken = tmp_path / "broken.rpk"
    broken.write_bytes(b"9464")
    unreadable = Network(rpk)
    unreadable.path = tmp_path
    text = tmp_path / "text"
    text.write_text("text")
    with text.open() as file:
        for source, error, complaint in (
            (broken, NetworkFileError, "broken.rpk"),
            (tmp_path / "nothing.rpk", NetworkNotFoundError, "nothing.rpk"),
            (Network.find("yolo11n_pp"), NetworkFileError, "imx500-models"),
            (unreadable, NetworkFileError, "Is a directory"),
            (b"", NetworkFileError, "got none"),
            (io.BytesIO(), NetworkFileError, "got none"),
            (7, NetworkFileError, "got int"),
            (file, NetworkFileError, "binary mode"),
        ):
            with pytest.raises(error, match=complaint):
                device.load(source)
    assert kernel.files == []
    assert device.network is None


@pytest.mark.parametrize(
    ("number", "remedy"),
    [
        (errno.EBUSY, "stop the camera first"),
        (errno.ETXTBSY, "pass its bytes"),
        (errno.ENODEV, "open the device again"),
        (errno.EREMOTEIO, "the sensor did not answer"),
        (errno.EIO, "dmesg"),
        (errno.EINVAL, "pass a complete network file"),
    ],
)
def test_a_network_that_the_driver_refuses(device, kernel, rpk, number, remedy):
    kernel.refuses[_v4l2.NETWORK_FD] = number
    for source in (rpk, rpk.read_bytes()):
        with pytest.raises(DeviceError, match=remedy) as caught:
            device.load(source)
        assert caught.value.errno == number
        assert str(caught.value).startswith(
            f"cannot set the network firmware file of {device.subdevice.node}: "
            f"{os.strerror(number)} ({errno.errorcode[number]}): "
        )
    assert device.network is None


def test_no_memory_for_bytes(device, monkeypatch):
    def refuse(name, flags):
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(os, "memfd_create", refuse)
    with pytest.raises(DeviceError, match="close files") as caught:
        device.load(b"network")
    assert caught.value.errno == errno.EMFILE


def test_progress(device, machine):
    machine.show_progress("2 500 1000\n")
    assert device.upload_progress() == UploadProgress("network", 500, 1000)
    seen = []
    with device.watch_upload(lambda *step: seen.append(step)):
        machine.show_progress("2 1000 1000\n")
    assert seen == [("network", 1000, 1000)]


def test_the_sensors_id(device, kernel):
    assert device.device_id() == "112233445566778899AABBCCDDEEFF00"
    kernel.refuses[_v4l2.DEVICE_ID] = errno.EREMOTEIO
    with pytest.raises(DeviceError, match="only powered while the camera streams") as caught:
        device.device_id()
    assert caught.value.errno == errno.EREMOTEIO


# The region of interest


def test_what_was_applied_is_read_back(device, kernel):
    assert device.roi == FULL_ROI
    assert device.set_roi((508, 0, 3040, 3040)) == device.roi == (508, 0, 3040, 3040)
    assert device.set_roi(FULL_ROI) == device.roi == (0, 0, 4032, 3040)
    assert device.set_roi(None) == device.roi == FULL_ROI
    assert kernel.roi == (0, 0, 0, 0)
    assert device.set_roi_aspect(1, 1) == (508, 0, 3040, 3040)
    assert device.set_roi_aspect(4, 3) == (2, 0, 4032, 3040)
    assert device.set_roi_for(Network.find("posenet")) == (0, 32, 4032, 2976)


def test_what_is_no_region_never_reaches_the_driver(device, kernel):
    kernel.calls.clear()
    for roi in ((0, 0, 0, 0), (0, 0, 4057, 1), (1, 2, 3), (-1, 0, 5, 5)):
        with pytest.raises(GeometryError):
            device.set_roi(roi)
    # 5000:1 leaves no row of the sensor.
    for ratio in ((0, 1), (1, -1), (1.5, 1), (5000, 1), (1, 4000)):
        with pytest.raises(GeometryError):
            device.set_roi_aspect(*ratio)
    assert kernel.calls == []


def test_the_region_of_a_frame(device, kernel):
    assert device.roi_history.constant == device.last_roi == FULL_ROI
    began = now_ns()
    device.set_roi((508, 0, 3040, 3040))
    ended = now_ns()
    assert (device.roi_history.constant, device.last_roi) == (None, (508, 0, 3040, 3040))
    assert device.roi_at(began - SOON_NS) == (FULL_ROI, True)
    assert device.roi_at(began)[1]
    assert device.roi_at(ended) == ((508, 0, 3040, 3040), True)
    assert device.roi_at(ended + SOON_NS) == ((508, 0, 3040, 3040), False)


@pytest.mark.parametrize(
    ("number", "uncertain"), [(errno.EREMOTEIO, True), (errno.EBUSY, False), (errno.EINVAL, False)]
)
def test_the_region_after_a_refusal(device, kernel, number, uncertain):
    kernel.refuses[_v4l2.ROI] = number
    with pytest.raises(DeviceError) as caught:
        device.set_roi((508, 0, 3040, 3040))
    assert caught.value.errno == number
    assert device.roi_at(now_ns() + SOON_NS) == (FULL_ROI, uncertain)


def test_a_region_that_cannot_be_read_back(device, kernel):
    def gone():
        if kernel.calls[-1] == ("set", _v4l2.ROI):
            raise OSError(errno.ENODEV, "gone")

    kernel.before_answer = gone
    with pytest.raises(DeviceError, match="cannot read the region of interest"):
        device.set_roi((508, 0, 3040, 3040))
    assert device.roi_at(now_ns() + SOON_NS) == (FULL_ROI, True)


def test_a_region_that_another_program_set(device, kernel):
    kernel.roi = (1, 2, 3, 4)
    assert device.roi_at(now_ns()) == (FULL_ROI, False)
    assert device.roi == (1, 2, 3, 4)
    assert device.roi_at(now_ns()) == ((1, 2, 3, 4), True)


def test_the_region_where_another_program_set_it_before(machine, kernel):
    machine.add(0, "10-001a")
    kernel.roi = (1, 2, 3, 4)
    with opened(machine) as device:
        assert device.roi_at(now_ns()) == ((1, 2, 3, 4), False)


# Injection


def test_a_tensor_and_its_frame(device, kernel):
    device.enable_injection(True)
    assert kernel.injection == 1
    assert device.inject(b"1234") == 3
    assert device.inject(np.arange(4, dtype=np.uint32)) == device.comparison_frame() == 5
    pending = device.start_injection(b"5678", attempts=2)
    assert (pending.comparison_frame, pending.matches(8), pending.matches(9)) == (7, False, True)
    assert kernel.files == [b"1234", np.arange(4, dtype=np.uint32).tobytes(), b"5678", b"5678"]
    device.enable_injection(False)
    assert kernel.injection == 0


def test_a_transfer_that_fails_is_tried_again(device, kernel):
    answers = [errno.EREMOTEIO, errno.EREMOTEIO, None]

    def answer():
        number = answers.pop(0) if answers else None
        kernel.refuses = {} if number is None else {_v4l2.TENSOR_FD: number}

    kernel.before_answer = answer
    pending = device.start_injection(b"1234")
    assert pending.comparison_frame is None
    assert not pending.matches(0)
    assert not pending.matches(1)
    assert pending.comparison_frame == 3
    assert kernel.files == [b"1234"]


@pytest.mark.parametrize("tensor", [b"", b"123", bytes((1 << 20) + 4), "1234", 4])
def test_what_is_no_tensor(device, kernel, tensor):
    with pytest.raises(TensorInfoError):
        device.inject(tensor)
    with pytest.raises(TensorInfoError):
        device.start_injection(tensor)
    assert kernel.files == []


def test_a_tensor_for_the_loaded_network(device, kernel, rpk):
    device.load(rpk)
    spec = device.network.input
    tensor = input_tensor(spec, np.zeros((spec.height, spec.width, 3), np.uint8))
    device.inject(tensor)
    with pytest.raises(TensorInfoError, match=f"expected {len(tensor)} bytes"):
        device.inject(tensor[:-4])


def test_an_input_that_the_driver_cannot_send(device):
    device.network = Network.find("yolo11n_pp")
    with pytest.raises(TensorInfoError, match="at most 1048576 bytes"):
        device.inject(bytes(640 * 640 * 3))


def test_injection_that_is_not_enabled(device, kernel):
    kernel.refuses[_v4l2.TENSOR_FD] = errno.EINVAL
    with pytest.raises(DeviceError, match=r"enable_injection\(True\)") as caught:
        device.inject(b"1234")
    assert caught.value.errno == errno.EINVAL
    assert not isinstance(caught.value, ControlMissingError)


# What may go wrong anywhere


def test_a_driver_without_newer_controls(machine, kernel):
    machine.add(0, "10-001a")
    kernel.controls = {_v4l2.NETWORK_FD}
    with opened(machine) as device:
        device.load(b"network")
        assert device.roi_at(now_ns()) == (FULL_ROI, False)
        for ask, name in (
            (lambda: device.roi, r"region of interest \(0x00982900\)"),
            (lambda: device.set_roi(None), "region of interest"),
            (device.device_id, r"device id \(0x00982902\)"),
            (lambda: device.enable_injection(True), r"input tensor injection \(0x00982903\)"),
            (lambda: device.inject(b"1234"), r"input tensor \(0x00982904\)"),
            (device.comparison_frame, r"injection comparison frame \(0x00982905\)"),
        ):
            with pytest.raises(ControlMissingError, match=f"no control for the {name}.*newer") as e:
                ask()
            assert e.value.errno == errno.EINVAL


def test_unplugged(device, kernel):
    def gone():
        raise OSError(errno.ENODEV, "gone")

    kernel.before_answer = gone
    for ask in (lambda: device.roi, lambda: device.load(b"1"), device.comparison_frame):
        with pytest.raises(DeviceError, match="the camera is gone") as caught:
            ask()
        assert caught.value.errno == errno.ENODEV


def test_unplugged_while_it_is_opened(machine, kernel):
    machine.add(0, "10-001a")
    kernel.refuses[_v4l2.ROI] = errno.ENODEV
    with pytest.raises(DeviceError):
        opened(machine)


def test_closed(machine, kernel):
    machine.add(0, "10-001a")
    device = opened(machine)
    assert not device.closed
    device.close()
    device.close()
    assert device.closed
    assert repr(device) == "<Imx500Device 10-001a closed>"
    with pytest.raises(DeviceError, match=r"it was closed.*open the device again") as caught:
        device.set_roi(None)
    assert caught.value.errno == errno.EBADF
    assert device.roi_at(now_ns()) == (FULL_ROI, False)


@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")
def test_forgotten(machine, kernel):
    machine.add(0, "10-001a")
    device = opened(machine)
    assert not os.get_inheritable(device._driver._file.fileno())
    del device
    gc.collect()


def test_many_threads_ask_one_after_the_other(device, kernel):
    inside, most = 0, 0
    guard = threading.Lock()

    def enter():
        nonlocal inside, most
        with guard:
            inside += 1
            most = max(most, inside)
        time.sleep(0)
        with guard:
            inside -= 1

    kernel.before_answer = enter
    rois = [(n, n, 100 + n, 200 + n) for n in range(8)]
    applied = {}

    def work(roi):
        for _ in range(50):
            applied.setdefault(roi, set()).add(device.set_roi(roi))

    threads = [threading.Thread(target=work, args=(roi,)) for roi in rois]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # What one thread reads back is what it set, not what another one did since.
    assert applied == {roi: {roi} for roi in rois}
    assert most == 1


def test_the_error_in_python():
    error = DeviceError(errno.EBUSY, "cannot", "stop")
    assert isinstance(error, (Imx500Error, OSError))
    assert (error.errno, error.strerror, error.remedy) == (errno.EBUSY, "cannot", "stop")
    assert str(error) == "cannot (EBUSY): stop"
    for other in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert (type(other), str(other), other.errno) == (DeviceError, str(error), errno.EBUSY)
    assert str(DeviceError(9999, "cannot", "stop")) == "cannot (errno 9999): stop"
    assert issubclass(ControlMissingError, DeviceError)


def test_its_place_in_the_package():
    assert imx.Imx500Device is Imx500Device
    assert Path(driver.__file__).name == "driver.py"
