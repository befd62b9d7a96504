"""YOLOv5, with its boxes still relative to cells and anchors, or decoded by the network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from imx500_native import _dense
from imx500_native.errors import DecoderError
from imx500_native.heads.base import checked_positive, checked_strides, shape_error
from imx500_native.heads.dense import DenseHead
from imx500_native.network import NORMALIZED_LIMIT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imx500_native.network import Network

STRIDES = (8, 16, 32)
ANCHORS = (
    ((10, 13), (16, 30), (33, 23)),
    ((30, 61), (62, 45), (59, 119)),
    ((116, 90), (156, 198), (373, 326)),
)
CHANNELS_BEFORE_CLASSES = 5


class Level(NamedTuple):
    """One output, as `_dense.YOLOv5` takes it."""

    shape: tuple[int, ...]
    grid: tuple[int, int]
    steps: tuple[int, int, int]
    stride: float
    anchors: Sequence[tuple[float, float]]


def _level(
    shape: tuple[int, ...],
    size: tuple[int, int],
    stride: int,
    anchors: Sequence[tuple[float, float]],
) -> Level | None:
    """Say how a tensor holds a level; None where it does not."""
    columns, lines, each = size[0] // stride, size[1] // stride, len(anchors)
    layouts = {
        (lines * columns, each): (1, columns, lines * columns),
        (each, lines, columns): (each * lines, each, 1),
        (lines, columns, each): (lines, 1, lines * columns),
    }
    steps = layouts.get(shape[:-1])
    return None if steps is None else Level(shape, (columns, lines), steps, stride, anchors)


def anchor_levels(
    network: Network, strides: Sequence[int], anchors: Sequence[Sequence[tuple[float, float]]]
) -> list[Level] | None:
    """Say which output holds which level, in any order; None where one holds none."""
    size = (network.input.width, network.input.height)
    shapes = network.output_shapes
    channels = {shape[-1] for shape in shapes if len(shape) > 1}
    if len(shapes) != len(strides) or len(channels) != 1:
        return None
    if channels.pop() <= CHANNELS_BEFORE_CLASSES:
        return None
    left = list(zip(strides, anchors, strict=True))
    found = []
    for shape in shapes:
        for known in left:
            level = _level(shape, size, *known)
            if level is not None:
                left.remove(known)
                found.append(level)
                break
        else:
            return None
    return found


def _holds_decoded_boxes(
    network: Network, strides: Sequence[int], anchors: Sequence[Sequence[tuple[float, float]]]
) -> bool:
    shapes = network.output_shapes
    width, height = network.input.width, network.input.height
    rows = sum(
        (width // stride) * (height // stride) * len(sizes)
        for stride, sizes in zip(strides, anchors, strict=True)
    )
    return (
        len(shapes) == 1
        and len(shapes[0]) == 2
        and shapes[0][0] == rows
        and shapes[0][1] > CHANNELS_BEFORE_CLASSES
    )


def boxes_are_fractions(network: Network) -> bool:
    """Tell whether decoded boxes are fractions of the input, rather than its pixels."""
    if network.intrinsics is not None and network.intrinsics.bbox_normalization is not None:
        return not network.intrinsics.bbox_normalization
    return network.outputs[0].value_range[1] <= NORMALIZED_LIMIT


def _checked_anchors(anchors: Any, levels: int) -> list[list[tuple[float, float]]]:
    try:
        sizes = [[(width, height) for width, height in level] for level in anchors]
    except (TypeError, ValueError):
        sizes = []
    if len(sizes) != levels or not all(sizes):
        raise DecoderError(
            f"anchors must be {levels} sequences of (width, height), one for each stride, not "
            f"{anchors!r:.80}"
        )
    return [
        [(checked_positive(w, "anchors"), checked_positive(h, "anchors")) for w, h in level]
        for level in sizes
    ]


class YOLOv5Head(DenseHead):
    """Reads YOLOv5's tensors: x, y, width, height, object, and classes, of every anchor.

    One tensor per level, in any order, of shape (lines * columns, 3, channels),
    (3, lines, columns, channels) or (lines, columns, 3, channels); or one tensor
    (anchors, channels) with boxes that the network has decoded, as its authors' export makes it.
    The confidence is that of the object times that of its best class.

    Parameters
    ----------
    network : Network
    threshold, max_detections, iou_threshold, plus_one
        As for `DenseHead`; the overlap that is allowed is 0.65 by default.
    anchors : sequence, optional
        Of each level the sizes (width, height) of its anchors, in pixels of the input. At most 8
        levels, of at most 8 anchors each.
    strides : sequence of int, optional
        Of each level.
    logits : bool
        The network leaves the sigmoid to us; otherwise all channels are 0 to 1 already.
    normalized : bool, optional
        Decoded boxes are fractions of the input, rather than pixels. By default what the
        intrinsics say; else pixels where the tensor reaches beyond 16.

    Raises
    ------
    DecoderError
        If an option is out of range or the network has other outputs.
    """

    __slots__ = ()

    name = "yolov5"
    reads = (
        "(lines * columns, anchors, 5 + classes) for each stride, or one (anchors, 5 + classes) "
        "with decoded boxes"
    )

    def __init__(
        self,
        network: Network,
        *,
        threshold: float | None = None,
        max_detections: int | None = None,
        iou_threshold: float = 0.65,
        plus_one: bool = False,
        anchors: Sequence[Sequence[tuple[float, float]]] = ANCHORS,
        strides: Sequence[int] = STRIDES,
        logits: bool = False,
        normalized: bool | None = None,
    ) -> None:
        super().__init__(network, threshold, max_detections, iou_threshold, plus_one)
        strides = checked_strides(strides)
        anchors = _checked_anchors(anchors, len(strides))
        size = (network.input.width, network.input.height)
        classes = network.output_shapes[0][-1] - CHANNELS_BEFORE_CLASSES
        levels = anchor_levels(network, strides, anchors)
        if levels is not None:
            rows = sum(level.grid[0] * level.grid[1] * len(level.anchors) for level in levels)
            self._tensors = _dense.YOLOv5(
                classes, levels, bool(logits), size, rows, *self._suppression()
            )
            return
        if not _holds_decoded_boxes(network, strides, anchors):
            raise shape_error(self, network.outputs)
        if logits:
            raise DecoderError("a YOLOv5 that decodes its boxes itself gives no logits")
        fractions = boxes_are_fractions(network) if normalized is None else normalized
        self._tensors = _dense.YOLOv5Decoded(
            classes,
            size if fractions else (1, 1),
            size,
            network.output_shapes[0][0],
            *self._suppression(),
        )

    @staticmethod
    def fits(network: Network) -> bool:
        """Tell whether a network's outputs are what this head reads."""
        return anchor_levels(network, STRIDES, ANCHORS) is not None or _holds_decoded_boxes(
            network, STRIDES, ANCHORS
        )
