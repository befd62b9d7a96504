"""What every head has in common: a name, a task, checked options, and one way to refuse."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol, TypeAlias

import numpy as np

from imx500_native.errors import DecoderError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from imx500_native.network import Network
    from imx500_native.results import Result

Task: TypeAlias = Literal[
    "object detection",
    "pose estimation",
    "instance segmentation",
    "segmentation",
    "classification",
]
Outputs: TypeAlias = "Sequence[npt.NDArray[np.float32]]"


class Reader(Protocol):
    """Reads output tensors; it owns scratch memory, so one reader serves one thread at a time.

    Attributes
    ----------
    name : str
        What ``Decoder.for_network(..., head=name)`` calls it.
    task : str
        Which kind of result it gives.
    threshold : float
        The least confidence that counts.
    max_detections : int or None
        How many of the most confident to keep.
    labels : tuple of str or None
        The name of every class.
    """

    @property
    def name(self) -> str: ...  # noqa: D102

    @property
    def task(self) -> Task: ...  # noqa: D102

    @property
    def threshold(self) -> float: ...  # noqa: D102

    @property
    def max_detections(self) -> int | None: ...  # noqa: D102

    @property
    def labels(self) -> tuple[str, ...] | None: ...  # noqa: D102

    def __call__(self, outputs: Outputs, /) -> Result:
        """Decode one frame into network space."""

    def empty(self) -> Result:
        """Return what a frame without tensors gives: nothing, and not fresh."""


class Head(Reader, Protocol):
    """Reads one kind of network; made with the network and keyword options.

    Attributes
    ----------
    reads : str
        The shapes that it reads, in words, for error messages.
    """

    reads: ClassVar[str]

    @staticmethod
    def fits(network: Network) -> bool:
        """Tell whether a network's outputs are what this head reads."""


def checked_share(value: Any, name: str, default: float | None = None) -> float:
    """Check an option from 0 to 1, such as a confidence or an overlap.

    Parameters
    ----------
    value : float or None
        As the user gave it.
    name : str
        The option, for the message.
    default : float, optional
        What None stands for.

    Returns
    -------
    float

    Raises
    ------
    DecoderError
        If it is no finite number.
    """
    if value is None and default is not None:
        return default
    if isinstance(value, (int, float, np.integer, np.floating)) and math.isfinite(value):
        return float(value)
    raise DecoderError(f"{name} must be a number from 0 to 1, not {value!r:.40}")


def checked_count(value: Any, name: str, least: int = 0) -> int | None:
    """Check an option that counts things; None stands for all of them.

    Parameters
    ----------
    value : int or None
        As the user gave it.
    name : str
        The option, for the message.
    least : int
        The smallest that is allowed.

    Returns
    -------
    int or None

    Raises
    ------
    DecoderError
        If it is no integer of at least `least`.
    """
    if value is None:
        return None
    if isinstance(value, (int, np.integer)) and not isinstance(value, bool) and value >= least:
        return int(value)
    raise DecoderError(f"{name} must be None or an integer of at least {least}, not {value!r:.40}")


def shape_error(head: Head | type[Head], outputs: Sequence[Any]) -> DecoderError:
    """Return the error for outputs that a head cannot read.

    Parameters
    ----------
    head : Head
        Which head.
    outputs : sequence
        What came.

    Returns
    -------
    DecoderError
        Which shows the shapes on both sides.
    """
    shapes = ", ".join(str(getattr(one, "shape", type(one).__name__)) for one in outputs)
    return DecoderError(
        f"the head {head.name!r} reads outputs of shapes {head.reads}; these have "
        f"{shapes or 'none'}"
    )
