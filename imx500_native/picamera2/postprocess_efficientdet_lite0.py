"""EfficientDet-Lite's raw outputs to boxes, as picamera2's module of this name has it."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from imx500_native.picamera2.arrays import sigmoid
from imx500_native.picamera2.postprocess_yolov5 import coco80_to_coco91
from imx500_native.picamera2.suppression import best_classes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imx500_native.picamera2.arrays import Array

default_box_variance = [1.0, 1.0, 1.0, 1.0]
default_aspect_ratios = [1.0, 2.0, 0.5]


def postprocess_efficientdet_lite0_detection(
    outputs: Sequence[Array],
    anchor_scale: float = 3,
    min_level: int = 3,
    max_level: int = 7,
    box_variance: Sequence[float] = default_box_variance,
    model_input_shape: tuple[int, int] = (320, 320),
    min_wh: float = 2,
    max_wh: float = 7680,
    conf_thres: float = 0.001,
    iou_thres: float = 0.65,
    max_nms_dets: int = 5000,
    max_out_dets: int = 1000,
) -> tuple[Array, Array, Array]:
    """Decode EfficientDet-Lite's raw output, of the first picture.

    Parameters
    ----------
    outputs : sequence of ndarray
        Class logits (batch, boxes, classes) and box codes (batch, boxes, 4).
    anchor_scale, min_level, max_level, box_variance
        As for `box_decoding_edetlite`.
    model_input_shape : tuple of int
        (height, width) of the input in pixels.
    min_wh, max_wh, conf_thres, iou_thres, max_nms_dets, max_out_dets
        As for `imx500_native.picamera2.postprocess.best_classes`.

    Returns
    -------
    tuple of ndarray
        Boxes (k, 4) as y0, x0, y1, x1 in pixels of the input, scores (k,), classes (k,): of 80
        classes, COCO's own numbers.
    """
    height, width = model_input_shape
    decoded = box_decoding_edetlite(
        outputs, height, width, anchor_scale, min_level, max_level, box_variance
    )
    boxes, scores, classes = best_classes(
        decoded[0],
        model_input_shape,
        min_wh=min_wh,
        max_wh=max_wh,
        conf_thres=conf_thres,
        iou_thres=iou_thres,
        max_nms_dets=max_nms_dets,
        max_out_dets=max_out_dets,
    )
    of_coco = outputs[0].shape[-1] == 80
    return boxes, scores, coco80_to_coco91(classes) if of_coco else classes.astype(np.float64)


def box_decoding_edetlite(
    output_annotations: Sequence[Array],
    H: int = 320,  # noqa: N803 - picamera2's names
    W: int = 320,  # noqa: N803
    anchor_scale: float = 3,
    min_level: int = 3,
    max_level: int = 7,
    box_variance: Sequence[float] = default_box_variance,
) -> Array:
    """Return EfficientDet-Lite's raw outputs as one array, with boxes in pixels.

    Parameters
    ----------
    output_annotations : sequence of ndarray
        Class logits (batch, boxes, classes) and box codes (batch, boxes, 4).
    H, W : int
        Size of the input in pixels.
    anchor_scale : float
        Side of the smallest anchor of a level, in cells.
    min_level, max_level : int
        The levels of the feature pyramid.
    box_variance : sequence of float
        Factors of the four codes.

    Returns
    -------
    ndarray
        float64, shape (batch, boxes, 5 + classes): centre x, centre y, width, height, 1, and the
        classes' scores.
    """
    logits, codes = output_annotations[0], output_annotations[1]
    first, second = np.split(_anchors(H, W, anchor_scale, min_level, max_level), 2, axis=-1)
    middle, size = (first + second) / 2, second - first
    scaled = codes * np.asarray(box_variance, np.float64)
    decoded = np.ones((*codes.shape[:-1], 5 + logits.shape[-1]))
    # Anchors and codes have y first, the result has x first.
    decoded[..., 1::-1] = scaled[..., :2] * size + middle
    decoded[..., 3:1:-1] = np.exp(scaled[..., 2:]) * size
    decoded[..., 5:] = sigmoid(logits)
    return decoded


def generate_anchors_EDETLITE(  # noqa: N802 - picamera2's name
    batch_size: int,
    featmap_sizes: Sequence[tuple[float, float]],
    H: int = 320,  # noqa: N803
    W: int = 320,  # noqa: N803
    anchor_scale: float = 3,
    min_level: int = 3,
    max_level: int = 7,
    aspect_ratios: Sequence[float | list[float]] = default_aspect_ratios,
) -> Array:
    """Return the anchors of all levels.

    Parameters
    ----------
    batch_size : int
        How often to repeat them.
    featmap_sizes : sequence of tuple
        (rows, columns) of each level from 0 on.
    H, W : int
        Size of the input in pixels.
    anchor_scale, min_level, max_level
        As for `box_decoding_edetlite`.
    aspect_ratios : sequence of float or list
        Width by height of the anchors, or a list of the two factors of their sides; each comes in
        as many sizes as there are ratios.

    Returns
    -------
    ndarray
        y0, x0, y1, x1 in pixels, shape (batch, anchors, 4).
    """
    levels = []
    for rows, columns in featmap_sizes[min_level : max_level + 1]:
        step_y, step_x = featmap_sizes[0][0] / rows, featmap_sizes[0][1] / columns
        y, x = np.meshgrid(
            np.arange(step_y / 2, H, step_y), np.arange(step_x / 2, W, step_x), indexing="ij"
        )
        middle = np.stack([y.ravel(), x.ravel()], axis=-1)
        kinds = []
        for octave in range(len(aspect_ratios)):
            growth = anchor_scale * 2 ** (octave / len(aspect_ratios))
            for ratio in aspect_ratios:
                wide, high = (
                    ratio if isinstance(ratio, list) else (np.sqrt(ratio), 1 / np.sqrt(ratio))
                )
                half = np.array([growth * step_y * high, growth * step_x * wide]) / 2
                kinds.append(np.concatenate([middle - half, middle + half], axis=-1))
        levels.append(np.stack(kinds, axis=1).reshape(-1, 4))
    return np.repeat(np.concatenate(levels)[np.newaxis], batch_size, axis=0)


@lru_cache(maxsize=4)
def _anchors(height: int, width: int, scale: float, min_level: int, max_level: int) -> Array:
    sizes = [
        (np.ceil(height / 2**level), np.ceil(width / 2**level)) for level in range(max_level + 1)
    ]
    return generate_anchors_EDETLITE(1, sizes, height, width, scale, min_level, max_level)
