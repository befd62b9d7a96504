"""PoseNet as PersonLab describes it, cell by cell: the tensors of people, and people of tensors.

Places are (y, x) in cells of the maps while decoding. All sums of places are made in float32 and
in the order in which the formulas are written here: an offset field may move two places that
differ in their last bit to two different people, so that nothing else could be compared.
"""

from __future__ import annotations

import heapq
import itertools
import math

import numpy as np

KEYPOINTS = 17
NOSE, LEFT_EYE, LEFT_EAR = 0, 1, 3
# Parent and child, in the order of the mid-offset channels; the keypoints in COCO's order.
EDGES = (
    (0, 1),  # nose, left eye
    (1, 3),  # left eye, left ear
    (0, 2),  # nose, right eye
    (2, 4),  # right eye, right ear
    (0, 5),  # nose, left shoulder
    (5, 7),  # left shoulder, left elbow
    (7, 9),  # left elbow, left wrist
    (5, 11),  # left shoulder, left hip
    (11, 13),  # left hip, left knee
    (13, 15),  # left knee, left ankle
    (0, 6),  # nose, right shoulder
    (6, 8),  # right shoulder, right elbow
    (8, 10),  # right elbow, right wrist
    (6, 12),  # right shoulder, right hip
    (12, 14),  # right hip, right knee
    (14, 16),  # right knee, right ankle
)
BODY = (
    # (x, y) of every keypoint, in heights of the person, from the middle of the top.
    *((0.0, 0.08), (0.02, 0.06), (-0.02, 0.06), (0.05, 0.07), (-0.05, 0.07)),
    *((0.11, 0.2), (-0.11, 0.2), (0.16, 0.35), (-0.16, 0.35), (0.18, 0.48), (-0.18, 0.48)),
    *((0.07, 0.52), (-0.07, 0.52), (0.08, 0.75), (-0.08, 0.75), (0.09, 0.97), (-0.09, 0.97)),
)


def standing_person(x, y, height, *, lean=0.0):
    """Return 17 keypoints (x, y) of a person whose head's top is at (x, y), in pixels."""
    shape = np.array(BODY) * height
    return shape + np.array([x, y]) + np.outer(shape[:, 1], [lean, 0.0])


def encode_people(
    people,
    *,
    rows=23,
    columns=31,
    stride=16,
    radius=32.0,
    peak=4.0,
    background=-6.0,
    short_limit=15.875,
):
    """Return the tensors that a perfect PoseNet would give for people.

    Cell (row i, column j) stands for pixel (i * stride, j * stride) of the input. What it says of
    a keypoint is about the nearest person's, and nothing (the background, no offset) where that is
    beyond `radius`.

    Parameters
    ----------
    people : array_like
        (n, 17, 2): x, y of COCO's keypoints in pixels of the input; NaN for one not to be seen.
    radius : float
        Pixels round a keypoint in which its maps are filled; PersonLab's R.
    peak, background : float
        Logits at a keypoint and far from all. Towards the edge of the disc it falls to their mean.
    short_limit : float
        The longest short offset along one axis, in pixels; further cells point the right way.
        By default what the zoo's network can send.

    Returns
    -------
    tuple of ndarray
        Heat maps (rows, columns, 17), short offsets (rows, columns, 34: y then x) and mid offsets
        (rows, columns, 64: to the child y, x, to the parent y, x), float32 and column-major.
    """
    people = np.asarray(people, dtype=float).reshape(-1, KEYPOINTS, 2)
    heat = np.full((rows, columns, KEYPOINTS), background, np.float32, order="F")
    short = np.zeros((rows, columns, 2 * KEYPOINTS), np.float32, order="F")
    mid = np.zeros((rows, columns, 4 * len(EDGES)), np.float32, order="F")
    pixels = np.stack(np.meshgrid(np.arange(columns), np.arange(rows)), axis=-1) * float(stride)

    def fill(maps, inside, channel, apart, offsets):
        x, y = np.moveaxis(offsets, -1, 0)
        maps[..., channel][inside] = y[inside]
        maps[..., apart + channel][inside] = x[inside]

    for k in range(KEYPOINTS):
        distance = np.array(
            [np.linalg.norm(person[k] - pixels, axis=-1) for person in people]
        ).reshape(-1, rows, columns)
        distance[np.isnan(distance)] = np.inf
        nearest = distance.min(axis=0, initial=np.inf)
        for person, away in zip(people, distance, strict=True):
            inside = (away == nearest) & (away <= radius)
            nearness = 1 - (away / radius) ** 2 / 2
            heat[..., k][inside] = (background + (peak - background) * nearness)[inside]
            offsets = np.clip(person[k] - pixels, -short_limit, short_limit)
            fill(short, inside, k, KEYPOINTS, offsets)
            for edge, (parent, child) in enumerate(EDGES):
                if k == parent and not np.isnan(person[child]).any():
                    fill(mid, inside, edge, len(EDGES), person[child] - pixels)
                if k == child and not np.isnan(person[parent]).any():
                    fill(mid, inside, 2 * len(EDGES) + edge, len(EDGES), person[parent] - pixels)
    return heat, short, mid


