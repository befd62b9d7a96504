"""How far the sensor is with receiving its firmware and network, while a camera starts."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Self, TypeAlias

from imx500_native.errors import CameraOptionError, MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from imx500_native.discovery import Subdevice

Stage: TypeAlias = Literal["loader", "firmware", "network", "unknown"]
"""What is being sent; "unknown" where this user may not see it."""

INTERVAL_S = 0.1

STAGES: tuple[Stage, ...] = ("loader", "firmware", "network")
"""By the driver's numbers, which are those of picamera2's constants."""


class UploadProgress(NamedTuple):
    """How much of what has been sent to the sensor.

    Attributes
    ----------
    stage : {"loader", "firmware", "network", "unknown"}
        What is being sent; the first two come with the driver.
    done : int
        Bytes.
    total : int or None
        Bytes; None where the driver does not say.
    """

    stage: Stage
    done: int
    total: int | None

    @property
    def complete(self) -> bool:
        """Whether the whole network has been sent."""
        return self.total is not None and self.done >= self.total


Progress: TypeAlias = "Callable[[Stage, int, int | None], object] | Literal[True] | None"


def read_progress(subdevice: Subdevice) -> UploadProgress | None:
    """Read how far an upload is.

    Parameters
    ----------
    subdevice : Subdevice
        Whose `progress` file is read, and that of the bridge which does the transfer.

    Returns
    -------
    UploadProgress or None
        Of the running upload or, where there is none, of the last one. None where debugfs cannot
        be read, which usually only root can, or says what is not understood.
    """
    try:
        stage, done, size = (int(word) for word in subdevice.progress.read_text().split())
        name = STAGES[stage]
    except (OSError, ValueError, IndexError):
        return None
    # The driver counts whole mebibytes; within one, the bridge counts on.
    bus = subdevice.i2c.partition("-")[0]
    transfer = subdevice.progress.parent.parent / f"rp2040-spi:{bus}-0040" / "transfer_progress"
    with contextlib.suppress(OSError, ValueError):
        done += int(transfer.read_text())
    # The size is the network's, also while something else is being sent.
    if name != "network" or size == 0:
        return UploadProgress(name, done, None)
    return UploadProgress(name, min(done, size), size)


def _progress_bar() -> Callable[[Stage, int, int | None], object]:
    try:
        from tqdm import tqdm
    except ImportError as error:
        raise MissingExtraError(
            "progress=True needs tqdm: pip install 'imx500-native[demo]'; or pass a function "
            "progress(stage, done, total)"
        ) from error

    class Bar(tqdm):  # type: ignore[misc]
        # Else tqdm starts a thread that outlives its bars, and on Python 3.14 a process.
        monitor_interval = 0

    Bar.set_lock(threading.RLock())
    return _Bar(Bar)


class _Bar:
    """A tqdm bar that begins anew with each stage."""

    def __init__(self, bar: Callable[..., Any]) -> None:
        self._make = bar
        self._bar: Any = None
        self._stage: Stage | None = None

    def __call__(self, stage: Stage, done: int, total: int | None) -> None:
        if self._bar is None:
            # disable=None: nothing where stderr is no terminal.
            self._bar = self._make(
                total=total,
                unit="B",
                unit_scale=True,
                unit_divisor=1024,
                leave=False,
                disable=None,
            )
        if stage != self._stage:
            self._stage = stage
            self._bar.set_description_str(
                "starting" if stage == "unknown" else f"uploading {stage}", refresh=False
            )
            self._bar.reset(total)
        self._bar.total = total
        self._bar.n = done
        self._bar.refresh()

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()


def as_progress(progress: Any) -> Progress:
    """Check who is to be told of an upload.

    Parameters
    ----------
    progress : callable, True or None
        As for `UploadWatch`.

    Returns
    -------
    callable, True or None
        The same.

    Raises
    ------
    CameraOptionError
        If it is none of these.
    """
    if progress is None or progress is True or callable(progress):
        return progress  # type: ignore[no-any-return]
    raise CameraOptionError(
        "progress must be a function progress(stage, done, total), True or None, "
        f"not {progress!r:.80}"
    )


class UploadWatch:
    """Tells of an upload for as long as a ``with`` block runs; made by `Imx500Device.watch_upload`.

    A thread of its own looks ten times per second, and ends with the block. So the block may hold
    anything that does not keep the GIL: starting a camera, or waiting for another thread to do so.
    What was there before the block is not told of: the sensor may have the network already, and
    then there is nothing to tell.

    Parameters
    ----------
    read : callable
        ``read()`` returns an `UploadProgress` or None.
    progress : callable, True or None
        ``progress(stage, done, total)`` is called from the watching thread whenever something
        changed; where progress cannot be read, with "unknown", 0 and None at every look. True
        shows a bar on stderr, which needs tqdm. None does nothing at all.

    Raises
    ------
    CameraOptionError
        If `progress` is none of these.
    MissingExtraError
        From entering the block, if tqdm is missing.

    Notes
    -----
    An exception of `progress` ends the watching, and is raised at the end of the block unless that
    ends with one already.
    """

    def __init__(self, read: Callable[[], UploadProgress | None], progress: Progress) -> None:
        self._read = read
        self._progress = as_progress(progress)
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()
        self._changed = threading.Condition()
        self._complete = False
        self._error: BaseException | None = None

    def __enter__(self) -> Self:
        self._stop.clear()
        self._complete = False
        self._error = None
        if self._progress is None:
            return self
        tell = _progress_bar() if self._progress is True else self._progress
        self._last = self._read()
        self._thread = threading.Thread(
            target=self._watch, args=(tell,), name="imx500-upload", daemon=True
        )
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._thread is None:
            return
        self._stop.set()
        self._thread.join()
        with self._changed:
            self._thread = None
            self._changed.notify_all()
        if self._error is not None and error is None:
            raise self._error

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait until the network has been sent, or nobody watches any more.

        Parameters
        ----------
        timeout_s : float, optional
            How long to wait at most; by default for ever.

        Returns
        -------
        bool
            Whether the network was sent completely since the block began.
        """
        with self._changed:
            self._changed.wait_for(
                lambda: self._complete or self._error is not None or self._thread is None, timeout_s
            )
            return self._complete

    def _watch(self, tell: Callable[[Stage, int, int | None], object]) -> None:
        try:
            while not self._stop.wait(INTERVAL_S):
                self._look(tell)
            # The last step may have been taken since.
            self._look(tell)
        except BaseException as error:
            with self._changed:
                self._error = error
                self._changed.notify_all()
        finally:
            if isinstance(tell, _Bar):
                tell.close()

    def _look(self, tell: Callable[[Stage, int, int | None], object]) -> None:
        now = self._read()
        if now is None:
            tell("unknown", 0, None)
            return
        last, self._last = self._last, now
        if now == last:
            return
        if (
            last is not None
            and (last.stage, last.total) == (now.stage, now.total)
            and now.done < last.done
            and not last.complete
        ):
            # Between the reads of two files, a finished transfer is missing from both.
            self._last = last
            return
        tell(*now)
        if now.complete:
            with self._changed:
                self._complete = True
                self._changed.notify_all()
