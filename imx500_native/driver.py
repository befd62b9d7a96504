"""The driver of one IMX500: its controls, one at a time, with errors that say what to do."""

from __future__ import annotations

import errno
import os
import threading
from contextlib import contextmanager
from io import FileIO
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from imx500_native import _v4l2
from imx500_native.checks import whole_number
from imx500_native.errors import (
    CameraOptionError,
    ControlMissingError,
    DeviceError,
    DeviceNotFoundError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from imx500_native.discovery import Subdevice

T = TypeVar("T")


class Control(NamedTuple):
    """A control of the driver.

    Attributes
    ----------
    number : int
        Its number in V4L2.
    name : str
        What it is.
    refused : str
        What to do where the driver refuses it for a reason of its own.
    """

    number: int
    name: str
    refused: str


DMESG = "see what the driver says: sudo dmesg | tail"

ROI = Control(_v4l2.ROI, "region of interest", DMESG)
NETWORK_FILE = Control(
    _v4l2.NETWORK_FD, "network firmware file", "pass a complete network file (.rpk)"
)
DEVICE_ID = Control(_v4l2.DEVICE_ID, "device id", "read it while the camera streams a network")
INJECTION = Control(
    _v4l2.INJECTION, "input tensor injection", "set it before the camera starts streaming"
)
INPUT_TENSOR = Control(
    _v4l2.TENSOR_FD,
    "input tensor",
    "call enable_injection(True) before the camera starts, and inject while it streams a network",
)
COMPARISON_FRAME = Control(
    _v4l2.COMPARISON_FRAME, "injection comparison frame", "inject a tensor first"
)

_PERMISSION = 'sudo usermod -aG video "$USER", then log in again'
_UNPLUGGED = "the camera is gone, or its driver was unloaded; open the device again once it is back"
_REMEDIES = {
    errno.EACCES: _PERMISSION,
    errno.EPERM: _PERMISSION,
    errno.ENOENT: "in a container, pass the node in: --device (docker, podman)",
    errno.EBUSY: "stop the camera first: the driver does not do this while it streams",
    errno.ENODEV: _UNPLUGGED,
    errno.ENXIO: _UNPLUGGED,
    errno.EBADF: "open the device again",
    errno.EMFILE: "close files that this program has open",
    errno.ETXTBSY: "close the file, which is open for writing somewhere, or pass its bytes",
    errno.EREMOTEIO: "the sensor did not answer: it is only powered while the camera streams, or "
    "its cable is loose",
    errno.EIO: DMESG,
}
# The driver was already talking to the sensor when these happened.
WHILE_TALKING = (errno.EIO, errno.EREMOTEIO, errno.ETIMEDOUT, errno.EAGAIN)


def refusal(number: int | None, what: str, otherwise: str) -> DeviceError:
    """Make the error for an errno.

    Parameters
    ----------
    number : int or None
        The errno.
    what : str
        What cannot be done.
    otherwise : str
        The remedy where the errno does not suggest one.

    Returns
    -------
    DeviceError
    """
    number = number or errno.EIO
    return DeviceError(number, f"{what}: {os.strerror(number)}", _REMEDIES.get(number, otherwise))


def choose_subdevice(
    found: Sequence[Subdevice], camera: int | str | None, sysfs: str | os.PathLike[str]
) -> Subdevice:
    """Choose a camera.

    Parameters
    ----------
    found : sequence of Subdevice
        Those that there are.
    camera : int, str or None
        As for `Imx500Device`.
    sysfs : str or os.PathLike
        Where they were looked for.

    Returns
    -------
    Subdevice

    Raises
    ------
    DeviceNotFoundError
        If none fits, or several do.
    CameraOptionError
        If `camera` is neither an index nor an id.
    """
    if not found:
        raise DeviceNotFoundError(
            f"no IMX500 was found in {sysfs}: check its cable and camera_auto_detect=1 in "
            "/boot/firmware/config.txt; sudo apt install imx500-all; reboot"
        )
    listed = "; ".join(
        f"{index}: {s.camera_id or s.i2c} ({s.node})" for index, s in enumerate(found)
    )
    if camera is None:
        if len(found) > 1:
            raise DeviceNotFoundError(
                f"expected one IMX500, found {len(found)}; choose by index or id: {listed}"
            )
        return found[0]
    number = whole_number(camera)
    if number is not None:
        if 0 <= number < len(found):
            return found[number]
    elif not isinstance(camera, str):
        raise CameraOptionError(f"camera must be an index, an id or None, not {camera!r:.80}")
    else:
        for subdevice in found:
            if camera in (subdevice.camera_id, subdevice.i2c, str(subdevice.node)):
                return subdevice
    raise DeviceNotFoundError(f"there is no IMX500 {camera!r:.120}; there are {listed}")


@contextmanager
def in_memory(data: bytes) -> Iterator[int]:
    """Make a file that exists in memory only, for as long as a ``with`` block runs.

    Parameters
    ----------
    data : bytes
        What it holds.

    Yields
    ------
    int
        Its descriptor.

    Raises
    ------
    DeviceError
        If there are no descriptors or no memory left.
    """
    try:
        descriptor = os.memfd_create("imx500-native", os.MFD_CLOEXEC)
    except OSError as error:
        raise refusal(error.errno, "cannot make a file in memory", DMESG) from error
    with FileIO(descriptor, "w+") as file:
        rest = memoryview(data)
        while rest:
            rest = rest[file.write(rest) :]
        yield descriptor


class Driver:
    """The open sub-device of one IMX500. Every method may be called from any thread.

    Parameters
    ----------
    subdevice : Subdevice
        Which.

    Attributes
    ----------
    lock : threading.RLock
        Held by whoever asks the driver; hold it to ask several things in a row.

    Raises
    ------
    DeviceError
        If the node cannot be opened.
    """

    def __init__(self, subdevice: Subdevice) -> None:
        self.node = subdevice.node
        self.lock = threading.RLock()
        try:
            # A FileIO is closed on exec, and by the garbage collector at the latest.
            self._file = FileIO(self.node, "r+")
        except OSError as error:
            raise refusal(error.errno, f"cannot open {self.node}", DMESG) from error

    def read(self, control: Control) -> int:
        """Read a control that holds one number.

        Parameters
        ----------
        control : Control

        Returns
        -------
        int

        Raises
        ------
        DeviceError
            As every method here.
        """
        return self._ask("read", control, _v4l2.get_integer)

    def read_words(self, control: Control) -> tuple[int, int, int, int]:
        """Read a control that holds four numbers.

        Parameters
        ----------
        control : Control

        Returns
        -------
        tuple of int
        """
        return self._ask("read", control, _v4l2.get_words)

    def write(self, control: Control, value: int) -> None:
        """Write a control that holds one number.

        Parameters
        ----------
        control : Control
        value : int
        """
        self._ask("set", control, _v4l2.set_integer, value)

    def write_words(self, control: Control, words: tuple[int, int, int, int]) -> None:
        """Write a control that holds four numbers.

        Parameters
        ----------
        control : Control
        words : tuple of int
        """
        self._ask("set", control, _v4l2.set_words, *words)

    def write_bytes(self, control: Control, data: bytes) -> None:
        """Write a control that takes a file, which need not be one.

        Parameters
        ----------
        control : Control
        data : bytes
            What the driver shall read in the file.
        """
        with in_memory(data) as descriptor:
            self.write(control, descriptor)

    def _ask(self, verb: str, control: Control, call: Callable[..., T], *values: int) -> T:
        what = f"cannot {verb} the {control.name} of {self.node}"
        with self.lock:
            if self._file.closed:
                raise DeviceError(errno.EBADF, f"{what}: it was closed", _REMEDIES[errno.EBADF])
            descriptor = self._file.fileno()
            try:
                return call(descriptor, control.number, *values)
            except OSError as error:
                self._check_control(error.errno, control)
                raise refusal(error.errno, what, control.refused) from error

    def _check_control(self, number: int | None, control: Control) -> None:
        # The kernel has one answer for a control that is not there and for a value that is wrong.
        if number not in (errno.EINVAL, errno.ENOTTY):
            return
        try:
            _v4l2.query_control(self._file.fileno(), control.number)
        except OSError as error:
            if error.errno in (errno.EINVAL, errno.ENOTTY):
                raise ControlMissingError(
                    error.errno,
                    f"the driver of {self.node} has no control for the {control.name} "
                    f"(0x{control.number:08x})",
                    "install a newer kernel: sudo apt full-upgrade; reboot",
                ) from error

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._file.closed

    def close(self) -> None:
        """Close the node. Closing again does nothing."""
        with self.lock:
            self._file.close()
