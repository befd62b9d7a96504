"""Objects with masks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np

from imx500_native import _masks
from imx500_native.errors import GeometryError
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
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

    from imx500_native.geometry import CoordinateMapper, Outside, Size, Space

# (height, width) of the masks of the usual networks, where nobody says another.
_USUAL_SIZE = (160, 160)


class InstanceMask(NamedTuple):
    """One object: where it is, and which pixels it covers, an array (height, width) of bool."""

    mask: npt.NDArray[np.bool_]
    xyxy: tuple[float, float, float, float]
    confidence: float
    class_id: int
    tracker_id: int | None
    label: str | None


class _Picture(NamedTuple):
    """Where the pixels of a picture are in what the network saw; see `_masks.picture_masks`."""

    x: tuple[float, float, int]
    y: tuple[float, float, int]
    swapped: bool


class InstanceMasks(Rows):
    """Objects and the pixels that they cover, most confident first.

    Parameters
    ----------
    xyxy : array_like
        Boxes in corner form, shape (n, 4), in `space`. A mask ends at its box.
    confidence : array_like
        Scores, shape (n,).
    class_id : array_like
        Classes, shape (n,); -1 where the network gave no valid class.
    logits : array_like
        Shape (n, h, w): above 0 where a pixel belongs to the object. In network space they cover
        the whole of what the network saw; in stream space they are the picture's own pixels.
        Outside the boxes they need not be filled.
    tracker_id : array_like, optional
        Identities from a tracker, shape (n,).
    labels : sequence of str, optional
        The name of every class that the network knows, by class id.
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
    logits : ndarray
        float32, shape (n, h, w); `mapped` leaves them as they are.
    tracker_id : ndarray or None
        int64, shape (n,).
    labels, space, fresh
        As the parameters.

    Raises
    ------
    ValueError
        If the columns do not fit each other, or `space` is neither word.
    """

    __slots__ = (
        "_masks",
        "_picture",
        "class_id",
        "confidence",
        "labels",
        "logits",
        "tracker_id",
        "xyxy",
    )

    task = "instance segmentation"

    _columns = ("confidence", "xyxy", "class_id", "logits", "tracker_id", "_masks")

    xyxy: npt.NDArray[np.float32]
    confidence: npt.NDArray[np.float32]
    class_id: npt.NDArray[np.int32]
    logits: npt.NDArray[np.float32]
    tracker_id: npt.NDArray[np.int64] | None
    labels: Sequence[str] | None
    _masks: npt.NDArray[np.bool_] | None
    _picture: _Picture | None

    def __init__(
        self,
        xyxy: npt.ArrayLike,
        confidence: npt.ArrayLike,
        class_id: npt.ArrayLike,
        logits: npt.ArrayLike,
        tracker_id: npt.ArrayLike | None = None,
        labels: Sequence[str] | None = None,
        *,
        space: Space = "network",
        fresh: bool = True,
    ) -> None:
        self.xyxy = rows_of(xyxy, 4)
        self.confidence = np.asarray(confidence, dtype=np.float32)
        self.class_id = np.asarray(class_id, dtype=np.int32)
        self.logits = rows_of(logits, *_USUAL_SIZE)
        self.tracker_id = None if tracker_id is None else np.asarray(tracker_id, dtype=np.int64)
        self.labels = labels
        self.space = as_space(space)
        self.fresh = fresh
        self._masks = None
        self._picture = None
        self._check_rows(
            {
                "xyxy": ("n", 4),
                "confidence": ("n",),
                "class_id": ("n",),
                "logits": ("n", "h", "w"),
                "tracker_id": ("n",),
            }
        )

    @classmethod
    def _trusted(
        cls,
        xyxy: npt.NDArray[np.float32],
        confidence: npt.NDArray[np.float32],
        class_id: npt.NDArray[np.int32],
        logits: npt.NDArray[np.float32],
        labels: Sequence[str] | None,
        space: Space,
    ) -> Self:
        """Wrap columns that our own C code has just made, without checking them again."""
        made = cls.__new__(cls)
        made.xyxy = xyxy
        made.confidence = confidence
        made.class_id = class_id
        made.logits = logits
        made.tracker_id = None
        made.labels = labels
        made.space = space
        made.fresh = True
        made._masks = None
        made._picture = None
        return made

    @classmethod
    def empty(
        cls,
        shape: tuple[int, int] = _USUAL_SIZE,
        *,
        labels: Sequence[str] | None = None,
        space: Space = "network",
        fresh: bool = True,
    ) -> Self:
        """Return no objects.

        Parameters
        ----------
        shape : tuple of int
            (height, width) that the logits of an object would have.
        labels, space, fresh
            As for the class.

        Returns
        -------
        InstanceMasks
            Of length 0.
        """
        nothing = np.empty((0, *shape), np.float32)
        return cls(np.empty((0, 4)), [], [], nothing, labels=labels, space=space, fresh=fresh)

    @property
    def masks(self) -> npt.NDArray[np.bool_]:
        """Which pixels belong to each object, bool, shape (n, h, w).

        In network space a pixel of the logits; in stream space a pixel of the picture, at whose
        centre the logits are interpolated. They are worked out at the first use: leave rows out
        before it.
        """
        if self._masks is None:
            if self._picture is not None:
                self._masks = _masks.picture_masks(self.logits, self.xyxy, *self._picture)
            elif self.space == "network":
                self._masks = _masks.network_masks(self.logits, self.xyxy)
            else:
                height, width = self.logits.shape[1:]
                size = np.array([width, height, width, height], np.float32)
                self._masks = _masks.network_masks(self.logits, self.xyxy / size)
        return self._masks

    def __iter__(self) -> Iterator[InstanceMask]:
        ids = [None] * len(self) if self.tracker_id is None else self.tracker_id.tolist()
        for mask, box, confidence, class_id, tracker_id in zip(
            self.masks,
            self.xyxy.tolist(),
            self.confidence.tolist(),
            self.class_id.tolist(),
            ids,
            strict=True,
        ):
            label = label_of(self.labels, class_id)
            yield InstanceMask(mask, tuple(box), confidence, class_id, tracker_id, label)

    def move_to(self, mapper: CoordinateMapper, outside: Outside = "clip") -> None:
        """Move the boxes themselves, and with them the masks, to the mapper's target space.

        Parameters
        ----------
        mapper, outside
            As for `mapped`.

        Raises
        ------
        GeometryError
            If the mapper starts from another space, or the logits are a picture's own and there is
            no way back.
        """
        self._check_source(mapper)
        picture = None
        if mapper.target_space == "stream":
            picture = _picture_of(mapper)
        elif self._picture is None:
            raise GeometryError("masks that were made in a picture cannot go to network space")
        self.xyxy = mapper.boxes(self.xyxy, outside=outside)
        self.space = mapper.target_space
        self._picture = picture
        self._masks = None

    def _reaches_into(self, size: Size | tuple[float, float]) -> npt.NDArray[np.bool_]:
        return boxes_reach_into(self.xyxy, size)

    def to_dict(self) -> dict[str, Any]:
        """Return everything but the masks themselves in builtins, ready for `json.dumps`.

        Returns
        -------
        dict
            ``space``, ``fresh``, ``mask_size`` (width, height) and ``objects``: a list with
            ``label``, ``class_id``, ``confidence``, ``xyxy``, ``pixels`` (how many the mask has),
            and ``tracker_id`` where there is one.
        """
        rows = []
        for one in self:
            row: dict[str, Any] = {
                "label": one.label,
                "class_id": one.class_id,
                "confidence": one.confidence,
                "xyxy": list(one.xyxy),
                "pixels": int(np.count_nonzero(one.mask)),
            }
            if one.tracker_id is not None:
                row["tracker_id"] = one.tracker_id
            rows.append(row)
        height, width = self.masks.shape[1:]
        return {
            "space": self.space,
            "fresh": self.fresh,
            "mask_size": [width, height],
            "objects": rows,
        }

    def to_supervision(self) -> Any:
        """Return a ``supervision.Detections`` with these rows and ``mask``.

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
        names = class_names(self.labels, self.class_id)
        return supervision.Detections(
            xyxy=self.xyxy,
            mask=self.masks,
            confidence=self.confidence,
            class_id=self.class_id,
            tracker_id=self.tracker_id,
            data={} if names is None else {"class_name": names},
        )

    def __repr__(self) -> str:
        freshness = "" if self.fresh else ", not fresh"
        return f"<InstanceMasks: {len(self)} in {self.space} space{freshness}>"


def _picture_of(mapper: CoordinateMapper) -> _Picture:
    """Return where a picture's pixels are in network space."""
    width, height = (round(side) for side in mapper.target_size)
    x, y = mapper.inverse().pairs
    if mapper.swapped:
        x, y = y, x
    return _Picture((*x, width), (*y, height), mapper.swapped)
