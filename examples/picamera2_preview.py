"""Show what a network finds in picamera2's own preview window.

python examples/picamera2_preview.py [NETWORK.rpk]

Needs picamera2: sudo apt install python3-picamera2
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

import imx500_native as imx
from imx500_native.picamera2 import IMX500

if TYPE_CHECKING:
    from picamera2 import CompletedRequest

MODEL = "/usr/share/imx500-models/imx500_network_ssd_mobilenetv2_fpnlite_320x320_pp.rpk"


def main() -> None:
    parser = argparse.ArgumentParser(description="Show what a network finds.")
    parser.add_argument("network", nargs="?", default=MODEL)
    arguments = parser.parse_args()

    # Not above: --help must do without it.
    try:
        from picamera2 import MappedArray, Picamera2
    except ImportError as error:
        sys.exit(f"{error}; sudo apt install python3-picamera2")

    # The sensor must have its network before picamera2 opens the camera.
    imx500 = IMX500(arguments.network)
    imx500.show_network_fw_progress_bar()
    # Frames that bring nothing new show the last result again, so that nothing flickers.
    pipeline = imx.Pipeline(imx500.network)

    def draw(request: CompletedRequest) -> None:
        frame = imx.Frame.from_request(request, network=imx500.network, roi=imx500.device.last_roi)
        # The preview's XBGR8888 is R, G, B and a fourth byte in memory.
        with MappedArray(request, "main") as mapped:
            imx.annotate(mapped.array, pipeline(frame), in_place=True)

    with Picamera2(imx500.camera_num) as picam2:
        picam2.pre_callback = draw
        configuration = picam2.create_preview_configuration({"size": (1280, 720)})
        picam2.start(configuration, show_preview=True)
        input("Enter ends the preview.\n")


if __name__ == "__main__":
    try:
        main()
    except imx.Imx500Error as error:
        sys.exit(str(error))