def some_people(count, rng):
    """Return people who stand side by side in an input of 481 x 353 pixels."""
    return [
        standing_person(
            60 + i * 360 / max(count - 1, 1) + rng.uniform(-8, 8),
            rng.uniform(15, 60),
            rng.uniform(180, 260),
            lean=rng.uniform(-0.1, 0.1),
        )
        for i in range(count)
    ]


def scene(count, seed, **options):
    """Return people and their tensors, noisy and without ties."""
    rng = np.random.default_rng(seed)
    people = some_people(count, rng)
    heat, short, mid = encode_people(people, **options)
    heat += rng.normal(0, 0.05, heat.shape).astype(np.float32)
    return people, (heat, short, mid)


def person_whose_left_eye_is_surest():
    """Return a person with a large face, and tensors in which the left eye is the best root."""
    person = standing_person(200, 20, 300)
    person[LEFT_EYE] = person[NOSE] + [70, -40]
    heat, short, mid = encode_people([person], short_limit=10.0)
    heat[..., LEFT_EYE] += 2
    return person, (heat, short, mid)


def pixels(poses, size=(481, 353)):
    """Return where keypoints are, in pixels of the input whose centres are whole numbers."""
    return poses.xy.astype(float) * size - 0.5


def _clamped(place, size):
    if not all(math.isfinite(part) for part in place):
        return None
    return tuple(
        min(max(part, np.float32(0)), np.float32(limit - 1))
        for part, limit in zip(place, size, strict=True)
    )


def _blend(plane, place):
    """Interpolate between the four cells round a place."""
    y, x = (int(part) for part in place)
    below, beside = place[0] - np.float32(y), place[1] - np.float32(x)
    last_row, last_column = plane.shape[0] - 1, plane.shape[1] - 1
    down, right = min(y + 1, last_row), min(x + 1, last_column)
    one = np.float32(1)
    upper = (one - beside) * plane[y, x] + beside * plane[y, right]
    lower = (one - beside) * plane[down, x] + beside * plane[down, right]
    return (one - below) * upper + below * lower


def _displaced(place, maps, stride):
    if place is None:
        return None
    scale = np.float32(1) / np.float32(stride)
    moved = tuple(
        part + _blend(plane, place) * scale for part, plane in zip(place, maps, strict=True)
    )
    return _clamped(moved, maps[0].shape)


def _sigmoid(logit):
    with np.errstate(over="ignore"):
        return 0.0 if not np.isfinite(logit) else float(1 / (1 + np.exp(-np.float64(logit))))


def roots_of(heat, threshold):
    """Return (score, keypoint, row, column) of every root, in the order they are taken."""
    rows, columns, _ = heat.shape
    logit = -np.inf if threshold <= 0 else np.inf
    if 0 < threshold < 1:
        logit = np.float32(math.log(threshold / (1 - threshold)))
    found = []
    for k, x, y in itertools.product(range(KEYPOINTS), range(columns), range(rows)):
        around = heat[max(y - 1, 0) : y + 2, max(x - 1, 0) : x + 2, k]
        if heat[y, x, k] >= logit and not (around > heat[y, x, k]).any():
            found.append((heat[y, x, k], k, y, x))
    return sorted(found, key=lambda root: -root[0])


