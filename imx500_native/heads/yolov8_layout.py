"""Which part of which tensor is what, in the outputs of a YOLOv8 or YOLO11."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from imx500_native.errors import DecoderError
from imx500_native.network import NORMALIZED_LIMIT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imx500_native.network import Network
    from imx500_native.specs import InputSpec

    Shape = tuple[int, ...]

STRIDES = (8, 16, 32)
"""Pixels from cell to cell in each level of the pyramid, as YOLOv8 and YOLO11 are published."""

POSE_CHANNELS = 4 + 1 + 17 * 3
"""Of a single tensor for people with COCO's keypoints: box, person, keypoints."""

BOX_FORMS = ("distances", "centres", "corners")


class Place(NamedTuple):
    """Where a table is; what `imx500_native._yolo` calls a place."""

    tensor: int
    first: int
    channels_first: bool


@dataclass(frozen=True, slots=True)
class Layout:
    """The tables in a network's outputs.

    Attributes
    ----------
    shapes : tuple of tuple of int
        Of the tensors, without a leading 1.
    anchors, classes : int
        Rows of every table, and columns of that of the scores.
    boxes, scores : Place
    extra : Place or None
        Keypoints or mask coefficients.
    extra_channels : int
        Columns of it.
    prototypes : tuple of (int, bool) or None
        The tensor of the mask prototypes, and whether their number is its first dimension.
    """

    shapes: tuple[Shape, ...]
    anchors: int
    classes: int
    boxes: Place
    scores: Place
    extra: Place | None = None
    extra_channels: int = 0
    prototypes: tuple[int, bool] | None = None

    @property
    def single(self) -> bool:
        """Whether one tensor holds every table."""
        return self.scores.tensor == self.boxes.tensor


