"""picamera2's ``IMX500``, on this package's device, networks, tensors and coordinates."""

from __future__ import annotations

import os
import threading
from enum import IntEnum
from io import FileIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from imx500_native import _image, _tensors
from imx500_native._peer_geometry import PeerChain
from imx500_native.device import Imx500Device
from imx500_native.discovery import find_subdevices
from imx500_native.errors import MissingContextError, TensorInfoError
from imx500_native.frame import kpi_of
from imx500_native.geometry import FULL_ROI
from imx500_native.intrinsics import NetworkIntrinsics
from imx500_native.network import Network
from imx500_native.peer_geometry import aspect_ratio_roi
from imx500_native.picamera2 import shapes
from imx500_native.picamera2.configuration import configuration_of
from imx500_native.picamera2.coordinates import (
    Coordinates,
    Placement,
    all_seen,
    checked_word,
    in_whole_pixels,
    number_of,
    on_full_sensor,
)
from imx500_native.picamera2.shapes import PlainRectangle, PlainSize
from imx500_native.picamera2.sources import metadata_of
from imx500_native.upload import STAGES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy.typing as npt

__all__ = ["IMX500", "NetworkIntrinsics"]

FW_LOADER_STAGE = 0
FW_MAIN_STAGE = 1
FW_NETWORK_STAGE = 2

UPLOAD_PATIENCE_S = 600
"""How long a progress bar waits for an upload that may never come."""

# A pickled config names them by this module.
PlainRectangle.__module__ = PlainSize.__module__ = __name__


