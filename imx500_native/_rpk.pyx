"""The parts of a network file, found and checked in C."""

import struct
from typing import NamedTuple

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memset

from imx500_native.includes.ap_params cimport (
    imx500_ap_name,
    imx500_ap_params,
    imx500_ap_params_read,
    imx500_ap_tensor,
)
from imx500_native.includes.rpk cimport (
    IMX500_RPK_SECTION_AP_PARAMS,
    imx500_rpk_block,
    imx500_rpk_member,
    imx500_rpk_next_block,
    imx500_rpk_next_member,
    imx500_rpk_next_section,
    imx500_rpk_section,
)
from imx500_native.includes.status cimport (
    IMX500_BAD_BITS,
    IMX500_BAD_FOOTER,
    IMX500_BAD_MAGIC,
    IMX500_BAD_OFFSET,
    IMX500_BAD_ORDER,
    IMX500_BAD_RANK,
    IMX500_BAD_SCALE,
    IMX500_BAD_VALUE,
    IMX500_ELEMENTS_MISMATCH,
    IMX500_EMPTY,
    IMX500_OK,
    IMX500_TOO_MANY_TENSORS,
    IMX500_TRUNCATED,
    IMX500_UNKNOWN_LENGTH,
    IMX500_ZERO_DIMENSION,
    imx500_fault,
    imx500_status,
)

from imx500_native.errors import NetworkFileError

SECTION_AP_PARAMS = <int>IMX500_RPK_SECTION_AP_PARAMS


class RawSection(NamedTuple):
    type: int
    address: int
    offset: int
    size: int


class RawMember(NamedTuple):
    name: bytes
    header: int
    offset: int
    size: int
    end: int


class RawTensor(NamedTuple):
    name: str
    shape: tuple[int, ...]
    order: tuple[int, ...]
    padding: tuple[int, ...]
    bits: int
    signed: bool
    scale: float
    shift: int


class RawApParams(NamedTuple):
    network_name: str
    num_networks: int
    inputs: tuple[RawTensor, ...]
    outputs: tuple[RawTensor, ...]


cdef inline const uint8_t *file_bytes(bytes data) noexcept:
    return <const uint8_t *>PyBytes_AS_STRING(data)


cdef object block_error(imx500_status status, const imx500_fault *fault, size_t length):
    if status == IMX500_BAD_MAGIC:
        return NetworkFileError(
            f"expected a network file, which starts with the characters 9464; "
            f"these {length} bytes do not"
        )
    if status == IMX500_TRUNCATED:
        return NetworkFileError(
            f"the block at byte {fault.where} ends at byte {fault.expected}, "
            f"the file at byte {fault.actual}: it is cut short"
        )
    if status == IMX500_BAD_FOOTER:
        return NetworkFileError(
            f"the block at byte {fault.where} must end with the characters 3695 "
            f"at byte {fault.expected}, and something else stands there"
        )
    return NetworkFileError(
        f"at byte {fault.where} expected block {fault.expected}, got block {fault.actual}: "
        f"blocks are missing or out of order"
    )


def blocks(bytes data not None):
    """The firmware blocks of a network file, and the offset of what follows them.

    Returns
    -------
    tuple of (tuple of (offset, size, index, count, device_locked), int)

    Raises
    ------
    NetworkFileError
        The chain of blocks is damaged.
    """
    cdef size_t length = PyBytes_GET_SIZE(data)
    cdef imx500_rpk_block block
    cdef imx500_fault fault
    cdef imx500_status status
    memset(&block, 0, sizeof(block))
    cdef list found = []
    while True:
        status = imx500_rpk_next_block(file_bytes(data), length, &block, &fault)
        if status == IMX500_EMPTY:
            return tuple(found), block.end
        if status != IMX500_OK:
            raise block_error(status, &fault, length)
        found.append((block.offset, block.size, block.index, block.count, block.device_locked))


def sections(bytes data not None):
    """The sections of the first block of a network file.

    Returns
    -------
    tuple of RawSection

    Raises
    ------
    NetworkFileError
        The first block, or a section in it, is damaged.
    """
    cdef size_t length = PyBytes_GET_SIZE(data)
    cdef imx500_rpk_block block
    cdef imx500_rpk_section section
    cdef imx500_fault fault
    cdef imx500_status status
    memset(&block, 0, sizeof(block))
    memset(&section, 0, sizeof(section))
    status = imx500_rpk_next_block(file_bytes(data), length, &block, &fault)
    if status != IMX500_OK:
        raise block_error(status, &fault, length)
    cdef list found = []
    while True:
        status = imx500_rpk_next_section(file_bytes(data), &block, &section, &fault)
        if status == IMX500_EMPTY:
            return tuple(found)
        if status != IMX500_OK:
            raise NetworkFileError(
                f"the section at byte {fault.where} reaches to byte {fault.expected}, "
                f"its block to byte {fault.actual}"
            )
        found.append(RawSection(section.type, section.address, section.data, section.size))


