"""The exception family of imx500_native.

Every error derives from `Imx500Error` and from the builtin that a Python programmer would catch
for the same kind of mistake.
"""

from __future__ import annotations

import errno


class Imx500Error(Exception):
    """Root of every error that this package raises on purpose."""


class TensorInfoError(Imx500Error, ValueError):
    """A tensor, or the struct that describes it, is malformed."""


class NetworkFileError(Imx500Error, ValueError):
    """A network file (``.rpk``) cannot be read, or contradicts itself."""


class NetworkNotFoundError(Imx500Error, FileNotFoundError):
    """No network file and no built-in network has the name that was asked for."""


class NetworkTypeError(Imx500Error, TypeError):
    """Something else was given where a `Network` is needed, such as its path or its name."""


class IntrinsicsError(Imx500Error, ValueError):
    """A network's intrinsics hold a value that their format does not allow."""


class TaskError(Imx500Error, TypeError):
    """The network's task is not the one that was asked for."""


class MissingContextError(Imx500Error, ValueError):
    """The frame was never told something that the answer depends on: network, ROI, stream size."""


class DecoderError(Imx500Error, ValueError):
    """Output tensors do not have the shapes that a decoder reads."""


class OutputsError(DecoderError):
    """The same, from inside a head: `Decoder` makes a `DecoderError` with both shapes of it."""


class PipelineError(Imx500Error, ValueError):
    """A pipeline or a filter was asked for something, or shown something, that it cannot do."""


class SimulationError(Imx500Error, ValueError):
    """The simulated camera was asked for something that it cannot simulate."""


class DeviceNotFoundError(Imx500Error, FileNotFoundError):
    """No AI Camera was found on this machine."""


class DeviceError(Imx500Error, OSError):
    """The driver of the AI Camera refused.

    Parameters
    ----------
    number : int
        The errno.
    what : str
        What was refused, and why.
    remedy : str
        What to do about it.

    Attributes
    ----------
    errno, strerror, remedy
        The parameters.
    """

    def __init__(self, number: int, what: str, remedy: str) -> None:
        super().__init__(number, what)
        self.remedy = remedy

    def __str__(self) -> str:
        name = errno.errorcode.get(self.errno or 0, f"errno {self.errno}")
        return f"{self.strerror} ({name}): {self.remedy}"

    def __reduce__(self) -> tuple[type[DeviceError], tuple[int | None, str | None, str]]:
        return type(self), (self.errno, self.strerror, self.remedy)


class ControlMissingError(DeviceError):
    """The driver is from before the control that is needed."""


class LibcameraMissingError(Imx500Error, ImportError):
    """libcamera, or the extension module that talks to it, is not available."""


class MissingExtraError(Imx500Error, ImportError):
    """An optional package is needed for this call and is not installed."""


class RequestStateError(Imx500Error, RuntimeError):
    """A libcamera request is pending, cancelled or released: it holds no metadata to read."""


class TensorTakenError(Imx500Error, RuntimeError):
    """The metadata of a libcamera request were moved into another frame."""


class GeometryError(Imx500Error, ValueError):
    """A rectangle, a size or a coordinate space is not one that can be mapped."""


class DrawingError(Imx500Error, ValueError):
    """A picture, or the way it should be drawn or written, is not one that can be."""


class CameraError(Imx500Error, RuntimeError):
    """libcamera refuses a camera, or the camera is closed or in use."""


class CameraOptionError(Imx500Error, ValueError):
    """An option has no valid value, or the camera does not offer it."""


class CameraTimeoutError(Imx500Error, TimeoutError):
    """No frame, or none with tensors, came in time.

    Attributes
    ----------
    kind : str
        "no frame": none since the camera started. "stalled": some came, then no more.
        "cancelled": libcamera gave requests back without a picture. "no tensors": frames come,
        but the network's results do not. "too early": the wait was so short that a camera in good
        order need not have had a frame, which also ends a poll, ``capture(0)``; a camera that is
        polled has stalled when none came for ten frames' time.
    """

    def __init__(self, message: str, kind: str) -> None:
        super().__init__(message, kind)
        self.kind = kind

    def __str__(self) -> str:
        return str(self.args[0])
