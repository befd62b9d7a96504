"""What a detector finds in a scene, and the tensors of one that post-processes on the sensor."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from imx500_native.simulation.encoders.base import Encoder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from imx500_native.network import Network
    from imx500_native.simulation.packing import Floats
    from imx500_native.simulation.scene import Box, ClassChoice, Scene


class Found(NamedTuple):
    """What a detector says of one object; the box is 0..1 of what the network sees.

    `number` is the object's place in the scene, None for what is not there.
    """

    xyxy: Box
    score: float
    class_id: int
    number: int | None


def detected(scene: Scene, classes: Sequence[ClassChoice], noise: float) -> list[Found]:
    """List what a detector would find, best first.

    Parameters
    ----------
    scene : Scene
    classes : sequence of (int, str or None)
        Classes that a false detection may have.
    noise : float
        0 is exact; 1 jitters boxes and scores a little, now and then misses an object and now and
        then sees one that is not there, with a score below 0.4.
    """
    rng = scene.rng
    found = []
    for index, item in enumerate(scene.objects):
        score = 0.55 + 0.42 * item.visible - 0.03 * (item.depth - 1)
        xyxy = item.xyxy
        if noise > 0:
            jitter = rng.normal(0, 0.008 * noise, 4)
            score += 0.035 * noise * float(rng.normal())
            missed = rng.random() < 0.02 * noise
            if missed:
                continue
            xyxy = jittered(xyxy, jitter)
        found.append(Found(xyxy, min(max(score, 0.05), 0.99), item.class_id, index))
    if noise > 0 and classes and rng.random() < 0.06 * noise:
        x, y, width, height = rng.uniform((0, 0, 0.05, 0.05), (0.8, 0.8, 0.2, 0.2)).tolist()
        class_id, _ = classes[int(rng.integers(len(classes)))]
        weak = float(rng.uniform(0.1, 0.38))
        found.append(Found((x, y, x + width, y + height), weak, class_id, None))
    found.sort(key=lambda item: -item.score)
    return found


def jittered(box: Box, jitter: NDArray[np.float64]) -> Box:
    """Move the edges of a box by shares of its size, within 0..1."""
    width, height = box[2] - box[0], box[3] - box[1]
    moved = [
        min(max(edge + float(shift) * length, 0.0), 1.0)
        for edge, shift, length in zip(box, jitter, (width, height, width, height), strict=True)
    ]
    x0, x1 = sorted(moved[0::2])
    y0, y1 = sorted(moved[1::2])
    return x0, y0, x1, y1


class OnSensorEncoder(Encoder):
    """Writes a scene as the output tensors of a detector that post-processes on the sensor.

    Parameters
    ----------
    network : Network
        Its boxes' order and units are followed.
    noise : float
        As for `detected`.
    """

    task = "object detection"

    def __init__(self, network: Network, noise: float) -> None:
        super().__init__(network, noise)
        self._rows = network.output_shapes[1][0]
        self._order = [1, 0, 3, 2] if network.box_order == "yx" else [0, 1, 2, 3]
        width, height = network.input.width, network.input.height
        unit = (1, 1, 1, 1) if network.boxes_normalized else (width, height, width, height)
        self._unit = np.array(unit, np.float32)

    def __call__(self, scene: Scene) -> list[Floats]:
        """Encode one moment: boxes, scores, class ids and their count, best score first."""
        found = detected(scene, self.choices, self._noise)[: self._rows]
        corners, scores, class_ids = in_rows(found, self._rows)
        boxes = (corners * self._unit)[:, self._order]
        return [boxes, scores, class_ids, np.array([len(found)], np.float32)]


def in_rows(found: Sequence[Found], rows: int) -> tuple[Floats, Floats, Floats]:
    """Return corners, scores and class ids in a row per object, zeros after them."""
    boxes = np.zeros((rows, 4), np.float32)
    scores, class_ids = np.zeros(rows, np.float32), np.zeros(rows, np.float32)
    if found:
        boxes[: len(found)] = [item.xyxy for item in found]
        scores[: len(found)] = [item.score for item in found]
        class_ids[: len(found)] = [item.class_id for item in found]
    return boxes, scores, class_ids
