"""YOLOv8's raw tensors and instance masks, against picamera2's functions for them."""

from __future__ import annotations

from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import peers
from cases import STREAM_SIZE, Case, require

import imx500_native as imx
from imx500_native.geometry import FULL_ROI

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    Tensors = tuple[npt.NDArray[np.float32], ...]

DETECTIONS = "YOLOv8 raw, 10 objects"
POSES = "YOLOv8 raw poses, 10 people"
MASKS = "YOLOv8 raw masks, 10 objects"
DRAWN_MASKS = "YOLOv8 raw to masks in a picture, 10 objects"
PICTURE_MASKS = "masks of 10 objects into a picture"

INPUT = 640
ANCHORS = 8400
# First anchor, cells in a row and stride of each level.
LEVELS = ((0, 80, 8), (6400, 40, 16), (8000, 20, 32))
CONFIDENCE = 0.3
SHEET = 160
PROTOTYPES = 32


def _spec(shape: tuple[int, ...], kind: str = "i2", scale: float = 1 / 8) -> imx.OutputSpec:
    return imx.OutputSpec("tensor", shape, np.dtype(kind), scale)


def network(*channels: int, sheets: bool = False) -> imx.Network:
    """Return a network of 640x640 with boxes, probabilities and what else there is."""
    specs = [_spec((count, ANCHORS)) for count in channels]
    specs[1] = _spec((channels[1], ANCHORS), "u1", 1 / 256)
    if sheets:
        specs.append(_spec((channels[2], SHEET, SHEET)))
    return imx.Network.from_specs(
        input=imx.Network.find("yolov8n_pp").input, outputs=specs, name="yolov8"
    )


