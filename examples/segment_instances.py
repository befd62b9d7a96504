"""Cut out every object that a YOLO of one's own sees: Ultralytics' export of a -seg model.

python examples/segment_instances.py [MODEL.rpk] [--frames N] [--save PICTURE.png]

The export also writes labels.txt; beside the model it gives the classes' names. Without a model it
is one with the classes of COCO.
"""

from __future__ import annotations

import argparse
import sys
from itertools import islice
from pathlib import Path

import numpy as np

import imx500_native as imx
from imx500_native.drawing import save_picture

COCO = imx.Network.find("yolo11n_pp")
OUTPUTS = [
    imx.OutputSpec("boxes", (300, 4), np.dtype("i2"), scale=1 / 32),
    imx.OutputSpec("scores", (300,), np.dtype("u1"), scale=1 / 256),
    imx.OutputSpec("classes", (300,), np.dtype("u1"), scale=1),
    imx.OutputSpec("coefficients", (300, 32), np.dtype("i1"), scale=1 / 32),
    imx.OutputSpec("prototypes", (32, 160, 160), np.dtype("i1"), scale=1 / 32),
]
NETWORK = imx.Network.from_specs(input=COCO.input, outputs=OUTPUTS, labels=COCO.labels)


def main() -> None:
    parser = argparse.ArgumentParser(description="Cut out every object that a YOLO sees.")
    parser.add_argument("model", nargs="?", type=Path)
    parser.add_argument("--frames", type=int, default=30)
    parser.add_argument("--save", metavar="PICTURE", help="draw the last masks")
    arguments = parser.parse_args()

    network, picture = NETWORK, None
    if arguments.model:
        names = arguments.model.with_name("labels.txt")
        labels = names.read_text().splitlines() if names.exists() else None
        network = imx.Network(arguments.model, labels=labels)
    with imx.open_camera(network) as camera:
        for frame in islice(camera, arguments.frames):
            objects = frame.instance_masks()
            # False where the network was still busy with the frame before.
            if not objects.fresh:
                continue
            words = (
                f"{found.label or found.class_id} {found.mask.sum()} pixels" for found in objects
            )
            print(f"frame {frame.sequence}: {', '.join(words) or 'nothing'}")
            if arguments.save:
                picture = imx.annotate(camera.to_rgb(frame), objects, in_place=True)
    if picture is not None:
        save_picture(arguments.save, picture)


if __name__ == "__main__":
    try:
        main()
    except (imx.Imx500Error, OSError) as error:
        sys.exit(str(error))
