"""Small networks with the outputs of a YOLOv8, not square, for the tests of its heads."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

import imx500_native as imx

SIZE = (96, 64)
ANCHORS = 12 * 8 + 6 * 4 + 3 * 2
SHEET = (16, 24)


def spec(shape, kind="i1", scale=0.125):
    return imx.OutputSpec("tensor", tuple(shape), np.dtype(kind), scale)


def network(outputs, name="my_yolo", **facts):
    base = imx.Network.find("yolov8n_pp").input
    return imx.Network.from_specs(
        input=replace(base, width=SIZE[0], height=SIZE[1]), outputs=outputs, name=name, **facts
    )


def detector(classes, **facts):
    """Boxes as distances and scores as logits, in a tensor each."""
    return network([spec((4, ANCHORS)), spec((classes, ANCHORS))], **facts)


def arranged(tables, *, joined=False, turned=False, batch=False, order="F"):
    """Lay tables (anchors, channels) out as a network's outputs."""
    if joined:
        tables = [np.concatenate(tables, axis=1)]
    made = [table if turned else table.T for table in tables]
    if batch:
        made = [table[None] for table in made]
    return [np.array(table, np.float32, order=order) for table in made]
