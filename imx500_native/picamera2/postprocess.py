"""What picamera2's ``postprocess`` offers: suppression, box formats, scaling, drawing."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from imx500_native.picamera2.arrays import Array, sigmoid, softmax
from imx500_native.picamera2.boxes import (
    BoxFormat,
    clip_boxes,
    clip_coords,
    convert_to_ymin_xmin_ymax_xmax_format,
    crop_mask,
    letterbox,
    scale_boxes,
    scale_coords,
)
from imx500_native.picamera2.suppression import (
    CLASS_OFFSET,
    MAX_CANDIDATES,
    best_classes,
    combined_nms,
    combined_nms_seg,
    nms,
)
from imx500_native.results.poses import COCO_SKELETON

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = [
    "CLASS_OFFSET",
    "LIMBS",
    "MAX_CANDIDATES",
    "PARTS",
    "Array",
    "BoxFormat",
    "COCODrawer",
    "best_classes",
    "clip_boxes",
    "clip_coords",
    "combined_nms",
    "combined_nms_seg",
    "convert_to_ymin_xmin_ymax_xmax_format",
    "crop_mask",
    "letterbox",
    "nms",
    "scale_boxes",
    "scale_coords",
    "sigmoid",
    "softmax",
]

# Pickles name them by picamera2's module, and so does help().
for _part in (
    *(BoxFormat, convert_to_ymin_xmin_ymax_xmax_format, letterbox, scale_boxes, scale_coords),
    *(clip_boxes, clip_coords, crop_mask, sigmoid, softmax),
    *(best_classes, combined_nms, combined_nms_seg, nms),
):
    _part.__module__ = __name__

PARTS = {
    0: "Nose",
    1: "EyeL",
    2: "EyeR",
    3: "EarL",
    4: "EarR",
    5: "SholderL",
    6: "SholderR",
    7: "ElbowL",
    8: "ElbowR",
    9: "WristL",
    10: "WristR",
    11: "HipL",
    12: "HipR",
    13: "KneeL",
    14: "KneeR",
    15: "AnkleL",
    16: "AnkleR",
}
"""The joints of a COCO person; spelt as picamera2 spells them."""

LIMBS = COCO_SKELETON


class COCODrawer:
    """Draws detections, persons and masks with OpenCV, which is imported at the first drawing.

    Parameters
    ----------
    categories : sequence of str
        The name of every class.
    imx500 : IMX500
        Which converts coordinates.
    needs_rescale_coords : bool
        Whether boxes are in 0..1 of what the network saw, rather than in pixels of the picture.
    """

    def __init__(
        self, categories: Sequence[str], imx500: Any, needs_rescale_coords: bool = True
    ) -> None:
        self.categories = categories
        self.imx500 = imx500
        self.needs_rescale_coords = needs_rescale_coords

    @cached_property
    def _cv2(self) -> Any:
        import cv2

        return cv2

    def get_coords(
        self, annotation: Iterable[float], metadata: Any, picam2: Any, stream: str
    ) -> tuple[int, int, int, int]:
        """Return a box y0, x0, y1, x1 in whole pixels of the picture.

        Parameters
        ----------
        annotation : iterable of float
            y0, x0, y1, x1.
        metadata, picam2, stream
            As for ``IMX500.convert_inference_coords``.

        Returns
        -------
        tuple of int
            y0, x0, y1, x1.
        """
        if self.needs_rescale_coords:
            x, y, width, height = self.imx500.convert_inference_coords(
                tuple(annotation), metadata, picam2, stream
            )
            return y, x, y + height, x + width
        y0, x0, y1, x1 = annotation
        return int(max(0, y0)), int(max(0, x0)), int(y1), int(x1)

    def draw_bounding_box(
        self,
        img: Array,
        annotation: Iterable[float],
        class_id: float,
        score: float,
        metadata: Any,
        picam2: Any,
        stream: str,
    ) -> None:
        """Draw a box with its class and score into a picture.

        Parameters
        ----------
        img : ndarray
            uint8, shape (height, width, channels); drawn into.
        annotation, metadata, picam2, stream
            As for `get_coords`.
        class_id, score : float
            What is written beside the box.
        """
        y0, x0, y1, x1 = self.get_coords(annotation, metadata, picam2, stream)
        text = f"{self.categories[int(class_id)]}:{score:.3f}"
        font = self._cv2.FONT_HERSHEY_SIMPLEX
        self._cv2.rectangle(img, (x0, y0), (x1, y1), (0, 0, 255), 2)
        self._cv2.putText(img, text, (x0, y0), font, 0.5, (0, 255, 0), 1)

    def draw_keypoints(
        self,
        img: Array,
        keypoints: Array,
        min_confidence: float,
        metadata: Any,
        picam2: Any,
        stream: str,
    ) -> None:
        """Draw a person's joints and limbs into a picture.

        Parameters
        ----------
        img : ndarray
            uint8, shape (height, width, channels); drawn into.
        keypoints : ndarray
            x, y, confidence, shape (17, 3 or more).
        min_confidence : float
            The least confidence of a joint that is drawn.
        metadata, picam2, stream
            As for `get_coords`.
        """
        points = []
        for x, y, *_ in keypoints:
            top, left, _, _ = self.get_coords((y, x, y + 1, x + 1), metadata, picam2, stream)
            points.append((left, top))
        seen = [keypoint[2] >= min_confidence for keypoint in keypoints]
        for start, end in LIMBS:
            if seen[start] and seen[end]:
                self._cv2.line(img, points[start], points[end], (255, 0, 0), 2)
        font = self._cv2.FONT_HERSHEY_SIMPLEX
        for index, (left, top) in enumerate(points):
            if seen[index]:
                self._cv2.circle(img, (left, top), 3, (0, 255, 0), -1)
                text = f"{PARTS.get(index)}.{keypoints[index][2]:.3f}"
                self._cv2.putText(img, text, (left + 5, top + 15), font, 0.25, (0, 255, 0), 1)

    def annotate_image(
        self,
        img: Array,
        b: Array,
        s: Array,
        c: Array,
        k: Array | None,
        box_min_conf: float,
        kps_min_conf: float,
        metadata: Any,
        picam2: Any,
        stream: str,
    ) -> None:
        """Draw all boxes of a picture, and their persons.

        Parameters
        ----------
        img : ndarray
            uint8, shape (height, width, channels); drawn into.
        b, s, c : ndarray
            Boxes (n, 4), scores (n,), classes (n,).
        k : ndarray or None
            Joints, shape (n, 17, 3).
        box_min_conf, kps_min_conf : float
            The least score of a box, and the least confidence of a joint, that are drawn.
        metadata, picam2, stream
            As for `get_coords`.
        """
        for index, box in enumerate(b):
            if s[index] >= box_min_conf:
                self.draw_bounding_box(img, box, c[index], s[index], metadata, picam2, stream)
                if k is not None:
                    self.draw_keypoints(img, k[index], kps_min_conf, metadata, picam2, stream)

    def overlay_masks(
        self,
        picam2: Any,
        masks: Array,
        scores: Iterable[float],
        colors: Sequence[Sequence[float]],
        score_threshold: float = 0.55,
        mask_threshold: float = 0.5,
    ) -> None:
        """Show masks as picamera2's overlay, half transparent.

        Parameters
        ----------
        picam2 : Picamera2
            Whose ``set_overlay`` is called.
        masks : ndarray
            Shape (n, height, width).
        scores : iterable of float
            One per mask.
        colors : sequence
            One per mask or more: red, green, blue in 0..1.
        score_threshold, mask_threshold : float
            A mask, and a pixel of it, count when they are greater.
        """
        overlay = np.zeros((*masks.shape[1:], 4), dtype=np.uint8)
        for index, (mask, score) in enumerate(zip(masks, scores, strict=False)):
            if score > score_threshold:
                shown = np.array([*(np.array(colors[index][:3]) * 255), 127])
                overlay[mask > mask_threshold] = shown.astype(np.uint8)
        picam2.set_overlay(overlay)
