"""The command's `info`: a network, or all networks, in words or as JSON."""

from __future__ import annotations

import dataclasses
import json
import os
from typing import TYPE_CHECKING, Any

from imx500_native._table import emit, fitted, listed, printable, table
from imx500_native.discovery import find_networks
from imx500_native.errors import NetworkFileError, NetworkNotFoundError
from imx500_native.network import Network
from imx500_native.rpk_read import read_archive, read_file

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

# Columns that a list of labels may take beside what else stands in its line.
LABEL_COLUMNS = 46


def flattened(values: Mapping[str, Any]) -> dict[str, Any]:
    """List intrinsics by the full names of their fields: "cpu.softmax", not a dict in a dict."""
    fields: dict[str, Any] = {}
    for key, value in values.items():
        if key in ("cpu", "classes"):
            fields.update((f"{key}.{inner}", inner_value) for inner, inner_value in value.items())
        else:
            fields[key] = value
    return fields


def described(value: object, limit: int) -> str:
    """Show the value of a field in one line of about so many columns."""
    if value is None:
        return "-"
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return f"{len(value)} labels: {listed(value, limit)}"
    if isinstance(value, dict) and value.keys() == {"width", "height"}:
        return f"{value['width']}:{value['height']}"
    text = value if isinstance(value, str) else json.dumps(value)
    return fitted(printable(text), limit)


def find_network(name: str) -> Network:
    """Find a network by path or name, and say why a path is none.

    Parameters
    ----------
    name : str
        As for `Network.find`.

    Returns
    -------
    Network

    Raises
    ------
    NetworkNotFoundError, NetworkFileError
        As `Network.find`.
    """
    try:
        return Network.find(name)
    except NetworkNotFoundError:
        # A directory or a FIFO has the name: say so, rather than that nothing has it.
        if os.path.lexists(name):
            return Network(name)
        raise


def _archive_sizes(network: Network) -> dict[str, int]:
    if network.path is None or network.cpio_offset is None:
        return {}
    data, _ = read_file(network.path)
    members = read_archive(data, network.cpio_offset)
    return {name.decode(errors="replace"): len(content) for name, content in members.items()}


def describe(network: Network) -> dict[str, Any]:
    """List everything that is known of a network.

    Parameters
    ----------
    network : Network

    Returns
    -------
    dict
        Of builtins, ready for `json.dumps`.
    """
    return {
        "name": network.name,
        "path": None if network.path is None else str(network.path),
        "file_size": None if network.path is None else network.path.stat().st_size,
        "network_name": network.network_name,
        "task": network.task,
        "input": dataclasses.asdict(network.input) | {"dtype": str(network.input.dtype)},
        "outputs": [
            dataclasses.asdict(spec)
            | {"dtype": str(spec.dtype), "bits": spec.bits, "value_range": spec.value_range}
            for spec in network.outputs
        ],
        "box_order": network.box_order,
        "boxes_normalized": network.boxes_normalized,
        "labels": network.labels,
        "intrinsics": None if network.intrinsics is None else network.intrinsics.intrinsics,
        "network_info": dict(network.network_info),
        "blocks": [dataclasses.asdict(block) for block in network.blocks],
        "archive_offset": network.cpio_offset,
        "archive": _archive_sizes(network),
    }


def _source_rows(network: Network) -> list[tuple[str, str]]:
    if network.path is None:
        return [("from", "built-in facts; no firmware file was found")]
    locked = ", locked to one device" if any(b.device_locked for b in network.blocks) else ""
    archive = ", ".join(f"{printable(k)} {v}" for k, v in _archive_sizes(network).items())
    return [
        ("file", printable(str(network.path))),
        ("size", f"{network.path.stat().st_size} bytes, {len(network.blocks)} blocks{locked}"),
        ("archive", f"at {network.cpio_offset}: {archive}"),
    ]


def _per_plane(values: tuple[int, ...]) -> str:
    return str(values[0]) if len(set(values)) == 1 else f"({', '.join(map(str, values))})"


