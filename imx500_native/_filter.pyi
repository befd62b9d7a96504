from typing import TypeAlias, final

import numpy as np
import numpy.typing as npt

_Floats: TypeAlias = npt.NDArray[np.float32]
_Objects: TypeAlias = tuple[_Floats, _Floats, npt.NDArray[np.int32], npt.NDArray[np.int64]]
_Poses: TypeAlias = tuple[_Floats, _Floats, _Floats, _Floats | None, npt.NDArray[np.int64]]

MAX_FOLLOWED: int

@final
class FollowedList:
    def __init__(
        self, tolerance: float, factor: float, visible_frames: int, hidden_frames: int
    ) -> None: ...
    def __len__(self) -> int: ...
    def clear(self) -> None: ...
    def rows(self) -> npt.NDArray[np.int64]: ...
    def is_shown(self) -> npt.NDArray[np.bool_]: ...
    def shown_objects(self) -> _Objects: ...
    def shown_poses(self) -> _Poses: ...
    def follow_objects(
        self,
        xyxy: npt.ArrayLike,
        confidence: npt.ArrayLike,
        class_id: npt.ArrayLike,
        width: float,
        height: float,
    ) -> _Objects: ...
    def follow_poses(
        self,
        xy: npt.ArrayLike,
        keypoint_confidence: npt.ArrayLike,
        confidence: npt.ArrayLike,
        xyxy: npt.ArrayLike | None,
        width: float,
        height: float,
    ) -> _Poses: ...
