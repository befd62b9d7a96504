"""A camera that is not there: frames as an IMX500 would deliver them, from a moving scene."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from imx500_native.checks import real_number, whole_number
from imx500_native.errors import SimulationError
from imx500_native.frame import Frame
from imx500_native.geometry import FULL_ROI, SENSOR_SIZE
from imx500_native.network import as_network
from imx500_native.roi import roi_of_words, roi_words
from imx500_native.simulation.delivery import NANOSECONDS, Delivery
from imx500_native.simulation.encoders import encoder_for
from imx500_native.simulation.encoders.classes import class_choices
from imx500_native.simulation.packing import InputPacker, OutputPacker
from imx500_native.simulation.rendering import Renderer
from imx500_native.simulation.scene import Placed, Scene, World, visible_objects

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from imx500_native.geometry import Rect, Size
    from imx500_native.network import Network
    from imx500_native.simulation.encoders import Encode
    from imx500_native.simulation.encoders.base import Encoder

_SMALLEST_SIDE = 16
_MOST_OBJECTS = 64
_ROI_CONTROL_LIMIT = 4032
_DEFAULT_INFERENCE_RATE = 30.0
_USUAL_OBJECTS = 6
_PEOPLE, _PEOPLE_SIZE = 4, 1.15

_DNN_SHARE, _DSP_SHARE = 0.36, 0.32


class SimulatedCamera(Delivery):
    """Frames of a moving scene, with the tensors that `network` would have sent.

    The scene is a function of the seed and of time; the picture shows the largest centred part of
    the sensor that has the stream's aspect ratio, as libcamera chooses it, and the network sees
    the region of interest. So boxes that are decoded and mapped correctly fit the figures in the
    picture, whatever the ROI and the stream's size.

    Where the network needs longer than a frame, some frames carry no tensors, as with a real
    camera. Its frames are spread evenly; the real sensor's exact pattern is not known.

    Not safe for use by several threads at once. Nothing runs in the background.

    For the same scene on the frames of a camera of libcamera's, with its requests, buffers and
    pixel formats, see `simulation` of `imx500_native.Camera`.

    Parameters
    ----------
    network : Network
        The network to imitate; built-in facts suffice, no firmware is needed.
    size : tuple of int
        (width, height) of the picture in pixels, 16x16 to 4056x3040.
    frame_rate : float
        Frames per second, above 0 and up to 1000.
    roi : tuple of int, optional
        Region of interest as for `set_roi`; by default the full sensor.
    seed : int, optional
        The same seed gives the same frames; by default each camera differs.
    real_time : bool
        True paces frames by the clock, and a reader that is too slow loses frames. False delivers
        them as fast as they are asked for, with the timestamps that they would have had.
    input_tensor : bool
        Whether frames carry what the network saw.
    noise : float
        0 reports every visible object exactly; 1 is about as restless as a real detector.
    objects : int, optional
        How many objects move in the scene, 0 to 64; by default 6, or 4 people where the
        network estimates poses. Before a classifier they pass one by one.
    encode : callable, optional
        ``encode(scene, network)`` returns one array per output tensor, shaped like
        ``network.output_shapes``; the values are put on the tensors' grids. See
        `imx500_native.simulation.Scene`. Needed where no built-in head reads the network, or one
        that estimates poses with other keypoints than the 17 of COCO.
    frames : int, optional
        Iteration ends after so many frames; by default it goes on for ever.

    Attributes
    ----------
    network : Network
        As given.
    size : tuple of int
        As given.
    frame_rate : float
        As given.
    real_time : bool
        As given.
    source, model, id : str
        "simulated".
    image_format : str
        "RGB".
    sensor : None
        There is none.
    held : int
        0: every picture has its own memory.
    dropped : int
        Frames since `start` that were lost because the reader was too slow.

    Raises
    ------
    NetworkTypeError
        If `network` is no `Network`.
    SimulationError
        If an argument is out of range, or there is no encoder for the network.
    GeometryError
        If `roi` is no region of the sensor.

    Examples
    --------
    >>> network = Network.find("ssd_mobilenetv2_fpnlite_320x320_pp")
    >>> with SimulatedCamera(network, seed=1, real_time=False, frames=3) as camera:
    ...     [frame.frame_count for frame in camera if frame.outputs is not None]
    [0, 1, 2]
    """

    source = "simulated"

    def __init__(
        self,
        network: Network,
        *,
        size: Size = (1280, 720),
        frame_rate: float = 30.0,
        roi: Rect | None = None,
        seed: int | None = None,
        real_time: bool = True,
        input_tensor: bool = False,
        noise: float = 1.0,
        objects: int | None = None,
        encode: Encode | None = None,
        frames: int | None = None,
    ) -> None:
        self.network = as_network(network)
        self.size = _checked_size(size)
        super().__init__(
            _checked_number(frame_rate, "frame_rate", above=0, most=1000),
            bool(real_time),
            None if frames is None else _checked_int(frames, "frames", 0, None),
        )
        noise = _checked_number(noise, "noise", least=0, most=100)
        if seed is None:
            seed = int(np.random.default_rng().integers(2**63))
        self._seed = _checked_int(seed, "seed", 0, None)
        if encode is not None and not callable(encode):
            raise SimulationError(
                f"encode must be a function encode(scene, network), got {type(encode).__name__}"
            )
        self._encode = encode
        self._encoder: Encoder | None = None if encode else encoder_for(network, noise)
        # A network need not say what it does for a head to know.
        task = network.task if self._encoder is None else self._encoder.task
        poses = task == "pose estimation"
        usual = _PEOPLE if poses else _USUAL_OBJECTS
        count = _checked_int(usual if objects is None else objects, "objects", 0, _MOST_OBJECTS)

        self._noise = noise
        self._packer = OutputPacker(network.outputs)
        self._input = InputPacker(network.input) if input_tensor else None
        self._world = World(
            class_choices(network, task) if self._encoder is None else self._encoder.choices,
            count,
            self._seed,
            size=_PEOPLE_SIZE if poses else 1.0,
            apart=poses,
            one_by_one=task == "classification",
        )
        self._renderer = Renderer()
        self._scaler_crop = centred_crop(self.size)
        self._rate = _inference_rate(network)
        self._pace = Fraction(self._rate).limit_denominator(10**6) / Fraction(
            self.frame_rate
        ).limit_denominator(10**6)
        self._roi = FULL_ROI
        self.set_roi(roi)
        self._closed = False

    @property
    def roi(self) -> Rect:
        """Region of interest of the frames to come, (x, y, width, height) in sensor pixels."""
        return self._roi

    @property
    def scaler_crop(self) -> Rect:
        """The part of the sensor that the picture shows, (x, y, width, height)."""
        return self._scaler_crop

    def start(self) -> Self:
        """Begin at the first frame; a camera that runs already goes on.

        Returns
        -------
        SimulatedCamera
            The camera itself.

        Raises
        ------
        SimulationError
            If the camera is closed.
        """
        self._require_open()
        if not self._running:
            # The first picture draws the background, which takes several frames' time.
            self._renderer.picture(self._world.at(0), self._scaler_crop, self.size)
            self._begin()
            self._running = True
        return self

    def close(self) -> None:
        """Stop for good and drop what was kept to draw faster."""
        self.stop()
        self._closed = True
        self._renderer = Renderer()

    def set_roi(self, roi: Rect | None) -> Rect:
        """Change what the network sees, from the next frame on.

        As with `Imx500Device.set_roi`, the V4L2 control cuts each of the four numbers to 4032. So
        asking for (0, 0, 4056, 3040) gives (0, 0, 4032, 3040); None gives the full sensor.

        Parameters
        ----------
        roi : tuple of int or None
            (x, y, width, height) in sensor pixels.

        Returns
        -------
        tuple of int
            The region that was applied.

        Raises
        ------
        GeometryError
            If `roi` is not four integers, has no area or leaves the sensor.
        """
        x, y, width, height = (min(word, _ROI_CONTROL_LIMIT) for word in roi_words(roi))
        self._roi = roi_of_words((x, y, width, height))
        return self._roi

    def _frame(self, number: int) -> Frame:
        seen, picture = self._shot(number, number / self.frame_rate)
        metadata = {
            "SensorTimestamp": self._boot_ns * self.real_time
            + round(number * NANOSECONDS / self.frame_rate),
            "FrameDuration": round(1_000_000 / self.frame_rate),
        }
        return Frame.from_metadata(
            metadata | seen,
            network=self.network,
            stream_size=self.size,
            roi=self._roi,
            image=picture,
            image_format="RGB",
            sequence=number,
        )

    def _shot(self, number: int, time_s: float) -> tuple[dict[str, Any], NDArray[np.uint8]]:
        """Return what the sensor says of one frame, and its picture."""
        placed = self._world.at(time_s)
        seen: dict[str, Any] = {"ScalerCrop": self._scaler_crop}
        if self._has_tensors(number):
            seen |= self._tensors(number, time_s, placed)
        return seen, self._renderer.picture(placed, self._scaler_crop, self.size)

    def _has_tensors(self, number: int) -> bool:
        """Whether the network finishes in this frame: it does so `_pace` times per frame."""
        return math.ceil((number + 1) * self._pace) > math.ceil(number * self._pace)

    def _tensors(self, number: int, time_s: float, placed: Sequence[Placed]) -> dict[str, Any]:
        frame_count = number % 256
        rng = np.random.default_rng((self._seed, number))
        roi = self._roi
        scene = Scene(
            visible_objects(placed, roi),
            time_s,
            roi,
            rng,
            lambda size: self._renderer.class_map(placed, roi, size),
        )
        if self._encode is None:
            assert self._encoder is not None
            arrays = self._encoder(scene)
        else:
            arrays = self._packer.checked(self._encode(scene, self.network))
        tensors: dict[str, Any] = {
            "CnnOutputTensor": self._packer.pack(arrays),
            "CnnOutputTensorInfo": self._packer.info(frame_count),
            "CnnKpiInfo": self._kpi(rng),
        }
        if self._input is not None:
            seen = self._renderer.picture(placed, self._roi, self._input.size)
            tensors["CnnInputTensor"] = self._input.pack(seen)
            tensors["CnnInputTensorInfo"] = self._input.info(frame_count)
        return tensors

    def _kpi(self, rng: np.random.Generator) -> tuple[int, int]:
        """Run times of DNN and DSP in microseconds: likely shares of the network's period."""
        period_us = 1_000_000 / self._rate
        wobble = 1 + min(self._noise, 1.0) * rng.uniform(-0.01, 0.01, 2)
        return (
            round(period_us * _DNN_SHARE * float(wobble[0])),
            round(period_us * _DSP_SHARE * float(wobble[1])),
        )

    def _require_running(self) -> None:
        self._require_open()
        if not self._running:
            raise SimulationError(
                "the simulated camera is not running; call start() or use it in a with statement"
            )

    def _require_open(self) -> None:
        if self._closed:
            raise SimulationError("the simulated camera is closed; make a new SimulatedCamera")

    def __repr__(self) -> str:
        state = "closed" if self._closed else "running" if self._running else "stopped"
        return (
            f"<SimulatedCamera {self.network.name}: {self.size[0]}x{self.size[1]} "
            f"at {self.frame_rate:g} frames/s, {state}>"
        )


