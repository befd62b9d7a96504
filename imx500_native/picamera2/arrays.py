"""Arithmetic on arrays that picamera2's decoders share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

Array: TypeAlias = "npt.NDArray[Any]"


def sigmoid(x: Array) -> Array:
    """Return 1 / (1 + exp(-x)), element by element, in the precision of `x`."""
    result: Array = 1 / (1 + np.exp(-x))
    return result


def softmax(x: Array) -> Array:
    """Return the softmax along the last axis, in the precision of `x`."""
    powers = np.exp(x - np.max(x, axis=-1, keepdims=True))
    result: Array = powers / powers.sum(axis=-1, keepdims=True)
    return result
