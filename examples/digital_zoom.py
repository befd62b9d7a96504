"""Zoom digitally: move the region that the network sees after one object.

python examples/digital_zoom.py [NETWORK] [--frames N]

The sensor scales its region of interest (ROI) to the network's input, so that a far object in a
small ROI is seen with more pixels than in the whole picture.
"""

from __future__ import annotations

import argparse
import sys
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

import imx500_native as imx

if TYPE_CHECKING:
    from imx500_native.geometry import Rect

SMALLEST = 400
PATIENCE = 10


def region_around(box: np.ndarray, aspect: float) -> Rect:
    """Return a region twice as large as a box, both in pixels of the sensor and within it."""
    columns, rows = imx.SENSOR_SIZE
    wide, high = box[2:] - box[:2]
    height = min(max(2 * high, 2 * wide / aspect, SMALLEST), rows, columns / aspect)
    size = np.array([height * aspect, height])
    corner = np.clip((box[:2] + box[2:] - size) / 2, 0, imx.SENSOR_SIZE - size)
    return tuple(int(n) for n in (*corner, *size))


def main() -> None:
    parser = argparse.ArgumentParser(description="Follow one object with the ROI.")
    parser.add_argument("network", nargs="?", default="nanodet_plus_416x416")
    parser.add_argument("--frames", type=int, default=90)
    arguments = parser.parse_args()

    network = imx.Network.find(arguments.network)
    decoder = imx.Decoder.for_network(network, threshold=0.55)
    if decoder.task != "object detection":
        sys.exit(f"{network.name} finds no objects to follow; its task is {decoder.task}")
    aspect = network.input.width / network.input.height
    followed, missed = None, 0
    with imx.open_camera(network, size=(1280, 720), frame_rate=30) as camera:
        for frame in islice(camera, arguments.frames):
            # Just after a move nobody knows through which ROI the sensor has looked.
            if frame.outputs is None or frame.roi_uncertain:
                continue
            objects = decoder(frame.outputs)
            if followed is not None:
                objects = objects[objects.class_id == followed]
            if not len(objects):
                missed += 1
                if missed == PATIENCE:
                    followed, missed = None, 0
                    camera.set_roi(None)
                continue
            # At first the most confident object; then what stays in the middle.
            middles = (objects.xyxy[:, :2] + objects.xyxy[:, 2:]) / 2
            best = 0 if followed is None else np.abs(middles - 0.5).sum(axis=1).argmin()
            found = list(objects)[best]
            followed, missed = found.class_id, 0
            # A decoder's boxes are fractions of what the network saw.
            x, y, width, height = frame.roi
            box = np.array(found.xyxy) * (width, height, width, height) + (x, y, x, y)
            roi = camera.set_roi(region_around(box, aspect))
            print(f"frame {frame.sequence}: {found.label} {found.confidence:.0%}, ROI {roi}")


if __name__ == "__main__":
    try:
        main()
    except imx.Imx500Error as error:
        sys.exit(str(error))
