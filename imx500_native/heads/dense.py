"""What the detectors have in common whose boxes are decoded and suppressed here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imx500_native.heads.base import Head, checked_share
from imx500_native.results.detections import Detections

if TYPE_CHECKING:
    from imx500_native._dense import BoxHead
    from imx500_native.heads.base import Outputs
    from imx500_native.network import Network


class DenseHead(Head):
    """Reads a detector that says something of every anchor.

    Parameters
    ----------
    network : Network
    threshold : float or None
        The least confidence that counts, 0 to 1; None for 0.5. One that equals it counts.
    max_detections : int or None
        How many of the most confident to keep; None for all.
    iou_threshold : float
        Boxes of one class whose intersection over union is above this, 0 to 1, suppress each
        other.
    plus_one : bool
        Compute overlaps of boxes one pixel wider and higher, as picamera2 does.

    Raises
    ------
    DecoderError
        If an option is out of range.
    """

    __slots__ = ("_tensors", "iou_threshold", "plus_one")

    task = "object detection"

    _tensors: BoxHead

    def __init__(
        self,
        network: Network,
        threshold: float | None,
        max_detections: int | None,
        iou_threshold: float,
        plus_one: bool,
    ) -> None:
        super().__init__(network, threshold, max_detections)
        self.iou_threshold = checked_share(iou_threshold, "iou_threshold")
        self.plus_one = bool(plus_one)

    def _suppression(self) -> tuple[float, float, int, bool]:
        """Say which candidates stay, in the order that `_dense.BoxHead` takes."""
        return self.threshold, self.iou_threshold, self._limit, self.plus_one

    def __call__(self, outputs: Outputs) -> Detections:
        """Decode one frame.

        Boxes that are not finite are left out, and so are anchors without a class, of which every
        value is NaN or minus infinity. An infinite logit is certain, which is what its sigmoid
        says; an infinite score that is no logit is none, and its anchor is left out.

        Raises
        ------
        DecoderError
            If the outputs have other shapes, or another thread is decoding with this object.
        """
        return Detections._trusted(*self._tensors(outputs), self.labels, "network")

    def empty(self) -> Detections:
        """Return what a frame without tensors gives."""
        return Detections.empty(labels=self.labels, fresh=False)
