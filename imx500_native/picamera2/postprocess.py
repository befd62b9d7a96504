"""What picamera2's ``postprocess`` offers: suppression, box formats, scaling, drawing."""

from __future__ import annotations

from enum import Enum
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy.typing as npt

Array: TypeAlias = "npt.NDArray[Any]"

MAX_CANDIDATES = 8400
"""How many boxes of one picture take part in a suppression at most."""

CLASS_OFFSET = 640
"""How far apart the boxes of two classes are moved, so that they cannot suppress one another."""

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

LIMBS = (
    *((0, 1), (0, 2), (1, 3), (2, 4)),
    *((5, 6), (5, 7), (7, 9), (6, 8), (8, 10)),
    *((5, 11), (6, 12), (11, 12)),
    *((11, 13), (12, 14), (13, 15), (14, 16)),
)


class BoxFormat(Enum):
    """How a box is written down; spelt as picamera2 spells it."""

    YMIM_XMIN_YMAX_XMAX = "ymin_xmin_ymax_xmax"
    XMIM_YMIN_XMAX_YMAX = "xmin_ymin_xmax_ymax"
    XMIN_YMIN_W_H = "xmin_ymin_width_height"
    XC_YC_W_H = "xc_yc_width_height"


def sigmoid(x: Array) -> Array:
    """Return 1 / (1 + exp(-x)), element by element, in the precision of `x`."""
    result: Array = 1 / (1 + np.exp(-x))
    return result


def softmax(x: Array) -> Array:
    """Return the softmax along the last axis, in the precision of `x`."""
    powers = np.exp(x - x.max(axis=-1, keepdims=True))
    result: Array = powers / powers.sum(axis=-1, keepdims=True)
    return result


def nms(
    dets: Array, scores: Array, iou_thres: float = 0.55, max_out_dets: int = 50
) -> list[np.intp]:
    """Suppress boxes that overlap a better one, whatever their class.

    Parameters
    ----------
    dets : ndarray
        Boxes in pixels, shape (n, 4): two corners. A box is taken to reach one pixel further than
        its second corner, as picamera2 takes it.
    scores : ndarray
        Shape (n,). Of equal scores, the later one goes first.
    iou_thres : float
        The largest overlap, intersection over union, that leaves both boxes.
    max_out_dets : int
        How many of the best to keep.

    Returns
    -------
    list of int
        Rows of `dets`, best first.
    """
    order = scores.argsort()[::-1]
    first, second = dets[order, :2], dets[order, 2:]
    areas = (second - first + 1).prod(axis=1)
    left: npt.NDArray[np.intp] = np.arange(len(order))
    keep: list[np.intp] = []
    while len(left) and len(keep) < max_out_dets:
        best, left = left[0], left[1:]
        keep.append(order[best])
        reach = np.minimum(second[best], second[left]) - np.maximum(first[best], first[left]) + 1
        shared = np.maximum(0.0, reach).prod(axis=1)
        left = left[shared / (areas[best] + areas[left] - shared) <= iou_thres]
    return keep


def combined_nms(
    batch_boxes: Array,
    batch_scores: Array,
    iou_thres: float = 0.65,
    conf: float = 0.55,
    max_out_dets: int = 50,
) -> list[tuple[Array, Array, Array]]:
    """Give every box its best class, and suppress within each class.

    Parameters
    ----------
    batch_boxes : ndarray
        Centre x, centre y, width, height in pixels, shape (batch, n, 4).
    batch_scores : ndarray
        Shape (batch, n, classes).
    iou_thres, max_out_dets
        As for `nms`.
    conf : float
        A box counts when its best score is greater.

    Returns
    -------
    list of tuple of ndarray
        For each picture: boxes (k, 4) as y0, x0, y1, x1, scores (k,), classes (k,); all float64,
        best first.
    """
    results = []
    for boxes, scores in zip(batch_boxes, batch_scores, strict=False):
        rows = _candidates(boxes, scores, conf)
        apart = rows[:, :4] + rows[:, 5:] * CLASS_OFFSET
        rows = rows[nms(apart, rows[:, 4], iou_thres, max_out_dets)]
        results.append((rows[:, :4], rows[:, 4], rows[:, 5]))
    return results


def combined_nms_seg(
    batch_boxes: Array,
    batch_scores: Array,
    batch_masks: Array,
    iou_thres: float = 0.5,
    conf: float = 0.001,
    max_out_dets: int = 300,
) -> list[tuple[Array, Array, Array, Array]]:
    """Do as `combined_nms`, class after class, and keep each box's mask weights.

    Parameters
    ----------
    batch_boxes, batch_scores, iou_thres, conf
        As for `combined_nms`.
    batch_masks : ndarray
        Mask weights, shape (batch, weights, n).
    max_out_dets : int
        How many boxes of one class to keep.

    Returns
    -------
    list of tuple of ndarray
        For each picture: boxes (k, 4) as y0, x0, y1, x1, scores (k,), classes (k,), mask weights
        (k, weights); by class, then best first. Where nothing passes, k is 0.
    """
    results = []
    for boxes, scores, masks in zip(batch_boxes, batch_scores, batch_masks, strict=False):
        chosen = _chosen(scores, conf)
        rows = _rows(boxes, scores, chosen)
        keep: list[int] = []
        for class_id in np.unique(rows[:, 5]):
            own = np.flatnonzero(rows[:, 5] == class_id)
            keep.extend(own[nms(rows[own, :4], rows[own, 4], iou_thres, max_out_dets)])
        rows = rows[keep]
        results.append((rows[:, :4], rows[:, 4], rows[:, 5], masks.T[chosen[keep]]))
    return results


