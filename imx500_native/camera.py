"""Opening a camera: the real one where there is one, a simulated one elsewhere."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from imx500_native.errors import DeviceNotFoundError, LibcameraMissingError, SimulationError
from imx500_native.simulation import SimulatedCamera

if TYPE_CHECKING:
    from imx500_native.network import Network

logger = logging.getLogger("imx500_native")

_DEVICES = Path("/sys/class/video4linux")
_REMEDY = (
    "This version drives no camera by itself: capture with picamera2 and pass its metadata to "
    "Frame.from_metadata, or use source='simulated'"
)


def open_camera(
    network: Network,
    source: Literal["auto", "camera", "simulated"] = "auto",
    **options: Any,
) -> SimulatedCamera:
    """Open a camera that runs `network`.

    Parameters
    ----------
    network : Network
        The network to run.
    source : {"auto", "camera", "simulated"}
        "camera" is an AI Camera on this machine; this version has no support for it yet, so it
        always raises. "simulated" is a `SimulatedCamera`. "auto" takes the camera where that is
        possible and otherwise simulates one, which it says in a warning of the logger
        ``imx500_native``.
    **options
        Passed on: ``size``, ``frame_rate``, ``roi`` and whatever else the source takes, see
        `SimulatedCamera`.

    Returns
    -------
    SimulatedCamera
        Its attribute ``source`` says what it is.

    Raises
    ------
    DeviceNotFoundError
        For "camera", if this machine has no AI Camera.
    LibcameraMissingError
        For "camera", if it has one.
    SimulationError
        If `source` or an option has no valid value.
    """
    if source == "camera":
        if not _has_imx500():
            raise DeviceNotFoundError(f"no IMX500 was found in {_DEVICES}. {_REMEDY}")
        raise LibcameraMissingError(
            f"an IMX500 was found, but imx500_native has no live camera yet. {_REMEDY}"
        )
    if source not in ("auto", "simulated"):
        raise SimulationError(f"source must be 'auto', 'camera' or 'simulated', got {source!r:.80}")
    camera = SimulatedCamera(network, **options)
    if source == "auto":
        logger.warning(
            "imx500_native has no live camera yet, so these frames are simulated; "
            "source='simulated' asks for that and says nothing"
        )
    return camera


def _has_imx500() -> bool:
    for name in _DEVICES.glob("v4l-subdev*/name"):
        try:
            if "imx500" in name.read_text():
                return True
        except OSError:
            continue
    return False
