"""Which boxes picamera2 keeps: its suppression of those that overlap a better one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from imx500_native.picamera2.boxes import BoxFormat, convert_to_ymin_xmin_ymax_xmax_format

if TYPE_CHECKING:
    import numpy.typing as npt

    from imx500_native.picamera2.arrays import Array

MAX_CANDIDATES = 8400
"""How many boxes of one picture take part in a suppression at most."""

CLASS_OFFSET = 640
"""How far apart the boxes of two classes are moved, so that they cannot suppress one another."""


def nms(
    dets: Array, scores: Array, iou_thres: float = 0.55, max_out_dets: int | None = 50
) -> list[np.intp]:
    """Suppress boxes that overlap a better one, whatever their class.

    Parameters
    ----------
    dets : ndarray
        Boxes in pixels, shape (n, 4 or more): two corners first. A box is taken to reach one pixel
        further than its second corner, as picamera2 takes it.
    scores : ndarray
        Shape (n,). Of equal scores, the later one goes first.
    iou_thres : float
        The largest overlap, intersection over union, that leaves both boxes.
    max_out_dets : int or None
        How many of the best to keep; None for all of them.

    Returns
    -------
    list of int
        Rows of `dets`, best first.
    """
    order = scores.argsort()[::-1]
    first, second = dets[order, :2], dets[order, 2:4]
    areas = (second - first + 1).prod(axis=1)
    left: npt.NDArray[np.intp] = np.arange(len(order))
    keep: list[np.intp] = []
    most = len(order) if max_out_dets is None else max_out_dets
    while len(left) and len(keep) < most:
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
