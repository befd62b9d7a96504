"""One camera frame: its picture, its tensors, and what they mean."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

import numpy as np

from imx500_native import _image, _tensors, bindings
from imx500_native._frame import FrameState, checked_roi, new_frame
from imx500_native.errors import MissingContextError, TensorInfoError
from imx500_native.geometry import (
    TRANSFORMS,
    Layout,
    Rect,
    Size,
    TransformName,
    as_network_flipped,
    as_rectangle,
    as_size,
    as_transform,
    configured_transform,
)
from imx500_native.metadata import Metadata, several

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from imx500_native.network import Network

Access = Literal["move", "copy", "buffer", "tuple"]


class ControlSource(Protocol):
    """Where a frame reads its controls: a dict, or libcamera's own list."""

    @property
    def access(self) -> Access: ...  # noqa: D102

    def get(self, name: str, /) -> Any: ...  # noqa: D102

    def output_arrays(  # noqa: D102
        self, shapes: Sequence[tuple[int, ...]] | None = None
    ) -> tuple[npt.NDArray[np.float32], ...] | None: ...

    def to_dict(self) -> dict[str, Any]: ...  # noqa: D102


class Kpi(NamedTuple):
    """How long the network ran on the sensor, in milliseconds."""

    dnn_ms: float
    dsp_ms: float


def kpi_of(values: Sequence[int] | npt.NDArray[np.int32] | None) -> Kpi | None:
    """Read how long the network ran.

    Parameters
    ----------
    values : sequence of int or None
        ``CnnKpiInfo``: two times in microseconds, or nothing.

    Returns
    -------
    Kpi or None
        None where the frame does not say.

    Raises
    ------
    TensorInfoError
        If they are not two numbers.
    """
    try:
        if values is None or len(values) == 0:
            return None
        dnn_us, dsp_us = values
        return Kpi(float(dnn_us) / 1000, float(dsp_us) / 1000)
    except (TypeError, ValueError):
        raise TensorInfoError(f"CnnKpiInfo must hold two times in µs, not {values!r:.80}") from None