def centred_crop(size: Size) -> Rect:
    """Largest centred part of the sensor with the aspect ratio of `size`, rounded as libcamera.

    Parameters
    ----------
    size : tuple of int
        (width, height) of a stream.

    Returns
    -------
    tuple of int
        (x, y, width, height) in sensor pixels: what libcamera chooses as ``ScalerCrop``.
    """
    width, height = SENSOR_SIZE
    if width * size[1] > height * size[0]:
        width = height * size[0] // size[1]
    else:
        height = width * size[1] // size[0]
    return SENSOR_SIZE[0] // 2 - width // 2, SENSOR_SIZE[1] // 2 - height // 2, width, height


def _inference_rate(network: Network) -> float:
    rate = None if network.intrinsics is None else network.intrinsics.inference_rate
    return float(rate) if rate else _DEFAULT_INFERENCE_RATE


def _checked_size(size: object) -> Size:
    try:
        width, height = (whole_number(value) for value in size)  # type: ignore[attr-defined]
    except (TypeError, ValueError):
        width = height = None
    if width is None or height is None:
        raise SimulationError(f"size must be two integers (width, height), got {size!r:.80}")
    if not (
        _SMALLEST_SIDE <= width <= SENSOR_SIZE[0] and _SMALLEST_SIDE <= height <= SENSOR_SIZE[1]
    ):
        raise SimulationError(
            f"size must lie between {_SMALLEST_SIDE}x{_SMALLEST_SIDE} and "
            f"{SENSOR_SIZE[0]}x{SENSOR_SIZE[1]} (width x height), got {width}x{height}"
        )
    return width, height


def _checked_number(
    value: object,
    name: str,
    *,
    least: float = -math.inf,
    above: float = -math.inf,
    most: float,
) -> float:
    """Check a finite number: at least `least`, above `above` and at most `most`."""
    lower = f"above {above:g}" if above > least else f"at least {least:g}"
    number = real_number(value)
    if not (least <= number <= most and number > above):
        raise SimulationError(
            f"{name} must be a number {lower} and at most {most:g}, got {value!r:.80}"
        )
    return number


def _checked_int(value: object, name: str, least: int, most: int | None) -> int:
    limits = f"of at least {least}" if most is None else f"from {least} to {most}"
    number = whole_number(value)
    if number is None or number < least or (most is not None and number > most):
        raise SimulationError(f"{name} must be an integer {limits}, got {value!r:.80}")
    return number
