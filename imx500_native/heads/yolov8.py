"""YOLOv8 and YOLO11 as they leave the network: objects with boxes.

Where the tensors do not say by their shapes how they are to be read, options do. The box formula is
that of Ultralytics' ``dist2bbox``: with distances l, t, r, b from the centre of cell (i, j) of a
level with stride s, a box is ``((i + 0.5 - l) s, (j + 0.5 - t) s, (i + 0.5 + r) s,
(j + 0.5 + b) s)`` in pixels of the input; a keypoint (x, y) is at ``((2 x + i) s, (2 y + j) s)``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imx500_native.heads.yolov8_base import YOLOv8Base
from imx500_native.heads.yolov8_layout import (
    STRIDES,
    detection_layout,
    expected_anchors,
    is_nanodet,
    is_pose,
)
from imx500_native.results.detections import Detections

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imx500_native.heads.base import Outputs
    from imx500_native.network import Network


class YOLOv8Head(YOLOv8Base):
    """Reads a YOLOv8 or YOLO11 detector: boxes (4, n) and scores (classes, n), or both in one.

    Anchors may be the first dimension instead of the second, and a leading 1 may be there.

    Parameters
    ----------
    network : Network
    threshold : float, optional
        The least confidence that counts, 0 to 1, the threshold itself included; 0.5 by default.
    max_detections : int, optional
        How many of the most confident to keep; None for all.
    iou_threshold : float
        Boxes of one class that overlap more than this suppress each other.
    boxes : {"distances", "centres", "corners"}, optional
        How boxes are written: distances from the cell's centre in strides (by default where they
        have a tensor of their own), centre and size (by default in a single tensor), or corners.
    scores : {"logits", "probabilities"}, optional
        Whether scores have still to go through the sigmoid. By default they do where their own
        tensor can hold values below -1; in a single tensor they do not.
    normalized : bool, optional
        Centres or corners are fractions of the input rather than its pixels; by default where
        their tensor does not reach beyond 16.
    strides : sequence of int
        Of the levels, in the order of the anchors.

    Raises
    ------
    DecoderError
        If the network's outputs have other shapes, or an option is out of range.
    """

    __slots__ = ()

    name = "yolov8"
    task = "object detection"
    reads = "(4, n) and (classes, n), or (4 + classes, n)"

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
        options = (threshold, max_detections, iou_threshold, boxes, scores, normalized, strides)
        super().__init__(network, detection_layout(network), *options)

    @staticmethod
    def fits(network: Network) -> bool:
        """Tell whether a network's outputs are what this head reads."""
        layout = detection_layout(network)
        return (
            layout is not None
            and layout.anchors == expected_anchors(network)
            and network.task in (None, YOLOv8Head.task)
            and not is_nanodet(network, layout)
            and not (layout.single and is_pose(network))
        )

    def __call__(self, outputs: Outputs) -> Detections:
        """Decode one frame.

        A score that is NaN is none, and an anchor whose box is not finite is left out. An infinite
        logit is certain, which is what its sigmoid says; an anchor whose best score is no logit
        and infinite is left out.

        Raises
        ------
        DecoderError
            If the outputs have other shapes.
        """
        xyxy, confidence, class_id = self._reader(outputs)
        return Detections._trusted(xyxy, confidence, class_id, self.labels, "network")

    def empty(self) -> Detections:
        """Return what a frame without tensors gives."""
        return Detections.empty(labels=self.labels, fresh=False)
