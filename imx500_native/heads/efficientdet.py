"""EfficientDet(-Lite) without its post-processing: class logits and changes to anchors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from imx500_native import _dense
from imx500_native.errors import DecoderError
from imx500_native.heads.base import cells, checked_positive, shape_error
from imx500_native.heads.dense import DenseHead

if TYPE_CHECKING:
    from imx500_native.network import Network

LEVELS = (3, 7)
LAST_LEVEL = 16
ANCHORS_PER_CELL = 9


def boxes_come_first(network: Network) -> bool | None:
    """Tell which of the two outputs holds the boxes; None where they are not such a pair."""
    shapes = network.output_shapes
    if len(shapes) != 2 or any(len(shape) != 2 for shape in shapes):
        return None
    if shapes[0][0] != shapes[1][0] or 4 not in (shapes[0][1], shapes[1][1]):
        return None
    return shapes[1][1] != 4


def _anchors(network: Network, levels: tuple[int, int]) -> int:
    first, last = levels
    return ANCHORS_PER_CELL * cells(network.input, (2**n for n in range(first, last + 1)))


def _checked_levels(levels: Any) -> tuple[int, int]:
    if (
        isinstance(levels, (tuple, list))
        and len(levels) == 2
        and all(isinstance(level, (int, np.integer)) for level in levels)
        and 0 <= levels[0] <= levels[1] <= LAST_LEVEL
    ):
        return int(levels[0]), int(levels[1])
    raise DecoderError(f"levels must be two of 0 to {LAST_LEVEL}, ascending, not {levels!r:.40}")


class EfficientDetHead(DenseHead):
    """Reads two tensors with a row per anchor: class logits, and boxes relative to the anchors.

    A cell of a level has 9 anchors: 3 scales (1, 2^1/3, 2^2/3), each in 3 shapes (width to height
    1, 2, 1/2). The confidence is the sigmoid of the best class; a box is (y, x, height, width), the
    centre in sizes of the anchor and the size as a logarithm (EfficientDet, Tan et al., 2020).

    Parameters
    ----------
    network : Network
        Its outputs may come in either order; where both have 4 columns the logits are the first.
    threshold, max_detections, iou_threshold, plus_one
        As for `DenseHead`; the overlap that is allowed is 0.65 by default.
    anchor_scale : float
        The side of the smallest square anchor, in cells: 3 for Lite0 to Lite2.
    levels : tuple of int
        The first and the last; the cells of a level are 2^level pixels wide.

    Raises
    ------
    DecoderError
        If an option is out of range or the network has other outputs.
    """

    __slots__ = ()

    name = "efficientdet"
    reads = "(anchors, classes) and (anchors, 4)"

    def __init__(
        self,
        network: Network,
        *,
        threshold: float | None = None,
        max_detections: int | None = None,
        iou_threshold: float = 0.65,
        plus_one: bool = False,
        anchor_scale: float = 3.0,
        levels: tuple[int, int] = LEVELS,
    ) -> None:
        super().__init__(network, threshold, max_detections, iou_threshold, plus_one)
        anchor_scale = checked_positive(anchor_scale, "anchor_scale")
        first, last = _checked_levels(levels)
        boxes_first = boxes_come_first(network)
        if boxes_first is None:
            raise shape_error(self, network.outputs)
        rows, classes = network.output_shapes[boxes_first]
        expected = _anchors(network, (first, last))
        if rows != expected:
            raise DecoderError(
                f"an EfficientDet of {network.input.width}x{network.input.height} with the levels "
                f"{first} to {last} has {expected} anchors; this network has {rows}"
            )
        self._tensors = _dense.EfficientDet(
            classes,
            (first, last),
            anchor_scale,
            boxes_first,
            (network.input.width, network.input.height),
            rows,
            *self._suppression(),
        )

    @staticmethod
    def fits(network: Network) -> bool:
        """Tell whether a network's outputs are what this head reads."""
        return boxes_come_first(network) is not None and network.output_shapes[0][0] == _anchors(
            network, LEVELS
        )
