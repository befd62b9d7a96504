"""Record a video with what a network finds drawn into it, and the results beside it.

python examples/picamera2_record.py VIDEO.h264 [NETWORK.rpk] [--seconds S]

Each line of VIDEO.jsonl belongs to one frame of the video.

Needs picamera2: sudo apt install python3-picamera2
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import imx500_native as imx
from imx500_native.picamera2 import IMX500

if TYPE_CHECKING:
    from picamera2 import CompletedRequest

MODEL = "/usr/share/imx500-models/imx500_network_ssd_mobilenetv2_fpnlite_320x320_pp.rpk"


def main() -> None:
    parser = argparse.ArgumentParser(description="Record a video with what a network finds.")
    parser.add_argument("video", type=Path)
    parser.add_argument("network", nargs="?", default=MODEL)
    parser.add_argument("--seconds", type=float, default=10)
    arguments = parser.parse_args()

    # Not above: --help must do without it.
    try:
        from picamera2 import MappedArray, Picamera2
        from picamera2.encoders import H264Encoder
    except ImportError as error:
        sys.exit(f"{error}; sudo apt install python3-picamera2")

    # The sensor must have its network before picamera2 opens the camera.
    imx500 = IMX500(arguments.network)
    imx500.show_network_fw_progress_bar()
    pipeline = imx.Pipeline(imx500.network)

    def draw(request: CompletedRequest) -> None:
        frame = imx.Frame.from_request(request, network=imx500.network, roi=imx500.device.last_roi)
        result = pipeline(frame)
        line = {"timestamp_ns": frame.sensor_timestamp_ns} | result.to_dict()
        lines.write(json.dumps(line) + "\n")
        # The encoder comes after this, and gets the pixels as they are left here.
        with MappedArray(request, "main") as mapped:
            imx.annotate(mapped.array, result, in_place=True)

    with (
        arguments.video.with_suffix(".jsonl").open("w") as lines,
        Picamera2(imx500.camera_num) as picam2,
    ):
        picam2.pre_callback = draw
        configuration = picam2.create_video_configuration({"size": (1280, 720)})
        picam2.start_recording(H264Encoder(), str(arguments.video), config=configuration)
        time.sleep(arguments.seconds)
        picam2.stop_recording()


if __name__ == "__main__":
    try:
        main()
    except (imx.Imx500Error, OSError) as error:
        sys.exit(str(error))
