"""HigherHRNet's head against picamera2's own code; each difference is a test of its own."""

from __future__ import annotations

import warnings

import numpy as np
import peers
import pytest
from higherhrnet_tensors import (
    JOINTS,
    head,
    jittered,
    nothing,
    on_the_grid,
    one_joint,
    random_people,
)
from native.assignment import assign
from oracles.higherhrnet_oracle import encode_people, group, pairs_of, total


@pytest.fixture(scope="module")
def theirs():
    try:
        return peers.picamera2_module("postprocess_highernet")
    except peers.PeerMissingError as error:
        pytest.skip(str(error))


def their_people(theirs, outputs, size=(384, 288), **options):
    """Return picamera2's people, (keypoints (joints, 3), score, box), the highest score first."""
    batch = [tensor[np.newaxis] for tensor in outputs]
    with warnings.catch_warnings():
        # What picamera2 takes the box of somebody for who is all in column 0.
        warnings.filterwarnings("ignore", "All-NaN slice", RuntimeWarning)
        found = theirs.postprocess_higherhrnet(batch, size[::-1], (0, 0), (0, 0), True, **options)
    people = [
        (np.reshape(keypoints, (JOINTS, 3)), score, box)
        for keypoints, score, box in zip(*found, strict=True)
    ]
    return sorted(people, key=lambda person: -person[1])


def by_their_rule(poses, outputs):
    """Return what picamera2 makes of our people: (joints, 3) each, in pixels of the input."""
    result = []
    for xy, confidence in zip(poses.xy, poses.keypoint_confidence, strict=True):
        found = confidence > 0
        column, row = np.floor(np.nan_to_num(xy) * (192, 144)).T
        place = row * 192 + column
        result.append(
            np.where(found, [2 * column, 2 * place / 192, confidence], 0).T.astype(np.float32)
        )
    return result


@pytest.mark.parametrize("count", [1, 2, 6, 8])
def test_the_same_people_as_picamera2(theirs, count):
    rng = np.random.default_rng(count)
    for _ in range(10):
        outputs = jittered(encode_people(random_people(rng, count)), rng)
        poses = head(threshold=0)(outputs)
        expected = their_people(theirs, outputs)
        assert len(poses) == len(expected) >= count
        assert poses.detection_confidence.tolist() == [score for _, score, _ in expected]
        for mine, (keypoints, _, _) in zip(by_their_rule(poses, outputs), expected, strict=True):
            np.testing.assert_allclose(mine, keypoints, rtol=1e-6)


@pytest.mark.parametrize("spread", [8, 32, 128])
def test_any_tensors_are_grouped_as_by_picamera2_but_for_equal_sums(theirs, spread):
    """The oracle with picamera2's choice among equal sums; ours costs as little."""
    rng = np.random.default_rng(spread)

    def their_choice(costs):
        # Heats are steps of 1/128, so this takes away what decides between equal sums.
        rounded = (np.round(np.array(costs) * 128) / 128).astype(np.float32)
        rows, columns = rounded.shape
        padded = rounded
        if rows > columns:
            padded = np.concatenate([rounded, np.full((rows, rows - columns), 1e10)], axis=1)
        chosen = [-1] * rows
        for row, column in theirs.py_max_match(padded):
            chosen[row] = column if column < columns else -1
        assert total(rounded, pairs_of(chosen)) == total(rounded, pairs_of(assign(costs)))
        return chosen

    for candidates in (1, 2, 7, 30):
        outputs = on_the_grid(rng, candidates, spread=spread)
        people = sorted(group(outputs, their_choice), key=lambda one: -one.score(JOINTS))
        expected = their_people(theirs, outputs, max_num_people=candidates)
        assert [person.score(JOINTS) for person in people] == [score for _, score, _ in expected]
        for person, (keypoints, _, _) in zip(people, expected, strict=True):
            mine = np.zeros((JOINTS, 3))
            for joint, (place, heat) in person.joints.items():
                mine[joint] = 2 * (place % 192), 2 * place / 192, heat
            np.testing.assert_allclose(mine, keypoints, rtol=1e-6)


