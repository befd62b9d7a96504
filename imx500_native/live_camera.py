"""A live camera: libcamera's pictures and metadata as frames."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from typing import TYPE_CHECKING, Any, Literal, Self, get_args

import numpy as np

from imx500_native._frame import FrameContext
from imx500_native._taking import Frames, FrameTaker
from imx500_native.buffers import BufferPool
from imx500_native.checks import real_number
from imx500_native.configuring import (
    ControlNames,
    as_controls,
    configure,
    find_device,
    frame_duration,
    libcamera_bindings,
    model_of,
)
from imx500_native.discovery import find_subdevices
from imx500_native.errors import CameraError, CameraOptionError
from imx500_native.frame import Frame, frame_layout
from imx500_native.geometry import as_network_flipped, as_roi
from imx500_native.latency import LatencyBudget
from imx500_native.live_endings import open_cameras
from imx500_native.live_waiting import (
    AsyncFrames,
    TensorWatch,
    no_frame,
    readable,
    require_seconds,
)
from imx500_native.network import as_network
from imx500_native.pictures import ColorSpace, to_rgb
from imx500_native.upload import as_progress

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Mapping
    from types import TracebackType

    import numpy.typing as npt

    from imx500_native._camera import RunLoop
    from imx500_native.buffers import PictureBuffer
    from imx500_native.device import Imx500Device
    from imx500_native.errors import CameraTimeoutError
    from imx500_native.geometry import Rect, Size, TransformName
    from imx500_native.network import Network
    from imx500_native.simulation import SimulatedCamera
    from imx500_native.upload import Progress

Policy = Literal["latest", "all"]

_USUAL_FRAME_RATE = 30.0


class Camera(FrameTaker):
    """A camera of this machine, through libcamera.

    The constructor finds, opens and configures the camera; `start`, or a ``with`` statement,
    streams. Iterate it, in plain or in asynchronous loops, or call `capture`.

    `Frame.image` shows the camera's own buffer, read-only, and the buffer goes back to the camera
    when the frame and the last array on it are dropped; so drop a frame before the next one is
    taken. A picture that would leave the camera fewer than two buffers is copied instead, and so
    may be kept as long as you like. Pictures and tensors stay valid after `stop`, `close` and a
    restart. A picture that nobody looks at costs nothing.

    Frames may be dropped by any thread; taking them is for one thread, or one task, at a time.

    Parameters
    ----------
    network : Network, optional
        The network to run. An IMX500's driver is given its file here, and sends it to the sensor
        when the camera starts, which takes minutes the first time.
    camera : int or str, optional
        Which camera: its place in libcamera's list, its id or its model. The first IMX500 where
        it is not given, or with `simulation` the first camera.
    size : tuple of int
        (width, height) of the pictures in pixels.
    pixel_format : str, optional
        libcamera's name of the pictures' format, one of "BGR888" (R, G, B in memory, and the
        default where the camera has it), "RGB888" (B, G, R in memory), "XBGR8888", "XRGB8888",
        "NV12", "YUV420", "YUYV".
    raw_size : tuple of int, optional
        (width, height) of the raw stream, which chooses the sensor's mode. libcamera chooses where
        it is not given.
    frame_rate : float, optional
        Frames per second; libcamera's choice where it is not given.
    transform : {"identity", "hflip", "vflip", "rot180"} or libcamera.Transform, optional
        How to turn the pictures; not at all where it is not given.
    network_flipped : bool, optional
        Whether the transform also turns what the network sees, see `CoordinateMapper`. Coordinates
        cannot be mapped into turned pictures until it is said: no document tells.
    buffer_count : int
        How many buffers for pictures to ask for; the camera may take more or fewer.
    controls : mapping of str to object, optional
        libcamera's controls by name, from the first frame on.
    input_tensor : bool
        Whether frames carry what the network saw.
    roi : tuple of int, optional
        What the network sees, (x, y, width, height) in sensor pixels; the full sensor where it is
        not given. For a camera without an IMX500's driver it is only told to the frames, and not
        assumed where it is not given.
    policy : {"latest", "all"}
        What happens to a frame that nobody took when the next one comes: with "latest" it is
        dropped and its buffer used again, with "all" it waits, and the camera waits when it has no
        buffer left. A dropped frame's tensors go with it.
    timeout_s : float
        How long to wait for a frame, and with `network` for one with tensors, before
        `CameraTimeoutError`. Starting does not count.
    progress : callable, True or None
        ``progress(stage, done, total)`` is called from another thread while the sensor receives its
        network; True shows a bar. See `imx500_native.upload.UploadWatch`.
    simulation : SimulatedCamera, optional
        A scene to show in place of what any camera of libcamera's sees, a virtual one or a webcam:
        each frame that the camera completes gets the scene's tensors, ScalerCrop and picture, the
        picture in the camera's own buffer and format; all else is the camera's. Of the same size;
        its network and region of interest are the camera's. With ``real_time`` the scene moves by
        the camera's clock, else by one step with each frame that is taken, whatever the camera's
        frame rate.

    Attributes
    ----------
    id, model : str
        libcamera's id and the sensor's model.
    size : tuple of int
        (width, height) of the pictures in pixels.
    image_format : str
        The order in memory of the pictures: the channels, or "NV12", "YUV420" or "YUYV", whose
        arrays `imx500_native.pictures.picture_layout` describes.
    color_space : ColorSpace
        Of Y'CbCr pictures.
    buffer_count : int
        How many buffers the camera has.
    network, policy, timeout_s, simulation
        As the parameters.
    sensor : Imx500Device or None
        The driver of the camera's IMX500, where there is one. Move the ROI through it: each frame's
        ``roi`` is the one in force when the frame was taken.
    source : {"camera"}
        What `open_camera` tells a simulation from; also with `simulation`, as the frames are
        libcamera's.

    Raises
    ------
    DeviceNotFoundError
        If there is no such camera; names those that there are.
    LibcameraMissingError
        If libcamera, its Python bindings or the module that was built with it are missing.
    CameraError
        If the camera is in use, or libcamera refuses it.
    NetworkTypeError
        If `network` is no `Network`.
    CameraOptionError, GeometryError
        If an option has no valid value, or the camera does not offer it.

    Examples
    --------
    >>> with Camera(network, size=(1280, 720), roi=FULL_ROI) as camera:  # doctest: +SKIP
    ...     for frame in camera:
    ...         for found in frame.detections():
    ...             print(found.label, found.xyxy)

    On a computer without an AI Camera, but with libcamera and any camera of its:

    >>> scene = SimulatedCamera(network, size=(1280, 720))  # doctest: +SKIP
    >>> with Camera(simulation=scene, size=(1280, 720)) as camera:  # doctest: +SKIP
    ...     for frame in camera:
    ...         picture = annotate(camera.to_rgb(frame), frame.detections())
    """

    source: Literal["camera"] = "camera"

    def __init__(
        self,
        network: Network | None = None,
        camera: int | str | None = None,
        *,
        size: Size = (1280, 720),
        pixel_format: str | None = None,
        raw_size: Size | None = None,
        frame_rate: float | None = None,
        transform: TransformName | Any | None = None,
        network_flipped: bool | None = None,
        buffer_count: int = 6,
        controls: Mapping[str, Any] | None = None,
        input_tensor: bool = False,
        roi: Rect | None = None,
        policy: Policy = "latest",
        timeout_s: float = 5.0,
        progress: Progress = None,
        simulation: SimulatedCamera | None = None,
    ) -> None:
        self._device: Any = None
        self._stream: Any = None
        self._names: Any = None
        self._carrier: Any = None
        self._session: RunLoop | None = None
        self._pool: BufferPool | None = None
        self._starting = threading.RLock()
        self._before_taking: Callable[[Any], object] | None = None
        self._tensors = TensorWatch()
        self._latency: LatencyBudget | None = None
        self._progress = as_progress(progress)
        self.sensor: Imx500Device | None = None
        if policy not in get_args(Policy):
            raise CameraOptionError(f'policy must be "latest" or "all", not {policy!r:.80}')
        if not real_number(timeout_s) > 0:
            raise CameraOptionError(
                f"timeout_s must be a positive number of seconds, not {timeout_s!r:.80}"
            )
        as_network_flipped(network_flipped)
        network = None if network is None else as_network(network)
        libcamera = libcamera_bindings()
        if simulation is not None:
            # Needs libcamera, which most machines that import this module have not got.
            from imx500_native.simulation.staging import check_simulation

            check_simulation(
                simulation,
                network,
                size=size,
                transform=transform,
                roi=roi,
                input_tensor=input_tensor,
            )
            network = simulation.network
            camera = 0 if camera is None else camera
        self.simulation = simulation
        self.network = network
        self.policy = policy
        self.timeout_s = timeout_s
        self._frame_rate = frame_rate
        self._roi = None if roi is None else as_roi(roi, "roi")

        self._manager: Any = libcamera.CameraManager.singleton()
        device = find_device(self._manager, camera)
        try:
            device.acquire()
        except RuntimeError as error:
            raise CameraError(
                f"the camera {device.id} cannot be opened, most likely because it is open already, "
                f"here or in another program ({error})"
            ) from error
        self._device = device
        open_cameras.add(self)
        try:
            self.id: str = device.id
            self.model = model_of(device)
            # Before the streams are configured: the network decides how much metadata a frame has.
            self.sensor = self._open_sensor()
            stream = configure(
                libcamera,
                device,
                size=size,
                pixel_format=pixel_format,
                raw_size=raw_size,
                transform=transform,
                buffer_count=buffer_count,
            )
            self._turned = frame_layout(
                None, "identity" if transform is None else transform, network_flipped
            )
            self.size = stream.size
            self.image_format = stream.layout.image_format
            self.color_space: ColorSpace = stream.color_space
            self.buffer_count = stream.buffer_count
            self._stream = stream.stream
            self._layout = stream.layout
            self._names = ControlNames(libcamera, device)
            self._controls = as_controls({} if controls is None else controls)
            if frame_rate is not None:
                self._controls["FrameDurationLimits"] = frame_duration(frame_rate)
            if input_tensor:
                self._controls["CnnEnableInputTensor"] = True
            # Wrong ones should not first show when streaming starts.
            self._names.put(device.create_request(), self._controls)
            # Not in start(): libcamera's bindings keep other threads out while they allocate.
            self._pool = BufferPool(
                device,
                stream.stream,
                stream.layout.plane_bytes,
                stream.buffer_count,
                writeable=simulation is not None,
            )
        except BaseException:
            self.close()
            raise

    def _open_sensor(self) -> Imx500Device | None:
        if self.model != "imx500" or not find_subdevices():
            return None
        if self.simulation is not None:
            raise CameraOptionError(
                f"the camera {self.id} has an IMX500 of its own; a simulation is for any other"
            )
        from imx500_native.device import Imx500Device

        sensor = Imx500Device(self.id)
        try:
            if self.network is not None:
                sensor.load(self.network)
            sensor.set_roi(self._roi)
        except BaseException:
            sensor.close()
            raise
        return sensor

    def start(self) -> Self:
        """Stream; a camera that does so already goes on.

        Other threads run meanwhile, which matters where the sensor still receives its network. A
        picture that is held from before keeps its memory: the camera gets another buffer.

        Returns
        -------
        Camera
            The camera itself.

        Raises
        ------
        CameraError
            If the camera is closed, or libcamera cannot start it.
        LibcameraMissingError
            If libcamera's objects cannot be reached in this process.
        """
        from imx500_native._camera import RunLoop

        with self._starting:
            device = self._opened()
            if self.running:
                return self
            held = [] if self._session is None else self._session.held
            self._session = None
            assert self._pool is not None
            buffers = self._pool.renewed(held)
            requests = []
            for number, buffer in enumerate(buffers):
                request = device.create_request(number)
                request.add_buffer(self._stream, buffer.frame_buffer)
                requests.append(request)
            carrier = device.create_request()
            context = FrameContext(
                Frame,
                self.network,
                self.size,
                self._roi,
                self.image_format,
                self.sensor,
                self._turned,
            )
            session = RunLoop(
                device,
                requests,
                carrier,
                [self._layout.shown(buffer.memory) for buffer in buffers],
                [buffer.dma_buf for buffer in buffers],
                only_latest=self.policy == "latest",
                context=context,
                before_taking=self._before_taking or self._staged(context, buffers),
            )
            self._names.put(carrier, self._controls)
            self._carrier = carrier
            session.latency = self._latency
            try:
                with self._watched_upload():
                    session.start()
            except OSError as error:
                raise CameraError(
                    f"libcamera cannot start the camera {self.id}: {error.strerror}; its own log "
                    "on stderr says more"
                ) from error
            self._session = session
        return self

    def _staged(
        self, context: FrameContext, buffers: list[PictureBuffer]
    ) -> Callable[[Any], object] | None:
        if self.simulation is None:
            return None
        from imx500_native.simulation.staging import Stage

        return Stage(self.simulation, context, buffers, self._layout, self.color_space)

    def _watched_upload(self) -> contextlib.AbstractContextManager[object]:
        if self.sensor is None or self.network is None or self._progress is None:
            return contextlib.nullcontext()
        return self.sensor.watch_upload(self._progress)

    def stop(self) -> None:
        """Stop streaming, at any moment and from any thread; `start` begins again.

        Whoever waits for a frame is told: loops end, `capture` raises.

        Raises
        ------
        CameraError
            If libcamera cannot stop the camera.
        """
        with self._starting:
            if self._session is None:
                return
            try:
                self._session.stop()
            except OSError as error:
                raise CameraError(
                    f"libcamera cannot stop the camera {self.id}: {error.strerror}"
                ) from error

    def close(self) -> None:
        """Stop, and let others open the camera; a closed camera stays closed.

        Raises
        ------
        CameraError
            If libcamera cannot stop the camera.
        """
        with self._starting:
            device = self._device
            if device is None:
                return
            try:
                self.stop()
            finally:
                self._device = self._session = self._pool = self._carrier = None
                open_cameras.discard(self)
                if self.sensor is not None:
                    self.sensor.close()
                with contextlib.suppress(RuntimeError):
                    device.release()
                # The last of what refers to the manager stops libcamera's threads.
                self._manager = self._stream = self._names = None

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
        return await asyncio.get_running_loop().run_in_executor(None, self.start)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await asyncio.get_running_loop().run_in_executor(None, self.close)

    def __del__(self) -> None:
        # The constructor may have failed before there was anything to close.
        if getattr(self, "_device", None) is not None:
            self.close()

    @property
    def running(self) -> bool:
        """Whether the camera streams."""
        session = self._session
        return session is not None and session.running

    @property
    def roi(self) -> Rect | None:
        """What the network sees now, (x, y, width, height) in sensor pixels; None if unknown."""
        if self.simulation is not None:
            return self.simulation.roi
        return self._roi if self.sensor is None or self.sensor.closed else self.sensor.roi

    def set_roi(self, roi: Rect | None) -> Rect:
        """Change what the network sees, also while the camera streams.

        Parameters
        ----------
        roi : tuple of int or None
            (x, y, width, height) in sensor pixels; None is the full sensor.

        Returns
        -------
        tuple of int
            What was applied; `Frame.roi` tells which one a frame was seen through.

        Raises
        ------
        CameraError
            If this camera is no AI Camera, whose sensor alone has a region of interest.
        GeometryError, DeviceError, SimulationError
            As `set_roi` of `Imx500Device`, or of the `SimulatedCamera`, which this is.
        """
        if self.simulation is not None:
            return self.simulation.set_roi(roi)
        if self.sensor is None:
            raise CameraError(
                f"the camera {self.id} has no region of interest: no IMX500 sensor belongs to it"
            )
        return self.sensor.set_roi(roi)

    @property
    def latency(self) -> LatencyBudget:
        """Where the time goes between frames, measured from the first time this is asked for.

        ``print(camera.latency)`` shows it. A frame begins when it is taken and ends when the next
        one is. Its stages: "sensor", from its sensor timestamp to its completion by libcamera;
        "wait", from there until it is taken; "outputs" and "results", which the frame measures
        itself when they are asked for; and your own, which you end with
        ``camera.latency.mark("draw")``.
        """
        if self._latency is None:
            self._latency = LatencyBudget(1000 / (self._frame_rate or _USUAL_FRAME_RATE))
            if self._session is not None:
                self._session.latency = self._latency
        return self._latency

    @property
    def dropped(self) -> int:
        """Frames since `start` that were complete and that nobody took in time."""
        session = self._session
        return 0 if session is None else session.counts.dropped

    @property
    def held(self) -> int:
        """Buffers that frames and pictures hold at the moment."""
        session = self._session
        return 0 if session is None else len(session.held)

    def set_controls(self, controls: Mapping[str, Any]) -> None:
        """Set libcamera's controls, from one of the next frames on and for later starts.

        Parameters
        ----------
        controls : mapping of str to object
            libcamera's names, and numbers, booleans, strings, tuples, lists or arrays;
            (x, y, width, height) for a Rectangle, (width, height) for a Size.

        Raises
        ------
        CameraOptionError
            If the camera has no such control, or it takes no such value; none is set then.
        CameraError
            If the camera is closed.
        """
        with self._starting:
            device = self._opened()
            session = self._session
            if session is None or not session.running:
                self._names.put(device.create_request(), controls)
            else:
                self._names.put(self._carrier, controls)
                session.set_controls()
            self._controls.update(controls)

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
        CameraError, CameraTimeoutError, CameraOptionError
            As for `capture`.
        """
        session = self._opened_session()
        limit_s = self.timeout_s if timeout_s is None else timeout_s
        require_seconds(limit_s)
        frame = await self._next_async(session, limit_s)
        if frame is None:
            raise self._not_streaming()
        return frame

    def __iter__(self) -> Iterator[Frame]:
        return Frames(self, self._streaming())

    def __aiter__(self) -> AsyncIterator[Frame]:
        return AsyncFrames(self, self._streaming())

    def to_rgb(self, frame: Frame) -> npt.NDArray[np.uint8]:
        """Return a frame's picture as RGB, whatever its format.

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
        CameraOptionError
            If `frame` is no frame, or has no picture.
        """
        if not isinstance(frame, Frame):
            raise CameraOptionError(
                f"to_rgb takes a Frame, not {type(frame).__name__}; imx500_native.pictures.to_rgb "
                "takes a picture"
            )
        if frame.image is None or frame.image_format is None:
            raise CameraOptionError("the frame has no picture")
        return to_rgb(frame.image, frame.image_format, size=self.size, color_space=self.color_space)

    def __repr__(self) -> str:
        state = "closed" if self._device is None else "running" if self.running else "stopped"
        scene = "" if self.simulation is None else ", with a simulated scene"
        return f"<Camera {self.model} {self.id}: {state}{scene}>"

    def _opened(self) -> Any:
        if self._device is None:
            raise CameraError("the camera is closed; make a new Camera")
        return self._device

    def _opened_session(self) -> RunLoop:
        session = self._session
        if session is None:
            self._opened()
            raise self._not_streaming()
        return session

    def _streaming(self) -> RunLoop:
        session = self._opened_session()
        if not session.running:
            raise self._not_streaming()
        return session

    async def _next_async(self, session: RunLoop, timeout_s: float) -> Frame | None:
        """Wait for a frame; None where the session was stopped."""
        deadline_s = time.monotonic() + timeout_s
        # Where a frame is always ready, other tasks would never come to their turn.
        await asyncio.sleep(0)
        while True:
            frame = session.take(0)
            if frame is not None:
                if session.tensorless:
                    self._check_tensors(session)
                return frame
            left_s = deadline_s - time.monotonic()
            if left_s <= 0 or not session.running:
                break
            await readable(session.event_fd, left_s)
        failure = self._failure(session, timeout_s)
        if failure is not None:
            raise failure
        return None

    def _not_streaming(self) -> CameraError:
        return CameraError(
            "the camera does not stream, or was stopped meanwhile; call start() or use it in a "
            "with statement"
        )

    def _check_tensors(self, session: RunLoop) -> None:
        if self.network is not None:
            self._tensors.check(session, self.timeout_s)

    def _longest_frame_s(self) -> float:
        # Where nobody set limits, the sensor may take longer in the dark; libcamera says 0 for it.
        limits_us = self._controls.get("FrameDurationLimits", 0)
        return max(1 / _USUAL_FRAME_RATE, float(np.max(limits_us)) / 1e6)

    def _failure(self, session: RunLoop, timeout_s: float) -> CameraTimeoutError | None:
        """Explain why no frame came; None where the session was stopped."""
        if not session.running:
            return None
        return no_frame(session.counts, timeout_s, self._longest_frame_s())
