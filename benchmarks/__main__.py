"""Measure imx500_native against the peers, all in this one process; see scripts/bench."""

from __future__ import annotations

import argparse
import importlib.metadata
import itertools
import json
import platform
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import camera_outputs
import cases
import live_requests
import numpy as np
import peers
import request_stages
import targets
import timing
from cases import Row
from heads import (
    classification,
    efficientdet,
    higherhrnet,
    nanodet,
    nms,
    posenet,
    segmentation,
    ultralytics,
    yolov5,
    yolov8,
)

import imx500_native as imx

if TYPE_CHECKING:
    from collections.abc import Iterable

COLUMNS = (
    cases.INFO_BYTES,
    cases.INFO_TUPLE,
    cases.OUTPUTS,
    *(cases.detections_job(objects) for objects in cases.OBJECTS),
    cases.IMAGE_TUPLE,
    cases.IMAGE_BUFFER,
)

HEADS = (
    nanodet,
    yolov8,
    yolov5,
    efficientdet,
    ultralytics,
    higherhrnet,
    posenet,
    segmentation,
    classification,
    nms,
)

# Of each table the peer, and the jobs that are its columns; its lines are networks.
TABLES = (
    ("picamera2", COLUMNS),
    ("modlib", COLUMNS[3:6]),
    ("picamera2", (cases.REQUEST_OUTPUTS, cases.REQUEST_DETECTIONS)),
    ("libcamera", (cases.REQUEST_METADATA,)),
    ("", camera_outputs.COLUMNS),
    ("", (*request_stages.STAGES, request_stages.WHOLE)),
)


def machine() -> str:
    """Return the processor and the versions that a table is only worth something with."""
    processor = platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf-8").splitlines():
            if line.startswith(("model name", "Model")):
                processor = line.partition(":")[2].strip()
                break
    versions = [f"Python {platform.python_version()}", f"numpy {np.__version__}"]
    for name in ("picamera2", "modlib"):
        try:
            versions.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            versions.append(f"no {name}")
    versions.append("libcamera" if peers.libcamera_is_real() else "libcamera stand-in")
    return f"{processor}, {', '.join(versions)}"


def notes() -> str:
    """Return what a reader of the numbers has to know."""
    text = (
        "Each time is the least per call over batches in which both sides take turns. Cases by "
        "network start from a ready metadata dict (tuples, as libcamera's binding makes them), "
        "those of requests and of imx.Camera from libcamera's virtual camera. Where there is a "
        "peer, results were checked to be equal first. The detection loop of picamera2's demo and "
        "of modlib's examples is written here, since it lives in applications; what it calls is "
        "theirs, and "
        "drawing is left out."
    )
    if not peers.libcamera_is_real():
        text += (
            " libcamera's binding is not on this machine: picamera2 computes its boxes with an "
            "integer Rectangle of ours in plain Python, which does not slow it down (39 µs a box, "
            "against 44 µs with the binding of libcamera 0.7.2 on a machine that has both)."
        )
    return text


def times(row: Row) -> tuple[str, str, str]:
    """Return the ratio, our time and the peer's, with dashes where there is no peer."""
    ours = timing.duration(row.ours_s)
    if row.ratio is None or row.peer_s is None:
        return "-", ours, "-"
    return timing.ratio(row.ratio), ours, timing.duration(row.peer_s)


def text_line(row: Row) -> str:
    """Return one line of the aligned table."""
    ratio, ours, theirs = times(row)
    return (
        f"{ratio:>10} {targets.mark_of(row):1} {ours:>9} {theirs:>9}  "
        f"{row.job:<20} {row.peer or 'none':<15} {row.network}"
    )


def cell(row: Row | None) -> str:
    """Return what a cell of a table by network and job says."""
    if row is None:
        return ""
    ratio, ours, theirs = times(row)
    return ours if row.ratio is None else f"**{ratio}** {ours} / {theirs}"


def promised(rows: list[Row], chosen: Iterable[targets.Target]) -> list[str]:
    """Return a table of what was promised, and what became of it."""
    lines = ["| promised | measured | ours | peer |", "|---|---|---|---|"]
    for target in chosen:
        row = target.worst(rows)
        if row is not None:
            _, ours, theirs = times(row)
            mark = targets.mark([target.used(row)])
            lines.append(f"| {target.text} | {mark} {target.measured(row)} | {ours} | {theirs} |")
    return lines


