"""What becomes of live cameras when their process ends, or forks."""

from __future__ import annotations

import atexit
import logging
import os
import weakref
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from imx500_native.live_camera import Camera

logger = logging.getLogger("imx500_native")

# A camera that is still open when the interpreter ends would end it with libcamera's own abort.
open_cameras: weakref.WeakSet[Camera] = weakref.WeakSet()


def _close_all() -> None:
    for camera in list(open_cameras):
        try:
            camera.close()
        except Exception:
            logger.exception("%r could not be closed", camera)


def _abandon_all() -> None:
    # libcamera's destructors would wait for its threads, which a forked child has not got.
    for camera in list(open_cameras):
        from imx500_native._camera import abandon

        abandon((camera._manager, camera._device, camera._session, camera._pool))
        camera._device = camera._session = camera._pool = None
    open_cameras.clear()


atexit.register(_close_all)
os.register_at_fork(after_in_child=_abandon_all)
