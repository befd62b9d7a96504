"""The command's `roi` and `upload`, with a driver made of Python behind the seam."""

from __future__ import annotations

import errno
import functools
import json

import pytest
import rpk_files
from fake_driver import FakeDriver
from machine_tree import Machine

from imx500_native import _roi, _upload, _v4l2, cli
from imx500_native.device import Imx500Device


@pytest.fixture
def machine(tmp_path, monkeypatch):
    machine = Machine(tmp_path)
    machine.add(0, "10-001a")
    opened = functools.partial(
        Imx500Device, sysfs=machine.sysfs, dev=machine.dev, debugfs=machine.debugfs
    )
    for module in (_roi, _upload):
        monkeypatch.setattr(module, "Imx500Device", opened)
    return machine


@pytest.fixture
def driver(machine):
    driver = FakeDriver()
    _v4l2.replace_ioctl(driver)
    yield driver
    _v4l2.replace_ioctl(None)


@pytest.fixture
def rpk(tmp_path):
    file = tmp_path / "imx500_network_tiny.rpk"
    file.write_bytes(rpk_files.RpkFile().build())
    return file


@pytest.mark.parametrize(
    ("arguments", "words", "printed"),
    [
        ((), (7, 8, 9, 10), "7,8,9,10\n"),
        (("508,0,3040,3040",), (508, 0, 3040, 3040), "508,0,3040,3040\n"),
        (("0,0,4056,3040",), (0, 0, 4032, 3040), "0,0,4032,3040\n"),
        (("16:9",), (0, 380, 4032, 2281), "0,380,4032,2281\n"),
        (("--network", "posenet"), (0, 32, 4032, 2976), "0,32,4032,2976\n"),
        (("full",), (0, 0, 0, 0), "0,0,4056,3040 (the full sensor)\n"),
        (("--camera", "0", "1:1"), (508, 0, 3040, 3040), "508,0,3040,3040\n"),
        (("--camera", "10-001a", "1:1"), (508, 0, 3040, 3040), "508,0,3040,3040\n"),
    ],
)
def test_roi(driver, capsys, arguments, words, printed):
    driver.roi = (7, 8, 9, 10)
    assert cli.main(["roi", *arguments]) == 0
    assert capsys.readouterr() == (printed, "")
    assert driver.roi == words


def test_roi_as_json(driver, capsys):
    assert cli.main(["roi", "--json", "full"]) == 0
    assert json.loads(capsys.readouterr().out) == {"roi": [0, 0, 4056, 3040], "full": True}


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("roi", "1,2,3"), "X,Y,WIDTH,HEIGHT"),
        (("roi", "1:0"), "at least 1"),
        (("roi", "half"), "X,Y,WIDTH,HEIGHT"),
        (("roi", "full", "--network", "posenet"), "not both"),
        (("upload",), "FILE|NAME"),
    ],
)
def test_wrong_arguments(capsys, arguments, complaint):
    with pytest.raises(SystemExit) as stopped:
        cli.main(arguments)
    assert stopped.value.code == 2
    assert complaint in capsys.readouterr().err


def test_errors_are_one_line(driver, capsys):
    for arguments, complaint in (
        (("roi", "--camera", "10-001b"), "there is no IMX500 '10-001b'"),
        (("roi", "0,0,5000,1"), "must lie on the sensor"),
        (("upload", "posenet"), "has no firmware file"),
    ):
        assert cli.main(arguments) == 1
        out, err = capsys.readouterr()
        assert out == ""
        assert err.startswith("imx500-native: error: ")
        assert complaint in err
        assert err.count("\n") == 1


def test_upload(driver, capsys, rpk):
    assert cli.main(["upload", str(rpk)]) == 0
    out, err = capsys.readouterr()
    assert out == "the driver has tiny; the sensor receives it when a camera starts\n"
    assert err == ""
    assert driver.files == [rpk.read_bytes()]

    driver.refuses[_v4l2.NETWORK_FD] = errno.EBUSY
    assert cli.main(["upload", str(rpk)]) == 1
    assert "stop the camera first" in capsys.readouterr().err


def test_upload_and_wait(machine, driver, capsys, rpk):

    set_value = driver.set

    def set_and_send(control):
        set_value(control)
        machine.show_progress("2 1000 1000\n")

    driver.set = set_and_send
    assert cli.main(["upload", "--wait", str(rpk)]) == 0
    assert capsys.readouterr() == ("the sensor has tiny\n", "network: 100 %\n")


def test_lines_of_progress(capsys):
    tell = _upload._Lines()
    for step in (
        ("unknown", 0, None),
        ("unknown", 0, None),
        ("loader", 5, None),
        ("loader", 6, None),
        ("network", 0, 1000),
        ("network", 199, 1000),
        ("network", 200, 1000),
        ("network", 1000, 1000),
    ):
        tell(*step)
    assert capsys.readouterr().err.splitlines() == [
        "how far the upload is, only root can read; Ctrl-C ends the waiting",
        "loader: sending",
        "network: 0 %",
        "network: 10 %",
        "network: 20 %",
        "network: 100 %",
    ]