def one_person(theirs, column=100, row=50, size=(384, 288)):
    outputs = nothing()
    one_joint(outputs, 0, 0, 0, column, row, 0.5)
    one_joint(outputs, 1, 0, 0, 20, 0, 0.75)
    return head(threshold=0)(outputs), their_people(theirs, outputs, size)[0]


def test_picamera2_adds_the_column_to_the_row(theirs):
    _, (keypoints, _, _) = one_person(theirs, column=96, row=50)
    assert keypoints[0, 1] == 2 * 50.5
    _, (keypoints, _, _) = one_person(theirs, column=0, row=50)
    assert keypoints[0, 1] == 2 * 50


def test_picamera2_takes_the_corner_of_a_cell(theirs):
    # One pixel of the input: half a cell of a map that has half its size.
    poses, (keypoints, _, _) = one_person(theirs, column=0, row=50)
    pixels = poses.xy[0, 0] * (384, 288)
    np.testing.assert_allclose(pixels - keypoints[0, :2], (1, 1), atol=1e-4)


def test_picamera2_scales_columns_by_the_height(theirs):
    poses, (keypoints, _, _) = one_person(theirs, column=96, size=(576, 288))
    assert keypoints[0, 0] == 2 * 96
    np.testing.assert_allclose(poses.xy[0, 0, 0] * 576, 96.5 * 576 / 192, rtol=1e-6)


def test_picamera2_leaves_column_0_out_of_the_box(theirs):
    poses, (_, _, box) = one_person(theirs, column=0, row=50)
    assert box[1] == box[3] == 2 * 20
    np.testing.assert_allclose(poses.xyxy[0, [0, 2]] * 192, (0.5, 20.5), rtol=1e-6)


def test_the_box_of_picamera2_is_the_extent_of_the_joints(theirs):
    outputs = encode_people(random_people(np.random.default_rng(6), 4, low=0.05))
    boxes = head(threshold=0)(outputs).xyxy * (192, 144, 192, 144) - 0.5
    for mine, (_, _, (top, left, bottom, right)) in zip(
        boxes, their_people(theirs, outputs), strict=True
    ):
        theirs_in_cells = np.floor(np.array([left, top, right, bottom]) / 2)
        np.testing.assert_allclose(mine, theirs_in_cells, atol=1e-4)


def test_picamera2_returns_people_in_the_order_in_which_they_began(theirs):
    outputs = nothing()
    one_joint(outputs, 0, 0, 0, 5, 5, 0.5)
    one_joint(outputs, 0, 1, 4, 9, 9, 0.75)
    batch = [tensor[np.newaxis] for tensor in outputs]
    _, scores, _ = theirs.postprocess_higherhrnet(batch, (288, 384), (0, 0), (0, 0), True)
    assert scores == sorted(scores)
    ours = head(threshold=0)(outputs).detection_confidence.tolist()
    assert ours == sorted(scores, reverse=True)


def test_picamera2_leaves_out_a_heat_that_equals_the_threshold(theirs):
    outputs = nothing()
    one_joint(outputs, 0, 0, 0, 5, 5, 0.25)
    assert their_people(theirs, outputs, detection_threshold=0.25) == []
    assert len(head(threshold=0, keypoint_threshold=0.25)(outputs)) == 1


def test_picamera2_leaves_equal_sums_to_chance(theirs):
    tags = np.float32([0, 0.375])
    mixed = 0
    for turned in (False, True):
        outputs = nothing()
        for row in range(2):
            one_joint(outputs, 0, row, tags[row], 10 * row, 7, 0.5)
            one_joint(outputs, 1, row, tags[1 - row if turned else row], 10 * row, 9, 0.5)
        people = {
            (keypoints[0, 0] / 20, keypoints[1, 0] / 20)
            for keypoints, _, _ in their_people(theirs, outputs)
        }
        ours = np.round(head(threshold=0)(outputs).xy[:, :2, 0] * 19.2 - 0.05)
        assert {tuple(columns) for columns in ours} == (
            {(0, 1), (1, 0)} if turned else {(0, 0), (1, 1)}
        )
        mixed += people != {tuple(columns) for columns in ours}
    assert mixed == 1
