"""YOLOv8 and YOLO11 as they leave the network: people with keypoints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imx500_native.heads.base import checked_count, shape_error
from imx500_native.heads.yolov8_base import YOLOv8Base
from imx500_native.heads.yolov8_layout import (
    STRIDES,
    box_form,
    chosen,
    is_pose,
    keypoint_dimensions,
    pose_layout,
)
from imx500_native.results.poses import Poses

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imx500_native.heads.base import Outputs
    from imx500_native.network import Network


class YOLOv8PoseHead(YOLOv8Base):
    """Reads a YOLOv8-pose or YOLO11-pose: boxes, scores and keypoints, in three tensors or in one.

    Parameters
    ----------
    network, threshold, max_detections, iou_threshold, boxes, scores, normalized, strides
        As for `YOLOv8Head`.
    keypoints : int, optional
        How many there are. By default what the shapes give: three channels for each where their
        number is a multiple of three, else two; a single tensor then has one class.
    visibility : {"logits", "probabilities"}, optional
        Whether the third channel has still to go through the sigmoid; by default where boxes are
        distances. Keypoints are then offsets from the cell, else they are written as boxes are.

    Raises
    ------
    DecoderError
        As for `YOLOv8Head`.
    """

    __slots__ = ("_keypoints",)

    name = "yolov8_pose"
    task = "pose estimation"
    reads = "(4, n), (classes, n) and (3 * keypoints, n), or (5 + 3 * keypoints, n)"

    def __init__(
        self,
        network: Network,
        *,
        threshold: float | None = None,
        max_detections: int | None = None,
        iou_threshold: float = 0.7,
        boxes: str | None = None,
        scores: str | None = None,
        normalized: bool | None = None,
        strides: Sequence[int] = STRIDES,
        keypoints: int | None = None,
        visibility: str | None = None,
    ) -> None:
        layout = pose_layout(network, checked_count(keypoints, "keypoints", 1))
        dimensions = keypoint_dimensions(layout.extra_channels, keypoints) if layout else None
        if layout is None or dimensions is None:
            raise shape_error(self, network.outputs)
        self._keypoints = layout.extra_channels // dimensions
        offsets = box_form(layout, boxes) == "distances"
        visibility = chosen(
            visibility,
            "visibility",
            ("logits", "probabilities"),
            "logits" if offsets else "probabilities",
        )
        options = (threshold, max_detections, iou_threshold, boxes, scores, normalized, strides)
        super().__init__(
            network,
            layout,
            *options,
            keypoints=(layout.extra, self._keypoints, dimensions, offsets, visibility == "logits"),
        )

    @staticmethod
    def fits(network: Network) -> bool:
        """Tell whether a network's outputs are what this head reads."""
        return is_pose(network)

    def __call__(self, outputs: Outputs) -> Poses:
        """Decode one frame, as `YOLOv8Head` does.

        A keypoint whose place is not finite counts as not found, and so does one whose visibility
        is NaN or, where it is no logit, infinite.

        Raises
        ------
        DecoderError
            If the outputs have other shapes.
        """
        xyxy, confidence, _, xy, keypoint_confidence = self._reader(outputs)
        return Poses._trusted(xy, keypoint_confidence, confidence, xyxy, "network")

    def empty(self) -> Poses:
        """Return what a frame without tensors gives."""
        return Poses.empty(self._keypoints, fresh=False)
