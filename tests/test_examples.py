"""The examples run as a user would run them, and print what they promise."""

from __future__ import annotations

import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from imx500_native import SimulatedCamera

EXAMPLES = Path(__file__).parent.parent / "examples"


def run(name, *arguments):
    done = subprocess.run(
        [sys.executable, EXAMPLES / name, *arguments], capture_output=True, text=True, check=True
    )
    return done.stdout.splitlines()


def test_every_example_is_tested():
    tested = set(re.findall(r'"(\w+\.py)"', Path(__file__).read_text()))
    assert {path.name for path in EXAMPLES.glob("*.py")} == tested


def test_detect_objects():
    lines = run("detect_objects.py", "yolo11n_pp", "6")
    assert len(lines) >= 6
    form = re.compile(r" +(\d+) [a-z ]{14} +\d+%  +-?\d+, +\d+ to +\d+, +\d+")
    assert all(form.fullmatch(line) for line in lines), lines


def test_own_network_counts_the_people_of_the_scene():
    lines = run("own_network.py")
    assert [line[:9] for line in lines] == [f"frame {n:3}" for n in (0, 15, 30, 45, 60, 75)]
    counts = [float(line.split()[2]) for line in lines]
    assert all(count % 0.25 == 0 for count in counts)


def test_own_network_follows_the_scene():
    example = runpy.run_path(str(EXAMPLES / "own_network.py"))
    seen = []

    def encode(scene, network):
        seen.append(sum(thing.label == "person" for thing in scene.objects))
        return example["encode"](scene, network)

    counted = []
    for seed in range(4):
        camera = SimulatedCamera(
            example["NETWORK"], encode=encode, real_time=False, seed=seed, frames=10
        )
        with camera:
            counted += [float(f.outputs[0][0]) for f in camera if f.outputs is not None]
    assert counted == pytest.approx(seen, abs=1.0)
    assert len(set(seen)) > 1
