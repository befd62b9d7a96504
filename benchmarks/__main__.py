"""Measure imx500_native against the peers, all in this one process; see scripts/bench."""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import platform
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import cases
import live_requests
import numpy as np
import peers
import targets
import timing
from heads import classification, higherhrnet, nanodet, nms, posenet, segmentation, yolov8

import imx500_native as imx

COLUMNS = (
    cases.INFO_BYTES,
    cases.INFO_TUPLE,
    cases.OUTPUTS,
    *(cases.detections_job(objects) for objects in cases.OBJECTS),
    cases.IMAGE_TUPLE,
    cases.IMAGE_BUFFER,
)

HEADS = (nanodet, yolov8, higherhrnet, posenet, segmentation, classification, nms)

REQUEST_COLUMNS = (cases.REQUEST_OUTPUTS, cases.REQUEST_DETECTIONS, cases.REQUEST_METADATA)


@dataclass(frozen=True)
class Row:
    """One measured case, seconds per call; `copy_s` of the tensors that had to be read."""

    job: str
    network: str
    peer: str
    ours_s: float
    peer_s: float
    copy_s: float = 0.0

    @property
    def ratio(self) -> float:
        """How many times as long the peer takes."""
        return self.peer_s / self.ours_s

    @property
    def target(self) -> targets.Target | None:
        """What was promised of this row, if anything."""
        for target in targets.TARGETS:
            if (target.job, target.network, target.peer) == (self.job, self.network, self.peer):
                return target
        return None

    @property
    def mark(self) -> str:
        """A tick or a cross where there is a target."""
        if self.target is None:
            return ""
        return "✓" if self.target.is_met(self.ratio) else "✗"


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
        "Each time is the least per call over batches in which both sides take turns. Every case "
        "starts from a ready metadata dict (tuples, as libcamera's binding makes them) and was "
        "checked for equal results first. The detection loop of picamera2's demo and of modlib's "
        "examples is written here, since it lives in applications; what it calls is theirs, and "
        "drawing is left out."
    )
    if not peers.libcamera_is_real():
        text += (
            " libcamera's binding is not on this machine: picamera2 computes its boxes with an "
            "integer Rectangle of ours in plain Python, which does not slow it down (39 µs a box, "
            "against 44 µs with the binding of libcamera 0.7.2 on a machine that has both)."
        )
    return text


def duration(seconds: float) -> str:
    """Return a time with its unit, three digits."""
    for unit, factor in (("µs", 1e6), ("ms", 1e3)):
        if seconds * factor < 1000:
            return f"{seconds * factor:.3g} {unit}"
    return f"{seconds:.3g} s"


def text_line(row: Row) -> str:
    """Return one line of the aligned table."""
    return (
        f"{row.ratio:8.1f}x {row.mark:1} {duration(row.ours_s):>9} {duration(row.peer_s):>9}  "
        f"{row.job:<20} {row.peer:<15} {row.network}"
    )


def cell(row: Row | None) -> str:
    """Return what a cell of the README's table says."""
    if row is None:
        return ""
    return f"**{row.ratio:.3g}x** {duration(row.ours_s)} / {duration(row.peer_s)}"


def markdown(rows: list[Row]) -> str:
    """Return the table that the README carries: a line per network, a column per job."""
    lines = ["| promised | measured | ours | peer |", "|---|---|---|---|"]
    lines += [
        f"| {row.target.text} | {row.mark} {row.target.measured(row.ratio)} "
        f"| {duration(row.ours_s)} | {duration(row.peer_s)} |"
        for row in rows
        if row.target is not None
    ]
    for peer, jobs in (
        ("picamera2", COLUMNS),
        ("picamera2", REQUEST_COLUMNS),
        ("modlib", COLUMNS[3:6]),
    ):
        table = {
            (row.network, row.job): row for row in rows if row.peer == peer and row.job in jobs
        }
        if not table:
            continue
        lines += ["", f"| against {peer} | {' | '.join(jobs)} |", "|---" * (len(jobs) + 1) + "|"]
        for network in dict.fromkeys(network for network, _ in table):
            cells = (cell(table.get((network, job))) for job in jobs)
            lines.append(f"| {network} | {' | '.join(cells)} |")
    lines += [
        "",
        "| head | network | peer | ratio | ours | peer's | times copying what decides |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {row.job} | {row.network} | {row.peer} | **{row.ratio:.3g}x** | {duration(row.ours_s)} "
        f"| {duration(row.peer_s)} | {row.ours_s / row.copy_s:.3g} of {duration(row.copy_s)} |"
        for row in rows
        if row.copy_s
    ]
    return "\n".join(lines)


def measure(names: list[str], budget_s: float) -> list[Row]:
    """Measure every case, printing each as it is there."""
    rng = np.random.default_rng(500)
    rows = []

    def add(row: Row) -> None:
        rows.append(row)
        print(text_line(row), file=sys.stderr, flush=True)

    def run(case: cases.Case) -> None:
        ours, theirs = timing.compare([case.ours, case.theirs], budget_s)
        copy_s = timing.copy_seconds(case.touched_bytes) if case.touched_bytes else 0.0
        add(Row(case.job, case.network, case.peer, ours, theirs, copy_s))

    for name in names:
        for case in cases.network_cases(imx.Network.find(name), rng):
            run(case)
    for case in cases.tuple_cases(rng):
        run(case)
    for head in HEADS:
        for case in head.cases(rng):
            run(case)
    for job, name, ours, theirs in live_requests.measure(4 * budget_s):
        add(Row(job, name, "picamera2", ours, theirs))
    ours, theirs = timing.import_seconds(["imx500_native", "numpy"], repeats=15)
    add(Row(cases.IMPORT, "", "numpy", ours, theirs))
    return rows


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("--network", action="append", help="only this network of the zoo")
    parser.add_argument(
        "--budget-ms", type=float, default=250, help="time for one case, both sides (%(default)s)"
    )
    parser.add_argument("--markdown", action="store_true", help="print the README's table")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers there")
    arguments = parser.parse_args()

    names = arguments.network or list(imx.Network.zoo_names())
    rows = measure(names, arguments.budget_ms / 1000)
    if arguments.markdown:
        print(markdown(rows), f"\n{machine()}. {notes()}", sep="\n")
    else:
        print(f"{'ratio':>9}   {'ours':>9} {'peer':>9}  {'job':<20} {'peer':<15} network")
        print(*map(text_line, rows), sep="\n")
        print(f"\n{machine()}\n{notes()}")
    if arguments.json:
        report = {
            "machine": machine(),
            "rows": [{**asdict(row), "ratio": row.ratio, "mark": row.mark} for row in rows],
        }
        arguments.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    return 0 if all(row.mark != "✗" for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
