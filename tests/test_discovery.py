"""What is found on a machine, on trees of files that stand for sysfs, /dev and debugfs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap

import pytest
from machine_tree import Machine

from imx500_native import discovery
from imx500_native.bindings import REBUILD
from imx500_native.discovery import Module, Subdevice, Survey


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


def test_a_subdevice_with_everything(machine):
    of_node = "base/axi/pcie@120000/rp1/i2c@88000/imx500@1a"
    machine.add(2, "10-001a", of_node=of_node)
    assert machine.find() == (
        Subdevice(
            node=machine.dev / "v4l-subdev2",
            node_state="accessible",
            name="imx500 10-001a",
            i2c="10-001a",
            camera_id=f"/{of_node}",
            progress=machine.debugfs / "imx500-fw:10-001a" / "fw_progress",
            progress_state="readable",
        ),
    )


def test_other_drivers_are_left_out_and_numbers_have_no_limit(machine):
    machine.add(0, "4-001a", driver="imx708")
    machine.add(117, "11-001a")
    machine.add(9, "10-001a")
    machine.add(3, "csi2", driver="rp1-cfe")
    (machine.sysfs / "class" / "video4linux" / "v4l-subdevX").mkdir()
    assert [s.node.name for s in machine.find()] == ["v4l-subdev9", "v4l-subdev117"]


def test_a_driver_that_is_built_into_the_kernel(machine):
    machine.add(0, "10-001a", module=False)
    assert [s.i2c for s in machine.find()] == ["10-001a"]


def test_what_a_subdevice_may_lack(machine):
    machine.add(0, "10-001a", node=False, progress=False)
    (found,) = machine.find()
    assert (found.node_state, found.progress_state, found.camera_id) == ("absent", "absent", None)


def test_what_this_user_may_not_read(machine, monkeypatch):
    machine.add(0, "10-001a")

    def refuse(self):
        raise PermissionError

    monkeypatch.setattr(discovery.Path, "read_bytes", refuse)
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    (found,) = machine.find()
    assert (found.node_state, found.progress_state) == ("denied", "denied")


def test_a_machine_without_video_devices(tmp_path):
    nowhere = tmp_path / "nowhere"
    assert discovery.find_subdevices(nowhere, nowhere, nowhere) == ()
    assert discovery.find_firmware(nowhere) == ()
    assert discovery.find_networks([nowhere]) == ()
    assert discovery.machine_model(nowhere) is None


def test_model_firmware_and_networks(tmp_path, monkeypatch):
    base = tmp_path / "firmware" / "devicetree" / "base"
    base.mkdir(parents=True)
    (base / "model").write_bytes(b"Raspberry Pi 5 Model B Rev 1.0\0")
    assert discovery.machine_model(tmp_path) == "Raspberry Pi 5 Model B Rev 1.0"

    for name in ("imx500_loader.fpk", "imx500_firmware.fpk", "imx708.fpk", "b.rpk", "a.rpk"):
        (tmp_path / name).touch()
    found = discovery.find_firmware(tmp_path)
    assert [f.name for f in found] == ["imx500_firmware.fpk", "imx500_loader.fpk"]

    other = tmp_path / "other"
    other.mkdir()
    (other / "0.rpk").touch()
    expected = (tmp_path / "a.rpk", tmp_path / "b.rpk", other / "0.rpk")
    assert discovery.find_networks([tmp_path, other]) == expected
    monkeypatch.setenv("IMX500_MODELS", str(tmp_path))
    assert discovery.find_networks()[:2] == expected[:2]


MODULES = {
    "imx_works": ("", True, None),
    "imx_prints": ("print('{}')", True, None),
    "imx_lacks": ("import nothing_of_this_name", True, "No module named 'nothing_of_this_name'"),
    "imx_leaves": ("import os; os._exit(7)", True, "exit 7"),
    "imx_exits": ("import sys; sys.exit('no')", True, "SystemExit: no"),
}


@pytest.mark.parametrize("name", MODULES)
def test_modules_are_tried_in_a_python_of_their_own(name, tmp_path, monkeypatch):
    source, installed, problem = MODULES[name]
    (tmp_path / f"{name}.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    found = discovery.probe_module(name)
    assert found.installed == installed
    assert found.usable == (problem is None)
    if problem is not None:
        assert problem in found.problem
    assert name not in sys.modules


def test_a_module_that_hangs(tmp_path, monkeypatch):
    (tmp_path / "imx_hangs.py").write_text("import time; time.sleep(600)")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(discovery, "IMPORT_TIMEOUT_S", 0.2)
    assert "0.2 s" in discovery.probe_module("imx_hangs").problem


def test_versions():
    import numpy as np

    assert discovery.probe_module("numpy").version == np.__version__
    maps = "7f0-7f1 r-xp 00000000 08:01 123   /usr/lib/aarch64-linux-gnu/libcamera.so.0.5.2\n"
    assert discovery._version("no-such-distribution", maps) == "0.5.2"
    assert discovery._version("no-such-distribution", maps.replace("camera", "-base")) is None


def test_a_module_that_is_absent():
    assert discovery.probe_module("imx_absent") == Module("imx_absent", installed=False)
    assert not discovery.probe_module("imx_absent.inside").installed


def found_on(machine, **changes):
    values = {
        "machine": "Raspberry Pi 5",
        "raspberry_pi": True,
        "subdevices": machine.find(),
        "firmware": tuple(machine.dev / name for name in discovery.FIRMWARE_NAMES),
        "networks": (machine.dev / "a.rpk",),
        "libcamera": Module("libcamera", True),
        "picamera2": Module("picamera2", True),
        "extension": Module("imx500_native._libcamera", True),
        "direct_problem": None,
    }
    return Survey(**(values | changes))


def test_nothing_is_missing(machine):
    machine.add(0, "10-001a")
    assert discovery.remedies(found_on(machine)) == ()


@pytest.mark.parametrize(
    ("changes", "missing", "remedy"),
    [
        ({"subdevices": ()}, "AI Camera", "apt install imx500-all"),
        ({"networks": ()}, "network files", "apt install imx500-models"),
        ({"firmware": ()}, "firmware imx500_loader.fpk", "apt install imx500-all"),
        ({"libcamera": Module("libcamera", False)}, "libcamera", "apt install python3-libcamera"),
        (
            {"picamera2": Module("picamera2", True, problem="broken")},
            "picamera2",
            "python3-picamera2",
        ),
        ({"extension": Module("x", False)}, "_libcamera", "apt install libcamera-dev"),
        ({"direct_problem": "a reason; a remedy"}, "libcamera's memory", "a reason; a remedy"),
    ],
)
def test_each_missing_thing_has_a_remedy(machine, changes, missing, remedy):
    machine.add(0, "10-001a")
    (item,) = discovery.remedies(found_on(machine, **changes))
    assert missing in item.missing
    assert remedy in item.remedy


def test_the_remedy_fits_the_environment(machine, monkeypatch):
    machine.add(0, "10-001a")
    found = found_on(machine, libcamera=Module("libcamera", False))
    monkeypatch.setattr(sys, "prefix", "venv")
    assert "python3 -m venv --system-site-packages" in discovery.remedies(found)[0].remedy
    monkeypatch.setattr(sys, "prefix", sys.base_prefix)
    assert "venv" not in discovery.remedies(found)[0].remedy


def test_remedies_for_what_this_user_may_not_do(machine, monkeypatch):
    machine.add(0, "10-001a", progress=False)
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    permission, progress = discovery.remedies(found_on(machine))
    assert "usermod -aG video" in permission.remedy
    assert "debugfs" in progress.remedy


@pytest.mark.parametrize(
    ("libcamera", "extension", "problem", "access"),
    [
        (True, True, None, "direct"),
        (True, True, "two of them", "metadata"),
        (True, False, None, "metadata"),
        (False, True, None, "none"),
    ],
)
def test_access_follows_from_the_modules(machine, libcamera, extension, problem, access):
    found = found_on(
        machine,
        libcamera=Module("libcamera", libcamera),
        extension=Module("imx500_native._libcamera", extension),
        direct_problem=problem,
    )
    assert found.access == access


# Modules that stand for libcamera's bindings, in a Python where the extension has loaded its own
# libcamera or will.
BINDINGS = {
    "of an old pybind11": (
        "class Request: pass",
        "libcamera's Python bindings were built with a pybind11 older than 2.11.2, which gives no "
        "access to their objects; Raspberry Pi OS trixie or newer has newer ones",
    ),
    "of another compiler": (
        """
        class Request:
            def _pybind11_conduit_v1_(self, abi, type_info, kind): pass
        Size = Request
        """,
        "libcamera's Python bindings do not answer to any pybind11 ABI id of this process",
    ),
    "of another version": (
        """
        from imx500_native import bindings
        whole = bindings.mapping_problem
        bindings.mapping_problem = lambda maps, built, running: whole(maps, built, "v0.99.1+rpt")
        class Request: pass
        """,
        r"imx500_native was built with libcamera 0\.\d+ and meets v0\.99\.1\+rpt; "
        + re.escape(REBUILD),
    ),
    "with a libcamera of their own": (
        """
        import ctypes, shutil
        import imx500_native._libcamera
        with open("/proc/self/maps") as maps:
            path = next(m.split(maxsplit=5)[5].strip() for m in maps if "/libcamera.so" in m)
        ctypes.CDLL(shutil.copy(path, __file__.replace("libcamera.py", "libcamera.so.0.99")))
        class Request: pass
        """,
        r"there must be one libcamera in this process, not 2 \(.*libcamera\.so\.0\.99.*\); "
        + re.escape(REBUILD),
    ),
}
FIRST_REQUEST = """
import libcamera
from imx500_native import controls
print(controls.direct_access_problem(libcamera.Request()))
"""


@pytest.mark.parametrize("bindings", BINDINGS)
def test_the_probe_says_what_the_first_request_will_say(tmp_path, monkeypatch, bindings):
    pytest.importorskip(
        "imx500_native._libcamera",
        reason="imx500_native was built without libcamera; "
        'build it again after: eval "$(scripts/libcamera --env)"',
    )
    source, problem = BINDINGS[bindings]
    (tmp_path / "libcamera.py").write_text(textwrap.dedent(source))
    monkeypatch.syspath_prepend(tmp_path)
    found = discovery.survey()
    assert found.libcamera.usable
    assert found.extension.usable
    assert re.fullmatch(problem, found.direct_problem)
    assert found.access == "metadata"
    assert found.direct_problem in [item.remedy for item in discovery.remedies(found)]

    done = subprocess.run(
        [sys.executable, "-c", FIRST_REQUEST],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == f"{found.direct_problem}\n"


def test_a_survey_of_this_machine_holds_together():
    found = discovery.survey()
    assert found.machine
    if found.libcamera.usable and found.extension.usable:
        # The tests of requests need no other reason to be skipped.
        assert (found.direct_problem, found.access) == (None, "direct")
    named = " ".join(item.missing for item in discovery.remedies(found))
    assert ("AI Camera" in named) == (not found.subdevices)
    assert ("libcamera" in named) == (not (found.libcamera.usable and found.extension.usable))
