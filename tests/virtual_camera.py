"""Real libcamera requests without a camera: its virtual pipeline, with buffers that it can fill.

libcamera allocates from dma-buf, which containers and most test machines lack; its pipeline is as
content with anonymous files.
"""

from __future__ import annotations

import os
import select
from typing import Any, ClassVar, Self

import libcamera


class VirtualCamera:
    """One of libcamera's virtual cameras, used through libcamera's own Python bindings.

    A context manager: `start` streams, `capture` waits for a completed request, `requeue` gives it
    back, `stop` ends streaming and can be followed by another `start`.
    """

    # Buffers are kept for the next camera: libcamera 0.4 takes what it finds in a buffer's status
    # for the frame's, and initialises no new one. For the same reason a request must not be left
    # pending: its destruction cancels its buffer, for good.
    _pool: ClassVar[dict[tuple[int, int], list[libcamera.FrameBuffer]]] = {}

    def __init__(
        self, *, model: str = "imx500", size: tuple[int, int] = (64, 48), buffers: int = 4
    ) -> None:
        self.manager = libcamera.CameraManager.singleton()
        self.camera = next(
            camera
            for camera in self.manager.cameras
            if camera.properties[libcamera.properties.Model] == model
        )
        self.size = size
        self.buffers = buffers
        self.requests: list[libcamera.Request] = []
        self._queued = 0
        self._ready: list[libcamera.Request] = []

    def __enter__(self) -> Self:
        self.camera.acquire()
        config = self.camera.generate_configuration([libcamera.StreamRole.Viewfinder])
        stream = config.at(0)
        stream.size = libcamera.Size(*self.size)
        stream.pixel_format = libcamera.PixelFormat("NV12")
        config.validate()
        assert (stream.size.width, stream.size.height) == self.size
        self.camera.configure(config)
        pool = self._pool.setdefault(self.size, [])
        while len(pool) < self.buffers:
            pool.append(_buffer(stream))
        for buffer in pool[: self.buffers]:
            request = self.camera.create_request()
            request.add_buffer(stream.stream, buffer)
            self.requests.append(request)
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self.requests.clear()
        self.camera.release()

    def start(self) -> None:
        """Start streaming, with every request queued."""
        self.camera.start()
        for request in self.requests:
            self.requeue(request)

    def stop(self, *, at_once: bool = False) -> list[libcamera.Request]:
        """Stop streaming and return the requests that nobody has captured.

        Lets what is queued complete first, unless `at_once`, which cancels some of it.
        """
        while self._queued and not at_once:
            self._wait()
        self.camera.stop()
        # The bindings count a reference for each queued request until it is fetched.
        left = [*self._ready, *self.manager.get_ready_requests()]
        self._ready.clear()
        self._queued = 0
        return left

    def capture(self) -> libcamera.Request:
        """Wait for the next completed request; it stays out of the camera until `requeue`."""
        while not self._ready:
            self._wait()
        return self._ready.pop(0)

    def requeue(self, request: libcamera.Request) -> None:
        """Clear a request, its metadata too, and queue it."""
        request.reuse()
        self.camera.queue_request(request)
        self._queued += 1

    def _wait(self) -> None:
        if not select.select([self.manager.event_fd], [], [], 10)[0]:
            raise TimeoutError("the virtual camera completed no request within 10 s")
        completed = self.manager.get_ready_requests()
        self._queued -= len(completed)
        self._ready += completed


def _buffer(stream: Any) -> libcamera.FrameBuffer:
    luma = stream.stride * stream.size.height
    file = os.memfd_create("frame")
    os.ftruncate(file, stream.frame_size)
    # Where the planes lie must be what was configured: the pipeline writes without asking.
    planes = [
        libcamera.FrameBuffer.Plane(file, 0, luma),
        libcamera.FrameBuffer.Plane(file, luma, stream.frame_size - luma),
    ]
    # libcamera has duplicated it.
    os.close(file)
    return libcamera.FrameBuffer(planes)
