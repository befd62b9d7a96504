"""What a pose network sees of a scene: people and their joints, with the usual mistakes."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import numpy as np

from imx500_native.errors import SimulationError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imx500_native.network import Network
    from imx500_native.simulation.encoders.detections import Found
    from imx500_native.simulation.packing import Floats
    from imx500_native.simulation.scene import Scene, SceneObject

JOINTS = 17


_Share = TypeVar("_Share", float, "Floats")


def joint_score(visible: _Share) -> _Share:
    """Score of joints that show well (1), hardly (0.3) or, as a guess, not at all (0)."""
    return 0.05 + 0.9 * visible


def people_in(scene: Scene, noise: float) -> Floats:
    """Joints of everybody in the scene, most visible last.

    Parameters
    ----------
    scene : Scene
    noise : float
        0 is exact; 1 moves joints by about 1 % of a person's height, changes scores a little and
        now and then overlooks a person.

    Returns
    -------
    ndarray
        (people, 17, 3) float32: x and y in 0..1 of what the network sees, beyond it where a joint
        is cut off, and the score.
    """
    people = []
    for item in scene.objects:
        if not item.joints:
            continue
        joints = joints_of(item, scene, noise)
        if noise > 0 and scene.rng.random() < 0.015 * noise:
            continue
        people.append((item.visible, joints))
    people.sort(key=lambda person: person[0])
    if not people:
        return np.empty((0, JOINTS, 3), np.float32)
    return np.stack([joints for _, joints in people])


def joints_of(item: SceneObject, scene: Scene, noise: float) -> Floats:
    """Joints of one person, (17, 3) as `people_in` gives them."""
    joints = np.array(item.joints, np.float32)
    joints[:, 2] = joint_score(joints[:, 2])
    if noise > 0:
        size = np.array((item.xyxy[3] - item.xyxy[1],) * 2) * (scene.roi[3] / scene.roi[2], 1)
        seen = joints[:, 2] > joint_score(0)
        joints[:, :2] += scene.rng.normal(0, 0.008 * noise, (JOINTS, 2)) * size
        wobble = scene.rng.normal(0, 0.04 * noise, JOINTS)
        joints[seen, 2] = np.clip(joints[:, 2] + wobble, 0.05, 0.97)[seen]
    return joints


def joints_found(found: Sequence[Found], scene: Scene, noise: float) -> list[Floats]:
    """Joints of what a detector of people found; of a person who is not there, guesses.

    Returns
    -------
    list of ndarray
        Of each, (17, 3) as `people_in` gives them.
    """
    joints: list[Floats] = []
    for x0, y0, x1, y1 in (item.xyxy for item in found):
        guess = ((x0 + x1) / 2, (y0 + y1) / 2, joint_score(0.0))
        joints.append(np.full((JOINTS, 3), guess, np.float32))
    for own, item in zip(joints, found, strict=True):
        if item.number is not None:
            own[:] = joints_of(scene.objects[item.number], scene, noise)
    return joints


def require_coco(network: Network, keypoints: int) -> None:
    """Refuse a network of other keypoints than the 17 that the scene's people have.

    Raises
    ------
    SimulationError
        If there are more or fewer.
    """
    if keypoints != JOINTS:
        raise SimulationError(
            f"network {network.name!r} has {keypoints} keypoints, and the people of the simulated "
            f"scene have the {JOINTS} of COCO. Pass encode=f, where f(scene, network) returns one "
            "array per output"
        )
