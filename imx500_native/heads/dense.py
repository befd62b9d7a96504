"""What the detectors have in common whose boxes are decoded and suppressed here."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, NamedTuple

from imx500_native.heads.base import checked_count, checked_share, row_limit, shape_error
from imx500_native.results.detections import Detections

if TYPE_CHECKING:
    from imx500_native._dense import BoxHead
    from imx500_native.heads.base import Outputs, Task
    from imx500_native.network import Network


class Suppression(NamedTuple):
    """Which candidates stay, in the order that `_dense.BoxHead` takes."""

    threshold: float
    iou_threshold: float
    max_detections: int
    plus_one: bool


class DenseHead:
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

    __slots__ = (
        "_tensors",
        "iou_threshold",
        "labels",
        "max_detections",
        "plus_one",
        "threshold",
    )

    name: ClassVar[str]
    reads: ClassVar[str]
    task: ClassVar[Task] = "object detection"

    _tensors: BoxHead

    def __init__(
        self,
        network: Network,
        threshold: float | None,
        max_detections: int | None,
        iou_threshold: float,
        plus_one: bool,
    ) -> None:
        self.threshold = checked_share(threshold, "threshold", 0.5)
        self.max_detections = checked_count(max_detections, "max_detections")
        self.iou_threshold = checked_share(iou_threshold, "iou_threshold")
        self.plus_one = bool(plus_one)
        self.labels = network.labels

    @staticmethod
    def fits(network: Network) -> bool:
        """Tell whether a network's outputs are what this head reads."""
        raise NotImplementedError

    def _suppression(self) -> Suppression:
        return Suppression(
            self.threshold, self.iou_threshold, row_limit(self.max_detections), self.plus_one
        )

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
        found = self._tensors(outputs)
        if found is None:
            raise shape_error(self, outputs)
        return Detections._trusted(*found, self.labels, "network")

    def empty(self) -> Detections:
        """Return what a frame without tensors gives."""
        return Detections.empty(labels=self.labels, fresh=False)
