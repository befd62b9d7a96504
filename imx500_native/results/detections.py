"""Objects with boxes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np

from imx500_native.results.base import (
    Rows,
    as_space,
    boxes_reach_into,
    class_names,
    import_supervision,
    label_of,
    rows_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import numpy.typing as npt

    from imx500_native.geometry import CoordinateMapper, Outside, Space
    from imx500_native.results.base import Index


class Detection(NamedTuple):
    """One detected object, in plain Python values."""

    xyxy: tuple[float, float, float, float]
    confidence: float
    class_id: int
    tracker_id: int | None
    label: str | None


class Detections(Rows):
    """Detected objects, most confident first.

    Parameters
    ----------
    xyxy : array_like
        Boxes in corner form, shape (n, 4), in `space`; an empty list where there are none.
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
        If the columns do not have n rows each, or `space` is neither word.
    """

    __slots__ = ("class_id", "confidence", "data", "labels", "tracker_id", "xyxy")

    task = "object detection"

    _columns = ("confidence", "xyxy", "class_id", "tracker_id")

    xyxy: npt.NDArray[np.float32]
    confidence: npt.NDArray[np.float32]
    class_id: npt.NDArray[np.int32]
    tracker_id: npt.NDArray[np.int64] | None
    labels: Sequence[str] | None
    data: dict[str, npt.NDArray[Any]]

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
        self.xyxy = rows_of(xyxy, 4)
        self.confidence = np.asarray(confidence, dtype=np.float32)
        self.class_id = np.asarray(class_id, dtype=np.int32)
        self.tracker_id = None if tracker_id is None else np.asarray(tracker_id, dtype=np.int64)
        self.labels = labels
        self.data = {name: np.asarray(column) for name, column in (data or {}).items()}
        self.space = as_space(space)
        self.fresh = fresh
        self._check_rows(
            {"xyxy": ("n", 4), "confidence": ("n",), "class_id": ("n",), "tracker_id": ("n",)}
        )
        for name, column in self.data.items():
            if len(column) != len(self):
                raise ValueError(f"expected {len(self)} rows in {name}, got {len(column)}")

    @classmethod
    def _trusted(
        cls,
        xyxy: npt.NDArray[np.float32],
        confidence: npt.NDArray[np.float32],
        class_id: npt.NDArray[np.int32],
        labels: Sequence[str] | None,
        space: Space,
    ) -> Self:
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
    ) -> Self:
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
        return cls([], [], [], labels=labels, space=space, fresh=fresh)

    def __iter__(self) -> Iterator[Detection]:
        ids = [None] * len(self) if self.tracker_id is None else self.tracker_id.tolist()
        for box, confidence, class_id, tracker_id in zip(
            self.xyxy.tolist(), self.confidence.tolist(), self.class_id.tolist(), ids, strict=True
        ):
            label = label_of(self.labels, class_id)
            yield Detection(tuple(box), confidence, class_id, tracker_id, label)

    def __getitem__(self, index: int | Index) -> Self:
        """Return the chosen rows, as `Rows.__getitem__` does."""
        part = super().__getitem__(index)
        if self.data:
            rows = [index] if isinstance(index, (int, np.integer)) else index
            part.data = {name: column[rows] for name, column in self.data.items()}
        return part

    def move_to(self, mapper: CoordinateMapper, outside: Outside = "clip") -> None:
        """Move the boxes themselves to the mapper's target space.

        Parameters
        ----------
        mapper, outside
            As for `mapped`.

        Raises
        ------
        GeometryError
            If the mapper starts from another space.
        """
        self._check_source(mapper)
        self.xyxy = mapper.boxes(self.xyxy, outside=outside)
        self.space = mapper.target_space

    def _reaches_into(self, size: tuple[float, float]) -> npt.NDArray[np.bool_]:
        return boxes_reach_into(self.xyxy, size)

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
        supervision = import_supervision()
        data: dict[str, Any] = dict(self.data)
        names = class_names(self.labels, self.class_id)
        if names is not None:
            data["class_name"] = names
        return supervision.Detections(
            xyxy=self.xyxy,
            confidence=self.confidence,
            class_id=self.class_id,
            tracker_id=self.tracker_id,
            data=data,
        )

    def __repr__(self) -> str:
        return (
            f"<Detections: {len(self)} in {self.space} space{'' if self.fresh else ', not fresh'}>"
        )
