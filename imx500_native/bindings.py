"""libcamera's own Python bindings: what a request is, and its metadata the slow way."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Literal, Protocol, cast

from imx500_native.errors import RequestStateError
from imx500_native.metadata import Metadata

if TYPE_CHECKING:
    import enum
    from collections.abc import Mapping

# By this Python: a system's own pip installs nothing, and another environment's somewhere else.
REBUILD = (
    "build imx500_native again, in its sources: "
    f"{sys.executable} -m pip install --force-reinstall --no-deps ."
)

PENDING = (
    "the request is pending: its metadata are complete when libcamera hands it back, and gone "
    "after reuse()"
)
CANCELLED = "the request was cancelled: it carries no frame"

_FIELDS = {
    "Rectangle": ("x", "y", "width", "height"),
    "Size": ("width", "height"),
    "Point": ("x", "y"),
}


class ControlId(Protocol):
    """A ``libcamera.ControlId``, as far as it is used."""

    name: str


class Request(Protocol):
    """A ``libcamera.Request``, as far as it is used."""

    status: enum.Enum
    sequence: int
    metadata: Mapping[ControlId, object]


class CopiedMetadata(Metadata):
    """Metadata by name as libcamera's bindings convert them, every number a Python object.

    Attributes
    ----------
    sequence : int
        The request's number since the camera started.
    """

    sequence: int

    @property
    def access(self) -> Literal["tuple"]:
        """How the values were reached."""
        return "tuple"


def bare_request(given: object) -> Request:
    """Return the ``libcamera.Request`` in what a caller gave.

    Parameters
    ----------
    given : libcamera.Request or picamera2.request.CompletedRequest
        What should be, or hold, a request.

    Returns
    -------
    libcamera.Request
        `given` itself, or its attribute ``request``.

    Raises
    ------
    TypeError
        For any other object.
    RequestStateError
        For a ``CompletedRequest`` that was released.
    """
    # Whoever has a request has imported the bindings.
    kind = getattr(sys.modules.get("libcamera"), "Request", None)
    if isinstance(kind, type):
        if isinstance(given, kind):
            return cast("Request", given)
        inner = getattr(given, "request", False)
        if inner is None:
            raise RequestStateError(
                "the CompletedRequest was released: make the frame before its release()"
            )
        if isinstance(inner, kind):
            return cast("Request", inner)
    raise TypeError(
        "expected a libcamera.Request or a picamera2 CompletedRequest, not "
        f"{type(given).__module__}.{type(given).__qualname__}"
    )


def configuration(given: object) -> Mapping[str, Any] | None:
    """Return the camera's configuration where a caller gave picamera2's request, which knows it.

    Parameters
    ----------
    given : libcamera.Request or picamera2.request.CompletedRequest
        As `bare_request` takes it.

    Returns
    -------
    mapping or None
        As picamera2's ``camera_configuration()``; None for a request of libcamera's own.
    """
    # Not by asking for the attribute first: a bare request takes a microsecond to lack it.
    if type(given) is getattr(sys.modules.get("libcamera"), "Request", None):
        return None
    return getattr(given, "config", None)


def copied_metadata(request: object, ownership: Literal["copy", "move"] = "copy") -> CopiedMetadata:
    """Read a completed request's metadata through libcamera's bindings.

    Parameters
    ----------
    request : libcamera.Request or picamera2.request.CompletedRequest
        A request that libcamera has handed back and that has not been reused since.
    ownership : {"copy", "move"}
        Accepted as `imx500_native._libcamera.take_controls` has it; this way always copies.

    Returns
    -------
    CopiedMetadata
        Numbers, strings and tuples; (x, y, width, height) for a Rectangle, (width, height) for a
        Size.

    Raises
    ------
    TypeError
        For an object that is not a request.
    RequestStateError
        For a request that is pending, cancelled or released.
    """
    check_ownership(ownership)
    bare = bare_request(request)
    status = bare.status.name
    if status != "Complete":
        raise RequestStateError(CANCELLED if status == "Cancelled" else PENDING)
    copied = CopiedMetadata((key.name, _plain(value)) for key, value in bare.metadata.items())
    copied.sequence = bare.sequence
    return copied


def copied_control(request: object, name: str) -> object:
    """Read one control of a completed request through libcamera's bindings, which convert all.

    Parameters
    ----------
    request : libcamera.Request or picamera2.request.CompletedRequest
        As `copied_metadata` takes it.
    name : str
        libcamera's name of the control.

    Returns
    -------
    object
        As `copied_metadata` has it; None where the request has no such control.

    Raises
    ------
    TypeError, RequestStateError
        As `copied_metadata`.
    """
    return copied_metadata(request).get(name)


def check_ownership(ownership: str) -> None:
    """Raise ValueError for anything but ``"copy"`` and ``"move"``."""
    if ownership not in ("copy", "move"):
        raise ValueError(f'ownership must be "copy" or "move", not {ownership!r}')


def _plain(value: object) -> object:
    fields = _FIELDS.get(type(value).__name__)
    if fields is not None:
        return tuple(getattr(value, field) for field in fields)
    # All items of a span are of one type, and there may be a million numbers.
    if isinstance(value, tuple) and value and type(value[0]).__name__ in _FIELDS:
        return tuple(_plain(item) for item in value)
    return value


def mapping_problem(maps: str, built: str, running: str) -> str | None:
    """Say why a module built with one libcamera must not touch this process's objects, if so.

    Parameters
    ----------
    maps : str
        The text of ``/proc/self/maps``.
    built : str
        ``major.minor`` of the libcamera that the module was built with.
    running : str
        What the mapped libcamera calls itself, such as ``"v0.7.1+rpt20260429"``.

    Returns
    -------
    str or None
        The reason, with what to do; None where there is none.
    """
    mapped = set()
    for line in maps.splitlines():
        fields = line.split(maxsplit=5)
        if len(fields) == 6 and fields[5].rpartition("/")[2].startswith("libcamera.so"):
            mapped.add(fields[5])
    if len(mapped) != 1:
        found = ", ".join(sorted(mapped)) or "none"
        return (
            f"there must be one libcamera in this process, not {len(mapped)} ({found}); {REBUILD}"
        )
    # libcamera promises no ABI from one minor version to the next.
    if running.removeprefix("v").split(".")[:2] != built.split("."):
        return f"imx500_native was built with libcamera {built} and meets {running}; {REBUILD}"
    return None
