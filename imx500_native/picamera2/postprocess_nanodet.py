"""NanoDet's raw outputs to boxes, as picamera2's ``postprocess_nanodet`` has it."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from imx500_native.picamera2.arrays import sigmoid, softmax
from imx500_native.picamera2.suppression import combined_nms

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imx500_native.picamera2.arrays import Array

INPUT_SIZE = 416
STRIDES = (8, 16, 32, 64)
CLASSES = 80
BINS = 8


def postprocess_nanodet_detection(
    outputs: Array, conf: float = 0.0, iou_thres: float = 0.65, max_out_dets: int = 300
) -> list[tuple[Array, Array, Array]]:
    """Decode NanoDet's raw output.

    Parameters
    ----------
    outputs : ndarray
        Shape (batch, 3598, 112): 80 class logits and four times 8 bins of a distance.
    conf, iou_thres, max_out_dets
        As for `imx500_native.picamera2.postprocess.combined_nms`.

    Returns
    -------
    list of tuple of ndarray
        For each picture: boxes (k, 4) as y0, x0, y1, x1 in pixels of the 416 x 416 input, scores
        (k,), classes (k,).
    """
    anchors = _anchors()
    bins = outputs[..., CLASSES:].reshape(len(outputs), -1, 4, BINS)
    mean = softmax(bins) @ np.arange(BINS, dtype=np.float32)
    # How far left, up, right and down of the anchor the box reaches.
    reach = mean * anchors[..., 2:3]
    size = reach[..., :2] + reach[..., 2:]
    middle = anchors[..., :2] - reach[..., :2] + size / 2
    boxes = np.concatenate([middle, size], axis=-1)
    return combined_nms(boxes, sigmoid(outputs[..., :CLASSES]), iou_thres, conf, max_out_dets)


def generate_anchors_NANODET(  # noqa: N802 - picamera2's name
    featmap_sizes: Sequence[tuple[float, float]], strides: Sequence[int]
) -> Array:
    """Return where the cells of all feature maps are.

    Parameters
    ----------
    featmap_sizes : sequence of tuple
        (rows, columns) of each map.
    strides : sequence of int
        Pixels from one cell to the next, for each map.

    Returns
    -------
    ndarray
        Shape (1, cells, 4): x, y of a cell's first pixel, and the stride twice.
    """
    cells = []
    for (rows, columns), stride in zip(featmap_sizes, strides, strict=False):
        x, y = np.meshgrid(np.arange(columns) * stride, np.arange(rows) * stride)
        steps = np.full(x.size, stride)
        cells.append(np.stack([x.ravel(), y.ravel(), steps, steps], axis=-1))
    anchors: Array = np.concatenate(cells)[np.newaxis]
    return anchors


@lru_cache(maxsize=1)
def _anchors() -> Array:
    sides = [np.ceil(INPUT_SIZE / stride) for stride in STRIDES]
    return generate_anchors_NANODET([(side, side) for side in sides], STRIDES)
