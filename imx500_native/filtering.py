"""Results over time: what flickers is held back or kept, what trembles is smoothed."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from imx500_native._filter import FollowedList
from imx500_native.checks import real_number, whole_number
from imx500_native.errors import MissingContextError, PipelineError, TaskError
from imx500_native.geometry import as_size
from imx500_native.results import Detections, Poses

if TYPE_CHECKING:
    import numpy.typing as npt

    from imx500_native.geometry import Size, Space

MAX_FRAMES = 2**31 - 1
"""The most that `TemporalFilter` takes for a number of frames."""

_NETWORK_SIZE: Size = (1, 1)


class TemporalFilter:
    """rpicam-apps' temporal filter and hysteresis, for objects and for poses.

    A filter follows what it sees from frame to frame. Something new is hidden until it has been
    seen again in `hidden_frames` consecutive frames; something shown stays for
    ``visible_frames - 1`` frames in which it is missed. In between, its place moves by `factor` of
    the way to where it is seen.

    An object matches one that is followed when it has its class and x, y, width and height each
    differ by less than `tolerance` of the picture's width or height. The objects that come while
    nothing is followed are shown at once, poses never. A pose matches when every keypoint that both
    have found differs by at most `tolerance` in x and y, and there is at least one. Each goes to
    the first that it matches; where two of a frame go to the same one, both count as seen.

    What comes out is in the order in which it was first seen, not the most confident first, and has
    `tracker_id`: a number of its own for as long as it is followed, from 1, never given twice. The
    confidence is that of the last frame in which it was seen, and so are an object's extra columns
    (`data`), which are not smoothed. While something is followed, every frame with objects must
    have the same columns.

    These follow rpicam-apps, with the same result. Different are: places stay fractions of a pixel,
    where rpicam-apps cuts off the fraction of an object's box, which draws it towards the corner
    and lets it stop short by up to ``1 / factor`` pixels; and with ``visible_frames=0`` an object
    goes when it is missed, as with 1, where rpicam-apps keeps it for ever.

    rpicam-apps' poses have all keypoints. Here one may be missing, that is NaN: it is not compared,
    and a keypoint that is found anew or lost is so at once, without smoothing. An object whose box
    is not finite is left out, as is a pose without any keypoint. At most 4096 things are followed;
    what is new beyond that is left out.

    A filter serves one series of results, and one thread at a time.

    Parameters
    ----------
    tolerance : float
        At least 0, as a share of the picture's width and height: of the stream's size for results
        in stream space, and of what the network saw for results in network space. At 0 objects
        match nothing, not even themselves.
    factor : float
        0 to 1: the share of the new place in the smoothed one; 1 does not smooth.
    visible_frames : int
        At least 0.
    hidden_frames : int
        At least 0; 0 shows everything at once.

    Raises
    ------
    PipelineError
        If a parameter is out of range.

    Examples
    --------
    >>> follow = TemporalFilter(hidden_frames=0, visible_frames=2)
    >>> seen = Detections([[0.1, 0.1, 0.5, 0.5]], [0.75], [0])
    >>> missed = Detections.empty()
    >>> [len(follow(found)) for found in (seen, missed, missed)]
    [1, 1, 0]
    """

    __slots__ = (
        "_data",
        "_followed",
        "_key",
        "factor",
        "hidden_frames",
        "tolerance",
        "visible_frames",
    )

    def __init__(
        self,
        tolerance: float = 0.05,
        factor: float = 0.2,
        visible_frames: int = 5,
        hidden_frames: int = 2,
    ) -> None:
        self.tolerance = _checked_number(tolerance, "tolerance", math.inf)
        self.factor = _checked_number(factor, "factor", 1.0)
        self.visible_frames = _checked_frames(visible_frames, "visible_frames")
        self.hidden_frames = _checked_frames(hidden_frames, "hidden_frames")
        self._followed = FollowedList(
            self.tolerance, self.factor, self.visible_frames, self.hidden_frames
        )
        self._key: tuple[Space, Size] = ("network", _NETWORK_SIZE)
        # The extra columns of all that is followed, where there are any.
        self._data: dict[str, npt.NDArray[Any]] = {}

    @overload
    def __call__(self, result: Detections, size: Size | None = None) -> Detections: ...
    @overload
    def __call__(self, result: Poses, size: Size | None = None) -> Poses: ...
    def __call__(self, result: Detections | Poses, size: Size | None = None) -> Detections | Poses:
        """Take in one frame's result.

        Parameters
        ----------
        result : Detections or Poses
            What was found. One that is not fresh, from a frame without tensors, changes nothing:
            it is answered with what was shown last, also not fresh.
        size : tuple of int, optional
            (width, height) of the picture in pixels, for results in stream space.

        Returns
        -------
        Detections or Poses
            What is shown, in the space of `result`.

        Raises
        ------
        TaskError
            If the result is of another kind, which has nothing to follow.
        MissingContextError
            If the result is in stream space and there is no `size`.
        PipelineError
            If something is followed in another space or picture size, of another kind, or with
            other columns.
        """
        if not isinstance(result, (Detections, Poses)):
            raise TaskError(
                f"a temporal filter follows Detections and Poses, not {type(result).__name__}"
            )
        if result.space == "network":
            size = _NETWORK_SIZE
        elif size is None:
            raise MissingContextError(
                "the tolerance is a share of the picture, whose size is not known; pass "
                "size=(width, height), the size of the stream"
            )
        if (result.space, size) != self._key:
            self._change_series(result.space, as_size(size, "size"))
        if isinstance(result, Detections):
            follow = self._objects_with_data if result.data or self._data else self._objects
            return follow(result, *size)
        return self._poses(result, *size)

    def __len__(self) -> int:
        """How many things are followed, the hidden ones among them."""
        return len(self._followed)

    def reset(self) -> None:
        """Follow nothing any more."""
        self._followed.clear()
        self._data = {}

    def _change_series(self, space: Space, size: Size) -> None:
        if self._key == (space, size):
            return
        if len(self._followed) > 0:
            raise PipelineError(
                f"the filter follows results in {self._key[0]} space of size {self._key[1]}, this "
                f"one is in {space} space of size {size}; call reset() before another series, or "
                "use a filter for each"
            )
        self._key = (space, size)

    def _objects(self, result: Detections, width: int, height: int) -> Detections:
        followed = self._followed
        if result.fresh:
            columns = followed.follow_objects(
                result.xyxy, result.confidence, result.class_id, width, height
            )
        else:
            columns = followed.shown_objects()
        xyxy, confidence, class_id, ids = columns
        shown = Detections._trusted(xyxy, confidence, class_id, result.labels, result.space)
        shown.tracker_id = ids
        shown.fresh = result.fresh
        return shown

    def _objects_with_data(self, result: Detections, width: int, height: int) -> Detections:
        joined = self._joined_data(result)
        shown = self._objects(result, width, height)
        if result.fresh:
            rows = self._followed.rows()
            self._data = {name: column[rows] for name, column in joined.items()}
        is_shown = self._followed.is_shown()
        shown.data = {name: column[is_shown] for name, column in self._data.items()}
        return shown

    def _joined_data(self, result: Detections) -> dict[str, npt.NDArray[Any]]:
        """Return the extra columns of what is followed and, behind them, those of `result`."""
        data = result.data
        if len(self._followed) == 0:
            return data
        if len(result) == 0:
            # Nothing has no columns; what is followed keeps its own.
            return self._data
        if data.keys() != self._data.keys():
            raise PipelineError(
                f"the filter follows objects whose data has {sorted(self._data)}, here it has "
                f"{sorted(data)}; give every frame the same columns, or call reset() before "
                "another series"
            )
        try:
            return {
                name: np.concatenate((column, data[name])) for name, column in self._data.items()
            }
        except (TypeError, ValueError) as error:
            raise PipelineError(
                f"data does not fit that of the objects which the filter follows: {error}; give "
                "every frame columns of the same shape and kind, or call reset() before another "
                "series"
            ) from error

    def _poses(self, result: Poses, width: int, height: int) -> Poses:
        followed = self._followed
        if result.fresh:
            columns = followed.follow_poses(
                result.xy,
                result.keypoint_confidence,
                result.detection_confidence,
                result.xyxy,
                width,
                height,
            )
        elif len(followed) > 0:
            columns = followed.shown_poses()
        else:
            return result[:0]
        xy, keypoint_confidence, confidence, xyxy, ids = columns
        shown = Poses._trusted(xy, keypoint_confidence, confidence, xyxy, result.space)
        shown.tracker_id = ids
        shown.fresh = result.fresh
        if result.xy.shape[1] == xy.shape[1]:
            shown.keypoint_names, shown.skeleton = result.keypoint_names, result.skeleton
        return shown

    def __repr__(self) -> str:
        return (
            f"TemporalFilter(tolerance={self.tolerance!r}, factor={self.factor!r}, "
            f"visible_frames={self.visible_frames!r}, hidden_frames={self.hidden_frames!r})"
        )


def _checked_number(value: Any, name: str, most: float) -> float:
    number = real_number(value)
    if 0 <= number <= most and math.isfinite(number):
        return number
    allowed = "of at least 0" if most == math.inf else f"from 0 to {most:g}"
    raise PipelineError(f"{name} must be a number {allowed}, not {value!r:.40}")


def _checked_frames(value: Any, name: str) -> int:
    frames = whole_number(value)
    if frames is not None and 0 <= frames <= MAX_FRAMES:
        return frames
    raise PipelineError(f"{name} must be a whole number from 0 to {MAX_FRAMES}, not {value!r:.40}")
