"""What is known about a network's tensors before it runs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from imx500_native.errors import NetworkFileError, TensorInfoError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

WIRE_DTYPES = tuple(np.dtype(kind) for kind in ("i1", "u1", "i2", "u2", "i4", "u4"))


@dataclass(frozen=True, slots=True)
class Block:
    """One firmware block of a network file.

    Attributes
    ----------
    offset : int
        Where the block starts in the file, in bytes.
    size : int
        Bytes of its payload, without header and footer.
    index, count : int
        The block is number `index` of `count`, counted from 1.
    device_locked : bool
        The block is made for one sensor only.
    """

    offset: int
    size: int
    index: int
    count: int
    device_locked: bool


@dataclass(frozen=True, slots=True)
class OutputSpec:
    """One output tensor of a network, as the sensor sends it.

    Attributes
    ----------
    name : str
        The end of the tensor's name in the network. Not unique.
    shape : tuple of int
        As libcamera reports it; its arrays are in Fortran order.
    dtype : numpy.dtype
        Of the quantised values: int8, uint8, int16, uint16, int32 or uint32.
    scale, shift : float, int
        ``value = (raw - shift) * scale``, in float32.
    order : tuple of int
        Place of each dimension on the wire, 0 being the fastest. Left out: 0, 1, 2, ...

    Raises
    ------
    TensorInfoError
        An attribute is not one that a tensor can have.
    """

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    scale: float
    shift: int = 0
    order: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "shape", tuple(int(size) for size in self.shape))
        object.__setattr__(self, "dtype", np.dtype(self.dtype))
        object.__setattr__(self, "order", tuple(self.order) or tuple(range(len(self.shape))))
        if not self.shape or min(self.shape) < 1:
            raise TensorInfoError(f"expected a shape of positive sizes, got {self.shape}")
        if self.dtype not in WIRE_DTYPES:
            raise TensorInfoError(
                f"expected an integer dtype of 8, 16 or 32 bits, got {self.dtype}"
            )
        if sorted(self.order) != list(range(len(self.shape))):
            raise TensorInfoError(
                f"expected an order that names each of the {len(self.shape)} dimensions once, "
                f"got {self.order}"
            )
        largest = max(abs(step) for step in self._steps)
        if not self.scale > 0 or not largest * self.scale <= float(np.finfo(np.float32).max):
            raise TensorInfoError(
                f"expected a positive scale whose values fit float32, got {self.scale}"
            )
        object.__setattr__(self, "scale", float(np.float32(self.scale)))
        if self.scale == 0:
            raise TensorInfoError("expected a scale that is not 0 in float32")

    @property
    def elements(self) -> int:
        """Number of values in the tensor."""
        return math.prod(self.shape)

    @property
    def bits(self) -> int:
        """Bits of one value on the wire."""
        return self.dtype.itemsize * 8

    @property
    def _steps(self) -> tuple[int, int]:
        limits = np.iinfo(self.dtype)
        return int(limits.min) - self.shift, int(limits.max) - self.shift

    @property
    def value_range(self) -> tuple[float, float]:
        """Smallest and largest value that the tensor can carry."""
        low, high = (float(np.float32(step) * np.float32(self.scale)) for step in self._steps)
        return low, high

    def quantized(self, values: ArrayLike) -> NDArray[np.float32]:
        """Round values to those that the tensor can carry.

        Parameters
        ----------
        values : array_like of float
            Any shape.

        Returns
        -------
        numpy.ndarray of float32
            The nearest value on the tensor's grid, clipped to `value_range`; half-way cases go to
            the even multiple of the scale. Same shape as `values`.

        Raises
        ------
        TensorInfoError
            A value is NaN, which no tensor can carry.
        """
        # Large tensors take their time for new memory, so all happens in place.
        steps = np.array(values, dtype=np.float64)
        steps /= self.scale
        np.rint(steps, out=steps)
        if math.isnan(steps.min(initial=0)):
            raise TensorInfoError("expected numbers to quantise, got NaN")
        np.clip(steps, *self._steps, out=steps)
        rounded: NDArray[np.float32] = steps.astype(np.float32)
        rounded *= np.float32(self.scale)
        return rounded


@dataclass(frozen=True, slots=True)
class InputSpec:
    """The input tensor of a network, and how the sensor makes it from a picture.

    Plane ``i`` of the tensor holds ``clip(((x * div_val[i] >> div_shift) + norm_val[i]) >>
    norm_shift)`` for a picture value ``x`` of 0 to 255, clipped to what `dtype` holds.

    Attributes
    ----------
    width, height, channels : int
        Size in pixels, without padding, and number of planes.
    format : str
        Order of the planes: "RGB", "BGR", "Y" or "BayerRGB".
    dtype : numpy.dtype
        int8 or uint8.
    scale, shift : float, int
        ``value = (raw - shift) * scale`` is what the network computes with.
    norm_val, div_val : tuple of int
        One per plane; empty where the normalisation of `format` is not known.
    norm_shift, div_shift : int
        Bits.
    padding : tuple of int
        (width, height) in pixels that the tensor is larger on the wire, right and bottom.
    name : str
        The end of the tensor's name in the network.

    Raises
    ------
    TensorInfoError
        An attribute is not one that an input tensor can have.
    """

    width: int
    height: int
    channels: int = 3
    format: str = "RGB"
    dtype: np.dtype[Any] = np.dtype("u1")  # noqa: RUF009 - immutable
    scale: float = 1 / 256
    shift: int = 0
    norm_val: tuple[int, ...] = (0, 0, 0)
    norm_shift: int = 4
    div_val: tuple[int, ...] = (1024, 1024, 1024)
    div_shift: int = 6
    padding: tuple[int, int] = (0, 0)
    name: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "dtype", np.dtype(self.dtype))
        object.__setattr__(self, "norm_val", tuple(self.norm_val))
        object.__setattr__(self, "div_val", tuple(self.div_val))
        if min(self.width, self.height, self.channels) < 1:
            raise TensorInfoError(
                f"expected an input of positive size, got {self.width}x{self.height} with "
                f"{self.channels} channels"
            )
        if self.dtype not in (np.dtype("i1"), np.dtype("u1")):
            raise TensorInfoError(f"expected an input of int8 or uint8, got {self.dtype}")
        if {len(self.norm_val), len(self.div_val)} not in ({0}, {self.channels}):
            raise TensorInfoError(
                f"expected one norm_val and one div_val per channel ({self.channels}), "
                f"got {self.norm_val} and {self.div_val}"
            )

    def _encoded(self) -> NDArray[np.int64]:
        if not self.div_val:
            raise NetworkFileError(f"how {self.format} input is normalised is not known")
        picture = np.arange(256, dtype=np.int64)
        limits = np.iinfo(self.dtype)
        return np.stack(
            [
                np.clip(
                    ((picture * div >> self.div_shift) + norm) >> self.norm_shift,
                    limits.min,
                    limits.max,
                )
                for div, norm in zip(self.div_val, self.norm_val, strict=True)
            ]
        )

    def encode_table(self) -> NDArray[np.uint8]:
        """Tell the byte on the wire for every picture value.

        Returns
        -------
        numpy.ndarray of uint8, shape (channels, 256)
            ``table[plane, x]``; int8 values stand in two's complement.

        Raises
        ------
        NetworkFileError
            The normalisation of this format is not known.
        """
        return self._encoded().astype(self.dtype).view(np.uint8)

    def decode_table(self) -> NDArray[np.uint8]:
        """Tell the picture value for every byte on the wire.

        Returns
        -------
        numpy.ndarray of uint8, shape (channels, 256)
            ``table[plane, byte]``: the smallest picture value that encodes to the byte. Where none
            does, the one whose encoded value is nearest, the lower of two that are equally near.
            Read-only, and shared between calls.

        Raises
        ------
        NetworkFileError
            The normalisation of this format is not known, or it maps all values to one.
        """
        return _decode_table(self)


@lru_cache(maxsize=32)
def _decode_table(spec: InputSpec) -> NDArray[np.uint8]:
    encoded = spec._encoded()
    if 0 in spec.div_val:
        raise NetworkFileError(
            f"the network's normalisation cannot be inverted: div_val is {spec.div_val}"
        )
    wire = np.arange(256, dtype=np.uint8).view(spec.dtype).astype(np.int64)
    difference = encoded[:, np.newaxis, :] - wire[np.newaxis, :, np.newaxis]
    # argmin takes the first of equals, which is the smallest picture value.
    preference = 2 * np.abs(difference) + (difference > 0)
    table: NDArray[np.uint8] = preference.argmin(axis=2).astype(np.uint8)
    table.flags.writeable = False  # every frame of the network shares it
    return table
