"""Runs a program that was written for picamera2 on this package, unchanged."""

from __future__ import annotations

import builtins
import io
import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from imx500_native.picamera2.installing import install

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType

    Hook = Callable[[type[BaseException], BaseException, TracebackType | None], object]

USAGE = "usage: python -m imx500_native.picamera2 program.py [argument ...]\n"
HELP = f"""{USAGE}
Runs a program that was written for picamera2 with imx500_native's classes in place of
picamera2.devices.imx500's, and with fast metadata. The program is not changed.
"""


def main(arguments: Sequence[str]) -> int:
    """Run a program as ``python program.py argument ...`` would.

    Parameters
    ----------
    arguments : sequence of str
        The program's file, and its own arguments.

    Returns
    -------
    int
        0 when it has run to its end, 2 where there is no program to run; whatever it raises is
        raised.
    """
    if arguments and arguments[0] in ("-h", "--help"):
        sys.stdout.write(HELP)
        return 0
    if not arguments or arguments[0].startswith("-"):
        sys.stderr.write(USAGE)
        return 2
    program = arguments[0]
    try:
        with io.open_code(str(Path(program).absolute())) as file:
            source = file.read()
    except (OSError, ValueError) as error:
        sys.stderr.write(f"{USAGE}cannot read {program!r}: {error}\n")
        return 2
    sys.excepthook = _without_runner(sys.excepthook)
    code = compile(source, program, "exec", dont_inherit=True)
    install()
    module = ModuleType("__main__")
    vars(module).update(__file__=program, __cached__=None, __builtins__=builtins)
    sys.argv[:] = arguments
    if not sys.flags.safe_path:
        sys.path[0] = str(Path(program).resolve().parent)
    # multiprocessing, pickle and the program itself look for it under this name.
    sys.modules["__main__"] = module
    exec(code, vars(module))
    return 0


def _without_runner(hook: Hook) -> Hook:
    """Show a traceback as if the program had been run by itself."""

    def show(
        kind: type[BaseException], error: BaseException, traceback: TracebackType | None
    ) -> None:
        step = own = traceback
        while step is not None:
            if step.tb_frame.f_globals is globals():
                own = step.tb_next
            step = step.tb_next
        hook(kind, error.with_traceback(own), own)

    return show
