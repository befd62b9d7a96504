"""Memory that a camera writes pictures into and Python reads them from."""

from __future__ import annotations

import contextlib
import fcntl
import mmap
import os
import struct
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from imx500_native.errors import CameraError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    import numpy.typing as npt

# The kernel's struct dma_heap_allocation_data, and _IOWR('H', 0, it).
_HEAP_ALLOCATION = struct.Struct("=QIIQ")
_HEAP_ALLOCATE = 0xC0184800
# The kernel's struct dma_buf_sync, and _IOW('b', 0, it).
_SYNC_FLAGS = struct.Struct("=Q")
_SYNC = 0x40086200
_SYNC_WRITE, _SYNC_START, _SYNC_END = 2, 0, 4
# Raspberry Pi's cached heap first: the processor reads the others' memory several times slower.
# The system heap is not in this list, as the camera needs memory in one piece.
HEAPS = (
    "/dev/dma_heap/vidbuf_cached",
    "/dev/dma_heap/linux,cma",
    "/dev/dma_heap/default_cma_region",
    "/dev/dma_heap/reserved",
)

Source = Literal["dma-heap", "libcamera", "memfd"]


class _Descriptor:
    """A file descriptor that is closed with its last owner."""

    __slots__ = ("number",)

    def __init__(self, number: int) -> None:
        self.number = number

    def __del__(self) -> None:
        os.close(self.number)


class PictureBuffer(NamedTuple):
    """One buffer, as libcamera and as numpy know it.

    Attributes
    ----------
    frame_buffer : libcamera.FrameBuffer
        What goes on a request.
    memory : ndarray
        uint8, one-dimensional: all planes; mapped as long as an array shows it.
    dma_buf : int
        The descriptor to bracket accesses with, or -1 where memory needs no such care.
    owner : object
        What keeps `frame_buffer` and `dma_buf` valid.
    """

    frame_buffer: Any
    memory: npt.NDArray[np.uint8]
    dma_buf: int
    owner: object


class BufferPool:
    """The picture buffers of a configured camera.

    They come from a dma-heap where there is one, else from libcamera's own allocator, else from
    anonymous files, which only a camera without hardware can use.

    Parameters
    ----------
    camera : libcamera.Camera
        Acquired and configured.
    stream : libcamera.Stream
        The stream of the pictures.
    plane_bytes : sequence of int
        How long each plane is; one follows the other.
    count : int
        How many buffers.
    writeable : bool
        Whether the processor may write pictures too.

    Attributes
    ----------
    source : {"dma-heap", "libcamera", "memfd"}
        Where they come from.
    """

    def __init__(
        self,
        camera: Any,
        stream: Any,
        plane_bytes: Sequence[int],
        count: int,
        *,
        writeable: bool = False,
    ) -> None:
        self._camera = camera
        self._access = mmap.PROT_READ | (mmap.PROT_WRITE if writeable else 0)
        self._stream = stream
        self._planes = tuple(zip(accumulate(plane_bytes, initial=0), plane_bytes, strict=False))
        self._bytes = sum(plane_bytes)
        self._heap = _open_heap()
        self.source: Source = "dma-heap" if self._heap is not None else "libcamera"
        if self.source == "libcamera":
            allocator = self._allocator()
            if allocator is not None:
                self._buffers = self._from_libcamera(allocator)
                return
            self.source = "memfd"
        self._buffers = [self._new() for _ in range(count)]

    def renewed(self, held: Collection[int]) -> list[PictureBuffer]:
        """Return the buffers, with new ones in place of those that pictures still hold.

        Parameters
        ----------
        held : collection of int
            Indices of the buffers that the camera must not write to again.

        Returns
        -------
        list of PictureBuffer
            As many as before.
        """
        if held and self.source == "libcamera":
            # It allocates all or none.
            allocator = self._allocator()
            if allocator is None:
                raise CameraError(
                    "libcamera's allocator gives no second set of buffers while pictures hold the "
                    "first; drop the pictures, or copy them, before start()"
                )
            self._buffers = self._from_libcamera(allocator)
        else:
            for index in held:
                self._buffers[index] = self._new()
        return list(self._buffers)

    def _new(self) -> PictureBuffer:
        import libcamera

        if self._heap is None:
            file = _Descriptor(os.memfd_create("imx500-picture", os.MFD_CLOEXEC))
            os.ftruncate(file.number, self._bytes)
        else:
            file = _Descriptor(_allocate_dma_buf(self._heap.number, self._bytes))
        planes = [
            libcamera.FrameBuffer.Plane(file.number, offset, length)
            for offset, length in self._planes
        ]
        memory = _mapped(file.number, self._bytes, self._access)
        dma_buf = -1 if self._heap is None else file.number
        return PictureBuffer(libcamera.FrameBuffer(planes), memory, dma_buf, file)

    def _allocator(self) -> Any:
        """Return libcamera's allocator with the stream's buffers; None where it gives none."""
        import libcamera

        allocator = libcamera.FrameBufferAllocator(self._camera)
        try:
            allocator.allocate(self._stream)
        except RuntimeError:
            return None
        return allocator

    def _from_libcamera(self, allocator: Any) -> list[PictureBuffer]:
        buffers = []
        for frame_buffer in allocator.buffers(self._stream):
            planes = frame_buffer.planes
            first = planes[0]
            end = first.offset
            for plane in planes:
                if plane.fd != first.fd or plane.offset != end:
                    raise CameraError(
                        "libcamera's allocator gave a picture whose planes do not follow each "
                        "other in one buffer; choose a packed pixel_format, such as 'BGR888'"
                    )
                end += plane.length
            memory = _mapped(first.fd, end, self._access)[first.offset :]
            buffers.append(PictureBuffer(frame_buffer, memory, first.fd, allocator))
        return buffers


def _open_heap() -> _Descriptor | None:
    for path in HEAPS:
        try:
            return _Descriptor(os.open(path, os.O_RDWR | os.O_CLOEXEC))
        except OSError:
            continue
    return None


def _allocate_dma_buf(heap: int, size: int) -> int:
    request = _HEAP_ALLOCATION.pack(size, 0, os.O_RDWR | os.O_CLOEXEC, 0)
    answer = fcntl.ioctl(heap, _HEAP_ALLOCATE, request)
    return int(_HEAP_ALLOCATION.unpack(answer)[1])


def _mapped(file: int, size: int, access: int) -> npt.NDArray[np.uint8]:
    return np.frombuffer(mmap.mmap(file, size, mmap.MAP_SHARED, access), np.uint8)


@contextlib.contextmanager
def written(buffer: PictureBuffer) -> Iterator[npt.NDArray[np.uint8]]:
    """Let the processor write a picture, which other devices see from then on.

    Parameters
    ----------
    buffer : PictureBuffer
        Of a writeable pool, and not with the camera.

    Yields
    ------
    ndarray
        The buffer's `memory`.
    """
    _synchronize(buffer, _SYNC_START)
    try:
        yield buffer.memory
    finally:
        _synchronize(buffer, _SYNC_END)


def _synchronize(buffer: PictureBuffer, step: int) -> None:
    if buffer.dma_buf >= 0:
        fcntl.ioctl(buffer.dma_buf, _SYNC, _SYNC_FLAGS.pack(_SYNC_WRITE | step))
