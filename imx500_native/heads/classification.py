"""Classifiers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imx500_native import _maps
from imx500_native.errors import DecoderError
from imx500_native.heads.base import Head, shape_error
from imx500_native.results.classification import Classification

if TYPE_CHECKING:
    from imx500_native.heads.base import Outputs
    from imx500_native.network import Network

# Of the networks trained on ImageNet, some have an output for the background and some do not.
IMAGENET_CLASSES = 1000
BACKGROUND = "background"

DEFAULT_CLASSES = 5


class ClassificationHead(Head):
    """Reads one score per class, and makes probabilities of them where the network does not.

    Parameters
    ----------
    network : Network
    threshold : float, optional
        The least confidence that counts, 0 to 1; 0 by default.
    max_detections : int, optional
        How many of the most confident classes to keep; 5 by default.
    softmax : bool, optional
        Whether the outputs are logits, whose softmax is the confidence. By default they are where
        the network's intrinsics say so, and where the output tensor can carry values that are no
        probabilities, below 0 or above 1: some networks have logits and intrinsics that forget it.

    Attributes
    ----------
    softmax : bool
        What was decided.
    labels : tuple of str or None
        Those of the network. For 1001 outputs and the 1000 labels of ImageNet, "background" goes
        before them. A class beyond the labels has the label None.

    Raises
    ------
    DecoderError
        If an option is out of range, or the network has other outputs.
    """

    __slots__ = ("softmax",)

    name = "classification"
    task = "classification"
    reads = "(classes,)"

    def __init__(
        self,
        network: Network,
        *,
        threshold: float | None = None,
        max_detections: int | None = None,
        softmax: bool | None = None,
    ) -> None:
        if not _has_one_score_per_class(network):
            raise shape_error(self, network.outputs)
        if softmax is not None and not isinstance(softmax, bool):
            raise DecoderError(f"softmax must be True, False or None, not {softmax!r:.40}")
        super().__init__(network, threshold, max_detections, 0.0, DEFAULT_CLASSES)
        self.softmax = has_logits(network) if softmax is None else softmax
        self.labels = class_labels(network)

    @staticmethod
    def fits(network: Network) -> bool:
        """Tell whether a network's outputs are what this head reads.

        A network that does not say its task is a classifier if it has a label for every output,
        with or without one for the background.
        """
        if not _has_one_score_per_class(network):
            return False
        if network.task is not None:
            return network.task == "classification"
        labels = class_labels(network)
        return labels is not None and len(labels) == network.outputs[0].elements

    def __call__(self, outputs: Outputs) -> Classification:
        """Decode one frame.

        Ties are in the order of their class ids. NaN counts for nothing: it is no class's score
        and has no share of the softmax. Infinite logits share all of it; where the outputs are no
        logits, an infinite score counts for nothing either.

        Raises
        ------
        DecoderError
            If the outputs have other shapes.
        """
        class_id, confidence = _maps.top_classes(outputs, self.softmax, self.threshold, self._limit)
        return Classification._trusted(class_id, confidence, self.labels)

    def empty(self) -> Classification:
        """Return what a frame without tensors gives."""
        return Classification.empty(labels=self.labels, fresh=False)


def _has_one_score_per_class(network: Network) -> bool:
    shapes = network.output_shapes
    return len(shapes) == 1 and sum(size != 1 for size in shapes[0]) <= 1


def has_logits(network: Network) -> bool:
    """Tell whether a classifier leaves the softmax to the host.

    Parameters
    ----------
    network : Network

    Returns
    -------
    bool
    """
    if network.intrinsics is not None and network.intrinsics.softmax:
        return True
    low, high = network.outputs[0].value_range
    return low < 0.0 or high > 1.0


def class_labels(network: Network) -> tuple[str, ...] | None:
    """Return the label of every output of a classifier, as `ClassificationHead.labels`.

    Parameters
    ----------
    network : Network

    Returns
    -------
    tuple of str or None
    """
    labels = network.labels
    if (
        labels is not None
        and len(labels) == IMAGENET_CLASSES
        and network.outputs[0].elements == IMAGENET_CLASSES + 1
    ):
        return (BACKGROUND, *labels)
    return labels
