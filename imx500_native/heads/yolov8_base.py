"""What the heads for YOLOv8 and YOLO11 as they leave the network have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from imx500_native._yolo import YOLOReader
from imx500_native.errors import DecoderError
from imx500_native.heads.base import Head, cells, checked_share, checked_strides, shape_error
from imx500_native.heads.yolov8_layout import (
    BOX_FORMS,
    are_logits,
    box_form,
    box_units,
    levels,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imx500_native.heads.yolov8_layout import Layout
    from imx500_native.network import Network


class YOLOv8Base(Head):
    """A head for tensors before suppression: options, and the reader that they make."""

    __slots__ = ("_reader",)

    def __init__(
        self,
        network: Network,
        layout: Layout | None,
        threshold: float | None,
        max_detections: int | None,
        iou_threshold: float,
        boxes: str | None,
        scores: str | None,
        normalized: bool | None,
        strides: Sequence[int],
        **extra: Any,
    ) -> None:
        if layout is None:
            raise shape_error(self, network.outputs)
        form = box_form(layout, boxes)
        steps = checked_strides(strides)
        if form == "distances" and cells(network.input, steps) != layout.anchors:
            raise DecoderError(
                f"strides {steps} give {cells(network.input, steps)} anchors in an input of "
                f"{network.input.width}x{network.input.height}, but the outputs "
                f"{', '.join(map(str, network.output_shapes))} have {layout.anchors}"
            )
        super().__init__(network, threshold, max_detections)
        self._reader = YOLOReader(
            layout.shapes,
            layout.anchors,
            threshold=self.threshold,
            max_detections=self._limit,
            boxes=layout.boxes,
            units=box_units(network, layout.boxes.tensor, form, normalized),
            levels=levels(network.input, steps),
            scores=(layout.scores, layout.classes),
            score_logits=are_logits(network, layout, scores),
            box_form=BOX_FORMS.index(form),
            iou_threshold=checked_share(iou_threshold, "iou_threshold"),
            **extra,
        )
