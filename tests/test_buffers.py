"""imx500_native.buffers: memory of real cameras, and of kernels that this machine has not."""

from __future__ import annotations

import os
import struct
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from imx500_native import buffers
from imx500_native.buffers import BufferPool, PictureBuffer, written
from imx500_native.errors import CameraError

libcamera = pytest.importorskip(
    "libcamera",
    reason="libcamera's Python bindings are missing; "
    'get them with: eval "$(scripts/libcamera --env)"',
)

if TYPE_CHECKING:
    from pathlib import Path

PLANES = (64 * 48, 64 * 24)


class NoAllocator:
    def __init__(self, camera: object) -> None:
        pass

    def allocate(self, stream: object) -> None:
        raise RuntimeError("Failed to allocate buffers")


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208


@pytest.fixture
def without_allocator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libcamera, "FrameBufferAllocator", NoAllocator)


@pytest.fixture
def without_heap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(buffers, "HEAPS", ())


@pytest.mark.usefixtures("without_heap", "without_allocator")
def test_anonymous_files() -> None:
    before = open_files()
    pool = BufferPool(None, None, PLANES, 3)
    assert pool.source == "memfd"
    made = pool.renewed(())
    assert len(made) == 3
    for buffer in made:
        planes = buffer.frame_buffer.planes
        assert [(plane.offset, plane.length) for plane in planes] == [(0, 3072), (3072, 1536)]
        assert buffer.memory.shape == (sum(PLANES),)
        assert not buffer.memory.flags.writeable
        assert buffer.dma_buf == -1
        os.pwrite(planes[1].fd, b"\x07", 3072)
        assert buffer.memory[3072] == 7
    kept = made[1].memory
    again = pool.renewed([1])
    assert again[0] is made[0]
    assert again[1] is not made[1]
    assert not np.shares_memory(again[1].memory, kept)
    del pool, made, again, buffer, planes
    assert kept[3072] == 7
    del kept
    assert open_files() == before


@pytest.mark.usefixtures("without_allocator")
def test_a_dma_heap(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked = []

    def ioctl(heap: int, request: int, argument: bytes) -> bytes:
        # _IOWR('H', 0, struct dma_heap_allocation_data): 3 << 30 | 24 << 16 | 'H' << 8 | 0
        assert request == 3 << 30 | 24 << 16 | ord("H") << 8
        length, fd, fd_flags, heap_flags = struct.unpack("=QIIQ", argument)
        assert (fd, fd_flags, heap_flags) == (0, os.O_RDWR | os.O_CLOEXEC, 0)
        asked.append(length)
        file = os.memfd_create("dma-buf")
        os.ftruncate(file, length)
        return struct.pack("=QIIQ", length, file, fd_flags, heap_flags)

    heap = tmp_path / "heap"
    heap.touch()
    monkeypatch.setattr(buffers, "HEAPS", (str(tmp_path / "absent"), str(heap)))
    monkeypatch.setattr("fcntl.ioctl", ioctl)
    before = open_files()
    pool = BufferPool(None, None, PLANES, 2)
    assert pool.source == "dma-heap"
    made = pool.renewed([0])
    assert asked == [sum(PLANES)] * 3
    for buffer in made:
        assert buffer.dma_buf >= 0
        assert len({plane.fd for plane in buffer.frame_buffer.planes} | {buffer.dma_buf}) > 1
    del pool, made, buffer
    assert open_files() == before


class Allocator:
    """Stands in for libcamera's, which needs dma-bufs."""

    made = 0

    def __init__(self, camera: object) -> None:
        self.file = os.memfd_create("exported")
        os.ftruncate(self.file, 8192)
        Allocator.made += 1

    def __del__(self) -> None:
        os.close(self.file)

    def allocate(self, stream: object) -> int:
        return 1

    def buffers(self, stream: list[tuple[int, int]]) -> list[Any]:
        # The bindings' planes copy the descriptor; what libcamera exports shares one.
        planes = [Plane(self.file, offset, length) for offset, length in stream]
        return [Exported(planes)]


class Plane:
    def __init__(self, fd: int, offset: int, length: int) -> None:
        self.fd, self.offset, self.length = fd, offset, length


class Exported:
    def __init__(self, planes: list[Plane]) -> None:
        self.planes = planes


@pytest.mark.usefixtures("without_heap")
def test_libcameras_allocator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libcamera, "FrameBufferAllocator", Allocator)
    Allocator.made = 0
    before = open_files()
    pool = BufferPool(None, [(64, 3072), (3136, 1536)], PLANES, 1)
    assert pool.source == "libcamera"
    (buffer,) = pool.renewed(())
    assert buffer.memory.shape == (3072 + 1536,)
    assert buffer.dma_buf == buffer.frame_buffer.planes[0].fd
    os.pwrite(buffer.dma_buf, b"\x09", 64)
    assert buffer.memory[0] == 9
    assert pool.renewed(())[0] is buffer
    (other,) = pool.renewed([0])
    assert Allocator.made == 2
    assert not np.shares_memory(other.memory, buffer.memory)
    del pool, buffer, other
    assert open_files() == before


@pytest.mark.usefixtures("without_heap")
def test_planes_apart_from_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libcamera, "FrameBufferAllocator", Allocator)
    with pytest.raises(CameraError, match="BGR888"):
        BufferPool(None, [(0, 3072), (4096, 1536)], PLANES, 1)


@pytest.mark.usefixtures("without_heap", "without_allocator")
def test_only_a_writeable_pool_can_be_written() -> None:
    (closed,) = BufferPool(None, None, PLANES, 1).renewed(())
    assert not closed.memory.flags.writeable
    (opened,) = BufferPool(None, None, PLANES, 1, writeable=True).renewed(())
    with written(opened) as memory:
        memory[:] = 7
    file = opened.frame_buffer.planes[0].fd
    assert os.pread(file, sum(PLANES), 0) == b"\7" * sum(PLANES)


def test_writing_a_dma_buf_is_bracketed(monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[object] = []

    def ioctl(file: int, request: int, argument: bytes) -> None:
        steps.append((file, request, struct.unpack("=Q", argument)[0]))

    monkeypatch.setattr("fcntl.ioctl", ioctl)
    buffer = PictureBuffer(None, np.zeros(4, np.uint8), 9, None)
    # _IOW('b', 0, a struct of 8 bytes); writing is 2, its end another 4.
    sync = 1 << 30 | 8 << 16 | ord("b") << 8
    with written(buffer):
        steps.append("written")
    assert steps == [(9, sync, 2), "written", (9, sync, 6)]
