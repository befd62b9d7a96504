"""Every ioctl as it leaves the package: its number and its bytes, held to the kernel's header."""

from __future__ import annotations

import ctypes
import errno
import json
import shutil
import subprocess

import fake_driver
import pytest
from fake_driver import FakeDriver
from hypothesis import given
from hypothesis import strategies as st

from imx500_native import _v4l2

KERNELS_OWN = r"""
#include <time.h>
#include <linux/videodev2.h>
#include <stddef.h>
#include <stdio.h>
#define STRUCT(s) printf("\"%s.sizeof\": %zu, ", #s, sizeof(struct s));
#define FIELD(s, f) printf("\"%s.%s\": %zu, ", #s, #f, offsetof(struct s, f));
int main(void) {
    printf("{");
    FIELDS
    printf("\"QUERY\": %lu, \"GET\": %lu, \"SET\": %lu, \"which\": %d, \"user\": %d}",
           (unsigned long)VIDIOC_QUERY_EXT_CTRL, (unsigned long)VIDIOC_G_EXT_CTRLS,
           (unsigned long)VIDIOC_S_EXT_CTRLS, V4L2_CTRL_WHICH_CUR_VAL, V4L2_CID_USER_BASE);
}
"""


@pytest.fixture(scope="module")
def kernel(tmp_path_factory):
    """Numbers and layouts, as a C program that includes the kernel's header prints them."""
    compiler = shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        pytest.skip("a C compiler is missing: apt install gcc")
    fields = "".join(
        f"STRUCT({name}) " + " ".join(f"FIELD({name}, {field[0]})" for field in struct._fields_)
        for name, struct in fake_driver.STRUCTS.items()
    )
    folder = tmp_path_factory.mktemp("kernel")
    source = folder / "layout.c"
    source.write_text(KERNELS_OWN.replace("FIELDS", fields))
    subprocess.run([compiler, str(source), "-o", str(folder / "layout")], check=True)
    return json.loads(subprocess.run([folder / "layout"], stdout=subprocess.PIPE).stdout)


@pytest.fixture
def replaced():
    """Give the function that sends ioctls to another one."""
    yield _v4l2.replace_ioctl
    _v4l2.replace_ioctl(None)


def test_the_fake_driver_has_the_kernels_structs(kernel):
    for name, struct in fake_driver.STRUCTS.items():
        assert ctypes.sizeof(struct) == kernel[f"{name}.sizeof"]
        for field in struct._fields_:
            assert getattr(struct, field[0]).offset == kernel[f"{name}.{field[0]}"], field[0]


def test_the_numbers_are_the_kernels(kernel):
    for name in ("QUERY", "GET", "SET"):
        assert getattr(fake_driver, name) == kernel[name]
    # The driver's controls follow each other in the range of user controls.
    numbers = [
        _v4l2.ROI,
        _v4l2.NETWORK_FD,
        _v4l2.DEVICE_ID,
        _v4l2.INJECTION,
        _v4l2.TENSOR_FD,
        _v4l2.COMPARISON_FRAME,
    ]
    assert numbers == [kernel["user"] + 0x2000 + step for step in range(6)]


def record(replaced, kernel, call, reply=lambda control: None):
    """Return the request and the bytes of the control that a call sends, of the outer struct too.

    Read by the offsets that the C program printed, not by the package's or the test's structs.
    """
    seen = []

    def ioctl(descriptor, request, memory):
        outer = bytes(memory)
        address = int.from_bytes(
            outer[kernel["v4l2_ext_controls.controls"] :][:8], "little", signed=False
        )
        control = ctypes.string_at(address, kernel["v4l2_ext_control.sizeof"])
        value = int.from_bytes(control[kernel["v4l2_ext_control.value64"] :], "little")
        size = int.from_bytes(control[kernel["v4l2_ext_control.size"] :][:4], "little")
        seen.append((descriptor, request, outer, control, ctypes.string_at(value, size)))
        reply(fake_driver.ExtControl.from_address(address))

    replaced(ioctl)
    return call(), *seen[0]


@given(value=st.integers(-(2**31), 2**31 - 1), control=st.integers(0, 2**32 - 1))
def test_an_integer_as_the_kernel_gets_it(kernel, value, control):
    try:
        _, descriptor, request, outer, inner, _ = record(
            _v4l2.replace_ioctl, kernel, lambda: _v4l2.set_integer(7, control, value)
        )
    finally:
        _v4l2.replace_ioctl(None)
    assert (descriptor, request) == (7, kernel["SET"])
    assert len(outer) == kernel["v4l2_ext_controls.sizeof"]
    assert outer[: kernel["v4l2_ext_controls.controls"]] == (
        kernel["which"].to_bytes(4, "little") + (1).to_bytes(4, "little") + bytes(16)
    )
    assert inner[:16] == (
        control.to_bytes(4, "little") + bytes(8) + value.to_bytes(4, "little", signed=True)
    )


