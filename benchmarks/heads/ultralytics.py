"""Poses and masks of Ultralytics' export, suppressed on the sensor, against modlib's functions."""

from __future__ import annotations

import contextlib
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import peers
from cases import Case, require

import imx500_native as imx

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

    Tensors = list[npt.NDArray[np.float32]]

OBJECTS = 10
POSES = "poses suppressed on the sensor, 300 rows"
MASKS = f"masks suppressed on the sensor, {OBJECTS} objects"

INPUT, ROWS, CLASSES = 640, 300, 80
POINTS = 51
PROTOTYPES, SHEET = 32, 160


def network(name: str, outputs: Sequence[npt.NDArray[Any]]) -> imx.Network:
    """Return a network of 640x640 with such outputs, boxes in pixels."""
    specs = [imx.OutputSpec("tensor", part.shape, np.dtype("i2"), 1 / 8) for part in outputs]
    like = imx.Network.find("yolov8n_pp").input
    return imx.Network.from_specs(input=like, outputs=specs, name=name)


def _suppressed(rng: np.random.Generator, objects: int) -> list[npt.NDArray[Any]]:
    """Return boxes, scores and classes of so many objects; the rows after them are 0."""
    corners = rng.uniform(0, 480, (ROWS, 2))
    boxes = np.hstack([corners, corners + rng.uniform(60, 130, (ROWS, 2))])
    scores = np.sort(rng.integers(128, 256, ROWS) / 256)[::-1].copy()
    boxes[objects:] = scores[objects:] = 0
    return [boxes, scores, rng.integers(0, CLASSES, ROWS)]


def _as_sent(parts: Sequence[npt.NDArray[Any]]) -> Tensors:
    return [np.array(part, np.float32, order="F") for part in parts]


def _poses(rng: np.random.Generator) -> Case:
    """Return the whole table to poses: modlib leaves the threshold to whoever draws."""
    outputs = _as_sent([*_suppressed(rng, ROWS), rng.uniform(0, INPUT, (ROWS, POINTS))])
    ours = partial(imx.Decoder.for_network(network("yolov8n_pose", outputs), 0.0), outputs)
    # It writes into tensors that are row-major only.
    theirs = partial(peers.modlib_post_processor("pp_yolo_pose_ultralytics"), outputs)
    found: Any = ours()
    expected = theirs()
    require(
        len(found) == ROWS
        and np.array_equal(found.detection_confidence, expected.confidence)
        and np.allclose(found.xyxy, expected.bbox, rtol=1e-6)
        and np.allclose(found.xy, expected.keypoints, rtol=1e-6)
        and np.allclose(found.keypoint_confidence, expected.keypoint_scores, rtol=1e-6),
        POSES,
    )
    touched = sum(part.nbytes for part in outputs)
    return Case(POSES, "yolov8n_pose", "modlib", ours, theirs, touched)


def _masks(rng: np.random.Generator) -> Case:
    """Return the tensors to a mask of each object; rows of score 0 are none for both sides."""
    sheets = rng.normal(0, 1, (PROTOTYPES, SHEET, SHEET))
    coefficients = rng.normal(0, 1, (ROWS, PROTOTYPES))
    outputs = _as_sent([*_suppressed(rng, OBJECTS), coefficients, sheets])
    decoder = imx.Decoder.for_network(network("yolov8n_seg", outputs), 1 / 512)

    def ours() -> Any:
        found = decoder(outputs)
        assert isinstance(found, imx.InstanceMasks)
        return found, found.masks

    theirs = partial(peers.modlib_post_processor("pp_yolo_segment_ultralytics"), outputs)
    found, masks = ours()
    expected = theirs()
    require(
        len(found) == OBJECTS
        and np.array_equal(found.class_id, expected.class_id)
        and np.allclose(found.xyxy, expected.bbox, rtol=1e-6),
        MASKS,
    )
    covered = np.zeros((SHEET, SHEET), bool)
    for box, ours_, theirs_ in zip(found.xyxy * SHEET, masks, expected.mask, strict=True):
        x0, y0 = np.floor(box[:2]).astype(int)
        x1, y1 = np.ceil(box[2:]).astype(int)
        covered[y0:y1, x0:x1] = True
        # Along its edge a box has half pixels, which modlib counts and we do not.
        window = slice(y0 + 1, y1 - 1), slice(x0 + 1, x1 - 1)
        # Logits so close to 0 that the order of the sums decides.
        require((ours_[window] != np.asarray(theirs_)[window]).sum() <= 2, MASKS)
    touched = int(covered.sum()) * PROTOTYPES * 4
    return Case(MASKS, "yolov8n_seg", "modlib", ours, theirs, touched)


def cases(rng: np.random.Generator) -> Iterator[Case]:
    """Yield the jobs; each has compared the results before it is yielded."""
    with contextlib.suppress(peers.PeerMissingError):
        yield _poses(rng)
        yield _masks(rng)
