"""A frame's controls in a dict: what libcamera's bindings, picamera2 or a simulation hand over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from imx500_native._tensors import output_arrays
from imx500_native.errors import TensorInfoError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import numpy.typing as npt


def several(name: str, values: Any) -> Any:
    """Check a control that holds several numbers.

    Parameters
    ----------
    name : str
        libcamera's name of it, for the message.
    values : sequence or None
        As it came.

    Returns
    -------
    sequence or None
        As it came; None where it is missing or empty.

    Raises
    ------
    TensorInfoError
        If it is no sequence.
    """
    try:
        return None if values is None or len(values) == 0 else values
    except TypeError:
        raise TensorInfoError(f"{name} must be a sequence of numbers, not {values!r:.80}") from None


class Metadata(dict[str, Any]):
    """Controls by name, read like the list that libcamera keeps."""

    @property
    def access(self) -> Literal["buffer", "tuple"]:
        """How the output tensors are reached: where they are, or one Python float by one."""
        is_tuple = isinstance(self.get("CnnOutputTensor"), (tuple, list))
        return "tuple" if is_tuple else "buffer"

    def output_arrays(
        self, shapes: Sequence[tuple[int, ...]] | None = None
    ) -> tuple[npt.NDArray[np.float32], ...] | None:
        """Show the network's output tensors.

        Parameters
        ----------
        shapes : sequence of tuple of int, optional
            The network's own shapes, used where there is no tensor info or an empty one.

        Returns
        -------
        tuple of ndarray or None
            As `imx500_native._tensors.output_arrays`; None where there are no tensors.

        Raises
        ------
        TensorInfoError
            As `imx500_native._tensors.output_arrays`, or if the tensor is no sequence.
        """
        values = several("CnnOutputTensor", self.get("CnnOutputTensor"))
        if values is None:
            return None
        return output_arrays(values, self.get("CnnOutputTensorInfo"), shapes)

    def to_dict(self) -> dict[str, Any]:
        """Return every control by name, in a dict of the caller's own."""
        return dict(self)
