"""A camera that is not there, and the scene in front of it."""

from __future__ import annotations

from imx500_native.simulation.camera import SimulatedCamera, centred_crop
from imx500_native.simulation.scene import Joint, Scene, SceneObject

__all__ = ["Joint", "Scene", "SceneObject", "SimulatedCamera", "centred_crop"]
