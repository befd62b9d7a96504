"""``python -m imx500_native`` is the command ``imx500-native``."""

from __future__ import annotations

import sys

from imx500_native.cli import main

if __name__ == "__main__":
    sys.exit(main())