def tensors(rng: np.random.Generator, classes: int, objects: int = 10) -> Tensors:
    """Return boxes (1, 4, 8400) and probabilities as picamera2's ``add_batch=True`` gives them.

    Every object is apart from the others and seen by the 3x3 cells around its centre in the level
    of its size, as networks see them.
    """
    boxes = rng.uniform(0.5, 6, (1, 4, ANCHORS))
    scores = rng.random((1, classes, ANCHORS)) * 0.2
    for place in rng.permutation(16)[:objects]:
        corner = np.array([place % 4, place // 4]) * 155 + rng.uniform(5, 20, 2)
        size = rng.uniform(60, 130, 2)
        x0, y0, x1, y1 = *corner, *(corner + size)
        class_id = rng.integers(classes)
        first, cells, stride = LEVELS[1]
        centre = ((corner + size / 2) / stride).astype(int)
        for x in range(centre[0] - 1, centre[0] + 2):
            for y in range(centre[1] - 1, centre[1] + 2):
                anchor = first + y * cells + x
                sides = np.array([x0, y0, x1, y1]) + rng.uniform(-2, 2, 4)
                middle = (np.array([x, y]) + 0.5) * stride
                distances = np.concatenate([middle - sides[:2], sides[2:] - middle]) / stride
                boxes[0, :, anchor] = distances
                scores[0, class_id, anchor] = rng.uniform(0.5, 0.98)
    return tuple(np.array(part, np.float32, order="F") for part in (boxes, scores))


def _mask_tensors(rng: np.random.Generator) -> Tensors:
    """Return what `tensors` does, and coefficients and prototypes that make round objects."""
    boxes, scores = tensors(rng, 80)
    coefficients = rng.normal(0, 0.05, (1, PROTOTYPES, ANCHORS))
    coefficients[:, 0] = 1
    sheets = rng.normal(0, 0.5, (1, PROTOTYPES, SHEET, SHEET))
    waves = np.sin(np.arange(SHEET) * 2 * np.pi / 39)
    sheets[0, 0] = 4 * waves[:, None] * waves[None, :]
    more = (np.array(part, np.float32, order="F") for part in (coefficients, sheets))
    return boxes, scores, *more


def _near(ours: Any, theirs: Any) -> bool:
    return np.shape(ours) == np.shape(theirs) and np.allclose(ours, theirs, rtol=1e-5, atol=1e-5)


def _detections(rng: np.random.Generator) -> Case:
    outputs = tensors(rng, 80)
    ours = partial(imx.Decoder.for_network(network(4, 80), CONFIDENCE, 50), outputs)
    module = peers.picamera2_module("postprocess_yolov8")
    theirs = partial(module.postprocess_yolov8_detection, outputs)
    found: Any = ours()
    boxes, scores, classes = theirs()[0]
    require(
        len(found) == 10
        and _near(found.xyxy, boxes[:, [1, 0, 3, 2]] / INPUT)
        and _near(found.confidence, scores)
        and np.array_equal(found.class_id, classes),
        DETECTIONS,
    )
    return Case(DETECTIONS, "yolov8", "picamera2", ours, theirs, touched_bytes(DETECTIONS))


def _poses(rng: np.random.Generator) -> Case:
    points = np.array(rng.normal(size=(1, 51, ANCHORS)), np.float32, order="F")
    outputs = (*tensors(rng, 1), points)
    ours = partial(imx.Decoder.for_network(network(4, 1, 51), CONFIDENCE, 300), outputs)
    module = peers.picamera2_module("postprocess_yolov8")
    theirs = partial(module.postprocess_yolov8_keypoints, outputs)
    found: Any = ours()
    boxes, scores, keypoints = theirs()
    keypoints = keypoints.reshape(-1, 17, 3)
    require(
        len(found) == 10
        and _near(found.xyxy, boxes[:, [1, 0, 3, 2]] / INPUT)
        and _near(found.detection_confidence, scores)
        and _near(found.xy, keypoints[..., :2] / INPUT)
        and _near(found.keypoint_confidence, keypoints[..., 2]),
        POSES,
    )
    return Case(POSES, "yolov8", "picamera2", ours, theirs, touched_bytes(POSES))


def _masks(rng: np.random.Generator) -> Iterator[Case]:
    outputs = _mask_tensors(rng)
    decoder = imx.Decoder.for_network(network(4, 80, PROTOTYPES, sheets=True), CONFIDENCE, 300)
    module = peers.picamera2_module("postprocess_yolov8")
    mapper = imx.CoordinateMapper(FULL_ROI, FULL_ROI, STREAM_SIZE)
    width, height = STREAM_SIZE
    whole = SimpleNamespace(x=0, y=0, width=width, height=height)
    decoded: Any = decoder(outputs)
    boxes, scores, _, logits = module.postprocess_yolov8_inst_seg(outputs, CONFIDENCE)

    def our_picture(found: Any) -> npt.NDArray[np.bool_]:
        masks: npt.NDArray[np.bool_] = found.mapped(mapper).masks
        return masks

    def their_picture(boxes: Any, logits: Any) -> npt.NDArray[np.bool_]:
        # What its drawing then does with them: everything above a half belongs to the object.
        made = module.process_masks(logits, boxes * (SHEET / INPUT), whole, whole)
        masks: npt.NDArray[np.bool_] = made > 0.5
        return masks

    def ours() -> npt.NDArray[np.bool_]:
        return our_picture(decoder(outputs))

    def theirs() -> npt.NDArray[np.bool_]:
        found = module.postprocess_yolov8_inst_seg(outputs, CONFIDENCE)
        return their_picture(found[0], found[3])

    # picamera2's go class by class.
    order = np.argsort(-scores, kind="stable")
    corners = decoded.mapped(mapper).xyxy
    require(
        len(decoded) == len(boxes) == 10
        and all(map(_same_logits, decoded.xyxy, decoded.logits, logits[order])),
        MASKS,
    )
    require(all(map(_same_inside, corners, ours(), theirs()[order])), DRAWN_MASKS)
    yield Case(
        MASKS,
        "yolov8",
        "picamera2",
        partial(decoder, outputs),
        partial(module.postprocess_yolov8_inst_seg, outputs, CONFIDENCE),
        touched_bytes(MASKS) + _prototype_bytes(decoded.xyxy),
    )
    yield Case(
        DRAWN_MASKS,
        "yolov8",
        "picamera2",
        ours,
        theirs,
        touched_bytes(MASKS) + _prototype_bytes(decoded.xyxy),
    )
    yield Case(
        PICTURE_MASKS,
        "yolov8",
        "picamera2",
        partial(our_picture, decoded),
        partial(their_picture, boxes, logits),
    )


def _prototype_bytes(xyxy: npt.NDArray[np.float32]) -> int:
    """Return how many bytes of the 32 prototypes lie in boxes, fractions of the input."""
    inside = np.zeros((SHEET, SHEET), bool)
    for x0, y0, x1, y1 in np.round(xyxy * SHEET).astype(int):
        inside[y0:y1, x0:x1] = True
    return int(inside.sum()) * PROTOTYPES * 4


def _same_logits(
    box: npt.NDArray[np.float32], ours: npt.NDArray[np.float32], theirs: npt.NDArray[np.float32]
) -> bool:
    """Compare what two make of an object's prototypes, inside its box."""
    x0, y0, x1, y1 = np.round(box * SHEET).astype(int)
    window = slice(y0, y1), slice(x0, x1)
    return np.allclose(ours[window], theirs[window], rtol=1e-3, atol=1e-3)


def _same_inside(
    box: npt.NDArray[np.float32], ours: npt.NDArray[np.bool_], theirs: npt.NDArray[np.bool_]
) -> bool:
    """Compare two masks of an object but for a prototype's breadth along the edges of its box.

    There picamera2 cuts at whole prototypes, and everywhere it interpolates after the sigmoid, not
    before: a few pixels along an edge inside differ by that.
    """
    step = STREAM_SIZE[0] // SHEET
    x0, y0, x1, y1 = (int(side) for side in box)
    window = slice(y0 + step, y1 - step), slice(x0 + step, x1 - step)
    both, either = ours[window] & theirs[window], ours[window] | theirs[window]
    return bool(both.sum() > 0.97 * either.sum() > 0)


def cases(rng: np.random.Generator) -> Iterator[Case]:
    """Yield what is measured.

    Parameters
    ----------
    rng : numpy.random.Generator

    Raises
    ------
    PeerMissingError
        If picamera2, or OpenCV for the masks, is not installed.
    """
    yield _detections(rng)
    yield _poses(rng)
    yield from _masks(rng)


def touched_bytes(job: str) -> int:
    """Return how many bytes of tensors a job must read at least.

    Every score; the rest only of anchors that pass, which is nothing beside them, but for the
    prototypes of masks, which count extra.
    """
    return (1 if job == POSES else 80) * ANCHORS * 4
