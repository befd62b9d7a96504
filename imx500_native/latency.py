"""Where the time of a frame goes, measured against what a frame may cost."""

from imx500_native._latency import LatencyBudget, StageLatency

__all__ = ["LatencyBudget", "StageLatency"]
