"""Slow, obvious readers of libcamera's tensor info structs, after its C declarations."""

from __future__ import annotations

import ctypes

import numpy as np


def output_layouts():
    def layout(tensors, dimensions, has_frame_count):
        class Tensor(ctypes.LittleEndianStructure):
            _fields_ = [
                ("tensor_data_num", ctypes.c_uint32),
                ("num_dimensions", ctypes.c_uint32),
                ("size", ctypes.c_uint16 * dimensions),
            ]

        class Info(ctypes.LittleEndianStructure):
            _fields_ = [
                ("network_name", ctypes.c_char * 64),
                ("num_tensors", ctypes.c_uint32),
                ("info", Tensor * tensors),
                *([("frame_count", ctypes.c_uint8)] if has_frame_count else []),
            ]

        return Info

    made = [layout(16, 16, True), layout(16, 16, False), layout(8, 8, True), layout(8, 8, False)]
    return {ctypes.sizeof(struct): struct for struct in made}


OUTPUT_LAYOUTS = output_layouts()


class InputInfo(ctypes.LittleEndianStructure):
    _fields_ = [
        ("network_name", ctypes.c_char * 64),
        ("width", ctypes.c_uint32),
        ("height", ctypes.c_uint32),
        ("channels", ctypes.c_uint32),
        ("frame_count", ctypes.c_uint8),
    ]


def pack_output_info(shapes, *, length=712, name=b"", frame_count=0):
    """Return the bytes of a struct, as libcamera fills it."""
    info = OUTPUT_LAYOUTS[length]()
    info.network_name = name
    info.num_tensors = len(shapes)
    for tensor, shape in zip(info.info, shapes, strict=False):
        tensor.tensor_data_num = int(np.prod(shape, dtype=np.int64))
        tensor.num_dimensions = len(shape)
        for d, size in enumerate(shape):
            tensor.size[d] = size
    if length in (712, 264):
        info.frame_count = frame_count
    return bytes(info)


def pack_input_info(width, height, channels, *, length=80, name=b"", frame_count=0):
    return bytes(InputInfo(name, width, height, channels, frame_count))[:length]


def read_output_info(data):
    """Return (name, shapes, frame_count), or None for what must be refused."""
    layout = OUTPUT_LAYOUTS.get(len(data))
    if layout is None:
        return None
    info = layout.from_buffer_copy(data)
    limit = len(info.info)
    if not 1 <= info.num_tensors <= limit:
        return None
    shapes = []
    for tensor in info.info[: info.num_tensors]:
        if not 1 <= tensor.num_dimensions <= len(tensor.size):
            return None
        shape = tuple(tensor.size[: tensor.num_dimensions])
        product = 1
        for size in shape:
            product *= size
        if product == 0 or product != tensor.tensor_data_num:
            return None
        shapes.append(shape)
    try:
        name = data[:64].split(b"\0")[0].decode()
    except UnicodeDecodeError:
        return None
    return name, tuple(shapes), getattr(info, "frame_count", None)


def split_outputs(values, shapes):
    """Return picamera2's view of the values: one Fortran-order array after the other."""
    arrays, start = [], 0
    for shape in shapes:
        count = int(np.prod(shape))
        arrays.append(np.asarray(values[start : start + count], "f4").reshape(shape, order="F"))
        start += count
    return arrays
