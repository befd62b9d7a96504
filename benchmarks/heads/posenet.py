"""PoseNet: tensors to people, as modlib's C++ finds them: up to ten, whatever their confidence."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

import numpy as np
import peers
from cases import Case

import imx500_native as imx

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from imx500_native.network import Network

    Tensors = list[npt.NDArray[np.float32]]

NETWORK = "posenet"
PEOPLE = (3, 5)
RANDOM_JOB = "random maps"
# What is less sure than this is noise that modlib takes along, its ties in any order.
SURE = 0.4
LEFT_EYE, LEFT_EAR = 1, 3
NUMBERED_16 = (16, 32, 48)
# Beyond it modlib cuts.
SHORT_LIMIT = 10.0
# Longer offsets would lead two builds of modlib that round differently to different places.
LIMITS = (10, 3, 16)


def people_job(people: int) -> str:
    """Return the name of the job with so many people."""
    return f"{people} people"


def touched_bytes(network: Network) -> int:
    """Return how many bytes of tensors decide: the heat maps, and of the offsets some cells."""
    return 4 * network.outputs[0].elements


def people_tensors(people: int, rng: np.random.Generator) -> Tensors:
    """Return the tensors of so many people who stand side by side, with noise.

    They are not rounded as the sensor does it, which makes ties, and nobody is found by the left
    eye or ear, from where modlib goes astray.
    """
    # The tests' own, which scripts/bench puts on the path.
    oracle = importlib.import_module("oracles.posenet_oracle")
    bodies = [
        oracle.standing_person(x, rng.uniform(15, 60), rng.uniform(180, 260))
        for x in np.linspace(60, 420, people)
    ]
    heat, short, mid = oracle.encode_people(bodies, short_limit=SHORT_LIMIT)
    heat += rng.normal(0, 0.5, heat.shape).astype(np.float32)
    heat[..., [LEFT_EYE, LEFT_EAR]] -= 3
    return [heat, short, mid]


def random_tensors(network: Network, rng: np.random.Generator) -> Tensors:
    """Return random values without ties, in which modlib's wrong channels hold the right ones."""
    tensors = [
        np.asfortranarray(rng.uniform(-limit, limit, spec.shape), np.float32)
        for spec, limit in zip(network.outputs, LIMITS, strict=True)
    ]
    for channel in NUMBERED_16:
        tensors[2][..., channel] = tensors[2][..., NUMBERED_16[0]]
    return tensors


def _check(job: str, network: Network, poses: Any, theirs: Any, least: int) -> None:
    size = (network.input.width, network.input.height)
    sure = int((poses.detection_confidence > SURE).sum())
    # It forgets half a pixel.
    apart = (poses.xy[:sure] * size - 0.5) - theirs.keypoints[:sure] * size
    if (
        sure < least
        or len(poses) != theirs.n_detections
        or np.abs(apart).max() > 0.01
        or np.abs(poses.keypoint_confidence[:sure] - theirs.keypoint_scores[:sure]).max() > 1e-4
    ):
        raise AssertionError(f"{job}: modlib's result is another one, so there is no race")


def cases(rng: np.random.Generator) -> Iterator[Case]:
    """Yield the jobs; each has compared the results before it is yielded.

    modlib writes into tensors that are row-major. These are column-major, as both sides get them
    in use, so that it works on copies and every call has the same input.
    """
    network = imx.Network.find(NETWORK)
    theirs = peers.modlib_post_processor("pp_posenet")
    decoder = imx.Decoder.for_network(network, threshold=0.0, max_detections=10)
    jobs = [(people_job(n), people_tensors(n, rng), n) for n in PEOPLE]
    for job, tensors, least in [*jobs, (RANDOM_JOB, random_tensors(network, rng), 1)]:

        def ours(tensors: Tensors = tensors) -> Any:
            return decoder(tensors)

        def modlib(tensors: Tensors = tensors) -> Any:
            return theirs(tensors)

        _check(job, network, ours(), modlib(), least)
        yield Case(job, network.name, "modlib", ours, modlib, touched_bytes(network))
