"""What picamera2's calls take for a frame: its metadata, or the request that has them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from imx500_native import controls


def metadata_of(source: Any) -> Any:
    """Return what holds the controls of a frame, read by their names.

    Parameters
    ----------
    source : mapping, picamera2.request.CompletedRequest or libcamera.Request
        Metadata, or a completed request, which is read where libcamera has it.

    Returns
    -------
    mapping
        `source` itself, or the request's controls: a copy, which outlives the request.
    """
    if isinstance(source, dict):
        return source
    try:
        return controls.take_controls(source, "copy")
    except TypeError:
        # No request of libcamera's: a mapping of another kind, or a stand-in for a request.
        return source if isinstance(source, Mapping) else source.get_metadata()


def control_of(source: Any, name: str) -> Any:
    """Return one control of metadata or of a request, without what else is in the request.

    Parameters
    ----------
    source : mapping, picamera2.request.CompletedRequest or libcamera.Request
        As for `metadata_of`.
    name : str
        The control's name.

    Returns
    -------
    object
        Its value.

    Raises
    ------
    KeyError
        If it is not there.
    """
    if isinstance(source, dict):
        return source[name]
    try:
        value = controls.peek_control(source, name)
    except TypeError:
        # As in `metadata_of`.
        return metadata_of(source)[name]
    if value is None:
        raise KeyError(name)
    return value
