"""setup.py's own part: what is built again in a build directory that is there from before.

The sources are empty and few, nothing translates them, and the compiler writes down how it was
called: so a build takes no time, and a module says what it was built with.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

pytest.importorskip("setuptools", reason="setuptools is missing; get it with: pip install it")
if shutil.which("pkg-config") is None:
    pytest.skip("pkg-config is missing; get it with: apt install it", allow_module_level=True)

ROOT = Path(__file__).parent.parent
CYTHON = """\
from pathlib import Path
def cythonize(modules, **options):
    kept = [module for module in modules if module.name.rpartition(".")[2] in {kept}]
    for module in kept:
        made = Path(module.sources[0]).with_suffix(".cpp" if module.language == "c++" else ".c")
        made.exists() or made.touch()
        module.sources[0] = str(made)
    return kept
"""
NUMPY = """\
__version__ = "{version}"
def get_include(): return "numpy"
"""
SUFFIX = sysconfig.get_config_var("EXT_SUFFIX")
OTHERS = {"_lazy", "_rpk"}
LIBCAMERA = {"_libcamera", "_camera"}
COMPILER = """\
#!/bin/sh
# Objects are made one call each, and linked in one: what is linked repeats what they hold.
for word; do
    case $word in *.o) [ "$previous" = -o ] || objects="$objects $word" ;; esac
    [ "$previous" = -o ] && target=$word
    previous=$word
done
{ echo "$0 $*"; [ -z "$objects" ] || cat $objects; } >"$target"
"""
PACKAGE = """\
libdir={libdir}
Name: libcamera
Description: stands for it
Version: {version}
Libs: -L${{libdir}} -lcamera
Cflags: -DHEADERS_OF={version}
"""


class Sources:
    """A copy of the sources, and the libcamera that its builds find."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory / "sources"
        (self.directory / "imx500_native").mkdir(parents=True)
        for file in ROOT.glob("src_c/**/*.*"):
            copy = self.directory / file.relative_to(ROOT)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.touch()
        self.tools = directory / "tools"
        (self.tools / "Cython").mkdir(parents=True)
        (self.tools / "Cython" / "__init__.py").touch()
        (self.tools / "Cython" / "Build.py").write_text(CYTHON.format(kept=OTHERS | LIBCAMERA))
        self.install_numpy("2.0.0")
        shutil.copy(ROOT / "setup.py", self.directory)
        self.libdir = directory / "lib"
        self.libdir.mkdir()
        compiler = directory / "cc"
        compiler.write_text(COMPILER)
        compiler.chmod(0o755)
        tools = dict.fromkeys(("CC", "CXX", "LDSHARED", "LDCXXSHARED"), str(compiler))
        self.environment = os.environ | tools
        self.environment |= {"PKG_CONFIG_LIBDIR": str(self.libdir), "PYTHONPATH": str(self.tools)}
        # Of two numpys of one length within a second, the bytecode would stay the first one's.
        self.environment["PYTHONDONTWRITEBYTECODE"] = "1"
        for name in ("PKG_CONFIG_PATH", "IMX500_SANITIZE", "IMX500_WITHOUT_LIBCAMERA"):
            self.environment.pop(name, None)

    def install_numpy(self, version: str) -> None:
        (self.tools / "numpy.py").write_text(NUMPY.format(version=version))

    def install(self, version: str, content: str = "") -> None:
        """Install a libcamera as dpkg does: all its files are older than any build."""
        package = self.libdir / "libcamera.pc"
        package.write_text(PACKAGE.format(libdir=self.libdir, version=version))
        library = self.libdir / "libcamera.so"
        library.write_text(content)
        for file in (package, library):
            os.utime(file, (1e9, 1e9))

    def build(self, *arguments: str, **environment: str) -> dict[str, str]:
        """Build, and return what was, by module: all that is in the directory to be packed."""
        before = {module: module.stat().st_mtime_ns for module in self.modules()}
        done = subprocess.run(
            [sys.executable, "setup.py", "build_ext", *arguments],
            cwd=self.directory,
            env=self.environment | environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        self.output = done.stdout
        self.built = {
            module.name.removesuffix(SUFFIX)
            for module in self.modules()
            if before.get(module) != module.stat().st_mtime_ns
        }
        return {module.name.removesuffix(SUFFIX): module.read_text() for module in self.modules()}

    def modules(self) -> list[Path]:
        return [*self.directory.glob(f"build/lib*/imx500_native/*{SUFFIX}")]

    def modules_in_place(self) -> set[str]:
        package = self.directory / "imx500_native"
        return {module.name.removesuffix(SUFFIX) for module in package.glob(f"*{SUFFIX}")}


@pytest.fixture
def sources(tmp_path):
    return Sources(tmp_path)


def test_an_upgrade_of_libcamera_builds_again_what_links_it(sources):
    without = sources.build()
    assert sources.built == set(without) == OTHERS

    # libcamera-dev is installed after the package, as a message of its own proposes.
    sources.install("0.5.1")
    modules = sources.build()
    assert sources.built == LIBCAMERA
    assert modules == without | {name: modules[name] for name in LIBCAMERA}
    for name in LIBCAMERA:
        assert "-DHEADERS_OF=0.5.1" in modules[name]
        assert f"-Wl,-rpath,{sources.libdir}" in modules[name]

    assert sources.build() == modules
    assert sources.built == set()

    # A distribution's next revision calls itself the same.
    sources.install("0.5.1", "another library")
    assert sources.build() == modules
    assert sources.built == LIBCAMERA

    sources.install("0.4.0", "another library")
    modules = sources.build()
    assert sources.built == LIBCAMERA
    for name in LIBCAMERA:
        assert "-DHEADERS_OF=0.4.0" in modules[name]
        assert "0.5.1" not in modules[name]


def test_modules_without_their_libcamera_are_not_kept(sources):
    sources.install("0.5.1")
    assert set(sources.build("--inplace")) == sources.modules_in_place() == OTHERS | LIBCAMERA
    (sources.libdir / "libcamera.pc").unlink()
    assert set(sources.build("--inplace")) == sources.modules_in_place() == OTHERS
    assert sources.built == set()


@pytest.mark.parametrize(
    ("version", "environment", "said"),
    [
        ("0.3.2", {}, "libcamera 0.3.2 is older than 0.4"),
        ("0.5.1", {"CXX": "no-c++"}, "there is no C++ compiler no-c++"),
        ("0.5.1", {"IMX500_WITHOUT_LIBCAMERA": "1"}, "left out"),
    ],
)
def test_what_keeps_libcamera_from_being_linked(sources, version, environment, said):
    sources.install(version)
    assert set(sources.build(**environment)) == OTHERS
    assert f"libcamera: {said}" in sources.output


def test_other_flags_and_another_numpy_build_everything_again(sources):
    sources.install("0.5.1")
    plain = sources.build()
    sanitized = sources.build(IMX500_SANITIZE="1")
    assert sources.built == set(sanitized) == set(plain) == OTHERS | LIBCAMERA
    assert not any("-fsanitize=" in module for module in plain.values())
    assert all("-fsanitize=address" in module for module in sanitized.values())

    sources.install_numpy("2.4.6")
    assert sources.build(IMX500_SANITIZE="1") == sanitized
    assert sources.built == OTHERS | LIBCAMERA
