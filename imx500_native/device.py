"""The IMX500 as the kernel's driver shows it: its network, region of interest, id and injection."""

from __future__ import annotations

import os
import time
from io import FileIO
from typing import TYPE_CHECKING, Any, Protocol, Self

from imx500_native.discovery import DEBUGFS, DEV, SYSFS, find_subdevices
from imx500_native.driver import (
    COMPARISON_FRAME,
    DEVICE_ID,
    INJECTION,
    INPUT_TENSOR,
    NETWORK_FILE,
    ROI,
    WHILE_TALKING,
    Driver,
    choose_subdevice,
)
from imx500_native.errors import (
    ControlMissingError,
    DeviceError,
    NetworkFileError,
    TensorInfoError,
)
from imx500_native.geometry import FULL_ROI, Rect
from imx500_native.injection import MAX_TENSOR_BYTES, PendingInjection, tensor_bytes
from imx500_native.network import Network, as_network
from imx500_native.peer_geometry import aspect_ratio_roi
from imx500_native.roi import RoiHistory, roi_of_words, roi_words
from imx500_native.upload import UploadWatch, read_progress

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Buffer

    from imx500_native.upload import Progress, UploadProgress

    class BinaryFile(Protocol):
        """What has bytes to read."""

        def read(self) -> bytes: ...  # noqa: D102


