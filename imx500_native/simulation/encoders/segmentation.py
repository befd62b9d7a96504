"""Scenes as the class map of a segmentation network."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from imx500_native.network import Network
    from imx500_native.simulation.packing import Floats
    from imx500_native.simulation.scene import Scene

_Regions: TypeAlias = "NDArray[np.int16]"

_BLOCK = 8
"""Pixels that a network's mistake at an edge is about as long as."""


class SegmentationEncoder:
    """Writes a scene as one class id per pixel; 0 where there is no object.

    Parameters
    ----------
    network : Network
        With one output (height, width).
    noise : float
        0 gives the silhouettes as they are drawn; 1 frays their edges by a pixel here and there.
    """

    def __init__(self, network: Network, noise: float) -> None:
        self._noise = noise
        height, width = network.output_shapes[0]
        self._size = (width, height)

    def __call__(self, scene: Scene) -> list[Floats]:
        """Encode one moment."""
        regions = np.maximum(scene.class_map(self._size), 0)
        if self._noise > 0:
            regions = self._frayed(regions, scene.rng)
        return [regions.astype(np.float32)]

    def _frayed(self, regions: _Regions, rng: np.random.Generator) -> _Regions:
        """Take every pixel from a place nearby, blocks of pixels from the same side."""
        height, width = regions.shape
        blocks = (2, height // _BLOCK + 1, width // _BLOCK + 1)
        shift = np.rint(rng.normal(0, 0.55 * min(self._noise, 8.0), blocks)).astype(np.intp)
        shift = shift.repeat(_BLOCK, axis=1).repeat(_BLOCK, axis=2)[:, :height, :width]
        rows = np.clip(np.arange(height)[:, np.newaxis] + shift[0], 0, height - 1)
        columns = np.clip(np.arange(width)[np.newaxis, :] + shift[1], 0, width - 1)
        frayed: _Regions = regions[rows, columns]
        return frayed
