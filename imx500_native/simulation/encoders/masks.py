"""Masks as instance segmentation networks write them: sums of prototypes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from imx500_native.heads.yolov8_layout import sheet_of

if TYPE_CHECKING:
    from imx500_native.network import Network
    from imx500_native.simulation.encoders.detections import Found
    from imx500_native.simulation.packing import Floats
    from imx500_native.simulation.scene import Scene


class MaskSheets:
    """Gives each object of a scene a prototype of its own; those too many share.

    Where the boxes of two of a class overlap, the nearer gets the pixels of both.

    Parameters
    ----------
    network : Network
    coefficients : int
        The output that holds the coefficients.
    prototypes : int
        The output that holds the prototypes.
    channels_first : bool
        Whether it is (prototypes, height, width) rather than (height, width, prototypes).
    """

    def __init__(
        self, network: Network, coefficients: int, prototypes: int, channels_first: bool
    ) -> None:
        spec = network.outputs[prototypes]
        self._shape = spec.shape
        # Some networks have a leading 1.
        sheets = spec.shape[-3:]
        self._channels_first = channels_first
        self._count = sheets[0 if channels_first else 2]
        self._height, self._width = sheet_of(sheets, channels_first)
        low, high = spec.value_range
        # Alike on both sides of zero, so that edges between two cells lie in the middle.
        amplitude = min(-low, high, 1.0) if low < 0 else 0.0
        self._outside, self._inside = -amplitude, amplitude or min(high, 1.0)
        self._own = max(1.0, network.outputs[coefficients].scale)

    def coefficients(self, item: Found) -> Floats:
        """Coefficients of one object; of what is not there, those of no mask."""
        values = np.zeros(self._count, np.float32)
        if item.number is not None:
            values[item.number % self._count] = self._own
        return values

    def prototypes(self, scene: Scene) -> Floats:
        """Write the prototypes, in the shape of their output."""
        height, width = self._height, self._width
        class_map = scene.class_map((width, height))
        owner = np.full((height, width), -1)
        for index, item in enumerate(scene.objects):
            x0, y0, x1, y1 = np.multiply(item.xyxy, (width, height, width, height))
            box = np.s_[int(y0) : int(np.ceil(y1)), int(x0) : int(np.ceil(x1))]
            owner[box][class_map[box] == item.class_id] = index
        rows, columns = np.nonzero(owner >= 0)
        # In Fortran order, as the packer sends them.
        sheets = np.full(self._shape, self._outside, np.float32, order="F")
        channels = owner[rows, columns] % self._count
        whole = sheets[0] if sheets.ndim == 4 else sheets
        whole = whole if self._channels_first else np.moveaxis(whole, 2, 0)
        whole[channels, rows, columns] = self._inside
        return sheets
