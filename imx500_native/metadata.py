"""A frame's controls in a dict: what libcamera's bindings, picamera2 or a simulation hand over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from imx500_native._tensors import output_arrays
from imx500_native.errors import TensorInfoError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import numpy.typing as npt


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
        values = self.get("CnnOutputTensor")
        try:
            if values is None or len(values) == 0:
                return None
        except TypeError:
            raise TensorInfoError(
                f"CnnOutputTensor must be a sequence of numbers, not {values!r:.80}"
            ) from None
        return output_arrays(values, self.get("CnnOutputTensorInfo"), shapes)

    def to_dict(self) -> dict[str, Any]:
        """Return every control by name, in a dict of the caller's own."""
        return dict(self)