class Imx500Device:
    """One IMX500, controlled through the V4L2 sub-device of its driver.

    Works beside libcamera and picamera2, and without them. Every method may be called from any
    thread; the driver gets one request at a time.

    Parameters
    ----------
    camera : int or str, optional
        Which AI Camera: its place among them in the order of their nodes' numbers, or libcamera's
        id, the place on the I2C buses ("10-001a") or the device node. The only one where it is not
        given.
    sysfs, dev, debugfs : str or os.PathLike
        Where those file systems are mounted.

    Attributes
    ----------
    subdevice : Subdevice
        What was opened: `node`, `camera_id` and more.
    network : Network or None
        What `load` was given, where that was a network or a path.
    roi_history : RoiHistory
        Which ROI was in force when, as `last_roi` and `roi_at` tell it; only to be read.

    Raises
    ------
    DeviceNotFoundError
        If there is no such camera, or several and none was chosen; lists those that there are.
    CameraOptionError
        If `camera` is neither an index nor an id.
    DeviceError
        If its node cannot be opened, with errno and remedy: EACCES where this user may not.

    Notes
    -----
    All other methods raise `DeviceError` too. errno is ENODEV where the camera was unplugged, EBUSY
    where it streams and must not, EREMOTEIO where the sensor did not answer, EBADF after `close`;
    a driver that lacks a control gives `ControlMissingError`.

    Examples
    --------
    >>> with Imx500Device() as device:  # doctest: +SKIP
    ...     device.load("imx500_network_yolo11n_pp.rpk")
    ...     device.set_roi((508, 0, 3040, 3040))
    (508, 0, 3040, 3040)
    """

    def __init__(
        self,
        camera: int | str | None = None,
        *,
        sysfs: str | os.PathLike[str] = SYSFS,
        dev: str | os.PathLike[str] = DEV,
        debugfs: str | os.PathLike[str] = DEBUGFS,
    ) -> None:
        self.subdevice = choose_subdevice(find_subdevices(sysfs, dev, debugfs), camera, sysfs)
        self.network: Network | None = None
        self._driver = Driver(self.subdevice)
        try:
            self.roi_history = RoiHistory(self._read_roi(), _now_ns())
        except ControlMissingError:
            # A driver that cannot change it shows the network everything.
            self.roi_history = RoiHistory(FULL_ROI, _now_ns())
        except BaseException:
            self._driver.close()
            raise

    def load(self, network: Network | str | os.PathLike[str] | BinaryFile | Buffer) -> None:
        """Hand a network to the driver, which sends it to the sensor when the camera starts.

        Returns as soon as the driver has read the file, which may then change or go. It stays in
        the driver, also after `close`, until another one is loaded.

        Parameters
        ----------
        network : Network, str, os.PathLike, file or bytes-like
            A network with a file, or its path, which are checked; or an open binary file, which is
            read from where it stands to its end, or the bytes of one, which go to the driver as
            they are.

        Raises
        ------
        NetworkFileError
            If the file is no network file, or the network has none, or there are no bytes.
        NetworkNotFoundError
            If there is no such file.
        DeviceError
            EBUSY while the camera streams: change networks between stop and start.
        """
        if isinstance(network, (str, os.PathLike)):
            network = Network(network)
        if isinstance(network, Network):
            self._load_file(network)
            return
        data: Any = network.read() if hasattr(network, "read") else network
        try:
            content = memoryview(data).tobytes()
        except TypeError:
            raise NetworkFileError(
                "expected a Network, a path, a file opened in binary mode or bytes, "
                f"got {type(network).__name__} of {type(data).__name__}"
            ) from None
        if not content:
            raise NetworkFileError("expected the bytes of a network file, got none")
        self._driver.write_bytes(NETWORK_FILE, content)
        self.network = None

    def _load_file(self, network: Network) -> None:
        if network.path is None:
            raise NetworkFileError(
                f"network {network.name!r} has no firmware file, so the sensor cannot run it; "
                "sudo apt install imx500-models, or make it with Network(path)"
            )
        try:
            file = FileIO(network.path, "r")
        except OSError as error:
            raise NetworkFileError(
                f"the network file {network.path} cannot be read: {error.strerror}"
            ) from error
        with file:
            self._driver.write(NETWORK_FILE, file.fileno())
        self.network = network

    def upload_progress(self) -> UploadProgress | None:
        """Tell how far the sensor is with receiving its network.

        Returns
        -------
        UploadProgress or None
            Of the running upload or, where there is none, of the last one. None where it cannot be
            read, which usually only root can.
        """
        return read_progress(self.subdevice)

    def watch_upload(self, progress: Progress = True) -> UploadWatch:
        """Tell of an upload while a ``with`` block runs, which starts a camera.

        Parameters
        ----------
        progress : callable, True or None
            ``progress(stage, done, total)``, called from a thread of its own; True shows a bar;
            None does nothing. See `UploadWatch`.

        Returns
        -------
        UploadWatch
            A context manager.
        """
        return UploadWatch(self.upload_progress, progress)

    def device_id(self) -> str:
        """Read the sensor's own id.

        Returns
        -------
        str
            32 hexadecimal digits.

        Raises
        ------
        DeviceError
            EREMOTEIO where the sensor is not powered: read it while the camera streams.
        """
        words = self._driver.read_words(DEVICE_ID)
        return "".join(f"{word:08X}" for word in words)

    def _read_roi(self) -> Rect:
        return roi_of_words(self._driver.read_words(ROI))

    @property
    def roi(self) -> Rect:
        """What the network sees, (x, y, width, height) in sensor pixels, as the driver has it."""
        with self._driver.lock:
            roi = self._read_roi()
            self.roi_history.confirmed(roi, _now_ns())
        return roi

    @property
    def last_roi(self) -> Rect:
        """What `roi` was when it was last set or read; asks the driver nothing."""
        return self.roi_history.latest

    def set_roi(self, roi: Rect | None) -> Rect:
        """Change what the network sees, at once where the camera streams.

        Parameters
        ----------
        roi : tuple of int or None
            (x, y, width, height) in sensor pixels; None is the full sensor.

        Returns
        -------
        tuple of int
            What was applied, read back. The control cuts every number to 4032 without a word, so
            that (0, 0, 4056, 3040) becomes (0, 0, 4032, 3040): ask for None.

        Raises
        ------
        GeometryError
            If `roi` has no area or leaves the sensor.
        DeviceError
            If the driver refuses. Where the sensor may have got a part of it, frames are uncertain
            until the next change, see `roi_at`.
        """
        words = roi_words(roi)
        with self._driver.lock:
            began_ns = _now_ns()
            written = False
            try:
                self._driver.write_words(ROI, words)
                written = True
                applied = self._read_roi()
            except DeviceError as error:
                if written or error.errno in WHILE_TALKING:
                    self.roi_history.failed(began_ns)
                raise
            self.roi_history.changed(applied, began_ns, _now_ns())
        return applied

    def set_roi_aspect(self, width: int, height: int) -> Rect:
        """Show the network the largest part of the sensor's middle that has an aspect ratio.

        Parameters
        ----------
        width, height : int
            The ratio, for example 1 and 1.

        Returns
        -------
        tuple of int
            What was applied. libcamera's rounding makes 4:3 4053 wide, which the control cuts to
            4032, as `set_roi` says.

        Raises
        ------
        GeometryError, DeviceError
            As `imx500_native.peer_geometry.aspect_ratio_roi` and `set_roi`.
        """
        return self.set_roi(aspect_ratio_roi((width, height)))

    def set_roi_for(self, network: Network) -> Rect:
        """Show a network what has the aspect ratio of its input, so that nothing is distorted.

        Parameters
        ----------
        network : Network
            Whose input's size counts.

        Returns
        -------
        tuple of int
            What was applied, as `set_roi_aspect`.

        Raises
        ------
        NetworkTypeError
            If `network` is no `Network`.
        DeviceError
            As `set_roi`.
        """
        as_network(network)
        return self.set_roi_aspect(network.input.width, network.input.height)

    def roi_at(self, sensor_timestamp_ns: int) -> tuple[Rect, bool]:
        """Tell what the network saw in a frame; asks the driver nothing.

        Parameters
        ----------
        sensor_timestamp_ns : int
            `Frame.sensor_timestamp_ns`, on CLOCK_BOOTTIME.

        Returns
        -------
        roi : tuple of int
            (x, y, width, height) in sensor pixels.
        uncertain : bool
            The frame is from 100 ms before to 300 ms after a change, or from before this device
            was opened. What another program changes is known once `roi` was read.
        """
        return self.roi_history.at(sensor_timestamp_ns)

    def enable_injection(self, enable: bool) -> None:
        """Have the sensor take input tensors from `inject` from the camera's next start on.

        Parameters
        ----------
        enable : bool
            The driver forgets it when the camera stops.

        Raises
        ------
        ControlMissingError
            If the driver knows no injection.
        DeviceError
            If the driver refuses.
        """
        self._driver.write(INJECTION, int(enable))

    def inject(self, tensor: Buffer) -> int:
        """Give the network an input, while the camera streams with injection enabled.

        Parameters
        ----------
        tensor : bytes-like
            As the sensor takes it, see `imx500_native.injection.input_tensor`.

        Returns
        -------
        int
            The frame count, 1 to 254, of the frame that will have the outputs, see
            `imx500_native.injection.frames_since`.

        Raises
        ------
        TensorInfoError
            If the tensor has not the size of the loaded network's, or is larger than the driver
            takes, 1 MiB: inputs of 640x640 are.
        DeviceError
            EREMOTEIO where the transfer failed, which happens: try again.
        """
        data = self._checked_tensor(tensor)
        with self._driver.lock:
            self._driver.write_bytes(INPUT_TENSOR, data)
            return self.comparison_frame()

    def start_injection(self, tensor: Buffer, attempts: int = 100) -> PendingInjection:
        """Inject, and find the frame that has the outputs in spite of frames that are missed.

        Parameters
        ----------
        tensor : bytes-like
            As for `inject`.
        attempts : int
            How often to inject at most.

        Returns
        -------
        PendingInjection
            To be asked of each frame: ``pending.matches(frame.frame_count)``.

        Raises
        ------
        TensorInfoError, DeviceError
            As `inject`.
        """
        data = self._checked_tensor(tensor)
        return PendingInjection(lambda: self.inject(data), attempts)

    def comparison_frame(self) -> int:
        """Read the frame count of the frame that has the outputs of the last injected tensor.

        Returns
        -------
        int
            1 to 254.

        Raises
        ------
        DeviceError
            If the driver refuses.
        """
        return self._driver.read(COMPARISON_FRAME)

    def _checked_tensor(self, tensor: Buffer) -> bytes:
        try:
            data = memoryview(tensor).tobytes()
        except TypeError:
            raise TensorInfoError(
                f"expected the bytes of an input tensor, got {type(tensor).__name__}"
            ) from None
        if self.network is not None:
            expected = tensor_bytes(self.network.input)
            if len(data) != expected:
                raise TensorInfoError(
                    f"expected {expected} bytes, the padded input of {self.network.name}, "
                    f"got {len(data)}; imx500_native.injection.input_tensor makes them"
                )
        if not data or len(data) % 4 or len(data) > MAX_TENSOR_BYTES:
            raise TensorInfoError(
                "the driver takes a multiple of 4 bytes and at most "
                f"{MAX_TENSOR_BYTES} bytes as an input tensor, not {len(data)}"
            )
        return data

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._driver.closed

    def close(self) -> None:
        """Close the device node; the driver keeps network and ROI. Closing again does nothing."""
        self._driver.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        name = self.subdevice.camera_id or self.subdevice.i2c
        return f"<Imx500Device {name} {'closed' if self.closed else self.subdevice.node}>"


def _now_ns() -> int:
    # The clock of libcamera's SensorTimestamp.
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)
