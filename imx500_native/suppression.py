"""Of boxes that show one object, the most confident."""

from __future__ import annotations

from imx500_native._dense import nms

__all__ = ["nms"]
