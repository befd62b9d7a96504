"""NanoDet: a tensor to detections, as picamera2's object detection demo asks for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import peers
from cases import Case

import imx500_native as imx

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from imx500_native.network import Network

NETWORK = "nanodet_plus_416x416"
OBJECTS = 10
SIDE, CLASSES, BINS = 416, 80, 8
GRID = SIDE // 8

# The demo's defaults.
THRESHOLD = 0.55
IOU_THRESHOLD = 0.65
MOST = 10

JOB = f"nanodet, {OBJECTS} objects"


def touched_bytes(network: Network) -> int:
    """Return how many bytes decide: every class of every anchor."""
    return 4 * CLASSES * network.output_shapes[0][0]


def scene(network: Network, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """Return a tensor of background and ten objects, each of which four anchors see."""
    tensor = rng.normal(-6, 1, network.output_shapes[0]).astype(np.float32)
    for number in range(OBJECTS):
        line, column = 8 + 16 * (number // 5), 5 + 9 * (number % 5)
        class_id = int(rng.integers(0, CLASSES))
        for down, right in ((0, 0), (0, 1), (1, 0), (1, 1)):
            row = (line + down) * GRID + column + right
            tensor[row, class_id] = rng.normal(2, 0.3)
            tensor[row, CLASSES:] = -8
            # Each sees the same box: left, top, right, bottom, in strides.
            for side, distance in enumerate((3 + right, 3 + down, 4 - right, 4 - down)):
                tensor[row, CLASSES + side * BINS + distance] = 4
    return np.asfortranarray(tensor)


def _same(ours: imx.Detections, theirs: Any) -> bool:
    boxes, scores, classes = theirs
    return (
        len(ours) == OBJECTS
        and np.array_equal(ours.class_id, classes)
        and np.allclose(ours.confidence, scores, rtol=1e-6)
        and np.allclose(ours.xyxy, boxes[:, [1, 0, 3, 2]], atol=1e-5)
    )


def cases(rng: np.random.Generator) -> Iterator[Case]:
    """Yield the job, both sides from the tensor to boxes in fractions of the input."""
    network = imx.Network.find(NETWORK)
    module = peers.picamera2_module("postprocess_nanodet")
    scale_boxes = peers.picamera2_module("postprocess").scale_boxes
    tensor = scene(network, rng)
    batch = tensor[None]
    decoder = imx.Decoder(network, THRESHOLD, MOST, iou_threshold=IOU_THRESHOLD)

    def ours() -> imx.Detections:
        found = decoder((tensor,))
        assert isinstance(found, imx.Detections)
        return found

    def theirs() -> Any:
        ((boxes, scores, classes),) = module.postprocess_nanodet_detection(
            batch, conf=THRESHOLD, iou_thres=IOU_THRESHOLD, max_out_dets=MOST
        )
        return scale_boxes(boxes, 1, 1, SIDE, SIDE, False, False), scores, classes

    if not _same(ours(), theirs()):
        raise AssertionError(f"{JOB}: the peer's result is another one, so there is no race")
    yield Case(JOB, network.name, "picamera2", ours, theirs, touched_bytes(network))
