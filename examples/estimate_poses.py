"""Say where people have their heads and hands, and draw their skeletons into a picture.

python examples/estimate_poses.py [NETWORK] [--frames N] [--save PICTURE.png]
"""

from __future__ import annotations

import argparse
import sys
from itertools import islice

import imx500_native as imx
from imx500_native.drawing import save_picture

WANTED = ("nose", "left wrist", "right wrist")


def place(person: imx.Pose, joint: int) -> str:
    if person.keypoint_confidence[joint] < 0.3:
        return "not seen"
    x, y = person.xy[joint]
    return f"{x:.0f},{y:.0f}"


def main() -> None:
    parser = argparse.ArgumentParser(description="Say where people have their heads and hands.")
    parser.add_argument("network", nargs="?", default="higherhrnet_coco")
    parser.add_argument("--frames", type=int, default=30)
    parser.add_argument("--save", metavar="PICTURE", help="draw the last poses")
    arguments = parser.parse_args()

    network = imx.Network.find(arguments.network)
    picture = None
    with imx.open_camera(network, size=(1280, 720), frame_rate=30) as camera:
        for frame in islice(camera, arguments.frames):
            poses = frame.poses()
            # False where the network was still busy with the frame before.
            if not poses.fresh:
                continue
            joints = {name: poses.keypoint_names.index(name) for name in WANTED}
            for person in poses:
                words = (f"{name} {place(person, joint)}" for name, joint in joints.items())
                print(f"frame {frame.sequence}: person {person.confidence:.0%}, {', '.join(words)}")
            if arguments.save:
                picture = imx.annotate(camera.to_rgb(frame), poses, in_place=True)
    if picture is not None:
        save_picture(arguments.save, picture)


if __name__ == "__main__":
    try:
        main()
    except (imx.Imx500Error, OSError) as error:
        sys.exit(str(error))