@given(words=st.tuples(*[st.integers(0, 2**32 - 1)] * 4))
def test_four_words_there_and_back(kernel, words):
    array = (ctypes.c_uint32 * 4)(*words)
    try:
        _, _, request, _, inner, data = record(
            _v4l2.replace_ioctl, kernel, lambda: _v4l2.set_words(7, _v4l2.ROI, *words)
        )
        assert request == kernel["SET"]
        assert inner[4:8] == (16).to_bytes(4, "little")
        assert data == bytes(array)

        answer, _, request, *_ = record(
            _v4l2.replace_ioctl,
            kernel,
            lambda: _v4l2.get_words(7, _v4l2.ROI),
            lambda control: ctypes.memmove(control.value64, array, 16),
        )
    finally:
        _v4l2.replace_ioctl(None)
    assert (request, answer) == (kernel["GET"], words)


@given(value=st.integers(-(2**31), 2**31 - 1))
def test_an_integer_as_the_kernel_gives_it(kernel, value):
    def reply(control):
        # The kernel writes four bytes of the union's eight.
        control.value64 = (0x5A5A5A5A << 32) | (value & 0xFFFFFFFF)

    try:
        answer, _, request, *_ = record(
            _v4l2.replace_ioctl, kernel, lambda: _v4l2.get_integer(7, 1), reply
        )
    finally:
        _v4l2.replace_ioctl(None)
    assert (request, answer) == (kernel["GET"], value)


def test_what_the_driver_says_of_a_control(replaced):
    def reply(descriptor, request, memory):
        assert request == fake_driver.QUERY
        query = fake_driver.QueryExtCtrl.from_buffer(memory)
        assert query.id == _v4l2.DEVICE_ID
        query.type, query.flags, query.elems = 0x102, 0x194, 4
        query.minimum, query.maximum = -(2**63), 2**63 - 1
        query.name = b"Get IMX500 Device ID" + b"x" * 12

    replaced(reply)
    assert _v4l2.query_control(7, _v4l2.DEVICE_ID) == _v4l2.ControlInfo(
        _v4l2.DEVICE_ID, "Get IMX500 Device IDxxxxxxxxxxxx", 0x102, 0x194, 4, -(2**63), 2**63 - 1
    )


@pytest.mark.parametrize(
    "call",
    [
        lambda: _v4l2.query_control(7, 1),
        lambda: _v4l2.get_integer(7, 1),
        lambda: _v4l2.set_integer(7, 1, 1),
        lambda: _v4l2.get_words(7, 1),
        lambda: _v4l2.set_words(7, 1, 1, 2, 3, 4),
    ],
)
def test_a_refusal_and_an_interruption(replaced, call):
    numbers = [errno.EINTR, errno.EINTR, errno.EREMOTEIO]

    def refuse(descriptor, request, memory):
        raise OSError(numbers.pop(0), "no")

    replaced(refuse)
    with pytest.raises(OSError, match="Remote I/O error") as caught:
        call()
    assert (caught.value.errno, numbers) == (errno.EREMOTEIO, [])


def test_values_that_do_not_fit():
    for call in (
        lambda: _v4l2.set_integer(7, 1, 2**31),
        lambda: _v4l2.set_words(7, 1, 0, 0, 0, 2**32),
        lambda: _v4l2.set_words(7, 1, -1, 0, 0, 0),
    ):
        with pytest.raises(OverflowError):
            call()


def test_without_a_replacement_the_kernel_answers(tmp_path):
    with (
        (tmp_path / "no device").open("w") as file,
        pytest.raises(OSError, match="ioctl") as caught,
    ):
        _v4l2.get_integer(file.fileno(), _v4l2.INJECTION)
    assert caught.value.errno == errno.ENOTTY
    with pytest.raises(OSError, match="descriptor") as caught:
        _v4l2.get_words(-1, _v4l2.ROI)
    assert caught.value.errno == errno.EBADF


def test_the_fake_driver_answers_as_a_driver(replaced):
    driver = FakeDriver()
    replaced(driver)
    _v4l2.set_words(7, _v4l2.ROI, 5000, 1, 2, 3)
    assert _v4l2.get_words(7, _v4l2.ROI) == (4032, 1, 2, 3)
    with pytest.raises(OSError, match="Invalid") as caught:
        _v4l2.get_integer(7, 1)
    assert caught.value.errno == errno.EINVAL
