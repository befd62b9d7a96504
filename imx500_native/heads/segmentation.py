"""Networks that give every pixel a class."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from imx500_native import _maps
from imx500_native.errors import DecoderError
from imx500_native.heads.base import Head, shape_error
from imx500_native.results.segmentation import Segmentation

if TYPE_CHECKING:
    from imx500_native.heads.base import Outputs
    from imx500_native.network import Network

Layout: TypeAlias = Literal["ids", "scores last", "scores first", "single last", "single first"]
LONE_AXES = {"ids": -1, "single last": 2, "single first": 0}

# Fewer rows or columns than this are no picture.
LEAST_SIDE = 8

MAX_CLASS_ID = 32767


class SegmentationHead(Head):
    """Reads a class id per pixel, or a score per pixel and class, of which the highest wins.

    The first of the two picture dimensions is the row. Class ids are cut to whole numbers; what is
    NaN, negative or above 32767 is no class, -1. Of scores, the first of equals wins; NaN and minus
    infinity never do, and a pixel that has nothing else has no class.

    Parameters
    ----------
    network : Network
    threshold, max_detections : None
        There is no confidence to compare and no order of regions.
    background : int, optional
        The class that is no region, see `Segmentation`; None if every class is one.
    classes_first : bool, optional
        Whether scores are (classes, height, width) rather than (height, width, classes). By
        default the reading is taken in which there is a label for every class, else that in which
        the map has the shape of the network's input, else that with fewer classes.

    Raises
    ------
    DecoderError
        If an option is not allowed, or the network has other outputs.
    """

    __slots__ = ("_layout", "background")

    name = "segmentation"
    task = "segmentation"
    reads = "(height, width) or (height, width, classes) or (classes, height, width)"

    def __init__(
        self,
        network: Network,
        *,
        threshold: float | None = None,
        max_detections: int | None = None,
        background: int | None = 0,
        classes_first: bool | None = None,
    ) -> None:
        if threshold is not None:
            raise DecoderError("a map of classes has no confidence: leave threshold out")
        if max_detections is not None:
            raise DecoderError("a map has a class for every pixel: leave max_detections out")
        if background is not None and not (
            isinstance(background, (int, np.integer)) and 0 <= background <= MAX_CLASS_ID
        ):
            raise DecoderError(
                f"background must be None or a class id from 0 to {MAX_CLASS_ID}, "
                f"not {background!r:.40}"
            )
        layout = map_layout(network, classes_first)
        if layout is None:
            raise shape_error(self, network.outputs)
        super().__init__(network, None, None, 0.0)
        self._layout = layout
        self.background = background

    @staticmethod
    def fits(network: Network) -> bool:
        """Tell whether a network's outputs are what this head reads.

        A network that does not say its task segments if its only output has the shape of its input,
        and holds either whole numbers or scores of several classes.
        """
        layout = map_layout(network, None)
        if layout is None or network.task is not None:
            return layout is not None and network.task == "segmentation"
        height, width = map_shape(network.output_shapes[0], layout)
        return (
            min(height, width) >= LEAST_SIDE
            and _is_shaped_as_input(height, width, network)
            and (layout.startswith("scores") or network.outputs[0].scale == 1)
        )

    def __call__(self, outputs: Outputs) -> Segmentation:
        """Decode one frame.

        Raises
        ------
        DecoderError
            If the outputs have other shapes.
        """
        if self._layout.startswith("scores"):
            class_map = _maps.best_class_map(outputs, self._layout == "scores first")
        else:
            class_map = _maps.class_map(outputs, LONE_AXES[self._layout])
        return Segmentation._trusted(class_map, self.labels, self.background, "network")

    def empty(self) -> Segmentation:
        """Return what a frame without tensors gives."""
        return Segmentation.empty(labels=self.labels, background=self.background, fresh=False)


def map_layout(network: Network, classes_first: bool | None) -> Layout | None:
    """Tell what the dimensions of a network's output are; None if they are something else."""
    if len(network.outputs) != 1:
        return None
    shape = network.output_shapes[0]
    if len(shape) == 2:
        return "ids"
    if len(shape) != 3:
        return None
    if shape[2] == 1 and classes_first is not True:
        return "single last"
    if shape[0] == 1 and classes_first is not False:
        return "single first"
    first = _classes_are_first(network) if classes_first is None else classes_first
    if shape[0 if first else 2] > MAX_CLASS_ID + 1:
        return None
    return "scores first" if first else "scores last"


def _classes_are_first(network: Network) -> bool:
    first, middle, last = network.output_shapes[0]
    if network.labels is not None:
        classes = len(network.labels)
        if (first == classes) != (last == classes):
            return first == classes
    shaped_last = _is_shaped_as_input(first, middle, network)
    shaped_first = _is_shaped_as_input(middle, last, network)
    return shaped_first if shaped_first != shaped_last else first < last


def map_shape(shape: tuple[int, ...], layout: Layout) -> tuple[int, int]:
    """Return (height, width) of the map in a tensor."""
    height, width = shape[1:] if layout.endswith("first") else shape[:2]
    return height, width


def _is_shaped_as_input(height: int, width: int, network: Network) -> bool:
    """Tell whether a map has the input's aspect ratio, but for the rounding of its sides."""
    difference = abs(height * network.input.width - width * network.input.height)
    return difference < max(network.input.width, network.input.height)
