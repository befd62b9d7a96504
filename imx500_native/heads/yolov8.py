"""YOLOv8 and YOLO11 as they leave the network: detection, pose and instance segmentation.

Where the tensors do not say by their shapes how they are to be read, options do. The box formula is
that of Ultralytics' ``dist2bbox``: with distances l, t, r, b from the centre of cell (i, j) of a
level with stride s, a box is ``((i + 0.5 - l) s, (j + 0.5 - t) s, (i + 0.5 + r) s,
(j + 0.5 + b) s)`` in pixels of the input; a keypoint (x, y) is at ``((2 x + i) s, (2 y + j) s)``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from imx500_native._yolo import YoloReader
from imx500_native.errors import DecoderError
from imx500_native.heads.base import checked_count, checked_share, shape_error
from imx500_native.heads.yolov8_layout import (
    BOX_FORMS,
    POSE_CHANNELS,
    STRIDES,
    are_logits,
    box_units,
    cells,
    checked_strides,
    chosen,
    detection_layout,
    levels,
    mask_layout,
    pose_layout,
)
from imx500_native.results.detections import Detections
from imx500_native.results.instance_masks import InstanceMasks
from imx500_native.results.poses import Poses

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from imx500_native.heads.base import Outputs
    from imx500_native.heads.yolov8_layout import Layout
    from imx500_native.network import Network


class _Yolov8:
    """What the heads share: options, and the reader that they make of them."""

    __slots__ = ("_reader", "labels", "max_detections", "threshold")

    name: str
    reads: str

    labels: tuple[str, ...] | None
    max_detections: int | None
    threshold: float

    def _set(
        self,
        network: Network,
        layout: Layout | None,
        threshold: float | None,
        max_detections: int | None,
        iou_threshold: float,
        boxes: str | None,
        scores: str | None,
        normalized: bool | None,
        strides: Sequence[int],
        **extra: Any,
    ) -> None:
        if layout is None:
            raise self._misfit(network)
        form = box_form(layout, boxes)
        steps = checked_strides(strides)
        if form == "distances" and cells(network.input, steps) != layout.anchors:
            raise DecoderError(
                f"strides {steps} give {cells(network.input, steps)} anchors in an input of "
                f"{network.input.width}x{network.input.height}, but the outputs "
                f"{', '.join(map(str, network.output_shapes))} have {layout.anchors}"
            )
        self.labels = network.labels
        self.threshold = checked_share(threshold, "threshold", 0.5)
        self.max_detections = checked_count(max_detections, "max_detections")
        self._reader = YoloReader(
            layout.shapes,
            layout.anchors,
            threshold=self.threshold,
            max_detections=-1 if self.max_detections is None else self.max_detections,
            boxes=layout.boxes,
            units=box_units(network, layout.boxes.tensor, form, normalized),
            levels=levels(network.input, steps),
            scores=(layout.scores, layout.classes),
            score_logits=are_logits(network, layout, scores),
            box_form=BOX_FORMS.index(form),
            iou_threshold=checked_share(iou_threshold, "iou_threshold"),
            **extra,
        )

    def _misfit(self, network: Network) -> DecoderError:
        shapes = ", ".join(map(str, network.output_shapes))
        return DecoderError(
            f"the head {self.name!r} reads outputs of shapes {self.reads}; those of "
            f"{network.name!r} are {shapes}"
        )

    def _read(self, outputs: Outputs) -> tuple[npt.NDArray[Any], ...]:
        found = self._reader(outputs)
        if found is None:
            raise shape_error(self, outputs)  # type: ignore[arg-type]
        return found


def box_form(layout: Layout, boxes: str | None) -> str:
    """Return how boxes are written: as the user says, else as each layout is published."""
    return chosen(boxes, "boxes", BOX_FORMS, "centres" if layout.single else "distances")


def _is_named(network: Network, word: str) -> bool:
    return word in f"{network.network_name} {network.name}".lower()


def _expected_anchors(network: Network) -> int:
    return cells(network.input, STRIDES)


def _pose_layout(network: Network, keypoints: int | None = None) -> Layout | None:
    shapes, anchors = network.output_shapes, _expected_anchors(network)
    if keypoints is None:
        return pose_layout(shapes, anchors, None)
    return pose_layout(shapes, anchors, 3 * keypoints) or pose_layout(
        shapes, anchors, 2 * keypoints
    )


def _mask_layout(network: Network) -> Layout | None:
    return mask_layout(network.output_shapes, _expected_anchors(network), network.input)


class Yolov8Head(_Yolov8):
    """Reads a YOLOv8 or YOLO11 detector: boxes (4, n) and scores (classes, n), or both in one.

    Anchors may be the first dimension instead of the second, and a leading 1 may be there.

    Parameters
    ----------
    network : Network
    threshold : float, optional
        The least confidence that counts, 0 to 1, the threshold itself included; 0.5 by default.
    max_detections : int, optional
        How many of the most confident to keep; None for all.
    iou_threshold : float
        Boxes of one class that overlap more than this suppress each other.
    boxes : {"distances", "centres", "corners"}, optional
        How boxes are written: distances from the cell's centre in strides (by default where they
        have a tensor of their own), centre and size (by default in a single tensor), or corners.
    scores : {"logits", "probabilities"}, optional
        Whether scores have still to go through the sigmoid. By default they do where their own
        tensor can hold values below -1; in a single tensor they do not.
    normalized : bool, optional
        Centres or corners are fractions of the input rather than its pixels; by default where
        their tensor does not reach beyond 16.
    strides : sequence of int
        Of the levels, in the order of the anchors.

    Raises
    ------
    DecoderError
        If the network's outputs have other shapes, or an option is out of range.
    """

    __slots__ = ()

    name = "yolov8"
    task = "object detection"
    reads = "(4, n) and (classes, n), or (4 + classes, n)"

    def __init__(
        self,
        network: Network,
        *,
        threshold: float | None = None,
        max_detections: int | None = None,
        iou_threshold: float = 0.7,
        boxes: str | None = None,
        scores: str | None = None,
        normalized: bool | None = None,
        strides: Sequence[int] = STRIDES,
    ) -> None:
        layout = detection_layout(network.output_shapes, _expected_anchors(network))
        self._set(
            network,
            layout,
            threshold,
            max_detections,
            iou_threshold,
            boxes,
            scores,
            normalized,
            strides,
        )

    @staticmethod
    def fits(network: Network) -> bool:
        """Tell whether a network's outputs are what this head reads."""
        anchors = _expected_anchors(network)
        layout = detection_layout(network.output_shapes, anchors)
        if layout is None or layout.anchors != anchors or network.task not in (None, Yolov8Head.task):
            return False
        # A NanoDet without the plus has as many anchors, and a pose network has one tensor too.
        return not (
            layout.single and (_is_named(network, "nanodet") or Yolov8PoseHead.fits(network))
        )

    def __call__(self, outputs: Outputs) -> Detections:
        """Decode one frame.

        A score that is NaN, or a box that is not finite, is left out.

        Raises
        ------
        DecoderError
            If the outputs have other shapes.
        """
        xyxy, confidence, class_id = self._read(outputs)
        return Detections._trusted(xyxy, confidence, class_id, self.labels, "network")

    def empty(self) -> Detections:
        """Return what a frame without tensors gives."""
        return Detections.empty(labels=self.labels, fresh=False)