def _network_text(network: Network) -> str:
    spec = network.input
    rows = [
        *_source_rows(network),
        ("name inside", printable(network.network_name) or "-"),
        ("task", network.task or "unknown"),
    ]
    if network.box_order is not None:
        order = "x0 y0 x1 y1" if network.box_order == "xy" else "y0 x0 y1 x1"
        units = "fractions" if network.boxes_normalized else "pixels"
        rows.append(("boxes", f"{order}, in {units} of the input"))
    padding = ", padded by {}x{}".format(*spec.padding) if any(spec.padding) else ""
    rows.append(
        ("input", f"{spec.width}x{spec.height}, {spec.channels} planes {printable(spec.format)}"
                  f"{padding}, {spec.dtype}, scale {spec.scale:g}, shift {spec.shift}")
    )  # fmt: skip
    if spec.div_val:
        div, norm = _per_plane(spec.div_val), _per_plane(spec.norm_val)
        rows.append(
            ("", f"normalised: ((x * {div} >> {spec.div_shift}) + {norm}) >> {spec.norm_shift}")
        )
    if network.labels is None:
        rows.append(("labels", "unknown"))
    else:
        rows.append(("labels", f"{len(network.labels)}: {listed(network.labels, LABEL_COLUMNS)}"))
    lines = [printable(network.name), *(f"  {line}" for line in table(rows, "<<"))]

    # The number of bits stands in the dtype.
    cells = [("#", "name", "shape", "dtype", "scale", "range")]
    for index, output in enumerate(network.outputs):
        low, high = output.value_range
        cells.append(
            (
                str(index),
                printable(output.name),
                "x".join(map(str, output.shape)),
                str(output.dtype),
                f"{output.scale:g}" + (f" (shift {output.shift})" if output.shift else ""),
                f"{low:g} .. {high:g}",
            )
        )
    lines += ["outputs", *(f"  {line}" for line in table(cells, "><<<><"))]

    values = None if network.intrinsics is None else network.intrinsics.intrinsics
    if values:
        rows = [(printable(k), described(v, LABEL_COLUMNS)) for k, v in flattened(values).items()]
        lines += ["intrinsics", *(f"  {line}" for line in table(rows, "<<"))]
    else:
        lines.append("intrinsics: none")
    return "\n".join(lines) + "\n"


def _entry(network: Network) -> dict[str, Any]:
    return {
        "name": network.name,
        "task": network.task,
        "input": [network.input.width, network.input.height],
        "path": None if network.path is None else str(network.path),
    }


def _file_entry(path: Path) -> dict[str, Any]:
    try:
        return _entry(Network(path))
    except (NetworkFileError, NetworkNotFoundError) as error:
        return {"name": path.name, "path": str(path), "error": str(error)}


def list_networks(as_json: bool) -> int:
    """Print the networks that can be had by name: files that were found, and built-in facts.

    Parameters
    ----------
    as_json : bool
        Whether to print one JSON object instead of a table.

    Returns
    -------
    int
        Exit code.
    """
    entries = {entry["name"]: entry for entry in map(_file_entry, reversed(find_networks()))}
    for name in Network.zoo_names():
        if name not in entries:
            entries[name] = _entry(Network.find(name))
    ordered = [entries[name] for name in sorted(entries)]
    if as_json:
        emit(json.dumps({"networks": ordered}) + "\n")
        return 0
    rows = [("name", "task", "input", "from")]
    for entry in ordered:
        size = "x".join(map(str, entry["input"])) if "input" in entry else "-"
        source = "cannot be read" if "error" in entry else entry["path"] or "built-in facts"
        rows.append((printable(entry["name"]), entry.get("task") or "-", size, printable(source)))
    emit("\n".join(table(rows, "<<><")) + "\n")
    return 0


def show_network(name: str, as_json: bool) -> int:
    """Print everything that is known of one network.

    Parameters
    ----------
    name : str
        A path or a name.
    as_json : bool
        Whether to print one JSON object.

    Returns
    -------
    int
        Exit code.

    Raises
    ------
    NetworkNotFoundError, NetworkFileError
        There is no such network, or its file cannot be read.
    """
    network = find_network(name)
    emit(json.dumps(describe(network)) + "\n" if as_json else _network_text(network))
    return 0
