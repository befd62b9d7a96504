"""HigherHRNet: candidates for each joint, grouped to people by their tags."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from imx500_native import _higherhrnet
from imx500_native.errors import DecoderError
from imx500_native.heads.base import Head, checked_positive, checked_share, shape_error
from imx500_native.results.poses import COCO_KEYPOINTS, Poses

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imx500_native.geometry import Size
    from imx500_native.heads.base import Outputs
    from imx500_native.network import Network

COCO_JOINT_ORDER = (0, 1, 2, 3, 4, 5, 6, 11, 12, 7, 8, 9, 10, 13, 14, 15, 16)
"""Head, shoulders and hips first, then the limbs from there outwards."""


class HigherHRNetHead(Head):
    """Reads the candidates that HigherHRNet's suppression on the sensor leaves for each joint.

    Every candidate is a tag, a cell of the heat map and the heat there. Joint after joint, those
    that are hot enough are assigned to the people found so far, at the least cost in all,
    ``100 * round(d) - heat`` a pair, where d is how far the tag lies from the mean of the person's;
    among assignments that cost the same, the one with the nearest tags. Those left without a person
    whose tags are near begin people of their own. What is left out: candidates that are not
    numbers, or whose cell is not in the heat map.

    A keypoint lies in the middle of its cell: a cell of a heat map of half the input's size stands
    for 2 x 2 pixels, and picamera2, which takes the corner, is one pixel of the input up and to the
    left of it. Two people whose first joint has exactly the same tag cannot be told apart and come
    out as one, as in picamera2.

    Parameters
    ----------
    network : Network
    threshold : float, optional
        The least score of a person, 0 to 1; 0.3 by default, as in picamera2's pose demo. The score
        is the mean over all joints, 0 for one that was not found: half a person has half of it.
    max_detections : int, optional
        How many of the most confident people to keep; None for all.
    keypoint_threshold : float
        The least heat of a joint that counts, 0 to 1; a heat of 0 never does.
    tag_threshold : float
        How near to the mean tag of a person a joint's tag must be.
    map_size : tuple of int, optional
        Columns and rows of the heat map; half of the network's input where it is not given.
    joint_order : sequence of int, optional
        Which joints are grouped first, each joint once; where it is not given, `COCO_JOINT_ORDER`
        for 17 joints, else their own order.

    Raises
    ------
    DecoderError
        If an option is out of range, or the network's outputs have other shapes.
    """

    __slots__ = ("_grouping", "joint_order", "keypoint_threshold", "map_size", "tag_threshold")

    name = "higherhrnet"
    task = "pose estimation"
    reads = (
        "(candidates, joints) three times, tags, cells and heats, of "
        f"{_higherhrnet.MAX_CANDIDATES} x {_higherhrnet.MAX_JOINTS} at most"
    )

    def __init__(
        self,
        network: Network,
        *,
        threshold: float | None = None,
        max_detections: int | None = None,
        keypoint_threshold: float = 0.3,
        tag_threshold: float = 1.0,
        map_size: Size | None = None,
        joint_order: Sequence[int] | None = None,
    ) -> None:
        if not _three_alike(network):
            raise shape_error(self, network.outputs)
        super().__init__(network, threshold, max_detections, 0.3)
        self.labels = None
        self.keypoint_threshold = checked_share(keypoint_threshold, "keypoint_threshold")
        self.tag_threshold = checked_positive(tag_threshold, "tag_threshold")
        joints = network.outputs[0].shape[1]
        self.map_size = _half_of_input(network) if map_size is None else _checked_size(map_size)
        self.joint_order = _checked_order(joint_order, joints)
        self._grouping = _higherhrnet.Grouping(
            self.map_size,
            bytes(self.joint_order),
            self.keypoint_threshold,
            self.tag_threshold,
            self.threshold,
        )

    @staticmethod
    def fits(network: Network) -> bool:
        """Tell whether a network's outputs are what this head reads."""
        if not _three_alike(network):
            return False
        places = network.outputs[1]
        width, height = _half_of_input(network)
        # Alone among the three, it counts, and as far as there are cells.
        return places.scale == 1 and places.value_range[1] >= width * height - 1

    def __call__(self, outputs: Outputs) -> Poses:
        """Decode one frame.

        A candidate is left out whose tag or heat is NaN or infinite, or whose cell is: NaN,
        negative, or not below the number of cells. Of a cell, a fraction is cut off. A joint
        without candidates is NaN with confidence 0.

        Raises
        ------
        DecoderError
            If the outputs have other shapes, or another thread is in this decoder.
        """
        return Poses._trusted(*self._grouping(outputs, self._limit), "network")

    def empty(self) -> Poses:
        """Return what a frame without tensors gives."""
        return Poses.empty(len(self.joint_order), fresh=False)


def _three_alike(network: Network) -> bool:
    shapes = network.output_shapes
    if len(shapes) != 3 or len(set(shapes)) != 1 or len(shapes[0]) != 2:
        return False
    candidates, joints = shapes[0]
    return candidates <= _higherhrnet.MAX_CANDIDATES and joints <= _higherhrnet.MAX_JOINTS


def _half_of_input(network: Network) -> Size:
    return network.input.width // 2, network.input.height // 2


def _checked_size(size: Any) -> Size:
    if (
        isinstance(size, (tuple, list))
        and len(size) == 2
        and all(isinstance(side, (int, np.integer)) for side in size)
    ):
        return int(size[0]), int(size[1])
    raise DecoderError(f"map_size must be two integers, columns and rows, not {size!r:.40}")


def _checked_order(order: Sequence[int] | None, joints: int) -> tuple[int, ...]:
    if order is None:
        return COCO_JOINT_ORDER if joints == len(COCO_KEYPOINTS) else tuple(range(joints))
    if not isinstance(order, (tuple, list)) or set(order) != set(range(joints)):
        raise DecoderError(f"joint_order must name each of {joints} joints once, not {order!r:.80}")
    return tuple(order)
