"""Pictures of imx500_native.Camera: who holds which buffer, and for how long."""

from __future__ import annotations

import gc
import os
import random
import threading
import time
from typing import TYPE_CHECKING

import numpy as np
import pytest
from live_cameras import (
    NETWORK,
    SMALL,
    inject_tensors,
    open_files,
    resident_bytes,
    run_script,
)
from native.build import preloaded_library
from sanitizing import SANITIZED

from imx500_native import Network
from imx500_native.live_camera import Camera

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import ModuleType


@pytest.fixture
def camera() -> Iterator[Camera]:
    with Camera(size=SMALL) as camera:
        yield camera


@pytest.fixture(scope="module")
def network() -> Network:
    return Network.find(NETWORK)


class TestPictures:
    def test_pictures_survive_stop_restart_close_and_the_camera(self) -> None:
        camera = Camera(size=SMALL)
        camera.start()
        kept = [camera.capture().image for _ in range(8)]
        camera.stop()
        copies = [image.copy() for image in kept]
        for _ in range(3):
            camera.start()
            for _ in range(50):
                assert not any(np.shares_memory(camera.capture().image, image) for image in kept)
            camera.stop()
        camera.close()
        del camera
        gc.collect()
        for image, copy in zip(kept, copies, strict=True):
            np.testing.assert_array_equal(image, copy)

    def test_the_camera_keeps_two_buffers(self, camera: Camera) -> None:
        # The third picture at a time would leave the camera with one of four.
        assert camera.buffer_count == 4
        kept = [camera.capture().image for _ in range(20)]
        assert camera.held == 2
        assert all(not image.flags.writeable for image in kept)
        shared = [
            np.shares_memory(one, other) for one in kept for other in kept if one is not other
        ]
        assert not any(shared)
        views = [image[::2] for image in kept]
        del kept
        assert camera.held == 2
        del views
        assert camera.held == 0

    def test_a_held_picture_is_never_written_to(self, camera: Camera) -> None:
        image = camera.capture().image
        copy = image.copy()
        for _ in range(100):
            camera.capture()
        np.testing.assert_array_equal(image, copy)

    def test_dropped_in_any_order_by_any_thread(self, camera: Camera) -> None:
        rng = random.Random(1)
        kept: list[object] = []
        lock = threading.Lock()
        finished = threading.Event()

        def drop() -> None:
            while not finished.is_set():
                with lock:
                    if kept:
                        kept.pop(rng.randrange(len(kept)))
                time.sleep(0)

        class Cycle:
            def __init__(self, frame: object) -> None:
                self.frame, self.me = frame, self

            def __del__(self) -> None:
                self.last = self.frame.image[:1]

        threads = [threading.Thread(target=drop) for _ in range(3)]
        for thread in threads:
            thread.start()
        try:
            for number in range(3000):
                frame = camera.capture()
                with lock:
                    kept.append(Cycle(frame) if number % 3 else frame.image[::2])
                if number % 100 == 0:
                    gc.collect()
        finally:
            finished.set()
            for thread in threads:
                thread.join()
        kept.clear()
        del frame
        gc.collect()
        assert camera.held == 0
        assert camera.capture().image.any()

    def test_dropped_after_stop_and_after_close(self) -> None:
        camera = Camera(size=SMALL)
        camera.start()
        kept = [camera.capture(), camera.capture()]
        camera.stop()
        assert camera.held == 2
        del kept[0]
        assert camera.held == 1
        camera.start()
        assert camera.held == 0
        assert camera.capture().image.any()
        camera.close()
        kept.clear()

    def test_a_picture_that_nobody_looks_at_holds_its_buffer_like_any_other(self) -> None:
        with Camera(size=SMALL) as camera:
            frames = [camera.capture(), camera.capture()]
            assert camera.held == 2
            image = frames[0].image
            assert image is frames[0].image
            frames.clear()
            assert camera.held == 1
            del image
            assert camera.held == 0
            late = camera.capture()
        assert late.image.any()
        assert not late.image.flags.writeable

    def test_dma_bufs_are_bracketed_where_somebody_looks(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        library = preloaded_library("dma_bufs")
        preloaded = [*os.environ.get("LD_PRELOAD", "").split(), str(library)]
        monkeypatch.setenv("LD_PRELOAD", " ".join(preloaded))
        heap = tmp_path / "heap"
        heap.touch()
        done = run_script(
            f"""
            import ctypes, os
            from imx500_native import buffers
            START, END = 1, 5  # with DMA_BUF_SYNC_READ

            log = ctypes.CDLL({str(library)!r})
            def syncs():
                count = ctypes.c_uint.in_dll(log, "sync_count").value
                pairs = (ctypes.c_ulonglong * (2 * count)).in_dll(log, "syncs")
                return list(zip(pairs[::2], pairs[1::2], strict=True))

            buffers.HEAPS = ({str(heap)!r},)
            camera = Camera(size=(64, 48)).start()
            assert camera._pool.source == "dma-heap"
            files = {{os.fstat(b.dma_buf).st_ino for b in camera._pool._buffers}}
            for _ in range(20):
                frame = camera.capture()
            assert syncs() == []
            image = frame.image
            assert image is frame.image and image.any()
            ((file, flags),) = syncs()
            assert file in files and flags == START
            frame = camera.capture()
            assert len(syncs()) == 1
            del image
            frame = camera.capture()
            assert syncs() == [(file, START), (file, END)]
            kept = [camera.capture() for _ in range(9)]
            began = [file for file, flags in syncs()[2:] if flags == START]
            assert camera.held == 2 and set(began) < files
            held = kept[0]
            kept.clear()
            camera.close()
            del camera
            others = [os.memfd_create("another") for _ in range(99)]
            assert held.image.any()
            file, flags = syncs()[-1]
            assert file in files and flags == START
            """
        )
        assert done.returncode == 0, done.stderr

    def test_5000_frames_leave_nothing_behind(self, inject: ModuleType, network: Network) -> None:
        camera = Camera(network, size=SMALL)
        camera._before_taking = inject_tensors(inject, network)
        with camera:
            for _ in range(500):
                assert camera.capture().outputs is not None
            gc.collect()
            files, memory = open_files(), resident_bytes()
            for number, frame in enumerate(camera):
                assert frame.outputs is not None
                if number == 5000:
                    break
            del frame
            gc.collect()
            assert open_files() == files
            # A single leaked picture per frame would be 23 MB, a single leaked tensor 12 MB.
            # AddressSanitizer keeps what is freed.
            if not SANITIZED:
                assert resident_bytes() - memory < 4 << 20
