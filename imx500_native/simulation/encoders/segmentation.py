"""Scenes as the map of a segmentation network: class ids, or a score for every class."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from imx500_native.heads.segmentation import map_layout, map_shape
from imx500_native.simulation.encoders.base import Encoder

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from imx500_native.network import Network
    from imx500_native.simulation.packing import Floats
    from imx500_native.simulation.scene import Scene

_Regions: TypeAlias = "NDArray[np.int16]"

_BLOCK = 8
"""Pixels that a network's mistake at an edge is about as long as."""


class SegmentationEncoder(Encoder):
    """Writes what every pixel shows; class 0 where there is no object.

    Of scores, that of the class is the highest that the tensor can carry and the others are the
    lowest.

    Parameters
    ----------
    network : Network
        With one output in any layout that its head reads.
    noise : float
        0 gives the silhouettes as they are drawn; 1 frays their edges by a pixel here and there.
    """

    task = "segmentation"

    def __init__(self, network: Network, noise: float) -> None:
        layout = map_layout(network, None)
        assert layout is not None
        self._layout = layout
        self._shape = network.output_shapes[0]
        self._low, self._high = network.outputs[0].value_range
        height, width = map_shape(self._shape, layout)
        self._size = (width, height)
        scores = {"scores first": self._shape[0], "scores last": self._shape[-1]}
        super().__init__(network, noise, scores.get(layout, int(self._high) + 1))

    def __call__(self, scene: Scene) -> list[Floats]:
        """Encode one moment."""
        regions = np.maximum(scene.class_map(self._size), 0)
        if self._noise > 0:
            regions = self._frayed(regions, scene.rng)
        if self._layout.startswith("scores"):
            return [self._scores(regions)]
        values = regions.astype(np.float32)
        return [values if self._layout == "ids" else values.reshape(self._shape)]

    def _scores(self, regions: _Regions) -> Floats:
        # In Fortran order, as the packer sends them.
        scores = np.full(self._shape, self._low, np.float32, order="F")
        by_class = scores if self._layout == "scores first" else np.moveaxis(scores, 2, 0)
        height, width = regions.shape
        rows, columns = np.ogrid[:height, :width]
        by_class[regions, rows, columns] = self._high
        return scores

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
