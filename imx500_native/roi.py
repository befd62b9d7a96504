"""The region of interest (ROI) as the driver takes it, and which one a frame was seen through."""

from __future__ import annotations

from typing import NamedTuple

from imx500_native.geometry import FULL_ROI, SENSOR_SIZE, Rect, as_roi

# When the sensor takes a new ROI over was never measured; these bounds are reasoned. A frame lasts
# 100 ms at the slowest mode (4056x3040 at 10 frames per second), and one may be on its way when
# the driver writes. Tensors come with a later frame than the one they are from: that is one frame
# and up to two runs of a network, the slowest of the public ones taking 100 ms.
UNCERTAIN_BEFORE_NS = 100_000_000
UNCERTAIN_AFTER_NS = 300_000_000

_LONGEST_HISTORY = 64


def roi_words(roi: Rect | None) -> Rect:
    """Write a ROI as the driver's control takes it.

    Parameters
    ----------
    roi : tuple of int or None
        (x, y, width, height) in sensor pixels; None is the full sensor.

    Returns
    -------
    tuple of int
        left, top, width, height. The full sensor is all zeros: the control's largest value is
        4032, and it would cut a width of 4056.

    Raises
    ------
    GeometryError
        As `as_roi`.
    """
    return (0, 0, 0, 0) if roi is None else as_roi(roi, "the ROI")


def roi_of_words(words: Rect) -> Rect:
    """Tell which ROI the driver makes of its control's value.

    Parameters
    ----------
    words : tuple of int
        left, top, width, height, as read from the control.

    Returns
    -------
    tuple of int
        (x, y, width, height) in sensor pixels. A width or height of 0 is the full sensor, and
        each number is cut to the sensor's size by itself.
    """
    left, top, width, height = words
    if width == 0 or height == 0:
        return FULL_ROI
    columns, rows = SENSOR_SIZE
    return min(left, columns), min(top, rows), min(width, columns), min(height, rows)


class _Change(NamedTuple):
    """From when to when a ROI was being set; `ended_ns` is None while nobody knows."""

    roi: Rect
    began_ns: int
    ended_ns: int | None


class RoiHistory:
    """Which ROI was in force when.

    Times are those of CLOCK_BOOTTIME in nanoseconds, as libcamera's ``SensorTimestamp`` is. One
    thread at a time may change it; any may ask.

    Parameters
    ----------
    roi : tuple of int
        The ROI at the beginning.
    since_ns : int
        When it was read.

    Attributes
    ----------
    latest : tuple of int
        The ROI that was set or read last.
    constant : tuple of int or None
        The ROI that `at` tells for any time; None once there was a change.
    """

    def __init__(self, roi: Rect, since_ns: int) -> None:
        self._changes: tuple[_Change, ...] = (_Change(roi, since_ns, since_ns),)
        self._confirmed_ns = since_ns
        self.latest = roi
        self.constant: Rect | None = roi

    def changed(self, roi: Rect, began_ns: int, ended_ns: int) -> None:
        """Record that a ROI was set.

        Parameters
        ----------
        roi : tuple of int
            The ROI that is in force since.
        began_ns, ended_ns : int
            Before and after it was set.
        """
        self._confirmed_ns = ended_ns
        last = self._changes[-1]
        if last.ended_ns is None:
            self._changes = (*self._changes[:-1], last._replace(ended_ns=began_ns))
        elif last.roi == roi:
            return
        self._append(_Change(roi, began_ns, ended_ns))

    def failed(self, began_ns: int) -> None:
        """Record that the sensor may hold parts of a new ROI, until the next one is set.

        Parameters
        ----------
        began_ns : int
            Before it was set.
        """
        if self._changes[-1].ended_ns is not None:
            self._append(_Change(self._changes[-1].roi, began_ns, None))

    def confirmed(self, roi: Rect, now_ns: int) -> None:
        """Record which ROI was read: another program may have set one since the last look.

        Parameters
        ----------
        roi : tuple of int
            The ROI that was read.
        now_ns : int
            When.
        """
        if self._changes[-1].roi != roi:
            self.changed(roi, self._confirmed_ns, now_ns)
        self._confirmed_ns = now_ns

    def _append(self, change: _Change) -> None:
        # A new tuple, so that others can read the old one meanwhile.
        self._changes = (*self._changes[1 - _LONGEST_HISTORY :], change)
        self.latest = change.roi
        self.constant = None

    def at(self, timestamp_ns: int) -> tuple[Rect, bool]:
        """Tell which ROI a frame was seen through.

        Parameters
        ----------
        timestamp_ns : int
            The frame's sensor timestamp.

        Returns
        -------
        roi : tuple of int
            (x, y, width, height) in sensor pixels.
        uncertain : bool
            The frame is from the time around a change, from `UNCERTAIN_BEFORE_NS` before it began
            to `UNCERTAIN_AFTER_NS` after it ended, or from before the history begins.
        """
        changes, uncertain = self._changes, False
        for change in reversed(changes[1:]):
            if timestamp_ns < change.began_ns - UNCERTAIN_BEFORE_NS:
                continue
            if change.ended_ns is None or timestamp_ns < change.ended_ns + UNCERTAIN_AFTER_NS:
                uncertain = True
            # Whatever was before it ended before it.
            if change.ended_ns is not None and timestamp_ns >= change.ended_ns:
                return change.roi, uncertain
        return changes[0].roi, uncertain or timestamp_ns < changes[0].began_ns
