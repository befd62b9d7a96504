"""Scenes as Ultralytics' IMX export gives poses and masks, suppressed on the sensor."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from imx500_native.heads.yolov8_layout import box_units, keypoint_dimensions
from imx500_native.simulation.encoders.base import Encoder
from imx500_native.simulation.encoders.detections import detected, in_rows
from imx500_native.simulation.encoders.masks import MaskSheets
from imx500_native.simulation.encoders.people import joints_found, require_coco

if TYPE_CHECKING:
    from imx500_native.network import Network
    from imx500_native.simulation.encoders.detections import Found
    from imx500_native.simulation.packing import Floats
    from imx500_native.simulation.scene import Scene


class _UltralyticsEncoder(Encoder):
    """Writes boxes, scores and classes in a row per object, and something else of each.

    Parameters
    ----------
    network : Network
    noise : float
        As for `detected`.
    """

    def __init__(self, network: Network, noise: float) -> None:
        super().__init__(network, noise, int(network.outputs[2].value_range[1]) + 1)
        self._rows, self._columns = network.output_shapes[3]
        self._unit = box_units(network, 0, "corners", None)

    def _found(self, scene: Scene) -> tuple[list[Found], list[Floats]]:
        """List what is found, and the first three tensors, which say so."""
        found = detected(scene, self.choices, self._noise)[: self._rows]
        corners, scores, class_ids = in_rows(found, self._rows)
        return found, [corners * np.array(self._unit * 2, np.float32), scores, class_ids]


class UltralyticsPoseEncoder(_UltralyticsEncoder):
    """Writes people, with COCO's 17 keypoints.

    Parameters
    ----------
    network : Network
    noise : float
        As for `detected` and `joints_of`.

    Raises
    ------
    SimulationError
        If the network has other keypoints.
    """

    task = "pose estimation"

    def __init__(self, network: Network, noise: float) -> None:
        super().__init__(network, noise)
        self._dimensions = keypoint_dimensions(self._columns, None) or 3
        require_coco(network, self._columns // self._dimensions)

    def __call__(self, scene: Scene) -> list[Floats]:
        """Encode one moment."""
        found, tensors = self._found(scene)
        keypoints = np.zeros((self._rows, self._columns), np.float32)
        for row, joints in zip(keypoints, joints_found(found, scene, self._noise), strict=False):
            joints[:, :2] *= self._unit
            row[:] = joints[:, : self._dimensions].ravel()
        return [*tensors, keypoints]


class UltralyticsSegmentationEncoder(_UltralyticsEncoder):
    """Writes objects with the coefficients of their masks, and the prototypes.

    Parameters
    ----------
    network : Network
    noise : float
        As for `detected`.
    """

    task = "instance segmentation"

    def __init__(self, network: Network, noise: float) -> None:
        super().__init__(network, noise)
        channels_first = network.output_shapes[4][0] == self._columns
        self._sheets = MaskSheets(network, 3, 4, channels_first)

    def __call__(self, scene: Scene) -> list[Floats]:
        """Encode one moment."""
        found, tensors = self._found(scene)
        coefficients = np.zeros((self._rows, self._columns), np.float32)
        for row, item in zip(coefficients, found, strict=False):
            row[:] = self._sheets.coefficients(item)
        return [*tensors, coefficients, self._sheets.prototypes(scene)]
