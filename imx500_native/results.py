"""What a network found, as structs of arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from imx500_native.errors import GeometryError, MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import numpy.typing as npt

    from imx500_native.geometry import CoordinateMapper, Outside, Space

    Index = slice | npt.NDArray[np.bool_] | npt.NDArray[np.integer[Any]] | Sequence[int]


class Detection(NamedTuple):
    """One detected object, in plain Python values."""

    xyxy: tuple[float, float, float, float]
    confidence: float
    class_id: int
    tracker_id: int | None
    label: str | None


class Detections:
    """Detected objects, most confident first.

    Parameters
    ----------
    xyxy : array_like
        Boxes in corner form, shape (n, 4), in `space`.
    confidence : array_like
        Scores, shape (n,).
    class_id : array_like
        Classes, shape (n,); -1 where the network gave no valid class.
    tracker_id : array_like, optional
        Identities from a tracker, shape (n,).
    labels : sequence of str, optional
        The name of every class that the network knows, by class id.
    data : mapping, optional
        More columns, by name; each has n rows.
    space : {"network", "stream"}
        "network": boxes are in 0..1 of what the network saw. "stream": in pixels of a picture.
    fresh : bool
        False where the frame carried no tensors, so that "nothing found" and "not looked" differ.

    Attributes
    ----------
    xyxy : ndarray
        float32, shape (n, 4).
    confidence : ndarray
        float32, shape (n,).
    class_id : ndarray
        int32, shape (n,).
    tracker_id : ndarray or None
        int64, shape (n,).
    labels, data, space, fresh
        As the parameters.

    Raises
    ------
    ValueError
        If the columns do not have n rows each.
    """

    __slots__ = (
        "class_id",
        "confidence",
        "data",
        "fresh",
        "labels",
        "space",
        "tracker_id",
        "xyxy",
    )

    xyxy: npt.NDArray[np.float32]
    confidence: npt.NDArray[np.float32]
    class_id: npt.NDArray[np.int32]
    tracker_id: npt.NDArray[np.int64] | None
    labels: Sequence[str] | None
    data: dict[str, npt.NDArray[Any]]
    space: Space
    fresh: bool

    def __init__(
        self,
        xyxy: npt.ArrayLike,
        confidence: npt.ArrayLike,
        class_id: npt.ArrayLike,
        tracker_id: npt.ArrayLike | None = None,
        labels: Sequence[str] | None = None,
        data: Mapping[str, npt.ArrayLike] | None = None,
        *,
        space: Space = "network",
        fresh: bool = True,
    ) -> None:
        self.xyxy = np.asarray(xyxy, dtype=np.float32)
        self.confidence = np.asarray(confidence, dtype=np.float32)
        self.class_id = np.asarray(class_id, dtype=np.int32)
        self.tracker_id = None if tracker_id is None else np.asarray(tracker_id, dtype=np.int64)
        self.labels = labels
        self.data = {name: np.asarray(column) for name, column in (data or {}).items()}
        self.space = space
        self.fresh = fresh
        rows = len(self.confidence) if self.confidence.ndim == 1 else -1
        columns = {"class_id": self.class_id, **self.data}
        if self.tracker_id is not None:
            columns["tracker_id"] = self.tracker_id
        if self.xyxy.shape != (rows, 4) or any(len(c) != rows for c in columns.values()):
            shapes = {"xyxy": self.xyxy, "confidence": self.confidence, **columns}
            listed = ", ".join(f"{name} {column.shape}" for name, column in shapes.items())
            raise ValueError(f"expected xyxy (n, 4) and n rows in every other column, got {listed}")

    @classmethod
    def _trusted(
        cls,
        xyxy: npt.NDArray[np.float32],
        confidence: npt.NDArray[np.float32],
        class_id: npt.NDArray[np.int32],
        labels: Sequence[str] | None,
        space: Space,
    ) -> Detections:
        """Wrap columns that our own C code has just made, without checking them again."""
        made = cls.__new__(cls)
        made.xyxy = xyxy
        made.confidence = confidence
        made.class_id = class_id
        made.tracker_id = None
        made.labels = labels
        made.data = {}
        made.space = space
        made.fresh = True
        return made

    @classmethod
    def empty(
        cls,
        *,
        labels: Sequence[str] | None = None,
        space: Space = "network",
        fresh: bool = True,
    ) -> Detections:
        """Return no detections.

        Parameters
        ----------
        labels, space, fresh
            As for the class.

        Returns
        -------
        Detections
            Of length 0.
        """
        return cls(np.empty((0, 4)), [], [], labels=labels, space=space, fresh=fresh)

    def __len__(self) -> int:
        return len(self.confidence)

    def __iter__(self) -> Iterator[Detection]:
        ids = [None] * len(self) if self.tracker_id is None else self.tracker_id.tolist()
        labels = self.labels or ()
        for box, confidence, class_id, tracker_id in zip(
            self.xyxy.tolist(), self.confidence.tolist(), self.class_id.tolist(), ids, strict=True
        ):
            label = labels[class_id] if 0 <= class_id < len(labels) else None
            yield Detection(tuple(box), confidence, class_id, tracker_id, label)

    def __getitem__(self, index: int | Index) -> Detections:
        """Return the chosen rows.

        Parameters
        ----------
        index : int, slice, boolean array or integer array
            Which rows; an int gives one row, still as `Detections`.

        Returns
        -------
        Detections
            With the same labels, space and freshness.
        """
        rows = [index] if isinstance(index, (int, np.integer)) else index
        part = self._copy()
        part.xyxy = self.xyxy[rows]
        part.confidence = self.confidence[rows]
        part.class_id = self.class_id[rows]
        part.tracker_id = None if self.tracker_id is None else self.tracker_id[rows]
        part.data = {name: column[rows] for name, column in self.data.items()}
        return part

    def _copy(self) -> Detections:
        made = Detections._trusted(
            self.xyxy, self.confidence, self.class_id, self.labels, self.space
        )
        made.tracker_id = self.tracker_id
        made.data = self.data
        made.fresh = self.fresh
        return made

    def mapped(
        self, mapper: CoordinateMapper, *, outside: Outside | Literal["drop"] = "clip"
    ) -> Detections:
        """Return the same detections in the mapper's target space.

        Parameters
        ----------
        mapper : CoordinateMapper
            Its source space must be the space of these detections.
        outside : {"clip", "keep", "drop"}
            What happens to boxes that leave the target space, see `CoordinateMapper.boxes`.
            "drop" leaves out the rows whose box does not reach into it, and trims the others.

        Returns
        -------
        Detections
            New boxes; every other column is shared unless rows are left out.

        Raises
        ------
        GeometryError
            If the mapper starts from another space.
        """
        mapped = self._copy()
        if outside != "drop":
            mapped.move_to(mapper, outside)
            return mapped
        mapped.move_to(mapper, "keep")
        inside = (mapped.xyxy[:, 2:] > 0) & (mapped.xyxy[:, :2] < mapper.target_size)
        mapped.xyxy = mapper.boxes(self.xyxy)
        return mapped[np.asarray(inside.all(axis=1))]

    def move_to(self, mapper: CoordinateMapper, outside: Outside = "clip") -> None:
        """Do what `mapped` does, to these detections themselves.

        Parameters
        ----------
        mapper, outside
            As for `mapped`.

        Raises
        ------
        GeometryError
            If the mapper starts from another space.
        """
        if mapper.source_space != self.space:
            raise GeometryError(
                f"these detections are in {self.space} space; "
                f"the mapper starts from {mapper.source_space} space"
            )
        self.xyxy = mapper.boxes(self.xyxy, outside=outside)
        self.space = mapper.target_space

    def to_dict(self) -> dict[str, Any]:
        """Return everything in builtins, ready for `json.dumps`.

        Returns
        -------
        dict
            ``space``, ``fresh`` and ``detections``: a list with ``xyxy``, ``confidence``,
            ``class_id``, ``label``, and ``tracker_id`` and the extra columns where there are any.
        """
        rows = []
        extra = {name: column.tolist() for name, column in self.data.items()}
        for i, detection in enumerate(self):
            row: dict[str, Any] = {
                "label": detection.label,
                "class_id": detection.class_id,
                "confidence": detection.confidence,
                "xyxy": list(detection.xyxy),
            }
            if detection.tracker_id is not None:
                row["tracker_id"] = detection.tracker_id
            row.update((name, column[i]) for name, column in extra.items())
            rows.append(row)
        return {"space": self.space, "fresh": self.fresh, "detections": rows}

    def to_supervision(self) -> Any:
        """Return a ``supervision.Detections`` with these rows.

        Returns
        -------
        supervision.Detections
            ``data["class_name"]`` holds the labels where they are known.

        Raises
        ------
        MissingExtraError
            If the package ``supervision`` is not installed.
        """
        try:
            import supervision
        except ImportError:
            raise MissingExtraError(
                "to_supervision() needs the package supervision: "
                "pip install 'imx500-native[supervision]'"
            ) from None
        data: dict[str, Any] = dict(self.data)
        if self.labels is not None:
            names = [d.label if d.label is not None else str(d.class_id) for d in self]
            data["class_name"] = np.array(names, dtype=str)
        return supervision.Detections(
            xyxy=self.xyxy,
            confidence=self.confidence,
            class_id=self.class_id,
            tracker_id=self.tracker_id,
            data=data,
        )

    def __repr__(self) -> str:
        freshness = "" if self.fresh else ", not fresh"
        return f"<Detections: {len(self)} in {self.space} space{freshness}>"
