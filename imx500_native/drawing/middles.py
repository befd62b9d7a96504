"""Where in a region there is most room for its name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_CELLS = 64
"""The class map is looked at in at most so many cells along its longer side."""

_FEWEST = 4
"""Cells that a region must have to be named: specks of a noisy map are not."""


def region_middles(
    class_map: NDArray[np.integer[Any]], class_ids: Sequence[int]
) -> list[tuple[int, int, int]]:
    """Find the place of each class that is farthest from the edges of its regions.

    Parameters
    ----------
    class_map : ndarray
        (height, width), classes.
    class_ids : sequence of int
        Which classes to look for.

    Returns
    -------
    list of (class_id, x, y)
        In pixels, the roomiest first; classes with next to no pixels are left out.
    """
    step = -(-max(class_map.shape) // _CELLS)
    cells = class_map[step // 2 :: step, step // 2 :: step]
    wanted = np.asarray(class_ids, class_map.dtype)
    regions = cells == wanted[:, np.newaxis, np.newaxis]
    found = np.flatnonzero(regions.sum(axis=(1, 2)) >= _FEWEST)
    regions = regions[found]
    depth = np.zeros(regions.shape, np.int16)
    inside = np.zeros((len(found), regions.shape[1] + 2, regions.shape[2] + 4), bool)
    inside[:, 1:-1, 2:-2] = regions
    while inside.any():
        depth += inside[:, 1:-1, 2:-2]
        # Twice as fast from the sides, as names are wide and low.
        deeper = inside[:, 1:-1, 2:-2] & inside[:, :-2, 2:-2] & inside[:, 2:, 2:-2]
        deeper &= inside[:, 1:-1, :-4] & inside[:, 1:-1, 1:-3]
        deeper &= inside[:, 1:-1, 3:-1] & inside[:, 1:-1, 4:]
        inside[:, 1:-1, 2:-2] = deeper
    middles = []
    for which, layers in zip(found.tolist(), depth, strict=True):
        deepest = int(layers.max())
        rows, columns = np.nonzero(layers == deepest)
        # Of several equally good places, the one nearest to their middle.
        away = (rows - rows.mean()) ** 2 + (columns - columns.mean()) ** 2
        best = int(np.argmin(away))
        x, y = int(columns[best]) * step + step // 2, int(rows[best]) * step + step // 2
        middles.append((deepest, (class_ids[which], x, y)))
    middles.sort(key=lambda one: -one[0])
    return [place for _, place in middles]
