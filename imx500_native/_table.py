"""Text for terminals and pipes: safe to print, aligned, and with one way for it to fail."""

from __future__ import annotations

import contextlib
import sys
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

ELLIPSIS = "..."


def emit(text: str) -> None:
    """Write to standard output, at once.

    Raises
    ------
    OSError
        It cannot be written; `BrokenPipeError` where nobody reads any more.
    """
    if sys.stdout is None:
        return
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except OSError as error:
        raise OSError(error.errno, error.strerror, "standard output") from error


def note(text: str) -> None:
    """Write a line to standard error; where nobody can read it, go on without."""
    if sys.stderr is not None:
        with contextlib.suppress(OSError):
            sys.stderr.write(text + "\n")
            sys.stderr.flush()


def printable(text: str) -> str:
    """Replace what a terminal would obey by its escape: labels and names come from files."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode("ascii")
        for char in text
    )


def columns(text: str) -> int:
    """Count the terminal columns that printable text takes."""
    return sum(
        0 if unicodedata.combining(char) else 1 + (unicodedata.east_asian_width(char) in "WF")
        for char in text
    )


def fitted(text: str, limit: int) -> str:
    """Cut text to a number of terminal columns, and show that it was cut."""
    if columns(text) <= limit:
        return text
    kept = text
    while kept and columns(kept) > limit - len(ELLIPSIS):
        kept = kept[:-1]
    return (kept + ELLIPSIS)[: max(limit, 0)]


def listed(items: Sequence[str], limit: int) -> str:
    """List as many items as fit into a number of terminal columns; an ellipsis is the rest."""
    text, shortened = "", ELLIPSIS
    for index, item in enumerate(items):
        text += f"{', ' if index else ''}{printable(item)}"
        if columns(text) > limit:
            return shortened
        if columns(text) + len(f", {ELLIPSIS}") <= limit:
            shortened = f"{text}, {ELLIPSIS}"
    return text


def table(rows: Iterable[Sequence[str]], alignment: str) -> list[str]:
    """Align rows in columns.

    Parameters
    ----------
    rows : iterable of sequence of str
        Printable cells.
    alignment : str
        ``<`` or ``>`` for each column.

    Returns
    -------
    list of str
        One line per row, without spaces at the end.
    """
    cells = [tuple(row) for row in rows]
    widths = [max(map(columns, column)) for column in zip(*cells, strict=True)]
    lines = []
    for row in cells:
        parts = []
        for cell, side, width in zip(row, alignment, widths, strict=True):
            space = " " * (width - columns(cell))
            parts.append(space + cell if side == ">" else cell + space)
        lines.append("  ".join(parts).rstrip())
    return lines
