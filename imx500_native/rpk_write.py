"""Changes the intrinsics inside a network file, and nothing else in it."""

from __future__ import annotations

import json
import os
import stat
import tempfile
from pathlib import Path
from typing import Any

from imx500_native import _rpk
from imx500_native.errors import IntrinsicsError, NetworkFileError
from imx500_native.intrinsics import NetworkIntrinsics
from imx500_native.rpk_read import INTRINSICS_MEMBER, parse_network, read_file

REGULAR_FILE_MODE = 0o100644
ARCHIVE_BLOCK = 512


def _padding(length: int, alignment: int) -> bytes:
    return bytes(-length % alignment)


def _newc_member(name: bytes, content: bytes) -> bytes:
    nlink, size, name_size = 1, len(content), len(name) + 1
    fields = (0, REGULAR_FILE_MODE, 0, 0, nlink, 0, size, 0, 0, 0, 0, name_size, 0)
    header = b"070701" + b"".join(b"%08X" % field for field in fields) + name + b"\0"
    return header + _padding(len(header), 4) + content + _padding(len(content), 4)


def replace_intrinsics(data: bytes, intrinsics: NetworkIntrinsics) -> bytes:
    """Give the bytes of a network file other intrinsics.

    Returns
    -------
    bytes
        The firmware blocks and the other archive members are those of `data`, byte for byte and in
        the same order; new intrinsics stand where the old ones were, or last.

    Raises
    ------
    NetworkFileError
        `data` is not a complete, consistent network file. Its old intrinsics are not looked at.
    IntrinsicsError
        The intrinsics hold something that JSON cannot express.
    """
    try:
        text = json.dumps(intrinsics.intrinsics or {}, allow_nan=False).encode("ascii")
    except (TypeError, ValueError, RecursionError) as error:
        raise IntrinsicsError(f"intrinsics cannot be written as JSON: {error}") from error
    new_member = _newc_member(INTRINSICS_MEMBER, text + b"\n")

    _, archive_start = _rpk.blocks(data)
    *members, trailer = _rpk.members(data, archive_start)
    parts = [
        new_member if member.name == INTRINSICS_MEMBER else data[member.header : member.end]
        for member in members
    ]
    if all(member.name != INTRINSICS_MEMBER for member in members):
        parts.append(new_member)
    parts.append(data[trailer.header : trailer.offset + trailer.size])
    archive = b"".join(parts)
    changed = data[:archive_start] + archive + _padding(len(archive), ARCHIVE_BLOCK)
    parse_network(changed)
    return changed


def _write_atomically(path: Path, data: bytes, mode: int) -> None:
    descriptor, name = tempfile.mkstemp(prefix=".imx500-", dir=path.parent)
    temporary = Path(name)
    try:
        with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor, not a path
            os.fchmod(descriptor, mode)
            file.write(data)
            file.flush()
            os.fsync(descriptor)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_intrinsics(
    source: str | os.PathLike[str],
    intrinsics: NetworkIntrinsics | dict[str, Any],
    destination: str | os.PathLike[str] | None = None,
) -> None:
    """Write a network file with other intrinsics.

    Parameters
    ----------
    source : str or os.PathLike
        A network file.
    intrinsics : NetworkIntrinsics or dict
        Replace those of `source`.
    destination : str or os.PathLike, optional
        The file to write, by default `source` itself. It is replaced at once when the new one is
        complete, and left alone on any failure. A file that is there keeps its permissions.

    Raises
    ------
    NetworkNotFoundError
        There is no `source`.
    NetworkFileError
        `source` is not a complete, consistent network file, or `destination` cannot be written.
    IntrinsicsError
        The intrinsics are not valid.
    """
    if not isinstance(intrinsics, NetworkIntrinsics):
        intrinsics = NetworkIntrinsics(intrinsics)
    data, mode = read_file(Path(source))
    try:
        changed = replace_intrinsics(data, intrinsics)
    except NetworkFileError as error:
        raise NetworkFileError(f"{source}: {error}") from error

    target = Path(source if destination is None else destination)
    try:
        # A symbolic link stays one: the file that it points to is replaced.
        target = target.resolve()
        if target.exists():
            target_mode = target.stat().st_mode
            if not stat.S_ISREG(target_mode):
                raise NetworkFileError(f"expected a regular file at {target} to replace")
            mode = stat.S_IMODE(target_mode)
        _write_atomically(target, changed, mode)
    except NetworkFileError:
        raise
    except (OSError, RuntimeError, ValueError) as error:
        # The text of an OSError names the temporary file.
        reason = getattr(error, "strerror", None) or error
        raise NetworkFileError(f"cannot write network file {target}: {reason}") from error