def levels(spec: InputSpec, strides: Sequence[int]) -> tuple[tuple[int, int, float], ...]:
    """Return (first anchor, cells in a row, stride) of each level, for the tensor reader."""
    made, first = [], 0
    for stride in strides:
        width, height = -(-spec.width // stride), -(-spec.height // stride)
        made.append((first, width, float(stride)))
        first += width * height
    return tuple(made)


def cells(spec: InputSpec, strides: Sequence[int]) -> int:
    """Return how many anchors an input has."""
    return sum(-(-spec.width // stride) * -(-spec.height // stride) for stride in strides)


def _without_batch(shape: Shape, dimensions: int) -> Shape | None:
    if len(shape) == dimensions + 1 and shape[0] == 1:
        return shape[1:]
    return shape if len(shape) == dimensions else None


def _turned(shape: Shape, anchors: int, default: bool) -> bool | None:
    """Tell whether the channels come first, or None where neither side is the anchors."""
    if shape[0] == shape[1] == anchors:
        return default
    return {shape[1]: True, shape[0]: False}.get(anchors)


def _split(shapes: Sequence[Shape], count: int) -> Layout | None:
    """Read boxes, scores and, of three, another table, each in a tensor of its own."""
    tables = [_without_batch(shape, 2) for shape in shapes[:count]]
    boxes = tables[0]
    if boxes is None or 4 not in boxes:
        return None
    channels_first = boxes[0] == 4
    anchors = boxes[1 if channels_first else 0]
    places, channels = [], []
    for tensor, table in enumerate(tables):
        turned = None if table is None else _turned(table, anchors, channels_first)
        if table is None or turned is None:
            return None
        places.append(Place(tensor, 0, turned))
        channels.append(table[0 if turned else 1])
    return Layout(
        tuple(table for table in tables if table is not None),
        anchors,
        channels[1],
        places[0],
        places[1],
        *((places[2], channels[2]) if count == 3 else ()),
    )


def _joined(shape: Shape, extra: int, expected: int) -> Layout | None:
    """Read one tensor with everything; without a sign of which side is which, anchors are more."""
    table = _without_batch(shape, 2)
    if table is None or (expected not in table and table[0] == table[1]):
        return None
    anchors = expected if expected in table else max(table)
    turned = _turned(table, anchors, True)
    classes = table[0 if turned else 1] - 4 - extra
    if turned is None or classes < 1:
        return None
    return Layout(
        (table,),
        anchors,
        classes,
        Place(0, 0, turned),
        Place(0, 4, turned),
        Place(0, 4 + classes, turned) if extra else None,
        extra,
    )


def expected_anchors(network: Network) -> int:
    """Return how many anchors a network has with the strides as published."""
    return cells(network.input, STRIDES)


def is_named(network: Network, word: str) -> bool:
    """Tell whether a word is in a network's names."""
    return word in f"{network.network_name} {network.name}".lower()


def is_nanodet(network: Network, layout: Layout) -> bool:
    """Tell a NanoDet, whose rows of logits have the shape of a YOLO with everything in one tensor.

    By its name; else logits do not reach as far as pixels of the input do.
    """
    if not layout.single or layout.boxes.channels_first or is_named(network, "yolo"):
        return False
    return is_named(network, "nanodet") or network.outputs[0].value_range[1] <= NORMALIZED_LIMIT


def detection_layout(network: Network) -> Layout | None:
    """Return the layout of a detector's outputs, or None where they are something else."""
    shapes = network.output_shapes
    if len(shapes) == 2:
        return _split(shapes, 2)
    return _joined(shapes[0], 0, expected_anchors(network)) if len(shapes) == 1 else None


def keypoint_dimensions(channels: int, keypoints: int | None) -> int | None:
    """Return how many channels a keypoint has, 2 or 3, or None where they do not come out even."""
    if keypoints is not None:
        return channels // keypoints if channels in (2 * keypoints, 3 * keypoints) else None
    return next((each for each in (3, 2) if channels and channels % each == 0), None)


def pose_layout(network: Network, keypoints: int | None = None) -> Layout | None:
    """Return the layout of a pose network's outputs, or None where they are something else.

    Parameters
    ----------
    network : Network
    keypoints : int, optional
        How many there are. By default a single tensor has one class, and keypoints in all the
        channels that are then left.
    """
    shapes, anchors = network.output_shapes, expected_anchors(network)
    if len(shapes) == 3:
        layout = _split(shapes, 3)
    elif len(shapes) == 1 and keypoints is not None:
        layout = _joined(shapes[0], 3 * keypoints, anchors) or _joined(
            shapes[0], 2 * keypoints, anchors
        )
    elif len(shapes) == 1:
        whole = _joined(shapes[0], 0, anchors)
        layout = _joined(shapes[0], whole.classes - 1, anchors) if whole else None
    else:
        return None
    if layout is None or keypoint_dimensions(layout.extra_channels, keypoints) is None:
        return None
    return layout


def is_pose(network: Network) -> bool:
    """Tell whether a network's outputs are those of a pose network."""
    layout = pose_layout(network)
    if (
        layout is None
        or layout.anchors != expected_anchors(network)
        or network.task not in (None, "pose estimation")
        or is_nanodet(network, layout)
    ):
        return False
    # A detector of as many classes as there are channels would look the same.
    return (
        not layout.single
        or network.task is not None
        or is_named(network, "pose")
        or 5 + layout.extra_channels == POSE_CHANNELS
    )


def mask_layout(network: Network) -> Layout | None:
    """Return the layout of an instance segmentation's outputs, or None.

    The prototypes come last.
    """
    shapes, spec = network.output_shapes, network.input
    if len(shapes) not in (2, 4):
        return None
    sheets = _without_batch(shapes[-1], 3)
    if sheets is None:
        return None
    # A sheet has the input's aspect ratio, which tells its sides from the number of sheets.
    first = sheets[1] * spec.width == sheets[2] * spec.height
    last = sheets[0] * spec.width == sheets[1] * spec.height
    channels_first = first or not last
    channels = sheets[0 if channels_first else 2]
    if len(shapes) == 4:
        layout = _split(shapes[:3], 3)
    else:
        layout = _joined(shapes[0], channels, expected_anchors(network))
    if layout is None or layout.extra_channels != channels:
        return None
    return replace(
        layout,
        shapes=(*layout.shapes, sheets),
        prototypes=(len(shapes) - 1, channels_first),
    )


def sheet_of(shape: tuple[int, ...], channels_first: bool) -> tuple[int, int]:
    """Return (height, width) of prototypes of a shape."""
    height, width = shape[1:] if channels_first else shape[:2]
    return height, width


def box_form(layout: Layout, boxes: str | None) -> str:
    """Return how boxes are written: as the user says, else as each layout is published."""
    return chosen(boxes, "boxes", BOX_FORMS, "centres" if layout.single else "distances")


def chosen(value: Any, name: str, choices: Sequence[str], default: str) -> str:
    """Check an option that is one of a few words.

    Parameters
    ----------
    value : str or None
        As the user gave it.
    name : str
        The option, for the message.
    choices : sequence of str
        What it may be.
    default : str
        What None stands for.

    Raises
    ------
    DecoderError
        If it is another.
    """
    if value is None:
        return default
    if value in choices:
        return str(value)
    raise DecoderError(f"{name} must be one of {', '.join(choices)}, not {value!r:.40}")


def checked_strides(value: Sequence[int]) -> tuple[int, ...]:
    """Check the strides of the levels.

    Raises
    ------
    DecoderError
        If they are no one to eight integers of at least 1.
    """
    strides = tuple(value) if isinstance(value, (tuple, list)) else ()
    if 1 <= len(strides) <= 8 and all(isinstance(one, int) and one >= 1 for one in strides):
        return strides
    raise DecoderError(f"strides must be one to eight integers from 1 on, not {value!r:.40}")


def box_units(
    network: Network, tensor: int, form: str, normalized: bool | None
) -> tuple[float, float]:
    """Return what the input's full width and height are in a tensor of boxes.

    Parameters
    ----------
    network : Network
    tensor : int
        Which output the boxes are in.
    form : str
        One of `BOX_FORMS`; distances are in strides, so in pixels.
    normalized : bool or None
        The boxes are fractions of the input; None where the tensor's range is to tell.
    """
    if normalized is None:
        normalized = network.outputs[tensor].value_range[1] <= NORMALIZED_LIMIT
    if form == "distances" or not normalized:
        return float(network.input.width), float(network.input.height)
    return 1.0, 1.0


def are_logits(network: Network, layout: Layout, scores: str | None) -> bool:
    """Tell whether scores have still to go through the sigmoid.

    Parameters
    ----------
    network : Network
    layout : Layout
    scores : {"logits", "probabilities"} or None
        None where the range of their tensor is to tell: below -1 there are only logits. It says
        nothing of a tensor that holds boxes too, whose scores are probabilities.
    """
    low = 0.0 if layout.single else network.outputs[layout.scores.tensor].value_range[0]
    default = "logits" if low < -1 else "probabilities"
    return chosen(scores, "scores", ("logits", "probabilities"), default) == "logits"
