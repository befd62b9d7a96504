"""YOLOv8 and YOLO11 as they leave the network: objects with masks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imx500_native.heads.base import shape_error
from imx500_native.heads.yolov8_base import YOLOv8Base
from imx500_native.heads.yolov8_layout import STRIDES, expected_anchors, mask_layout, sheet_of
from imx500_native.results.instance_masks import InstanceMasks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imx500_native.heads.base import Outputs
    from imx500_native.network import Network


class YOLOv8SegmentationHead(YOLOv8Base):
    """Reads a YOLOv8-seg or YOLO11-seg: boxes, scores, coefficients and prototypes of masks.

    Boxes, scores and coefficients may be in one tensor; the prototypes have one of their own.

    Parameters
    ----------
    network, threshold, max_detections, iou_threshold, boxes, scores, normalized, strides
        As for `YOLOv8Head`.

    Raises
    ------
    DecoderError
        As for `YOLOv8Head`.
    """

    __slots__ = ("_sheet",)

    name = "yolov8_segmentation"
    task = "instance segmentation"
    reads = (
        "(4, n), (classes, n), (c, n) and (c, height, width), "
        "or (4 + classes + c, n) and (c, height, width)"
    )

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
    ) -> None:
        layout = mask_layout(network)
        if layout is None or layout.prototypes is None:
            raise shape_error(self, network.outputs)
        self._sheet = sheet_of(layout.shapes[-1], layout.prototypes[1])
        options = (threshold, max_detections, iou_threshold, boxes, scores, normalized, strides)
        super().__init__(
            network,
            layout,
            *options,
            coefficients=(layout.extra, layout.extra_channels),
            prototypes=layout.prototypes,
        )

    @staticmethod
    def fits(network: Network) -> bool:
        """Tell whether a network's outputs are what this head reads."""
        layout = mask_layout(network)
        return (
            layout is not None
            and layout.anchors == expected_anchors(network)
            and network.task in (None, "segmentation", YOLOv8SegmentationHead.task)
        )

    def __call__(self, outputs: Outputs) -> InstanceMasks:
        """Decode one frame, as `YOLOv8Head` does; a logit that is NaN is no part of a mask.

        Raises
        ------
        DecoderError
            If the outputs have other shapes.
        """
        xyxy, confidence, class_id, logits = self._reader(outputs)
        return InstanceMasks._trusted(xyxy, confidence, class_id, logits, self.labels, "network")

    def empty(self) -> InstanceMasks:
        """Return what a frame without tensors gives."""
        return InstanceMasks.empty(self._sheet, labels=self.labels, fresh=False)