class Frame(FrameState):
    """One camera frame, made by `from_request`, `from_metadata` or by iterating a camera.

    Everything is read when it is asked for, from values that the frame keeps to itself: nothing
    that it hands out points to memory that a camera may reuse.

    Attributes
    ----------
    network : Network or None
        The network that the tensors are from.
    roi : tuple of int or None
        What the network saw, (x, y, width, height) in sensor pixels; None where nobody said.
    roi_uncertain : bool
        Whether the ROI was being changed about when the frame was taken.
    image : ndarray or None
        The picture, (height, width, channels).
    image_format : str or None
        The order of the channels in memory, for example "RGB".
    sequence : int or None
        The number of the frame since the camera started.
    outputs : tuple of ndarray or None
        The network's output tensors: read-only float32 arrays in Fortran order. None where the
        frame carries none, which happens whenever the network is slower than the camera. Raises
        `TensorInfoError` where the frame contradicts itself.
    """

    __slots__ = ("__weakref__",)

    _controls: ControlSource

    @classmethod
    def from_metadata(
        cls,
        metadata: Mapping[str, Any],
        *,
        network: Network | None = None,
        stream_size: Size | None = None,
        roi: Rect | None = None,
        image: npt.NDArray[np.uint8] | None = None,
        image_format: str | None = None,
        sequence: int | None = None,
        lores_size: Size | None = None,
        transform: TransformName | Any = "identity",
        network_flipped: bool | None = None,
    ) -> Frame:
        """Make a frame from a metadata dict, such as picamera2's ``capture_metadata()``.

        Parameters
        ----------
        metadata : mapping
            libcamera's control names and values; arrays may be tuples, as libcamera's bindings
            make them, or anything with a buffer, which is not copied.
        network : Network, optional
            The network that runs on the sensor; needed for `detections` and `input_image`.
        stream_size : tuple of int, optional
            (width, height) of the picture in pixels; needed to map coordinates.
        roi : tuple of int, optional
            What the network saw, (x, y, width, height) in sensor pixels; needed to map
            coordinates. The full sensor is `imx500_native.FULL_ROI`.
        image : ndarray, optional
            The picture, (height, width, channels).
        image_format : str, optional
            The order of its channels in memory.
        sequence : int, optional
            The number of the frame.
        lores_size : tuple of int, optional
            (width, height) of the camera's second picture in pixels; for ``mapper("lores")``.
        transform : str or libcamera.Transform
            How the pictures are turned, see `imx500_native.geometry.TRANSFORMS`.
        network_flipped : bool, optional
            Whether the flips of the transform are in what the network saw too, see
            `CoordinateMapper`; needed to map coordinates where the transform has a flip.

        Returns
        -------
        Frame
            Which keeps the values of `metadata`, but not the dict itself.

        Raises
        ------
        GeometryError
            If `roi` is no region of the sensor, a size malformed, the transform unknown or
            `network_flipped` no bool.
        NetworkTypeError
            If `network` is no `Network`.
        TypeError
            If `metadata` is not a mapping.
        """
        if type(metadata) is not dict and not isinstance(metadata, Mapping):
            raise TypeError(
                "metadata must be a mapping of control names to values, "
                f"not {type(metadata).__name__}"
            )
        return new_frame(
            cls,
            Metadata(metadata),
            network,
            None if stream_size is None else as_size(stream_size, "stream_size"),
            checked_roi(roi),
            image,
            image_format,
            sequence,
            frame_layout(lores_size, transform, network_flipped),
        )

    @staticmethod
    def _pictures(
        request: Any,
        stream_size: Size | None,
        lores_size: Size | None,
        transform: TransformName | Any,
        network_flipped: bool | None,
    ) -> tuple[Size | None, Layout | None]:
        """Complete what `from_request` was told of the pictures by what the request knows."""
        config = bindings.configuration(request)
        if config is not None:
            if stream_size is None:
                stream_size = config["main"]["size"]
            if lores_size is None:
                lores_size = (config.get("lores") or {}).get("size")
            if transform is None:
                transform = configured_transform(config.get("transform", "identity"))
        return stream_size, frame_layout(
            lores_size, "identity" if transform is None else transform, network_flipped
        )

    @property
    def metadata(self) -> dict[str, Any]:
        """All controls of the frame by name, as a dict of the caller's own.

        Arrays are numpy arrays or, where they came so, tuples; rectangles are
        (x, y, width, height) and sizes (width, height), as picamera2 has them.
        """
        return self._controls.to_dict()

    @property
    def access(self) -> Access | None:
        """How the output tensors were reached; None where the frame carries none.

        "move", "copy": from libcamera's own list, which was moved or copied into the frame.
        "buffer": shown where a metadata dict has them. "tuple": from Python floats, one by one.
        """
        return None if self._values("CnnOutputTensor") is None else self._controls.access

    @property
    def kpi(self) -> Kpi | None:
        """How long the network ran, or None where the frame does not say."""
        return kpi_of(self._controls.get("CnnKpiInfo"))

    @property
    def frame_count(self) -> int | None:
        """The sensor's frame count, 0 to 255, of the tensors; None where it is not known."""
        info = self._controls.get("CnnOutputTensorInfo")
        return None if info is None else _tensors.output_frame_count(info)

    @property
    def sensor_timestamp_ns(self) -> int | None:
        """When the sensor read out the first line, in ns since boot; None where unknown."""
        value = self._controls.get("SensorTimestamp")
        try:
            return None if value is None else int(value)
        except (TypeError, ValueError):
            raise TensorInfoError(
                f"SensorTimestamp must be a number of nanoseconds, not {value!r:.80}"
            ) from None

    @property
    def scaler_crop(self) -> Rect | None:
        """What the picture shows, (x, y, width, height) in sensor pixels; None where unknown."""
        value = self._controls.get("ScalerCrop")
        return None if value is None else as_rectangle(value, "ScalerCrop")

    @property
    def input_tensor(self) -> npt.NDArray[np.uint8] | npt.NDArray[np.int8] | None:
        """What the network saw, planar as sent: (channels, height, width), read-only.

        int8 where the network is known to take signed values, else uint8. None where the frame
        carries no input tensor.
        """
        values, shape = self._input_values()
        if shape is None:
            return None
        planes = _tensors.byte_array(values).reshape(shape)
        if self.network is not None and self.network.input.dtype == np.int8:
            return planes.view(np.int8)
        return planes

    @property
    def input_image(self) -> npt.NDArray[np.uint8] | None:
        """What the network saw, as a picture: uint8, (height, width, 3), RGB.

        Made anew at every access. None where the frame carries no input tensor. Raises
        `MissingContextError` where the network is not known, whose normalisation is undone, and
        `TensorInfoError` where the input is not a colour picture.
        """
        values, shape = self._input_values()
        if shape is None:
            return None
        if self.network is None:
            raise MissingContextError(
                "input_image depends on the network; pass network= when the frame is made"
            )
        spec = self.network.input
        channels, height, width = shape
        if spec.format not in ("RGB", "BGR") or channels != 3:
            raise TensorInfoError(
                f"an input of {channels} {spec.format} planes is no colour picture; "
                "read frame.input_tensor"
            )
        table, bgr = spec.decode_table(), spec.format == "BGR"
        if type(values) is tuple:
            picture = _image.ints_to_rgb(values, width, height, table, bgr)
            if picture is not None:
                return picture
        return _image.planar_to_rgb(_tensors.byte_array(values).reshape(shape), table, bgr)

    def _values(self, name: str) -> Any:
        return several(name, self._controls.get(name))

    def _input_values(self) -> tuple[Any, tuple[int, int, int] | None]:
        """Return the input tensor's bytes and (channels, height, width); None for no tensor."""
        values = self._values("CnnInputTensor")
        if values is None:
            return None, None
        info = self._controls.get("CnnInputTensorInfo")
        if info is not None:
            described = _tensors.input_info(info)
            shape = (described.channels, described.height, described.width)
        elif self.network is not None:
            spec = self.network.input
            shape = (spec.channels, spec.height, spec.width)
        else:
            raise TensorInfoError(
                "the frame has an input tensor but no CnnInputTensorInfo; "
                "pass the network, whose own input size then serves instead"
            )
        count = len(values)
        if count != math.prod(shape):
            raise TensorInfoError(
                f"an input tensor of {shape[0]} planes of {shape[2]} x {shape[1]} has "
                f"{math.prod(shape)} bytes, but {count} came"
            )
        return values, shape

    def __repr__(self) -> str:
        parts = [f"sequence={self.sequence}"]
        if self._stream_size is not None:
            parts.append("{}x{}".format(*self._stream_size))
        parts.append(f"tensors={self.access or 'none'}")
        return f"<Frame {' '.join(parts)}>"


def frame_layout(
    lores_size: Size | None, transform: TransformName | Any, network_flipped: bool | None
) -> Layout | None:
    """Check what `Frame.from_metadata` says of a frame's pictures besides the main one's size.

    Parameters
    ----------
    lores_size, transform, network_flipped
        As for `Frame.from_metadata`.

    Returns
    -------
    Layout or None
        None where there is nothing to say, which is the usual, fast case.

    Raises
    ------
    GeometryError
        If the size is malformed, the transform unknown or `network_flipped` no bool.
    """
    # First, since picamera2 has libcamera's transforms fail when they are compared with text.
    turned = as_transform(transform)
    if lores_size is None and network_flipped is None and turned == TRANSFORMS["identity"]:
        return None
    size = None if lores_size is None else as_size(lores_size, "lores_size")
    return Layout(size, turned, as_network_flipped(network_flipped))
