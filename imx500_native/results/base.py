"""What every result with a place and with rows has in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np

from imx500_native.errors import GeometryError, MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import numpy.typing as npt

    from imx500_native.geometry import CoordinateMapper, Outside, Size, Space

    Index = slice | npt.NDArray[np.bool_] | npt.NDArray[np.integer[Any]] | Sequence[int]


class Placed:
    """A result that lies in network space or in a picture.

    Attributes
    ----------
    space : {"network", "stream"}
        "network": places are in 0..1 of what the network saw. "stream": in pixels of a picture.
    fresh : bool
        False where the frame carried no tensors, so that "nothing found" and "not looked" differ.
    """

    __slots__ = ("fresh", "space")

    _parts: ClassVar[tuple[str, ...]]

    space: Space
    fresh: bool

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls._parts = tuple(name for part in cls.__mro__ for name in getattr(part, "__slots__", ()))

    def __iter__(self) -> Iterator[Any]:
        raise NotImplementedError

    def __contains__(self, thing: object) -> bool:
        """Tell whether something of this label was found, as in ``"dog" in detections``.

        Parameters
        ----------
        thing : str or an item of the result
            An item is found where all that it says is the same. Poses have no labels.
        """
        if isinstance(thing, str):
            # Not the items' labels: some items have masks, which take their time.
            labels, class_ids = getattr(self, "labels", None), getattr(self, "class_id", ())
            return any(label_of(labels, int(class_id)) == thing for class_id in class_ids)
        return isinstance(thing, tuple) and any(
            len(item) == len(thing) and all(map(np.array_equal, item, thing)) for item in self
        )

    def mapped(self, mapper: CoordinateMapper) -> Self:
        """Return the same result in the mapper's target space.

        Parameters
        ----------
        mapper : CoordinateMapper
            Its source space must be the space of this result.

        Returns
        -------
        Self
            A new result.

        Raises
        ------
        GeometryError
            If the mapper starts from another space.
        """
        moved = self._copy()
        moved.move_to(mapper)
        return moved

    def move_to(self, mapper: CoordinateMapper) -> None:
        """Do what `mapped` does, to this result itself.

        Parameters
        ----------
        mapper
            As for `mapped`.

        Raises
        ------
        GeometryError
            If the mapper starts from another space.
        """
        raise NotImplementedError

    def _copy(self) -> Self:
        """Return a result that shares every column."""
        made = object.__new__(type(self))
        for name in self._parts:
            setattr(made, name, getattr(self, name))
        return made

    def _check_source(self, mapper: CoordinateMapper) -> None:
        try:
            source_space = mapper.source_space
        except AttributeError:
            raise GeometryError(
                f"a result is mapped by a CoordinateMapper, such as frame.mapper(), "
                f"not by {type(mapper).__name__}"
            ) from None
        if source_space != self.space:
            raise GeometryError(
                f"this result is in {self.space} space; the mapper starts from {source_space} space"
            )


class Rows(Placed):
    """Columns of equal length, one row per thing that was found, the most confident first."""

    __slots__ = ()

    _columns: ClassVar[tuple[str, ...]]

    def __len__(self) -> int:
        return len(getattr(self, self._columns[0]))

    def __getitem__(self, index: int | Index) -> Self:
        """Return the chosen rows.

        Parameters
        ----------
        index : int, slice, boolean array or integer array
            Which rows; an int gives one row, still as the same type.

        Returns
        -------
        Self
            With the same labels, space and freshness.
        """
        rows = [index] if isinstance(index, (int, np.integer)) else index
        part = self._copy()
        for name in self._columns:
            column = getattr(self, name)
            if column is not None:
                setattr(part, name, column[rows])
        return part

    def mapped(
        self, mapper: CoordinateMapper, *, outside: Outside | Literal["drop"] = "clip"
    ) -> Self:
        """Return the same rows in the mapper's target space.

        Parameters
        ----------
        mapper : CoordinateMapper
            Its source space must be the space of these rows.
        outside : {"clip", "keep", "drop"}
            What happens to places that leave the target space, see `CoordinateMapper.boxes` and
            `CoordinateMapper.points`. "drop" leaves out the rows that do not reach into it, and
            trims the others.

        Returns
        -------
        Self
            New places; every other column is shared unless rows are left out.

        Raises
        ------
        GeometryError
            If the mapper starts from another space.
        """
        moved = self._copy()
        if outside != "drop":
            moved.move_to(mapper, outside)
            return moved
        moved.move_to(mapper, "keep")
        inside = moved._reaches_into(mapper.target_size)
        moved = self._copy()
        moved.move_to(mapper, "clip")
        return moved if inside.all() else moved[inside]

    def move_to(self, mapper: CoordinateMapper, outside: Outside = "clip") -> None:
        """Do what `mapped` does, to these rows themselves.

        Parameters
        ----------
        mapper, outside
            As for `mapped`.

        Raises
        ------
        GeometryError
            If the mapper starts from another space.
        """
        raise NotImplementedError

    def _reaches_into(self, size: Size | tuple[float, float]) -> npt.NDArray[np.bool_]:
        """Tell of every row whether some of it lies within (0, 0) and `size`."""
        raise NotImplementedError

    def _check_rows(self, shapes: Mapping[str, tuple[int | str, ...]]) -> None:
        """Require columns of the given shapes, in which words stand for lengths that agree."""
        lengths: dict[str, int] = {}
        for name, shape in shapes.items():
            column = getattr(self, name)
            if column is None:
                continue
            fits = column.ndim == len(shape) and all(
                lengths.setdefault(side, length) == length
                if isinstance(side, str)
                else side == length
                for side, length in zip(shape, column.shape, strict=True)
            )
            if not fits:
                expected = ", ".join(
                    f"{column} ({', '.join(map(str, shape))}{',' * (len(shape) == 1)})"
                    for column, shape in shapes.items()
                )
                got = ", ".join(
                    f"{column} {getattr(self, column).shape}"
                    for column in shapes
                    if getattr(self, column) is not None
                )
                raise ValueError(f"expected {expected}; got {got}")


def as_space(value: Space) -> Space:
    """Check what a result's places are said to be in, such as "pixels", which is no space.

    Raises
    ------
    GeometryError
        If it is neither "network" nor "stream".
    """
    if value in ("network", "stream"):
        return value
    raise GeometryError(
        'space must be "network", for 0 to 1 of what the network saw, or "stream", for pixels of '
        f"a picture, not {value!r:.40}"
    )


def rows_of(values: npt.ArrayLike, *sides: int) -> npt.NDArray[np.float32]:
    """Return a column of numbers; an empty list, which shows no shape, has rows of `sides`."""
    array = np.asarray(values, dtype=np.float32)
    return array.reshape(0, *sides) if array.shape == (0,) else array


def boxes_reach_into(
    xyxy: npt.NDArray[np.float32], size: Size | tuple[float, float]
) -> npt.NDArray[np.bool_]:
    """Tell of every box whether some of it lies within (0, 0) and `size`."""
    inside = (xyxy[:, 2:] > 0) & (xyxy[:, :2] < size)
    return np.asarray(inside.all(axis=1))


def label_of(labels: Sequence[str] | None, class_id: int) -> str | None:
    """Return the name of a class, or None where there is none."""
    return labels[class_id] if labels is not None and 0 <= class_id < len(labels) else None


def class_names(
    labels: Sequence[str] | None, class_id: npt.NDArray[np.int32]
) -> npt.NDArray[np.str_] | None:
    """Return the column ``class_name`` that supervision's annotators read; None without labels."""
    if labels is None:
        return None
    return np.array([label_of(labels, one) or str(one) for one in class_id.tolist()], dtype=str)


def import_supervision() -> Any:
    """Import supervision, which only ``to_supervision()`` needs.

    Raises
    ------
    MissingExtraError
        If it is not installed.
    """
    try:
        import supervision
    except ImportError:
        raise MissingExtraError(
            "to_supervision() needs the package supervision: "
            "pip install 'imx500-native[supervision]'"
        ) from None
    return supervision
