"""Starts libcamera's camera in a thread while this one watches the upload; see device_in_vm.py.

A process of its own, since libcamera keeps what it opened for as long as its process lives.
"""

from __future__ import annotations

import os
import sys
import threading
import time

import libcamera

from imx500_native import Imx500Device


def start(device, camera, manager, frames):
    device.load(os.urandom(700_000))
    camera.acquire()
    configuration = camera.generate_configuration([libcamera.StreamRole.Viewfinder])
    configuration.validate()
    camera.configure(configuration)
    stream = configuration.at(0).stream
    allocator = libcamera.FrameBufferAllocator(camera)
    allocator.allocate(stream)
    request = camera.create_request()
    request.add_buffer(stream, allocator.buffers(stream)[0])
    camera.start()
    camera.queue_request(request)
    while not frames:
        frames.extend(manager.get_ready_requests())
        time.sleep(0.01)
    camera.stop()
    camera.release()


def main():
    manager = libcamera.CameraManager.singleton()
    camera = next(camera for camera in manager.cameras if camera.id == sys.argv[1])
    seen, frames = [], []
    with Imx500Device(camera.id) as device:
        starting = threading.Thread(target=start, args=(device, camera, manager, frames))
        with device.watch_upload(lambda *step: seen.append(step)) as watch:
            starting.start()
            assert watch.wait(60)
            starting.join()
    assert threading.active_count() == 1
    sys.stdout.write(f"{len(frames)} frame, upload {seen[-1]}\n")


main()