def members(bytes data not None, uint64_t archive):
    """The members of the archive at byte `archive`, its trailer last.

    Returns
    -------
    tuple of RawMember
        `end` is where the next header stands or would stand, and may lie past the last byte.

    Raises
    ------
    NetworkFileError
        The archive is damaged, or has no trailer.
    """
    cdef size_t length = PyBytes_GET_SIZE(data)
    cdef imx500_rpk_member member
    cdef imx500_fault fault
    cdef imx500_status status
    memset(&member, 0, sizeof(member))
    if archive > length:
        raise NetworkFileError(f"expected an archive at byte {archive}, the file has {length}")
    cdef list found = []
    while not member.is_trailer:
        status = imx500_rpk_next_member(file_bytes(data), length, archive, &member, &fault)
        if status == IMX500_TRUNCATED:
            raise NetworkFileError(
                f"the archive member at byte {fault.where} ends at byte {fault.expected}, "
                f"the file at byte {fault.actual}: it is cut short"
            )
        if status == IMX500_BAD_MAGIC:
            raise NetworkFileError(
                f"expected a newc archive member (070701) at byte {fault.where}, "
                f"got {data[fault.where:fault.where + 6]!r}"
            )
        if status == IMX500_BAD_VALUE:
            raise NetworkFileError(
                f"the sizes of the archive member at byte {fault.where} are not hexadecimal"
            )
        if status != IMX500_OK:
            raise NetworkFileError(
                f"the name of the archive member at byte {fault.where} does not end "
                f"within its {fault.expected} bytes"
            )
        found.append(
            RawMember(
                data[member.name:member.name + member.name_length],
                member.offset,
                member.data,
                member.size,
                member.end,
            )
        )
    return tuple(found)


cdef object params_error(imx500_status status, const imx500_fault *fault, uint32_t num_inputs):
    if status == IMX500_UNKNOWN_LENGTH:
        return NetworkFileError(f"apParams must fill 32-bit words, got {fault.actual} bytes")
    if status == IMX500_EMPTY:
        return NetworkFileError("apParams lists no network")
    if status == IMX500_BAD_OFFSET:
        return NetworkFileError(
            f"apParams byte {fault.where} points to byte {fault.actual} of {fault.expected}"
        )
    if status == IMX500_TOO_MANY_TENSORS:
        return NetworkFileError(
            f"apParams lists {fault.actual} {'output' if fault.where else 'input'} tensors, "
            f"at most {fault.expected} are possible"
        )
    cdef bint is_output = fault.where >= num_inputs
    tensor = f"{'output' if is_output else 'input'} tensor " \
             f"{fault.where - num_inputs if is_output else fault.where} of apParams"
    if status == IMX500_BAD_RANK:
        return NetworkFileError(
            f"{tensor} has {fault.actual} dimensions, expected 1 to {fault.expected}"
        )
    if status == IMX500_ELEMENTS_MISMATCH:
        return NetworkFileError(
            f"{tensor} announces {fault.expected} dimensions and lists {fault.actual}"
        )
    if status == IMX500_ZERO_DIMENSION:
        return NetworkFileError(f"dimension {fault.actual} of {tensor} has size 0")
    if status == IMX500_BAD_BITS:
        return NetworkFileError(f"{tensor} has {fault.actual} bits, expected 8, 16 or 32")
    if status == IMX500_BAD_ORDER:
        return NetworkFileError(
            f"the serialization order of {tensor} must name each of 0 to {fault.expected - 1} "
            f"once, got {fault.actual}"
        )
    if status == IMX500_BAD_SCALE:
        value = struct.unpack("<f", struct.pack("<I", fault.actual))[0]
        return NetworkFileError(f"{tensor} has scale {value}, expected a positive number")
    if status == IMX500_BAD_VALUE:
        return NetworkFileError(
            f"{tensor} has format {fault.actual}, expected 0 (signed) or 1 (unsigned)"
        )
    return NetworkFileError(
        f"{tensor} or its name is too large: {fault.actual}, expected at most {fault.expected}"
    )


cdef str name_text(const imx500_ap_name *name):
    # Names are cut to their last bytes by the converter, if need be inside a character.
    return (<bytes>name.text[:name.length]).decode("utf-8", "replace")


cdef object raw_tensor(const imx500_ap_tensor *tensor):
    cdef uint32_t d
    return RawTensor(
        name_text(&tensor.name),
        tuple([tensor.dimensions[d].size for d in range(tensor.num_dimensions)]),
        tuple([tensor.dimensions[d].order for d in range(tensor.num_dimensions)]),
        tuple([tensor.dimensions[d].padding for d in range(tensor.num_dimensions)]),
        tensor.bits,
        tensor.is_signed,
        tensor.scale,
        tensor.shift,
    )


def ap_params(bytes data not None, uint64_t offset, uint64_t size):
    """The tensors of the first network in the apParams section at byte `offset`.

    Returns
    -------
    RawApParams

    Raises
    ------
    NetworkFileError
        The flatbuffer is damaged, or describes tensors that cannot exist.
    """
    cdef uint64_t length = PyBytes_GET_SIZE(data)
    cdef imx500_ap_params params
    cdef imx500_fault fault
    cdef imx500_status status
    cdef uint32_t i
    if offset > length or size > length - offset:
        raise NetworkFileError(
            f"expected apParams at bytes {offset} to {offset + size}, the file has {length}"
        )
    status = imx500_ap_params_read(file_bytes(data) + offset, size, &params, &fault)
    if status != IMX500_OK:
        raise params_error(status, &fault, params.num_inputs)
    return RawApParams(
        name_text(&params.name),
        params.num_networks,
        tuple([raw_tensor(&params.inputs[i]) for i in range(params.num_inputs)]),
        tuple([raw_tensor(&params.outputs[i]) for i in range(params.num_outputs)]),
    )
