"""HigherHRNet's grouping, one candidate at a time in Python, and its inverse."""

from __future__ import annotations

import math
from fractions import Fraction
from functools import reduce
from itertools import permutations
from operator import add

import numpy as np

COCO_ORDER = (0, 1, 2, 3, 4, 5, 6, 11, 12, 7, 8, 9, 10, 13, 14, 15, 16)


def total(costs, pairs):
    """Return the exact sum of the costs of (row, column) pairs."""
    return sum((Fraction(float(costs[row][column])) for row, column in pairs), Fraction(0))


def pairs_of(chosen):
    """Return the (row, column) pairs of a list of each row's column, -1 for none."""
    return [(row, int(column)) for row, column in enumerate(chosen) if column >= 0]


def best_assignments(costs):
    """Return the least sum of costs, and every list of each row's column that has it.

    All of the shorter side is assigned. Every possibility is tried.
    """
    costs = np.asarray(costs)
    rows, columns = costs.shape
    if rows <= columns:
        tried = [list(choice) for choice in permutations(range(columns), rows)]
    else:
        tried = []
        for owners in permutations(range(rows), columns):
            chosen = [-1] * rows
            for column, row in enumerate(owners):
                chosen[row] = column
            tried.append(chosen)
    sums = [total(costs, pairs_of(chosen)) for chosen in tried]
    least = min(sums)
    return least, [chosen for chosen, cost in zip(tried, sums, strict=True) if cost == least]


class Person:
    """The joints of one person: joint -> (place, heat)."""

    def __init__(self, first_tag):
        self.first_tag = first_tag
        self.joints = {}
        self.tags = []

    def mean_tag(self):
        return plain_sum(self.tags) / len(self.tags)

    def score(self, joints):
        heats = [self.joints[joint][1] for joint in sorted(self.joints)]
        return np.float32(plain_sum(heats) / joints)


def plain_sum(values):
    """Add one after the other; Python's own sum compensates for rounding since 3.12."""
    return reduce(add, values, 0.0)


def counts(tag, place, heat, cells, keypoint_threshold):
    """Tell whether a candidate counts."""
    numbers = all(map(math.isfinite, (tag, place, heat)))
    return numbers and heat > 0 and heat >= keypoint_threshold and 0 <= place < cells


def cost_of(apart, heat, tag_threshold):
    """Return what HigherHRNet's pairs cost, and a little for tags that are not the nearest."""
    share = apart / tag_threshold if apart < tag_threshold else 1.0
    return round(apart) * 100.0 - heat + share * share / 65536


def group(
    outputs,
    assign,
    *,
    cells=192 * 144,
    order=COCO_ORDER,
    keypoint_threshold=0.3,
    tag_threshold=1.0,
):
    """Return people in the order in which they begin.

    `assign(costs)` returns each row's column, -1 for none. `costs` has a row for each candidate and
    a column for each person who is given joints.
    """
    tags, places, heats = (np.asarray(output, np.float64) for output in outputs)
    keypoint_threshold, tag_threshold = (
        float(np.float32(option)) for option in (keypoint_threshold, tag_threshold)
    )
    people = []

    def begin(joint, tag, place, heat):
        for person in people:
            if person.first_tag == tag:
                break
        else:
            person = Person(tag)
            people.append(person)
        person.joints[joint] = (place, heat)
        person.tags = [tag]

    for joint in order:
        rows = zip(tags[:, joint], places[:, joint], heats[:, joint], strict=True)
        found = [
            (float(tag), float(place), float(heat))
            for tag, place, heat in rows
            if counts(tag, place, heat, cells, keypoint_threshold)
        ]
        given = people[: len(tags)]
        apart = [[abs(tag - person.mean_tag()) for person in given] for tag, _, _ in found]
        costs = [
            [cost_of(distance, heat, tag_threshold) for distance in distances]
            for distances, (_, _, heat) in zip(apart, found, strict=True)
        ]
        chosen = assign(costs) if found and given else [-1] * len(found)
        for (tag, place, heat), distances, column in zip(found, apart, chosen, strict=True):
            if column >= 0 and distances[column] < tag_threshold:
                given[column].joints[joint] = (place, heat)
                given[column].tags.append(tag)
            else:
                begin(joint, tag, place, heat)
    return people


def decode(
    outputs,
    assign,
    *,
    map_size=(192, 144),
    order=COCO_ORDER,
    threshold=0.3,
    limit=None,
    **options,
):
    """Return [(xy, keypoint confidence, score, xyxy)], the highest score first.

    A cell of the map is a rectangle of the picture, and its joint lies in the middle of it.
    """
    width, height = map_size
    results = []
    for person in group(outputs, assign, cells=width * height, order=order, **options):
        xy = np.full((len(order), 2), np.nan, np.float32)
        confidence = np.zeros(len(order), np.float32)
        for joint, (place, heat) in person.joints.items():
            row, column = divmod(math.floor(place), width)
            xy[joint] = ((column + 0.5) / width, (row + 0.5) / height)
            confidence[joint] = heat
        score = person.score(len(order))
        if score >= np.float32(threshold):
            low, high = np.nanmin(xy, axis=0), np.nanmax(xy, axis=0)
            results.append((xy, confidence, score, np.concatenate([low, high])))
    results.sort(key=lambda result: -result[2])
    return results[:limit]


def encode_people(people, *, candidates=30, map_size=(192, 144)):
    """Return the tensors (tags, places, heats) of people, what `decode` undoes.

    Parameters
    ----------
    people : sequence of (xy, confidence)
        For each person keypoints (joints, 2) in 0..1 of the network's input, NaN where there is
        none, and how sure the network is of each. At most as many as there are candidates.
    candidates : int
        Of each joint.
    map_size : tuple of int
        Columns and rows of the heat map.

    Returns
    -------
    list of ndarray
        float32, (candidates, joints), in Fortran order and on the zoo network's steps: tags 1/16 in
        -7.5..7.5, each person's own and as far apart as that allows, at most 2; heats 1/128. The
        hottest candidate of a joint comes first; what is not used has tag, place and heat 0.
    """
    joints = len(people[0][1]) if people else 17
    tensors = [np.zeros((candidates, joints), np.float32, order="F") for _ in range(3)]
    tags, places, heats = tensors
    width, height = map_size
    apart = min(2.0, 15 / max(1, len(people) - 1))
    own_tags = (np.arange(len(people)) - (len(people) - 1) / 2) * apart
    for joint in range(joints):
        seen = []
        for tag, (xy, confidence) in zip(own_tags, people, strict=True):
            x, y = xy[joint]
            heat = min(round(float(confidence[joint]) * 128), 127) / 128
            if heat > 0 and 0 <= x < 1 and 0 <= y < 1:
                seen.append((heat, round(tag * 16) / 16, int(y * height) * width + int(x * width)))
        seen.sort(key=lambda one: -one[0])
        for row, (heat, tag, place) in enumerate(seen):
            tags[row, joint], places[row, joint], heats[row, joint] = tag, place, heat
    return tensors
