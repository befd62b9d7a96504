"""Opening a camera: the real one where there is one, a simulated one elsewhere."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from imx500_native.discovery import find_subdevices
from imx500_native.errors import SimulationError
from imx500_native.simulation import SimulatedCamera

if TYPE_CHECKING:
    from collections.abc import Mapping

    from imx500_native.geometry import Rect, Size
    from imx500_native.live_camera import Camera
    from imx500_native.network import Network
    from imx500_native.upload import Progress

Source: TypeAlias = Literal["auto", "camera", "simulated"]

logger = logging.getLogger("imx500_native")


def open_camera(
    network: Network,
    source: Source = "auto",
    *,
    size: Size = (1280, 720),
    frame_rate: float = 30.0,
    roi: Rect | None = None,
    input_tensor: bool = False,
    progress: Progress = None,
    camera_options: Mapping[str, Any] | None = None,
    simulation_options: Mapping[str, Any] | None = None,
) -> Camera | SimulatedCamera:
    """Open a camera that runs `network`.

    Parameters
    ----------
    network : Network
        The network to run.
    source : {"auto", "camera", "simulated"}
        "camera" is an AI Camera of this machine. "simulated" is a `SimulatedCamera`. "auto" is the
        camera where the machine has one, and what keeps that from opening is an error; without one
        it is a simulation, which a warning of the logger ``imx500_native`` says.
    size : tuple of int
        (width, height) of the pictures in pixels.
    frame_rate : float
        Frames per second.
    roi : tuple of int, optional
        What the network sees, (x, y, width, height) in sensor pixels; the full sensor where it is
        not given.
    input_tensor : bool
        Whether frames carry what the network saw.
    progress : callable, True or None
        Told of the network's way to the sensor, see `Camera`.
    camera_options, simulation_options : mapping, optional
        What only `Camera`, or only `SimulatedCamera`, takes, by name.

    Returns
    -------
    Camera or SimulatedCamera
        Its attribute ``source`` says what it is.

    Raises
    ------
    DeviceNotFoundError, LibcameraMissingError, DeviceError, CameraError, CameraOptionError
        If a camera cannot be opened, see `Camera`.
    NetworkFileError
        If a camera should run a network that has no file.
    SimulationError
        If `source` or an option of a simulation has no valid value.
    """
    if source not in ("auto", "camera", "simulated"):
        raise SimulationError(f"source must be 'auto', 'camera' or 'simulated', got {source!r:.80}")
    if source == "camera" or (source == "auto" and find_subdevices()):
        from imx500_native.live_camera import Camera

        return Camera(
            network,
            size=size,
            frame_rate=frame_rate,
            roi=roi,
            input_tensor=input_tensor,
            progress=progress,
            **(camera_options or {}),
        )
    camera = SimulatedCamera(
        network,
        size=size,
        frame_rate=frame_rate,
        roi=roi,
        input_tensor=input_tensor,
        **(simulation_options or {}),
    )
    if source == "auto":
        logger.warning(
            "no AI Camera was found (imx500-native devices says more), so the frames are simulated"
        )
    return camera