class IMX500:
    """An IMX500 for programs that were written for picamera2.

    Everything that picamera2's class of this name has is here, with the same names, arguments,
    results and units; docs/picamera2.md lists what differs. `device` and `network` lead to the
    rest of this package.

    Parameters
    ----------
    network_file : str
        The network file to load; "" for none.
    camera_id : str
        A part of libcamera's id of the camera; "" for the first one.
    tensor_injection : bool
        Whether to let the network's input be injected.
    coordinates : {"auto", "exact", "picamera2"}
        "picamera2": its own numbers, which are wrong where the region of interest (ROI) is not the
        full sensor, or the picture is flipped. "exact": those of `imx500_native.CoordinateMapper`,
        rounded to whole pixels. "auto": picamera2's for a frame that was seen through the full
        sensor, else exact ones.
    network_flipped : bool, optional
        Whether what the network sees is flipped as the picture is, see `CoordinateMapper`: exact
        coordinates want to know it where the camera's ``transform`` has a flip.
    device : Imx500Device, optional
        The device to use, rather than to look for one. It stays open.

    Attributes
    ----------
    device : Imx500Device
        The device itself.
    network : Network or None
        What is in the network file.
    network_flipped : bool or None
        The parameter; may be changed at any time.
    imx500_device_id, spi_device_id : str
        Where the sensor and its bridge are, such as "10-001a" and "10-0040".
    fw_progress : IMX500.FwProgressType
        Whether the progress of uploads can be read.

    Raises
    ------
    DeviceNotFoundError
        If there is no such camera.
    NetworkNotFoundError, NetworkFileError
        If the network file is not there, or is none.
    DeviceError
        If the driver refuses; picamera2 prints some of its refusals, here all are raised.
    GeometryError
        If `coordinates` is none of the three words.
    """

    class FwProgressType(IntEnum):
        """Whether the progress of uploads can be read."""

        NONE = 0
        DIRECT = 1
        INDIRECT = 2

    def __init__(
        self,
        network_file: str,
        camera_id: str = "",
        tensor_injection: bool = False,
        *,
        coordinates: Coordinates = "auto",
        network_flipped: bool | None = None,
        device: Imx500Device | None = None,
    ) -> None:
        self.coordinates = coordinates
        self.network_flipped = network_flipped
        # Read first: a wrong name is told without touching the camera.
        self.network = Network(Path(network_file).absolute()) if network_file else None
        self.__own_device: Imx500Device | None = None
        self.__device_file: FileIO | None = None
        self.device = device or self.__opened(camera_id)
        subdevice = self.device.subdevice
        self.imx500_device_id = subdevice.i2c
        self.spi_device_id = subdevice.i2c.replace("001a", "0040")
        self.fw_progress = (
            IMX500.FwProgressType.DIRECT
            if subdevice.progress_state == "readable"
            else IMX500.FwProgressType.NONE
        )
        self.__cfg = configuration_of(network_file, self.network)
        self.__placement = Placement(self.device, self.__cfg)
        if self.network is not None:
            if tensor_injection:
                self.device.enable_injection(True)
            self.device.load(self.network)
        self.set_inference_roi_abs(FULL_ROI)

    def __opened(self, camera_id: str) -> Imx500Device:
        chosen: int | str = camera_id or 0
        for subdevice in find_subdevices():
            if camera_id and subdevice.camera_id and camera_id in subdevice.camera_id:
                chosen = str(subdevice.node)
                break
        self.__own_device = Imx500Device(chosen)
        return self.__own_device

    def __del__(self) -> None:
        # Of an object whose constructor failed, neither may be there.
        for name in ("_IMX500__device_file", "_IMX500__own_device"):
            resource = self.__dict__.get(name)
            if resource is not None:
                resource.close()

    @property
    def coordinates(self) -> Coordinates:
        """How coordinates are converted, see the class; may be changed at any time."""
        return self.__coordinates

    @coordinates.setter
    def coordinates(self, word: Coordinates) -> None:
        self.__coordinates: Coordinates = checked_word(word)

    @property
    def device_fd(self) -> FileIO:
        """The sub-device as an open file of its own, for a program's own ioctls."""
        if self.__device_file is None:
            self.__device_file = FileIO(self.device.subdevice.node, "r+")
        return self.__device_file

    @property
    def camera_num(self) -> int:
        """The number that ``Picamera2`` wants of this camera; imports picamera2."""
        from picamera2 import Picamera2

        own = self.device.subdevice.camera_id or ""
        for camera in Picamera2.global_camera_info():
            if camera["Model"] == "imx500" and camera["Id"] in own:
                number: int = camera["Num"]
                return number
        raise MissingContextError(
            f"picamera2 lists no camera of the id {own!r}; is another program using it?"
        )

    @property
    def config(self) -> dict[str, Any]:
        """What is known of the network and the ROI, as picamera2 has it; a dict that stays.

        ``roi`` is brought up to date whenever this is read.
        """
        self.__placement.follow()
        return self.__cfg

    @property
    def network_intrinsics(self) -> NetworkIntrinsics | None:
        """What the network file says about the network; None where it does not."""
        intrinsics: NetworkIntrinsics | None = self.__cfg.get("intrinsics")
        return intrinsics

    def convert_inference_coords(
        self, coords: Iterable[Any], metadata: Any, picam2: Any, stream: str = "main"
    ) -> tuple[int, int, int, int]:
        """Say where a box is in the picture.

        Parameters
        ----------
        coords : iterable of float
            y0, x0, y1, x1 in 0..1 of what the network saw.
        metadata : mapping or request
            Of the frame: what the picture shows is its ``ScalerCrop``, and what the network saw is
            the ROI at its ``SensorTimestamp``, or without one the newest.
        picam2 : Picamera2
            Whose ``camera_configuration()`` tells the sizes of the streams, and how they are
            turned.
        stream : str
            Which picture.

        Returns
        -------
        tuple of int
            x, y, width, height in pixels of the stream, see the class's `coordinates`.

        Raises
        ------
        KeyError
            If the metadata has no ``ScalerCrop``, or the camera no such stream.
        GeometryError
            If the crop has no area, a number is not finite, or the pictures are flipped and it was
            not told whether what the network saw is.
        """
        configuration = picam2.camera_configuration()
        y0, x0, y1, x1 = coords
        plain = type(y0) is type(x0) is type(y1) is type(x1) is float
        way = self.__placement.way_to(
            metadata, configuration, stream, self.__coordinates, self.network_flipped
        )
        if isinstance(way, PeerChain):
            if plain:
                return way.picamera2_box(y0, x0, y1, x1)
            return way.rectangle(on_full_sensor(y0, x0, y1, x1))
        corners = [x0, y0, x1, y1]
        if not plain:
            corners = [float(number_of(value)) for value in corners]
        return in_whole_pixels(way, corners)

    def get_roi_scaled(self, request: Any, stream: str = "main") -> tuple[int, int, int, int]:
        """Say where what the network saw is in the picture.

        Parameters
        ----------
        request : picamera2.request.CompletedRequest
            Of the frame.
        stream : str
            Which picture.

        Returns
        -------
        tuple of int
            x, y, width, height in pixels of the stream, see the class's `coordinates`.

        Raises
        ------
        KeyError, GeometryError
            As `convert_inference_coords`.
        """
        configuration = request.picam2.camera_configuration()
        way = self.__placement.way_to(
            request, configuration, stream, self.__coordinates, self.network_flipped
        )
        return way.full if isinstance(way, PeerChain) else all_seen(way)

    @staticmethod
    def get_isp_output_size(picam2: Any, stream: str = "main") -> Any:
        """Return the size of a stream as a libcamera.Size, with ``width`` and ``height``."""
        size = picam2.camera_configuration()[stream]["size"]
        return shapes.size(size)

    def get_input_size(self) -> tuple[int, int]:
        """Return the size of the network's input.

        Returns
        -------
        tuple of int
            (width, height) in pixels.

        Raises
        ------
        MissingContextError
            If no network was loaded, nor ``config["input_tensor_size"]`` set.
        """
        # A program may have written it there itself.
        size: tuple[int, int] | None = self.__cfg.get("input_tensor_size")
        if size is None:
            raise _network_missing("get_input_size")
        return size

    def __known_network(self, wanted: str) -> Network:
        if self.network is None:
            raise _network_missing(wanted)
        return self.network

    def input_tensor_image(self, input_tensor: Any) -> npt.NDArray[np.uint8]:
        """Turn an input tensor into a picture.

        Parameters
        ----------
        input_tensor : sequence of int, bytes-like or ndarray
            ``CnnInputTensor``: planes in the network's order. Wider numbers of an array are cut to
            bytes.

        Returns
        -------
        ndarray
            uint8, (height, width, 3), blue first, which picamera2 and OpenCV call RGB888 and BGR.

        Raises
        ------
        TensorInfoError
            If it does not hold as many bytes as the network's input has.
        MissingContextError
            If no network was loaded.
        """
        spec = self.__known_network("input_tensor_image").input
        if isinstance(input_tensor, np.ndarray) and input_tensor.itemsize > 1:
            # What numpy makes of a tuple of bytes.
            input_tensor = input_tensor.astype(np.uint8)
        planes = _tensors.byte_array(input_tensor)
        shape = (3, spec.height, spec.width)
        if planes.size != 3 * spec.height * spec.width:
            raise TensorInfoError(
                f"an input tensor of 3 planes of {spec.width} x {spec.height} has "
                f"{3 * spec.height * spec.width} bytes, but {planes.size} came"
            )
        table = spec.decode_table()
        # It returns what it takes for RGB: told the opposite, it puts blue first.
        return _image.planar_to_rgb(planes.reshape(shape), table, spec.format != "BGR")

    def prepare_tensor_for_injection(self, exr_input: Any) -> bytes:
        """Make an input tensor of an OpenEXR picture; needs OpenEXR and Imath.

        Parameters
        ----------
        exr_input : OpenEXR.InputFile
            Channels R, G and B of 32-bit floats in 0..1, of the size of the network's input.

        Returns
        -------
        bytes
            As the sensor takes it: normalised as the network wants, each plane padded with zeros.

        Raises
        ------
        TensorInfoError
            If it is something else.
        MissingContextError
            If no network was loaded.
        """
        from imx500_native.picamera2.injection import tensor_of_exr

        return tensor_of_exr(self.__known_network("prepare_tensor_for_injection").input, exr_input)

    def get_outputs(
        self, metadata: Any, add_batch: bool = False
    ) -> list[npt.NDArray[np.float32]] | None:
        """Return the network's output tensors.

        Parameters
        ----------
        metadata : mapping or request
            Of the frame. Of a request the tensors are read where libcamera has them.
        add_batch : bool
            Whether to give each a first axis of length 1.

        Returns
        -------
        list of ndarray or None
            float32 in Fortran order, writeable and the caller's own. None where the frame carries
            none; empty where it does not describe them.

        Raises
        ------
        TensorInfoError
            If the description is malformed or does not fit the tensors.
        """
        found = metadata_of(metadata)
        values = found.get("CnnOutputTensor")
        if values is None or len(values) == 0:
            return None
        info = found.get("CnnOutputTensorInfo")
        if info is None or len(info) == 0:
            return []
        expected = None if self.network is None else self.network.output_shapes
        outputs = [a.copy(order="F") for a in _tensors.output_arrays(values, info, expected)]
        return [array[np.newaxis] for array in outputs] if add_batch else outputs

    def get_output_shapes(self, metadata: Any) -> list[list[int]]:
        """Return the shapes of the output tensors.

        Parameters
        ----------
        metadata : mapping or request
            Of the frame.

        Returns
        -------
        list of list of int
            Empty where the frame does not describe them.

        Raises
        ------
        TensorInfoError
            If the description is malformed.
        """
        info = metadata_of(metadata).get("CnnOutputTensorInfo")
        if info is None or len(info) == 0:
            return []
        return [list(shape) for shape in _tensors.output_info(info).shapes]

    @staticmethod
    def get_kpi_info(metadata: Any) -> tuple[float, float] | None:
        """Return how long the network ran: (DNN, DSP) in milliseconds, or None.

        Parameters
        ----------
        metadata : mapping or request
            Of the frame.

        Returns
        -------
        tuple of float or None
            None where the frame does not say.

        Raises
        ------
        TensorInfoError
            If it says something else than two times.
        """
        times = kpi_of(metadata_of(metadata).get("CnnKpiInfo"))
        return None if times is None else (times.dnn_ms, times.dsp_ms)

    def set_inference_roi_abs(self, roi: Sequence[int]) -> None:
        """Change what the network sees.

        Parameters
        ----------
        roi : sequence of int
            (x, y, width, height) in sensor pixels; what leaves the sensor is cut off.

        Raises
        ------
        GeometryError
            If nothing of it is on the sensor.
        DeviceError
            If the driver refuses.
        """
        self.__placement.request(roi)

    def set_inference_aspect_ratio(self, aspect_ratio: Sequence[int]) -> None:
        """Show the network the largest part of the sensor's middle that has an aspect ratio.

        Parameters
        ----------
        aspect_ratio : sequence of int
            Width and height, in any unit.

        Raises
        ------
        GeometryError
            If one of them is zero.
        DeviceError
            If the driver refuses.
        """
        width, height = aspect_ratio[:2]
        self.set_inference_roi_abs(aspect_ratio_roi((width, height)))

    def set_auto_aspect_ratio(self) -> None:
        """Show the network what has the aspect ratio of its input.

        Raises
        ------
        MissingContextError
            If no network was loaded.
        DeviceError
            If the driver refuses.
        """
        self.set_inference_aspect_ratio(self.get_input_size())

    def get_device_id(self) -> str:
        """Return the sensor's own id, 32 hexadecimal digits; while the camera streams.

        Raises
        ------
        DeviceError
            If the driver refuses.
        """
        return self.device.device_id()

    def get_injection_cmp_frm(self) -> int:
        """Return the frame count of the frame that has the outputs of the injected tensor.

        Raises
        ------
        DeviceError
            If the driver refuses.
        """
        return self.device.comparison_frame()

    def get_fw_upload_progress(self, stage_req: int) -> tuple[int, int]:
        """Return how far an upload is.

        Parameters
        ----------
        stage_req : int
            Which: `FW_LOADER_STAGE`, `FW_MAIN_STAGE` or `FW_NETWORK_STAGE`.

        Returns
        -------
        tuple of int
            Bytes sent, and bytes in all, 0 where the driver does not say; (0, 0) where another
            stage is on or nothing is known.
        """
        progress = self.device.upload_progress()
        if progress is None or progress.stage != dict(enumerate(STAGES)).get(stage_req):
            return (0, 0)
        return (progress.done, progress.total or 0)

    def show_network_fw_progress_bar(self) -> None:
        """Show a bar while the network is sent to the sensor; needs tqdm.

        Returns at once. The bar is drawn by a thread that ends with the upload, and with the
        program. Where progress cannot be read, or nothing is sent, no bar is shown.

        Raises
        ------
        MissingExtraError
            If tqdm is not installed.
        """
        if self.fw_progress == IMX500.FwProgressType.NONE:
            return
        watch = self.device.watch_upload(True)
        watch.__enter__()

        def end() -> None:
            watch.wait(UPLOAD_PATIENCE_S)
            watch.__exit__(None, None, None)

        threading.Thread(target=end, name="imx500-progress-bar", daemon=True).start()

    # picamera2's injection example calls these two by their mangled names.

    def __set_input_tensor(self, input_tensor_fd: int) -> None:
        length = os.fstat(input_tensor_fd).st_size
        self.device.inject(os.pread(input_tensor_fd, length, 0))

    def __get_output_tensor_info(self, tensor_info: Any) -> dict[str, Any]:
        info = _tensors.output_info(tensor_info)
        return {
            "network_name": info.network_name,
            "num_tensors": len(info.shapes),
            "frameCount": info.frame_count or 0,
            "info": [
                {
                    "tensor_data_num": int(np.prod(shape)),
                    "num_dimensions": len(shape),
                    "size": list(shape),
                }
                for shape in info.shapes
            ],
        }


def _network_missing(wanted: str) -> MissingContextError:
    return MissingContextError(f"{wanted} depends on the network; give IMX500 its file")
