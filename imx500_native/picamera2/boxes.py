"""How picamera2 writes boxes down, and takes them from a network's input to a picture."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from imx500_native.picamera2.arrays import Array


class BoxFormat(Enum):
    """How a box is written down; spelt as picamera2 spells it."""

    YMIM_XMIN_YMAX_XMAX = "ymin_xmin_ymax_xmax"
    XMIM_YMIN_XMAX_YMAX = "xmin_ymin_xmax_ymax"
    XMIN_YMIN_W_H = "xmin_ymin_width_height"
    XC_YC_W_H = "xc_yc_width_height"


def convert_to_ymin_xmin_ymax_xmax_format(boxes: Array, orig_format: BoxFormat) -> Array:
    """Write boxes down as y0, x0, y1, x1.

    Parameters
    ----------
    boxes : ndarray
        Shape (n, 4 or more); overwritten, unless they are of centre and size. What follows the
        first four numbers of a box is left as it is.
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
        corners = boxes.copy()
        # Of whole numbers, what is behind the point is cut off.
        np.subtract(middle, half, out=corners[:, :2], casting="unsafe")
        np.add(middle, half, out=corners[:, 2:4], casting="unsafe")
        return corners
    if orig_format == BoxFormat.XMIN_YMIN_W_H:
        boxes[:, 2:4] += boxes[:, :2]
    elif orig_format != BoxFormat.XMIM_YMIN_XMAX_YMAX:
        raise ValueError(f"the format of a box is a BoxFormat, not {orig_format!r:.40}")
    boxes[:, :4] = boxes[:, [1, 0, 3, 2]]
    return boxes


def clip_coords(kpts: Array, h: int, w: int) -> Array:
    """Move the first two numbers of each point into 0..h and 0..w, in place, and return it."""
    kpts[..., 0] = np.clip(kpts[..., 0], 0, h)
    kpts[..., 1] = np.clip(kpts[..., 1], 0, w)
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
        Shape (..., 4 or more); the first four are overwritten.
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
    boxes[..., 0:4:2] = (boxes[..., 0:4:2] * width - border_x) * scale_x
    boxes[..., 1:4:2] = (boxes[..., 1:4:2] * height - border_y) * scale_y
    return clip_boxes(boxes, h_image, w_image)


def scale_coords(
    kpts: Array, h_image: int, w_image: int, h_model: int, w_model: int, preserve_aspect_ratio: bool
) -> Array:
    """Take points from a network's input to a picture, in place.

    As in picamera2 the first number is scaled as y and the second as x.

    Parameters
    ----------
    kpts : ndarray
        Shape (..., 2 or more); the first two are overwritten.
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
