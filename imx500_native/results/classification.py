"""The classes of a whole picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Self

import numpy as np

from imx500_native.results.base import Rows, import_supervision, label_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

    from imx500_native.geometry import CoordinateMapper, Outside


class ClassScore(NamedTuple):
    """One class and how sure the network is of it, in plain Python values."""

    label: str | None
    confidence: float
    class_id: int


class Classification(Rows):
    """The classes that the network thinks of, most confident first.

    They are of what the network saw as a whole and have no place, so mapping changes nothing.

    Parameters
    ----------
    class_id : array_like
        Classes, shape (k,).
    confidence : array_like
        Their probabilities, shape (k,).
    labels : sequence of str, optional
        The name of every class that the network knows, by class id.
    fresh : bool
        False where the frame carried no tensors, so that "nothing found" and "not looked" differ.

    Attributes
    ----------
    class_id : ndarray
        int32, shape (k,).
    confidence : ndarray
        float32, shape (k,).
    space : str
        Always "stream": there is nothing to map.
    labels, fresh
        As the parameters.

    Raises
    ------
    ValueError
        If the columns do not have k rows each.
    """

    __slots__ = ("class_id", "confidence", "labels")

    task = "classification"

    _columns = ("confidence", "class_id")

    class_id: npt.NDArray[np.int32]
    confidence: npt.NDArray[np.float32]
    labels: Sequence[str] | None

    def __init__(
        self,
        class_id: npt.ArrayLike,
        confidence: npt.ArrayLike,
        labels: Sequence[str] | None = None,
        *,
        fresh: bool = True,
    ) -> None:
        self.class_id = np.asarray(class_id, dtype=np.int32)
        self.confidence = np.asarray(confidence, dtype=np.float32)
        self.labels = labels
        self.space = "stream"
        self.fresh = fresh
        self._check_rows({"class_id": ("k",), "confidence": ("k",)})

    @classmethod
    def _trusted(
        cls,
        class_id: npt.NDArray[np.int32],
        confidence: npt.NDArray[np.float32],
        labels: Sequence[str] | None,
    ) -> Self:
        """Wrap columns that our own C code has just made, without checking them again."""
        made = cls.__new__(cls)
        made.class_id = class_id
        made.confidence = confidence
        made.labels = labels
        made.space = "stream"
        made.fresh = True
        return made

    @classmethod
    def empty(cls, *, labels: Sequence[str] | None = None, fresh: bool = True) -> Self:
        """Return no classes.

        Parameters
        ----------
        labels, fresh
            As for the class.

        Returns
        -------
        Classification
            Of length 0.
        """
        return cls([], [], labels, fresh=fresh)

    def __iter__(self) -> Iterator[ClassScore]:
        for confidence, class_id in zip(
            self.confidence.tolist(), self.class_id.tolist(), strict=True
        ):
            yield ClassScore(label_of(self.labels, class_id), confidence, class_id)

    def mapped(
        self,
        mapper: CoordinateMapper,  # noqa: ARG002 - as for results with a place
        *,
        outside: Outside | Literal["drop"] = "clip",  # noqa: ARG002
    ) -> Self:
        """Return this result itself: a class has no place.

        Parameters
        ----------
        mapper, outside
            As for results with a place.

        Returns
        -------
        Classification
        """
        return self

    def move_to(self, mapper: CoordinateMapper, outside: Outside = "clip") -> None:
        """Change nothing: a class has no place.

        Parameters
        ----------
        mapper, outside
            As for results with a place.
        """

    def to_dict(self) -> dict[str, Any]:
        """Return everything in builtins, ready for `json.dumps`.

        Returns
        -------
        dict
            ``fresh`` and ``classes``: a list with ``label``, ``confidence`` and ``class_id``.
        """
        return {"fresh": self.fresh, "classes": [score._asdict() for score in self]}

    def to_supervision(self) -> Any:
        """Return a ``supervision.Classifications`` with these rows.

        Returns
        -------
        supervision.Classifications
            It has no place for labels.

        Raises
        ------
        MissingExtraError
            If the package ``supervision`` is not installed.
        """
        supervision = import_supervision()
        return supervision.Classifications(class_id=self.class_id, confidence=self.confidence)

    def __repr__(self) -> str:
        return f"<Classification: {len(self)} classes{'' if self.fresh else ', not fresh'}>"
