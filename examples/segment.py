"""Say how much of the picture each class covers, and draw the regions into a picture.

python examples/segment.py [NETWORK] [--frames N] [--save PICTURE.png]
"""

from __future__ import annotations

import argparse
import sys
from itertools import islice

import imx500_native as imx
from imx500_native.drawing import save_picture


def main() -> None:
    parser = argparse.ArgumentParser(description="Say how much of the picture each class covers.")
    parser.add_argument("network", nargs="?", default="deeplabv3plus")
    parser.add_argument("--frames", type=int, default=30)
    parser.add_argument("--save", metavar="PICTURE", help="draw the last regions")
    arguments = parser.parse_args()

    network = imx.Network.find(arguments.network)
    picture = None
    with imx.open_camera(network, size=(1280, 720), frame_rate=30) as camera:
        for frame in islice(camera, arguments.frames):
            regions = frame.segmentation()
            # False where the network was still busy with the frame before.
            if not regions.fresh:
                continue
            words = (f"{region.label} {region.share:.1%}" for region in regions)
            print(f"frame {frame.sequence}: {', '.join(words) or 'nothing'}")
            if arguments.save:
                picture = imx.annotate(camera.to_rgb(frame), regions, in_place=True)
    if picture is not None:
        save_picture(arguments.save, picture)


if __name__ == "__main__":
    try:
        main()
    except (imx.Imx500Error, OSError) as error:
        sys.exit(str(error))
