"""Giving the network an input of one's own, and finding the frame that has the answer."""

from __future__ import annotations

import errno
import math
from typing import TYPE_CHECKING

import numpy as np

from imx500_native.errors import DeviceError, TensorInfoError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike

    from imx500_native.specs import InputSpec

MAX_TENSOR_BYTES = 1 << 20
"""The driver sends no more than this to the sensor at once."""

_WIDTH_STEP, _HEIGHT_STEP = 32, 2
_COUNTS = 256


def tensor_bytes(spec: InputSpec) -> int:
    """Tell how many bytes a network's input has on its way to the sensor.

    Parameters
    ----------
    spec : InputSpec
        The network's input.

    Returns
    -------
    int
        Bytes, with each plane padded to a width that is a multiple of 32 and an even height.
    """
    width, height = _padded(spec)
    return spec.channels * width * height


def _padded(spec: InputSpec) -> tuple[int, int]:
    return (
        math.ceil(spec.width / _WIDTH_STEP) * _WIDTH_STEP,
        math.ceil(spec.height / _HEIGHT_STEP) * _HEIGHT_STEP,
    )


def input_tensor(spec: InputSpec, picture: ArrayLike) -> bytes:
    """Make the input tensor that the sensor would make of a picture.

    Parameters
    ----------
    spec : InputSpec
        The network's input, whose planes are "RGB" or "BGR".
    picture : array_like of uint8
        (height, width, 3), RGB, of the size of the network's input.

    Returns
    -------
    bytes
        For `Imx500Device.inject`: normalised planes in the network's order, padded with zeros on
        the right and at the bottom.

    Raises
    ------
    TensorInfoError
        If the picture has another size or type, or the network takes something else than colour.
    """
    # Only programs that inject should pay for the simulation.
    from imx500_native.simulation.packing import InputPacker

    pixels = np.asarray(picture)
    if spec.channels != 3 or spec.format not in ("RGB", "BGR"):
        raise TensorInfoError(
            f"expected a network whose input is RGB or BGR, this one takes {spec.channels} planes "
            f"of {spec.format}; pack its bytes yourself"
        )
    expected = (spec.height, spec.width, 3)
    if pixels.shape != expected or pixels.dtype != np.uint8:
        raise TensorInfoError(
            f"expected a picture of uint8, shape {expected}, got {pixels.dtype}, {pixels.shape}"
        )
    width, height = _padded(spec)
    planes = np.zeros((3, height, width), np.uint8)
    values = InputPacker(spec).pack(pixels)
    planes[:, : spec.height, : spec.width] = values.reshape(3, spec.height, spec.width)
    return planes.tobytes()


def frames_since(frame_count: int, comparison_frame: int) -> int:
    """Tell how many frames one is behind another, on the sensor's counter of 8 bits.

    Parameters
    ----------
    frame_count : int
        `Frame.frame_count` of a frame with tensors.
    comparison_frame : int
        The frame that is waited for.

    Returns
    -------
    int
        -128 to 127: 0 is the frame, below 0 it is still to come, above 0 it has passed.
    """
    return (frame_count - comparison_frame + _COUNTS // 2) % _COUNTS - _COUNTS // 2


class PendingInjection:
    """A tensor on its way through the network, made by `Imx500Device.start_injection`.

    Frames with the tensor's outputs are known by their count alone, and the sensor does not promise
    to deliver one: where it passed, or the transfer failed, the tensor is injected again.

    Parameters
    ----------
    inject : callable
        ``inject()`` gives the tensor to the sensor and returns the frame to wait for.
    attempts : int
        How often it may be called, at least 1.

    Attributes
    ----------
    attempts : int
        How many are left.
    comparison_frame : int or None
        The frame count that is waited for; None after a failed transfer.

    Raises
    ------
    DeviceError
        EINVAL: `attempts` is below 1. Else from `inject`, where it is not a failed transfer or the
        attempts are used up.
    """

    def __init__(self, inject: Callable[[], int], attempts: int) -> None:
        if attempts < 1:
            raise DeviceError(
                errno.EINVAL,
                f"an injection needs at least 1 attempt, not {attempts}",
                "allow more attempts",
            )
        self._inject = inject
        self.attempts = attempts
        self.comparison_frame: int | None = None
        self._try()

    def _try(self) -> None:
        self.attempts -= 1
        self.comparison_frame = None
        try:
            self.comparison_frame = self._inject()
        except DeviceError as error:
            if error.errno != errno.EREMOTEIO or self.attempts == 0:
                raise

    def matches(self, frame_count: int | None) -> bool:
        """Tell whether a frame carries the answer; injects again where it was missed.

        Parameters
        ----------
        frame_count : int or None
            `Frame.frame_count`, of every frame as it comes; None where it has no tensors.

        Returns
        -------
        bool
            The frame's outputs are those of the injected tensor.

        Raises
        ------
        DeviceError
            ETIMEDOUT: the frame was missed and no attempt is left. Else as `inject`.
        """
        if frame_count is None:
            return False
        if self.comparison_frame is not None:
            passed = frames_since(frame_count, self.comparison_frame)
            if passed <= 0:
                return passed == 0
        if self.attempts == 0:
            raise DeviceError(
                errno.ETIMEDOUT,
                f"the frame with the injected tensor's outputs (count {self.comparison_frame}) was "
                "missed once more, and no attempt is left",
                "allow more attempts, or use a lower frame rate",
            )
        self._try()
        return False