def _chosen(scores: Array, conf: float, limit: int | None = None) -> Array:
    """Return the rows whose best score is greater than `conf`, best first."""
    best = scores.max(axis=1)
    chosen = np.flatnonzero(best > conf)
    result: Array = chosen[np.argsort(-best[chosen])[:limit]]
    return result


def _rows(boxes: Array, scores: Array, chosen: Array) -> Array:
    """Return rows of y0, x0, y1, x1, best score, best class, in float64."""
    rows = np.empty((len(chosen), 6))
    rows[:, :4] = boxes[chosen]
    rows[:, :4] = convert_to_ymin_xmin_ymax_xmax_format(rows[:, :4], BoxFormat.XC_YC_W_H)
    rows[:, 4] = scores[chosen].max(axis=1)
    rows[:, 5] = scores[chosen].argmax(axis=1)
    return rows


def _candidates(boxes: Array, scores: Array, conf: float) -> Array:
    return _rows(boxes, scores, _chosen(scores, conf, MAX_CANDIDATES))


def best_classes(
    rows: Array,
    size: tuple[int, int],
    *,
    min_wh: float,
    max_wh: float,
    conf_thres: float,
    iou_thres: float,
    max_nms_dets: int,
    max_out_dets: int,
) -> tuple[Array, Array, Array]:
    """Finish a picture of a detector that has an object score beside its class scores.

    Parameters
    ----------
    rows : ndarray
        Centre x, centre y, width, height, object score, class scores; shape (n, 5 + classes). Its
        class scores are overwritten by their products with the object scores.
    size : tuple of int
        (height, width) of the input in pixels.
    min_wh, max_wh : float
        A box counts when a side is longer than `min_wh` and a side is shorter than `max_wh`.
    conf_thres : float
        A box counts when its object score and its best product are greater.
    iou_thres, max_out_dets
        As for `nms`.
    max_nms_dets : int
        How many boxes take part in the suppression.

    Returns
    -------
    tuple of ndarray
        Boxes (k, 4) as y0, x0, y1, x1, scores (k,), classes (k,); best first.
    """
    sides = rows[:, 2:4]
    plausible = (sides > min_wh).any(axis=1) & (sides < max_wh).any(axis=1)
    rows = rows[(rows[:, 4] > conf_thres) & plausible]
    rows[:, 5:] *= rows[:, 4:5]
    chosen = _chosen(rows[:, 5:], conf_thres, max_nms_dets) if len(rows) else np.arange(0)
    boxes = convert_to_ymin_xmin_ymax_xmax_format(rows[chosen, :4], BoxFormat.XC_YC_W_H)
    scores = rows[chosen, 5:].max(axis=1)
    classes = rows[chosen, 5:].argmax(axis=1)
    apart = boxes + classes[:, np.newaxis] * float(max(size))
    keep = nms(apart, scores, iou_thres, max_out_dets)
    return boxes[keep].astype(np.float64), scores[keep].astype(np.float64), classes[keep]


def convert_to_ymin_xmin_ymax_xmax_format(boxes: Array, orig_format: BoxFormat) -> Array:
    """Write boxes down as y0, x0, y1, x1.

    Parameters
    ----------
    boxes : ndarray
        Shape (n, 4); overwritten, unless they are of centre and size.
    orig_format : BoxFormat
        How they are written down.

    Returns
    -------
    ndarray
        `boxes`, or a new array for boxes of centre and size.

    Raises
    ------
    ValueError
        For any other format.
    """
    if len(boxes) == 0 or orig_format == BoxFormat.YMIM_XMIN_YMAX_XMAX:
        return boxes
    if orig_format == BoxFormat.XC_YC_W_H:
        middle, half = boxes[:, 1::-1], boxes[:, 3:1:-1] / 2
        return np.concatenate([middle - half, middle + half], axis=1)
    if orig_format == BoxFormat.XMIN_YMIN_W_H:
        boxes[:, 2:] += boxes[:, :2]
    elif orig_format != BoxFormat.XMIM_YMIN_XMAX_YMAX:
        raise ValueError(f"the format of a box is a BoxFormat, not {orig_format!r:.40}")
    boxes[:, :4] = boxes[:, [1, 0, 3, 2]]
    return boxes


