"""Runs a program that was written for picamera2 on this package: see `main`."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from types import CodeType, ModuleType, TracebackType
from typing import TYPE_CHECKING

from imx500_native.picamera2.installing import install

if TYPE_CHECKING:
    from collections.abc import Sequence

USAGE = "usage: python -m imx500_native.picamera2 program.py [argument ...]"


def main(arguments: Sequence[str]) -> int:
    """Run a program unchanged, as ``python program.py argument ...`` would.

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
        sys.stdout.write(f"{USAGE}\n\n{__doc__}\n")
        return 0
    if not arguments or arguments[0].startswith("-"):
        sys.stderr.write(f"{USAGE}\n")
        return 2
    program = arguments[0]
    try:
        code = _compiled(program)
    except OSError as error:
        sys.stderr.write(f"{USAGE}\ncannot read {program!r}: {error.strerror}\n")
        return 2
    install()
    module = ModuleType("__main__")
    vars(module).update(__file__=program, __cached__=None, __builtins__=__builtins__)
    sys.argv[:] = arguments
    sys.path[0] = str(Path(program).resolve().parent)
    # multiprocessing, pickle and the program itself look for it under this name.
    sys.modules["__main__"] = module
    sys.excepthook = _without_runner(sys.excepthook)
    exec(code, vars(module))
    return 0


def _compiled(program: str) -> CodeType:
    with io.open_code(str(Path(program).absolute())) as file:
        source = file.read()
    sys.excepthook = _without_runner(sys.__excepthook__)
    return compile(source, program, "exec", dont_inherit=True)


def _without_runner(hook: object) -> object:
    def show(
        kind: type[BaseException], error: BaseException, traceback: TracebackType | None
    ) -> None:
        while traceback is not None and traceback.tb_frame.f_globals is globals():
            traceback = traceback.tb_next
        hook(kind, error.with_traceback(traceback), traceback)

    return show


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
