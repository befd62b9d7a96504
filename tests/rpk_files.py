"""Writes small network files for tests, and finds the public ones where they are installed."""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

PROJECT = Path(__file__).parent.parent
SECTION_AP_PARAMS = 4
# Read before any test takes the variable away.
OWN_MODELS = os.environ.get("IMX500_MODELS")


def zoo_file(name: str) -> Path:
    """The public network file of that short name, or a skipped test."""
    places = [
        *([Path(OWN_MODELS)] if OWN_MODELS else []),
        PROJECT.parent / "shared" / "data" / "rpk",
        Path("/usr/share/imx500-models"),
    ]
    for place in places:
        file = place / f"imx500_network_{name}.rpk"
        if file.is_file():
            return file
    return pytest.skip(
        f"imx500_network_{name}.rpk is missing: put it into a directory that $IMX500_MODELS names "
        f"(Raspberry Pi OS: apt install imx500-models)"
    )


# apParams is a flatbuffer: built front to back, with every offset patched in afterwards.


@dataclass
class Tensor:
    shape: tuple[int, ...]
    name: str = "tensor"
    bits: int | None = 8
    signed: bool = True
    scale: float = 0.5
    shift: int = 0
    order: tuple[int, ...] | None = None
    padding: tuple[int, ...] | None = None
    announced_dimensions: int | None = None

    @property
    def elements(self) -> int:
        product = 1
        for size in self.shape:
            product *= size
        return product


class Table(list):
    """Fields by number: (format character, value), a Table, a list of Tables, bytes or None."""


def encode(root: Table) -> bytes:
    """A flatbuffer. Every table has its own vtable, and stands before what it points to."""
    out = bytearray(4)

    def patch(at: int) -> None:
        out[at : at + 4] = struct.pack("<I", len(out) - at)

    def write(value: object) -> None:
        if isinstance(value, Table):
            write_table(value)
        elif isinstance(value, bytes):
            out.extend(struct.pack("<I", len(value)) + value + b"\0")
            out.extend(bytes(-len(out) % 4))
        else:
            out.extend(struct.pack("<I", len(value)))
            slots = [len(out) + 4 * i for i in range(len(value))]
            out.extend(bytes(4 * len(value)))
            for slot, item in zip(slots, value, strict=True):
                # An offset leads to the table itself, which follows its vtable.
                write_table(item, slot)

    def write_table(table: Table, slot: int | None = None) -> None:
        vtable = len(out)
        body = bytearray(4)
        offsets = []
        pointers = []
        for entry in table:
            if entry is None:
                offsets.append(0)
                continue
            code, value = entry if isinstance(entry, tuple) else ("I", 0)
            body.extend(bytes(-len(body) % struct.calcsize(code)))
            offsets.append(len(body))
            if not isinstance(entry, tuple):
                pointers.append((len(body), entry))
            body.extend(struct.pack("<" + code, value))
        out.extend(struct.pack(f"<HH{len(offsets)}H", 4 + 2 * len(offsets), len(body), *offsets))
        out.extend(bytes(-len(out) % 4))
        at = len(out)
        if slot is not None:
            patch(slot)
        body[:4] = struct.pack("<i", at - vtable)
        out.extend(body + bytes(-len(body) % 4))
        for where, entry in pointers:
            patch(at + where)
            write(entry)

    write_table(root, 0)
    return bytes(out)


def scalar(code: str, value: float) -> tuple[str, float] | None:
    """Flatbuffers leave a field out when it has its default, 0."""
    return (code, value) if value else None


def tensor_table(tensor: Tensor) -> Table:
    rank = len(tensor.shape)
    order = range(rank) if tensor.order is None else tensor.order
    padding = (0,) * rank if tensor.padding is None else tensor.padding
    dimensions = [
        Table([scalar("B", i), scalar("H", size), scalar("B", place), scalar("B", pad)])
        for i, (size, place, pad) in enumerate(zip(tensor.shape, order, padding, strict=True))
    ]
    announced = rank if tensor.announced_dimensions is None else tensor.announced_dimensions
    fields = Table([None, tensor.name.encode(), scalar("B", announced), dimensions])
    if tensor.bits is not None:
        fields.append(scalar("B", tensor.bits))
    fields += [scalar("H", tensor.shift), ("f", tensor.scale), scalar("B", not tensor.signed)]
    return fields


def ap_params(
    inputs: list[Tensor], outputs: list[Tensor], name: str = "a network", networks: int = 1
) -> bytes:
    network = Table(
        [
            None,
            name.encode(),
            b"",
            [tensor_table(replace(tensor, bits=None)) for tensor in inputs],
            [tensor_table(tensor) for tensor in outputs],
        ]
    )
    return encode(Table([[network] * networks]))


