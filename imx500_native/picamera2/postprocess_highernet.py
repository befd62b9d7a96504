"""HigherHRNet's outputs to persons, as picamera2's ``postprocess_highernet`` has it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from imx500_native.errors import DecoderError
from imx500_native.heads.higherhrnet import COCO_JOINT_ORDER

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imx500_native.picamera2.arrays import Array

default_joint_order = list(COCO_JOINT_ORDER)

IMPOSSIBLE = 1e10


def postprocess_higherhrnet(
    outputs: Sequence[Array],
    img_size: tuple[int, int],
    img_w_pad: tuple[int, int],
    img_h_pad: tuple[int, int],
    network_postprocess: bool,
    num_joints: int = 17,
    tag_per_joint: bool = True,
    joint_order: Sequence[int] = default_joint_order,
    detection_threshold: float = 0.3,
    max_num_people: int = 30,
    nms_kernel: int = 5,
    nms_padding: int = 2,
    ignore_too_much: bool = False,
    use_detection_val: bool = True,
    tag_threshold: float = 1.0,
    adjust: bool = False,
    refine: bool = False,  # noqa: ARG001 - picamera2's parameter, which it does not use either
    input_image_size: tuple[int, int] = (288, 384),
    output_shape: tuple[int, int] = (144, 192),
) -> tuple[list[list[float]], list[float], list[list[float]]]:
    """Group joints to persons, of the first picture.

    Parameters
    ----------
    outputs : sequence of ndarray
        With `network_postprocess`: tags, places in the heat map and scores of the best joints, each
        (batch, people, joints). Else the raw heat maps and tags, (batch, rows / 2, columns / 2, 2 *
        joints), and heat maps, (batch, rows, columns, joints); that needs OpenCV.
    img_size : tuple of int
        (height, width) of the picture that the result is for, in pixels.
    img_w_pad, img_h_pad : tuple of int
        The borders of the picture in the network's input: left and right, top and bottom.
    network_postprocess : bool
        Whether the network has looked for the best joints itself.
    num_joints : int
        How many joints a person has.
    tag_per_joint : bool
        For raw heat maps: must be True, as in picamera2.
    joint_order : sequence of int
        Which joints are grouped first.
    detection_threshold : float
        A joint counts when its score is greater.
    max_num_people, nms_kernel, nms_padding
        For raw heat maps: how many joints of a kind to look for, and the size and border of the
        neighbourhood of which a joint is the highest.
    ignore_too_much : bool
        Whether to drop joints once there are `max_num_people` persons.
    use_detection_val : bool
        Whether scores decide between tags that are about equal.
    tag_threshold : float
        How close the tags of one person are.
    adjust : bool
        Whether to move joints a quarter of a cell towards the higher neighbour; for raw heat maps.
    refine : bool
        Not used.
    input_image_size, output_shape : tuple of int
        (height, width) of the network's input in pixels and of the heat maps in cells.

    Returns
    -------
    tuple of list
        For each person: x, y, score of every joint one after the other, in pixels of the picture;
        the mean score; and the box y0, x0, y1, x1 around the joints that were found.

    Raises
    ------
    DecoderError
        If `adjust` is asked for where there are no heat maps, or `tag_per_joint` is False where
        there are.
    """
    heatmaps = None
    if network_postprocess:
        tags, places, scores = (output[0] for output in outputs)
        rows, columns = np.divmod(places, output_shape[1])
        locations = np.stack([columns, rows], axis=2)
    else:
        heatmaps, all_tags = _averaged(outputs[0][0], outputs[1][0], num_joints)
        best = top_k(heatmaps, all_tags, tag_per_joint, max_num_people, nms_kernel, nms_padding)
        tags, locations, scores = best["tag_k"][0], best["loc_k"][0], best["val_k"][0]
    people = match_by_tag(
        (tags, locations, scores),
        num_joints,
        joint_order,
        detection_threshold,
        max_num_people,
        ignore_too_much,
        use_detection_val,
        tag_threshold,
    )
    if adjust:
        if heatmaps is None:
            raise DecoderError("joints that the network found itself cannot be adjusted")
        adjust_func([people], heatmaps[np.newaxis])
    if len(people) == 0:
        return [], [], []

    means = [person[:, 2].mean() for person in people]
    full = np.array(input_image_size[::-1])
    borders = np.array([sum(img_w_pad), sum(img_h_pad)])
    people[:, :, :2] *= full / output_shape[::-1]
    people[:, :, :2] -= (img_w_pad[0], img_h_pad[0])
    people[:, :, :2] *= np.array(img_size[::-1]) / (full - borders)
    boxes = []
    for person in people:
        seen = person[person[:, 2] > detection_threshold, 1::-1]
        boxes.append([*seen.min(axis=0), *seen.max(axis=0)])
    return [list(person[:, :3].ravel()) for person in people], means, boxes


def _averaged(small: Array, large: Array, num_joints: int) -> tuple[Array, Array]:
    """Return heat maps and tags of the size of the larger output."""
    import cv2

    grown = cv2.resize(small, large.shape[1::-1])
    return (grown[..., :num_joints] + large) / 2, grown[..., num_joints:]


def np_max_pool(
    x: Array,
    k: int | tuple[int, int] = 5,
    p: int | tuple[int, int] = 2,
    p_value: float = 0,  # noqa: ARG001 - picamera2's parameter, which it does not use either
) -> Array:
    """Return the highest value around every cell.

    Parameters
    ----------
    x : ndarray
        Shape (rows, columns, joints).
    k : int or tuple of int
        Sides of the neighbourhood in cells: rows and columns.
    p : int or tuple of int
        Cells of zeros around the map: on either side of the rows and of the columns.
    p_value : float
        Not used.

    Returns
    -------
    ndarray
        Shape (rows + 2 p - k + 1, columns + 2 p - k + 1, joints).
    """
    sides, borders = ((value, value) if isinstance(value, int) else value for value in (k, p))
    result = np.pad(x, (*((border, border) for border in borders), (0, 0)))
    for axis, side in enumerate(sides):
        windows = np.lib.stride_tricks.sliding_window_view(result, side, axis=axis)
        result = windows.max(axis=-1)
    return result


def nms(det: Array, nms_kernel: int = 5, nms_padding: int = 2) -> Array:
    """Return heat maps that are zero where a neighbour is higher.

    Parameters
    ----------
    det : ndarray
        Shape (rows, columns, joints).
    nms_kernel, nms_padding
        As for `np_max_pool`.

    Returns
    -------
    ndarray
        The shape of `det`.
    """
    peaks: Array = det * (np_max_pool(det, nms_kernel, nms_padding) == det)
    return peaks


def np_topk(x: Array, k: int) -> tuple[Array, Array]:
    """Return the highest values of each column, and where they are.

    Parameters
    ----------
    x : ndarray
        Shape (pictures, cells, joints).
    k : int
        How many.

    Returns
    -------
    tuple of ndarray
        Values and int64 cells, shape (pictures, k, joints), highest first.
    """
    some = np.argpartition(x, -k, axis=1)[:, -k:]
    order = np.argsort(np.take_along_axis(x, some, axis=1), axis=1)[:, ::-1]
    places = np.take_along_axis(some, order, axis=1)
    return np.take_along_axis(x, places, axis=1), places


def top_k(
    det: Array,
    tag: Array,
    tag_per_joint: bool = True,
    max_num_people: int = 30,
    nms_kernel: int = 5,
    nms_padding: int = 2,
) -> dict[str, Array]:
    """Find the best joints in heat maps.

    Parameters
    ----------
    det, tag : ndarray
        Heat maps and tags, shape (rows, columns, joints).
    tag_per_joint : bool
        Must be True.
    max_num_people : int
        How many of each kind.
    nms_kernel, nms_padding
        As for `np_max_pool`.

    Returns
    -------
    dict of str to ndarray
        ``tag_k`` and ``val_k``, (1, people, joints), and ``loc_k``, (1, people, joints, 2): x, y
        in cells.

    Raises
    ------
    DecoderError
        If `tag_per_joint` is False.
    """
    if not tag_per_joint:
        raise DecoderError("only networks with a tag for each joint can be grouped")
    joints = det.shape[2]
    peaks = nms(det, nms_kernel, nms_padding).reshape(1, -1, joints)
    values, places = np_topk(peaks, max_num_people)
    tags = np.take_along_axis(tag.reshape(1, -1, joints), places, axis=1).astype(np.float64)
    rows, columns = np.divmod(places, det.shape[1])
    return {"tag_k": tags, "loc_k": np.stack([columns, rows], axis=3), "val_k": values}


def match_by_tag(
    inp: tuple[Array, Array, Array],
    num_joints: int = 17,
    joint_order: Sequence[int] = default_joint_order,
    detection_threshold: float = 0.1,
    max_num_people: int = 30,
    ignore_too_much: bool = False,
    use_detection_val: bool = True,
    tag_threshold: float = 1.0,
) -> Array:
    """Group the best joints to persons.

    Parameters
    ----------
    inp : tuple of ndarray
        Tags (people, joints), places (people, joints, 2) and scores (people, joints).
    num_joints, joint_order, detection_threshold, max_num_people, ignore_too_much
        As for `postprocess_higherhrnet`.
    use_detection_val, tag_threshold
        As for `postprocess_higherhrnet`.

    Returns
    -------
    ndarray
        float32, shape (persons, joints, 4): x, y, score, tag; zeros for a joint that was not
        found.
    """
    tags, places, scores = inp
    people: dict[float, Array] = {}
    members: dict[float, list[float]] = {}

    def begin(joint: int, values: Array) -> None:
        person = people.setdefault(values[3], np.zeros((num_joints, 4)))
        person[joint] = values
        members[values[3]] = [values[3]]

    for joint in joint_order[:num_joints]:
        found = np.concatenate(
            [places[:, joint], scores[:, joint, np.newaxis], tags[:, joint, np.newaxis]], axis=1
        )
        found = found[found[:, 2] > detection_threshold]
        if not people:
            for values in found:
                begin(joint, values)
            continue
        if len(found) == 0 or (ignore_too_much and len(people) >= max_num_people):
            continue
        grouped = list(people)[:max_num_people]
        means = np.array([np.mean(members[key]) for key in grouped])
        apart = np.abs(found[:, 3:] - means)
        cost = np.round(apart) * 100 - found[:, 2:3] if use_detection_val else apart
        missing = max(0, len(found) - len(grouped))
        cost = np.pad(cost, ((0, 0), (0, missing)), constant_values=IMPOSSIBLE)
        for row, column in py_max_match(cost):
            values = found[row]
            if column < len(grouped) and apart[row, column] < tag_threshold:
                people[grouped[column]][joint] = values
                members[grouped[column]].append(values[3])
            else:
                begin(joint, values)
    return np.array(list(people.values())).astype(np.float32)


def py_max_match(scores: Array) -> Array:
    """Give every row a column of its own so that the sum is the least there is.

    The method is the Hungarian one, a shortest augmenting path for each row.

    Parameters
    ----------
    scores : ndarray
        What each pair costs, shape (rows, columns). Of more rows than columns, some get none.

    Returns
    -------
    ndarray
        int32, shape (the lesser of rows and columns, 2): row and column, by row.
    """
    rows, columns = scores.shape
    if rows > columns:
        turned = py_max_match(scores.T)[:, ::-1]
        result: Array = turned[np.argsort(turned[:, 0])]
        return result
    # Column 0 stands for the row that looks for one.
    owner = np.full(columns + 1, -1)
    row_price, column_price = np.zeros(rows), np.zeros(columns + 1)
    for row in range(rows):
        owner[0], column = row, 0
        least = np.full(columns + 1, np.inf)
        before = np.zeros(columns + 1, int)
        done = np.zeros(columns + 1, bool)
        while owner[column] >= 0:
            done[column] = True
            here = owner[column]
            reduced = scores[here] - row_price[here] - column_price[1:]
            better = np.flatnonzero(~done[1:] & (reduced < least[1:])) + 1
            least[better], before[better] = reduced[better - 1], column
            open_columns = np.flatnonzero(~done)
            column = open_columns[np.argmin(least[open_columns])]
            step = least[column]
            row_price[owner[done]] += step
            column_price[done] -= step
            least[~done] -= step
        while column:
            owner[column] = owner[before[column]]
            column = before[column]
        owner[0] = -1
    taken = np.flatnonzero(owner[1:] >= 0)
    order = np.argsort(owner[1:][taken])
    pairs = np.stack([owner[1:][taken][order], taken[order]], axis=1)
    return pairs.astype(np.int32)


def adjust_func(ans: Sequence[Array], det: Array) -> Sequence[Array]:
    """Move joints a quarter of a cell towards the higher neighbour, and half a cell to its middle.

    Parameters
    ----------
    ans : sequence of ndarray
        For each picture persons as `match_by_tag` returns them; overwritten.
    det : ndarray
        Heat maps, shape (pictures, rows, columns, joints).

    Returns
    -------
    sequence of ndarray
        `ans`.
    """
    for people, maps in zip(ans, det, strict=False):
        rows, columns = maps.shape[:2]
        for person in people:
            for joint in np.flatnonzero(person[:, 2] > 0):
                x, y = person[joint, :2]
                column, row, heat = int(x), int(y), maps[..., joint]
                right = heat[row, min(column + 1, columns - 1)] > heat[row, max(column - 1, 0)]
                down = heat[min(row + 1, rows - 1), column] > heat[max(row - 1, 0), column]
                person[joint, :2] = (x + (0.75 if right else 0.25), y + (0.75 if down else 0.25))
    return ans
