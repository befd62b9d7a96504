"""NanoDet and NanoDet-Plus: class logits, and distributions of distances."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imx500_native import _dense
from imx500_native.errors import DecoderError
from imx500_native.heads.base import cells, checked_count, checked_strides, shape_error
from imx500_native.heads.dense import DenseHead

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imx500_native.network import Network

BINS = 8
# Of NanoDet-Plus, and of NanoDet before it.
STRIDES = ((8, 16, 32, 64), (8, 16, 32))


def fitting_strides(network: Network) -> tuple[int, ...] | None:
    """Return those of `STRIDES` that give the tensor's rows, or None."""
    rows = network.output_shapes[0][0]
    return next((known for known in STRIDES if cells(network.input, known) == rows), None)


class NanoDetHead(DenseHead):
    """Reads one tensor with a row per anchor: class logits, then 4 distributions of `bins`.

    An anchor is a corner of the grid of its stride, not the middle of a cell. Its confidence is
    the sigmoid of its best class; the distances from it to the left, top, right and bottom of the
    box are the expectations of their distributions, in strides (Generalized Focal Loss, Li et al.,
    2020).

    Parameters
    ----------
    network : Network
    threshold, max_detections, iou_threshold, plus_one
        As for `DenseHead`; the overlap that is allowed is 0.65 by default.
    bins : int
        How many whole strides a distance can be, 0 included: one more than the training's
        ``reg_max``. What the tensor has besides is classes.
    strides : sequence of int, optional
        Of the levels, in the tensor's order; by default (8, 16, 32, 64) or (8, 16, 32), whichever
        gives the tensor's rows. At most 8.

    Raises
    ------
    DecoderError
        If an option is out of range or the network has other outputs.
    """

    __slots__ = ()

    name = "nanodet"
    reads = "(anchors, classes + 4 * bins)"

    def __init__(
        self,
        network: Network,
        *,
        threshold: float | None = None,
        max_detections: int | None = None,
        iou_threshold: float = 0.65,
        plus_one: bool = False,
        bins: int = BINS,
        strides: Sequence[int] | None = None,
    ) -> None:
        super().__init__(network, threshold, max_detections, iou_threshold, plus_one)
        bins = checked_count(bins, "bins", 1) or BINS
        shapes = network.output_shapes
        if len(shapes) != 1 or len(shapes[0]) != 2 or shapes[0][1] <= 4 * bins:
            raise shape_error(self, network.outputs)
        strides = fitting_strides(network) if strides is None else checked_strides(strides)
        if strides is None or cells(network.input, strides) != shapes[0][0]:
            tried = STRIDES if strides is None else (strides,)
            expected = " or ".join(f"{cells(network.input, s)} with strides {s}" for s in tried)
            raise DecoderError(
                f"a NanoDet of {network.input.width}x{network.input.height} has as many anchors as "
                f"its strides make cells, {expected}; this network has {shapes[0][0]}"
            )
        self._tensors = _dense.NanoDet(
            shapes[0][1] - 4 * bins,
            bins,
            strides,
            (network.input.width, network.input.height),
            shapes[0][0],
            *self._suppression(),
        )

    @staticmethod
    def fits(network: Network) -> bool:
        """Tell whether a network's outputs are what this head reads."""
        shapes = network.output_shapes
        return (
            len(shapes) == 1
            and len(shapes[0]) == 2
            and shapes[0][1] > 4 * BINS
            and fitting_strides(network) is not None
        )
