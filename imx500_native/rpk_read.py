"""Reads a network file into the facts that a Network shows."""

from __future__ import annotations

import errno
import json
import os
import re
import stat
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from imx500_native import _rpk
from imx500_native.errors import (
    IntrinsicsError,
    NetworkFileError,
    NetworkNotFoundError,
    TensorInfoError,
)
from imx500_native.intrinsics import NetworkIntrinsics
from imx500_native.specs import Block, InputSpec, OutputSpec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

# The largest public network has 4 MB, and the sensor's memory 8 MB.
MAX_FILE_BYTES = 64 << 20
SECTION_PADDING = 16

REGS_MEMBER = b"imx500_regs"
INFO_MEMBER = b"network_info.txt"
INTRINSICS_MEMBER = b"network_intrinsics"
REGISTER_WIDTHS = (1, 2, 4)

# Which entries of the colour matrix scale the picture's values, for each order of planes.
SCALE_KEYS = {"RGB": ("K00", "K11", "K22"), "BGR": ("K02", "K11", "K20")}
OFFSET_KEYS = ("K03", "K13", "K23")
SCALE_BITS = 12
OFFSET_BITS = 13
NORM_SHIFT = 4
DIV_SHIFT = 6

ABSENT = (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG)


@dataclass(frozen=True, slots=True)
class NetworkFacts:
    """Everything that a network file says, or the built-in facts about it."""

    network_name: str
    input: InputSpec
    outputs: tuple[OutputSpec, ...]
    network_info: Mapping[str, str]
    intrinsics: NetworkIntrinsics | None
    regs: tuple[tuple[int, int, int], ...] = ()
    blocks: tuple[Block, ...] = ()
    cpio_offset: int | None = None


def _refuse_path(path: Path, error: OSError | ValueError) -> NoReturn:
    if isinstance(error, OSError) and error.errno in ABSENT:
        raise NetworkNotFoundError(
            f"expected a network file at {path}, there is none; Network.find() knows the public "
            "networks by name, without their files (imx500-native info lists them), and on "
            "Raspberry Pi OS sudo apt install imx500-models brings the files"
        ) from error
    raise NetworkFileError(f"cannot open network file {path}: {error}") from error


def read_file(path: Path) -> tuple[bytes, int]:
    """Read a regular file that may be a network.

    Returns
    -------
    tuple of (bytes, int)
        The content, and the permission bits.

    Raises
    ------
    NetworkNotFoundError
        There is no such file.
    NetworkFileError
        It is not a regular file, is too large, or cannot be read.
    """
    # Without O_NONBLOCK, opening a FIFO waits until somebody writes to it.
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
    try:
        descriptor = os.open(path, flags)
    except (OSError, ValueError) as error:
        _refuse_path(path, error)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise NetworkFileError(f"expected a regular file at {path}, it is something else")
        if status.st_size > MAX_FILE_BYTES:
            raise NetworkFileError(
                f"expected a network file of at most {MAX_FILE_BYTES} bytes, "
                f"{path} has {status.st_size}"
            )
        with open(descriptor, "rb", closefd=False) as file:
            return file.read(status.st_size), stat.S_IMODE(status.st_mode)
    except OSError as error:
        _refuse_path(path, error)
    finally:
        os.close(descriptor)


def parse_info(text: bytes) -> dict[str, str]:
    """Parse network_info.txt, as far as it is about the file and its first network.

    Raises
    ------
    NetworkFileError
        It is not ASCII, or has a line that is not ``key=value``, or a key twice.
    """
    try:
        lines = text.decode("ascii").split("\n")
    except UnicodeDecodeError as error:
        raise NetworkFileError(f"network_info.txt must be ASCII: {error}") from error
    info: dict[str, str] = {}
    for number, line in enumerate(map(str.strip, lines), 1):
        key, separator, value = (part.strip() for part in line.partition("="))
        if not key and not value:
            continue
        if not separator or not key:
            raise NetworkFileError(
                f"line {number} of network_info.txt must be key=value, got {line!r:.100}"
            )
        if key == "networkOrdinal" and key in info:
            break
        if info.setdefault(key, value) != value:
            raise NetworkFileError(
                f"network_info.txt says {key}={info[key]!r:.50} and, in line {number}, "
                f"{value!r:.50}"
            )
    return info


def _info_text(info: Mapping[str, str], key: str) -> str:
    if key not in info:
        raise NetworkFileError(f"network_info.txt does not say {key}")
    return info[key]


