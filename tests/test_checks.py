"""What counts as a number or a path where a caller gives one."""

from __future__ import annotations

import math
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from imx500_native.checks import path_text, real_number, whole_number


@pytest.mark.parametrize(
    ("value", "number"),
    [(2, 2.0), (0.5, 0.5), (np.float32(0.5), 0.5), (np.int64(-3), -3.0), (Fraction(1, 4), 0.25)],
)
def test_numbers(value, number):
    assert real_number(value) == number
    assert type(real_number(value)) is float


@pytest.mark.parametrize(
    "value", [True, np.True_, None, "1", b"1", [1], 1j, np.array([1.0]), 10**400, float("nan")]
)
def test_what_is_no_number(value):
    assert math.isnan(real_number(value))


def test_whole_numbers():
    for value in (7, np.int64(7), np.uint8(7), np.array(7)):
        assert whole_number(value) == 7
        assert type(whole_number(value)) is int
    for value in (True, np.True_, 7.0, np.float32(7), "7", None, [7], np.array([7, 8])):
        assert whole_number(value) is None


def test_paths():
    for value in ("a/b", b"a/b", Path("a/b")):
        assert path_text(value) == "a/b"
    assert path_text(b"\xff") == "\udcff"
    for value in (None, 3, ["a"]):
        assert path_text(value) is None
