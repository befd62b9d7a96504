"""Write first inputs for a fuzz target: `fuzz_seeds.py TARGET DIRECTORY`, see scripts/fuzz.

The seeds for network files are made from real ones where some are at hand, cut down to what a
reader reads: a fuzzer gets nowhere in megabytes of weights.
"""

from __future__ import annotations

import os
import struct
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
AP_PARAMS = 4
BLOCK_HEADER = 32
BLOCK_FRAME = 64
PREAMBLE = 32
SECTION_HEADER = 32


def model_directories() -> list[Path]:
    named = os.environ.get("IMX500_MODELS", "").split(os.pathsep)
    usual = ["/usr/share/imx500-models", str(ROOT.parent / "shared" / "data" / "rpk")]
    return [Path(name) for name in [*named, *usual] if name]


def output_info(shapes: list[tuple[int, ...]], room: int, dimensions: int) -> bytes:
    """Return an info struct in the layout that has room for so many tensors and dimensions."""
    form = f"<II{dimensions}H"
    tensors = b""
    for shape in shapes:
        elements = 1
        for size in shape:
            elements *= size
        sizes = [*shape, *[0] * (dimensions - len(shape))]
        tensors += struct.pack(form, elements, len(shape), *sizes)
    header = struct.pack("<64sI", b"network", len(shapes))
    return header + tensors.ljust(room * struct.calcsize(form), b"\0")


def tensor_info_seeds() -> dict[str, bytes]:
    """Return infos of every layout; the first byte tells the target which one it is."""
    shapes: list[tuple[int, ...]] = [(100, 4), (100,), (100,), (1,)]
    wide = output_info(shapes, 16, 16)
    narrow = output_info(shapes, 8, 8)
    count = b"\7\0\0\0"
    picture = struct.pack("<64sIII", b"network", 320, 320, 3)
    layouts = [wide + count, wide, narrow + count, narrow, picture + count, picture]
    return {f"{len(info)}": bytes([index]) + info for index, info in enumerate(layouts)}


def ap_params_section(network_file: bytes) -> bytes:
    """Return the section, with its header, that describes a network's tensors."""
    size = struct.unpack_from(">I", network_file, 4)[0]
    at = BLOCK_HEADER + PREAMBLE
    while at < size:
        kind, _, length = struct.unpack_from(">III", network_file, at)
        end = at + SECTION_HEADER + length
        if kind == AP_PARAMS:
            return network_file[at:end]
        at = end
    raise ValueError("no apParams section")


def reduced(network_file: bytes) -> bytes:
    """Return a network file of one block that holds its apParams, with the whole archive."""
    preamble = struct.pack(">I", 1) + network_file[BLOCK_HEADER + 4 : BLOCK_HEADER + PREAMBLE]
    payload = preamble + ap_params_section(network_file)
    header = b"9464" + struct.pack(">IHH", len(payload), 1, 1) + network_file[12:BLOCK_HEADER]
    footer = bytes(BLOCK_FRAME - BLOCK_HEADER - 4) + b"3695"
    archive = network_file.rindex(b"3695") + 4
    return header + payload + footer + network_file[archive:]


def rpk_seeds() -> dict[str, bytes]:
    """Return cut-down copies of the network files on this machine, and their apParams alone."""
    seeds = {}
    for home in model_directories():
        for path in sorted(home.glob("*.rpk")):
            network_file = path.read_bytes()
            seeds[path.stem] = reduced(network_file)
            seeds[f"{path.stem}_params"] = ap_params_section(network_file)[SECTION_HEADER:]
    return seeds


SEEDS = {"tensor_info": tensor_info_seeds, "rpk": rpk_seeds}


def main(target: str, directory: Path) -> None:
    for name, seed in SEEDS.get(target, dict)().items():
        (directory / name).write_bytes(seed)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
