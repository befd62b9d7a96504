"""YOLOv5's three raw tensors to detections, against picamera2's function for them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import peers
from cases import Case, require

import imx500_native as imx

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    Tensors = list[npt.NDArray[np.float32]]

OBJECTS = 10
JOB = f"YOLOv5 raw, {OBJECTS} objects"

INPUT, CLASSES, CHANNELS = 640, 80, 85
ANCHORS = 3
STRIDES = (8, 16, 32)

# The function's defaults.
THRESHOLD = 0.001
IOU_THRESHOLD = 0.65
MOST = 1000


def network() -> imx.Network:
    """Return a network of 640x640 whose outputs are probabilities, as YOLOv5's sigmoids are."""
    specs = [
        imx.OutputSpec(
            "level", ((INPUT // stride) ** 2, ANCHORS, CHANNELS), np.dtype("u1"), 1 / 256
        )
        for stride in STRIDES
    ]
    like = imx.Network.find("yolov8n_pp").input
    return imx.Network.from_specs(input=like, outputs=specs, name="yolov5")


def tensors(rng: np.random.Generator) -> Tensors:
    """Return tensors of (cells, anchors, channels) with ten objects, each seen by four cells.

    On the grid of 1/256 most of what is background has an object score of 0, which is why a
    threshold of 0.001 is usable; the classes have values everywhere.
    """
    levels = [
        rng.integers(0, 128, ((INPUT // stride) ** 2, ANCHORS, CHANNELS)) / 256
        for stride in STRIDES
    ]
    for level in levels:
        level[..., 4] = 0
    cells, middle = INPUT // STRIDES[1], levels[1]
    # No two objects are of one confidence: which of equals comes first is nobody's promise.
    sure = (200 + rng.permutation(4 * OBJECTS)) / 256
    for number in range(OBJECTS):
        line, column = 5 + 20 * (number // 5), 4 + 8 * (number % 5)
        class_id = rng.integers(CLASSES)
        for seen in range(4):
            down, right = divmod(seen, 2)
            row = middle[(line + down) * cells + column + right, 1]
            # The same place from each cell, and the anchor's own size.
            row[:4] = 0.75 - right / 2, 0.75 - down / 2, 0.5, 0.5
            row[4] = sure[4 * number + seen]
            row[5 + class_id] = 255 / 256
    return [np.array(level, np.float32, order="F") for level in levels]


def touched_bytes() -> int:
    """Return how many bytes decide: the object's score of every anchor."""
    return 4 * sum(ANCHORS * (INPUT // stride) ** 2 for stride in STRIDES)


def cases(rng: np.random.Generator) -> Iterator[Case]:
    """Yield the job, both sides from the tensors to boxes."""
    outputs = tensors(rng)
    decoder = imx.Decoder.for_network(network(), THRESHOLD, MOST, iou_threshold=IOU_THRESHOLD)
    module = peers.picamera2_module("postprocess_yolov5")
    batch = [tensor[np.newaxis] for tensor in outputs]
    ours = partial(decoder, outputs)
    theirs = partial(module.postprocess_yolov5_detection, batch)
    found: Any = ours()
    boxes, scores, classes = theirs()
    # It gives COCO's 80 classes the numbers of its 91.
    numbered = module.coco80_to_coco91(found.class_id.astype(int)) - 1
    require(
        len(found) == OBJECTS
        and np.array_equal(numbered, classes)
        and np.allclose(found.confidence, scores, rtol=1e-6)
        and np.allclose(found.xyxy * INPUT, boxes[:, [1, 0, 3, 2]], atol=1e-3),
        JOB,
    )
    yield Case(JOB, "yolov5", "picamera2", ours, theirs, touched_bytes())
