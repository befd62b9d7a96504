"""Tensors of HigherHRNet, for the tests of its head."""

from __future__ import annotations

import numpy as np

from imx500_native import Network
from imx500_native.heads.higherhrnet import HigherHRNetHead

ZOO = "higherhrnet_coco"
JOINTS = 17
CELLS = 192 * 144


def head(**options):
    return HigherHRNetHead(Network.find(ZOO), **options)


def nothing(candidates=30, joints=JOINTS):
    return [np.zeros((candidates, joints), np.float32, order="F") for _ in range(3)]


def one_joint(outputs, joint, row, tag, column, cell_row, heat):
    tags, places, heats = outputs
    tags[row, joint], heats[row, joint] = tag, heat
    places[row, joint] = cell_row * 192 + column


def random_people(rng, count, *, missing=0.2, low=0.0):
    people = []
    for _ in range(count):
        xy = rng.uniform(low, 1, (JOINTS, 2)).astype(np.float32)
        confidence = rng.uniform(0.4, 0.99, JOINTS)
        # Once everybody has a nose, whose the other joints are is beyond doubt.
        lost = (rng.uniform(size=JOINTS) < missing) & (np.arange(JOINTS) > 0)
        xy[lost], confidence[lost] = np.nan, 0
        people.append((xy, confidence))
    return people


def jittered(outputs, rng, steps=3):
    """Move tags by up to some sixteenths."""
    tags, places, heats = outputs
    moved = tags + rng.integers(-steps, steps + 1, tags.shape).astype(np.float32) / 16
    return [np.asfortranarray(np.clip(moved, -8, 7.9375)), places, heats]


def on_the_grid(rng, candidates=30, joints=JOINTS, spread=128):
    """Return any tensors that the zoo's network can send."""
    shape = (candidates, joints)
    return [
        np.asfortranarray(tensor, np.float32)
        for tensor in (
            rng.integers(-spread, spread, shape) / 16,
            rng.integers(0, CELLS, shape),
            rng.integers(-128, 128, shape) / 128,
        )
    ]
