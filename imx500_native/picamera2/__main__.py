"""``python -m imx500_native.picamera2 program.py``, see `imx500_native.picamera2.running`."""

from __future__ import annotations

import sys

from imx500_native.picamera2.running import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
