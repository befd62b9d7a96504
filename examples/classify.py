"""Name what the camera looks at: the three likeliest classes.

python examples/classify.py [NETWORK] [--frames N]
"""

from __future__ import annotations

import argparse
import sys
from itertools import islice

import imx500_native as imx


def main() -> None:
    parser = argparse.ArgumentParser(description="Name what the camera looks at.")
    parser.add_argument("network", nargs="?", default="mobilenet_v2")
    parser.add_argument("--frames", type=int, default=30)
    arguments = parser.parse_args()

    network = imx.Network.find(arguments.network)
    with imx.open_camera(network, size=(1280, 720), frame_rate=30) as camera:
        for frame in islice(camera, arguments.frames):
            classes = frame.classification(max_detections=3)
            if classes.fresh:
                words = (f"{found.label} {found.confidence:.0%}" for found in classes)
                print(f"frame {frame.sequence}: {', '.join(words)}")


if __name__ == "__main__":
    try:
        main()
    except imx.Imx500Error as error:
        sys.exit(str(error))
