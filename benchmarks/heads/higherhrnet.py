"""HigherHRNet: tensors to people in pixels of a picture, as picamera2's pose demo asks for them."""

from __future__ import annotations

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

NETWORK = "higherhrnet_coco"
PEOPLE = (6, 30)
WINDOW = (640, 480)
CANDIDATES, JOINTS = 30, 17
MAP_WIDTH, MAP_HEIGHT = 192, 144


def people_job(people: int) -> str:
    """Return the name of the job with so many people."""
    return f"{people} people"


def touched_bytes(network: Network) -> int:
    """Return how many bytes of tensors decide: all tags, places and heats."""
    return sum(4 * output.elements for output in network.outputs)


def people_tensors(people: int, rng: np.random.Generator) -> Tensors:
    """Return the tensors of so many people, and of fainter candidates where there is room.

    Every person is seen whole, with tags that differ by up to 3/16 from joint to joint.
    """
    shape = (CANDIDATES, JOINTS)
    tags = rng.integers(-128, 128, shape) / 16
    places = rng.integers(0, MAP_WIDTH * MAP_HEIGHT, shape)
    heats = rng.integers(0, 38, shape) / 128
    own_tags = np.linspace(-7.5, 7.5, people)
    for joint in range(JOINTS):
        own = rng.permutation(own_tags) + rng.integers(-1, 2, people) / 16
        tags[:people, joint] = np.round(own * 16) / 16
        heats[:people, joint] = rng.integers(64, 127, people) / 128
    order = np.argsort(-heats, axis=0, kind="stable")
    return [
        np.asfortranarray(np.take_along_axis(tensor, order, axis=0), np.float32)
        for tensor in (tags, places, heats)
    ]


def _same_people(poses: Any, theirs: Any) -> bool:
    keypoints, scores, _ = theirs
    scores = np.array(scores, np.float32)
    # It leaves out nobody: its demo applies the threshold when it draws.
    order = np.argsort(-scores, kind="stable")[: len(poses)]
    corners = np.reshape(keypoints, (-1, JOINTS, 3))[order]
    cell = WINDOW[0] / MAP_WIDTH
    apart = np.abs(poses.xy * (MAP_WIDTH, MAP_HEIGHT) * cell - corners[..., :2])
    return (
        np.array_equal(poses.detection_confidence, scores[order])
        and np.array_equal(poses.keypoint_confidence, corners[..., 2])
        # It takes the corner of a cell, and adds the column to the row.
        and bool(apart.max() <= cell)
    )


def _same_joints(poses: Any, theirs: Any) -> bool:
    heats = np.reshape(theirs[0], (-1, JOINTS, 3))[..., 2]
    return np.array_equal(np.sort(poses.keypoint_confidence, axis=0), np.sort(heats, axis=0))


def _check(poses: Any, theirs: Any, people: int) -> None:
    # The tags of thirty are so near that it mixes some of them up, whose costs it rounds.
    same = _same_people if people < CANDIDATES else _same_joints
    if len(poses) != people or not same(poses, theirs):
        raise AssertionError(f"{people_job(people)}: picamera2's result is another one")


def cases(rng: np.random.Generator) -> Iterator[Case]:
    """Yield the jobs; each has compared the results before it is yielded."""
    network = imx.Network.find(NETWORK)
    theirs = peers.picamera2_module("postprocess_highernet").postprocess_higherhrnet
    decoder = imx.Decoder.for_network(network)
    for people in PEOPLE:
        tensors = people_tensors(people, rng)
        batch = [tensor[np.newaxis] for tensor in tensors]

        def ours(tensors: Tensors = tensors) -> Any:
            return decoder(tensors)

        def picamera2(batch: Tensors = batch) -> Any:
            return theirs(batch, WINDOW[::-1], (0, 0), (0, 0), True)

        _check(ours(), picamera2(), people)
        yield Case(
            people_job(people), network.name, "picamera2", ours, picamera2, touched_bytes(network)
        )
