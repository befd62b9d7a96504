"""The peers' own code, as published on PyPI, loaded on a machine without a camera.

Nothing of theirs is copied here. picamera2's ``IMX500`` lives in a module that needs little, inside
a package that needs a display, DRM and a camera stack: the module alone is imported, by its own
name, while bare packages stand in for those around it.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
import sysconfig
import threading
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any

import libcamera_geometry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import numpy.typing as npt

    from imx500_native.network import Network

FULL_SENSOR = (0, 0, 4056, 3040)
RAW_SIZE = (2028, 1520)


class PeerMissingError(ImportError):
    """A peer's package, or something that it imports, is not installed."""


@contextmanager
def _standing_in(modules: Mapping[str, ModuleType]) -> Iterator[None]:
    """Put modules in place of their names, and everything as it was afterwards."""
    before = {name: sys.modules.get(name) for name in modules}
    sys.modules.update(modules)
    try:
        yield
    finally:
        for name, module in before.items():
            if module is None:
                sys.modules.pop(name, None)
            else:
                sys.modules[name] = module


def _package(name: str, path: Path, **attributes: Any) -> ModuleType:
    module = ModuleType(name)
    module.__path__ = [str(path)]
    vars(module).update(attributes)
    return module


def _libcamera_places() -> list[str]:
    named = os.environ.get("IMX500_LIBCAMERA_PYTHON")
    built = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "imx500-native"
    abi = sysconfig.get_config_var("SOABI")
    found = built.glob(f"libcamera-*-{abi}/lib*/**/libcamera/__init__.py")
    return ([named] if named else []) + sorted(str(module.parents[1]) for module in found)


@cache
def libcamera() -> ModuleType:
    """Return libcamera's Python binding, or this directory's geometry where there is none.

    It is looked for as an installed module, in the directory that ``$IMX500_LIBCAMERA_PYTHON``
    names, and where ``scripts/libcamera`` builds it.
    """
    places = _libcamera_places()
    sys.path.extend(places)
    try:
        module = importlib.import_module("libcamera")
    except ImportError:
        return libcamera_geometry
    finally:
        for place in places:
            sys.path.remove(place)
    # picamera2's package adds these when it is imported.
    module.Size.to_tuple = lambda size: (size.width, size.height)
    module.Rectangle.to_tuple = lambda rect: (rect.x, rect.y, rect.width, rect.height)
    return module


def libcamera_is_real() -> bool:
    """Tell whether the peers compute with libcamera itself."""
    return libcamera() is not libcamera_geometry


def _missing(peer: str, error: ImportError) -> PeerMissingError:
    return PeerMissingError(
        f"{peer} cannot be loaded ({error}); scripts/test and scripts/bench make an environment "
        "that has it"
    )


@cache
def picamera2_module(name: str = "imx500") -> ModuleType:
    """Return a module of picamera2's package ``picamera2.devices.imx500``.

    Raises
    ------
    PeerMissingError
        If picamera2 or something that this module imports is not installed.
    """
    spec = importlib.util.find_spec("picamera2")
    if spec is None or not spec.submodule_search_locations:
        raise PeerMissingError(
            "picamera2 is not installed; scripts/test and scripts/bench make an environment "
            "that has it"
        )
    home = Path(spec.submodule_search_locations[0])
    around = {
        "libcamera": libcamera(),
        "picamera2": _package("picamera2", home, CompletedRequest=object, Picamera2=object),
        "picamera2.devices": _package("picamera2.devices", home / "devices"),
        "picamera2.devices.imx500": _package(
            "picamera2.devices.imx500", home / "devices" / "imx500"
        ),
    }
    if importlib.util.find_spec("cv2") is None:
        # Imported at the top of modules that only draw with it.
        around["cv2"] = ModuleType("cv2")
    with _standing_in(around):
        try:
            return importlib.import_module(f"picamera2.devices.imx500.{name}")
        except ImportError as error:
            raise _missing("picamera2", error) from error


@cache
def _completed_request() -> Any:
    home = Path(picamera2_module().__file__ or "").parents[2]
    names = ("piexif", "simplejpeg", "pidng", "pidng.camdefs", "pidng.core")
    # They write pictures to files, which no metadata needs.
    around = {name: ModuleType(name) for name in names}
    vars(around["pidng.camdefs"])["Picamera2Camera"] = object
    vars(around["pidng.core"])["PICAM2DNG"] = object
    around |= {"libcamera": libcamera(), "picamera2": _package("picamera2", home)}
    with _standing_in(around):
        try:
            return importlib.import_module("picamera2.request").CompletedRequest
        except ImportError as error:
            raise _missing("picamera2", error) from error


def picamera2_request(request: Any) -> Any:
    """Return a picamera2 ``CompletedRequest`` round a request of libcamera's."""
    completed = object.__new__(_completed_request())
    completed.request = request
    return completed


def picamera2_imx500(network: Network) -> Any:
    """Return a picamera2 ``IMX500`` as its constructor leaves it, for a camera that is not there.

    The ROI is the full sensor, what the constructor sets.
    """
    imx500 = picamera2_module().IMX500
    device = object.__new__(imx500)
    device.device_fd = None
    spec = network.input
    settings = {
        "input_tensor": {
            "width": spec.width,
            "height": spec.height,
            "input_format": spec.format,
            "norm_val": list(spec.norm_val),
            "norm_shift": [spec.norm_shift] * 3,
            "div_val": list(spec.div_val),
            "div_shift": spec.div_shift,
        },
        "input_tensor_size": (spec.width, spec.height),
        "roi": libcamera().Rectangle(*FULL_SENSOR),
    }
    # Its config property hands out this dict; the name is the one its class gives it inside.
    device._IMX500__cfg = settings
    return device


def picamera2_camera(size: tuple[int, int]) -> Any:
    """Return what ``convert_inference_coords`` asks of a Picamera2: its configuration."""
    configuration = {"main": {"size": size}, "raw": {"size": RAW_SIZE}}
    return SimpleNamespace(camera_configuration=lambda: configuration)


@cache
def _ai_camera() -> Any:
    try:
        return importlib.import_module("modlib.devices.ai_camera.ai_camera").AiCamera
    except ImportError as error:
        raise _missing("modlib", error) from error


def modlib_post_processor(name: str) -> Callable[[list[npt.NDArray[Any]]], Any]:
    """Return one of modlib's post-processors, `pp_od_bscn` for example."""
    try:
        module = importlib.import_module("modlib.models.post_processors")
    except ImportError as error:
        raise _missing("modlib", error) from error
    post_processor: Callable[[list[npt.NDArray[Any]]], Any] = getattr(module, name)
    return post_processor


def modlib_camera(post_processor: Callable[[list[npt.NDArray[Any]]], Any]) -> Any:
    """Return a modlib ``AiCamera`` that can parse requests, of a camera that is not there.

    It is in the state for data injection, in which it copies no picture.
    """
    ai_camera = _ai_camera()
    rate = importlib.import_module("modlib.devices.device").Rate
    camera = object.__new__(ai_camera)
    camera.model = SimpleNamespace(post_process=post_processor)
    camera.fps, camera.dps = rate(), rate()
    camera.data_injection = True
    camera.enable_input_tensor = False
    camera.roi = (0, 0, 1, 1)
    camera.last_detections = None
    camera._frameslock = threading.Lock()
    camera._frame_ready = threading.Condition(camera._frameslock)
    camera._frames = []
    return camera
