"""The package as a whole: what it exports, and what it says where it cannot be imported."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import imx500_native


def test_every_public_name_is_there_and_documented():
    for name in imx500_native.__all__:
        value = getattr(imx500_native, name)
        assert name.isupper() or value.__doc__, name
    assert set(imx500_native.__all__) <= set(dir(imx500_native))


def test_sources_that_are_not_built_say_what_to_do(tmp_path):
    package = Path(imx500_native.__file__).parent
    shutil.copytree(
        package, tmp_path / "imx500_native", ignore=shutil.ignore_patterns("*.so", "__pycache__")
    )
    done = subprocess.run(
        [sys.executable, "-c", "import sys; sys.path.insert(0, '.'); import imx500_native"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith("ImportError: ")
    assert "start Python in another directory" in last


def test_nothing_optional_is_imported():
    code = (
        "import sys, imx500_native; "
        "print(*(name for name in ('PIL', 'tqdm', 'supervision', 'libcamera', 'picamera2', "
        "'imx500_native.simulation') if name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
