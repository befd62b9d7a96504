"""Print what a detector sees; on a machine without an AI Camera, in a simulated scene.

python examples/detect_objects.py [NETWORK] [--frames N]
"""

from __future__ import annotations

import argparse
import sys
from itertools import islice

import imx500_native as imx


def main() -> None:
    parser = argparse.ArgumentParser(description="Print what a detector sees.")
    parser.add_argument("network", nargs="?", default="ssd_mobilenetv2_fpnlite_320x320_pp")
    parser.add_argument("--frames", type=int, default=30)
    arguments = parser.parse_args()

    network = imx.Network.find(arguments.network)
    with imx.open_camera(network, size=(1280, 720), frame_rate=30) as camera:
        for frame in islice(camera, arguments.frames):
            for found in frame.detections(threshold=0.6):
                x0, y0, x1, y1 = found.xyxy
                where = f"{x0:5.0f},{y0:4.0f} to {x1:5.0f},{y1:4.0f}"
                print(f"{frame.sequence:5} {found.label:14} {found.confidence:4.0%}  {where}")


if __name__ == "__main__":
    try:
        main()
    except imx.Imx500Error as error:
        sys.exit(str(error))
