"""What the heads for YOLOv8 and YOLO11 as they leave the network have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from imx500_native._yolo import YoloReader
from imx500_native.errors import DecoderError
from imx500_native.heads.base import checked_count, checked_share, shape_error
from imx500_native.heads.yolov8_layout import (
    BOX_FORMS,
    are_logits,
    box_form,
    box_units,
    cells,
    checked_strides,
    levels,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from imx500_native._yolo import TensorReader
    from imx500_native.heads.base import Outputs
    from imx500_native.heads.yolov8_layout import Layout
    from imx500_native.network import Network


class TableHead:
    """A head whose tensors one reader of `imx500_native._yolo` opens."""

    __slots__ = ("_reader", "labels", "max_detections", "threshold")

    name: str
    reads: str

    labels: tuple[str, ...] | None
    max_detections: int | None
    threshold: float
    _reader: TensorReader

    def _misfit(self, network: Network) -> DecoderError:
        shapes = ", ".join(map(str, network.output_shapes))
        return DecoderError(
            f"the head {self.name!r} reads outputs of shapes {self.reads}; those of "
            f"{network.name!r} are {shapes}"
        )

    def _read(self, outputs: Outputs) -> tuple[npt.NDArray[Any], ...]:
        found = self._reader(outputs)
        if found is None:
            raise shape_error(self, outputs)  # type: ignore[arg-type]
        return found


class Yolov8Base(TableHead):
    """A head for tensors before suppression: options, and the reader that they make."""

    __slots__ = ()

    def _set(
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
            raise self._misfit(network)
        form = box_form(layout, boxes)
        steps = checked_strides(strides)
        if form == "distances" and cells(network.input, steps) != layout.anchors:
            raise DecoderError(
                f"strides {steps} give {cells(network.input, steps)} anchors in an input of "
                f"{network.input.width}x{network.input.height}, but the outputs "
                f"{', '.join(map(str, network.output_shapes))} have {layout.anchors}"
            )
        self.labels = network.labels
        self.threshold = checked_share(threshold, "threshold", 0.5)
        self.max_detections = checked_count(max_detections, "max_detections")
        self._reader = YoloReader(
            layout.shapes,
            layout.anchors,
            threshold=self.threshold,
            max_detections=-1 if self.max_detections is None else self.max_detections,
            boxes=layout.boxes,
            units=box_units(network, layout.boxes.tensor, form, normalized),
            levels=levels(network.input, steps),
            scores=(layout.scores, layout.classes),
            score_logits=are_logits(network, layout, scores),
            box_form=BOX_FORMS.index(form),
            iou_threshold=checked_share(iou_threshold, "iou_threshold"),
            **extra,
        )
