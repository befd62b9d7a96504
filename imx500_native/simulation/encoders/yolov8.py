"""Scenes as the tensors of YOLOv8 and YOLO11 before suppression, in any of their layouts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from imx500_native.heads.yolov8_layout import (
    STRIDES,
    are_logits,
    box_form,
    box_units,
    detection_layout,
    keypoint_dimensions,
    mask_layout,
    pose_layout,
)
from imx500_native.simulation.encoders.anchors import (
    Anchor,
    AnchorEncoder,
    centred,
    level_for,
    sides_from,
    square_grids,
)
from imx500_native.simulation.encoders.masks import MaskSheets
from imx500_native.simulation.encoders.people import joints_found, require_coco

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imx500_native.heads.yolov8_layout import Layout, Place
    from imx500_native.network import Network
    from imx500_native.simulation.encoders.detections import Found
    from imx500_native.simulation.packing import Floats
    from imx500_native.simulation.scene import Box, Scene

_ROOM = 4
"""Strides from an object's middle to its sides, at most, on the level that reports it."""


class YOLOv8Encoder(AnchorEncoder):
    """Writes boxes and scores, each where and as the head expects them by default.

    A single tensor whose steps are those of pixels has no room for scores between 0 and 1: what
    comes back is as useless as what such a network would send.

    Parameters
    ----------
    network : Network
    noise : float
        As for `AnchorEncoder`.
    """

    def __init__(self, network: Network, noise: float) -> None:
        layout = self._layout = self._layout_of(network)
        self._grids = square_grids(network.input, STRIDES)
        form = box_form(layout, None)
        self._distances = form == "distances"
        units = box_units(network, layout.boxes.tensor, form, None)
        # From pixels to what the tensor counts in.
        self._unit = units[0] / network.input.width, units[1] / network.input.height
        super().__init__(network, noise, layout.classes, are_logits(network, layout, None))

    @staticmethod
    def _layout_of(network: Network) -> Layout:
        layout = detection_layout(network)
        assert layout is not None
        return layout

    def _table(self, outputs: Sequence[Floats], place: Place, columns: int) -> Floats:
        """Return the part of an output that is one table (anchors, columns)."""
        output = outputs[place.tensor]
        # Some networks have a leading 1.
        whole = output[0] if output.ndim == 3 else output
        whole = whole.T if place.channels_first else whole
        return whole[:, place.first : place.first + columns]

    def _scores(self, outputs: Sequence[Floats]) -> list[Floats]:
        return [self._table(outputs, self._layout.scores, self._layout.classes)]

    def _anchors(self, box: Box) -> list[Anchor]:
        x0, y0, x1, y1 = box
        grid = level_for(box, self._grids, _ROOM)
        stride = grid.cell[0]
        anchors: list[Anchor] = []
        for column, line, away in grid.about((x0 + x1) / 2, (y0 + y1) / 2):
            distances = sides_from((column + 0.5) * stride, (line + 0.5) * stride, box, stride)
            if not anchors or min(distances) >= 0:
                row = grid.first + line * grid.columns + column
                said = distances if self._distances else centred(box, self._unit)
                anchors.append(Anchor(row, grid, column, line, away, said))
        return anchors

    def _write(self, outputs: Sequence[Floats], anchor: Anchor, item: Found, score: float) -> None:
        scores = self._table(outputs, self._layout.scores, self._layout.classes)[anchor.row]
        scores[:] = self._background
        scores[item.class_id] = self._stored(score)
        self._table(outputs, self._layout.boxes, 4)[anchor.row] = anchor.box

    def _extra(self, outputs: Sequence[Floats]) -> Floats:
        """Return the table of what anchors say of objects besides their boxes."""
        assert self._layout.extra is not None
        return self._table(outputs, self._layout.extra, self._layout.extra_channels)


class YOLOv8PoseEncoder(YOLOv8Encoder):
    """Writes people, with COCO's 17 keypoints.

    Parameters
    ----------
    network, noise
        As for `YOLOv8Encoder`.

    Raises
    ------
    SimulationError
        If the network has other keypoints.
    """

    task = "pose estimation"

    def __init__(self, network: Network, noise: float) -> None:
        super().__init__(network, noise)
        self._dimensions = keypoint_dimensions(self._layout.extra_channels, None) or 3
        require_coco(network, self._layout.extra_channels // self._dimensions)

    @staticmethod
    def _layout_of(network: Network) -> Layout:
        layout = pose_layout(network)
        assert layout is not None
        return layout

    def _prepare(self, scene: Scene, found: Sequence[Found]) -> None:
        joints = joints_found(found, scene, self._noise)
        self._joints = dict(zip(found, joints, strict=True))

    def _write(self, outputs: Sequence[Floats], anchor: Anchor, item: Found, score: float) -> None:
        super()._write(outputs, anchor, item, score)
        joints = self._joints[item].copy()
        joints[:, :2] *= self._size
        if self._distances:
            joints[:, :2] = (joints[:, :2] / anchor.grid.cell - (anchor.column, anchor.line)) / 2
            joints[:, 2] = np.log(joints[:, 2] / (1 - joints[:, 2]))
        else:
            joints[:, :2] *= self._unit
        self._extra(outputs)[anchor.row] = joints[:, : self._dimensions].ravel()


class YOLOv8SegmentationEncoder(YOLOv8Encoder):
    """Writes objects with the coefficients of their masks, and the prototypes.

    Parameters
    ----------
    network, noise
        As for `YOLOv8Encoder`.
    """

    task = "instance segmentation"

    def __init__(self, network: Network, noise: float) -> None:
        super().__init__(network, noise)
        layout = self._layout
        assert layout.extra is not None
        assert layout.prototypes is not None
        self._sheets = MaskSheets(network, layout.extra.tensor, *layout.prototypes)

    @staticmethod
    def _layout_of(network: Network) -> Layout:
        layout = mask_layout(network)
        assert layout is not None
        return layout

    def __call__(self, scene: Scene) -> list[Floats]:
        """Encode one moment."""
        return [*super().__call__(scene)[:-1], self._sheets.prototypes(scene)]

    def _write(self, outputs: Sequence[Floats], anchor: Anchor, item: Found, score: float) -> None:
        super()._write(outputs, anchor, item, score)
        self._extra(outputs)[anchor.row] = self._sheets.coefficients(item)