def clip_coords(kpts: Array, h: int, w: int) -> Array:
    """Move the first two numbers of each point into 0..h and 0..w, in place, and return it."""
    np.clip(kpts[..., 0], 0, h, out=kpts[..., 0])
    np.clip(kpts[..., 1], 0, w, out=kpts[..., 1])
    return kpts


def clip_boxes(boxes: Array, h: int, w: int) -> Array:
    """Move y0, x0, y1, x1 of each box into 0..h and 0..w, in place, and return it."""
    clip_coords(boxes, h, w)
    clip_coords(boxes[..., 2:], h, w)
    return boxes


def letterbox(
    h_image: int, w_image: int, h_model: int, w_model: int, preserve_aspect_ratio: bool
) -> tuple[tuple[float, float], tuple[int, int]]:
    """Return how a picture was put into a network's input: scale and border, each (y, x)."""
    if not preserve_aspect_ratio:
        return (h_image / h_model, w_image / w_model), (0, 0)
    scale = max(h_image / h_model, w_image / w_model)
    border_y = int((h_model - int(np.round(h_image / scale))) / 2)
    border_x = int((w_model - int(np.round(w_image / scale))) / 2)
    return (scale, scale), (border_y, border_x)


def scale_boxes(
    boxes: Array,
    h_image: int,
    w_image: int,
    h_model: int,
    w_model: int,
    preserve_aspect_ratio: bool,
    normalized: bool = True,
) -> Array:
    """Take boxes from a network's input to a picture, in place.

    As in picamera2 the first and third number are scaled as x and the others as y, but cut at the
    picture's height and width in this order: both are the same only for square pictures.

    Parameters
    ----------
    boxes : ndarray
        Shape (..., 4), floating point; overwritten.
    h_image, w_image : int
        Size of the picture in pixels.
    h_model, w_model : int
        Size of the network's input in pixels.
    preserve_aspect_ratio : bool
        Whether the picture has a border in the input, rather than being stretched.
    normalized : bool
        Whether the boxes are in 0..1, rather than in pixels of the input.

    Returns
    -------
    ndarray
        `boxes`.
    """
    (scale_y, scale_x), (border_y, border_x) = letterbox(
        h_image, w_image, h_model, w_model, preserve_aspect_ratio
    )
    height, width = (h_model, w_model) if normalized else (1, 1)
    boxes[..., 0::2] = (boxes[..., 0::2] * width - border_x) * scale_x
    boxes[..., 1::2] = (boxes[..., 1::2] * height - border_y) * scale_y
    return clip_boxes(boxes, h_image, w_image)


def scale_coords(
    kpts: Array, h_image: int, w_image: int, h_model: int, w_model: int, preserve_aspect_ratio: bool
) -> Array:
    """Take points from a network's input to a picture, in place.

    As in picamera2 the first number is scaled as y and the second as x.

    Parameters
    ----------
    kpts : ndarray
        Shape (..., 2 or more), floating point; overwritten.
    h_image, w_image, h_model, w_model, preserve_aspect_ratio
        As for `scale_boxes`.

    Returns
    -------
    ndarray
        `kpts`.
    """
    scale, border = letterbox(h_image, w_image, h_model, w_model, preserve_aspect_ratio)
    for axis in (0, 1):
        kpts[..., axis] = (kpts[..., axis] - border[axis]) * scale[axis]
    return clip_coords(kpts, h_image, w_image)


def crop_mask(masks: Array, boxes: Array) -> Array:
    """Return masks that are zero outside their boxes.

    Parameters
    ----------
    masks : ndarray
        Shape (n, rows, columns).
    boxes : ndarray
        First row, first column, end of rows, end of columns, shape (n, 4).

    Returns
    -------
    ndarray
        Shape (n, rows, columns).
    """
    _, rows, columns = masks.shape
    first_row, first_column, end_row, end_column = boxes.T[:, :, np.newaxis]
    row, column = np.arange(rows, dtype=np.float32), np.arange(columns, dtype=np.float32)
    in_rows = (row >= first_row) & (row < end_row)
    in_columns = (column >= first_column) & (column < end_column)
    result: Array = masks * (in_rows[:, :, np.newaxis] & in_columns[:, np.newaxis, :])
    return result


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
            x, y, confidence, shape (17, 3).
        min_confidence : float
            The least confidence of a joint that is drawn.
        metadata, picam2, stream
            As for `get_coords`.
        """
        points = []
        for x, y, _ in keypoints:
            top, left, _, _ = self.get_coords((y, x, y + 1, x + 1), metadata, picam2, stream)
            points.append((left, top))
        seen = [confidence >= min_confidence for _, _, confidence in keypoints]
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
            One per mask, red, green, blue in 0..1.
        score_threshold, mask_threshold : float
            A mask, and a pixel of it, count when they are greater.
        """
        overlay = np.zeros((*masks.shape[1:], 4), dtype=np.uint8)
        for mask, score, color in zip(masks, scores, colors, strict=False):
            if score > score_threshold:
                shown = np.array([*(np.array(color[:3]) * 255), 127])
                overlay[mask > mask_threshold] = shown.astype(np.uint8)
        picam2.set_overlay(overlay)