class Yolov8PoseHead(_Yolov8):
    """Reads a YOLOv8-pose or YOLO11-pose: boxes, scores and keypoints, in three tensors or in one.

    Parameters
    ----------
    network, threshold, max_detections, iou_threshold, boxes, scores, normalized, strides
        As for `Yolov8Head`.
    keypoints : int, optional
        How many there are. By default what the shapes give: three channels for each where their
        number is a multiple of three, else two; a single tensor then has one class.
    visibility : {"logits", "probabilities"}, optional
        Whether the third channel has still to go through the sigmoid; by default where boxes are
        distances. Keypoints are then offsets from the cell, else they are written as boxes are.

    Raises
    ------
    DecoderError
        As for `Yolov8Head`.
    """

    __slots__ = ("_keypoints",)

    name = "yolov8_pose"
    task = "pose estimation"
    reads = "(4, n), (classes, n) and (3 * keypoints, n), or (5 + 3 * keypoints, n)"

    def __init__(
        self,
        network: Network,
        *,
        threshold: float | None = None,
        max_detections: int | None = None,
        iou_threshold: float = 0.7,
        boxes: str | None = None,
        scores: str | None = None,
        normalized: bool | None = None,
        strides: Sequence[int] = STRIDES,
        keypoints: int | None = None,
        visibility: str | None = None,
    ) -> None:
        layout = _pose_layout(network, checked_count(keypoints, "keypoints", 1))
        if layout is None:
            raise self._misfit(network)
        dimensions = keypoint_dimensions(layout.extra_channels, keypoints)
        if dimensions is None:
            raise self._misfit(network)
        self._keypoints = layout.extra_channels // dimensions
        offsets = box_form(layout, boxes) == "distances"
        visibility = chosen(
            visibility,
            "visibility",
            ("logits", "probabilities"),
            "logits" if offsets else "probabilities",
        )
        self._set(
            network,
            layout,
            threshold,
            max_detections,
            iou_threshold,
            boxes,
            scores,
            normalized,
            strides,
            keypoints=(layout.extra, self._keypoints, dimensions, offsets, visibility == "logits"),
        )

    @staticmethod
    def fits(network: Network) -> bool:
        """Tell whether a network's outputs are what this head reads."""
        layout = _pose_layout(network)
        if (
            layout is None
            or layout.anchors != _expected_anchors(network)
            or network.task not in (None, Yolov8PoseHead.task)
            or keypoint_dimensions(layout.extra_channels, None) is None
        ):
            return False
        # A detector of as many classes as there are channels would look the same.
        return (
            not layout.single
            or network.task is not None
            or _is_named(network, "pose")
            or 5 + layout.extra_channels == POSE_CHANNELS
        )

    def __call__(self, outputs: Outputs) -> Poses:
        """Decode one frame, as `Yolov8Head` does.

        A keypoint whose place or visibility is not finite counts as not found.

        Raises
        ------
        DecoderError
            If the outputs have other shapes.
        """
        xyxy, confidence, _, xy, keypoint_confidence = self._read(outputs)
        return Poses._trusted(xy, keypoint_confidence, confidence, xyxy, "network")

    def empty(self) -> Poses:
        """Return what a frame without tensors gives."""
        return Poses.empty(self._keypoints, fresh=False)


