"""Build the extension modules that only tests need, once per source and libcamera."""

from __future__ import annotations

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


def inject_controls() -> ModuleType:
    """Return the compiled ``inject_controls`` module."""
    return _built("inject_controls")


def occupy_manager() -> ModuleType:
    """Return the compiled ``occupy_manager`` module."""
    return _built("occupy_manager")


def assign() -> ModuleType:
    """Return the compiled ``assign`` module: ``src_c/assignment.c``, which has no binding."""
    return _built("assign", core="assignment")


def _built(name: str, core: str | None = None) -> ModuleType:
    """Build a module on libcamera, or on one file of the C core."""
    import numpy
    from Cython.Build import cythonize
    from setuptools import Distribution, Extension

    sources = [HERE / f"{name}.pyx"]
    if core is None:
        flags = ["-std=c++17", *_libcamera("--cflags")], _libcamera("--libs")
        linked, includes = [], ROOT / "src_c" / "libcamera"
        sources += [ROOT / "imx500_native" / "_libcamera.pxd"]
        sources += (ROOT / "imx500_native" / "includes").glob("*.pxd")
    else:
        flags = ["-std=c11", "-O2"], []
        linked, includes = [ROOT / "src_c" / f"{core}.c"], ROOT / "src_c"
        sources += [*linked, ROOT / "src_c" / f"{core}.h"]
    key = hashlib.sha256(repr((sys.version, numpy.__version__, flags)).encode())
    for source in sorted(sources):
        key.update(source.read_bytes())
    suffix = sysconfig.get_config_var("EXT_SUFFIX")
    built = _cache() / key.hexdigest()[:16] / f"{name}{suffix}"
    if not built.exists():
        with tempfile.TemporaryDirectory() as work:
            extension = Extension(
                name,
                [str(HERE / f"{name}.pyx"), *map(str, linked)],
                include_dirs=[str(includes), numpy.get_include()],
                define_macros=[("NPY_NO_DEPRECATED_API", "NPY_1_7_API_VERSION")],
                extra_compile_args=flags[0],
                extra_link_args=flags[1],
                language="c++" if core is None else "c",
            )
            modules = cythonize(
                [extension],
                build_dir=work,
                include_path=[str(ROOT)],
                compiler_directives={"language_level": 3},
                quiet=True,
            )
            command = Distribution({"ext_modules": modules}).get_command_obj("build_ext")
            command.build_lib = command.build_temp = work
            command.ensure_finalized()
            command.run()
            built.parent.mkdir(parents=True, exist_ok=True)
            # Renamed into place, as another test run may be building the same.
            partial = built.with_suffix(f".{os.getpid()}")
            shutil.copy(Path(work) / built.name, partial)
            partial.replace(built)
    spec = importlib.util.spec_from_file_location(name, built)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
