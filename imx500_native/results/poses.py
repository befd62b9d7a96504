"""People with keypoints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np

from imx500_native.results.base import Rows, as_space, boxes_reach_into, import_supervision, rows_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

    from imx500_native.geometry import CoordinateMapper, Outside, Space

COCO_KEYPOINTS = (
    "nose",
    "left eye",
    "right eye",
    "left ear",
    "right ear",
    "left shoulder",
    "right shoulder",
    "left elbow",
    "right elbow",
    "left wrist",
    "right wrist",
    "left hip",
    "right hip",
    "left knee",
    "right knee",
    "left ankle",
    "right ankle",
)
"""The keypoints of a person in the COCO data set; left and right are the person's own."""

COCO_SKELETON = (
    *((0, 1), (0, 2), (1, 3), (2, 4)),
    *((5, 6), (5, 7), (7, 9), (6, 8), (8, 10)),
    *((5, 11), (6, 12), (11, 12)),
    *((11, 13), (13, 15), (12, 14), (14, 16)),
)
"""Which of `COCO_KEYPOINTS` are joined by a limb."""


class Pose(NamedTuple):
    """One person, in plain Python values; a keypoint that was not found is None."""

    xy: tuple[tuple[float, float] | None, ...]
    keypoint_confidence: tuple[float, ...]
    confidence: float
    xyxy: tuple[float, float, float, float] | None
    tracker_id: int | None


