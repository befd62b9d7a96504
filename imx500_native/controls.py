"""A request's metadata, by the fastest way that this machine allows."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Literal

from imx500_native.bindings import (
    REBUILD,
    CopiedMetadata,
    bare_request,
    copied_control,
    copied_metadata,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from imx500_native._libcamera import Controls

logger = logging.getLogger("imx500_native")

NOT_BUILT = (
    "imx500_native was built without libcamera; install libcamera-dev, pkg-config and g++, then "
    + REBUILD
)


def direct_access_problem(request: object) -> str | None:
    """Say why requests must be read through libcamera's Python bindings, if they must.

    Parameters
    ----------
    request : libcamera.Request or picamera2.request.CompletedRequest
        Any request; the answer is the same for every one of the process.

    Returns
    -------
    str or None
        The reason, with what to do; None where libcamera's memory can be read directly.

    Raises
    ------
    TypeError
        For an object that is not a request.
    RequestStateError
        For a ``CompletedRequest`` that was released.
    """
    bare_request(request)
    try:
        import imx500_native._libcamera as direct
    except ModuleNotFoundError:
        return NOT_BUILT
    except ImportError as error:
        # The loader found no libcamera of the version that the module was built with.
        return f"{error}; {REBUILD}"
    return direct.direct_access_problem(request)


def _choose(request: object) -> None:
    global take_controls, peek_control
    problem = direct_access_problem(request)
    if problem is None:
        import imx500_native._libcamera as direct

        take_controls, peek_control = direct.take_controls, direct.peek_control
    else:
        logger.warning("requests are read slowly, through libcamera's Python bindings: %s", problem)
        take_controls, peek_control = copied_metadata, copied_control


def _take_first(
    request: object, ownership: Literal["copy", "move"] = "copy"
) -> Controls | CopiedMetadata:
    _choose(request)
    return take_controls(request, ownership)


def _peek_first(request: object, name: str) -> Any:
    _choose(request)
    return peek_control(request, name)


# Replaced by the way that was chosen when the first request comes: call them as attributes of this
# module, not as imported names.
take_controls: Callable[..., Controls | CopiedMetadata] = _take_first
peek_control: Callable[[object, str], Any] = _peek_first
