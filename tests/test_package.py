"""The package as a whole: what it exports, and what it says where it cannot be imported."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import imx500_native
from imx500_native import (
    _dense,
    _frame,
    _higherhrnet,
    _latency,
    _lazy,
    _maps,
    _posenet,
    _taking,
    _yolo,
)


def test_every_public_name_is_there_and_documented():
    for name in imx500_native.__all__:
        value = getattr(imx500_native, name)
        assert name.isupper() or value.__doc__, name
    assert set(imx500_native.__all__) <= set(dir(imx500_native))


@pytest.mark.parametrize(
    "kind",
    [
        _dense.EfficientDet,
        _dense.NanoDet,
        _dense.YOLOv5,
        _dense.YOLOv5Decoded,
        _frame.FrameContext,
        _higherhrnet.Grouping,
        _latency.LatencyBudget,
        _lazy.LazySequence,
        _maps.NearestPixels,
        _posenet.PoseNetMaps,
        _taking.Frames,
        _yolo.SuppressedReader,
        _yolo.YOLOReader,
    ],
)
def test_nobody_gets_hold_of_what_is_half_made(kind):
    # C would read what is not there.
    with pytest.raises(TypeError):
        kind.__new__(kind)


def test_what_is_made_is_not_made_again():
    # Another thread may be in C with what the first one set.
    maps = _posenet.PoseNetMaps(0.0, 1, 5, 10.0, 16.0, 48.0, 48.0)
    tensors = [np.ones((3, 3, channels), np.float32) for channels in (17, 34, 64)]
    maps.__init__(0.0, 1024, 5, 0.0, 16.0, 48.0, 48.0)
    assert len(maps(tensors)[0]) == 1

    reader = _yolo.YOLOReader(
        ((4, 8), (3, 8)),
        8,
        threshold=0.5,
        max_detections=-1,
        boxes=(0, 0, True),
        units=(1.0, 1.0),
        scores=((1, 0, True), 3),
        score_logits=False,
        box_form=2,
        iou_threshold=0.5,
    )
    with pytest.raises(ValueError, match="once"):
        reader._prepare(
            ((4, 8),), 8, threshold=0.5, max_detections=-1, boxes=(0, 0, True), units=(1.0, 1.0)
        )


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
