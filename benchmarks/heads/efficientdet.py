"""EfficientDet-Lite0's raw tensors to detections, against picamera2's function for them."""

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

    Tensors = tuple[npt.NDArray[np.float32], ...]

OBJECTS = 10
JOB = f"EfficientDet raw, {OBJECTS} objects"

INPUT, CLASSES = 320, 90
SHAPES_PER_CELL = 9
CELLS = (40, 20, 10, 5, 3)
ROWS = SHAPES_PER_CELL * sum(side * side for side in CELLS)

# The function's defaults.
THRESHOLD = 0.001
IOU_THRESHOLD = 0.65
MOST = 1000


def network() -> imx.Network:
    """Return a network of 320x320 with class logits and changes to anchors."""
    specs = [
        imx.OutputSpec("tensor", (ROWS, columns), np.dtype("i2"), 1 / 1024)
        for columns in (CLASSES, 4)
    ]
    like = imx.Network.find("ssd_mobilenetv2_fpnlite_320x320_pp").input
    return imx.Network.from_specs(input=like, outputs=specs, name="efficientdet")


def tensors(rng: np.random.Generator) -> Tensors:
    """Return logits and boxes (anchors, columns) of ten objects, each seen by four anchors."""
    # Background stays below the threshold, whose logit is -6.9.
    logits = rng.normal(-9, 0.3, (ROWS, CLASSES))
    codes = rng.normal(0, 0.3, (ROWS, 4))
    cells = CELLS[1]
    for number in range(OBJECTS):
        line, column = 4 + 8 * (number // 5), 2 + 4 * (number % 5)
        class_id = rng.integers(CLASSES)
        for seen in range(4):
            down, right = divmod(seen, 2)
            # The first shape of a cell is a square of 3 cells, so a third is one cell back.
            row = (
                SHAPES_PER_CELL * CELLS[0] ** 2
                + ((line + down) * cells + column + right) * SHAPES_PER_CELL
            )
            logits[row, class_id] = rng.normal(2, 0.3)
            codes[row] = -down / 3, -right / 3, 0, 0
    return tuple(np.array(tensor, np.float32, order="F") for tensor in (logits, codes))


def touched_bytes() -> int:
    """Return how many bytes decide: every class of every anchor."""
    return 4 * ROWS * CLASSES


def cases(rng: np.random.Generator) -> Iterator[Case]:
    """Yield the job, both sides from the tensors to boxes."""
    outputs = tensors(rng)
    decoder = imx.Decoder.for_network(network(), THRESHOLD, MOST, iou_threshold=IOU_THRESHOLD)
    module = peers.picamera2_module("postprocess_efficientdet_lite0")
    batch = tuple(tensor[np.newaxis] for tensor in outputs)
    ours = partial(decoder, outputs)
    theirs = partial(module.postprocess_efficientdet_lite0_detection, batch)
    found: Any = ours()
    boxes, scores, classes = theirs()
    require(
        len(found) == OBJECTS
        and np.array_equal(found.class_id, classes)
        and np.allclose(found.confidence, scores, rtol=1e-5)
        and np.allclose(found.xyxy * INPUT, boxes[:, [1, 0, 3, 2]], atol=1e-3),
        JOB,
    )
    yield Case(JOB, "efficientdet_lite0", "picamera2", ours, theirs, touched_bytes())
