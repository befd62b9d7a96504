"""picamera2's own ``Picamera2`` on libcamera's virtual cameras.

Everything of ``Picamera2``, its requests, jobs, allocator, event loop and camera manager is
picamera2's, as published. Replaced is only what a machine without a Pi, or libcamera's virtual
pipeline, has not got: modules that show pictures or write them to files, the dma-heap, and the
answer to what raw formats there are.
"""

from __future__ import annotations

import importlib
import os
import sys
from contextlib import contextmanager
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any

import libcamera

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# What of them is looked up when picamera2 is imported; nothing is called by who takes no picture.
_FORMATS = ("RGB888", "BGR888", "XBGR8888", "XRGB8888", "YUV420", "YVU420", "NV12")
_STAND_INS: dict[str, dict[str, Any]] = {
    "pykms": {"PixelFormat": SimpleNamespace(**{name: name for name in _FORMATS})},
    "prctl": {},
    "piexif": {},
    "simplejpeg": {},
    "pidng": {},
    "pidng.camdefs": {"Picamera2Camera": object},
    "pidng.core": {"PICAM2DNG": object},
}


class _Heap:
    """A dma-heap of anonymous files."""

    def alloc(self, name: str, size: int) -> Any:
        file = os.memfd_create(name)
        os.ftruncate(file, size)
        return sys.modules["picamera2.dma_heap"].UniqueFD(file)

    def close(self) -> None:
        pass


class _FrameBuffer:
    """libcamera's, with the two planes that the virtual pipeline writes to.

    Raspberry Pi's takes all of NV12 as one.
    """

    Plane = libcamera.FrameBuffer.Plane

    def __new__(cls, planes: list[Any]) -> Any:
        # The very object: picamera2 keeps accounts by its descriptor, of which libcamera makes one.
        (plane,) = planes
        luma = plane.length // 3 * 2
        chroma = cls.Plane(plane.fd, luma, plane.length - luma)
        plane.length = luma
        return libcamera.FrameBuffer([plane, chroma])


def _configuration(original: Any, camera: Any, roles: list[Any]) -> Any:
    # As libcamera's pipeline for webcams, which offers its pictures whatever it is asked for.
    if roles == [libcamera.StreamRole.Raw]:
        roles = [libcamera.StreamRole.Viewfinder]
    return original(camera, roles)


def _taken_out() -> dict[str, ModuleType]:
    """Forget picamera2 and what stands in around it; return what was forgotten."""
    names = [name for name in sys.modules if name.partition(".")[0] in {"picamera2", *_STAND_INS}]
    return {name: sys.modules.pop(name) for name in names}


@contextmanager
def real_picamera2(prepare: Callable[[], object] | None = None) -> Iterator[ModuleType]:
    """Give picamera2's package, imported after `prepare` was called, and forget it afterwards.

    Raises
    ------
    ImportError
        If picamera2, or something that it imports and that has no stand-in here, is not installed.
    """
    # Other tests load pieces of picamera2, among stand-ins of their own.
    before = _taken_out()
    original = libcamera.Camera.generate_configuration
    for name, attributes in _STAND_INS.items():
        module = sys.modules[name] = ModuleType(name)
        vars(module).update(attributes)
    try:
        if prepare is not None:
            prepare()
        package = importlib.import_module("picamera2")
        allocating = importlib.import_module("picamera2.allocators.dmaallocator")
        vars(allocating).update(
            DmaHeap=_Heap,
            libcamera=SimpleNamespace(FrameBuffer=_FrameBuffer),
            fcntl=SimpleNamespace(ioctl=lambda *_: 0),
        )
        libcamera.Camera.generate_configuration = lambda camera, roles: _configuration(
            original, camera, roles
        )
        yield package
    finally:
        libcamera.Camera.generate_configuration = original
        _taken_out()
        sys.modules.update(before)
