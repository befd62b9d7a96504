"""What a network can tell apart, and so what the simulated scene consists of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imx500_native.simulation.figures import FIGURES

if TYPE_CHECKING:
    from imx500_native.network import Network
    from imx500_native.simulation.scene import ClassChoice

_UNNAMED_CLASSES = 10
_PERSON = (0, "person")


def gives_no_result(network: Network) -> bool:
    """Tell whether a network only passes its input on: the zoo's "inputtensoronly"."""
    return network.network_name == "model_file0" and network.output_shapes == ((10,),)


def class_choices(
    network: Network, task: str | None, classes: int | None = None
) -> list[ClassChoice]:
    """Class ids that the network can report, each with its name; placeholders ("-") left out.

    Parameters
    ----------
    network : Network
    task : str or None
        What the network is taken to do.
    classes : int, optional
        How many its tensors have room for, where the network alone does not say so.
    """
    if task == "pose estimation":
        return [_PERSON]
    if gives_no_result(network):
        return list(enumerate(FIGURES))
    labels, largest = network.labels, None if classes is None else classes - 1
    if network.detects_on_sensor:
        largest = int(network.outputs[2].value_range[1])
    elif task == "classification":
        from imx500_native.heads.classification import class_labels  # only classifiers need it

        labels, largest = class_labels(network), network.outputs[0].elements - 1
    # Of a segmentation, the first class is the background.
    first = 1 if task == "segmentation" else 0
    if labels is None:
        known: list[ClassChoice] = [(first + i, None) for i in range(_UNNAMED_CLASSES)]
    else:
        known = [(i, label) for i, label in enumerate(labels) if i >= first and label != "-"]
    return [choice for choice in known if largest is None or choice[0] <= largest]
