"""Count objects without a screen: a line of JSON whenever something comes or goes.

python examples/count_objects.py [NETWORK] [--frames N] >> counts.jsonl

``now`` is how many of each class are there, ``total`` how many have been there since the start. It
runs until Ctrl-C. A filter follows the objects over time, so that one that flickers for a frame or
two is neither lost nor counted twice.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime
from itertools import islice

import imx500_native as imx


def main() -> None:
    parser = argparse.ArgumentParser(description="Count objects; prints lines of JSON.")
    parser.add_argument("network", nargs="?", default="ssd_mobilenetv2_fpnlite_320x320_pp")
    parser.add_argument("--frames", type=int, help="how many to look at; no end without it")
    arguments = parser.parse_args()

    network = imx.Network.find(arguments.network)
    follow = imx.TemporalFilter(tolerance=0.1, factor=0.5, visible_frames=15, hidden_frames=3)
    pipeline = imx.Pipeline(network, filter=follow)
    total: Counter[str] = Counter()
    before: dict[int | None, str] = {}
    with imx.open_camera(network, size=(1280, 720), frame_rate=30) as camera:
        for frame in islice(camera, arguments.frames):
            # The filter numbers what it follows, and never gives a number twice.
            now = {found.tracker_id: str(found.label) for found in pipeline(frame)}
            if now.keys() == before.keys():
                continue
            total.update(now[number] for number in now.keys() - before.keys())
            line = {
                "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
                "frame": frame.sequence,
                "now": dict(sorted(Counter(now.values()).items())),
                "total": dict(sorted(total.items())),
            }
            print(json.dumps(line), flush=True)
            before = now


if __name__ == "__main__":
    try:
        with suppress(KeyboardInterrupt):
            main()
    except imx.Imx500Error as error:
        sys.exit(str(error))
