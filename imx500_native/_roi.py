"""The command's `roi`: shows or changes what the network sees."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from imx500_native._info import find_network
from imx500_native._table import emit
from imx500_native.device import Imx500Device
from imx500_native.geometry import FULL_ROI

if TYPE_CHECKING:
    from imx500_native.geometry import Rect, Size


def show_roi(
    camera: int | str | None,
    region: Rect | Size | None,
    full: bool,
    network: str | None,
    as_json: bool,
) -> int:
    """Change the region of interest if asked to, and print the one that the driver has.

    Parameters
    ----------
    camera : int, str or None
        As for `Imx500Device`.
    region : tuple of int or None
        A rectangle, or an aspect ratio as two numbers.
    full : bool
        Whether to ask for the full sensor.
    network : str or None
        The network whose input's aspect ratio to take, as for `Network.find`.
    as_json : bool
        Whether to print one JSON object.

    Returns
    -------
    int
        Exit code: 0.
    """
    with Imx500Device(camera) as device:
        if full:
            roi = device.set_roi(None)
        elif network is not None:
            roi = device.set_roi_for(find_network(network))
        elif region is None:
            roi = device.roi
        elif len(region) == 2:
            roi = device.set_roi_aspect(*region)
        else:
            roi = device.set_roi(region)
    if as_json:
        emit(json.dumps({"roi": roi, "full": roi == FULL_ROI}) + "\n")
    else:
        emit(",".join(map(str, roi)) + (" (the full sensor)\n" if roi == FULL_ROI else "\n"))
    return 0
