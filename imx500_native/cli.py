"""The command ``imx500-native``."""

from __future__ import annotations

import argparse
import io
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import imx500_native
from imx500_native._table import emit, note, printable
from imx500_native.errors import Imx500Error

if TYPE_CHECKING:
    from collections.abc import Sequence

    from _typeshed import SupportsWrite

PROGRAM = "imx500-native"
DEFAULT_NETWORK = "ssd_mobilenetv2_fpnlite_320x320_pp"
FAILED, INTERRUPTED, NOBODY_READS = 1, 130, 141

DESCRIPTION = """\
Native layer for the Raspberry Pi AI Camera (Sony IMX500).
Everything works without a camera; "demo" simulates one.
"""
EXAMPLES = f"""\
examples:
  {PROGRAM} demo --save demo.png      a network at work, and a picture of it
  {PROGRAM} demo --json | head -1     the same, for programs
  {PROGRAM} info {DEFAULT_NETWORK}
  {PROGRAM} devices                   what this machine has, and what it lacks
"""
INFO_EXAMPLES = f"""\
Without FILE|NAME, lists the networks that are known by name.

examples:
  {PROGRAM} info
  {PROGRAM} info yolo11n_pp
  {PROGRAM} info --json ./imx500_network_posenet.rpk
"""
UPDATE_EXAMPLES = f"""\
An empty VALUE removes the field. --intrinsics comes first, then --labels, then --set.

examples:
  {PROGRAM} update-intrinsics yolo.rpk --set bbox_order=xy --set bbox_normalization=true
  {PROGRAM} update-intrinsics net.rpk --labels labels.txt --output labelled.rpk
  {PROGRAM} update-intrinsics net.rpk --intrinsics - < intrinsics.json
"""
DEVICES_EXAMPLES = """\
Looks only: no device is opened. The exit code is 0 also where nothing is found.
"""
ROI_EXAMPLES = f"""\
Without REGION and --network, only shows it. The driver cuts numbers above 4032, and what is
printed is what it has: ask for "full" rather than for 4056 pixels.

examples:
  {PROGRAM} roi
  {PROGRAM} roi 508,0,3040,3040
  {PROGRAM} roi 1:1
  {PROGRAM} roi --network yolo11n_pp
  {PROGRAM} roi full
"""
UPLOAD_EXAMPLES = f"""\
The sensor receives the network when a camera starts, in this or any other program; the first time
takes minutes.

examples:
  {PROGRAM} upload imx500_network_yolo11n_pp.rpk
  sudo {PROGRAM} upload --wait yolo11n_pp
"""
DEMO_EXAMPLES = f"""\
With --json, standard output carries one object per frame and line, with the keys sequence,
frame_count (null without tensors), timestamp_ns, fresh, space (of what has a place) and what the
network finds: detections, poses, objects with masks, regions or classes.

examples:
  {PROGRAM} demo --save demo.png
  {PROGRAM} demo --network posenet --real-time --frames 300 --size 640x480
  {PROGRAM} demo --roi 508,0,3040,3040 --json > frames.jsonl
"""


def _whole(text: str) -> int:
    # int() would also take "1_000" and digits of other scripts.
    if not (text.isascii() and text.isdecimal()) or len(text) > 18:
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 0, got {text!r:.40}")
    return int(text)


def _count(text: str) -> int:
    number = _whole(text)
    if number == 0:
        raise argparse.ArgumentTypeError("expected at least 1, got 0")
    return number


