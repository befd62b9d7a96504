"""The command's `devices`: what `discovery` found, in words or as JSON."""

from __future__ import annotations

import dataclasses
import json
import textwrap
from typing import TYPE_CHECKING, Any

from imx500_native._table import emit, printable, table
from imx500_native.discovery import remedies, survey

if TYPE_CHECKING:
    from imx500_native.discovery import Module, Remedy, Subdevice, Survey

ACCESS = {
    "direct": "libcamera's own memory: Camera, Frame.from_request",
    "metadata": "libcamera's metadata, slowly: Frame.from_request",
    "none": "a simulation, or metadata from elsewhere: Frame.from_metadata",
}
NODE = {
    "accessible": "which may be opened",
    "denied": "which this user may not open",
    "absent": "which does not exist",
}
PROGRESS = {
    "readable": "readable",
    "denied": "this user may not read it",
    "absent": "the kernel does not show it",
}


def _module_text(module: Module) -> str:
    if not module.installed:
        return "not installed"
    if module.problem is not None:
        return f"cannot be imported: {printable(module.problem)}"
    return module.version or "installed"


def _subdevice_rows(subdevice: Subdevice) -> list[tuple[str, str]]:
    return [
        ("AI Camera", printable(subdevice.name)),
        ("  device node", f"{subdevice.node}, {NODE[subdevice.node_state]}"),
        ("  camera id", printable(subdevice.camera_id or "unknown")),
        ("  upload progress", PROGRESS[subdevice.progress_state]),
    ]


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, 72, break_long_words=False, break_on_hyphens=False)


def _text(found: Survey, missing: tuple[Remedy, ...]) -> str:
    rows = [("machine", printable(found.machine))]
    for subdevice in found.subdevices:
        rows += _subdevice_rows(subdevice)
    if not found.subdevices:
        rows.append(("AI Camera", "none found"))
    rows += [
        ("sensor firmware", ", ".join(printable(str(f)) for f in found.firmware) or "none found"),
        ("network files", str(len(found.networks)) if found.networks else "none found"),
        ("frames come from", ACCESS[found.access]),
        ("libcamera (Python)", _module_text(found.libcamera)),
        ("picamera2", _module_text(found.picamera2)),
        ("own extension", _module_text(found.extension)),
    ]
    lines = table(rows, "<<")
    if missing:
        lines += ["", "what is missing, and what to do:"]
        if not found.raspberry_pi:
            lines.insert(-1, "This is no Raspberry Pi; imx500-native demo simulates a camera.")
        for item in missing:
            lines += [f"  {item.missing}", *(f"      {line}" for line in _wrapped(item.remedy))]
    return "\n".join(lines) + "\n"


def show_devices(as_json: bool) -> int:
    """Print what this machine has of an AI Camera, and what is missing.

    Parameters
    ----------
    as_json : bool
        Whether to print one JSON object.

    Returns
    -------
    int
        Exit code: 0, also where nothing was found.
    """
    found = survey()
    missing = remedies(found)
    if as_json:
        values: dict[str, Any] = dataclasses.asdict(found) | {"access": found.access}
        values["missing"] = [dataclasses.asdict(item) for item in missing]
        emit(json.dumps(values, default=str) + "\n")
    else:
        emit(_text(found, missing))
    return 0
