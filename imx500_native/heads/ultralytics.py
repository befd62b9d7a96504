"""What Ultralytics' IMX export gives for poses and masks: suppressed on the sensor already.

Boxes are x0, y0, x1, y1 and, like keypoints, pixels of the input; scores and visibilities are
probabilities. Its detectors are `imx500_native.heads.on_sensor`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from imx500_native._yolo import SuppressedReader
from imx500_native.heads.base import Head, checked_count, shape_error
from imx500_native.heads.yolov8_layout import box_units, keypoint_dimensions, sheet_of
from imx500_native.results.instance_masks import InstanceMasks
from imx500_native.results.poses import Poses

if TYPE_CHECKING:
    from imx500_native.heads.base import Outputs
    from imx500_native.network import Network


class _Ultralytics(Head):
    """What both heads share: options, and the reader that they make."""

    __slots__ = ("_reader",)

    def __init__(
        self,
        network: Network,
        threshold: float | None,
        max_detections: int | None,
        normalized: bool | None,
        **extra: Any,
    ) -> None:
        super().__init__(network, threshold, max_detections)
        self._reader = SuppressedReader(
            network.output_shapes,
            network.output_shapes[0][0],
            threshold=self.threshold,
            max_detections=self._limit,
            boxes=(0, 0, False),
            units=box_units(network, 0, "corners", normalized),
            **extra,
        )


def _extra_columns(network: Network, outputs: int) -> int | None:
    """Return the columns of the fourth output, where the first three are suppressed boxes."""
    shapes = network.output_shapes
    if len(shapes) != outputs or len(shapes[0]) != 2 or shapes[0][1] != 4:
        return None
    rows = shapes[0][:1]
    if shapes[1:3] != (rows, rows) or len(shapes[3]) != 2 or shapes[3][:1] != rows:
        return None
    return shapes[3][1]


class UltralyticsPoseHead(_Ultralytics):
    """Reads a pose network of Ultralytics' IMX export: boxes, scores, classes and keypoints.

    Parameters
    ----------
    network : Network
    threshold : float, optional
        The least confidence that counts, 0 to 1; 0.5 by default.
    max_detections : int, optional
        How many of the most confident to keep; None for all.
    keypoints : int, optional
        How many there are; by default a third of the columns, or half where they are no multiple
        of three.
    normalized : bool, optional
        Boxes and keypoints are fractions of the input rather than its pixels; by default where
        the box tensor does not reach beyond 16.

    Raises
    ------
    DecoderError
        If the network's outputs have other shapes, or an option is out of range.
    """

    __slots__ = ("_keypoints",)

    name = "ultralytics_pose"
    task = "pose estimation"
    reads = "(n, 4), (n,), (n,) and (n, 3 * keypoints)"

    def __init__(
        self,
        network: Network,
        *,
        threshold: float | None = None,
        max_detections: int | None = None,
        keypoints: int | None = None,
        normalized: bool | None = None,
    ) -> None:
        columns = _extra_columns(network, 4)
        wanted = checked_count(keypoints, "keypoints", 1)
        dimensions = None if columns is None else keypoint_dimensions(columns, wanted)
        if columns is None or dimensions is None:
            raise shape_error(self, network.outputs)
        self._keypoints = columns // dimensions
        super().__init__(
            network,
            threshold,
            max_detections,
            normalized,
            keypoints=((3, 0, False), self._keypoints, dimensions, False, False),
        )

    @staticmethod
    def fits(network: Network) -> bool:
        """Tell whether a network's outputs are what this head reads."""
        columns = _extra_columns(network, 4)
        return (
            columns is not None
            and keypoint_dimensions(columns, None) is not None
            and network.task in (None, UltralyticsPoseHead.task)
        )

    def __call__(self, outputs: Outputs) -> Poses:
        """Decode one frame.

        A person whose score or box is not finite is left out; a keypoint whose place
        or visibility is not finite counts as not found.

        Raises
        ------
        DecoderError
            If the outputs have other shapes.
        """
        xyxy, confidence, _, xy, keypoint_confidence = self._reader(outputs)
        return Poses._trusted(xy, keypoint_confidence, confidence, xyxy, "network")

    def empty(self) -> Poses:
        """Return what a frame without tensors gives."""
        return Poses.empty(self._keypoints, fresh=False)


class UltralyticsSegmentationHead(_Ultralytics):
    """Reads boxes, scores, classes, coefficients and prototypes of Ultralytics' IMX export.

    Parameters
    ----------
    network, threshold, max_detections, normalized
        As for `UltralyticsPoseHead`.

    Raises
    ------
    DecoderError
        As for `UltralyticsPoseHead`.
    """

    __slots__ = ("_sheet",)

    name = "ultralytics_segmentation"
    task = "instance segmentation"
    reads = "(n, 4), (n,), (n,), (n, c) and (c, height, width)"

    def __init__(
        self,
        network: Network,
        *,
        threshold: float | None = None,
        max_detections: int | None = None,
        normalized: bool | None = None,
    ) -> None:
        columns = _extra_columns(network, 5)
        shape = network.output_shapes[-1]
        if columns is None or len(shape) != 3 or columns not in (shape[0], shape[2]):
            raise shape_error(self, network.outputs)
        channels_first = shape[0] == columns
        self._sheet = sheet_of(shape, channels_first)
        super().__init__(
            network,
            threshold,
            max_detections,
            normalized,
            coefficients=((3, 0, False), columns),
            prototypes=(4, channels_first),
        )

    @staticmethod
    def fits(network: Network) -> bool:
        """Tell whether a network's outputs are what this head reads."""
        columns, shape = _extra_columns(network, 5), network.output_shapes[-1]
        return (
            columns is not None
            and len(shape) == 3
            and columns in (shape[0], shape[2])
            and network.task in (None, "segmentation", UltralyticsSegmentationHead.task)
        )

    def __call__(self, outputs: Outputs) -> InstanceMasks:
        """Decode one frame.

        An object whose score or box is not finite is left out, and a class that is
        no class id becomes -1; a logit that is NaN is no part of a mask.

        Raises
        ------
        DecoderError
            If the outputs have other shapes.
        """
        xyxy, confidence, class_id, logits = self._reader(outputs)
        return InstanceMasks._trusted(xyxy, confidence, class_id, logits, self.labels, "network")

    def empty(self) -> InstanceMasks:
        """Return what a frame without tensors gives."""
        return InstanceMasks.empty(self._sheet, labels=self.labels, fresh=False)
