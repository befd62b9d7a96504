"""Answers in the kernel's place, through the seam that every ioctl goes through.

Its structs are the kernel's, which tests/test_v4l2.py holds them to.
"""

from __future__ import annotations

import ctypes
import errno
import os
from functools import partial

from machine_tree import Machine

from imx500_native import _v4l2
from imx500_native.picamera2 import imx500

QUERY, GET, SET = 0xC0E85667, 0xC0205647, 0xC0205648
ROI_LIMIT = 4032
DEVICE_ID = (0x11223344, 0x55667788, 0x99AABBCC, 0xDDEEFF00)


class ExtControl(ctypes.Structure):
    _pack_ = 1
    _layout_ = "ms"
    _fields_ = (
        ("id", ctypes.c_uint32),
        ("size", ctypes.c_uint32),
        ("reserved2", ctypes.c_uint32),
        ("value64", ctypes.c_int64),
    )


class ExtControls(ctypes.Structure):
    _fields_ = (
        ("which", ctypes.c_uint32),
        ("count", ctypes.c_uint32),
        ("error_idx", ctypes.c_uint32),
        ("request_fd", ctypes.c_int32),
        ("reserved", ctypes.c_uint32),
        ("controls", ctypes.c_void_p),
    )


class QueryExtCtrl(ctypes.Structure):
    _fields_ = (
        ("id", ctypes.c_uint32),
        ("type", ctypes.c_uint32),
        ("name", ctypes.c_char * 32),
        ("minimum", ctypes.c_int64),
        ("maximum", ctypes.c_int64),
        ("step", ctypes.c_uint64),
        ("default_value", ctypes.c_int64),
        ("flags", ctypes.c_uint32),
        ("elem_size", ctypes.c_uint32),
        ("elems", ctypes.c_uint32),
        ("nr_of_dims", ctypes.c_uint32),
        ("dims", ctypes.c_uint32 * 4),
        ("reserved", ctypes.c_uint32 * 32),
    )


STRUCTS = {
    "v4l2_ext_control": ExtControl,
    "v4l2_ext_controls": ExtControls,
    "v4l2_query_ext_ctrl": QueryExtCtrl,
}


def integer_of(control):
    return ctypes.c_int32(control.value64 & 0xFFFFFFFF).value


def words_of(control):
    return (ctypes.c_uint32 * (control.size // 4)).from_address(control.value64)


class FakeDriver:
    """A driver of six controls.

    `controls` are those that it has, `refuses` maps a control to the errno of setting or reading
    it, `calls` lists what was asked, `files` what was read from descriptors.
    """

    def __init__(self):
        self.controls = {
            _v4l2.ROI,
            _v4l2.NETWORK_FD,
            _v4l2.DEVICE_ID,
            _v4l2.INJECTION,
            _v4l2.TENSOR_FD,
            _v4l2.COMPARISON_FRAME,
        }
        self.refuses = {}
        self.calls = []
        self.files = []
        self.roi = (0, 0, 0, 0)
        self.injection = 0
        self.comparison_frame = 1
        self.before_answer = lambda: None

    def __call__(self, descriptor, request, memory):
        self.before_answer()
        if request == QUERY:
            query = QueryExtCtrl.from_buffer(memory)
            if query.id not in self.controls:
                raise OSError(errno.EINVAL, "no such control")
            query.name = b"a control"
            return
        controls = ExtControls.from_buffer(memory)
        assert (controls.which, controls.count) == (0, 1)
        control = ExtControl.from_address(controls.controls)
        assert control.reserved2 == 0
        if control.id not in self.controls:
            raise OSError(errno.EINVAL, "no such control")
        verb = {GET: "get", SET: "set"}[request]
        self.calls.append((verb, control.id))
        if control.id in self.refuses:
            raise OSError(self.refuses[control.id], "refused")
        getattr(self, verb)(control)

    def get(self, control):
        if control.id == _v4l2.ROI:
            words_of(control)[:] = self.roi
        elif control.id == _v4l2.DEVICE_ID:
            words_of(control)[:] = DEVICE_ID
        elif control.id == _v4l2.COMPARISON_FRAME:
            control.value64 = self.comparison_frame
        else:
            raise OSError(errno.EACCES, "write only")

    def set(self, control):
        if control.id == _v4l2.ROI:
            self.roi = tuple(min(word, ROI_LIMIT) for word in words_of(control))
        elif control.id == _v4l2.INJECTION:
            self.injection = integer_of(control)
        else:
            descriptor = integer_of(control)
            self.files.append(os.pread(descriptor, 1 << 24, 0))
            assert not os.get_inheritable(descriptor)
            if control.id == _v4l2.TENSOR_FD:
                self.comparison_frame = self.comparison_frame % 254 + 2


def give_drop_in(folder):
    """Give picamera2's ``IMX500`` of this package a machine made of files; return its driver."""
    machine = Machine(folder)
    machine.add(0, "10-001a", of_node="base/i2c@88000/imx500@1a")
    driver = FakeDriver()
    _v4l2.replace_ioctl(driver)
    places = {name: getattr(machine, name) for name in ("sysfs", "dev", "debugfs")}
    imx500.find_subdevices = machine.find
    imx500.Imx500Device = partial(imx500.Imx500Device, **places)
    return driver
