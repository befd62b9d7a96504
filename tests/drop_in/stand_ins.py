"""What a drop-in meets: a device, a Picamera2 and its requests, without any of them.

The benchmarks use it too, where there is no pytest.
"""

from __future__ import annotations

import copy
import time
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from imx500_native.geometry import FULL_ROI
from imx500_native.roi import RoiHistory

if TYPE_CHECKING:
    from imx500_native.upload import UploadProgress

FULL = FULL_ROI


def now_ns() -> int:
    """Return the time on the clock of ``SensorTimestamp``."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


class Device:
    """Does what an Imx500Device does, and remembers it."""

    def __init__(self, progress_state: str = "denied", limit: int = 4032) -> None:
        self.subdevice = SimpleNamespace(
            node=Path("/dev/null"),
            i2c="10-001a",
            camera_id="/base/axi/pcie@120000/rp1/i2c@88000/imx500@1a",
            progress_state=progress_state,
        )
        self.limit = limit
        self.roi_history = RoiHistory(FULL, now_ns())
        self.calls: list[tuple[Any, ...]] = []
        self.progress: UploadProgress | None = None
        self.watched: list[str] = []

    @property
    def last_roi(self):
        return self.roi_history.latest

    def roi_at(self, sensor_timestamp_ns):
        return self.roi_history.at(sensor_timestamp_ns)

    def close(self):
        self.calls.append(("close",))

    def set_roi(self, roi):
        self.calls.append(("set_roi", roi))
        applied = FULL if roi is None else tuple(min(side, self.limit) for side in roi)
        self.roi_history.changed(applied, now_ns(), now_ns())
        return applied

    def load(self, network):
        self.calls.append(("load", network))

    def enable_injection(self, enable):
        self.calls.append(("enable_injection", enable))

    def inject(self, tensor):
        self.calls.append(("inject", bytes(tensor)))
        return 77

    def comparison_frame(self):
        return 77

    def device_id(self):
        return "0123456789ABCDEF" * 2

    def upload_progress(self):
        return self.progress

    def watch_upload(self, progress):
        return Watch(self.watched)


class Watch:
    """Does what an UploadWatch does, of an upload that ends at once."""

    def __init__(self, watched):
        self.watched = watched

    def __enter__(self):
        self.watched.append("begun")
        return self

    def __exit__(self, *_):
        self.watched.append("ended")

    def wait(self, timeout_s):
        self.watched.append("waited")


class Picamera2:
    """Knows the sizes of its streams."""

    def __init__(self, size=(640, 480), raw=(2028, 1520), **streams) -> None:
        self.camera_config = {"main": {"size": size}, "raw": {"size": raw}}
        self.camera_config |= {name: {"size": value} for name, value in streams.items()}

    def camera_configuration(self):
        return self.camera_config


class Request:
    """A request whose metadata picamera2 has converted."""

    def __init__(self, metadata, picam2=None) -> None:
        self.metadata = metadata
        self.picam2 = picam2 or Picamera2()

    def get_metadata(self):
        return copy.copy(self.metadata)
