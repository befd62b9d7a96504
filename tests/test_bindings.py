from __future__ import annotations

import re
import sys
from types import SimpleNamespace
from typing import NamedTuple

import fake_bindings
import pytest
from fake_bindings import Request, Status

import imx500_native
from imx500_native.bindings import REBUILD, bare_request, copied_metadata, mapping_problem
from imx500_native.configuring import libcamera_bindings
from imx500_native.controls import NOT_BUILT
from imx500_native.errors import LibcameraMissingError, RequestStateError


class Rectangle(NamedTuple):
    x: int
    y: int
    width: int
    height: int


class Size(NamedTuple):
    width: int
    height: int


@pytest.fixture(autouse=True)
def bindings(monkeypatch: pytest.MonkeyPatch) -> None:
    fake_bindings.install(monkeypatch)


def test_metadata_become_plain_values() -> None:
    request = Request(
        {
            "ScalerCrop": Rectangle(1, 2, 3, 4),
            "ScalerCrops": (Rectangle(1, 2, 3, 4), Rectangle(5, 6, 7, 8)),
            "SensorSize": Size(4056, 3040),
            "CnnOutputTensor": (0.5, 1.5),
            "CnnInputTensor": (),
            "SensorTimestamp": 12,
        }
    )
    for given in (request, SimpleNamespace(request=request)):
        copied = copied_metadata(given)
        assert copied == {
            "ScalerCrop": (1, 2, 3, 4),
            "ScalerCrops": ((1, 2, 3, 4), (5, 6, 7, 8)),
            "SensorSize": (4056, 3040),
            "CnnOutputTensor": (0.5, 1.5),
            "CnnInputTensor": (),
            "SensorTimestamp": 12,
        }
        assert type(copied["ScalerCrop"]) is tuple
        assert type(copied["ScalerCrops"][1]) is tuple
        assert copied.access == "tuple"
        assert copied.sequence == 9


@pytest.mark.parametrize("status", [Status.Pending, Status.Cancelled])
def test_an_unfinished_request_is_refused(status: Status) -> None:
    with pytest.raises(RequestStateError, match=status.name.lower()):
        copied_metadata(Request({}, status))


def test_a_released_request_is_refused() -> None:
    with pytest.raises(RequestStateError, match="released"):
        copied_metadata(SimpleNamespace(request=None))


@pytest.mark.parametrize("wrong", [None, 1, "request", object(), SimpleNamespace(request=3)])
def test_a_wrong_object_is_a_type_error(wrong: object) -> None:
    with pytest.raises(TypeError, match=r"libcamera\.Request"):
        bare_request(wrong)


def test_without_the_bindings_nothing_is_a_request(monkeypatch: pytest.MonkeyPatch) -> None:
    request = Request({})
    monkeypatch.delitem(sys.modules, "libcamera")
    with pytest.raises(TypeError, match=r"libcamera\.Request"):
        bare_request(request)


def test_ownership_is_copy_or_move() -> None:
    with pytest.raises(ValueError, match="'steal'"):
        copied_metadata(Request({}), "steal")


ONE = """\
7f00 r-xp 00000000 fe:01 12 /usr/lib/aarch64-linux-gnu/libcamera.so.0.5.1
7f01 rw-p 00001000 fe:01 12 /usr/lib/aarch64-linux-gnu/libcamera.so.0.5.1
7f02 r-xp 00000000 fe:01 13 /usr/lib/aarch64-linux-gnu/libcamera-base.so.0.5.1
7f03 r-xp 00000000 00:00 0
7f04 rw-p 00000000 00:00 0 [heap]
"""
UPGRADED = ONE.replace("libcamera.so.0.5.1\n", "libcamera.so.0.5.1 (deleted)\n")


@pytest.mark.parametrize("maps", [ONE, UPGRADED])
@pytest.mark.parametrize("running", ["v0.5.1", "v0.5.0+rpt20250429", "0.5.1"])
def test_one_libcamera_of_the_right_version_is_no_problem(maps: str, running: str) -> None:
    assert mapping_problem(maps, "0.5", running) is None


def test_a_second_libcamera_is_a_problem() -> None:
    both = ONE + "7f05 r-xp 00000000 fe:01 14 /opt/my lib/libcamera.so.0.4.0\n"
    problem = mapping_problem(both, "0.5", "v0.5.1")
    assert problem is not None
    assert "/opt/my lib/libcamera.so.0.4.0, /usr/lib" in problem
    assert "--force-reinstall" in problem


def test_no_libcamera_is_a_problem() -> None:
    assert "none" in str(mapping_problem("", "0.5", "v0.5.1"))


@pytest.mark.parametrize("running", ["v0.6.0", "v1.5.1", "v0.50.0", "unknown", ""])
def test_another_version_is_a_problem(running: str) -> None:
    problem = mapping_problem(ONE, "0.5", running)
    assert problem is not None
    assert "libcamera 0.5 and meets" in problem


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ModuleNotFoundError("no module"), re.escape(NOT_BUILT)),
        (
            ImportError("libcamera.so.0.4: no file"),
            r"libcamera\.so\.0\.4: .*; " + re.escape(REBUILD),
        ),
    ],
)
def test_a_camera_names_what_its_module_lacks(
    monkeypatch: pytest.MonkeyPatch, error: ImportError, said: str
) -> None:
    class Finder:
        @staticmethod
        def find_spec(name: str, *_: object) -> None:
            if name == "imx500_native._camera":
                raise error

    monkeypatch.delitem(sys.modules, "imx500_native._camera", raising=False)
    monkeypatch.delattr(imx500_native, "_camera", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Finder, *sys.meta_path])
    with pytest.raises(LibcameraMissingError, match=f"^{said}$"):
        libcamera_bindings()
