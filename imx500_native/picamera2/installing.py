"""Puts this package's classes in place of picamera2's, and makes its metadata fast."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from imx500_native import controls
from imx500_native._lazy import LazySequence
from imx500_native.errors import RequestStateError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import ModuleType

OWN = "imx500_native.picamera2"
DEVICES = "picamera2.devices"
REPLACED = "picamera2.devices.imx500"
REQUEST = "picamera2.request"

SUBMODULES = (
    "imx500",
    "postprocess",
    "postprocess_efficientdet_lite0",
    "postprocess_highernet",
    "postprocess_nanodet",
    "postprocess_yolov5",
    "postprocess_yolov8",
)
OWN_MODULES = {REPLACED: OWN, **{f"{REPLACED}.{name}": f"{OWN}.{name}" for name in SUBMODULES}}

BIG = 64
"""From so many numbers on, a control of them becomes a `LazySequence` rather than a tuple."""


def install() -> None:
    """Put this package's classes in place of picamera2's, in this process.

    Call it before the program imports from ``picamera2.devices``: a class that the program holds
    already stays picamera2's. From then on ``picamera2.devices.IMX500``, all of
    ``picamera2.devices.imx500`` and the metadata of picamera2's requests are this package's.
    Calling it again does nothing.
    """
    if any(isinstance(finder, _Finder) for finder in sys.meta_path):
        return
    sys.meta_path.insert(0, _Finder())
    for name, own in OWN_MODULES.items():
        module = sys.modules.get(name)
        if module is not None:
            _show_own(module, own)
    devices = sys.modules.get(DEVICES)
    if devices is not None:
        vars(devices)["IMX500"] = importlib.import_module(OWN).IMX500
    request = sys.modules.get(REQUEST)
    if request is not None:
        _speed_up(request)


def _show_own(module: ModuleType, own: str) -> None:
    names = vars(importlib.import_module(own))
    vars(module).update(
        (name, value)
        for name, value in names.items()
        if name[:2] != "__" or name in ("__doc__", "__file__")
    )


class _OwnLoader(Loader):
    """Fills a module of picamera2's name with what this package has of it."""

    def __init__(self, own: str) -> None:
        self.own = own

    def exec_module(self, module: ModuleType) -> None:
        _show_own(module, self.own)


class _RequestLoader(Loader):
    """Loads picamera2's own module of requests, and speeds it up."""

    def __init__(self, loader: Loader) -> None:
        self.loader = loader

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self.loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self.loader.exec_module(module)
        _speed_up(module)


class _Finder(MetaPathFinder):
    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        own = OWN_MODULES.get(fullname)
        if own is not None:
            spec = ModuleSpec(fullname, _OwnLoader(own), is_package=fullname == REPLACED)
            if fullname == REPLACED:
                # A module that this package does not know is picamera2's own.
                spec.submodule_search_locations = [str(Path(p) / "imx500") for p in path or ()]
            return spec
        if fullname == REQUEST:
            return self._request_spec(fullname, path, target)
        return None

    def _request_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None
    ) -> ModuleSpec | None:
        for finder in sys.meta_path:
            if finder is not self:
                spec = finder.find_spec(fullname, path, target)
                if spec is not None:
                    if spec.loader is not None:
                        spec.loader = _RequestLoader(spec.loader)
                    return spec
        return None


def _speed_up(module: ModuleType) -> None:
    kind = module.CompletedRequest
    kind.get_metadata = _fast(kind.get_metadata)


def _fast(original: Callable[[Any], dict[str, Any]]) -> Callable[[Any], dict[str, Any]]:
    def get_metadata(self: Any) -> dict[str, Any]:
        """Return the request's metadata by name; big controls are lazy sequences."""
        try:
            problem = controls.direct_access_problem(self)
        except (TypeError, RequestStateError):
            # Picamera2's own words for a request that was released, or a stand-in of a test.
            return original(self)
        if problem is not None:
            return original(self)
        taken = controls.take_controls(self, "copy").to_dict()
        return {name: as_picamera2(value) for name, value in taken.items()}

    return get_metadata


def as_picamera2(value: Any) -> Any:
    """Return a control's value as picamera2 hands it out.

    Parameters
    ----------
    value : object
        As `imx500_native.Frame.metadata` has it.

    Returns
    -------
    object
        A tuple for an array, a list of tuples for one of rectangles or sizes, a `LazySequence` for
        one of many numbers; everything else as it is.
    """
    if not isinstance(value, np.ndarray):
        return value
    if value.ndim == 2:
        return [tuple(row) for row in value.tolist()]
    if len(value) >= BIG:
        return LazySequence(value)
    # picamera2 takes an empty array for one of rectangles.
    return tuple(value.tolist()) or []