def _fraction(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = -1
    if not 0 <= number <= 1:
        raise argparse.ArgumentTypeError(f"expected a number from 0 to 1, got {text!r:.40}")
    return number


def _rate(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0
    if not 0 < number <= 1000:
        raise argparse.ArgumentTypeError(
            f"expected a number above 0 and at most 1000, got {text!r:.40}"
        )
    return number


def _size(text: str) -> tuple[int, int]:
    parts = text.lower().split("x")
    if len(parts) != 2:
        raise argparse.ArgumentTypeError(f"expected WIDTHxHEIGHT as in 1280x720, got {text!r:.40}")
    return _count(parts[0]), _count(parts[1])


def _rectangle(text: str) -> tuple[int, int, int, int]:
    parts = text.split(",")
    if len(parts) != 4:
        raise argparse.ArgumentTypeError(
            f"expected X,Y,WIDTH,HEIGHT as in 508,0,3040,3040, got {text!r:.40}"
        )
    x, y, width, height = map(_whole, parts)
    return x, y, width, height


def _region(text: str) -> tuple[int, ...] | None:
    if text == "full":
        return None
    width, colon, height = text.partition(":")
    if not colon and "," not in text:
        raise argparse.ArgumentTypeError(
            "expected X,Y,WIDTH,HEIGHT as in 508,0,3040,3040, an aspect ratio as in 1:1, or full, "
            f"got {text!r:.40}"
        )
    return (_count(width), _count(height)) if colon else _rectangle(text)


def _camera(text: str) -> int | str:
    return int(text) if text.isascii() and text.isdecimal() else text


def _assignment(text: str) -> tuple[str, str]:
    from imx500_native._update import parse_assignment

    try:
        return parse_assignment(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _info(arguments: argparse.Namespace) -> int:
    from imx500_native import _info as info

    if arguments.network is None:
        return info.list_networks(arguments.json)
    return info.show_network(arguments.network, arguments.json)


def _update(arguments: argparse.Namespace) -> int:
    from imx500_native._update import update_intrinsics

    sources = (arguments.intrinsics, arguments.labels)
    if sources == (None, None) and not arguments.set:
        arguments.parser.error("nothing to change: give --intrinsics, --labels or --set")
    if sources == ("-", "-"):
        arguments.parser.error("only one of --intrinsics and --labels can be standard input")
    return update_intrinsics(
        arguments.file,
        replacement=arguments.intrinsics,
        assignments=arguments.set,
        labels=arguments.labels,
        output=arguments.output,
    )


def _devices(arguments: argparse.Namespace) -> int:
    from imx500_native._devices import show_devices

    return show_devices(arguments.json)


def _roi(arguments: argparse.Namespace) -> int:
    from imx500_native._roi import show_roi

    if arguments.network is not None and arguments.region is not False:
        arguments.parser.error("give REGION or --network, not both")
    return show_roi(
        arguments.camera,
        arguments.region or None,
        arguments.region is None,
        arguments.network,
        arguments.json,
    )


def _upload(arguments: argparse.Namespace) -> int:
    from imx500_native._upload import upload_network

    return upload_network(arguments.camera, arguments.network, arguments.wait)


def _demo(arguments: argparse.Namespace) -> int:
    from imx500_native._demo import DemoOptions, run_demo
    from imx500_native._info import find_network

    return run_demo(
        DemoOptions(
            network=find_network(arguments.network),
            frames=arguments.frames,
            size=arguments.size,
            frame_rate=arguments.frame_rate,
            threshold=arguments.threshold,
            roi=arguments.roi,
            seed=arguments.seed,
            save=arguments.save,
            json=arguments.json,
            source=arguments.source,
            real_time=arguments.real_time,
        )
    )


class _Parser(argparse.ArgumentParser):
    """A parser whose help may fail: argparse's own ignores a full disk and a closed pipe."""

    def print_help(self, file: SupportsWrite[str] | None = None) -> None:
        if file is None:
            emit(self.format_help())
        else:
            super().print_help(file)


class _Version(argparse.Action):
    """Prints the version, for the same reason."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        emit(f"{PROGRAM} {imx500_native.__version__}\n")
        parser.exit()


class _Commands:
    """The sub-commands' parsers, which look alike."""

    def __init__(self, parser: argparse.ArgumentParser) -> None:
        self._parsers = parser.add_subparsers(
            title="commands", metavar="COMMAND", dest="command", required=True
        )

    def add(self, name: str, help_line: str, epilog: str) -> argparse.ArgumentParser:
        return self._parsers.add_parser(
            name,
            help=help_line,
            description=help_line[0].upper() + help_line[1:] + ".",
            epilog=epilog,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )


def _add_info(commands: _Commands) -> None:
    parser = commands.add("info", "show everything that is known of a network", INFO_EXAMPLES)
    parser.add_argument("network", nargs="?", metavar="FILE|NAME", help="a network file or name")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(run=_info)


def _add_update(commands: _Commands) -> None:
    parser = commands.add(
        "update-intrinsics", "change the intrinsics in a network file", UPDATE_EXAMPLES
    )
    parser.add_argument("file", metavar="FILE", help="the network file (.rpk)")
    parser.add_argument(
        "--intrinsics",
        metavar="FILE",
        help="JSON that replaces the intrinsics; - is standard input",
    )
    parser.add_argument(
        "--labels", metavar="FILE", help="text with one label per line; - is standard input"
    )
    parser.add_argument(
        "--set",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        type=_assignment,
        help="change one field, such as task, inference_rate, bbox_order, bbox_normalization, "
        "softmax, post_processing, input_aspect_ratio (1:1), ignore_undefined; repeatable",
    )
    parser.add_argument("--output", metavar="FILE", help="write here instead of changing FILE")
    parser.set_defaults(run=_update, parser=parser)


def _add_devices(commands: _Commands) -> None:
    parser = commands.add(
        "devices",
        "show what this machine has, and what it lacks",
        DEVICES_EXAMPLES,
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(run=_devices)


def _add_camera_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--camera",
        metavar="N|ID",
        type=_camera,
        help="which AI Camera, as devices lists them; default: the only one",
    )


def _add_roi(commands: _Commands) -> None:
    parser = commands.add("roi", "show or change what the network sees", ROI_EXAMPLES)
    parser.add_argument(
        "region",
        nargs="?",
        metavar="REGION",
        type=_region,
        default=False,
        help="X,Y,W,H in sensor pixels, an aspect ratio as W:H, or full",
    )
    parser.add_argument("--network", metavar="FILE|NAME", help="take the aspect ratio of its input")
    _add_camera_option(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(run=_roi, parser=parser)


def _add_upload(commands: _Commands) -> None:
    parser = commands.add("upload", "hand a network to the driver", UPLOAD_EXAMPLES)
    parser.add_argument("network", metavar="FILE|NAME", help="a network file, or its name")
    _add_camera_option(parser)
    parser.add_argument(
        "--wait", action="store_true", help="until the sensor has it; needs root and a camera start"
    )
    parser.set_defaults(run=_upload)


def _add_demo(commands: _Commands) -> None:
    parser = commands.add("demo", "show a network at work, on a simulated camera", DEMO_EXAMPLES)
    parser.add_argument(
        "--network", metavar="FILE|NAME", default=DEFAULT_NETWORK, help="default: %(default)s"
    )
    parser.add_argument(
        "--frames", metavar="N", type=_count, default=100, help="default: %(default)s"
    )
    parser.add_argument(
        "--size", metavar="WxH", type=_size, default=(1280, 720), help="picture; default: 1280x720"
    )
    parser.add_argument(
        "--frame-rate", metavar="F", type=_rate, default=30.0, help="default: %(default)g"
    )
    parser.add_argument(
        "--threshold",
        metavar="T",
        type=_fraction,
        help="least confidence, 0 to 1; default: what suits the task",
    )
    parser.add_argument(
        "--roi",
        metavar="X,Y,W,H",
        type=_rectangle,
        help="what the network sees, in sensor pixels; default: the full sensor",
    )
    parser.add_argument(
        "--seed", metavar="S", type=_whole, help="makes a simulated scene repeatable"
    )
    parser.add_argument(
        "--save", metavar="PICTURE", type=Path, help="draw the last results; .png or .jpg"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object per frame")
    parser.add_argument(
        "--source",
        choices=("auto", "camera", "simulated"),
        default="auto",
        help="default: %(default)s",
    )
    parser.add_argument(
        "--real-time",
        action="store_true",
        help="let the clock pace a simulated camera; default: as fast as possible",
    )
    parser.set_defaults(run=_demo)


def build_parser() -> argparse.ArgumentParser:
    """Describe the command line.

    Returns
    -------
    argparse.ArgumentParser
        Whose result has `run`, a function of the arguments that returns the exit code.
    """
    parser = _Parser(
        prog=PROGRAM,
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="show the version and exit")
    commands = _Commands(parser)
    _add_demo(commands)
    _add_info(commands)
    _add_update(commands)
    _add_devices(commands)
    _add_roi(commands)
    _add_upload(commands)
    return parser


def _message(error: BaseException) -> str:
    if isinstance(error, OSError) and not isinstance(error, Imx500Error) and error.strerror:
        place = f"{error.filename}: " if error.filename else ""
        return printable(f"{place}{error.strerror}")
    return printable(str(error))


def _forget_output() -> None:
    """Keep Python's exit from trying once more to write what cannot be written."""
    try:
        descriptor = sys.stdout.fileno()
    except (AttributeError, OSError, ValueError):
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, descriptor)
    os.close(nowhere)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Parameters
    ----------
    argv : sequence of str, optional
        Arguments without the program's name; by default those of the process.

    Returns
    -------
    int
        Exit code: 0; 1 after an error, which is told on standard error; 130 after Ctrl-C; 141
        where nobody reads standard output any more.

    Raises
    ------
    SystemExit
        With code 2 for wrong arguments, and with 0 after ``--help`` and ``--version``.
    """
    # A label may hold what the terminal's encoding lacks.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        arguments = build_parser().parse_args(argv)
        code: int = arguments.run(arguments)
    except BrokenPipeError:
        _forget_output()
        return NOBODY_READS
    except KeyboardInterrupt:
        return INTERRUPTED
    except (Imx500Error, OSError) as error:
        _forget_output()
        note(f"{PROGRAM}: error: {_message(error)}")
        return FAILED
    return code
