"""What every encoder has in common: a task, the classes that it can write, and its noise."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

from imx500_native.simulation.encoders.classes import class_choices

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imx500_native.heads.base import Task
    from imx500_native.network import Network
    from imx500_native.simulation.packing import Floats
    from imx500_native.simulation.scene import Scene


class Encoder(ABC):
    """Writes scenes as the tensors of one kind of network, which its head reads back.

    Parameters
    ----------
    network : Network
        The network to imitate.
    noise : float
        0 is exact; 1 is about as restless as a real network.
    classes : int, optional
        How many the tensors have room for.

    Attributes
    ----------
    task : str or None
        What the network does; None where it gives no result.
    choices : list of (int, str or None)
        What the scene may consist of, see `class_choices`.
    """

    task: ClassVar[Task | None]

    def __init__(self, network: Network, noise: float, classes: int | None = None) -> None:
        self.choices = class_choices(network, self.task, classes)
        self._noise = noise

    @abstractmethod
    def __call__(self, scene: Scene) -> Sequence[Floats]:
        """Encode one moment: an array per output, of its shape."""
