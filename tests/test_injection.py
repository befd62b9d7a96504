"""Input tensors of one's own: their bytes, and the frames that answer them."""

from __future__ import annotations

import errno

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imx500_native.errors import DeviceError, TensorInfoError
from imx500_native.injection import PendingInjection, frames_since, input_tensor, tensor_bytes
from imx500_native.network import Network
from imx500_native.specs import InputSpec


def test_the_bytes_of_a_picture_one_by_one():
    spec = InputSpec(
        width=33,
        height=3,
        format="BGR",
        dtype=np.dtype("i1"),
        norm_val=(-2048, -2048, 0),
        div_val=(1024, 512, 1024),
    )
    picture = np.random.default_rng(1).integers(0, 256, (3, 33, 3), dtype=np.uint8)
    tensor = input_tensor(spec, picture)
    assert len(tensor) == tensor_bytes(spec) == 3 * 64 * 4
    for plane, (norm, div) in enumerate(zip(spec.norm_val, spec.div_val, strict=True)):
        for y in range(4):
            for x in range(64):
                expected = 0
                if x < 33 and y < 3:
                    value = int(picture[y, x, 2 - plane])
                    expected = min(max(((value * div >> 6) + norm) >> 4, -128), 127) & 0xFF
                assert tensor[(plane * 4 + y) * 64 + x] == expected


@pytest.mark.parametrize("name", Network.zoo_names())
def test_sizes_of_the_public_networks(name):
    spec = Network.find(name).input
    rows, columns = -(-spec.height // 2) * 2, -(-spec.width // 32) * 32
    assert tensor_bytes(spec) == spec.channels * rows * columns
    assert (columns - spec.width, rows - spec.height) == spec.padding


@pytest.mark.parametrize(
    ("picture", "complaint"),
    [
        (np.zeros((3, 4, 3), np.uint8), r"shape \(2, 4, 3\), got uint8, \(3, 4, 3\)"),
        (np.zeros((2, 4, 3), np.float32), "got float32"),
        (np.zeros((2, 4), np.uint8), r"got uint8, \(2, 4\)"),
    ],
)
def test_what_is_no_picture_for_a_network(picture, complaint):
    with pytest.raises(TensorInfoError, match=complaint):
        input_tensor(InputSpec(width=4, height=2), picture)


def test_a_network_that_sees_no_colours():
    spec = InputSpec(4, 2, channels=1, format="Y", norm_val=(0,), div_val=(1024,))
    with pytest.raises(TensorInfoError, match="1 planes of Y"):
        input_tensor(spec, np.zeros((2, 4, 3), np.uint8))


@given(count=st.integers(0, 255), ahead=st.integers(-128, 127))
def test_the_counter_wraps(count, ahead):
    assert frames_since((count + ahead) % 256, count) == ahead


class Sensor:
    """Answers `inject` with the next of some frames or errors."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.injected = 0

    def __call__(self):
        self.injected += 1
        answer = self.answers.pop(0)
        if isinstance(answer, int):
            return answer
        raise answer


def error(number):
    return DeviceError(number, "no", "try again")


def test_the_frame_comes():
    sensor = Sensor(3)
    pending = PendingInjection(sensor, attempts=5)
    assert [pending.matches(count) for count in (254, None, 255, 0, 1, 2, 3)] == [False] * 6 + [
        True
    ]
    assert (sensor.injected, pending.attempts) == (1, 4)


def test_the_frame_was_missed():
    sensor = Sensor(3, 7)
    pending = PendingInjection(sensor, attempts=2)
    assert [pending.matches(count) for count in (2, 4, 5, 6, 7)] == [False] * 4 + [True]
    assert (sensor.injected, pending.comparison_frame) == (2, 7)


def test_the_transfer_failed():
    sensor = Sensor(error(errno.EREMOTEIO), error(errno.EREMOTEIO), 9)
    pending = PendingInjection(sensor, attempts=3)
    assert pending.comparison_frame is None
    assert [pending.matches(count) for count in (5, None, 6, 7, 9)] == [False] * 4 + [True]
    assert sensor.injected == 3


def test_no_attempt_is_left():
    pending = PendingInjection(Sensor(3), attempts=1)
    with pytest.raises(DeviceError, match="count 3") as caught:
        pending.matches(4)
    assert caught.value.errno == errno.ETIMEDOUT
    with pytest.raises(DeviceError) as caught:
        PendingInjection(Sensor(error(errno.EREMOTEIO)), attempts=1)
    assert caught.value.errno == errno.EREMOTEIO
    with pytest.raises(DeviceError, match="at least 1 attempt"):
        PendingInjection(Sensor(), attempts=0)


def test_other_refusals_are_no_reason_to_try_again():
    sensor = Sensor(3, error(errno.ENODEV))
    pending = PendingInjection(sensor, attempts=9)
    with pytest.raises(DeviceError) as caught:
        pending.matches(4)
    assert (caught.value.errno, sensor.injected) == (errno.ENODEV, 2)
