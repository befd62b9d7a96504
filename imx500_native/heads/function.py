"""A network of one's own, read by a function of one's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from imx500_native.errors import DecoderError
from imx500_native.results.detections import Detections

if TYPE_CHECKING:
    from collections.abc import Callable

    from imx500_native.heads.base import Outputs, Task
    from imx500_native.network import Network
    from imx500_native.results import Result


class FunctionHead:
    """Gives what ``function(outputs, network)`` gives.

    Parameters
    ----------
    function : callable
        Returns `Detections`, `Poses` or another of this package's results, in network space.
    network : Network
    result : type, optional
        The type that it returns; `Detections` where it is not given.
    """

    __slots__ = ("_function", "_network", "_type", "labels", "name")

    # It may filter by itself; this package cannot know.
    threshold = 0.0
    max_detections: int | None = None

    def __init__(
        self,
        function: Callable[[Outputs, Network], Result],
        network: Network,
        result: type[Any] | None = None,
    ) -> None:
        self._function = function
        self._network = network
        self._type: Any = Detections if result is None else result
        self.labels = network.labels
        self.name: str = getattr(function, "__name__", type(function).__name__)

    @property
    def task(self) -> Task:
        """Which kind of result it gives."""
        task: Task = self._type.task
        return task

    def __call__(self, outputs: Outputs) -> Result:
        """Call the function.

        Raises
        ------
        DecoderError
            If it returns another type.
        """
        result = self._function(outputs, self._network)
        if not isinstance(result, self._type):
            raise DecoderError(
                f"{self.name} must return {self._type.__name__}, not {type(result).__name__}; "
                "a function with other results is passed with result=Poses or another of "
                "imx500_native's results"
            )
        return cast("Result", result)

    def empty(self) -> Result:
        """Return what a frame without tensors gives."""
        nothing: Result = self._type.empty(fresh=False)
        return nothing
