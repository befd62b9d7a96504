"""Reads a valid network file slowly and obviously, with struct and slices."""

from __future__ import annotations

import struct
from typing import Any


def read_blocks(data: bytes) -> tuple[list[tuple[int, int, int, int, bool]], int]:
    """[(offset, payload bytes, index, count, locked)], and where the archive starts."""
    blocks = []
    at = 0
    while data[at : at + 4] == b"9464":
        size, count, index = struct.unpack_from(">IHH", data, at + 4)
        locked = bool(data[at + 14] & 1)
        assert data[at + size + 60 : at + size + 64] == b"3695"
        blocks.append((at, size, index, count, locked))
        at += size + (96 if locked else 64)
    return blocks, at


def read_sections(data: bytes) -> list[tuple[int, int, int, int]]:
    """[(type, load address, offset of the data, bytes)] of the first block."""
    (count,) = struct.unpack_from(">I", data, 32)
    sections = []
    at = 64
    for _ in range(count):
        kind, address, size = struct.unpack_from(">III", data, at)
        sections.append((kind, address, at + 32, size))
        at += 32 + size
    return sections


def read_archive(data: bytes, start: int) -> list[tuple[bytes, bytes]]:
    """[(name, content)] up to the trailer, which is not among them."""
    archive = data[start:]
    members = []
    at = 0
    while True:
        header = archive[at : at + 110]
        assert header[:6] == b"070701"
        fields = [int(header[i : i + 8], 16) for i in range(6, 110, 8)]
        size, name_size = fields[6], fields[11]
        name = archive[at + 110 : at + 110 + name_size].split(b"\0")[0]
        if name == b"TRAILER!!!":
            return members
        content_at = -(-(at + 110 + name_size) // 4) * 4
        members.append((name, archive[content_at : content_at + size]))
        at = -(-(content_at + size) // 4) * 4


class FlatTable:
    def __init__(self, data: bytes, at: int) -> None:
        self.data, self.at = data, at
        self.vtable = at - struct.unpack_from("<i", data, at)[0]

    def position(self, number: int) -> int | None:
        size = struct.unpack_from("<H", self.data, self.vtable)[0]
        slot = 4 + 2 * number
        if slot >= size:
            return None
        offset = struct.unpack_from("<H", self.data, self.vtable + slot)[0]
        return self.at + offset if offset else None

    def scalar(self, number: int, code: str) -> Any:
        at = self.position(number)
        return 0 if at is None else struct.unpack_from("<" + code, self.data, at)[0]

    def _target(self, number: int) -> tuple[int, int]:
        at = self.position(number)
        if at is None:
            return 0, 0
        at += struct.unpack_from("<I", self.data, at)[0]
        return at + 4, struct.unpack_from("<I", self.data, at)[0]

    def text(self, number: int) -> str:
        at, length = self._target(number)
        return self.data[at : at + length].decode()

    def tables(self, number: int) -> list[FlatTable]:
        at, length = self._target(number)
        slots = range(at, at + 4 * length, 4)
        return [FlatTable(self.data, s + struct.unpack_from("<I", self.data, s)[0]) for s in slots]


def _tensor(table: FlatTable, is_output: bool) -> dict[str, Any]:
    dimensions = table.tables(3)
    return {
        "name": table.text(1),
        "shape": tuple(d.scalar(1, "H") for d in dimensions),
        "order": tuple(d.scalar(2, "B") for d in dimensions),
        "padding": tuple(d.scalar(3, "B") for d in dimensions),
        "bits": table.scalar(4, "B") if is_output else 8,
        "signed": table.scalar(6 + is_output, "B") == 0,
        "scale": table.scalar(5 + is_output, "f"),
        "shift": table.scalar(4 + is_output, "H"),
    }


def read_ap_params(data: bytes) -> tuple[str, list[dict[str, Any]], list[dict[str, Any]]]:
    """(network name, input tensors, output tensors) of a whole network file."""
    (found,) = [s for s in read_sections(data) if s[0] == 4]
    words = data[found[2] : found[2] + found[3]]
    flat = b"".join(words[i : i + 4][::-1] for i in range(0, len(words), 4))
    root = FlatTable(flat, struct.unpack_from("<I", flat, 0)[0])
    network = root.tables(0)[0]
    inputs = [_tensor(t, False) for t in network.tables(3)]
    outputs = [_tensor(t, True) for t in network.tables(4)]
    return network.text(1), inputs, outputs
