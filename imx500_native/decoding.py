"""From a network's output tensors to results: which head reads which network."""

from __future__ import annotations

import math
import threading
from typing import TYPE_CHECKING

from imx500_native._decode import OnSensorHead
from imx500_native.errors import DecoderError, TaskError
from imx500_native.results import Detections

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import numpy.typing as npt

    from imx500_native.network import Network


class Decoder:
    """Reads the output tensors of a detector that post-processes on the sensor.

    A decoder owns scratch memory: use one per thread.

    Parameters
    ----------
    network : Network
        Whose tensors it reads: box order and units come from it, see `Network.box_order`.
    threshold : float
        The least confidence that counts, 0 to 1. Scores are steps of 1/256, and one that equals
        the threshold counts.
    max_detections : int, optional
        How many of the most confident to keep; None for all.

    Raises
    ------
    TaskError
        If there is no decoder for the network's head.
    DecoderError
        If `threshold` or `max_detections` is out of range.
    """

    __slots__ = ("_head", "_limit", "labels", "max_detections", "threshold")

    def __init__(
        self, network: Network, threshold: float = 0.5, max_detections: int | None = None
    ) -> None:
        if not network.detects_on_sensor:
            raise TaskError(
                f"no decoder reads the outputs of {network.name!r}, of shapes "
                f"{', '.join(map(str, network.output_shapes))}; this version decodes detectors "
                "that post-process on the sensor, (n, 4), (n,), (n,), (1,). Read frame.outputs "
                "with a function of your own"
            )
        if not (isinstance(threshold, (int, float)) and math.isfinite(threshold)):
            raise DecoderError(f"threshold must be a number from 0 to 1, not {threshold!r:.40}")
        if max_detections is not None and max_detections < 0:
            raise DecoderError(f"max_detections must be None or at least 0, not {max_detections}")
        normalized = network.boxes_normalized
        self._head = OnSensorHead(
            network.box_order == "xy",
            1.0 if normalized else network.input.width,
            1.0 if normalized else network.input.height,
        )
        self._limit = -1 if max_detections is None else max_detections
        self.labels = network.labels
        self.threshold = threshold
        self.max_detections = max_detections

    @classmethod
    def for_network(
        cls, network: Network, threshold: float = 0.5, max_detections: int | None = None
    ) -> Decoder:
        """Pick the decoder that reads a network's outputs, from the network's own facts.

        Parameters
        ----------
        network, threshold, max_detections
            As for the class.

        Returns
        -------
        Decoder
            Ready to be called with ``frame.outputs``.

        Raises
        ------
        TaskError, DecoderError
            As for the class.
        """
        return cls(network, threshold, max_detections)

    def __call__(self, outputs: Sequence[npt.NDArray[np.float32]] | None) -> Detections:
        """Decode one frame.

        Parameters
        ----------
        outputs : sequence of ndarray or None
            The network's output tensors in their order, of any strides (what is not in Fortran
            order is copied once); None for a frame without tensors.

        Returns
        -------
        Detections
            In network space, most confident first; boxes that are not finite are left out, and a
            class that is no class id becomes -1. Without tensors: empty and not fresh.

        Raises
        ------
        DecoderError
            If the outputs do not have the shapes that this head reads.
        """
        if outputs is None:
            return Detections.empty(labels=self.labels, fresh=False)
        xyxy, confidence, class_id = self._head(outputs, self.threshold, self._limit)
        return Detections._trusted(xyxy, confidence, class_id, self.labels, "network")


def cached_decoder(network: Network, threshold: float, max_detections: int | None) -> Decoder:
    """Return this thread's decoder for a network, made on first use.

    Parameters
    ----------
    network, threshold, max_detections
        As for `Decoder`.

    Returns
    -------
    Decoder
        The same object for the same arguments in the same thread.

    Raises
    ------
    TaskError, DecoderError
        As for `Decoder`.
    """
    # An identity is given again only when its thread is gone, which no longer uses the scratch.
    key = (threading.get_ident(), threshold, max_detections)
    decoder: Decoder | None = network.decoders.get(key)
    if decoder is None:
        # A program that sweeps thresholds must not collect decoders for ever.
        if len(network.decoders) >= 64:
            network.decoders.clear()
        decoder = network.decoders[key] = Decoder(network, threshold, max_detections)
    return decoder
