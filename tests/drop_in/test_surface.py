"""Every name of picamera2's modules is here with its arguments, or docs/picamera2.md says why not.

The page is read: what is missing has to be named there.
"""

from __future__ import annotations

import importlib
import inspect
import pickle
import pydoc
from pathlib import Path

import pytest
from drop_in.peer_code import peer_module

from imx500_native.picamera2 import IMX500, NetworkIntrinsics, postprocess
from imx500_native.picamera2.imx500 import PlainRectangle, PlainSize
from imx500_native.picamera2.installing import SUBMODULES

DOCS = (Path(__file__).parents[2] / "docs" / "picamera2.md").read_text()
NOT_HERE = {
    "imx500": "The `ctypes` structs of picamera2's module",
    "postprocess_highernet": "`parse`, `match`, `ResizeBilinear`, `refine_func` and\n"
    "  `processKeypoints` are not here",
}


def own_names(module):
    """Return what a module defines itself: its functions, classes and plain values."""
    return {
        name: value
        for name, value in vars(module).items()
        if name[:1] != "_"
        and not inspect.ismodule(value)
        and getattr(value, "__module__", module.__name__) == module.__name__
    }


def of_videodev2(name):
    return name.startswith("VIDIOC_")


@pytest.mark.parametrize("name", SUBMODULES)
def test_names(name):
    theirs = own_names(peer_module(name))
    ours = importlib.import_module(f"imx500_native.picamera2.{name}")
    missing = {n for n in theirs if not hasattr(ours, n) and not of_videodev2(n)}
    if name not in NOT_HERE:
        assert missing == set()
        return
    assert NOT_HERE[name] in DOCS
    if name == "imx500":
        assert "the V4L2 ids and the sizes of libcamera's structs" in DOCS
        kinds = {n for n in missing if not n.endswith("_CTRL_ID")}
        kinds -= {"NETWORK_NAME_LEN", "MAX_NUM_TENSORS", "MAX_NUM_DIMENSIONS"}
        assert kinds == {"OutputTensorInfo", "CnnOutputTensorInfoExported"}
    else:
        assert missing == {"parse", "match", "ResizeBilinear", "refine_func", "processKeypoints"}


def parameters(function):
    return [(p.name, p.kind, p.default) for p in inspect.signature(function).parameters.values()]


def same_calls(ours, theirs):
    """Tell that whatever call fits theirs fits ours, with the same defaults."""
    mine, other = parameters(ours), parameters(theirs)
    assert mine[: len(other)] == other
    assert all(default is not inspect.Parameter.empty for _, _, default in mine[len(other) :])


@pytest.mark.parametrize("name", SUBMODULES)
def test_arguments_of_functions(name):
    theirs = own_names(peer_module(name))
    ours = importlib.import_module(f"imx500_native.picamera2.{name}")
    for function, value in theirs.items():
        if inspect.isfunction(value) and hasattr(ours, function) and function != "top_k":
            same_calls(getattr(ours, function), value)


@pytest.mark.parametrize(
    ("name", "kind", "ours"),
    [
        ("imx500", "IMX500", IMX500),
        ("imx500", "NetworkIntrinsics", NetworkIntrinsics),
        ("postprocess", "COCODrawer", postprocess.COCODrawer),
    ],
)
def test_arguments_of_methods(name, kind, ours):
    theirs = getattr(peer_module(name), kind)
    methods = {n: v for n, v in vars(theirs).items() if n[:1] != "_" or n == "__init__"}
    for method, value in methods.items():
        mine = inspect.getattr_static(ours, method)
        if isinstance(value, property):
            assert isinstance(mine, property), method
            assert (mine.fset is None) == (value.fset is None), method
        elif isinstance(value, staticmethod) or inspect.isfunction(value):
            assert isinstance(value, staticmethod) == isinstance(mine, staticmethod), method
            same_calls(getattr(ours, method), getattr(theirs, method))


def test_pickles_and_help_know_the_parts_by_picamera2s_modules():
    parts = [
        *(getattr(postprocess, name) for name in ("nms", "combined_nms", "combined_nms_seg")),
        *(getattr(postprocess, name) for name in ("scale_boxes", "scale_coords", "clip_boxes")),
        *(getattr(postprocess, name) for name in ("softmax", "crop_mask", "COCODrawer")),
        postprocess.BoxFormat.XC_YC_W_H,
    ]
    for part in parts:
        assert b"imx500_native.picamera2.postprocess" in pickle.dumps(part)
        assert pickle.loads(pickle.dumps(part)) is part
    for part in (PlainRectangle(1, 2, 3, 4), PlainSize(5, 6)):
        assert b"imx500_native.picamera2.imx500" in pickle.dumps(part)
        assert pickle.loads(pickle.dumps(part)) == part
    text = pydoc.plain(pydoc.render_doc(postprocess))
    for name in own_names(peer_module("postprocess")):
        assert name in text
    assert "class IMX500(builtins.object)" in pydoc.plain(pydoc.render_doc(IMX500))
