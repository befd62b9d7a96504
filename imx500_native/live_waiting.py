"""Waiting for a live camera's frames: in asynchronous loops, and why one does not come."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING, Self

from imx500_native.checks import real_number
from imx500_native.errors import CameraOptionError, CameraTimeoutError

if TYPE_CHECKING:
    from imx500_native._camera import Counts, RunLoop
    from imx500_native.frame import Frame
    from imx500_native.live_camera import Camera

# Fewer frames than this without tensors say nothing, however far apart they were taken.
_FEW_FRAMES = 5
# A camera from which nothing comes for so many frames' time has stalled.
_MANY_FRAMES = 10


class TensorWatch:
    """Notices a sensor that sends frames, but no tensors."""

    __slots__ = ("_since_s",)

    def __init__(self) -> None:
        self._since_s = 0.0

    def check(self, session: RunLoop, patience_s: float) -> None:
        """Look at a session whose last frame carries no tensors.

        Parameters
        ----------
        session : RunLoop
            Which counts such frames; begins again when the error was raised.
        patience_s : float
            How long that may go on.

        Raises
        ------
        CameraTimeoutError
            If it has gone on for longer.
        """
        now_s = time.monotonic()
        if session.tensorless == 1:
            self._since_s = now_s
        waited_s = now_s - self._since_s
        if waited_s > patience_s and session.tensorless > _FEW_FRAMES:
            count, session.tensorless = session.tensorless, 0
            raise CameraTimeoutError(
                f"the last {count} frames, in {waited_s:.1f} s, carry no output tensors: the "
                "sensor runs no network, or cannot run this one; see the kernel's log (dmesg)",
                "no tensors",
            )


def require_seconds(timeout_s: object) -> None:
    """Refuse a time to wait that is no number.

    Parameters
    ----------
    timeout_s : float
        As a caller gave it.

    Raises
    ------
    CameraOptionError
        If it is none.
    """
    if real_number(timeout_s) != timeout_s:
        raise CameraOptionError(
            f"timeout_s must be a number of seconds or None, not {timeout_s!r:.80}"
        )


def no_frame(counts: Counts, timeout_s: float, frame_s: float) -> CameraTimeoutError:
    """Explain why no frame came.

    Parameters
    ----------
    counts : Counts
        What became of the session's requests.
    timeout_s : float
        How long was waited.
    frame_s : float
        How long the camera may take for one.

    Returns
    -------
    CameraTimeoutError
        To be raised.
    """
    if counts.cancelled:
        return CameraTimeoutError(
            f"no frame within {timeout_s:g} s: libcamera cancelled {counts.cancelled} "
            "requests; the camera was disconnected or its driver failed, see libcamera's log "
            "on stderr",
            "cancelled",
        )
    if counts.silent_s < _MANY_FRAMES * frame_s:
        return CameraTimeoutError(
            f"no frame within {timeout_s:g} s, which is too early to tell where one may take "
            f"{frame_s:.3g} s: ask again, or wait longer",
            "too early",
        )
    if counts.completed:
        return CameraTimeoutError(
            f"no frame within {timeout_s:g} s, nor for {counts.silent_s:.1f} s after "
            f"{counts.completed} that came: the camera stalled; stop() and start() it again",
            "stalled",
        )
    return CameraTimeoutError(
        f"no frame within {timeout_s:g} s, nor in the {counts.silent_s:.1f} s since the camera "
        "started: check its cable, and the kernel's log (dmesg)",
        "no frame",
    )


class AsyncFrames:
    """A camera's frames; keeps none while its user looks at one, as a frame may hold a buffer.

    Parameters
    ----------
    camera : Camera
        Asked for each.
    session : RunLoop
        Where the frames are from.
    """

    __slots__ = ("_camera", "_session")

    def __init__(self, camera: Camera, session: RunLoop) -> None:
        self._camera = camera
        self._session = session

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Frame:
        frame = await self._camera._next_async(self._session, self._camera.timeout_s)
        if frame is None:
            raise StopAsyncIteration
        return frame


async def readable(descriptor: int, timeout_s: float) -> None:
    """Wait until a descriptor is readable or the time is up.

    Parameters
    ----------
    descriptor : int
        Of a file; one task at a time may wait for it.
    timeout_s : float
        How long.
    """
    loop = asyncio.get_running_loop()
    done = asyncio.Event()
    loop.add_reader(descriptor, done.set)
    try:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(done.wait(), timeout_s)
    finally:
        loop.remove_reader(descriptor)
