"""What every head has in common: a name, a task, checked options, and one way to refuse."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias

import numpy as np

from imx500_native.errors import DecoderError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy.typing as npt

    from imx500_native.network import Network
    from imx500_native.results import Result
    from imx500_native.specs import InputSpec

Task: TypeAlias = Literal[
    "object detection",
    "pose estimation",
    "instance segmentation",
    "segmentation",
    "classification",
]
Outputs: TypeAlias = "Sequence[npt.NDArray[np.float32]]"

LARGEST_SIZE = 1e6
LARGEST_STRIDE = 4096
MOST_ROWS = 2**31 - 1


class Head(ABC):
    """Reads one kind of network; made with the network and keyword options.

    It owns scratch memory, so one head serves one thread at a time.

    Parameters
    ----------
    network : Network
    threshold : float or None
        The least confidence that counts, 0 to 1; None for the head's own.
    max_detections : int or None
        How many of the most confident to keep; None for the head's own.
    own_threshold : float
    own_limit : int or None
        What these are; a limit of None is for all.

    Attributes
    ----------
    name : str
        What ``Decoder.for_network(..., head=name)`` calls it.
    task : str
        Which kind of result it gives.
    reads : str
        The shapes that it reads, in words, for error messages.
    threshold : float
    max_detections : int or None
    labels : tuple of str or None
        The name of every class.

    Raises
    ------
    DecoderError
        If an option is out of range.
    """

    __slots__ = ("_limit", "labels", "max_detections", "threshold")

    name: ClassVar[str]
    task: ClassVar[Task]
    reads: ClassVar[str]

    def __init__(
        self,
        network: Network,
        threshold: float | None,
        max_detections: int | None,
        own_threshold: float = 0.5,
        own_limit: int | None = None,
    ) -> None:
        self.labels = network.labels
        self.threshold = checked_share(threshold, "threshold", own_threshold)
        limit = checked_count(max_detections, "max_detections")
        self.max_detections = own_limit if limit is None else limit
        # As the readers in C take it: negative for all of them.
        self._limit = -1 if self.max_detections is None else min(self.max_detections, MOST_ROWS)

    @staticmethod
    @abstractmethod
    def fits(network: Network) -> bool:
        """Tell whether a network's outputs are what this head reads."""

    @abstractmethod
    def __call__(self, outputs: Outputs, /) -> Result:
        """Decode one frame into network space.

        Raises
        ------
        OutputsError
            If the outputs have other shapes; `Decoder` says which.
        """

    @abstractmethod
    def empty(self) -> Result:
        """Return what a frame without tensors gives: nothing, and not fresh."""


def checked_number(value: Any, name: str, least: float, most: float) -> float:
    """Check an option that is a number.

    Parameters
    ----------
    value : float
        As the user gave it.
    name : str
        The option, for the message.
    least, most : float
        The smallest and the largest that are allowed.

    Returns
    -------
    float

    Raises
    ------
    DecoderError
        If it is no such number.
    """
    if _is_number(value) and least <= value <= most:
        return float(value)
    raise DecoderError(f"{name} must be a number from {least:g} to {most:g}, not {value!r:.40}")


def checked_positive(value: Any, name: str) -> float:
    """Check an option that is a size: a number above 0, at most `LARGEST_SIZE`.

    Parameters
    ----------
    value : float
        As the user gave it.
    name : str
        The option, for the message.

    Returns
    -------
    float

    Raises
    ------
    DecoderError
        If it is none.
    """
    if _is_number(value) and 0 < value <= LARGEST_SIZE:
        return float(value)
    raise DecoderError(
        f"{name} must be a number above 0 and at most {LARGEST_SIZE:g}, not {value!r:.40}"
    )


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
        If it is no such number.
    """
    if value is None and default is not None:
        return default
    return checked_number(value, name, 0, 1)


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


def checked_strides(value: Any) -> tuple[int, ...]:
    """Check the strides of a detector's levels.

    Parameters
    ----------
    value : sequence of int
        As the user gave it.

    Returns
    -------
    tuple of int

    Raises
    ------
    DecoderError
        If they are not one to eight integers from 1 to 4096.
    """
    strides = tuple(value) if isinstance(value, (tuple, list)) else ()
    if 1 <= len(strides) <= 8 and all(
        isinstance(one, (int, np.integer)) and 1 <= one <= LARGEST_STRIDE for one in strides
    ):
        return tuple(int(one) for one in strides)
    raise DecoderError(
        f"strides must be one to eight integers from 1 to {LARGEST_STRIDE}, not {value!r:.40}"
    )


def cells(spec: InputSpec, strides: Iterable[int]) -> int:
    """Return how many cells of all strides it takes to cover an input."""
    return sum(-(-spec.width // stride) * -(-spec.height // stride) for stride in strides)


def shape_error(head: Head | type[Head], outputs: Any) -> DecoderError:
    """Return the error for outputs that a head cannot read.

    Parameters
    ----------
    head : Head
        Which head.
    outputs : sequence
        What came: tensors, or a network's outputs.

    Returns
    -------
    DecoderError
        Which shows the shapes on both sides.
    """
    if isinstance(outputs, (tuple, list)):
        came = f"these have {', '.join(map(_shape_of, outputs)) or 'none'}"
    else:
        came = f"not {type(outputs).__name__}"
    return DecoderError(f"the head {head.name!r} reads outputs of shapes {head.reads}; {came}")


def _shape_of(output: Any) -> str:
    shape = getattr(output, "shape", type(output).__name__)
    dtype = getattr(output, "dtype", None)
    # Of what holds no numbers the shape may be the right one.
    return f"{shape}" if getattr(dtype, "kind", "f") in "biuf" else f"{shape} of {dtype}"


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
