"""The command's demo: a camera, its results as they come, and what a frame costs."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from imx500_native._demo_tables import counted, result_table, words
from imx500_native._table import emit, fitted, note, printable
from imx500_native.camera import open_camera
from imx500_native.decoding import Decoder
from imx500_native.simulation import SimulatedCamera
from imx500_native.simulation.encoders.classes import gives_no_result

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    import numpy.typing as npt

    from imx500_native.frame import Frame
    from imx500_native.geometry import Rect, Size
    from imx500_native.live_camera import Camera
    from imx500_native.network import Network
    from imx500_native.results import Result

    _Picture = npt.NDArray[np.uint8]

INTERRUPTED = 130
REFRESH_S = 0.2
PIPE_COLUMNS = 100
# Above and below the rows of the table: its heading, its count, the progress bar, the prompt.
OTHER_LINES = 5


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """What the user asked the demo for; `run_demo` explains nothing that the options do not."""

    network: Network
    frames: int
    size: Size
    frame_rate: float
    threshold: float | None
    roi: Rect | None
    seed: int | None
    save: Path | None
    json: bool
    source: Literal["auto", "camera", "simulated"]
    real_time: bool


@dataclass(slots=True)
class _Tally:
    frames: int = 0
    without_tensors: int = 0
    seconds: float = 0.0
    # What to save, and what to show last: the newest frame that found something, else the newest.
    shown: tuple[Frame, Result | None] | None = None
    started: float = field(default_factory=time.monotonic)

    def count(self, frame: Frame, result: Result | None) -> None:
        self.frames += 1
        fresh = _is_fresh(frame, result)
        self.without_tensors += not fresh
        # Without results, what the network saw is all that there is to show.
        tells = fresh if result is None else len(result) > 0
        if self.shown is None or tells or not self.shown[1]:
            self.shown = (frame, result)
        self.seconds = time.monotonic() - self.started


def _is_fresh(frame: Frame, result: Result | None) -> bool:
    return frame.outputs is not None if result is None else result.fresh


def _seconds(frame: Frame, first_ns: int) -> float:
    return ((frame.sensor_timestamp_ns or first_ns) - first_ns) / 1e9


class _JsonLines:
    """One object per frame."""

    def show(self, frame: Frame, result: Result | None) -> None:
        row: dict[str, Any] = {
            "sequence": frame.sequence,
            "frame_count": frame.frame_count,
            "timestamp_ns": frame.sensor_timestamp_ns,
        }
        emit(json.dumps(row | ({} if result is None else result.to_dict())) + "\n")

    def close(self, tally: _Tally) -> None:
        pass


class _Lines:
    """One short line per frame, for pipes and logs."""

    def __init__(self) -> None:
        self._first_ns: int | None = None

    def show(self, frame: Frame, result: Result | None) -> None:
        if self._first_ns is None:
            self._first_ns = frame.sensor_timestamp_ns or 0
            emit(" frame   time_s  found\n")
        found = words(result) if _is_fresh(frame, result) else "no tensors"
        line = f"{frame.sequence:>6}  {_seconds(frame, self._first_ns):7.3f}  {found}"
        emit(fitted(line, PIPE_COLUMNS) + "\n")

    def close(self, tally: _Tally) -> None:
        if tally.shown is not None:
            emit("\n" + "\n".join(result_table(*tally.shown)) + "\n")


class _LiveTable:
    """A table that is drawn over itself a few times a second."""

    def __init__(self, bar: Any) -> None:
        self._bar = bar
        self._lines = 0
        self._due = 0.0

    def show(self, frame: Frame, result: Result | None) -> None:
        # A frame without tensors says nothing new, and would make the table flicker.
        if _is_fresh(frame, result) and time.monotonic() >= self._due:
            self._due = time.monotonic() + REFRESH_S
            self._draw(frame, result)

    def _draw(self, frame: Frame, result: Result | None, last: bool = False) -> None:
        width, height = shutil.get_terminal_size()
        lines = result_table(frame, result, rows=max(height - OTHER_LINES, 1))
        if not last:
            # What stands below must not jump up and down with the number of objects.
            lines += [""] * (self._lines - len(lines))
        # A line that wraps would be two to move back over.
        text = "".join(fitted(line, width - 1) + "\n" for line in lines)
        back = f"\x1b[{self._lines}A\x1b[J" if self._lines else ""
        self._lines = len(lines)
        if self._bar is None:
            emit(back + text)
        else:
            with self._bar.external_write_mode(file=sys.stdout):
                emit(back + text)

    def close(self, tally: _Tally) -> None:
        if tally.shown is not None:
            self._draw(*tally.shown, last=True)


_View = _JsonLines | _Lines | _LiveTable


def _is_terminal(stream: Any) -> bool:
    return stream is not None and stream.isatty() and os.environ.get("TERM", "dumb") != "dumb"


def _progress_bar(total: int) -> Any:
    if not _is_terminal(sys.stderr):
        return None
    try:
        from tqdm import tqdm
    except ImportError:
        note("no progress bar without tqdm: pip install 'imx500-native[demo]'")
        return None
    # With room for the ^C that a terminal shows, which would begin a new line at its edge.
    width = shutil.get_terminal_size().columns - 4
    return tqdm(total=total, unit="frame", file=sys.stderr, leave=False, ncols=width)


@contextlib.contextmanager
def _own_words() -> Iterator[None]:
    """Keep quiet what `open_camera` logs about its choice, which the demo tells by itself."""
    logger = logging.getLogger("imx500_native")

    def quiet(record: logging.LogRecord) -> bool:
        return record.levelno > logging.WARNING

    logger.addFilter(quiet)
    try:
        yield
    finally:
        logger.removeFilter(quiet)


def checked_target(path: Path) -> Path:
    """Find out, before a long run, whether a picture can be saved under a name.

    Parameters
    ----------
    path : pathlib.Path
        Ends in .png, .jpg or .jpeg.

    Returns
    -------
    pathlib.Path
        The file to write, behind symbolic links.

    Raises
    ------
    DrawingError, MissingExtraError
        The suffix is another, or Pillow is missing.
    OSError
        The place is no regular file, or its folder cannot be written to.
    """
    import numpy as np

    from imx500_native.drawing import save_picture

    # Not Path.resolve(), which raises RuntimeError for links that go round in circles.
    target = Path(os.path.realpath(path))
    if target.exists() and not target.is_file():
        raise OSError(f"{path} is not a file; --save wants the name of a picture file")
    if not target.parent.is_dir():
        raise FileNotFoundError(f"there is no folder {target.parent} to save the picture in")
    # Only a trial tells whether Pillow, the suffix and the folder will do.
    try:
        with tempfile.TemporaryDirectory(prefix=".imx500-", dir=target.parent) as trial:
            save_picture(Path(trial) / target.name, np.zeros((16, 16, 3), np.uint8))
    except OSError as error:
        # It names the trial.
        raise OSError(error.errno, error.strerror, str(target)) from error
    return target


def _save(camera: Camera | SimulatedCamera, tally: _Tally, target: Path, outline: bool) -> str:
    from imx500_native.drawing import annotate, save_picture

    if tally.shown is None:
        return "no frame came, so no picture was saved"
    frame, result = tally.shown
    assert frame.image is not None
    # A live camera's pictures may be in any order, or no colours at all yet.
    image = frame.image if isinstance(camera, SimulatedCamera) else camera.to_rgb(frame)
    if result is None:
        picture = _with_input(image, frame.input_image)
    else:
        roi = frame.mapper().boxes([[0, 0, 1, 1]], outside="keep")[0] if outline else None
        picture = annotate(image, result, in_place=image is not frame.image, roi=roi)
    save_picture(target, picture)
    return f"saved frame {frame.sequence}, {counted(result)}, to {printable(str(target))}"


def _with_input(image: _Picture, seen: _Picture | None) -> _Picture:
    """Put what the network saw beside the picture, as high as that, and say which is which."""
    import math

    import numpy as np
    from PIL import Image

    from imx500_native.drawing import annotate
    from imx500_native.results import Detections

    if seen is None:
        return image
    height, left = image.shape[:2]
    width = max(round(seen.shape[1] * height / seen.shape[0]), 1)
    beside = Image.fromarray(seen).resize((width, height), Image.Resampling.BILINEAR)
    gap = np.full((height, max(height // 90, 2), 3), 255, np.uint8)
    both = np.concatenate([image[..., :3], gap, np.asarray(beside)], axis=1)
    frames = Detections(
        [[0, 0, left, height], [left + gap.shape[1], 0, both.shape[1], height]],
        [math.nan] * 2,
        [0, 1],
        labels=["picture", f"input tensor, {seen.shape[1]}x{seen.shape[0]}"],
        space="stream",
    )
    return annotate(both, frames, in_place=True)


def _heading(
    camera: Camera | SimulatedCamera, options: DemoOptions, threshold: float | None
) -> str:
    which = (
        "SIMULATED camera: the scene is drawn, no sensor takes part"
        if isinstance(camera, SimulatedCamera)
        else f"camera: {camera.id}"
    )
    network = options.network
    of = "built-in facts" if network.path is None else printable(str(network.path))
    width, height = options.size
    pace = "in real time" if options.real_time else "as fast as possible"
    least = "no results" if threshold is None else f"threshold {threshold:g}"
    return (
        f"{which}\n"
        f"network: {printable(network.name)} ({of})\n"
        f"{options.frames} frames of {width}x{height} at {options.frame_rate:g} frames/s, {pace}; "
        f"{least}"
    )


def _summary(camera: Camera | SimulatedCamera, tally: _Tally) -> str:
    budget = camera.latency
    missed = sum(budget.misses.values())
    guilty = ", ".join(f"{stage} {count}" for stage, count in budget.misses.items())
    lines = [
        f"{tally.frames} frames in {tally.seconds:.1f} s: {tally.without_tensors} without tensors, "
        f"{camera.dropped} dropped, {missed} over budget" + (f" ({guilty})" if missed else ""),
    ]
    if tally.frames:
        lines.append(str(budget))
    return "\n".join(lines)


def _run(
    camera: Camera | SimulatedCamera,
    options: DemoOptions,
    tally: _Tally,
    view: _View,
    bar: Any,
) -> None:
    budget = camera.latency
    has_results = not gives_no_result(options.network)
    tally.started = time.monotonic()
    for frame in islice(camera, options.frames):
        result = frame.result(options.threshold) if has_results else None
        view.show(frame, result)
        if bar is not None:
            bar.update()
        budget.mark("show")
        budget.finish()
        tally.count(frame, result)


def run_demo(options: DemoOptions) -> int:
    """Run the demo.

    Parameters
    ----------
    options : DemoOptions

    Returns
    -------
    int
        Exit code: 0, or 130 after Ctrl-C.

    Raises
    ------
    Imx500Error, OSError
        No decoder reads the network, the camera cannot be opened, or something cannot be written.
    """
    threshold = None
    if not gives_no_result(options.network):
        threshold = Decoder.for_network(options.network, options.threshold).threshold
    target = None if options.save is None else checked_target(options.save)
    with _own_words():
        camera = open_camera(
            options.network,
            options.source,
            size=options.size,
            frame_rate=options.frame_rate,
            roi=options.roi,
            input_tensor=threshold is None,
            progress=None if options.json else True,
            simulation_options={"seed": options.seed, "real_time": options.real_time},
        )
    say = note if options.json else lambda text: emit(text + "\n")
    tally = _Tally()
    say(_heading(camera, options, threshold))
    if not options.json:
        say("")

    on_terminal = _is_terminal(sys.stdout)
    # Lines that scroll by on the same terminal would tear a bar apart.
    bar = None if options.json and on_terminal else _progress_bar(options.frames)
    view: _View = _LiveTable(bar) if on_terminal else _Lines()
    if options.json:
        view = _JsonLines()
    code = 0
    with camera:
        try:
            _run(camera, options, tally, view, bar)
        except KeyboardInterrupt:
            code = INTERRUPTED
        finally:
            if bar is not None:
                bar.close()
        view.close(tally)
        say(("\ninterrupted\n" if code else "\n") + _summary(camera, tally))
        if target is not None:
            say(_save(camera, tally, target, options.roi is not None))
    return code
