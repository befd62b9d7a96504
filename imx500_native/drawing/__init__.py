"""Results drawn into pictures, and pictures written to files.

Shapes are drawn with numpy straight into the picture; Pillow, from the extra ``demo``, is needed
for letters and for files only, and is imported when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imx500_native.drawing.boxes import draw_detections, draw_outline
from imx500_native.drawing.brush import Brush
from imx500_native.drawing.colours import PALETTE, class_colour
from imx500_native.drawing.files import save_picture
from imx500_native.drawing.masks import check_size, draw_instance_masks, draw_segmentation
from imx500_native.drawing.panel import draw_classification
from imx500_native.drawing.skeletons import draw_poses
from imx500_native.drawing.style import (
    Style,
    checked_length,
    checked_picture,
    checked_share,
)
from imx500_native.errors import DrawingError, MissingContextError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from imx500_native.drawing.style import Picture
    from imx500_native.results import Result

__all__ = ["PALETTE", "annotate", "class_colour", "save_picture"]

# By task, so that drawing one kind of result imports none of the others.
_PAINTERS: dict[str, Callable[[Brush, Any, Style], None]] = {
    "object detection": draw_detections,
    "pose estimation": draw_poses,
    "instance segmentation": draw_instance_masks,
    "segmentation": draw_segmentation,
    "classification": draw_classification,
}


def annotate(
    image: Picture,
    result: Result,
    *,
    image_format: str = "RGB",
    in_place: bool = False,
    labels: bool = True,
    boxes: bool | None = None,
    line_width: int | None = None,
    font_size: int | None = None,
    keypoint_threshold: float = 0.3,
    opacity: float = 0.45,
    roi: Sequence[float] | None = None,
) -> Picture:
    """Draw what a network found.

    - `Detections`: boxes with labels.
    - `Poses`: limbs and keypoints, in one colour per person (of its tracker id where it has one).
    - `InstanceMasks`: translucent masks with outlines, boxes and labels.
    - `Segmentation`: translucent regions with outlines, and the name of each class where it has
      most room; its background, and pixels without a class, are left as they are. A name that
      would hide another is left out, and so is that of a class with hardly any pixels.
    - `Classification`: a list of up to five classes with percentages and bars.

    A result that found nothing leaves the picture as it is.

    Parameters
    ----------
    image : ndarray
        (height, width, 3 or 4) uint8.
    result : Detections, Poses, InstanceMasks, Segmentation or Classification
        In stream space, that is in pixels of `image`; a class map and masks have its size. A box
        outside the picture is not drawn, nor is one without area, which is what clipping leaves
        of a box outside.
    image_format : {"RGB", "BGR", "RGBA", "BGRA"}
        Order of the channels in memory; "RGB" and "BGR" also fit pictures with a fourth channel.
        What is drawn becomes opaque there.
    in_place : bool
        Whether to draw into `image` itself; by default into a copy.
    labels : bool
        Whether to write names and confidences; a `Classification` consists of nothing else. Long
        names are shortened.
    boxes : bool, optional
        Whether to draw boxes; by default for `Detections` and `InstanceMasks`, not for `Poses`.
    line_width : int, optional
        Width of lines in pixels, 1 to 1000; by default it goes with the picture's size, and the
        limbs of far persons are thinner.
    font_size : int, optional
        Height of the letters in pixels, 1 to 1000; by default it goes with the picture's size.
    keypoint_threshold : float
        Keypoints with less confidence, 0..1, are not drawn, nor are the limbs that end there.
    opacity : float
        Strength of the colours on regions and masks, 0 (outlines only) to 1.
    roi : sequence of float, optional
        (x0, y0, x1, y1) in pixels of `image`: what the network saw, to be outlined with a dashed
        line. ``frame.mapper().boxes([[0, 0, 1, 1]], outside="keep")[0]`` gives it.

    Returns
    -------
    ndarray
        The picture with the drawing: `image` itself if `in_place`.

    Raises
    ------
    MissingContextError
        If the result is not in stream space.
    DrawingError
        If the picture, its format, a size or a share cannot be drawn with, if the result is none
        of these, or if a class map or masks have another size than the picture.
    MissingExtraError
        If letters are needed and Pillow is not installed.
    """
    channels = checked_picture(image, image_format)
    paint = _PAINTERS.get(getattr(result, "task", ""))
    if paint is None:
        raise DrawingError(
            "annotate draws Detections, Poses, InstanceMasks, Segmentation and Classification, "
            f"got {type(result).__name__}"
        )
    if result.space != "stream":
        raise MissingContextError(
            f"annotate needs a result in pixels of the picture, these {type(result).__name__} are "
            f"in {result.space!r} space; use frame.result(), or mapped(frame.mapper())"
        )
    if in_place and not image.flags.writeable:
        raise DrawingError("the picture is read-only; draw into a copy with in_place=False")
    check_size(result, image)
    height, width = image.shape[:2]
    scale = min(height, width * 0.75)
    style = Style(
        line=checked_length(line_width, "line_width", max(2, round(scale / 240))),
        letters=checked_length(font_size, "font_size", max(11, round(scale / 36))),
        fixed_line=line_width is not None,
        labels=labels,
        boxes=boxes,
        keypoint_threshold=checked_share(keypoint_threshold, "keypoint_threshold"),
        opacity=checked_share(opacity, "opacity"),
    )
    # The brush moves whole pixels, whose channels must lie side by side.
    direct = in_place and image.strides[2] == 1
    picture = image if direct else image.copy()
    brush = Brush(picture, channels)
    if roi is not None:
        draw_outline(brush, roi, max(1, round(style.line * 0.6)))
    paint(brush, result, style)
    if in_place and not direct:
        image[...] = picture
    return image if in_place else picture