def ways_between_keypoints():
    """Return, for each keypoint, {the one that an edge leads to: channels of its y and x}."""
    ways = [{} for _ in range(KEYPOINTS)]
    for edge, (parent, child) in enumerate(EDGES):
        ways[parent][child] = edge, len(EDGES) + edge
        ways[child][parent] = 2 * len(EDGES) + edge, 3 * len(EDGES) + edge
    return ways


def walk(tensors, keypoint, place, *, steps, stride, ways):
    """Return the place of every keypoint, None for those that are lost: best keypoint first."""
    heat, short, mid = tensors
    places = {}
    waiting = [(0.0, keypoint, place)]
    while waiting:
        _, source, place = heapq.heappop(waiting)
        places[source] = place
        for target, channels in ways[source].items():
            if target in places:
                continue
            there = _displaced(place, [mid[..., channel] for channel in channels], stride)
            maps = short[..., target], short[..., KEYPOINTS + target]
            for _ in range(steps):
                there = _displaced(there, maps, stride)
            score = 0.0 if there is None else _sigmoid(_blend(heat[..., target], there))
            heapq.heappush(waiting, (-score, target, there))
    return [places[k] for k in range(KEYPOINTS)]


def _near(one, other, radius):
    if one is None or other is None:
        return False
    y, x = one[0] - other[0], one[1] - other[1]
    return y * y + x * x <= radius * radius


def decode(
    tensors,
    *,
    threshold=0.4,
    max_detections=10,
    steps=5,
    nms_radius=10.0,
    stride=16,
    size=(481, 353),
    most_walks=1024,
    ways=None,
):
    """Return [(xy (17, 2), keypoint confidence (17,), confidence)], most confident first.

    xy are in 0..1 of an input of `size` (width, height) pixels. `ways` may be another's idea of
    which channels lead where, see `ways_between_keypoints`.
    """
    ways = ways or ways_between_keypoints()
    threshold = np.float32(threshold)
    radius = np.float32(nms_radius) * (np.float32(1) / np.float32(stride))
    heat, short, _ = tensors
    with np.errstate(invalid="ignore", over="ignore"):
        found = []
        walks = 0
        for _, k, y, x in roots_of(heat, float(threshold)):
            if len(found) == max_detections or walks == most_walks:
                break
            scale = np.float32(1) / np.float32(stride)
            place = _clamped(
                (
                    np.float32(y) + short[y, x, k] * scale,
                    np.float32(x) + short[y, x, KEYPOINTS + k] * scale,
                ),
                heat.shape[:2],
            )
            if place is None or any(_near(place, places[k], radius) for places, _ in found):
                continue
            walks += 1
            places = walk(tensors, k, place, steps=steps, stride=stride, ways=ways)
            scores = [
                0.0 if place is None else np.float32(_sigmoid(_blend(heat[..., k], place)))
                for k, place in enumerate(places)
            ]
            if np.float32(sum(map(float, scores)) / KEYPOINTS) >= threshold:
                found.append((places, scores))

        found.sort(key=lambda pose: -np.float32(sum(map(float, pose[1])) / KEYPOINTS))
        rescored = []
        for i, (places, scores) in enumerate(found):
            total = 0.0
            for k in range(KEYPOINTS):
                if not any(_near(places[k], better[k], radius) for better, _ in found[:i]):
                    total += float(scores[k])
            xy = [
                (math.nan, math.nan)
                if place is None
                else tuple(
                    (float(part) * stride + 0.5) / length
                    for part, length in zip(place[::-1], size, strict=True)
                )
                for place in places
            ]
            confidence = np.float32(total / KEYPOINTS)
            if confidence >= threshold:
                rescored.append((np.array(xy), np.array(scores), confidence))
        rescored.sort(key=lambda pose: -pose[2])
        return rescored
