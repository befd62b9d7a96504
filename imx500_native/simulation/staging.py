"""A simulated scene on the frames of a real camera, in its sensor's place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from imx500_native._camera import prepare_sensor_controls, put_sensor_controls
from imx500_native._libcamera import peek_control
from imx500_native.buffers import written
from imx500_native.errors import CameraOptionError
from imx500_native.geometry import TRANSFORMS, as_size, as_transform
from imx500_native.pictures import put_rgb
from imx500_native.simulation.camera import SimulatedCamera

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imx500_native._frame import FrameContext
    from imx500_native.buffers import PictureBuffer
    from imx500_native.geometry import Rect, Size, TransformName
    from imx500_native.network import Network
    from imx500_native.pictures import ColorSpace, PictureLayout


class Stage:
    """One session's scene: each completed request gets its tensors and its picture.

    Called with a request before its metadata are taken. Knows nothing of the camera, so that the
    session that calls it is in no cycle.

    Parameters
    ----------
    simulation : SimulatedCamera
        The scene; begins at its first frame.
    context : FrameContext
        Told of the region of interest that each frame was seen through.
    buffers : sequence of PictureBuffer
        Writeable; a request's cookie is the place of its buffer.
    layout : PictureLayout
        Of the pictures.
    color_space : ColorSpace
        Of the pictures.
    """

    def __init__(
        self,
        simulation: SimulatedCamera,
        context: FrameContext,
        buffers: Sequence[PictureBuffer],
        layout: PictureLayout,
        color_space: ColorSpace,
    ) -> None:
        prepare_sensor_controls()
        self._simulation = simulation.start()
        self._context = context
        self._buffers = buffers
        self._layout = layout
        self._color_space = color_space
        self._number = 0
        self._first_ns: int | None = None

    def __call__(self, request: Any) -> None:
        """Draw the scene into a completed request's picture, and add what the sensor would say.

        Parameters
        ----------
        request : libcamera.Request
            Of the session, and out of the camera.

        Raises
        ------
        SimulationError
            If the simulation's own ``encode`` returned what does not fit.
        LibcameraMissingError
            If this libcamera declares the AI Camera's controls otherwise.
        """
        simulation, layout = self._simulation, self._layout
        seen, picture = simulation._shot(self._number, self._time_s(request))
        self._number += 1
        with written(self._buffers[request.cookie]) as memory:
            put_rgb(
                layout.shown(memory), picture, layout.image_format, color_space=self._color_space
            )
        put_sensor_controls(request, seen)
        self._context.roi = simulation.roi

    def _time_s(self, request: Any) -> float:
        """Return how long after the first frame this one was taken."""
        if not self._simulation.real_time:
            return self._number / self._simulation.frame_rate
        now_ns = peek_control(request, "SensorTimestamp")
        if self._first_ns is None:
            self._first_ns = now_ns
        return float(now_ns - self._first_ns) / 1e9


def check_simulation(
    simulation: object,
    network: Network | None,
    *,
    size: Size,
    transform: TransformName | Any | None,
    roi: Rect | None,
    input_tensor: bool,
) -> None:
    """Refuse a simulation that does not fit the camera which it is for.

    Parameters
    ----------
    simulation : SimulatedCamera
        What should take the sensor's place.
    network, size, transform, roi, input_tensor
        As `imx500_native.Camera` was given them.

    Raises
    ------
    CameraOptionError
        If one contradicts the simulation.
    GeometryError
        If the size is malformed, or the transform unknown.
    """
    if not isinstance(simulation, SimulatedCamera):
        raise CameraOptionError(
            f"simulation must be a SimulatedCamera, not {type(simulation).__name__}"
        )
    if network is not None and network is not simulation.network:
        raise CameraOptionError(
            f"the simulation runs {simulation.network.name}, not {network.name}; leave network out"
        )
    size = as_size(size, "size")
    if size != simulation.size:
        raise CameraOptionError(
            f"the simulation's size is {simulation.size}, the camera's {size}; give both the same"
        )
    if roi is not None or input_tensor:
        raise CameraOptionError(
            "with a simulation, give roi and input_tensor to the SimulatedCamera"
        )
    if transform is not None and as_transform(transform) != TRANSFORMS["identity"]:
        raise CameraOptionError("a simulation draws its pictures upright; leave transform out")
