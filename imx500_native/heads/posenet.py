"""PoseNet: people from heat maps and displacement maps."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from imx500_native._posenet import PoseNetMaps
from imx500_native.errors import DecoderError
from imx500_native.heads.base import LARGEST_SIZE, Head, checked_count, checked_number, shape_error
from imx500_native.results.poses import Poses

if TYPE_CHECKING:
    from imx500_native.heads.base import Outputs
    from imx500_native.network import Network

CHANNELS = (17, 34, 64)
MAX_DETECTIONS = 10
MAX_REFINEMENT_STEPS = 100


def cell_size(network: Network) -> int | None:
    """Return how many pixels of the input lie between two cells, or None where nothing says it."""
    rows, columns = network.outputs[0].shape[:2]
    across = math.ceil(network.input.width / columns)
    return across if across == math.ceil(network.input.height / rows) else None


class PoseNetHead(Head):
    """Reads heat maps, short offsets and mid offsets, and follows people along their skeletons.

    This is PersonLab's decoding: the cells whose score is not below the threshold, nor below a
    neighbour's, are roots. From each, the best first, a pose is followed along the 16 edges of the
    skeleton, in both directions, and every keypoint is moved on by the short offsets. A pose's
    confidence is the mean of its keypoints'; then those that lie on the same keypoint of a better
    pose no longer count for it.

    A cell (row i, column j) stands for the pixel in row ``i * stride`` and column ``j * stride``
    of the input: the 31 columns of the zoo's network span the pixels 0 to 480 of 481. As for boxes,
    0 and 1 are the outer edges of what the network saw, so the centre of pixel p is at
    ``(p + 0.5) / 481``.

    A keypoint whose offsets are not finite, which no quantised tensor can hold, counts as not
    found, and those behind it too.

    Parameters
    ----------
    network : Network
    threshold : float, optional
        The least confidence of a root and of a pose, 0 to 1; 0.4 by default, as in rpicam-apps'
        ``imx500_posenet.json``.
    max_detections : int, optional
        How many people to follow, best root first; 10 by default. No more than 1024 roots are
        followed in a frame, found or not.
    offset_refinement_steps : int
        How often a keypoint is moved on by the short offsets, 0 to 100.
    nms_radius : float
        Pixels of the input within which two keypoints of a kind are the same one.
    stride : float, optional
        Pixels of the input from cell to cell; by default what the sizes say, 16 in the zoo.

    Raises
    ------
    DecoderError
        If an option is out of range, or the network's outputs have other shapes.
    """

    __slots__ = ("_maps", "nms_radius", "offset_refinement_steps", "stride")

    name = "posenet"
    task = "pose estimation"
    reads = "(rows, columns, 17), (rows, columns, 34) and (rows, columns, 64)"

    def __init__(
        self,
        network: Network,
        *,
        threshold: float | None = None,
        max_detections: int | None = None,
        offset_refinement_steps: int = 5,
        nms_radius: float = 10.0,
        stride: float | None = None,
    ) -> None:
        if not self.fits(network):
            raise shape_error(self, network.outputs)
        super().__init__(network, threshold, max_detections, 0.4, MAX_DETECTIONS)
        self.labels = None
        steps = checked_count(offset_refinement_steps, "offset_refinement_steps")
        if steps is None or steps > MAX_REFINEMENT_STEPS:
            raise DecoderError(
                f"offset_refinement_steps must be an integer from 0 to {MAX_REFINEMENT_STEPS}, "
                f"not {offset_refinement_steps!r:.40}"
            )
        self.offset_refinement_steps = steps
        self.nms_radius = checked_number(nms_radius, "nms_radius", 0, LARGEST_SIZE)
        if stride is None:
            stride = cell_size(network)
            if stride is None:
                rows, columns = network.outputs[0].shape[:2]
                raise DecoderError(
                    f"{columns}x{rows} cells of an input of {network.input.width}x"
                    f"{network.input.height} pixels are not square; say their stride"
                )
        self.stride = checked_number(stride, "stride", 1, LARGEST_SIZE)
        self._maps = PoseNetMaps(
            self.threshold,
            self._limit,
            steps,
            self.nms_radius,
            self.stride,
            network.input.width,
            network.input.height,
        )

    @staticmethod
    def fits(network: Network) -> bool:
        """Tell whether a network's outputs are what this head reads."""
        shapes = network.output_shapes
        return (
            len(shapes) == len(CHANNELS)
            and all(len(shape) == 3 for shape in shapes)
            and tuple(shape[2] for shape in shapes) == CHANNELS
            and len({shape[:2] for shape in shapes}) == 1
        )

    def __call__(self, outputs: Outputs) -> Poses:
        """Decode one frame.

        A heat that is NaN is no root and hides none of its neighbours. A keypoint one of whose four
        cells has a heat that is NaN or infinite has confidence 0. A root whose short offset is not
        finite is passed over; a keypoint that such an offset leads to is NaN with confidence 0, as
        are those behind it. A place beyond the maps is moved to their edge.

        Raises
        ------
        DecoderError
            If the outputs have other shapes, or another thread is decoding with this head.
        """
        return Poses._trusted(*self._maps(outputs), None, "network")

    def empty(self) -> Poses:
        """Return what a frame without tensors gives."""
        return Poses.empty(fresh=False)
