"""Scenes as the tensors of detectors."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from imx500_native.simulation.encoders.classes import class_choices

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from imx500_native.network import Network
    from imx500_native.simulation.packing import Floats
    from imx500_native.simulation.scene import Box, ClassChoice, Scene


class Found(NamedTuple):
    """What a detector says of one object; the box is 0..1 of what the network sees."""

    xyxy: Box
    score: float
    class_id: int


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
    for item in scene.objects:
        score = 0.55 + 0.42 * item.visible - 0.03 * (item.depth - 1)
        xyxy = item.xyxy
        if noise > 0:
            jitter = rng.normal(0, 0.008 * noise, 4)
            score += 0.035 * noise * float(rng.normal())
            missed = rng.random() < 0.02 * noise
            if missed:
                continue
            xyxy = jittered(xyxy, jitter)
        found.append(Found(xyxy, min(max(score, 0.05), 0.99), item.class_id))
    if noise > 0 and classes and rng.random() < 0.06 * noise:
        x, y, width, height = rng.uniform((0, 0, 0.05, 0.05), (0.8, 0.8, 0.2, 0.2)).tolist()
        class_id, _ = classes[int(rng.integers(len(classes)))]
        weak = float(rng.uniform(0.1, 0.38))
        found.append(Found((x, y, x + width, y + height), weak, class_id))
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


class OnSensorEncoder:
    """Writes a scene as the output tensors of a detector that post-processes on the sensor.

    Parameters
    ----------
    network : Network
        Its boxes' order and units are followed.
    noise : float
        As for `detected`.
    """

    def __init__(self, network: Network, noise: float) -> None:
        self._classes = class_choices(network)
        self._noise = noise
        self._rows = network.output_shapes[1][0]
        self._order = [1, 0, 3, 2] if network.box_order == "yx" else [0, 1, 2, 3]
        width, height = network.input.width, network.input.height
        unit = (1, 1, 1, 1) if network.boxes_normalized else (width, height, width, height)
        self._unit = np.array(unit, np.float32)

    def __call__(self, scene: Scene) -> list[Floats]:
        """Encode one moment: boxes, scores, class ids and their count, best score first."""
        found = detected(scene, self._classes, self._noise)[: self._rows]
        boxes = np.zeros((self._rows, 4), np.float32)
        scores = np.zeros(self._rows, np.float32)
        class_ids = np.zeros(self._rows, np.float32)
        count = len(found)
        if count:
            corners = np.array([item.xyxy for item in found], np.float32) * self._unit
            boxes[:count] = corners[:, self._order]
            scores[:count] = [item.score for item in found]
            class_ids[:count] = [item.class_id for item in found]
        return [boxes, scores, class_ids, np.array([count], np.float32)]


_STRIDES = (8, 16, 32, 64)
_BINS = 8
_BACKGROUND_LOGIT = -6.5
_AROUND = sorted(
    itertools.product((-1, 0, 1), repeat=2), key=lambda step: step[0] ** 2 + step[1] ** 2
)


class NanoDetEncoder:
    """Writes a scene as the raw output of a NanoDet: class logits and distance distributions.

    The distances from an anchor (x * stride, y * stride) to the four sides are means of
    distributions over whole strides (Li et al., "Generalized Focal Loss", 2020); two neighbouring
    bins give any mean. Anchors about the middle of an object all report it, as in the network,
    with falling scores.

    Parameters
    ----------
    network : Network
        With one output (anchors, classes + 32); the last level is left out where the anchors
        are those of three.
    noise : float
        As for `detected`.
    """

    def __init__(self, network: Network, noise: float) -> None:
        self._classes = class_choices(network)
        self._noise = noise
        self._low, self._high = network.outputs[0].value_range
        self._step = network.outputs[0].scale
        self._shape = network.output_shapes[0]
        self._size = (network.input.width, network.input.height)
        grids = [tuple(math.ceil(side / stride) for side in self._size) for stride in _STRIDES]
        starts = itertools.accumulate((columns * rows for columns, rows in grids), initial=0)
        self._levels = [
            level
            for level in zip(_STRIDES, grids, starts, strict=False)
            if level[2] < self._shape[0]
        ]
        self._class_count = self._shape[1] - 4 * _BINS
        # In the order in which tensors are sent.
        self._empty = np.full(self._shape, _BACKGROUND_LOGIT, np.float32, order="F")
        self._empty[:, self._class_count :] = 0

    def __call__(self, scene: Scene) -> list[Floats]:
        """Encode one moment: one row per anchor."""
        found = [
            item
            for item in detected(scene, self._classes, self._noise)
            if item.class_id < self._class_count
        ]
        output = self._empty.copy(order="F")
        if self._noise > 0:
            # A few hundred anchors stir; all of them would take longer than the rest of a frame.
            stirring = scene.rng.integers(0, self._shape[0], 300)
            spread = scene.rng.normal(0, 0.8 * min(self._noise, 3.0), (300, self._class_count))
            output[stirring, : self._class_count] += spread
        for item in reversed(found):
            for anchor, away, distances in self._anchors(item)[1:]:
                self._write(output[anchor], item, away, distances)
        # Nobody may lose the last anchor to another: each has one for itself.
        taken: set[int] = set()
        for item in found:
            around = self._anchors(item)
            own = next((one for one in around if one[0] not in taken), around[0])
            taken.add(own[0])
            self._write(output[own[0]], item, 0, own[2])
        return [output]

    def _anchors(self, item: Found) -> list[tuple[int, int, list[float]]]:
        """Anchors about the middle of an object, the nearest first.

        Each with how many steps it is away, and the distances to the four sides in strides.
        """
        width, height = self._size
        x0, y0, x1, y1 = np.multiply(item.xyxy, (width, height, width, height)).tolist()
        half = max(x1 - x0, y1 - y0) / 2
        room = _BINS - 2  # of the distances, less what an anchor may lie off the middle
        stride, (columns, rows), start = next(
            (level for level in self._levels if half <= room * level[0]), self._levels[-1]
        )
        middle = round((x0 + x1) / 2 / stride), round((y0 + y1) / 2 / stride)
        anchors: list[tuple[int, int, list[float]]] = []
        for dx, dy in _AROUND:
            column = min(max(middle[0] + dx, 0), columns - 1)
            row = min(max(middle[1] + dy, 0), rows - 1)
            x, y = column * stride, row * stride
            distances = [(x - x0) / stride, (y - y0) / stride, (x1 - x) / stride, (y1 - y) / stride]
            if not anchors or all(0 <= one <= _BINS - 1 for one in distances):
                anchors.append((start + row * columns + column, abs(dx) + abs(dy), distances))
        return anchors

    def _write(self, anchor: Floats, item: Found, away: int, distances: Sequence[float]) -> None:
        score = min(max(item.score * (1 - 0.09 * away), 0.01), 0.99)
        anchor[: self._class_count] = _BACKGROUND_LOGIT
        anchor[item.class_id] = math.log(score / (1 - score))
        parts = anchor[self._class_count :].reshape(4, _BINS)
        for part, distance in zip(parts, distances, strict=True):
            part[:] = self._low
            lower = min(max(int(distance), 0), _BINS - 2)
            share = min(max(distance - lower, 0.0), 1.0)
            part[lower : lower + 2] = self._two_bins(share)

    def _two_bins(self, share: float) -> tuple[float, float]:
        """Logits of two bins whose softmax gives `share` to the second."""
        room = self._high - self._low
        apart = room if share >= 1 else -room if share <= 0 else math.log(share / (1 - share))
        apart = round(min(max(apart, -room), room) / self._step) * self._step
        return self._high - max(apart, 0.0), self._high + min(apart, 0.0)
