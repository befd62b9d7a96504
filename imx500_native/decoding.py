"""From a network's output tensors to results: which head reads which network."""

from __future__ import annotations

import inspect
import threading
from typing import TYPE_CHECKING, Any, TypeAlias

from imx500_native.errors import DecoderError, TaskError
from imx500_native.heads import HEADS, fitting_head, head_class

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    import numpy.typing as npt

    from imx500_native.heads.base import Head, Reader, Task
    from imx500_native.network import Network
    from imx500_native.results import Result

    OwnFunction: TypeAlias = Callable[[Sequence[npt.NDArray[np.float32]], Network], Result]


class Decoder:
    """Reads a network's output tensors.

    A decoder owns scratch memory: use one per thread.

    Parameters
    ----------
    network : Network
        Whose tensors it reads; its shapes, its intrinsics and what is known of public networks
        choose the head and its settings.
    threshold : float, optional
        The least confidence that counts, 0 to 1; by default the head's own, which is 0.5 for
        detectors.
    max_detections : int, optional
        How many of the most confident to keep; by default the head's own, which is all of them for
        detectors.
    head : str or callable, optional
        The name of a head, see `imx500_native.heads.HEADS`, for a network that does not say what
        it is; or a function of one's own, ``f(outputs, network)``, that returns `Detections` or,
        with ``result=Poses`` and so on, another result, in network space.
    **parameters
        What else the head takes, for example ``iou_threshold``.

    Attributes
    ----------
    network : Network
    head : str
        The name of the head.
    task : str
        "object detection", "pose estimation", "instance segmentation", "segmentation" or
        "classification".
    threshold : float
    max_detections : int or None
    labels : tuple of str or None
        As the head uses them.

    Raises
    ------
    TaskError
        If no head reads the network.
    DecoderError
        If a parameter is unknown or out of range, or the named head does not fit.
    """

    __slots__ = ("_head", "head", "labels", "max_detections", "network", "task", "threshold")

    task: Task
    _head: Reader

    def __init__(
        self,
        network: Network,
        threshold: float | None = None,
        max_detections: int | None = None,
        *,
        head: str | OwnFunction | None = None,
        **parameters: Any,
    ) -> None:
        options = {"threshold": threshold, "max_detections": max_detections} | parameters
        if callable(head):
            self._head = _function_head(head, network, options)
        else:
            self._head = _made(_chosen(network, head), network, options)
        self.network = network
        self.head = self._head.name
        self.task = self._head.task
        self.labels = self._head.labels
        self.threshold = self._head.threshold
        self.max_detections = self._head.max_detections

    @classmethod
    def for_network(
        cls,
        network: Network,
        threshold: float | None = None,
        max_detections: int | None = None,
        *,
        head: str | OwnFunction | None = None,
        **parameters: Any,
    ) -> Decoder:
        """Pick the decoder that reads a network's outputs, from the network's own facts.

        Parameters
        ----------
        network, threshold, max_detections, head, **parameters
            As for the class.

        Returns
        -------
        Decoder
            Ready to be called with ``frame.outputs``.

        Raises
        ------
        TaskError, DecoderError
            As for the class.
        """
        return cls(network, threshold, max_detections, head=head, **parameters)

    def __call__(self, outputs: Sequence[npt.NDArray[np.float32]] | None) -> Result:
        """Decode one frame.

        Parameters
        ----------
        outputs : sequence of ndarray or None
            The network's output tensors in their order, of any strides (what is not in Fortran
            order is copied once); None for a frame without tensors.

        Returns
        -------
        Detections, Poses, InstanceMasks, Segmentation or Classification
            In network space, most confident first. Without tensors: empty and not fresh.

        Raises
        ------
        DecoderError
            If the outputs do not have the shapes that this head reads.
        """
        if outputs is None:
            return self._head.empty()
        return self._head(outputs)

    def __repr__(self) -> str:
        return f"<Decoder {self.head} of {self.network.name}: {self.task}>"


def _chosen(network: Network, name: str | None) -> type[Head]:
    if name is not None:
        return head_class(name)
    head = fitting_head(network)
    if head is None:
        raise TaskError(
            f"no decoder reads the outputs of {network.name!r}, of shapes "
            f"{', '.join(map(str, network.output_shapes))}. Name the head that does "
            f"(head=..., one of {', '.join(HEADS)}), or pass a function of your own, "
            "head=f with f(outputs, network)"
        )
    return head


def _made(head: type[Head], network: Network, options: dict[str, Any]) -> Reader:
    allowed = inspect.signature(head).parameters
    unknown = [name for name in options if name not in allowed]
    if unknown:
        known = ", ".join(name for name in allowed if name != "network")
        raise DecoderError(
            f"the head {head.name!r} takes no {', '.join(unknown)}; it takes {known}"
        )
    return head(network, **options)  # type: ignore[call-arg]


def _function_head(function: OwnFunction, network: Network, options: dict[str, Any]) -> Reader:
    from imx500_native.heads.function import FunctionHead

    result = options.pop("result", None)
    given = [name for name, value in options.items() if value is not None]
    if given:
        raise DecoderError(
            f"a function of your own gets no {', '.join(given)}: it is called with the outputs "
            "and the network"
        )
    return FunctionHead(function, network, result)


def cached_decoder(
    network: Network, threshold: float | None, max_detections: int | None
) -> Decoder:
    """Return this thread's decoder for a network, made on first use.

    Parameters
    ----------
    network, threshold, max_detections
        As for `Decoder`.

    Returns
    -------
    Decoder
        The same object for the same arguments in the same thread.

    Raises
    ------
    TaskError, DecoderError
        As for `Decoder`.
    """
    # An identity is given again only when its thread is gone, which no longer uses the scratch.
    key = (threading.get_ident(), threshold, max_detections)
    decoder: Decoder | None = network.decoders.get(key)
    if decoder is None:
        # A program that sweeps thresholds must not collect decoders for ever.
        if len(network.decoders) >= 64:
            network.decoders.clear()
        decoder = network.decoders[key] = Decoder(network, threshold, max_detections)
    return decoder
