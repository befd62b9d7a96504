from __future__ import annotations

import importlib
import logging
import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING

import fake_bindings
import pytest
from fake_bindings import Request

import imx500_native
from imx500_native import controls
from imx500_native.bindings import copied_control, copied_metadata

if TYPE_CHECKING:
    from collections.abc import Iterator

REQUEST = Request({"SensorTimestamp": 5})


@pytest.fixture(autouse=True)
def undecided(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As in a process that has seen no request yet, with bindings that are not libcamera's."""
    fake_bindings.install(monkeypatch)
    importlib.reload(controls)
    yield
    importlib.reload(controls)


def extension(monkeypatch: pytest.MonkeyPatch, module: object) -> None:
    monkeypatch.setitem(sys.modules, "imx500_native._libcamera", module)
    monkeypatch.setattr(imx500_native, "_libcamera", module, raising=False)


def test_without_the_extension_the_slow_way_is_taken_and_said_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    # None is how Python marks a module that must not be found.
    extension(monkeypatch, None)
    with caplog.at_level(logging.WARNING, "imx500_native"):
        for _ in range(3):
            assert controls.take_controls(REQUEST, "move") == {"SensorTimestamp": 5}
        assert controls.peek_control(REQUEST, "SensorTimestamp") == 5
        assert controls.peek_control(REQUEST, "ScalerCrop") is None
    assert controls.take_controls is copied_metadata
    assert controls.peek_control is copied_control
    assert len(caplog.records) == 1
    assert "built without libcamera" in caplog.text


def test_a_reason_against_direct_access_is_passed_on(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    extension(monkeypatch, SimpleNamespace(direct_access_problem=lambda _: "two of them"))
    with caplog.at_level(logging.WARNING, "imx500_native"):
        assert controls.take_controls(REQUEST).access == "tuple"
    assert "two of them" in caplog.text


def test_direct_access_replaces_the_first_call(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    taken: list[tuple[object, str]] = []

    def take(request: object, ownership: str = "copy") -> str:
        taken.append((request, ownership))
        return "controls"

    def peek(_request: object, name: str) -> str:
        return name

    extension(
        monkeypatch,
        SimpleNamespace(
            direct_access_problem=lambda _: None, take_controls=take, peek_control=peek
        ),
    )
    assert controls.take_controls(REQUEST, "move") == "controls"
    assert taken == [(REQUEST, "move")]
    assert controls.take_controls is take
    assert controls.peek_control is peek
    assert not caplog.records


def test_the_first_call_may_be_for_one_control(monkeypatch: pytest.MonkeyPatch) -> None:
    extension(monkeypatch, None)
    assert controls.peek_control(REQUEST, "SensorTimestamp") == 5
    assert controls.take_controls is copied_metadata


def test_a_wrong_object_decides_nothing() -> None:
    before = controls.take_controls
    with pytest.raises(TypeError, match=r"libcamera\.Request"):
        controls.take_controls(3)
    with pytest.raises(TypeError, match=r"libcamera\.Request"):
        controls.peek_control(3, "ScalerCrop")
    assert controls.take_controls is before
