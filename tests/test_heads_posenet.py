"""PoseNet's head against PersonLab cell by cell; test_heads_posenet_peers.py has modlib's."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles import posenet_oracle as oracle
from oracles.posenet_oracle import (
    NOSE,
    encode_people,
    person_whose_left_eye_is_surest,
    pixels,
    scene,
    some_people,
    standing_person,
)

from imx500_native import Decoder, DecoderError, InputSpec, Network, OutputSpec
from imx500_native._posenet import PoseNetMaps
from imx500_native.heads.posenet import PoseNetHead


@pytest.fixture(scope="module")
def network():
    return Network.find("posenet")


def network_of(width, height, rows, columns):
    outputs = [
        OutputSpec(f"maps{channels}", (rows, columns, channels), np.dtype("i1"), 0.125)
        for channels in (17, 34, 64)
    ]
    return Network.from_specs(input=InputSpec(width, height), outputs=outputs)


def assert_same(poses, expected):
    xy, keypoint_confidence, confidence = poses
    assert len(xy) == len(keypoint_confidence) == len(confidence) == len(expected)
    left = list(range(len(expected)))
    for places, scores, score in expected:
        # The kernel's float32 may put two poses of one confidence into another order.
        row = next(
            (row for row in left if is_near(xy[row], confidence[row], places, score)), left[0]
        )
        left.remove(row)
        np.testing.assert_allclose(xy[row], places, rtol=0, atol=2e-6)
        np.testing.assert_allclose(keypoint_confidence[row], scores, rtol=0, atol=2e-7)
        np.testing.assert_allclose(confidence[row], score, rtol=0, atol=2e-7)
    assert (np.diff(confidence) <= 0).all()


def is_near(xy, confidence, places, score):
    close = np.allclose(xy, places, rtol=0, atol=2e-6, equal_nan=True)
    return close and abs(confidence - score) <= 2e-7


@st.composite
def random_tensors(draw):
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = draw(st.tuples(st.integers(1, 7), st.integers(1, 7)))
    heat, short, mid = (rng.normal(size=(*shape, channels)) for channels in (17, 34, 64))
    short, mid = short * draw(st.sampled_from([0, 8, 40])), mid * draw(st.sampled_from([0, 30]))
    if draw(st.booleans()):  # few different values: plateaus, ties
        heat = rng.choice(rng.normal(0.5, 1, draw(st.integers(1, 4))), heat.shape)
        short, mid = np.round(short), np.round(mid)
    tensors = [np.asfortranarray(part, np.float32) for part in (heat, short, mid)]
    if draw(st.booleans()):
        odd = np.array([np.nan, np.inf, -np.inf, 3e38, -3e38, -0.0, 1e-40], np.float32)
        for part in tensors:
            places = rng.random(part.shape) < draw(st.sampled_from([0.001, 0.05, 0.5]))
            part[places] = rng.choice(odd, places.sum())
    return tuple(tensors)


@given(
    tensors=random_tensors(),
    threshold=st.sampled_from([-1.0, 0.0, 0.2, 0.4, 0.47, 0.6, 1.0]),
    max_detections=st.integers(0, 12),
    steps=st.integers(0, 6),
    nms_radius=st.sampled_from([0.0, 3.0, 10.0, 40.0, 1e30]),
    stride=st.sampled_from([4.0, 7.0, 16.0]),
)
def test_equals_the_oracle(tensors, threshold, max_detections, steps, nms_radius, stride):
    size = (100, 80)
    decoded = PoseNetMaps(threshold, max_detections, steps, nms_radius, stride, *size)(tensors)
    expected = oracle.decode(
        tensors,
        threshold=threshold,
        max_detections=max_detections,
        steps=steps,
        nms_radius=nms_radius,
        stride=stride,
        size=size,
    )
    assert_same(decoded, expected)


@pytest.mark.parametrize("seed", range(3))
def test_equals_the_oracle_on_all_that_the_network_can_send(network, seed):
    rng = np.random.default_rng(seed)
    tensors = [
        np.asfortranarray(rng.integers(-128, 128, spec.shape) * spec.scale, np.float32)
        for spec in network.outputs
    ]
    poses = PoseNetHead(network, threshold=0.3)(tensors)
    expected = oracle.decode(tensors, threshold=0.3)
    assert len(expected) > 5
    assert_same((poses.xy, poses.keypoint_confidence, poses.detection_confidence), expected)


@pytest.mark.parametrize("count", range(6))
def test_people_are_where_they_were_put(network, count):
    people, tensors = scene(count, seed=count)
    tensors = [s.quantized(tensor) for s, tensor in zip(network.outputs, tensors, strict=True)]
    poses = Decoder.for_network(network)(tensors)
    assert (len(poses), poses.space, poses.fresh, poses.xyxy) == (count, "network", True, None)
    assert (np.diff(poses.detection_confidence) <= 0).all()
    missing = list(range(count))
    for found in pixels(poses):
        errors = [np.abs(found - people[i]).max() for i in missing]
        # Steps of the offsets are 1/8 px.
        assert min(errors) < 0.15
        missing.pop(int(np.argmin(errors)))
    np.testing.assert_array_equal(poses.keypoint_confidence > 0.9, True)


def test_without_tensors_and_without_people(network):
    decoder = Decoder.for_network(network)
    nothing = decoder(None)
    assert (len(nothing), nothing.fresh, nothing.xy.shape) == (0, False, (0, 17, 2))
    nobody = decoder(encode_people([]))
    assert (len(nobody), nobody.fresh, nobody.xy.shape) == (0, True, (0, 17, 2))


def test_a_keypoint_that_is_not_seen_weighs_on_its_person_only(network):
    people = some_people(2, np.random.default_rng(5))
    people[0][15:] = np.nan
    poses = PoseNetHead(network)(encode_people(people))
    assert len(poses) == 2
    np.testing.assert_allclose(poses.detection_confidence[1], 15 / 17, atol=0.05)
    np.testing.assert_array_equal(poses.keypoint_confidence[1, 15:] < 0.01, True)


class TestCoordinates:
    def test_cells_are_pixels_whose_centres_are_half_a_pixel_from_the_edge(self, network):
        heat, short, mid = encode_people([])
        heat[0, 0] = 5
        heat[22, 30] = 4
        poses = PoseNetHead(network)((heat, short, mid))
        first, last = poses.xy[:, 0].astype(float)
        np.testing.assert_allclose(first, [0.5 / 481, 0.5 / 353], rtol=1e-6)
        np.testing.assert_allclose(last, [480.5 / 481, 352.5 / 353], rtol=1e-6)
        np.testing.assert_allclose(first + last, 1, rtol=1e-6)

    def test_rpicam_apps_stretches_the_outer_pixels_to_the_edges(self, network):
        """It divides by 480 and 352: right in the middle, half a pixel of 481 off at the edges."""
        _, tensors = scene(3, seed=1)
        poses = PoseNetHead(network)(tensors)
        theirs = pixels(poses) / [480, 352]
        off = (poses.xy - theirs) * [481, 353]
        np.testing.assert_allclose(off, 0.5 - theirs, atol=1e-3)

    @pytest.mark.parametrize(
        ("size", "cells", "stride"),
        [((481, 353), (31, 23), 16), ((257, 257), (17, 17), 16), ((640, 480), (80, 60), 8)],
    )
    def test_maps_of_any_size(self, size, cells, stride):
        width, height = size
        network = network_of(width, height, *cells[::-1])
        head = PoseNetHead(network)
        assert head.stride == stride
        person = standing_person(width * 0.4, height * 0.1, height * 0.75)
        radius = 2 * stride
        tensors = encode_people(
            [person], rows=cells[1], columns=cells[0], stride=stride, radius=radius
        )
        poses = head(tensors)
        assert len(poses) == 1
        np.testing.assert_allclose(pixels(poses, size)[0], person, atol=0.05)

    def test_one_cell(self):
        head = PoseNetHead(network_of(16, 16, 1, 1), threshold=0.5)
        tensors = [np.full((1, 1, channels), 5, np.float32) for channels in (17, 34, 64)]
        poses = head(tensors)
        np.testing.assert_allclose(poses.xy, np.full((1, 17, 2), 0.5 / 16))

    def test_stride_of_ones_own(self):
        network = network_of(100, 100, 5, 10)
        with pytest.raises(DecoderError, match=r"10x5 cells of .* 100x100 .* stride"):
            PoseNetHead(network)
        assert PoseNetHead(network, stride=10).stride == 10


class TestRoots:
    def decode(self, heat, short=None, threshold=0.4, max_detections=10):
        short = np.zeros((*heat.shape[:2], 34)) if short is None else short
        mid = np.zeros((*heat.shape[:2], 64))
        decode = PoseNetMaps(threshold, max_detections, 5, 0.5, 1.0, 1.0, 1.0)
        xy, _, confidence = decode((heat, short, mid))
        return [tuple(map(int, place)) for place in xy[:, 0] - 0.5], confidence

    def test_every_cell_of_a_plateau_in_the_order_of_the_tensor(self):
        places, confidence = self.decode(np.ones((3, 4, 17)), max_detections=5)
        assert places == [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1)]
        np.testing.assert_allclose(confidence, 1 / (1 + np.exp(-1)), rtol=1e-6)

    def test_zeros_of_both_signs_tie(self):
        heat = np.zeros((1, 3, 17))
        heat[0, 0] = -0.0
        assert self.decode(heat)[0] == [(0, 0), (1, 0), (2, 0)]

    def test_nan_is_none_and_hides_none(self):
        heat = np.full((3, 3, 17), np.nan)
        heat[1, 1] = 1
        # A neighbour that is not a number has no weight at the cell itself, but is no number.
        assert self.decode(heat, threshold=0.0) == ([(1, 1)], [0.0])
        assert self.decode(heat)[0] == []

    def test_a_score_that_equals_the_threshold_counts(self):
        """The peers add 1e-6 to it first, and so leave out a logit of 0 at a threshold of 0.5."""
        places, confidence = self.decode(np.zeros((1, 1, 17)), threshold=0.5)
        assert places == [(0, 0)]
        assert confidence.tolist() == [0.5]
        assert -np.log(1 / (0.5 + 1e-6) - 1) > 0

    def test_no_more_than_1024_are_followed(self):
        for column, count in ((25, 1), (26, 0)):
            heat = np.full((40, 40, 17), -10.0)
            heat[..., 0] = 1
            heat[0, column, 1:] = 0.9
            places, _ = self.decode(heat, max_detections=1)
            assert len(places) == count

    def test_the_roots_own_confidence_is_read_where_it_is(self):
        """rpicam-apps swaps two arguments there, and reads another cell of another keypoint."""
        heat = np.full((4, 4, 17), -3.0)
        heat[1, 2] = 2
        heat[1, 2, 0] = 5
        short = np.zeros((4, 4, 34))
        short[1, 2, 17] = 0.5
        _, confidence = self.decode(heat, short)
        shared = 1 / (1 + np.exp(-2))
        between = 1 / (1 + np.exp(-(5 - 3) / 2))
        # The nose is read half a cell to the right, and all others go with it in no edge's offset.
        others = 1 / (1 + np.exp(-(2 - 3) / 2))
        assert shared > others
        np.testing.assert_allclose(confidence, (between + 16 * others) / 17, rtol=1e-5)


class TestManyPeople:
    def test_more_than_seventeen(self):
        """rpicam-apps has room for 17, whatever its max_detections."""
        people = [
            standing_person(60 + 120 * column, 20 + 220 * row, 200)
            for row in range(3)
            for column in range(8)
        ]
        head = PoseNetHead(network_of(961, 705, 45, 61), max_detections=30)
        poses = head(encode_people(people, rows=45, columns=61))
        assert len(poses) == 24
        found = pixels(poses, (961, 705))
        np.testing.assert_allclose(found[np.lexsort(np.round(found[:, 0]).T)], people, atol=0.05)

    def test_a_keypoint_on_that_of_a_better_pose_does_not_count_but_keeps_its_confidence(self):
        heat = np.full((1, 9, 17), -9.0)
        heat[0, 2], heat[0, 6] = 3, 2
        mid = np.zeros((1, 9, 64))
        # The second's right ankle is led to the first's.
        mid[0, 6, 16 + 15] = -4
        options = (0.4, 10, 0, 0.5, 1.0, 1.0, 1.0)
        _, keypoints, confidence = PoseNetMaps(*options)((heat, np.zeros((1, 9, 34)), mid))
        better, worse = 1 / (1 + np.exp(-3)), 1 / (1 + np.exp(-2))
        np.testing.assert_allclose(confidence, [better, worse * 16 / 17], rtol=1e-6)
        np.testing.assert_allclose(keypoints[1], [worse] * 16 + [better], rtol=1e-6)

    def test_max_detections(self, network):
        _, tensors = scene(4, seed=9)
        for limit, count in ((0, 0), (1, 1), (3, 3), (None, 4), (10**30, 4)):
            assert len(PoseNetHead(network, max_detections=limit)(tensors)) == count


class TestNotFinite:
    def test_what_is_lost_takes_with_it_what_hangs_on_it(self, network):
        person = standing_person(240, 40, 250)
        heat, short, mid = encode_people([person])
        heat[..., NOSE] += 5
        mid[..., [7, 32 + 7]] = np.inf  # between left shoulder and left hip, both ways
        poses = PoseNetHead(network)((heat, short, mid))
        assert len(poses) == 1
        lost = np.isin(np.arange(17), [11, 13, 15])
        np.testing.assert_array_equal(np.isnan(poses.xy[0]).all(axis=1), lost)
        np.testing.assert_array_equal(poses.keypoint_confidence[0] == 0, lost)
        np.testing.assert_allclose(pixels(poses)[0, ~lost], person[~lost], atol=0.05)

    @pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
    def test_a_heat_that_is_not_finite_is_no_confidence(self, network, value):
        person = standing_person(240, 40, 250)
        heat, short, mid = encode_people([person])
        clean = PoseNetHead(network)((heat, short, mid))
        x, y = (person[9] / 16).astype(int)  # the left wrist's cell, and those round it
        heat[max(y - 1, 0) : y + 3, max(x - 1, 0) : x + 3, 9] = value
        poses = PoseNetHead(network)((heat, short, mid))
        expected = clean.keypoint_confidence.copy()
        expected[0, 9] = 0
        np.testing.assert_array_equal(poses.keypoint_confidence, expected)
        others = np.arange(17) != 9
        np.testing.assert_allclose(pixels(poses)[0, others], person[others], atol=0.05)

    @pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 3e38])
    def test_nothing_but(self, network, value):
        tensors = [np.full(shape, value, np.float32) for shape in network.output_shapes]
        poses = PoseNetHead(network, threshold=0.0)(tensors)
        assert len(poses) == 0 or (value == 3e38 and np.isfinite(poses.xy).any())


class TestRefusals:
    @pytest.mark.parametrize(
        "shapes",
        [
            [],
            [(23, 31, 17), (23, 31, 34)],
            [(23, 31, 17), (23, 31, 34), (23, 31, 64), (1,)],
            [(23, 31, 17), (23, 31, 64), (23, 31, 34)],
            [(23, 31, 17), (31, 23, 34), (23, 31, 64)],
            [(23, 31, 17), (23, 31, 34), (22, 31, 64)],
            [(23, 31 * 17), (23, 31, 34), (23, 31, 64)],
            [(0, 31, 17), (0, 31, 34), (0, 31, 64)],
        ],
    )
    def test_other_shapes(self, network, shapes):
        decoder = Decoder(network)
        with pytest.raises(DecoderError, match=r"'posenet' reads .*\(rows, columns, 64\); these"):
            decoder([np.zeros(shape, np.float32) for shape in shapes])

    def test_another_network(self):
        other = Network.find("higherhrnet_coco")
        assert not PoseNetHead.fits(other)
        with pytest.raises(DecoderError, match="posenet"):
            Decoder.for_network(other, head="posenet")

    @pytest.mark.parametrize(
        "option",
        [
            {"threshold": float("nan")},
            {"max_detections": -1},
            {"offset_refinement_steps": 101},
            {"offset_refinement_steps": None},
            {"offset_refinement_steps": 2.5},
            {"nms_radius": -1},
            {"nms_radius": float("inf")},
            {"nms_radius": "ten"},
            {"stride": 0},
            {"stride": float("nan")},
        ],
    )
    def test_options(self, network, option):
        with pytest.raises(DecoderError, match=next(iter(option))):
            Decoder.for_network(network, **option)


def test_any_strides_and_numbers_and_read_only(network):
    _, tensors = scene(3, seed=4)
    head = PoseNetHead(network)
    expected = head(tensors)
    spaced = [np.repeat(part, 2, axis=1)[:, ::2] for part in tensors]
    for same in (map(np.ascontiguousarray, tensors), (part.astype(float) for part in tensors)):
        np.testing.assert_array_equal(head(list(same)).xy, expected.xy)
    np.testing.assert_array_equal(head(spaced).xy, expected.xy)
    for part in tensors:
        part.flags.writeable = False
    np.testing.assert_array_equal(head(tensors).xy, expected.xy)


def test_eight_decoders_in_eight_threads_equal_one(network):
    scenes = [scene(i % 5 + 1, seed=i)[1] for i in range(8)]
    expected = [PoseNetHead(network)(tensors) for tensors in scenes]
    wrong = []

    def run(i):
        head = PoseNetHead(network)
        for turn in range(100):
            at = (i + turn) % 8
            if not np.array_equal(head(scenes[at]).xy, expected[at].xy):
                wrong.append((i, turn))

    threads = [threading.Thread(target=run, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_one_decoder_in_two_threads_refuses_or_is_right(network):
    scenes = [scene(5, seed=i)[1] for i in range(2)]
    expected = [PoseNetHead(network)(tensors) for tensors in scenes]
    shared = PoseNetHead(network, max_detections=10)
    wrong = []

    def run(i):
        for _ in range(500):
            try:
                poses = shared(scenes[i])
            except DecoderError as error:
                if "one decoder per thread" not in str(error):
                    wrong.append(error)
            else:
                if not np.array_equal(poses.xy, expected[i].xy):
                    wrong.append(i)

    threads = [threading.Thread(target=run, args=(i,)) for i in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_the_backward_edge_16_is_followed_to_the_nose(network):
    person, tensors = person_whose_left_eye_is_surest()
    poses = PoseNetHead(network)(tensors)
    assert len(poses) == 1
    # Up to 10 px of offset at cells 16 px apart leave most of a pixel.
    np.testing.assert_allclose(pixels(poses)[0], person, atol=1.0)
