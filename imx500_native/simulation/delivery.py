"""How a simulated camera delivers its frames: as a live one does, so that programs fit both."""

from __future__ import annotations

import asyncio
import math
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

from imx500_native.checks import real_number
from imx500_native.errors import CameraTimeoutError, SimulationError
from imx500_native.latency import LatencyBudget

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from types import TracebackType

    import numpy as np
    import numpy.typing as npt

    from imx500_native.frame import Frame

NANOSECONDS = 1_000_000_000


class Clock:
    """The clocks that a camera reads; tests put another in its place."""

    def monotonic_ns(self) -> int:
        """Return nanoseconds that only ever grow."""
        return time.monotonic_ns()

    def boottime_ns(self) -> int:
        """Return nanoseconds since boot, the clock of libcamera's sensor timestamps."""
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME)

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        time.sleep(seconds)


class Delivery(ABC):
    """What programs ask of a camera, for one whose frames are made when they are asked for.

    Parameters
    ----------
    frame_rate : float
        Frames per second.
    real_time : bool
        Whether frames come at their time, and are lost where nobody takes them.
    frames : int or None
        Iteration ends after so many; None for never.
    """

    model = "simulated"
    id = "simulated"
    sensor = None
    image_format = "RGB"
    held = 0

    def __init__(self, frame_rate: float, real_time: bool, frames: int | None) -> None:
        self.frame_rate = frame_rate
        self.real_time = real_time
        self._frames = frames
        self._clock = Clock()
        self._latency: LatencyBudget | None = None
        self._running = False
        self._begin()

    @abstractmethod
    def start(self) -> Self:
        """Begin at the first frame."""

    @abstractmethod
    def close(self) -> None:
        """Stop for good."""

    @abstractmethod
    def _require_running(self) -> None:
        """Refuse to deliver from a camera that was not started."""

    @abstractmethod
    def _frame(self, number: int) -> Frame:
        """Make a frame."""

    def _begin(self) -> None:
        self.dropped = 0
        self._next = 0
        self._delivered = 0
        self._started_ns = self._clock.monotonic_ns()
        self._boot_ns = self._clock.boottime_ns()

    def stop(self) -> None:
        """Stop; `start` begins again at the first frame. The ROI stays."""
        self._running = False

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return await asyncio.to_thread(self.start)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def running(self) -> bool:
        """Whether the camera was started and not stopped."""
        return self._running

    @property
    def latency(self) -> LatencyBudget:
        """Where the time goes between frames, as `imx500_native.Camera` has it.

        Without the stages "sensor" and "wait": no sensor takes part.
        """
        if self._latency is None:
            self._latency = LatencyBudget(1000 / self.frame_rate)
        return self._latency

    def set_controls(self, controls: Mapping[str, Any]) -> None:
        """Take libcamera's controls, none of which changes a simulated picture.

        Parameters
        ----------
        controls : mapping of str to object
            As for `imx500_native.Camera`.

        Raises
        ------
        SimulationError
            If it is no mapping.
        """
        if not isinstance(controls, Mapping):
            raise SimulationError(
                f"controls must be a mapping of names to values, not {type(controls).__name__}"
            )

    def capture(self, timeout_s: float | None = None) -> Frame:
        """Wait for the next frame and return it.

        In real time this is the newest frame there is: frames that passed since the last call are
        counted in `dropped`. `frames` does not limit it.

        Parameters
        ----------
        timeout_s : float, optional
            How long to wait; by default as long as it takes, for a frame always comes.

        Returns
        -------
        Frame
            With the picture (RGB, (height, width, 3) uint8, a fresh array of its own).

        Raises
        ------
        CameraTimeoutError
            If no frame is due in time.
        SimulationError
            If the camera is closed or not started, `timeout_s` is no number, or `encode` returned
            what does not fit.
        """
        self._require_running()
        if not self._due_within(timeout_s):
            self._clock.sleep(max(timeout_s or 0, 0))
            raise self._not_due(timeout_s)
        while (wait_s := self._due_in_s()) > 0:
            self._clock.sleep(wait_s)
        return self._deliver()

    async def capture_async(self, timeout_s: float | None = None) -> Frame:
        """Wait for the next frame without blocking the event loop.

        Parameters
        ----------
        timeout_s : float, optional
            As for `capture`.

        Returns
        -------
        Frame
            As for `capture`.

        Raises
        ------
        CameraTimeoutError, SimulationError
            As for `capture`.
        """
        self._require_running()
        if not self._due_within(timeout_s):
            await asyncio.sleep(max(timeout_s or 0, 0))
            raise self._not_due(timeout_s)
        await asyncio.sleep(max(self._due_in_s(), 0))
        return self.capture()

    def __iter__(self) -> Iterator[Frame]:
        self._require_running()
        return self._delivered_frames()

    def _delivered_frames(self) -> Iterator[Frame]:
        while self._goes_on():
            yield self.capture()

    async def __aiter__(self) -> AsyncIterator[Frame]:
        self._require_running()
        while self._goes_on():
            yield await self.capture_async()

    def to_rgb(self, frame: Frame) -> npt.NDArray[np.uint8]:
        """Return a frame's picture as RGB.

        Parameters
        ----------
        frame : Frame
            Of this camera.

        Returns
        -------
        ndarray
            uint8, (height, width, 3), of its own memory.

        Raises
        ------
        SimulationError
            If `frame` is no frame, or has no picture.
        """
        image = getattr(frame, "image", None)
        if image is None:
            raise SimulationError(
                f"to_rgb takes a frame of this camera, which has a picture, not {frame!r:.80}"
            )
        return image.copy()  # type: ignore[no-any-return]

    def _goes_on(self) -> bool:
        return self._running and (self._frames is None or self._delivered < self._frames)

    def _due_in_s(self) -> float:
        """Return how long until there is a frame that was not delivered."""
        if not self.real_time:
            return 0.0
        return (self._next * NANOSECONDS / self.frame_rate - self._passed_ns()) / NANOSECONDS

    def _passed_ns(self) -> int:
        return self._clock.monotonic_ns() - self._started_ns

    def _due_within(self, limit_s: float | None) -> bool:
        if limit_s is None:
            return True
        if math.isnan(real_number(limit_s)):
            raise SimulationError(
                f"timeout_s must be a number of seconds or None, not {limit_s!r:.80}"
            )
        return self._due_in_s() <= limit_s

    def _not_due(self, limit_s: float | None) -> CameraTimeoutError:
        return CameraTimeoutError(
            f"no frame within {limit_s:g} s: this simulated camera makes one every "
            f"{1 / self.frame_rate:g} s",
            "too early",
        )

    def _deliver(self) -> Frame:
        number = self._next
        if self.real_time:
            number = max(number, int(self._passed_ns() * self.frame_rate / NANOSECONDS))
            self.dropped += number - self._next
        self._next = number + 1
        self._delivered += 1
        frame = self._frame(number)
        if self._latency is not None:
            self._latency.finish()
            self._latency.start()
            frame._watch(self._latency)
        return frame
