"""Build the extension modules and libraries that only tests need, once per source."""

from __future__ import annotations

import ctypes
import hashlib
import importlib.util
import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

HERE = Path(__file__).parent
ROOT = HERE.parent.parent


def _libcamera(*arguments: str) -> list[str]:
    done = subprocess.run(
        ["pkg-config", *arguments, "libcamera"], capture_output=True, text=True, check=True
    )
    return shlex.split(done.stdout)


def _cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "imx500-native" / "test-extensions"


def _once(built: Path, make: Callable[[Path], None]) -> Path:
    """Make a file in a directory to work in, unless it is there from before."""
    if not built.exists():
        with tempfile.TemporaryDirectory() as work:
            make(Path(work))
            built.parent.mkdir(parents=True, exist_ok=True)
            # Renamed into place, as another test run may be building the same.
            partial = built.with_suffix(f".{os.getpid()}")
            shutil.copy(Path(work) / built.name, partial)
            partial.replace(built)
    return built


def core_library(name: str) -> ctypes.CDLL:
    """Return a file of the C core as a library, for functions that no extension shows.

    Raises
    ------
    FileNotFoundError
        If there is no C compiler.
    """
    return ctypes.CDLL(
        str(_library([ROOT / "src_c" / f"{name}{suffix}" for suffix in (".c", ".h")]))
    )


def preloaded_library(name: str) -> Path:
    """Return a library from the source beside this file, to be put before the C library's own.

    Raises
    ------
    FileNotFoundError
        If there is no C compiler.
    """
    return _library([HERE / f"{name}.c"])


def _library(sources: list[Path]) -> Path:
    command = [*_compiler(), "-std=c11", "-O2", "-shared", "-fPIC", str(sources[0]), "-ldl"]
    name = f"{sources[0].stem}.so"

    def make(work: Path) -> None:
        subprocess.run([*command, "-o", str(work / name)], check=True)

    return _once(_cache() / _key(command, sources) / name, make)


def core_archive() -> Path:
    """Return the objects of the whole C core, compiled as the package compiles them.

    Raises
    ------
    FileNotFoundError
        If there is no C compiler, or no ``ar``.
    """
    sources = sorted((ROOT / "src_c").glob("*.c"))
    # Fortified headers would call other functions than those that the sources name.
    command = [*_compiler(), "-std=c11", "-O3", "-ffp-contract=off", "-U_FORTIFY_SOURCE"]
    key = _key(command, [*sources, *sorted((ROOT / "src_c").glob("*.h"))])

    def make(work: Path) -> None:
        for source in sources:
            target = str(work / f"{source.stem}.o")
            subprocess.run([*command, "-c", str(source), "-o", target], check=True)
        objects = [str(work / f"{source.stem}.o") for source in sources]
        subprocess.run(["ar", "rcs", str(work / "core.a"), *objects], check=True)

    return _once(_cache() / key / "core.a", make)


def core_program(name: str) -> Path:
    """Return the program from the sources in a directory beside this file and the C core.

    Raises
    ------
    FileNotFoundError
        If there is no C compiler, or no ``ar``.
    """
    archive = core_archive()
    sources = sorted((HERE / name).glob("*.c"))
    command = [*_compiler(), "-std=c11", "-O2", f"-I{ROOT / 'src_c'}"]
    key = _key(command, [*sources, *sorted((HERE / name).glob("*.h")), archive])

    def make(work: Path) -> None:
        inputs = [*map(str, sources), str(archive)]
        subprocess.run([*command, *inputs, "-lm", "-o", str(work / name)], check=True)

    return _once(_cache() / key / name, make)


def _compiler() -> list[str]:
    return shlex.split(os.environ.get("CC") or "gcc")


def _key(command: list[str], files: list[Path]) -> str:
    """Return a directory name that changes with the command and what the files hold."""
    digest = hashlib.sha256(repr(command).encode())
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def inject_controls() -> ModuleType:
    """Return the compiled ``inject_controls`` module."""
    return _built("inject_controls")


def occupy_manager() -> ModuleType:
    """Return the compiled ``occupy_manager`` module."""
    return _built("occupy_manager")


def _built(name: str) -> ModuleType:
    import numpy
    from Cython.Build import cythonize
    from setuptools import Distribution, Extension

    flags = _libcamera("--cflags"), _libcamera("--libs")
    sources = [HERE / f"{name}.pyx", ROOT / "imx500_native" / "_libcamera.pxd"]
    sources += (ROOT / "imx500_native" / "includes").glob("*.pxd")
    key = hashlib.sha256(repr((sys.version, numpy.__version__, flags)).encode())
    for source in sorted(sources):
        key.update(source.read_bytes())
    suffix = sysconfig.get_config_var("EXT_SUFFIX")
    built = _cache() / key.hexdigest()[:16] / f"{name}{suffix}"

    def make(work: Path) -> None:
        extension = Extension(
            name,
            [str(HERE / f"{name}.pyx")],
            include_dirs=[str(ROOT / "src_c" / "libcamera"), numpy.get_include()],
            define_macros=[("NPY_NO_DEPRECATED_API", "NPY_1_7_API_VERSION")],
            extra_compile_args=["-std=c++17", *flags[0]],
            extra_link_args=flags[1],
            language="c++",
        )
        modules = cythonize(
            [extension],
            build_dir=str(work),
            include_path=[str(ROOT)],
            compiler_directives={"language_level": 3},
            quiet=True,
        )
        command = Distribution({"ext_modules": modules}).get_command_obj("build_ext")
        command.build_lib = command.build_temp = str(work)
        command.ensure_finalized()
        command.run()

    spec = importlib.util.spec_from_file_location(name, _once(built, make))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