class Poses(Rows):
    """People and their keypoints, the most confident person first.

    Parameters
    ----------
    xy : array_like
        Keypoints, shape (n, k, 2), in `space`; NaN where a keypoint was not found.
    keypoint_confidence : array_like
        Shape (n, k); 0 where a keypoint was not found.
    detection_confidence : array_like
        Of each person, shape (n,).
    xyxy : array_like, optional
        Boxes in corner form, shape (n, 4), where the network gives them; see `boxes`.
    tracker_id : array_like, optional
        Identities from a tracker, shape (n,).
    keypoint_names : sequence of str, optional
        One for each of the k keypoints; `COCO_KEYPOINTS` where there are 17 and none are given.
    skeleton : sequence of (int, int), optional
        Keypoints that are joined; `COCO_SKELETON` where there are 17 and none are given.
    space : {"network", "stream"}
        "network": places are in 0..1 of what the network saw. "stream": in pixels of a picture.
    fresh : bool
        False where the frame carried no tensors, so that "nobody found" and "not looked" differ.

    Attributes
    ----------
    xy : ndarray
        float32, shape (n, k, 2).
    keypoint_confidence : ndarray
        float32, shape (n, k).
    detection_confidence : ndarray
        float32, shape (n,).
    xyxy : ndarray or None
        float32, shape (n, 4).
    tracker_id : ndarray or None
        int64, shape (n,).
    keypoint_names : tuple of str or None
    skeleton : tuple of (int, int)
    space, fresh
        As the parameters.

    Raises
    ------
    ValueError
        If the columns do not fit each other, or `space` is neither word.
    """

    __slots__ = (
        "detection_confidence",
        "keypoint_confidence",
        "keypoint_names",
        "skeleton",
        "tracker_id",
        "xy",
        "xyxy",
    )

    task = "pose estimation"

    _columns = ("detection_confidence", "keypoint_confidence", "xy", "xyxy", "tracker_id")

    xy: npt.NDArray[np.float32]
    keypoint_confidence: npt.NDArray[np.float32]
    detection_confidence: npt.NDArray[np.float32]
    xyxy: npt.NDArray[np.float32] | None
    tracker_id: npt.NDArray[np.int64] | None
    keypoint_names: tuple[str, ...] | None
    skeleton: tuple[tuple[int, int], ...]

    def __init__(
        self,
        xy: npt.ArrayLike,
        keypoint_confidence: npt.ArrayLike,
        detection_confidence: npt.ArrayLike,
        xyxy: npt.ArrayLike | None = None,
        tracker_id: npt.ArrayLike | None = None,
        keypoint_names: Sequence[str] | None = None,
        skeleton: Sequence[tuple[int, int]] | None = None,
        *,
        space: Space = "network",
        fresh: bool = True,
    ) -> None:
        names = None if keypoint_names is None else tuple(keypoint_names)
        self.xy = rows_of(xy, len(COCO_KEYPOINTS if names is None else names), 2)
        self.keypoint_confidence = rows_of(keypoint_confidence, *self.xy.shape[1:2])
        self.detection_confidence = np.asarray(detection_confidence, dtype=np.float32)
        self.xyxy = None if xyxy is None else rows_of(xyxy, 4)
        self.tracker_id = None if tracker_id is None else np.asarray(tracker_id, dtype=np.int64)
        self.space = as_space(space)
        self.fresh = fresh
        self._check_rows(
            {
                "xy": ("n", "k", 2),
                "keypoint_confidence": ("n", "k"),
                "detection_confidence": ("n",),
                "xyxy": ("n", 4),
                "tracker_id": ("n",),
            }
        )
        keypoints = self.xy.shape[1]
        self.keypoint_names, self.skeleton = skeleton_of(keypoints)
        if names is not None:
            self.keypoint_names = names
            if len(names) != keypoints:
                raise ValueError(
                    f"expected {keypoints} keypoint_names, one for each keypoint, got {len(names)}"
                )
        if skeleton is not None:
            self.skeleton = tuple((int(start), int(end)) for start, end in skeleton)
            if any(not 0 <= end < keypoints for limb in self.skeleton for end in limb):
                raise ValueError(
                    f"expected limbs between keypoints 0 to {keypoints - 1}, got {skeleton!r:.80}"
                )

    @classmethod
    def _trusted(
        cls,
        xy: npt.NDArray[np.float32],
        keypoint_confidence: npt.NDArray[np.float32],
        detection_confidence: npt.NDArray[np.float32],
        xyxy: npt.NDArray[np.float32] | None,
        space: Space,
    ) -> Self:
        """Wrap columns that our own C code has just made, without checking them again."""
        made = cls.__new__(cls)
        made.xy = xy
        made.keypoint_confidence = keypoint_confidence
        made.detection_confidence = detection_confidence
        made.xyxy = xyxy
        made.tracker_id = None
        made.keypoint_names, made.skeleton = skeleton_of(xy.shape[1])
        made.space = space
        made.fresh = True
        return made

    @classmethod
    def empty(cls, keypoints: int = 17, *, space: Space = "network", fresh: bool = True) -> Self:
        """Return nobody.

        Parameters
        ----------
        keypoints : int
            How many a person would have.
        space, fresh
            As for the class.

        Returns
        -------
        Poses
            Of length 0.
        """
        nobody = np.empty((0, keypoints, 2), np.float32)
        return cls(nobody, nobody[..., 0], [], space=space, fresh=fresh)

    @property
    def boxes(self) -> npt.NDArray[np.float32]:
        """A box for each person, (n, 4): `xyxy`, or else the extent of the keypoints found.

        NaN for a person without any.
        """
        if self.xyxy is not None:
            return self.xyxy
        # fmin and fmax pass over NaN, and give NaN for nothing else.
        low = np.fmin.reduce(self.xy, axis=1, initial=np.nan)
        high = np.fmax.reduce(self.xy, axis=1, initial=np.nan)
        return np.concatenate([low, high], axis=1)

    def __iter__(self) -> Iterator[Pose]:
        ids = [None] * len(self) if self.tracker_id is None else self.tracker_id.tolist()
        boxes = [None] * len(self) if self.xyxy is None else map(tuple, self.xyxy.tolist())
        for points, scores, confidence, box, tracker_id in zip(
            self.xy.tolist(),
            self.keypoint_confidence.tolist(),
            self.detection_confidence.tolist(),
            boxes,
            ids,
            strict=True,
        ):
            found = tuple((x, y) if x == x and y == y else None for x, y in points)
            yield Pose(found, tuple(scores), confidence, box, tracker_id)

    def move_to(self, mapper: CoordinateMapper, outside: Outside = "clip") -> None:
        """Move keypoints and boxes themselves to the mapper's target space.

        Parameters
        ----------
        mapper : CoordinateMapper
            Its source space must be the space of these poses.
        outside : {"clip", "keep"}
            What happens to boxes that leave the target space. Keypoints are never moved to its
            edge, where they would be wrong: with "clip", one outside counts as not found.

        Raises
        ------
        GeometryError
            If the mapper starts from another space.
        """
        self._check_source(mapper)
        people, keypoints, _ = self.xy.shape
        xy = mapper.points(self.xy.reshape(-1, 2), outside="keep").reshape(people, keypoints, 2)
        if outside == "clip":
            width, height = mapper.target_size
            seen = (xy >= 0).all(axis=2) & (xy[..., 0] <= width) & (xy[..., 1] <= height)
            if not seen.all():
                xy[~seen] = np.nan
                self.keypoint_confidence = np.where(seen, self.keypoint_confidence, np.float32(0))
        self.xy = xy
        if self.xyxy is not None:
            self.xyxy = mapper.boxes(self.xyxy, outside=outside)
        self.space = mapper.target_space

    def _reaches_into(self, size: tuple[float, float]) -> npt.NDArray[np.bool_]:
        return boxes_reach_into(self.boxes, size)

    def to_dict(self) -> dict[str, Any]:
        """Return everything in builtins, ready for `json.dumps`.

        Returns
        -------
        dict
            ``space``, ``fresh``, ``keypoint_names``, ``skeleton`` and ``poses``: a list with
            ``xy`` (None for a keypoint that was not found), ``keypoint_confidence``,
            ``confidence``, and ``xyxy`` and ``tracker_id`` where there are any.
        """
        rows = []
        for pose in self:
            row: dict[str, Any] = {
                "confidence": pose.confidence,
                "xy": [None if point is None else list(point) for point in pose.xy],
                "keypoint_confidence": list(pose.keypoint_confidence),
            }
            if pose.xyxy is not None:
                row["xyxy"] = list(pose.xyxy)
            if pose.tracker_id is not None:
                row["tracker_id"] = pose.tracker_id
            rows.append(row)
        names = self.keypoint_names
        return {
            "space": self.space,
            "fresh": self.fresh,
            "keypoint_names": None if names is None else list(names),
            "skeleton": [list(limb) for limb in self.skeleton],
            "poses": rows,
        }

    def to_supervision(self) -> Any:
        """Return a ``supervision.KeyPoints`` with these rows.

        Returns
        -------
        supervision.KeyPoints
            A keypoint that was not found is at (0, 0), which supervision leaves out.

        Raises
        ------
        MissingExtraError
            If the package ``supervision`` is not installed.
        """
        supervision = import_supervision()
        return supervision.KeyPoints(
            xy=np.nan_to_num(self.xy, nan=0.0),
            class_id=np.zeros(len(self), int),
            keypoint_confidence=self.keypoint_confidence,
            detection_confidence=self.detection_confidence,
        )

    def __repr__(self) -> str:
        return f"<Poses: {len(self)} in {self.space} space{'' if self.fresh else ', not fresh'}>"


def skeleton_of(keypoints: int) -> tuple[tuple[str, ...] | None, tuple[tuple[int, int], ...]]:
    """Return names and limbs of so many keypoints: those of COCO for 17, none for others."""
    if keypoints == len(COCO_KEYPOINTS):
        return COCO_KEYPOINTS, COCO_SKELETON
    return None, ()
