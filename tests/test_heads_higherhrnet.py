"""HigherHRNet's head against a Python reference."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from higherhrnet_tensors import (
    CELLS,
    JOINTS,
    ZOO,
    head,
    nothing,
    on_the_grid,
    one_joint,
    random_people,
)
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from native.assignment import assign
from oracles.higherhrnet_oracle import decode, encode_people

from imx500_native import Decoder, DecoderError, Network, OutputSpec
from imx500_native._higherhrnet import Grouping
from imx500_native.heads import fitting_head
from imx500_native.heads.higherhrnet import HigherHRNetHead


def specs(shape, *, places_scale=1.0):
    return [
        OutputSpec("tags", shape, np.dtype(np.int8), 0.0625),
        OutputSpec("places", shape, np.dtype(np.int32), places_scale),
        OutputSpec("heats", shape, np.dtype(np.int8), 0.0078125),
    ]


def own_network(shape, **options):
    return Network.from_specs(input=Network.find(ZOO).input, outputs=specs(shape, **options))


def check_equal(poses, expected):
    assert len(poses) == len(expected)
    for row, (xy, confidence, score, xyxy) in enumerate(expected):
        np.testing.assert_array_equal(poses.xy[row], xy)
        np.testing.assert_array_equal(poses.keypoint_confidence[row], confidence)
        np.testing.assert_array_equal(poses.xyxy[row], xyxy)
        assert poses.detection_confidence[row] == score


any_float = st.floats(width=32, allow_nan=True, allow_infinity=True)
near_tag = st.integers(-24, 24).map(lambda step: step / 16)
heat = st.integers(-20, 127).map(lambda step: step / 128)
# Exact in float32: on numpy 1, hypothesis refuses what is not.
place = st.one_of(st.integers(-2, CELLS + 2).map(float), st.sampled_from([0.5, 191.875, -0.5]))


@st.composite
def tensors(draw):
    shape = draw(st.tuples(st.integers(1, 6), st.integers(1, 4)))

    def tensor(values):
        return np.asfortranarray(draw(hnp.arrays(np.float32, shape, elements=values)))

    odd = draw(st.booleans())
    return [
        tensor(st.one_of(usual, any_float) if odd else usual) for usual in (near_tag, place, heat)
    ]


@given(
    outputs=tensors(),
    keypoint_threshold=st.sampled_from([0.0, 0.25, 0.3, 0.9]),
    tag_threshold=st.sampled_from([0.25, 1.0, 1.5, 100.0]),
    threshold=st.sampled_from([0.0, 0.25, 0.5]),
    limit=st.one_of(st.none(), st.integers(0, 8)),
    data=st.data(),
)
def test_head_equals_the_oracle(outputs, keypoint_threshold, tag_threshold, threshold, limit, data):
    joints = outputs[0].shape[1]
    order = data.draw(st.permutations(range(joints)))
    options = {"keypoint_threshold": keypoint_threshold, "tag_threshold": tag_threshold}
    decoder = Decoder.for_network(
        own_network(outputs[0].shape), threshold, limit, joint_order=order, **options
    )
    expected = decode(outputs, assign, order=order, threshold=threshold, limit=limit, **options)
    check_equal(decoder(outputs), expected)


@pytest.mark.parametrize("spread", [8, 32, 128])
def test_full_tensors_equal_the_oracle(spread):
    rng = np.random.default_rng(spread)
    reader = head(threshold=0)
    for candidates in (1, 2, 7, 30):
        outputs = on_the_grid(rng, candidates, spread=spread)
        check_equal(reader(outputs), decode(outputs, assign, threshold=0))


# Of more than 15 people, the tags of some lie within the threshold of others' who lack a joint.
@pytest.mark.parametrize(("count", "missing"), [(0, 0), (1, 0.2), (2, 0.5), (12, 0.2), (30, 0)])
def test_people_come_back_as_they_were_encoded(count, missing):
    rng = np.random.default_rng(count)
    people = random_people(rng, count, missing=missing)
    poses = head(threshold=0)(encode_people(people))
    assert len(poses) == count
    middles = np.array([192, 144], np.float32)
    for xy, confidence in people:
        score = np.round(confidence * 128).clip(0, 127) / 128
        row = np.abs(poses.keypoint_confidence - score).sum(axis=1).argmin()
        np.testing.assert_array_equal(poses.keypoint_confidence[row], score.astype(np.float32))
        np.testing.assert_allclose(poses.detection_confidence[row], score.mean(), rtol=1e-6)
        np.testing.assert_array_equal(np.isnan(poses.xy[row]), np.isnan(xy))
        found = ~np.isnan(xy[:, 0])
        off = np.abs(poses.xy[row] - xy)[found] * middles
        assert off.max() <= 0.5 + 1e-4
        np.testing.assert_allclose(
            poses.xyxy[row],
            [*poses.xy[row][found].min(axis=0), *poses.xy[row][found].max(axis=0)],
        )


def test_most_confident_first_and_at_most_so_many():
    outputs = encode_people(random_people(np.random.default_rng(1), 9))
    every = head(threshold=0)(outputs)
    scores = every.detection_confidence.tolist()
    assert scores == sorted(scores, reverse=True)
    some = head(threshold=0, max_detections=4)(outputs)
    assert some.detection_confidence.tolist() == scores[:4]
    assert len(head(threshold=0, max_detections=0)(outputs)) == 0


def test_people_below_the_threshold_are_left_out():
    outputs = encode_people(random_people(np.random.default_rng(2), 9, missing=0.5))
    scores = head(threshold=0)(outputs).detection_confidence
    least = float(scores[4])
    assert head(threshold=least)(outputs).detection_confidence.tolist() == scores[:5].tolist()


def test_half_a_person_scores_half():
    xy = np.full((JOINTS, 2), 0.5)
    confidence = np.where(np.arange(JOINTS) < 8, 0.5, 0)
    outputs = encode_people([(xy, confidence)])
    assert len(head()(outputs)) == 0
    assert head(threshold=0.2)(outputs).detection_confidence.tolist() == [np.float32(4 / 17)]


@pytest.mark.parametrize(
    ("tag", "where", "heat"),
    [
        (np.nan, 100, 0.9),
        (np.inf, 100, 0.9),
        (0, np.nan, 0.9),
        (0, np.inf, 0.9),
        (0, -1, 0.9),
        (0, CELLS, 0.9),
        (0, 3e38, 0.9),
        (0, 100, np.nan),
        (0, 100, np.inf),
        (0, 100, 0.0),
        (0, 100, -1.0),
    ],
)
def test_candidates_that_mean_nothing_are_left_out(tag, where, heat):
    outputs = nothing()
    for tensor, value in zip(outputs, (tag, where, heat), strict=True):
        tensor[0, 0] = value
    reader = head(threshold=0, keypoint_threshold=0)
    assert len(reader(outputs)) == 0
    for tensor, value in zip(outputs, (0, 100, 0.9), strict=True):
        tensor[1, 0] = value
    assert len(reader(outputs)) == 1


def test_the_first_and_the_last_cell():
    outputs = nothing()
    one_joint(outputs, 0, 0, 0, 0, 0, 0.5)
    one_joint(outputs, 1, 0, 0, 191, 143, 0.5)
    poses = head(threshold=0)(outputs)
    half = np.array([0.5 / 192, 0.5 / 144], np.float32)
    np.testing.assert_array_equal(poses.xy[0, 0], half)
    np.testing.assert_allclose(poses.xy[0, 1], 1 - half, rtol=1e-6)
    assert np.isnan(poses.xy[0, 2:]).all()
    assert not poses.keypoint_confidence[0, 2:].any()


def test_a_heat_that_equals_the_threshold_counts():
    outputs = nothing()
    one_joint(outputs, 0, 0, 0, 5, 5, 0.25)
    assert len(head(threshold=0, keypoint_threshold=0.25)(outputs)) == 1
    assert len(head(threshold=0, keypoint_threshold=0.2501)(outputs)) == 0


def test_a_tag_at_the_threshold_begins_a_person():
    outputs = nothing()
    one_joint(outputs, 0, 0, 0, 5, 5, 0.5)
    one_joint(outputs, 1, 0, 1, 6, 6, 0.5)
    assert len(head(threshold=0)(outputs)) == 2
    assert len(head(threshold=0, tag_threshold=1.01)(outputs)) == 1


def test_of_equal_sums_the_nearest_tags_are_taken():
    outputs = nothing()
    # All tags round to the same, so that HigherHRNet's own costs leave it to chance who is whose.
    for row, (nose, eye) in enumerate([(0, 0.375), (0.375, 0)]):
        one_joint(outputs, 0, row, nose, 10 * row, 7, 0.5)
        one_joint(outputs, 1, row, eye, 10 * row, 9, 0.5)
    poses = head(threshold=0)(outputs)
    columns = poses.xy[:, :2, 0] * 192 - 0.5
    np.testing.assert_allclose(columns, [[0, 10], [10, 0]], atol=1e-4)


def test_of_equal_sums_the_most_joints_find_their_people():
    outputs = nothing()
    # Whose nose was not found has an eye, next in line to two others: of those, one has no eye.
    for row, tag in enumerate([2, 4]):
        one_joint(outputs, 0, row, tag, 10 * tag, 7, 0.5)
    for row, tag in enumerate([0, 2]):
        one_joint(outputs, 1, row, tag, 10 * tag, 9, 0.5)
    poses = head(threshold=0)(outputs)
    assert sorted((poses.keypoint_confidence[:, :2] > 0).tolist()) == [
        [False, True],
        [True, False],
        [True, True],
    ]


def test_people_with_the_same_first_tag_are_one():
    outputs = nothing()
    one_joint(outputs, 0, 0, 2, 10, 7, 0.75)
    one_joint(outputs, 0, 1, 2, 20, 7, 0.5)
    poses = head(threshold=0)(outputs)
    assert poses.keypoint_confidence[:, 0].tolist() == [0.5]


@pytest.mark.parametrize("make", [np.ascontiguousarray, lambda a: a[::-1][::-1], np.float64])
def test_any_strides_and_types(make):
    outputs = on_the_grid(np.random.default_rng(3))
    expected = head(threshold=0)(outputs)
    wide = [np.repeat(tensor, 2, axis=1)[:, ::2] for tensor in outputs]
    for given_outputs in ([make(tensor) for tensor in outputs], wide):
        poses = head(threshold=0)(given_outputs)
        np.testing.assert_array_equal(poses.xy, expected.xy)
        np.testing.assert_array_equal(poses.keypoint_confidence, expected.keypoint_confidence)


@pytest.mark.parametrize(
    "shapes",
    [
        [],
        [(30, 17)] * 2,
        [(30, 17)] * 4,
        [(30, 17), (30, 17), (29, 17)],
        [(30, 17), (30, 16), (30, 17)],
        [(30, 16)] * 3,
        [(1, 30, 17)] * 3,
        [(510,)] * 3,
        [(257, 17)] * 3,
    ],
)
def test_wrong_shapes_are_shown(shapes):
    decoder = Decoder(Network.find(ZOO))
    with pytest.raises(DecoderError, match=r"\(candidates, joints\) three times") as caught:
        decoder([np.zeros(shape, np.float32) for shape in shapes])
    assert str(shapes[0] if shapes else "none") in str(caught.value)


def test_no_candidates_at_all():
    assert len(head()(nothing(candidates=0))) == 0


def test_without_tensors():
    poses = Decoder.for_network(Network.find(ZOO))(None)
    assert len(poses) == 0
    assert not poses.fresh
    assert poses.xy.shape == (0, JOINTS, 2)


def test_it_is_picked_for_the_zoo_network_alone():
    picked = [name for name in Network.zoo_names() if HigherHRNetHead.fits(Network.find(name))]
    assert picked == [ZOO]
    assert fitting_head(Network.find(ZOO)) is HigherHRNetHead


def test_a_network_of_ones_own():
    network = own_network((5, 3))
    assert HigherHRNetHead.fits(network)
    decoder = Decoder.for_network(network, threshold=0, map_size=(20, 10))
    assert decoder.head == "higherhrnet"
    outputs = nothing(5, 3)
    outputs[1][0, 2], outputs[2][0, 2] = 199, 0.5
    np.testing.assert_array_equal(decoder(outputs).xy[0, 2], np.float32([19.5 / 20, 9.5 / 10]))


def test_three_alike_that_are_something_else():
    assert not HigherHRNetHead.fits(own_network((30, 17), places_scale=0.5))
    assert not HigherHRNetHead.fits(own_network((300, 17)))
    with pytest.raises(DecoderError, match="candidates, joints"):
        HigherHRNetHead(own_network((30, 65)))
    with pytest.raises(DecoderError, match="candidates, joints"):
        HigherHRNetHead(Network.find("posenet"))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"threshold": "x"}, "threshold must be a number"),
        ({"keypoint_threshold": np.nan}, "keypoint_threshold must be a number"),
        ({"tag_threshold": 0}, "tag_threshold must be a number above 0"),
        ({"tag_threshold": None}, "tag_threshold must be a number above 0"),
        ({"max_detections": -1}, "max_detections must be None or an integer"),
        ({"map_size": (0, 5)}, "from 1 to 16777216 cells, not 0 x 5"),
        ({"map_size": (5000, 5000)}, "from 1 to 16777216 cells"),
        ({"joint_order": [0, 1]}, "joint_order must name each of 17 joints once"),
        ({"joint_order": [0] * 17}, "joint_order must name each of 17 joints once"),
    ],
)
def test_options_out_of_range(options, words):
    with pytest.raises(DecoderError, match=words):
        head(**options)


def test_a_grouping_checks_its_joints():
    with pytest.raises(DecoderError, match="each of 1 to 64 joints once"):
        Grouping((192, 144), bytes([0, 2]), 0.3, 1.0, 0.3)


def test_eight_decoders_in_eight_threads():
    outputs = on_the_grid(np.random.default_rng(4), spread=32)
    expected = head(threshold=0)(outputs)

    def many(_):
        reader = head(threshold=0)
        return [reader(outputs) for _ in range(100)]

    with ThreadPoolExecutor(8) as threads:
        for results in threads.map(many, range(8)):
            for poses in results:
                np.testing.assert_array_equal(poses.xy, expected.xy)
                np.testing.assert_array_equal(
                    poses.detection_confidence, expected.detection_confidence
                )


def test_one_decoder_in_several_threads_refuses_or_is_right():
    outputs = on_the_grid(np.random.default_rng(5), candidates=200, spread=128)
    reader = head(threshold=0)
    expected = reader(outputs)
    refused = threading.Event()

    def until_refused(_):
        for _ in range(200):
            try:
                poses = reader(outputs)
            except DecoderError as error:
                assert "one decoder per thread" in str(error)  # noqa: PT017
                refused.set()
            else:
                np.testing.assert_array_equal(poses.xy, expected.xy)
            if refused.is_set():
                break

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(until_refused, range(4)))
    assert refused.is_set()
    np.testing.assert_array_equal(reader(outputs).xy, expected.xy)