def swap_words(data: bytes) -> bytes:
    assert len(data) % 4 == 0
    return b"".join(data[i : i + 4][::-1] for i in range(0, len(data), 4))


def pad_section(data: bytes) -> bytes:
    missing = -len(data) % 16
    return data + bytes([missing]) * missing


def section(kind: int, data: bytes, address: int = 0x8000F000) -> bytes:
    return struct.pack(">IIII16x", kind, address, len(data), 0) + data


def payload(sections: list[bytes]) -> bytes:
    version = swap_words(b"0314150000000100")
    return struct.pack(">I12x", len(sections)) + version + b"".join(sections)


def block(
    content: bytes, index: int = 1, count: int = 1, locked: bool = False, footer: bytes = b"3695"
) -> bytes:
    header = b"9464" + struct.pack(">IHHBBBB16x", len(content), count, index, 0, 0, locked, 1)
    return header + content + bytes(28) + footer + bytes(32 if locked else 0)


def member(name: bytes, content: bytes, digits: str = "%08X") -> bytes:
    fields = (1, 0o100644, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name) + 1, 0)
    header = b"070701" + "".join(digits % value for value in fields).encode() + name + b"\0"
    header += bytes(-len(header) % 4)
    return header + content + bytes(-len(content) % 4)


def archive(members: list[tuple[bytes, bytes]], block_size: int = 512) -> bytes:
    content = b"".join(member(name, data) for name, data in members) + member(b"TRAILER!!!", b"")
    return content + bytes(-len(content) % block_size)


NORMALISATION = {
    "K00": 0x400,
    "K02": 0,
    "K03": 0x1800,
    "K11": 0x400,
    "K13": 0x1800,
    "K20": 0,
    "K22": 0x400,
    "K23": 0x1800,
}
REGS = struct.pack("<HBIHBI", 0xD76C, 2, 0x400, 0x3060, 2, 5)


@dataclass
class RpkFile:
    """A network file; the defaults make a valid one."""

    input: Tensor = field(
        default_factory=lambda: Tensor((6, 8, 3), "in", None, order=(1, 0, 2), padding=(1, 2, 0))
    )
    outputs: list[Tensor] = field(
        default_factory=lambda: [
            Tensor((5, 4), "boxes", 16, scale=2**-15),
            Tensor((5,), "scores", 8, signed=False, scale=2**-8),
        ]
    )
    name: str = "a network"
    format: str = "RGB"
    normalisation: dict[str, int] = field(default_factory=dict)
    info: dict[str, object] = field(default_factory=dict)
    intrinsics: bytes | None = b'{"task": "object detection", "inference_rate": 12.5}\n'
    more_members: list[tuple[bytes, bytes]] = field(default_factory=list)
    regs: bytes | None = REGS
    params: bytes | None = None
    extra_sections: list[bytes] = field(default_factory=list)
    locked: bool = False
    archive_block: int = 512

    def info_values(self) -> dict[str, object]:
        width, height = self.input.shape[1], self.input.shape[0]
        values: dict[str, object] = {
            "version": "020400",
            "apParamSize": len(self.param_bytes()),
            "networkNum": 1,
            "networkOrdinal": 0,
            "inputTensorWidth": width,
            "inputTensorHeight": height,
            "inputTensorFormat": self.format,
        }
        for key, value in (NORMALISATION | self.normalisation).items():
            values[f"inputTensorNorm_{key}"] = f"0x{value:04X}"
        values["outputTensorNum"] = len(self.outputs)
        for number, tensor in enumerate(self.outputs, 1):
            values[f"outputTensorDimSize{number}"] = tensor.elements
            values[f"outputTensorBytesPerElement{number}"] = tensor.bits // 8
        values |= self.info
        return {key: value for key, value in values.items() if value is not None}

    def info_text(self) -> bytes:
        return "".join(f"{key}={value}\r\n" for key, value in self.info_values().items()).encode()

    def param_bytes(self) -> bytes:
        if self.params is not None:
            return self.params
        return ap_params([self.input], self.outputs, self.name)

    def blocks(self) -> bytes:
        params = section(SECTION_AP_PARAMS, swap_words(pad_section(self.param_bytes())))
        first = payload([*self.extra_sections, params])
        return block(first, 1, 2, self.locked) + block(bytes(16), 2, 2, self.locked)

    def members(self) -> list[tuple[bytes, bytes]]:
        members = [(b"network_info.txt", self.info_text()), *self.more_members]
        if self.regs is not None:
            members.insert(0, (b"imx500_regs", self.regs))
        if self.intrinsics is not None:
            members.append((b"network_intrinsics", self.intrinsics))
        return members

    def build(self) -> bytes:
        return self.blocks() + archive(self.members(), self.archive_block)
