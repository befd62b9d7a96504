"""Detectors that post-process on the sensor."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imx500_native import _decode
from imx500_native.heads.base import Head
from imx500_native.results.detections import Detections

if TYPE_CHECKING:
    from imx500_native.heads.base import Outputs
    from imx500_native.network import Network


class OnSensorHead(Head):
    """Reads boxes, scores, classes and their count, as suppression on the sensor leaves them.

    Order and units of the boxes come from the network, see `Network.box_order`.

    Parameters
    ----------
    network : Network
    threshold : float, optional
        The least confidence that counts, 0 to 1; 0.5 by default. Scores are steps of 1/256, and
        one that equals the threshold counts.
    max_detections : int, optional
        How many of the most confident to keep; None for all.

    Raises
    ------
    DecoderError
        If an option is out of range.
    """

    __slots__ = ("_tensors",)

    name = "on_sensor"
    task = "object detection"
    reads = "(n, 4), (n,), (n,) and (1,)"

    def __init__(
        self,
        network: Network,
        *,
        threshold: float | None = None,
        max_detections: int | None = None,
    ) -> None:
        super().__init__(network, threshold, max_detections)
        normalized = network.boxes_normalized
        self._tensors = _decode.OnSensorHead(
            network.box_order == "xy",
            1.0 if normalized else network.input.width,
            1.0 if normalized else network.input.height,
        )

    @staticmethod
    def fits(network: Network) -> bool:
        """Tell whether a network's outputs are what this head reads."""
        return network.detects_on_sensor

    def __call__(self, outputs: Outputs) -> Detections:
        """Decode one frame.

        A score that is NaN or infinite is none, and its object is left out; so is one whose box is
        not finite. A class that is NaN, negative or above 2**24 becomes -1, a fraction is cut off.
        Of the count, a fraction is cut off too: one that is NaN or below 1 says that there are no
        objects, one above the number of rows that all rows are objects.

        Raises
        ------
        DecoderError
            If the outputs have other shapes.
        """
        xyxy, confidence, class_id = self._tensors(outputs, self.threshold, self._limit)
        return Detections._trusted(xyxy, confidence, class_id, self.labels, "network")

    def empty(self) -> Detections:
        """Return what a frame without tensors gives."""
        return Detections.empty(labels=self.labels, fresh=False)
