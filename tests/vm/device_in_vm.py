"""The device against a kernel that answers; run by scripts/test-device-vm, in its VM."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import rpk_files

from imx500_native import DeviceError, DeviceNotFoundError, Imx500Device
from imx500_native.discovery import find_subdevices
from imx500_native.errors import GeometryError, MissingExtraError, NetworkFileError
from imx500_native.geometry import FULL_ROI
from imx500_native.injection import input_tensor
from imx500_native.network import Network
from imx500_native.picamera2 import IMX500
from imx500_native.upload import UploadProgress

CAMERA_ID = "/base/axi/pcie@1000120000/rp1/i2c@88000/imx500@1a"
NETWORK = os.urandom(700_000)
PARAMETERS = Path("/sys/module/imx500/parameters")
UNBIND = Path("/sys/bus/i2c/drivers/imx500/unbind")
BIND = Path("/sys/bus/i2c/drivers/imx500/bind")
STATE = Path("/sys/kernel/debug/imx500-fw:10-001a/fake_state")
NOBODY = 65534


def open_files():
    return set(Path("/proc/self/fd").iterdir())


def insert(**parameters):
    options = [f"{name}={value}" for name, value in parameters.items()]
    subprocess.run(["insmod", "/km/imx500.ko", *options], check=True)
    # udev does not run here, and devtmpfs makes the node a moment later.
    deadline = time.monotonic() + 10
    while not Path("/dev/v4l-subdev0").exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def remove():
    subprocess.run(["rmmod", "imx500"], check=True)


@pytest.fixture
def driver():
    insert(step_ms=20)
    descriptors = open_files()
    threads = threading.enumerate()
    yield
    try:
        assert open_files() == descriptors
        assert threading.enumerate() == threads
    finally:
        remove()


@pytest.fixture
def device(driver):
    with Imx500Device() as device:
        yield device


def fail(control, number):
    (PARAMETERS / "fail_errno").write_text(str(number))
    (PARAMETERS / "fail_cid").write_text(str(control))


def received_roi():
    return tuple(map(int, STATE.read_text().split("roi")[1].split()))


def watched(device, work):
    seen = []
    with device.watch_upload(lambda *step: seen.append(step)) as watch:
        work()
        assert watch.wait(30)
    return seen


def test_discovery(driver):
    (found,) = find_subdevices()
    assert (found.i2c, found.camera_id) == ("10-001a", CAMERA_ID)
    assert (found.node_state, found.progress_state) == ("accessible", "readable")
    for camera in (None, 0, CAMERA_ID, "10-001a", "/dev/v4l-subdev0"):
        with Imx500Device(camera) as device:
            assert device.subdevice == found
    with pytest.raises(DeviceNotFoundError, match="there are 0: /base/axi"):
        Imx500Device("10-001b")


def test_an_upload_and_its_progress(device):
    assert device.upload_progress() == UploadProgress("loader", 0, None)
    seen = watched(device, lambda: device.load(NETWORK))
    assert seen[-1] == ("network", 700_000, 700_000)
    done = [step[1] for step in seen if step[0] == "network"]
    assert done == sorted(done)
    assert device.upload_progress() == UploadProgress("network", 700_000, 700_000)


def test_an_upload_from_a_path_and_from_a_file(device, tmp_path, network_file):
    network = Network(network_file)
    size = network_file.stat().st_size
    for source in (network_file, str(network_file), network):
        seen = watched(device, lambda source=source: device.load(source))
        assert seen[-1] == ("network", size, size)
    # Open for writing, which the kernel would refuse to read.
    with (tmp_path / "net").open("w+b") as file:
        file.write(NETWORK)
        file.seek(0)
        assert watched(device, lambda: device.load(file))[-1][1] == 700_000
    with pytest.raises(NetworkFileError):
        device.load(b"")


def test_a_file_that_is_being_written_is_refused(device, network_file):
    with network_file.open("r+b"), pytest.raises(DeviceError) as caught:
        device.load(network_file)
    assert caught.value.errno == errno.ETXTBSY


@pytest.fixture
def network_file(tmp_path):
    file = tmp_path / "imx500_network_tiny.rpk"
    # Long enough to be seen on its way.
    file.write_bytes(rpk_files.RpkFile().build() + bytes(700_000))
    return file


def test_progress_while_libcamera_starts_a_camera_in_another_thread(driver):
    done = subprocess.run(
        [sys.executable, Path(__file__).with_name("start_camera.py"), CAMERA_ID],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "1 frame, upload ('network', 700000, 700000)\n", done.stderr


def test_the_bar_says_what_it_lacks(device):
    with pytest.raises(MissingExtraError, match="tqdm"), device.watch_upload(True):
        pass


@pytest.mark.parametrize(
    ("asked", "applied", "sent"),
    [
        ((508, 0, 3040, 3040), (508, 0, 3040, 3040), (508, 0, 3040, 3040)),
        (None, FULL_ROI, (0, 0, 0, 0)),
        (FULL_ROI, (0, 0, 4032, 3040), (0, 0, 4032, 3040)),
        ((4050, 3000, 6, 40), (4032, 3000, 6, 40), (4032, 3000, 6, 40)),
    ],
)
def test_a_region_of_interest_is_read_back(device, asked, applied, sent):
    assert device.set_roi(asked) == applied
    assert device.roi == applied
    assert received_roi() == sent
    now_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    assert device.roi_at(now_ns + 10**9) == (applied, False)


def test_regions_of_interest_by_aspect_ratio(device):
    assert device.set_roi_aspect(1, 1) == (508, 0, 3040, 3040)
    assert device.set_roi_aspect(16, 9) == (0, 380, 4032, 2281)
    assert device.set_roi_for(Network.find("posenet")) == (0, 32, 4032, 2976)
    with pytest.raises(GeometryError):
        device.set_roi((4000, 0, 100, 100))
    assert device.roi == (0, 32, 4032, 2976)


def test_another_program_changes_the_region_of_interest(device):
    began_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    with Imx500Device() as other:
        other.set_roi((10, 20, 300, 400))
    assert device.roi == (10, 20, 300, 400)
    assert device.roi_at(began_ns) == (FULL_ROI, True)


def test_device_id(device):
    assert device.device_id() == "112233445566778899AABBCCDDEEFF00"


def test_injection(device):
    network = Network.find("posenet")
    tensor = bytes(range(256)) * 16
    with pytest.raises(DeviceError, match="enable_injection") as caught:
        device.inject(tensor)
    assert caught.value.errno == errno.EINVAL
    device.enable_injection(True)
    device.load(NETWORK)
    first = device.inject(tensor)
    words = memoryview(tensor).cast("I")
    assert STATE.read_text().startswith(f"{len(tensor)} {sum(words) % 2**32} ")
    assert device.comparison_frame() == first
    pending = device.start_injection(tensor)
    assert pending.comparison_frame == first + 2
    assert [pending.matches(count) for count in (None, first, first + 2)] == [False, False, True]
    assert not pending.matches(first + 3)
    assert pending.comparison_frame == first + 4

    spec = network.input
    whole = input_tensor(spec, np.zeros((spec.height, spec.width, 3), np.uint8))
    device.inject(whole)
    assert STATE.read_text().startswith(f"{512 * 354 * 3} ")


@pytest.mark.parametrize(
    ("number", "remedy"),
    [
        (errno.EBUSY, "stop the camera first"),
        (errno.EREMOTEIO, "the sensor did not answer"),
        (errno.EIO, "dmesg"),
    ],
)
def test_refusals_of_the_driver(device, number, remedy):
    asks = (
        (0x982900, lambda: device.set_roi((0, 0, 100, 100)), "region of interest"),
        (0x982901, lambda: device.load(NETWORK), "network firmware file"),
        (0x982903, lambda: device.enable_injection(True), "input tensor injection"),
        (0x982904, lambda: device.inject(bytes(16)), "input tensor"),
    )
    for control, ask, name in asks:
        fail(control, number)
        with pytest.raises(DeviceError, match=f"cannot set the {name} of /dev/v4l-subdev0") as e:
            ask()
        assert (e.value.errno, e.value.remedy.find(remedy) >= 0) == (number, True)
    fail(0, 5)
    now_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    assert device.roi_at(now_ns + 10**10) == (FULL_ROI, number != errno.EBUSY)
    assert device.set_roi((0, 0, 100, 100)) == (0, 0, 100, 100)
    now_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    assert device.roi_at(now_ns + 10**9) == ((0, 0, 100, 100), False)


def test_unplugged_and_plugged_in_again(driver):
    with Imx500Device() as device:
        UNBIND.write_text("10-001a")
        asks = (
            lambda: device.roi,
            lambda: device.set_roi(None),
            device.device_id,
            lambda: device.load(NETWORK),
        )
        for ask in asks:
            with pytest.raises(DeviceError, match="the camera is gone") as caught:
                ask()
            assert caught.value.errno == errno.ENODEV
        assert device.upload_progress() is None
        with pytest.raises(DeviceNotFoundError, match="no IMX500 was found"):
            Imx500Device()
    BIND.write_text("10-001a")
    with Imx500Device() as device:
        assert device.set_roi((1, 2, 3, 4)) == (1, 2, 3, 4)


@pytest.fixture
def drop_in_network(tmp_path):
    file = tmp_path / "network.rpk"
    intrinsics = {"task": "classification", "inference_rate": 20}
    whole = rpk_files.RpkFile(intrinsics=json.dumps(intrinsics).encode()).build()
    file.write_bytes(whole + bytes(700_000))
    return file


def test_the_class_of_picamera2_programs(driver, drop_in_network):
    imx500 = IMX500(str(drop_in_network), camera_id="i2c@88000")
    size = drop_in_network.stat().st_size
    assert (imx500.imx500_device_id, imx500.spi_device_id) == ("10-001a", "10-0040")
    assert imx500.fw_progress == IMX500.FwProgressType.DIRECT
    deadline = time.monotonic() + 30
    seen = []
    while not seen or seen[-1] != (size, size):
        assert time.monotonic() < deadline
        seen.append(imx500.get_fw_upload_progress(2))
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert imx500.get_fw_upload_progress(0) == (0, 0)
    assert imx500.network_intrinsics.inference_rate == 20
    assert imx500.get_device_id() == "112233445566778899AABBCCDDEEFF00"

    # The whole sensor, in the way that is not cut to 4032 columns.
    assert received_roi() == (0, 0, 0, 0)
    metadata = {"ScalerCrop": FULL_ROI}
    picam2 = SimpleNamespace(
        camera_configuration=lambda: {"main": {"size": (640, 480)}, "raw": {"size": (2028, 1520)}}
    )
    box = (0.25, 0.25, 0.75, 0.75)
    assert imx500.convert_inference_coords(box, metadata, picam2) == (160, 120, 320, 240)
    imx500.set_inference_aspect_ratio((1, 1))
    assert received_roi() == imx500.device.roi == (508, 0, 3040, 3040)
    assert imx500.convert_inference_coords(box, metadata, picam2) == (200, 120, 240, 240)
    imx500.set_inference_roi_abs((4040, 3000, 500, 500))
    assert imx500.config["roi"] == (4040, 3000, 16, 40)
    # The driver cuts a left edge of 4040 to 4032: what it applied is read back.
    assert imx500.device.roi == (4032, 3000, 16, 40)
    imx500.set_inference_roi_abs(FULL_ROI)
    assert received_roi() == (0, 0, 0, 0)

    fail(0x982900, errno.EBUSY)
    with pytest.raises(DeviceError, match="region of interest"):
        imx500.set_inference_roi_abs((0, 0, 100, 100))
    assert imx500.config["roi"] == FULL_ROI
    fail(0, 5)
    with pytest.raises(DeviceNotFoundError):
        IMX500("", camera_id="i2c@1")
    del imx500


def test_its_injection(driver, drop_in_network):
    imx500 = IMX500(str(drop_in_network), tensor_injection=True)
    # Of the network's size: 3 planes of 6 rows of 32 columns.
    tensor = bytes(range(192)) * 3
    file = os.memfd_create("tensor")
    try:
        os.write(file, tensor)
        imx500._IMX500__set_input_tensor(file)
    finally:
        os.close(file)
    words = memoryview(tensor).cast("I")
    assert STATE.read_text().startswith(f"{len(tensor)} {sum(words) % 2**32} ")
    assert imx500.get_injection_cmp_frm() == imx500.device.comparison_frame()
    del imx500


def test_without_a_driver():
    with pytest.raises(DeviceNotFoundError, match="no IMX500 was found"):
        Imx500Device()


def python(code, **options):
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, **options
    )


def test_a_user_without_rights(driver):
    Path("/dev/v4l-subdev0").chmod(0o600)
    code = "from imx500_native import Imx500Device\n"
    refused = python(code + "Imx500Device()", user=NOBODY)
    assert "DeviceError: cannot open /dev/v4l-subdev0: Permission denied (EACCES)" in refused.stderr
    assert "usermod -aG video" in refused.stderr

    Path("/dev/v4l-subdev0").chmod(0o666)
    code += (
        "import time\n"
        "seen = []\n"
        "with Imx500Device() as device:\n"
        "    assert device.upload_progress() is None\n"
        "    with device.watch_upload(lambda *step: seen.append(step)):\n"
        "        device.load(b'network')\n"
        "        time.sleep(0.3)\n"
        "print(set(seen))\n"
    )
    unseen = python(code, user=NOBODY)
    assert unseen.stdout == "{('unknown', 0, None)}\n", unseen.stderr


def command(*arguments):
    done = subprocess.run(
        [sys.executable, "-m", "imx500_native", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def test_the_command(driver, network_file):
    assert command("roi", "1:1") == (0, "508,0,3040,3040\n", "")
    assert command("roi", "full") == (0, "0,0,4056,3040 (the full sensor)\n", "")
    code, out, _ = command("devices", "--json")
    (found,) = json.loads(out)["subdevices"]
    assert (code, found["camera_id"]) == (0, CAMERA_ID)
    code, out, err = command("upload", "--wait", str(network_file))
    assert (code, out) == (0, "the sensor has tiny\n")
    assert err.endswith("network: 100 %\n")
    code, out, err = command("roi", "--camera", "7")
    assert (code, out) == (1, "")
    assert "there is no IMX500 7" in err
