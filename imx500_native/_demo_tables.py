"""What the demo says about the results of each task: rows of a table, words in a line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from imx500_native._table import printable, table

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from imx500_native.frame import Frame
    from imx500_native.results import Result

    Cells = list[tuple[str, ...]]


def words(result: Result | None) -> str:
    """Say what was found, in one line.

    Parameters
    ----------
    result : Detections, Poses, InstanceMasks, Segmentation, Classification or None

    Returns
    -------
    str
        "-" where nothing was found.
    """
    if result is None:
        return "no result, only the input"
    found: list[Any] = list(result)
    if result.task == "pose estimation":
        scores = " ".join(f"{pose.confidence:.2f}" for pose in found)
        return f"{len(found)} people {scores}" if found else "-"
    if result.task == "segmentation":
        return ", ".join(f"{_name(item)} {100 * item.share:.1f}%" for item in found) or "-"
    by_name: dict[str, str] = {}
    for item in found:
        name = _name(item)
        by_name[name] = f"{by_name.get(name, name)} {item.confidence:.2f}"
    return ", ".join(by_name.values()) or "-"


def counted(result: Result | None) -> str:
    """Say how much was found, as in "with 3 detections".

    Parameters
    ----------
    result : Detections, Poses, InstanceMasks, Segmentation, Classification or None

    Returns
    -------
    str
    """
    if result is None:
        return "and what the network saw"
    count = len(result)
    return f"with {count} {_WHAT[result.task]}" if count else "in which nothing was found"


def result_table(frame: Frame, result: Result | None, rows: int | None = None) -> list[str]:
    """Tabulate what was found in a frame.

    Parameters
    ----------
    frame : Frame
    result : Detections, Poses, InstanceMasks, Segmentation, Classification or None
        In pixels of the picture.
    rows : int, optional
        At most so many lines below the heading.

    Returns
    -------
    list of str
        The heading, then the lines.
    """
    if result is None:
        size = "none" if frame.input_image is None else "{1}x{0}".format(*frame.input_image.shape)
        return [
            f"frame {frame.sequence}: this network has no results, it only passes its input on "
            f"(here: {size})"
        ]
    found: list[Any] = list(result)
    places = "" if result.task == "classification" else ", places in pixels of the picture"
    heading = f"frame {frame.sequence}: {len(found)} {_WHAT[result.task]}{places}"
    if not found:
        return [heading]
    cells, alignment = _CELLS[result.task](found)
    lines = ["  " + line for line in table(cells, alignment)]
    if rows is not None and len(lines) > rows:
        lines[rows:] = [f"  ... and {len(lines) - rows} more"]
    return [heading, *lines]


def _name(item: Any) -> str:
    return printable(item.label or f"class {item.class_id}")


def _edges(xyxy: Sequence[float]) -> tuple[str, ...]:
    return tuple(f"{edge:.1f}" for edge in xyxy)


def _objects(found: list[Any]) -> tuple[Cells, str]:
    cells: Cells = [("object", "confidence", "x0", "y0", "x1", "y1")]
    cells += [(_name(item), f"{item.confidence:.2f}", *_edges(item.xyxy)) for item in found]
    return cells, "<>>>>>"


def _people(found: list[Any]) -> tuple[Cells, str]:
    cells: Cells = [("person", "confidence", "joints", "x0", "y0", "x1", "y1")]
    for index, pose in enumerate(found):
        joints = [place for place in pose.xy if place is not None]
        columns, rows = zip(*joints, strict=True) if joints else ((0.0,), (0.0,))
        box = pose.xyxy or (min(columns), min(rows), max(columns), max(rows))
        cells.append(
            (
                str(index + 1),
                f"{pose.confidence:.2f}",
                f"{len(joints)} of {len(pose.xy)}",
                *_edges(box),
            )
        )
    return cells, "<>>>>>>"


def _regions(found: list[Any]) -> tuple[Cells, str]:
    cells: Cells = [("class", "pixels", "share", "x0", "y0", "x1", "y1")]
    cells += [
        (_name(item), str(item.pixels), f"{100 * item.share:.1f}%", *_edges(item.xyxy))
        for item in found
    ]
    return cells, "<>>>>>>"


def _classes(found: list[Any]) -> tuple[Cells, str]:
    cells: Cells = [("class", "confidence")]
    cells += [(_name(item), f"{item.confidence:.3f}") for item in found]
    return cells, "<>"


_WHAT = {
    "object detection": "detections",
    "pose estimation": "people",
    "instance segmentation": "objects",
    "segmentation": "classes",
    "classification": "classes",
}

_CELLS: dict[str, Callable[[list[Any]], tuple[Cells, str]]] = {
    "object detection": _objects,
    "pose estimation": _people,
    "instance segmentation": _objects,
    "segmentation": _regions,
    "classification": _classes,
}