def markdown(rows: list[Row]) -> str:
    """Return the README's table, then those of docs/benchmarks.md in their order."""
    lines = promised(rows, (target for target in targets.TARGETS if target.in_readme))
    lines += ["", *promised(rows, targets.TARGETS)]
    for peer, jobs in TABLES:
        table = {
            (row.network, row.job): row for row in rows if row.peer == peer and row.job in jobs
        }
        if not table:
            continue
        title = f"against {peer}" if peer else "no peer"
        lines += ["", f"| {title} | {' | '.join(jobs)} |", "|---" * (len(jobs) + 1) + "|"]
        for network in dict.fromkeys(network for network, _ in table):
            cells = (cell(table.get((network, job))) for job in jobs)
            lines.append(f"| {network} | {' | '.join(cells)} |")
    lines += [
        "",
        "| head | network | peer | ratio | ours | peer's | times copying what decides |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        if row.copy_s:
            ratio, ours, theirs = times(row)
            copies = f"{row.ours_s / row.copy_s:.3g} of {timing.duration(row.copy_s)}"
            lines.append(
                f"| {row.job} | {row.network} | {row.peer or 'none'} | **{ratio}** | {ours} "
                f"| {theirs} | {copies} |"
            )
    return "\n".join(lines)


def measure(names: list[str], budget_s: float) -> list[Row]:
    """Measure every case, printing each as it is there."""
    rng = np.random.default_rng(500)
    rows = []

    def add(row: Row) -> None:
        rows.append(row)
        print(text_line(row), file=sys.stderr, flush=True)

    def run(case: cases.Case) -> None:
        theirs_s: float | None = None
        if case.theirs is None:
            (ours_s,) = timing.compare([case.ours], budget_s)
        else:
            ours_s, theirs_s = timing.compare([case.ours, case.theirs], budget_s)
        copy_s = timing.copy_seconds(case.touched_bytes) if case.touched_bytes else 0.0
        add(Row(case.job, case.network, case.peer, ours_s, theirs_s, copy_s))

    for name in names:
        for case in cases.network_cases(imx.Network.find(name), rng):
            run(case)
    for case in (*cases.tuple_cases(rng), *cases.box_cases(rng), cases.latency_case()):
        run(case)
    for head in HEADS:
        for case in head.cases(rng):
            run(case)
    for row in itertools.chain(
        live_requests.measure(4 * budget_s),
        request_stages.measure(40 * budget_s),
        camera_outputs.measure(8 * budget_s),
    ):
        add(row)
    ours, theirs = timing.import_seconds(["imx500_native", "numpy"], repeats=15)
    add(Row(cases.IMPORT, "", "numpy", ours, theirs))
    with tempfile.TemporaryDirectory() as folder:
        demo = ["-m", "imx500_native", "demo", "--save", f"{folder}/demo.png"]
        add(Row(cases.DEMO, "", "", timing.command_seconds(demo, repeats=3)))
    return rows


def main() -> int:
    # scripts/bench tells what they are, before it builds anything.
    parser = argparse.ArgumentParser(prog="scripts/bench", add_help=False)
    parser.add_argument("--network", action="append")
    parser.add_argument("--budget-ms", type=float, default=250)
    parser.add_argument("--markdown", action="store_true")
    parser.add_argument("--json", type=Path, metavar="FILE")
    arguments = parser.parse_args()

    names = arguments.network or list(imx.Network.zoo_names())
    rows = measure(names, arguments.budget_ms / 1000)
    if arguments.markdown:
        print(markdown(rows), f"\n{machine()}. {notes()}", sep="\n")
    else:
        print(f"{'ratio':>10}   {'ours':>9} {'peer':>9}  {'job':<20} {'peer':<15} network")
        print(*map(text_line, rows), sep="\n")
        print(f"\n{machine()}\n{notes()}")
    if arguments.json:
        report = {
            "machine": machine(),
            "rows": [
                {**asdict(row), "ratio": row.ratio, "mark": targets.mark_of(row)} for row in rows
            ],
        }
        arguments.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    return 0 if all(targets.mark_of(row) != "✗" for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
