"""The class of every pixel."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np

from imx500_native import _maps
from imx500_native.results.base import Placed, as_space, class_names, import_supervision, label_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

    from imx500_native.geometry import CoordinateMapper, Space
    from imx500_native.results.base import Index

    Measured = tuple[npt.NDArray[np.int32], npt.NDArray[np.int64], npt.NDArray[np.float32]]


class Region(NamedTuple):
    """What one class covers, in plain Python values."""

    class_id: int
    label: str | None
    pixels: int
    share: float
    xyxy: tuple[float, float, float, float]


class Segmentation(Placed):
    """A map of classes, and the regions that it consists of.

    A region is all pixels of one class, connected or not. The regions are the rows of this result:
    its length, iteration, `class_id`, `areas`, `shares`, `boxes` and `masks()` go over the classes
    that occur, by ascending id, without the background.

    Parameters
    ----------
    class_map : array_like
        Class ids, integers, shape (height, width); -1 where there is no class: outside what the
        network saw, and where its answer is no class id.
    labels : sequence of str, optional
        The name of every class that the network knows, by class id.
    background : int, optional
        The class that is no region; None if every class is one.
    space : {"network", "stream"}
        "network": the map covers what the network saw, and boxes are in 0..1 of it. "stream": the
        map is as large as a picture, and boxes are in its pixels.
    fresh : bool
        False where the frame carried no tensors, so that "nothing found" and "not looked" differ.

    Attributes
    ----------
    class_map : ndarray
        int16, shape (height, width), C order. It is measured once, when a region is first asked
        for; make a new result of a map that you change.
    labels, background, space, fresh
        As the parameters.

    Raises
    ------
    ValueError
        If `class_map` has another shape, or does not hold class ids, or `space` is neither word.
    """

    __slots__ = ("_measured", "background", "class_map", "labels")

    task = "segmentation"

    class_map: npt.NDArray[np.int16]
    labels: Sequence[str] | None
    background: int | None
    _measured: Measured | None

    def __init__(
        self,
        class_map: npt.ArrayLike,
        labels: Sequence[str] | None = None,
        background: int | None = 0,
        *,
        space: Space = "network",
        fresh: bool = True,
    ) -> None:
        given = np.asarray(class_map)
        if given.ndim != 2 or given.dtype.kind not in "iu":
            raise ValueError(
                "expected class_map to hold integers, of shape (height, width), "
                f"got {given.dtype} of shape {given.shape}"
            )
        limits = np.iinfo(np.int16)
        if given.size and (given.min() < -1 or given.max() > limits.max):
            raise ValueError(
                f"expected class ids from -1 to {limits.max}, got {given.min()} to {given.max()}"
            )
        self.class_map = np.ascontiguousarray(given, dtype=np.int16)
        self.labels = labels
        self.background = background
        self.space = as_space(space)
        self.fresh = fresh
        self._measured = None

    @classmethod
    def _trusted(
        cls,
        class_map: npt.NDArray[np.int16],
        labels: Sequence[str] | None,
        background: int | None,
        space: Space,
    ) -> Self:
        """Wrap a map that our own C code has just made, without checking it again."""
        made = cls.__new__(cls)
        made.class_map = class_map
        made.labels = labels
        made.background = background
        made.space = space
        made.fresh = True
        made._measured = None
        return made

    @classmethod
    def empty(
        cls,
        *,
        labels: Sequence[str] | None = None,
        background: int | None = 0,
        space: Space = "network",
        fresh: bool = True,
    ) -> Self:
        """Return a map without pixels.

        Parameters
        ----------
        labels, background, space, fresh
            As for the class.

        Returns
        -------
        Segmentation
            Of length 0.
        """
        nothing = np.empty((0, 0), np.int16)
        return cls(nothing, labels, background, space=space, fresh=fresh)

    def _regions(self) -> Measured:
        """Measure the map once; the background is left out each time, for it may be changed."""
        if self._measured is None:
            self._measured = _maps.regions(self.class_map)
        class_id, areas, boxes = self._measured
        if self.background is None:
            return self._measured
        kept = class_id != self.background
        return class_id[kept], areas[kept], boxes[kept]

    @property
    def class_id(self) -> npt.NDArray[np.int32]:
        """The classes that occur, ascending, int32, shape (m,)."""
        return self._regions()[0]

    @property
    def areas(self) -> npt.NDArray[np.int64]:
        """How many pixels of the map each class covers, int64, shape (m,)."""
        return self._regions()[1]

    @property
    def shares(self) -> npt.NDArray[np.float64]:
        """Which part of the whole map each class covers, 0 to 1, float64, shape (m,)."""
        shares: npt.NDArray[np.float64] = self.areas / max(self.class_map.size, 1)
        return shares

    @property
    def boxes(self) -> npt.NDArray[np.float32]:
        """The extent of each class in `space`, float32, shape (m, 4): x0, y0, x1, y1.

        From where its first column and row begin to where the last ones end.
        """
        boxes = self._regions()[2]
        return boxes / self._pixels_per_unit() if self.space == "network" else boxes

    def _pixels_per_unit(self) -> npt.NDArray[np.float32]:
        height, width = self.class_map.shape
        return np.array([width, height, width, height], np.float32)

    def mask(self, class_id: int) -> npt.NDArray[np.bool_]:
        """Return where the map has a class.

        Parameters
        ----------
        class_id : int
            Any; -1 for the pixels without a class.

        Returns
        -------
        ndarray
            bool, the shape of `class_map`.
        """
        return np.equal(self.class_map, class_id)

    def masks(self) -> npt.NDArray[np.bool_]:
        """Return the mask of every region.

        Returns
        -------
        ndarray
            bool, shape (m, height, width), in the order of `class_id`.
        """
        return _maps.masks(self.class_map, self.class_id)

    def __len__(self) -> int:
        return len(self.class_id)

    def __iter__(self) -> Iterator[Region]:
        for class_id, pixels, share, box in zip(
            self.class_id.tolist(),
            self.areas.tolist(),
            self.shares.tolist(),
            self.boxes.tolist(),
            strict=True,
        ):
            yield Region(class_id, label_of(self.labels, class_id), pixels, share, tuple(box))

    def __getitem__(self, index: int | Index) -> Self:
        """Return a map of the chosen regions only.

        Parameters
        ----------
        index : int, slice, boolean array or integer array
            Which rows of `class_id`; they stay in ascending order.

        Returns
        -------
        Segmentation
            With the same labels, background, space and freshness; every pixel of another class,
            and of the background, has no class (-1).
        """
        chosen = self.class_id[[index] if isinstance(index, (int, np.integer)) else index]
        # The last entry is that of -1.
        table = np.full(int(self.class_map.max(initial=-1)) + 2, -1, np.int16)
        table[chosen] = chosen
        part = self._copy()
        part.class_map = table[self.class_map]
        part._measured = None
        return part

    def move_to(self, mapper: CoordinateMapper) -> None:
        """Make a map of the mapper's picture: each of its pixels has the class under its centre.

        Parameters
        ----------
        mapper : CoordinateMapper
            From network space to a picture.

        Raises
        ------
        GeometryError
            If the mapper starts from another space.
        """
        self._check_source(mapper)
        if self.class_map.size or self.fresh:
            height, width = self.class_map.shape
            self.class_map = _nearest_pixels(mapper, width, height).placed(self.class_map)
        self._measured = None
        self.space = mapper.target_space

    def to_dict(self) -> dict[str, Any]:
        """Return everything but the map itself in builtins, ready for `json.dumps`.

        Returns
        -------
        dict
            ``space``, ``fresh``, ``size`` (width and height of the map), ``background`` and
            ``regions``: a list with ``label``, ``class_id``, ``pixels``, ``share`` and ``xyxy``.
        """
        height, width = self.class_map.shape
        return {
            "space": self.space,
            "fresh": self.fresh,
            "size": [width, height],
            "background": self.background,
            "regions": [
                {
                    "label": region.label,
                    "class_id": region.class_id,
                    "pixels": region.pixels,
                    "share": region.share,
                    "xyxy": list(region.xyxy),
                }
                for region in self
            ],
        }

    def to_supervision(self) -> Any:
        """Return a ``supervision.Detections`` with one row and one mask for each region.

        Returns
        -------
        supervision.Detections
            Boxes are in pixels of the masks, as supervision expects, in network space too. There
            is no confidence; ``data["class_name"]`` holds the labels where they are known.

        Raises
        ------
        MissingExtraError
            If the package ``supervision`` is not installed.
        """
        supervision = import_supervision()
        class_id, _, boxes = self._regions()
        names = class_names(self.labels, class_id)
        return supervision.Detections(
            xyxy=boxes,
            mask=_maps.masks(self.class_map, class_id),
            class_id=class_id,
            data={} if names is None else {"class_name": names},
        )

    def __repr__(self) -> str:
        height, width = self.class_map.shape
        freshness = "" if self.fresh else ", not fresh"
        return (
            f"<Segmentation: {len(self)} regions in {width}x{height}, "
            f"{self.space} space{freshness}>"
        )


@lru_cache(maxsize=16)
def _nearest_pixels(mapper: CoordinateMapper, width: int, height: int) -> _maps.NearestPixels:
    """Return where the pixels of a mapper's picture fall in a map; both rarely change."""
    back = mapper.inverse()
    picture_width, picture_height = (round(side) for side in mapper.target_size)
    across = np.full((picture_width, 2), 0.5)
    across[:, 0] += np.arange(picture_width)
    down = np.full((picture_height, 2), 0.5)
    down[:, 1] += np.arange(picture_height)
    return _maps.NearestPixels(
        back.points(across, outside="keep"),
        back.points(down, outside="keep"),
        (width, height),
        mapper.swapped,
    )
