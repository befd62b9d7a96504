"""Suppression of boxes: a detector's candidates for few and for many objects, and a crowd."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import peers
from cases import Case

from imx500_native.suppression import nms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy.typing as npt

    Boxes = tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]

BOXES = 300
FEW, MANY = 10, 75  # 75 of four anchors each, as NanoDet's scene has them
# picamera2's defaults.
IOU_THRESHOLD = 0.55
MOST = 50

AROUND_OBJECTS = f"nms, {BOXES} boxes around {FEW} objects"
AROUND_MANY = f"nms, {BOXES} boxes around {MANY} objects"
IN_A_CROWD = f"nms, {BOXES} boxes in a crowd"


def touched_bytes() -> int:
    """Return how many bytes decide: four sides and a score per box."""
    return BOXES * 5 * 4


def boxes_around_objects(objects: int, rng: np.random.Generator) -> Boxes:
    """Return boxes in pixels of 640, as many anchors see some objects, and their scores."""
    which = np.arange(BOXES) % objects
    corners = 70.0 * np.stack([which % 9, which // 9], axis=1) + rng.normal(0, 2, (BOXES, 2))
    sides = 50 + rng.normal(0, 2, (BOXES, 2))
    return _with_scores(corners, sides, rng)


def boxes_in_a_crowd(rng: np.random.Generator) -> Boxes:
    """Return boxes in pixels of 640, anywhere, and their scores."""
    return _with_scores(rng.random((BOXES, 2)) * 600, 20 + rng.random((BOXES, 2)) * 60, rng)


def _with_scores(
    corners: npt.NDArray[np.float64], sides: npt.NDArray[np.float64], rng: np.random.Generator
) -> Boxes:
    boxes = np.concatenate([corners, corners + sides], axis=1).astype(np.float32)
    # No two alike, since picamera2 takes the last of equals first.
    scores = (0.5 + rng.permutation(BOXES) / (2 * BOXES)).astype(np.float32)
    return boxes, scores


def _ours(
    boxes: npt.NDArray[np.float32], scores: npt.NDArray[np.float32]
) -> Callable[[], npt.NDArray[np.intp]]:
    # A partial would merge its keywords at every call, which takes a tenth of the time.
    return lambda: nms(boxes, scores, IOU_THRESHOLD, max_detections=MOST, plus_one=True)


def cases(rng: np.random.Generator) -> Iterator[Case]:
    """Yield the jobs, ours by picamera2's rule of one pixel more, so that the results are equal."""
    theirs = peers.picamera2_module("postprocess").nms
    for job, (boxes, scores) in (
        (AROUND_OBJECTS, boxes_around_objects(FEW, rng)),
        (AROUND_MANY, boxes_around_objects(MANY, rng)),
        (IN_A_CROWD, boxes_in_a_crowd(rng)),
    ):
        ours, peer = _ours(boxes, scores), partial(theirs, boxes, scores)
        if ours().tolist() != [int(row) for row in peer()]:
            raise AssertionError(f"{job}: the peer's result is another one, so there is no race")
        yield Case(job, "", "picamera2", ours, peer, touched_bytes())
