"""From a network's output tensors to results: which head reads which network."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from imx500_native.errors import DecoderError, OutputsError, TaskError
from imx500_native.heads import HEADS, fitting_head, head_class
from imx500_native.heads.base import shape_error

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    import numpy.typing as npt

    from imx500_native.heads.base import Head, Task
    from imx500_native.heads.function import FunctionHead
    from imx500_native.network import Network
    from imx500_native.results import Result

    OwnFunction: TypeAlias = Callable[[Sequence[npt.NDArray[np.float32]], Network], Result]


class Decoder:
    """Reads a network's output tensors.

    A decoder owns scratch memory: use one per thread.

    Parameters
    ----------
    network : Network
        Whose tensors it reads; its shapes, its intrinsics and what is known of public networks
        choose the head and its settings.
    threshold : float, optional
        The least confidence that counts, 0 to 1; by default the head's own, which is 0.5 for
        detectors.
    max_detections : int, optional
        How many of the most confident to keep; by default the head's own, which is all of them for
        detectors.
    head : str or callable, optional
        The name of a head, see Notes, for a network that does not say what it is; or a function of
        one's own, ``f(outputs, network)``, that returns `Detections` or, with ``result=Poses`` and
        so on, another result, in network space.
    **parameters
        What else the head takes, see Notes.

    Attributes
    ----------
    network : Network
    head : str
        The name of the head.
    task : str
        "object detection", "pose estimation", "instance segmentation", "segmentation" or
        "classification".
    threshold : float
    max_detections : int or None
    labels : tuple of str or None
        As the head uses them.

    Raises
    ------
    NetworkTypeError
        If `network` is no `Network`.
    TaskError
        If no head reads the network.
    DecoderError
        If a parameter is unknown or out of range, or the named head does not fit.

    Notes
    -----
    The heads by name, in the order in which they are asked whether a network is theirs; the first
    that says so reads it. ``help(imx500_native.heads.head_class(name))`` explains the parameters.

    on_sensor
        `Detections` of networks that suppress on the sensor: outputs (n, 4), (n,), (n,) and (1,).
        No more parameters.
    ultralytics_pose
        `Poses` of Ultralytics' export, suppressed on the sensor: (n, 4), (n,), (n,) and
        (n, 3 * keypoints). Parameters: keypoints, normalized.
    ultralytics_segmentation
        `InstanceMasks` of the same: (n, 4), (n,), (n,), (n, c) and (c, height, width).
        Parameters: normalized.
    yolov8_segmentation
        `InstanceMasks` of YOLOv8 and YOLO11: (4, n), (classes, n), (c, n) and (c, height, width),
        or the first three in one. Parameters: iou_threshold, boxes, scores, normalized, strides.
    yolov8_pose
        `Poses` of YOLOv8 and YOLO11: (4, n), (classes, n) and (3 * keypoints, n), or all in one.
        Parameters: iou_threshold, boxes, scores, normalized, strides, keypoints, visibility.
    yolov8
        `Detections` of YOLOv8 and YOLO11: (4, n) and (classes, n), or both in one. Parameters:
        iou_threshold, boxes, scores, normalized, strides.
    nanodet
        `Detections` of NanoDet: (anchors, classes + 4 * bins). Parameters: iou_threshold,
        plus_one, bins, strides.
    yolov5
        `Detections` of YOLOv5: (lines * columns, anchors, 5 + classes) for each stride, or one
        (anchors, 5 + classes). Parameters: iou_threshold, plus_one, anchors, strides, logits,
        normalized.
    efficientdet
        `Detections` of EfficientDet: (anchors, classes) and (anchors, 4). Parameters:
        iou_threshold, plus_one, anchor_scale, levels.
    posenet
        `Poses` of PoseNet: (rows, columns, 17), (rows, columns, 34) and (rows, columns, 64), by
        default at most 10 above 0.4. Parameters: offset_refinement_steps, nms_radius, stride.
    higherhrnet
        `Poses` of HigherHRNet: (candidates, joints) three times, by default above 0.3. Parameters:
        keypoint_threshold, tag_threshold, map_size, joint_order.
    segmentation
        `Segmentation`: (height, width), (height, width, classes) or (classes, height, width).
        Parameters: background, classes_first; neither threshold nor max_detections.
    classification
        `Classification`: (classes,), by default the best 5. Parameters: softmax.
    """

    __slots__ = ("_head", "head", "labels", "max_detections", "network", "task", "threshold")

    task: Task
    _head: Head | FunctionHead

    def __init__(
        self,
        network: Network,
        threshold: float | None = None,
        max_detections: int | None = None,
        *,
        head: str | OwnFunction | None = None,
        **parameters: Any,
    ) -> None:
        # Whoever has a network has imported it; the others need not.
        from imx500_native.network import as_network

        as_network(network)
        options = {"threshold": threshold, "max_detections": max_detections} | parameters
        if callable(head):
            self._head = _function_head(head, network, options)
        else:
            self._head = _made(_chosen(network, head), network, options)
        self.network = network
        self.head = self._head.name
        self.task = self._head.task
        self.labels = self._head.labels
        self.threshold = self._head.threshold
        self.max_detections = self._head.max_detections

    @classmethod
    def for_network(
        cls,
        network: Network,
        threshold: float | None = None,
        max_detections: int | None = None,
        *,
        head: str | OwnFunction | None = None,
        **parameters: Any,
    ) -> Decoder:
        """Pick the decoder that reads a network's outputs, from the network's own facts.

        Parameters
        ----------
        network, threshold, max_detections, head, **parameters
            As for the class.

        Returns
        -------
        Decoder
            Ready to be called with ``frame.outputs``.

        Raises
        ------
        NetworkTypeError, TaskError, DecoderError
            As for the class.
        """
        return cls(network, threshold, max_detections, head=head, **parameters)

    def __call__(self, outputs: Sequence[npt.NDArray[np.float32]] | None) -> Result:
        """Decode one frame.

        Parameters
        ----------
        outputs : sequence of ndarray or None
            The network's output tensors in their order, of any strides (what is not in Fortran
            order is copied once); None for a frame without tensors.

        Returns
        -------
        Detections, Poses, InstanceMasks, Segmentation or Classification
            In network space, most confident first. Without tensors: empty and not fresh.

        Raises
        ------
        DecoderError
            If the outputs do not have the shapes that this head reads.
        """
        if outputs is None:
            return self._head.empty()
        try:
            return self._head(outputs)
        except OutputsError:
            # A function of the user's own raises no such error.
            raise shape_error(cast("Head", self._head), outputs) from None

    def __repr__(self) -> str:
        return f"<Decoder {self.head} of {self.network.name}: {self.task}>"


def _chosen(network: Network, name: str | None) -> type[Head]:
    if name is not None:
        return head_class(name)
    head = fitting_head(network)
    if head is None:
        raise TaskError(
            f"no decoder reads the outputs of {network.name!r}, of shapes "
            f"{', '.join(map(str, network.output_shapes))}. Name the head that does "
            f"(head=..., one of {', '.join(HEADS)}), or pass a function of your own, "
            "head=f with f(outputs, network)"
        )
    return head


def _made(head: type[Head], network: Network, options: dict[str, Any]) -> Head:
    allowed = inspect.signature(head).parameters
    unknown = [name for name in options if name not in allowed]
    if unknown:
        known = ", ".join(name for name in allowed if name != "network")
        raise DecoderError(
            f"the head {head.name!r} takes no {', '.join(unknown)}; it takes {known}"
        )
    return head(network, **options)


def _function_head(
    function: OwnFunction, network: Network, options: dict[str, Any]
) -> FunctionHead:
    from imx500_native.heads.function import FunctionHead

    result = options.pop("result", None)
    given = [name for name, value in options.items() if value is not None]
    if given:
        raise DecoderError(
            f"a function of your own gets no {', '.join(given)}: it is called with the outputs "
            "and the network"
        )
    return FunctionHead(function, network, result)
