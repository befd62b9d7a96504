"""The command's `update-intrinsics`: reads values as users type them, and tells what changes."""

from __future__ import annotations

import copy
import json
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from imx500_native._info import described, flattened
from imx500_native._table import emit, note, printable, table
from imx500_native.errors import IntrinsicsError, NetworkNotFoundError
from imx500_native.intrinsics import NetworkIntrinsics
from imx500_native.network import Network
from imx500_native.rpk_write import write_intrinsics

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

# Far more than the labels of any network, and not a device that never ends.
MAX_TEXT_BYTES = 16 << 20
LABELS_FIELD = "classes.labels"
# Of the old and of the new value, so that both fit beside the longest field.
COLUMNS = 20


def _refuse(field: str, expected: str, text: str) -> NoReturn:
    raise IntrinsicsError(f"intrinsics field {field}: expected {expected}, got {text!r:.80}")


def _text(_field: str, text: str) -> str:
    return text


def _number(field: str, text: str) -> int | float:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    _refuse(field, "a number", text)


def _flag(field: str, text: str) -> bool:
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    _refuse(field, "true or false", text)


def _ratio(field: str, text: str) -> dict[str, int]:
    width, colon, height = text.partition(":")
    if not (colon and width.isdecimal() and height.isdecimal()):
        _refuse(field, "a ratio such as 1:1", text)
    return {"width": int(width), "height": int(height)}


def _labels(field: str, text: str) -> NoReturn:
    _refuse(field, "nothing, which removes the labels; --labels FILE reads new ones", text)


FIELDS: Mapping[str, Callable[[str, str], Any]] = {
    "task": _text,
    "inference_rate": _number,
    "input_aspect_ratio": _ratio,
    "cpu.bbox_normalization": _flag,
    "cpu.bbox_order": _text,
    "cpu.softmax": _flag,
    "cpu.post_processing": _text,
    "classes.ignore_undefined": _flag,
    LABELS_FIELD: _labels,
}
SHORT_NAMES = {field.rpartition(".")[2]: field for field in FIELDS}


def parse_assignment(text: str) -> tuple[str, str]:
    """Split KEY=VALUE.

    Parameters
    ----------
    text : str
        KEY is a field of the intrinsics, with or without the group before its dot.

    Returns
    -------
    tuple of str
        The field's full name, and the value as typed.

    Raises
    ------
    ValueError
        There is no "=", or no such field.
    """
    key, equals, value = text.partition("=")
    field = SHORT_NAMES.get(key, key)
    if not equals:
        raise ValueError(f"expected KEY=VALUE, got {text!r:.80}")
    if field not in FIELDS:
        raise ValueError(f"unknown field {key!r:.40}; known: {', '.join(SHORT_NAMES)}")
    return field, value


def _read_text(path: str) -> str:
    what = "standard input" if path == "-" else path
    if path == "-" and sys.stdin is None:
        raise IntrinsicsError("standard input is closed")
    with nullcontext(sys.stdin.buffer) if path == "-" else Path(path).open("rb") as file:
        data = file.read(MAX_TEXT_BYTES + 1)
    if len(data) > MAX_TEXT_BYTES:
        raise IntrinsicsError(f"{what} has more than {MAX_TEXT_BYTES} bytes")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise IntrinsicsError(f"{what} must be UTF-8: {error}") from error


def read_intrinsics(path: str) -> dict[str, Any]:
    """Read intrinsics from a JSON file.

    Parameters
    ----------
    path : str
        The file, or "-" for standard input.

    Returns
    -------
    dict
        Valid intrinsics.

    Raises
    ------
    IntrinsicsError
        The text is not JSON, or holds what intrinsics do not allow.
    OSError
        It cannot be read.
    """
    what = "standard input" if path == "-" else path
    try:
        values = json.loads(_read_text(path))
        if not isinstance(values, dict):
            raise IntrinsicsError("expected a JSON object")
        NetworkIntrinsics(values)
    except IntrinsicsError as error:
        raise IntrinsicsError(f"{what}: {error}") from error
    except (ValueError, RecursionError) as error:
        raise IntrinsicsError(f"{what} must be JSON: {error}") from error
    for field in flattened(values):
        if field not in FIELDS:
            note(f"imx500-native: note: {what}: unknown field {printable(field)!r} is kept")
    return values


def read_labels(path: str) -> list[str]:
    """Read one label per line.

    Parameters
    ----------
    path : str
        The file, or "-" for standard input.

    Returns
    -------
    list of str

    Raises
    ------
    IntrinsicsError
        A line is empty, or there is none.
    OSError
        It cannot be read.
    """
    lines = [line.strip() for line in _read_text(path).rstrip().split("\n")]
    if "" in lines:
        raise IntrinsicsError(
            f"line {lines.index('') + 1} of {path} is empty; a class that is not used has the "
            "label -"
        )
    return lines


def _assign(values: dict[str, Any], field: str, value: object) -> None:
    group, _, key = field.rpartition(".")
    fields = values.setdefault(group, {}) if group else values
    if value is None:
        fields.pop(key, None)
    else:
        fields[key] = value
    if group and not fields:
        del values[group]


def update_intrinsics(
    file: str,
    *,
    replacement: str | None,
    assignments: Sequence[tuple[str, str]],
    labels: str | None,
    output: str | None,
) -> int:
    """Change the intrinsics in a network file, and tell what changed.

    Parameters
    ----------
    file : str
        The network file.
    replacement : str or None
        A JSON file whose intrinsics replace those in `file`; "-" is standard input.
    assignments : sequence of (field, value)
        From `parse_assignment`; an empty value removes the field.
    labels : str or None
        A file with one label per line.
    output : str or None
        Where to write; None changes `file`.

    Returns
    -------
    int
        Exit code.

    Raises
    ------
    Imx500Error, OSError
        Something cannot be read, is not valid, or cannot be written.
    """
    try:
        network = Network(file)
    except NetworkNotFoundError as error:
        raise NetworkNotFoundError(f"there is no network file {file}") from error
    before = {} if network.intrinsics is None else network.intrinsics.intrinsics or {}
    values = copy.deepcopy(before) if replacement is None else read_intrinsics(replacement)
    if labels is not None:
        _assign(values, LABELS_FIELD, read_labels(labels))
    for field, text in assignments:
        _assign(values, field, FIELDS[field](field, text) if text else None)
    after = NetworkIntrinsics(values)

    old, new = flattened(before), flattened(values)
    changed = [field for field in {**old, **new} if old.get(field) != new.get(field)]
    rows = [
        (field, described(old.get(field), COLUMNS), "->", described(new.get(field), COLUMNS))
        for field in map(printable, changed)
    ]
    target = file if output is None else output
    if rows or output is not None:
        write_intrinsics(file, after, output)
    lines = table(rows, "<<<<") if rows else ["nothing changes"]
    if rows or output is not None:
        lines.append(f"wrote {printable(target)} ({Path(target).stat().st_size} bytes)")
    emit("\n".join(lines) + "\n")
    return 0
