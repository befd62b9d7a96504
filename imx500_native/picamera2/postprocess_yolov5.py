"""YOLOv5's raw outputs to boxes, as picamera2's ``postprocess_yolov5`` has it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from imx500_native.picamera2.boxes import clip_boxes, letterbox
from imx500_native.picamera2.suppression import best_classes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imx500_native.picamera2.arrays import Array

default_anchors = [
    [10, 13, 16, 30, 33, 23],
    [30, 61, 62, 45, 59, 119],
    [116, 90, 156, 198, 373, 326],
]
default_strides = [8, 16, 32]

# The ids that COCO's 91 numbers leave out among the 80 classes that have pictures.
UNUSED_COCO_IDS = (12, 26, 29, 30, 45, 66, 68, 69, 71, 83)
PADDING_VALUE = 114
INPUT_SIZE = 640


def postprocess_yolov5_detection(
    outputs: list[Array],
    model_input_shape: tuple[int, int] = (640, 640),
    num_categories: int = 80,
    min_wh: float = 2,
    max_wh: float = 7680,
    conf_thres: float = 0.001,
    iou_thres: float = 0.65,
    max_nms_dets: int = 5000,
    max_out_dets: int = 1000,
) -> tuple[Array, Array, Array]:
    """Decode YOLOv5's raw output, of the first picture.

    Parameters
    ----------
    outputs : list of ndarray
        One per stride, shape (batch, cells, 3, 5 + classes), in 0..1.
    model_input_shape : tuple of int
        (height, width) of the input in pixels.
    num_categories : int
        How many classes there are; of 80, COCO's numbers less one are returned.
    min_wh, max_wh, conf_thres, iou_thres, max_nms_dets, max_out_dets
        As for `imx500_native.picamera2.postprocess.best_classes`.

    Returns
    -------
    tuple of ndarray
        Boxes (k, 4) as y0, x0, y1, x1 in pixels of the input, scores (k,), classes (k,).
    """
    height, width = model_input_shape
    boxes, scores, classes = best_classes(
        box_decoding_yolov5n(outputs, num_categories, height, width)[0],
        model_input_shape,
        min_wh=min_wh,
        max_wh=max_wh,
        conf_thres=conf_thres,
        iou_thres=iou_thres,
        max_nms_dets=max_nms_dets,
        max_out_dets=max_out_dets,
    )
    numbers = coco80_to_coco91(classes) if num_categories == 80 else classes.astype(np.float64)
    return boxes, scores, numbers - 1


def box_decoding_yolov5n(
    tensors: list[Array],
    num_categories: int = 80,
    H: int = 640,  # noqa: N803 - picamera2's names
    W: int = 640,  # noqa: N803
    anchors: Sequence[Sequence[float]] = default_anchors,
    strides: Sequence[int] = default_strides,
) -> Array:
    """Return YOLOv5's raw outputs as one array, with boxes in pixels.

    Parameters
    ----------
    tensors : list of ndarray
        One per stride, shape (batch, cells, anchors, 5 + classes).
    num_categories : int
        How many classes there are.
    H, W : int
        Size of the input in pixels.
    anchors : sequence
        For each stride, width and height of its anchors, one after the other.
    strides : sequence of int
        Pixels from one cell to the next.

    Returns
    -------
    ndarray
        Shape (batch, boxes, 5 + classes): centre x, centre y, width, height, and the rest as it
        was.
    """
    decoded = []
    for tensor, sides, stride in zip(tensors, anchors, strides, strict=False):
        x, y = np.meshgrid(np.arange(W // stride), np.arange(H // stride))
        cells = np.stack([x.ravel(), y.ravel()], axis=-1).astype(np.float32)
        shape = np.array(sides, np.float32).reshape(-1, 1, 2)
        by_anchor = tensor.transpose(0, 2, 1, 3)
        boxes = by_anchor.copy()
        boxes[..., :2] = (by_anchor[..., :2] * 2 - 0.5 + cells) * stride
        boxes[..., 2:4] = (by_anchor[..., 2:4] * 2) ** 2 * shape
        decoded.append(boxes.reshape(len(tensor), -1, num_categories + 5))
    return np.concatenate(decoded, axis=1)


def scale_boxes(
    boxes: Array,
    h_image: int,
    w_image: int,
    h_model: int,
    w_model: int,
    preserve_aspect_ratio: bool,
) -> Array:
    """Take boxes y0, x0, y1, x1 from pixels of a network's input to a picture, in place.

    Parameters
    ----------
    boxes : ndarray
        Shape (..., 4 or more); the first four are overwritten.
    h_image, w_image, h_model, w_model, preserve_aspect_ratio
        As for `imx500_native.picamera2.postprocess.scale_boxes`.

    Returns
    -------
    ndarray
        `boxes`.
    """
    scale, border = letterbox(h_image, w_image, h_model, w_model, preserve_aspect_ratio)
    for axis in (0, 1):
        boxes[..., axis:4:2] = (boxes[..., axis:4:2] - border[axis]) * scale[axis]
    return clip_boxes(boxes, h_image, w_image)


def apply_normalization(
    boxes: Array,
    orig_width: int,
    orig_height: int,
    boxes_format: object,  # noqa: ARG001 - picamera2's parameter, which it does not use either
) -> Array:
    """Divide boxes by a picture's size, in place, unless they are in 0..1 already.

    Parameters
    ----------
    boxes : ndarray
        y0, x0, y1, x1, shape (n, 4 or more). The first one tells for all whether they are in
        pixels.
    orig_width, orig_height : int
        Size of the picture in pixels.
    boxes_format : object
        Not used.

    Returns
    -------
    ndarray
        `boxes`.
    """
    if len(boxes) and max(boxes[0]) > 1:
        boxes[:, 0:4:2] = boxes[:, 0:4:2] / orig_height
        boxes[:, 1:4:2] = boxes[:, 1:4:2] / orig_width
    return boxes


def coco80_to_coco91(x: Array) -> Array:
    """Return COCO's own numbers, 1 to 90, for class ids from 0 to 79."""
    numbers = np.setdiff1d(np.arange(1, 91), UNUSED_COCO_IDS)
    result: Array = numbers[x.astype(np.int32)]
    return result


def yolov5n_preprocess(img: Array) -> Array:
    """Put a picture into the middle of a grey square of 640 x 640; needs OpenCV.

    Parameters
    ----------
    img : ndarray
        uint8, shape (height, width, 3).

    Returns
    -------
    ndarray
        float64, shape (640, 640, 3), 0..1.
    """
    import cv2

    height, width = img.shape[:2]
    ratio = max(height, width) / INPUT_SIZE
    new_height, new_width = int(np.round(height / ratio)), int(np.round(width / ratio))
    resized = cv2.resize(img, (new_width, new_height), interpolation=cv2.INTER_AREA)
    top, left = (INPUT_SIZE - new_height) // 2, (INPUT_SIZE - new_width) // 2
    square = np.full((INPUT_SIZE, INPUT_SIZE, 3), PADDING_VALUE, img.dtype)
    square[top : top + new_height, left : left + new_width] = resized
    return square / 255
