"""YOLOv8's raw outputs to boxes, joints and masks, as picamera2's ``postprocess_yolov8`` has it."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from imx500_native.picamera2.arrays import sigmoid
from imx500_native.picamera2.boxes import (
    BoxFormat,
    convert_to_ymin_xmin_ymax_xmax_format,
    crop_mask,
)
from imx500_native.picamera2.suppression import (
    MAX_CANDIDATES,
    combined_nms,
    combined_nms_seg,
    nms,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imx500_native.picamera2.arrays import Array

FEATURE_SIZES = (80, 40, 20)
STRIDES = (8, 16, 32)
CLASSES = 80
JOINT_VALUES = 3


@lru_cache(maxsize=1)
def _anchors() -> tuple[Array, Array]:
    """Return the anchors, shape (2, cells), and strides, shape (1, cells)."""
    points, strides = make_anchors_yolo_v8(FEATURE_SIZES, STRIDES, 0.5)
    return points.T, strides.T


def _boxes(distances: Array) -> Array:
    """Return boxes as centre x, centre y, width, height in pixels, shape (batch, 4, cells)."""
    anchors, strides = _anchors()
    boxes: Array = dist2bbox_yolo_v8(distances, anchors, xywh=True, dim=1) * strides
    return boxes


def postprocess_yolov8_detection(
    outputs: tuple[Array, Array], conf: float = 0.3, iou_thres: float = 0.7, max_out_dets: int = 50
) -> list[tuple[Array, Array, Array]]:
    """Decode YOLOv8's raw output.

    Parameters
    ----------
    outputs : tuple of ndarray
        Distances (batch, 4, 8400) and class scores (batch, 80, 8400), the latter in 0..1.
    conf, iou_thres, max_out_dets
        As for `imx500_native.picamera2.postprocess.combined_nms`.

    Returns
    -------
    list of tuple of ndarray
        For each picture: boxes (k, 4) as y0, x0, y1, x1 in pixels of the 640 x 640 input, scores
        (k,), classes (k,).
    """
    distances, scores = outputs
    boxes = _boxes(distances).transpose(0, 2, 1)
    by_cell = scores[:, :CLASSES].transpose(0, 2, 1)
    return combined_nms(boxes, by_cell, iou_thres, conf, max_out_dets)


def postprocess_yolov8_keypoints(
    outputs: tuple[Array, Array, Array],
    conf: float = 0.3,
    iou_thres: float = 0.7,
    max_out_dets: int = 300,
) -> tuple[Array, Array, Array]:
    """Decode the raw output of YOLOv8 for poses, of one picture.

    Parameters
    ----------
    outputs : tuple of ndarray
        Distances (1, 4, 8400), scores (1, 1, 8400) and joints (1, 51, 8400).
    conf : float
        A person counts when its score is greater.
    iou_thres, max_out_dets
        As for `imx500_native.picamera2.postprocess.nms`.

    Returns
    -------
    tuple of ndarray
        Boxes (k, 4) as y0, x0, y1, x1 in pixels of the 640 x 640 input, scores (k,), and joints
        (k, 51) as x, y, visibility; best first.
    """
    distances, scores, joints = outputs
    (anchor_x, anchor_y), (strides,) = _anchors()
    score = scores[0, 0]
    chosen = np.flatnonzero(score > conf)
    chosen = chosen[np.argsort(-score[chosen])[:MAX_CANDIDATES]]
    boxes = convert_to_ymin_xmin_ymax_xmax_format(
        _boxes(distances)[0].T[chosen], BoxFormat.XC_YC_W_H
    )
    chosen = chosen[keep := nms(boxes, score[chosen], iou_thres, max_out_dets)]
    # In double precision, as the anchors are.
    values = joints[0, :, chosen].astype(np.float64)
    stride = strides[chosen, np.newaxis]
    for axis, anchor in ((0, anchor_x), (1, anchor_y)):
        columns = joints[0, axis::JOINT_VALUES].T[chosen]
        cell = anchor[chosen, np.newaxis] - 0.5
        values[:, axis::JOINT_VALUES] = (columns * 2.0 + cell) * stride
    values[:, 2::JOINT_VALUES] = sigmoid(joints[0, 2::JOINT_VALUES].T[chosen])
    return boxes[keep], score[chosen].astype(np.float64), values


def postprocess_yolov8_inst_seg(
    outputs: tuple[Array, Array, Array, Array],
    conf: float = 0.001,
    iou_thres: float = 0.7,
    max_out_dets: int = 300,
) -> tuple[Array, Array, Array, Array]:
    """Decode the raw output of YOLOv8 for instance segmentation, of the first picture.

    Parameters
    ----------
    outputs : tuple of ndarray
        Distances (1, 4, 8400), class scores (1, 80, 8400), mask weights (1, 32, 8400) and mask
        prototypes (1, 32, rows, columns).
    conf, iou_thres, max_out_dets
        As for `imx500_native.picamera2.postprocess.combined_nms_seg`.

    Returns
    -------
    tuple of ndarray
        Boxes (k, 4) as y0, x0, y1, x1 in pixels of the input, scores (k,), classes (k,) and mask
        logits (k, rows, columns). Where nothing passes, k is 0.
    """
    distances, scores, weights, prototypes = outputs
    boxes, confidence, classes, kept = combined_nms_seg(
        _boxes(distances).transpose(0, 2, 1),
        scores[:, :CLASSES].transpose(0, 2, 1),
        weights,
        iou_thres,
        conf,
        max_out_dets,
    )[0]
    return boxes, confidence, classes, np.tensordot(kept, prototypes.squeeze(0), axes=1)


def make_anchors_yolo_v8(
    feats: Sequence[int], strides: Sequence[int], grid_cell_offset: float = 0.5
) -> tuple[Array, Array]:
    """Return where the cells of all feature maps are.

    Parameters
    ----------
    feats : sequence of int
        The side of each square map.
    strides : sequence of int
        Pixels from one cell to the next, for each map.
    grid_cell_offset : float
        Where the anchor is within its cell.

    Returns
    -------
    tuple of ndarray
        x, y in cells, shape (cells, 2), and the stride, shape (cells, 1).
    """
    points, steps = [], []
    for side, stride in zip(feats, strides, strict=False):
        along = np.arange(side) + grid_cell_offset
        x, y = np.meshgrid(along, along)
        points.append(np.stack([x.ravel(), y.ravel()], axis=-1))
        steps.append(np.full((x.size, 1), stride))
    return np.concatenate(points), np.concatenate(steps)


def dist2bbox_yolo_v8(
    distance: Array, anchor_points: Array, xywh: bool = True, dim: int = -1
) -> Array:
    """Turn distances from an anchor into boxes.

    Parameters
    ----------
    distance : ndarray
        Left, top, right and bottom along the axis `dim`.
    anchor_points : ndarray
        x, y of the anchors, of a shape that goes with half of `distance`.
    xywh : bool
        Whether to return centre and size, rather than two corners.
    dim : int
        The axis of the four values.

    Returns
    -------
    ndarray
        Boxes along the axis `dim`.
    """
    to_first, to_second = np.split(distance, 2, axis=dim)
    first, second = anchor_points - to_first, anchor_points + to_second
    pair = ((first + second) / 2, second - first) if xywh else (first, second)
    return np.concatenate(pair, axis=dim)


def pad_with_zeros(mask: Array, roi: Any, isp_output_size: Any) -> Array:
    """Put masks of a region into an empty picture.

    Parameters
    ----------
    mask : ndarray
        Shape (columns, rows, n).
    roi : libcamera.Rectangle
        Where they belong, by ``x`` and ``y``.
    isp_output_size : libcamera.Size
        ``width`` and ``height`` of the picture.

    Returns
    -------
    ndarray
        Shape (width, height, n).
    """
    columns, rows, count = mask.shape
    padded = np.zeros((isp_output_size.width, isp_output_size.height, count), dtype=mask.dtype)
    padded[roi.x : roi.x + columns, roi.y : roi.y + rows] = mask
    return padded


def process_masks(masks: Array, boxes: Array, roi: Any, isp_output_size: Any) -> Array:
    """Cut mask logits at their boxes, and scale them to the picture; needs OpenCV.

    Parameters
    ----------
    masks : ndarray
        Logits, shape (n, rows, columns).
    boxes : ndarray
        Shape (n, 4), see `imx500_native.picamera2.postprocess.crop_mask`.
    roi, isp_output_size
        As for `pad_with_zeros`.

    Returns
    -------
    ndarray
        Shape (n, height, width), 0..1; one half outside a box and 0 outside the region.
    """
    import cv2

    pixels = sigmoid(crop_mask(masks, boxes)).transpose(2, 1, 0)
    resized = cv2.resize(pixels, (roi.height, roi.width), interpolation=cv2.INTER_LINEAR)
    # OpenCV drops the last axis of a single mask.
    resized = resized.reshape(*resized.shape[:2], -1)
    return pad_with_zeros(resized, roi, isp_output_size).transpose(2, 1, 0)