def _info_int(info: Mapping[str, str], key: str) -> int:
    text = _info_text(info, key)
    if re.fullmatch(r"[0-9]{1,10}", text):
        return int(text)
    if re.fullmatch(r"0[xX][0-9a-fA-F]{1,8}", text):
        return int(text, 16)
    raise NetworkFileError(f"{key} of network_info.txt must be a number, got {text!r:.50}")


def _info_signed(info: Mapping[str, str], key: str, bits: int) -> int:
    value = _info_int(info, key)
    if value >> bits:
        raise NetworkFileError(f"{key} of network_info.txt has more than {bits} bits: {value:#x}")
    return value - (1 << bits) if value >> (bits - 1) else value


def _check_agreement(what: str, info_value: int, params_value: int) -> None:
    if info_value != params_value:
        raise NetworkFileError(
            f"the file contradicts itself about {what}: network_info.txt says {info_value}, "
            f"apParams {params_value}"
        )


def _wire_dtype(tensor: _rpk.RawTensor) -> np.dtype[Any]:
    return np.dtype(f"{'i' if tensor.signed else 'u'}{tensor.bits // 8}")


def _input_spec(tensor: _rpk.RawTensor, info: Mapping[str, str]) -> InputSpec:
    if len(tensor.shape) != 3:
        raise NetworkFileError(
            f"expected an input of width, height and channels, got {len(tensor.shape)} dimensions"
        )
    # On the wire the width varies fastest, then the height; the listing order differs by converter.
    width, height, channels = (tensor.shape[tensor.order.index(place)] for place in range(3))
    pad_width, pad_height = (tensor.padding[tensor.order.index(place)] for place in range(2))
    _check_agreement("the input's width", _info_int(info, "inputTensorWidth"), width)
    _check_agreement("the input's height", _info_int(info, "inputTensorHeight"), height)
    plane_format = _info_text(info, "inputTensorFormat")

    norm_val: tuple[int, ...] = ()
    div_val: tuple[int, ...] = ()
    if plane_format in SCALE_KEYS:
        _check_agreement(f"the channels of a {plane_format} input", 3, channels)
        norm_val = tuple(
            _info_signed(info, f"inputTensorNorm_{key}", OFFSET_BITS) for key in OFFSET_KEYS
        )
        div_val = tuple(
            _info_signed(info, f"inputTensorNorm_{key}", SCALE_BITS)
            for key in SCALE_KEYS[plane_format]
        )
    return InputSpec(
        width=width,
        height=height,
        channels=channels,
        format=plane_format,
        dtype=_wire_dtype(tensor),
        scale=tensor.scale,
        shift=tensor.shift,
        norm_val=norm_val,
        norm_shift=NORM_SHIFT,
        div_val=div_val,
        div_shift=DIV_SHIFT,
        padding=(pad_width, pad_height),
        name=tensor.name,
    )


def _output_spec(tensor: _rpk.RawTensor) -> OutputSpec:
    return OutputSpec(
        name=tensor.name,
        shape=tensor.shape,
        dtype=_wire_dtype(tensor),
        scale=tensor.scale,
        shift=tensor.shift,
        order=tensor.order,
    )


def build_specs(
    inputs: Sequence[_rpk.RawTensor], outputs: Sequence[_rpk.RawTensor], info: Mapping[str, str]
) -> tuple[InputSpec, tuple[OutputSpec, ...]]:
    """Join what apParams and network_info.txt say about the tensors of one network.

    Raises
    ------
    NetworkFileError
        They contradict each other, or describe tensors that cannot exist.
    """
    if len(inputs) != 1 or not outputs:
        raise NetworkFileError(
            f"expected one input tensor and at least one output, apParams lists {len(inputs)} "
            f"and {len(outputs)}"
        )
    try:
        input_spec = _input_spec(inputs[0], info)
        output_specs = tuple(_output_spec(tensor) for tensor in outputs)
    except TensorInfoError as error:
        raise NetworkFileError(f"apParams describes an impossible tensor: {error}") from error
    if "outputTensorNum" in info:
        number = _info_int(info, "outputTensorNum")
        _check_agreement("the number of output tensors", number, len(outputs))
    for index, spec in enumerate(output_specs):
        for key, value in (
            (f"outputTensorDimSize{index + 1}", spec.elements),
            (f"outputTensorBytesPerElement{index + 1}", spec.dtype.itemsize),
        ):
            if key in info:
                _check_agreement(f"output {index} ({key})", _info_int(info, key), value)
    return input_spec, output_specs


