"""modlib's own PoseNet decoder, its C++ of PyPI, against ours: equal but for what is named here.

Its threshold is 0 and it gives up to 10 poses. It cuts its arguments in place where they are
C-contiguous, so it gets column-major ones, as in its own use, of which it makes copies.
"""

from __future__ import annotations

import numpy as np
import peers
import pytest
from oracles import posenet_oracle as oracle
from oracles.posenet_oracle import (
    LEFT_EAR,
    LEFT_EYE,
    NOSE,
    encode_people,
    person_whose_left_eye_is_surest,
    pixels,
    scene,
    standing_person,
)

from imx500_native import Network
from imx500_native.heads.posenet import PoseNetHead


@pytest.fixture(scope="module")
def modlib():
    try:
        return peers.modlib_post_processor("pp_posenet")
    except peers.PeerMissingError as error:
        pytest.skip(str(error))


def ways_of_the_peers():
    """rpicam-apps and modlib take backward edge 0, which they number 16, for a forward one."""
    ways = oracle.ways_between_keypoints()
    ways[LEFT_EYE][NOSE] = 16, 32
    return ways


def decoded(tensors):
    head = PoseNetHead(Network.find("posenet"), threshold=0.0, max_detections=10)
    return head(tensors)


@pytest.mark.parametrize("seed", range(4))
def test_equal_up_to_the_backward_edge_16_on_random_tensors(modlib, seed):
    rng = np.random.default_rng(seed)
    # Longer offsets would lead two builds of modlib that round differently to different places.
    limits = ((17, 9.9), (34, 3), (64, 16))
    tensors = [
        np.asfortranarray(rng.uniform(-limit, limit, (23, 31, channels)), np.float32)
        for channels, limit in limits
    ]
    theirs = modlib(tensors)
    expected = oracle.decode(tensors, threshold=0.0, ways=ways_of_the_peers())
    assert theirs.n_detections == len(expected) == 10
    for i, (xy, scores, score) in enumerate(expected):
        at = theirs.keypoints[i] * [481, 353]
        np.testing.assert_allclose(at, xy * [481, 353] - 0.5, atol=0.02)
        np.testing.assert_allclose(theirs.keypoint_scores[i], scores, atol=1e-3)
        np.testing.assert_allclose(theirs.confidence[i], score, atol=1e-4)


@pytest.mark.parametrize("count", range(1, 6))
def test_equal_on_people(modlib, count):
    _, tensors = scene(count, seed=40 + count, short_limit=10.0)
    for keypoint in (LEFT_EYE, LEFT_EAR):  # no way to anybody goes over edge 16
        tensors[0][..., keypoint] -= 1
    theirs, ours = modlib(tensors), decoded(tensors)
    assert (ours.detection_confidence > 0.5).sum() == count
    np.testing.assert_allclose(
        pixels(ours)[:count], theirs.keypoints[:count] * [481, 353], atol=2e-3
    )
    np.testing.assert_allclose(
        ours.keypoint_confidence[:count], theirs.keypoint_scores[:count], atol=1e-6
    )
    np.testing.assert_allclose(
        ours.detection_confidence[:count], theirs.confidence[:count], atol=1e-6
    )


def test_it_takes_the_backward_edge_16_for_a_forward_one(modlib):
    """What it follows from the left eye, its best root, is no person.

    Another root finds the person, so that at its threshold of 0 it gives both.
    """
    person, tensors = person_whose_left_eye_is_surest()
    theirs, ours = modlib(tensors).keypoints * [481, 353], decoded(tensors)

    def noses_of_the_left_eye(found):
        at_the_eye = np.abs(found[:, LEFT_EYE] - person[LEFT_EYE]).max(axis=1) < 1.5
        return np.abs(found[at_the_eye, NOSE] - person[NOSE]).max(axis=1)

    assert (np.sort(noses_of_the_left_eye(theirs)) > 20).tolist() == [False, True]
    assert (noses_of_the_left_eye(pixels(ours)) < 1).tolist() == [True]


def test_its_pixels_lie_half_a_pixel_to_the_upper_left(modlib):
    _, tensors = scene(2, seed=3, short_limit=10.0)
    theirs, ours = modlib(tensors), decoded(tensors)
    shift = (ours.xy[:2] - theirs.keypoints[:2]) * [481, 353]
    np.testing.assert_allclose(shift, 0.5, atol=2e-3)


def test_it_cuts_short_offsets_at_10_px_and_so_misses_by_most_of_a_pixel(modlib):
    person = standing_person(200, 20, 280)
    tensors = encode_people([person])
    assert np.abs(tensors[1]).max() > 10
    ours = pixels(decoded(tensors))[0]
    theirs = modlib(tensors).keypoints[0] * [481, 353]
    assert np.abs(ours - person).max() < 0.05
    assert 0.3 < np.abs(theirs - person).max() < 3


def test_it_cuts_mid_offsets_at_162_px(modlib):
    person = standing_person(240, 330, 100)
    person[5:] -= [0, 250]  # a body that hangs upward, 250 px from its nose
    tensors = encode_people([person], short_limit=10.0)
    ours = pixels(decoded(tensors))[0]
    np.testing.assert_allclose(ours, person, atol=1.0)
    assert np.abs(modlib(tensors).keypoints[0] * [481, 353] - person).max() > 50


def test_it_cuts_logits_at_10(modlib):
    _, (heat, short, mid) = scene(1, seed=6, short_limit=10.0)
    tensors = (heat + 10, short, mid)
    surest = decoded(tensors).keypoint_confidence[0].max()
    assert surest > 1 / (1 + np.exp(-13))
    assert modlib(tensors).keypoint_scores[0].max() <= 1 / (1 + np.exp(-10.01))


def test_it_changes_its_arguments_and_ours_do_not(modlib):
    _, tensors = scene(1, seed=8)
    mine = [np.ascontiguousarray(part) for part in tensors]
    before = [part.copy() for part in mine]
    decoded(mine)
    assert all(map(np.array_equal, mine, before))
    modlib(mine)
    assert not np.array_equal(mine[1], before[1])


def test_it_gives_ten_confidences_for_fewer_poses(modlib):
    tensors = [np.full((23, 31, c), v, np.float32) for c, v in ((17, np.nan), (34, 0), (64, 0))]
    tensors[0][3:5, 4, :] = [[-3], [3]]
    theirs, ours = modlib(tensors), decoded(tensors)
    assert theirs.n_detections < 10
    assert len(theirs.confidence) == 10
    assert len(ours.detection_confidence) == len(ours) < 10
