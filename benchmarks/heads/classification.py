"""Classification: a tensor of logits to the best five, as picamera2's demo asks for them."""

from __future__ import annotations

import contextlib
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import peers
from cases import Case

import imx500_native as imx
from imx500_native.results import Classification

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from imx500_native.network import Network

# It leaves the softmax to the host, and its intrinsics say so.
NETWORK = "regnetx_002"
BEST = 5

BEST_FIVE = f"softmax and top {BEST}"
WHOLE_ORDER = "softmax and the order of all"


def touched_bytes(network: Network) -> int:
    """Return how many bytes decide: every logit."""
    return 4 * network.outputs[0].elements


def scene(network: Network, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """Return logits of which ten stand out, no two of the best six alike."""
    (spec,) = network.outputs
    logits = spec.quantized(rng.normal(0, 1.5, spec.shape))
    best = rng.choice(spec.elements, 10, replace=False)
    logits[best] = spec.quantized(8 + np.arange(10) * spec.scale)
    return logits


def picamera2_best(softmax: Any, logits: npt.NDArray[np.float32]) -> list[tuple[int, float]]:
    """Do what picamera2's classification demo does, for five classes instead of three."""
    shares = softmax(logits)
    best = np.argpartition(-shares, BEST)[:BEST]
    best = best[np.argsort(-shares[best])]
    return [(class_id, shares[class_id]) for class_id in best]


def cases(rng: np.random.Generator) -> Iterator[Case]:
    """Yield the jobs, both sides from the tensor to ranked classes."""
    network = imx.Network.find(NETWORK)
    logits = scene(network, rng)
    decoder = imx.Decoder.for_network(network, max_detections=BEST)
    ours = partial(_ranked, decoder, logits)
    theirs = partial(picamera2_best, peers.picamera2_module("postprocess").softmax, logits)
    expected = theirs()
    found = ours()
    if found.class_id.tolist() != [class_id for class_id, _ in expected] or not np.allclose(
        found.confidence, [share for _, share in expected], rtol=1e-6, atol=0
    ):
        raise AssertionError("picamera2's best are others, so there is no race")
    touched = touched_bytes(network)
    yield Case(BEST_FIVE, network.name, "picamera2", ours, theirs, touched)

    with contextlib.suppress(peers.PeerMissingError):
        pp_cls_softmax = partial(peers.modlib_post_processor("pp_cls_softmax"), [logits])
        whole = pp_cls_softmax()
        if not np.array_equal(whole.class_id[:BEST], found.class_id):
            raise AssertionError("modlib's best are others, so there is no race")
        yield Case(BEST_FIVE, network.name, "modlib", ours, pp_cls_softmax, touched)
        everything = imx.Decoder.for_network(network, max_detections=network.outputs[0].elements)
        in_order = partial(_ranked, everything, logits)
        # Ties are in no order of modlib's.
        if not np.allclose(in_order().confidence, whole.confidence, rtol=1e-6, atol=0):
            raise AssertionError("modlib's confidences are others, so there is no race")
        yield Case(WHOLE_ORDER, network.name, "modlib", in_order, pp_cls_softmax, touched)


def _ranked(decoder: imx.Decoder, logits: npt.NDArray[np.float32]) -> Classification:
    found = decoder((logits,))
    assert isinstance(found, Classification)
    return found
