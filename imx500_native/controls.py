"""A request's metadata, by the fastest way that this machine allows."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Literal

from imx500_native.bindings import REBUILD, CopiedMetadata, bare_request, copied_metadata

if TYPE_CHECKING:
    from collections.abc import Callable

    from imx500_native._libcamera import Controls

logger = logging.getLogger("imx500_native")

NOT_BUILT = (
    "imx500_native was built without libcamera; install libcamera-dev and pkg-config, then "
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


def _choose(
    request: object, ownership: Literal["copy", "move"] = "copy"
) -> Controls | CopiedMetadata:
    global take_controls
    problem = direct_access_problem(request)
    if problem is None:
        import imx500_native._libcamera as direct

        take_controls = direct.take_controls
    else:
        logger.warning("requests are read slowly, through libcamera's Python bindings: %s", problem)
        take_controls = copied_metadata
    return take_controls(request, ownership)


# Replaced by the way that was chosen when the first request comes: call it as an attribute of this
# module, not as an imported name.
take_controls: Callable[..., Controls | CopiedMetadata] = _choose