def keypoint_dimensions(channels: int, keypoints: int | None) -> int | None:
    """Return how many channels a keypoint has, 2 or 3, or None where they do not come out even."""
    if keypoints is not None:
        return channels // keypoints if channels in (2 * keypoints, 3 * keypoints) else None
    return next((each for each in (3, 2) if channels and channels % each == 0), None)


class Yolov8SegmentationHead(_Yolov8):
    """Reads a YOLOv8-seg or YOLO11-seg: boxes, scores, coefficients and prototypes of masks.

    Boxes, scores and coefficients may be in one tensor; the prototypes have one of their own.

    Parameters
    ----------
    network, threshold, max_detections, iou_threshold, boxes, scores, normalized, strides
        As for `Yolov8Head`.

    Raises
    ------
    DecoderError
        As for `Yolov8Head`.
    """

    __slots__ = ("_sheet",)

    name = "yolov8_segmentation"
    task = "instance segmentation"
    reads = (
        "(4, n), (classes, n), (c, n) and (c, height, width), "
        "or (4 + classes + c, n) and (c, height, width)"
    )

    def __init__(
        self,
        network: Network,
        *,
        threshold: float | None = None,
        max_detections: int | None = None,
        iou_threshold: float = 0.7,
        boxes: str | None = None,
        scores: str | None = None,
        normalized: bool | None = None,
        strides: Sequence[int] = STRIDES,
    ) -> None:
        layout = _mask_layout(network)
        if layout is None or layout.prototypes is None:
            raise self._misfit(network)
        self._sheet = sheet_of(layout.shapes[-1], layout.prototypes[1])
        self._set(
            network,
            layout,
            threshold,
            max_detections,
            iou_threshold,
            boxes,
            scores,
            normalized,
            strides,
            coefficients=(layout.extra, layout.extra_channels),
            prototypes=layout.prototypes,
        )

    @staticmethod
    def fits(network: Network) -> bool:
        """Tell whether a network's outputs are what this head reads."""
        layout = _mask_layout(network)
        return (
            layout is not None
            and layout.anchors == _expected_anchors(network)
            and network.task in (None, "segmentation", Yolov8SegmentationHead.task)
        )

    def __call__(self, outputs: Outputs) -> InstanceMasks:
        """Decode one frame, as `Yolov8Head` does; a logit that is NaN is no part of a mask.

        Raises
        ------
        DecoderError
            If the outputs have other shapes.
        """
        xyxy, confidence, class_id, logits = self._read(outputs)
        return InstanceMasks._trusted(xyxy, confidence, class_id, logits, self.labels, "network")

    def empty(self) -> InstanceMasks:
        """Return what a frame without tensors gives."""
        return InstanceMasks.empty(self._sheet, labels=self.labels, fresh=False)


def sheet_of(shape: tuple[int, ...], channels_first: bool) -> tuple[int, int]:
    """Return (height, width) of prototypes of a shape."""
    height, width = shape[1:] if channels_first else shape[:2]
    return height, width