def parse_intrinsics(text: bytes) -> NetworkIntrinsics:
    """Parse the ``network_intrinsics`` member of a network file.

    Raises
    ------
    NetworkFileError
        It is not JSON, or holds what its format does not allow.
    """

    def refuse_constant(name: str) -> NoReturn:
        raise ValueError(f"{name} is not JSON")

    try:
        values = json.loads(text, parse_constant=refuse_constant)
    except (ValueError, RecursionError) as error:
        raise NetworkFileError(f"network_intrinsics must be JSON: {error}") from error
    if values is None:
        raise NetworkFileError("network_intrinsics must be a JSON object, got null")
    try:
        return NetworkIntrinsics(values)
    except IntrinsicsError as error:
        raise NetworkFileError(f"network_intrinsics is not valid: {error}") from error


def _parse_regs(data: bytes) -> tuple[tuple[int, int, int], ...]:
    record = struct.Struct("<HBI")
    if len(data) % record.size:
        raise NetworkFileError(
            f"imx500_regs must hold records of {record.size} bytes, it has {len(data)} bytes"
        )
    regs = tuple(record.iter_unpack(data))
    for register, width, _ in regs:
        if width not in REGISTER_WIDTHS:
            raise NetworkFileError(
                f"register {register:#06x} of imx500_regs has {width} bytes, expected 1, 2 or 4"
            )
    return regs


def read_archive(data: bytes, offset: int) -> dict[bytes, bytes]:
    """Read the members of a network file's archive, by name.

    Raises
    ------
    NetworkFileError
        The archive is damaged, or holds a name twice.
    """
    content: dict[bytes, bytes] = {}
    for member in _rpk.members(data, offset)[:-1]:
        if member.name in content:
            raise NetworkFileError(
                f"the archive holds {member.name.decode(errors='replace')} twice"
            )
        content[member.name] = data[member.offset : member.offset + member.size]
    return content


def _read_params(data: bytes, locked: bool) -> tuple[_rpk.RawApParams, int]:
    found = [s for s in _rpk.sections(data) if s.type == _rpk.SECTION_AP_PARAMS]
    if len(found) != 1:
        reason = "; its blocks are locked to one device" if locked else ""
        raise NetworkFileError(
            f"expected one apParams section, which describes the outputs, got {len(found)}{reason}"
        )
    section = found[0]
    return _rpk.ap_params(data, section.offset, section.size), section.size


def parse_network(data: bytes) -> NetworkFacts:
    """Read the bytes of a network file.

    Raises
    ------
    NetworkFileError
        They are not a complete, consistent network file.
    """
    raw_blocks, offset = _rpk.blocks(data)
    blocks = tuple(Block(*block) for block in raw_blocks)
    archive = read_archive(data, offset)
    for name in (REGS_MEMBER, INFO_MEMBER):
        if name not in archive:
            raise NetworkFileError(
                f"the archive of the network file lacks {name.decode()}, which the camera needs"
            )
    info = parse_info(archive[INFO_MEMBER])
    params, section_size = _read_params(data, blocks[0].device_locked)
    if "apParamSize" in info:
        announced = _info_int(info, "apParamSize")
        if not section_size - SECTION_PADDING < announced <= section_size:
            raise NetworkFileError(
                f"network_info.txt says that apParams has {announced} bytes, "
                f"its section has {section_size}"
            )
    input_spec, outputs = build_specs(params.inputs, params.outputs, info)
    intrinsics = archive.get(INTRINSICS_MEMBER)
    return NetworkFacts(
        network_name=params.network_name,
        input=input_spec,
        outputs=outputs,
        network_info=info,
        intrinsics=None if intrinsics is None else parse_intrinsics(intrinsics),
        regs=_parse_regs(archive[REGS_MEMBER]),
        blocks=blocks,
        cpio_offset=offset,
    )


def read_network(path: Path) -> NetworkFacts:
    """Read a network file.

    Raises
    ------
    NetworkFileError, NetworkNotFoundError
        As `read_file` and `parse_network`.
    """
    data, _ = read_file(path)
    try:
        return parse_network(data)
    except NetworkFileError as error:
        raise NetworkFileError(f"{path}: {error}") from error
