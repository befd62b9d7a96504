"""Segmentation: a tensor of class ids to masks, as picamera2's demo makes them."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import numpy as np
import peers
from cases import Case

import imx500_native as imx
from imx500_native.results import Segmentation

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from imx500_native.network import Network

    Masks = dict[int, npt.NDArray[np.bool_]]
    Overlays = dict[int, npt.NDArray[np.uint8]]

NETWORK = "deeplabv3plus"
CLASSES = (2, 7, 9, 15, 20)
ALPHA = 150

OVERLAYS = f"segmentation masks, {len(CLASSES)} classes, coloured by the peer"
MASKS = f"segmentation masks, {len(CLASSES)} classes"
CLASS_MAP = "class map"


def touched_bytes(network: Network) -> int:
    """Return how many bytes decide: the class id of every pixel."""
    return 4 * network.outputs[0].elements


def scene(network: Network, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """Return a tensor with ten ellipses of five classes before a background."""
    height, width = network.output_shapes[0]
    y, x = np.mgrid[:height, :width]
    tensor = np.zeros((height, width), np.float32, order="F")
    for number in range(10):
        middle = rng.uniform(0.2, 0.8, 2) * (height, width)
        radii = rng.uniform(0.05, 0.2, 2) * (height, width)
        inside = ((y - middle[0]) / radii[0]) ** 2 + ((x - middle[1]) / radii[1]) ** 2 < 1
        tensor[inside] = CLASSES[number % len(CLASSES)]
    for number, class_id in enumerate(CLASSES):  # none is covered altogether
        tensor[:8, 8 * number : 8 * number + 8] = class_id
    return tensor


def picamera2_overlays(
    tensor: npt.NDArray[np.float32], colours: npt.NDArray[np.float64]
) -> Overlays:
    """Do what picamera2's segmentation demo does: a picture of RGBA for every class but 0."""
    overlays = {}
    for class_id in np.unique(tensor):
        if class_id != 0:
            palette = np.array([(0, 0, 0, 0), colours[int(class_id)]])
            inside = np.array(tensor == class_id, dtype=np.uint8)
            overlays[int(class_id)] = palette[inside].astype(np.uint8)
    return overlays


def numpy_masks(tensor: npt.NDArray[np.float32]) -> Masks:
    """Do only the part of the demo that finds the masks."""
    return {int(one): tensor == one for one in np.unique(tensor) if one != 0}


def cases(rng: np.random.Generator) -> Iterator[Case]:
    """Yield the jobs, both sides from the tensor to a mask of each class."""
    network = imx.Network.find(NETWORK)
    decoder = imx.Decoder.for_network(network)
    tensor = scene(network, rng)
    colours = rng.uniform(1, 255, (21, 4))
    colours[:, 3] = ALPHA

    def segmentation() -> Segmentation:
        found = decoder((tensor,))
        assert isinstance(found, Segmentation)
        return found

    def ours() -> Masks:
        found = segmentation()
        return dict(zip(found.class_id.tolist(), found.masks(), strict=True))

    def overlays() -> Overlays:
        return picamera2_overlays(tensor, colours)

    def masks() -> Masks:
        return numpy_masks(tensor)

    _require_same(ours(), {one: overlay[..., 3] > 0 for one, overlay in overlays().items()})
    _require_same(ours(), masks())
    touched = touched_bytes(network)
    yield Case(OVERLAYS, network.name, "picamera2", ours, overlays, touched)
    yield Case(MASKS, network.name, "numpy", ours, masks, touched)

    with contextlib.suppress(peers.PeerMissingError):
        pp_segment = peers.modlib_post_processor("pp_segment")
        found = segmentation().class_map
        # Its background is 255.
        if not np.array_equal(np.where(found == 0, 255, found), pp_segment([tensor]).mask):
            raise AssertionError("modlib's class map is another one, so there is no race")
        yield Case(
            CLASS_MAP,
            network.name,
            "modlib",
            segmentation,
            lambda: pp_segment([tensor]),
            touched,
        )


def _require_same(ours: Masks, theirs: Masks) -> None:
    if sorted(ours) != sorted(theirs) or len(ours) != len(CLASSES):
        raise AssertionError("the peer finds other classes, so there is no race")
    if not all(np.array_equal(ours[one], theirs[one]) for one in ours):
        raise AssertionError("the peer's masks are others, so there is no race")
