"""Develop the code around a network of one's own before it has ever run on the sensor.

The network here looks for the middles of people, cars and dogs: its only output is a coarse map
per class. `read_maps` is the post-processing that it needs, and makes boxes of it. `encode` says
what the network would answer to a scene, the simulated camera puts that on the tensor's grid, and
the program reads it as it would on the robot.

python examples/own_network.py [--frames N]
"""

from __future__ import annotations

import argparse
import sys
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

import imx500_native as imx

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imx500_native.simulation import Scene

ROWS, COLUMNS = 14, 14
LABELS = ["person", "car", "dog"]
NETWORK = imx.Network.from_specs(
    name="middles",
    input=imx.Network.find("mobilenet_v2").input,
    outputs=[imx.OutputSpec("maps", (ROWS, COLUMNS, 3), np.dtype("u1"), scale=1 / 256)],
    labels=LABELS,
)


def read_maps(outputs: Sequence[np.ndarray], network: imx.Network) -> imx.Detections:
    (maps,) = outputs
    row, column, class_id = np.nonzero(maps > 0.5)
    corners = np.stack([column, row, column + 1, row + 1], axis=1)
    # In network space: 0 to 1 of what the network saw.
    xyxy = corners / [COLUMNS, ROWS, COLUMNS, ROWS]
    return imx.Detections(xyxy, maps[row, column, class_id], class_id, labels=network.labels)


def encode(scene: Scene, network: imx.Network) -> list[np.ndarray]:
    maps = scene.rng.uniform(0, 0.2, network.output_shapes[0])
    for thing in scene.objects:
        x0, y0, x1, y1 = thing.xyxy
        maps[int((y0 + y1) / 2 * ROWS), int((x0 + x1) / 2 * COLUMNS), thing.class_id] = 0.9
    return [maps]


def main() -> None:
    parser = argparse.ArgumentParser(description="Find the middles of people, cars and dogs.")
    parser.add_argument("--frames", type=int, default=90)
    arguments = parser.parse_args()

    decoder = imx.Decoder.for_network(NETWORK, head=read_maps)
    with imx.SimulatedCamera(NETWORK, encode=encode, real_time=False, seed=4) as camera:
        for frame in islice(camera, arguments.frames):
            if frame.outputs is not None and frame.sequence % 15 == 0:
                objects = decoder(frame.outputs).mapped(frame.mapper())
                middles = (objects.xyxy[:, :2] + objects.xyxy[:, 2:]) / 2
                words = (
                    f"{o.label} at {x:.0f},{y:.0f}"
                    for o, (x, y) in zip(objects, middles, strict=True)
                )
                print(f"frame {frame.sequence:3}: {', '.join(words)}")


if __name__ == "__main__":
    try:
        main()
    except imx.Imx500Error as error:
        sys.exit(str(error))
