"""The temporal filter against rpicam-apps' rule."""

from __future__ import annotations

import math
import threading

import numpy as np
import pytest
from oracles.temporal_filter_oracle import ObjectOracle

from imx500_native import Detections, MissingContextError, Poses, TaskError
from imx500_native._filter import MAX_FOLLOWED, FollowedList
from imx500_native.errors import PipelineError
from imx500_native.filtering import TemporalFilter

SIZE = (1000, 500)
BOX = (100.0, 100.0, 200.0, 300.0)
FAR = (600.0, 100.0, 700.0, 300.0)


def objects(*boxes, classes=None, confidence=0.75, fresh=True, space="stream"):
    count = len(boxes)
    return Detections(
        np.reshape(boxes, (count, 4)),
        [confidence] * count,
        [0] * count if classes is None else classes,
        labels=("person", "dog"),
        space=space,
        fresh=fresh,
    )


def moved(box, x=0.0, y=0.0, wider=0.0, higher=0.0):
    return (box[0] + x, box[1] + y, box[2] + x + wider, box[3] + y + higher)


def poses(*people, boxed=False, fresh=True, space="stream"):
    """People as lists of (x, y, confidence)."""
    keypoints = len(people[0]) if people else 17
    points = np.array(people, np.float32).reshape(len(people), keypoints, 3)
    boxes = np.tile(np.float32([1, 2, 3, 4]), (len(people), 1)) if boxed else None
    return Poses(
        points[..., :2],
        points[..., 2],
        [0.5] * len(people),
        boxes,
        space=space,
        fresh=fresh,
    )


def person(x=100.0, y=100.0, confidence=0.5, keypoints=17):
    return [(x + 3 * k, y + 5 * k, confidence) for k in range(keypoints)]


# What is shown when.


def test_the_first_objects_are_shown_at_once():
    shown = TemporalFilter()(objects(BOX), SIZE)
    assert shown.xyxy.tolist() == [list(BOX)]
    assert (shown.labels, shown.space, shown.fresh) == (("person", "dog"), "stream", True)
    assert shown.tracker_id.tolist() == [1]


def test_a_later_object_is_hidden_until_it_is_seen_again_often_enough():
    follow = TemporalFilter(hidden_frames=2)
    follow(objects(BOX), SIZE)
    counts = [len(follow(objects(BOX, FAR), SIZE)) for _ in range(4)]
    assert counts == [1, 1, 2, 2]


def test_one_miss_makes_a_hidden_object_start_again():
    follow = TemporalFilter(hidden_frames=2)
    follow(objects(BOX), SIZE)
    frames = [(BOX, FAR), (BOX, FAR), (BOX,), (BOX, FAR), (BOX, FAR), (BOX, FAR)]
    assert [len(follow(objects(*frame), SIZE)) for frame in frames] == [1, 1, 1, 1, 1, 2]


@pytest.mark.parametrize(("visible_frames", "survived"), [(1, 0), (2, 1), (5, 4)])
def test_a_shown_object_survives_all_but_one_of_the_visible_frames(visible_frames, survived):
    follow = TemporalFilter(visible_frames=visible_frames)
    follow(objects(BOX), SIZE)
    counts = [len(follow(objects(), SIZE)) for _ in range(survived + 2)]
    assert counts == [1] * survived + [0, 0]


def test_a_hit_gives_a_shown_object_all_its_visible_frames_again():
    follow = TemporalFilter(visible_frames=2)
    for frame in [(BOX,), (), (BOX,), ()]:
        assert len(follow(objects(*frame), SIZE)) == 1
    assert len(follow(objects(), SIZE)) == 0


def test_difference_visible_frames_0_removes_at_the_first_miss():
    """rpicam-apps' unsigned count wraps there, and it keeps the object for ever."""
    peer = ObjectOracle(SIZE, visible_frames=0, rpicam=True)
    follow = TemporalFilter(visible_frames=0)
    assert (len(peer([(BOX, 0.5, 0)])), len(follow(objects(BOX), SIZE))) == (1, 1)
    assert (len(peer([])), len(follow(objects(), SIZE))) == (1, 0)


def test_difference_places_are_fractions_of_a_pixel():
    """rpicam-apps cuts them off, and so stops short of an object that has come to rest."""
    peer = ObjectOracle(SIZE, rpicam=True)
    follow = TemporalFilter()
    target = moved(BOX, x=8)
    peer([(BOX, 0.5, 0)])
    follow(objects(BOX), SIZE)
    for _ in range(60):
        (late,) = peer([(target, 0.5, 0)])
        shown = follow(objects(target), SIZE)
    assert peer.box(late)[0] == 104
    assert shown.xyxy[0, 0] == pytest.approx(108, abs=0.01)


def test_hidden_frames_0_shows_everything_at_once():
    follow = TemporalFilter(hidden_frames=0)
    follow(objects(BOX), SIZE)
    assert len(follow(objects(BOX, FAR), SIZE)) == 2


def test_poses_are_never_shown_at_once():
    follow = TemporalFilter(hidden_frames=2)
    assert [len(follow(poses(person()), SIZE)) for _ in range(3)] == [0, 0, 1]
    assert [len(TemporalFilter(hidden_frames=0)(poses(person()), SIZE))] == [1]


def test_what_is_shown_is_in_the_order_in_which_it_was_first_seen():
    follow = TemporalFilter(hidden_frames=0)
    follow(objects(BOX, FAR), SIZE)
    shown = follow(objects(FAR, BOX), SIZE)
    assert shown.xyxy.tolist() == [list(BOX), list(FAR)]
    assert shown.tracker_id.tolist() == [1, 2]


def test_a_number_is_never_given_twice():
    follow = TemporalFilter(visible_frames=0)
    numbers = []
    for frame in [(BOX,), (), (BOX,), ()]:
        numbers += follow(objects(*frame), SIZE).tracker_id.tolist()
    follow.reset()
    assert len(follow) == 0
    assert [*numbers, *follow(objects(BOX), SIZE).tracker_id.tolist()] == [1, 2, 3]


# What matches.


@pytest.mark.parametrize("change", ["x", "y", "wider", "higher"])
def test_the_tolerance_of_objects_is_exclusive(change):
    limit = 100 if change in ("x", "wider") else 50
    for distance, new in [(limit - 1, 0), (limit, 1)]:
        follow = TemporalFilter(tolerance=0.1, factor=1, hidden_frames=0)
        follow(objects(BOX), SIZE)
        shown = follow(objects(moved(BOX, **{change: distance})), SIZE)
        assert len(shown) == 1 + new


def test_the_tolerance_of_poses_is_inclusive():
    for x, y, new in [(125, 0, 0), (126, 0, 1), (0, 62.5, 0), (0, 63, 1)]:
        follow = TemporalFilter(tolerance=0.125, hidden_frames=0)
        follow(poses(person()), SIZE)
        assert len(follow(poses(person(100 + x, 100 + y)), SIZE)) == 1 + new


def test_one_keypoint_too_far_is_another_person():
    follow = TemporalFilter(tolerance=0.1, hidden_frames=0)
    follow(poses(person()), SIZE)
    other = person()
    other[16] = (999.0, 0.0, 0.5)
    assert len(follow(poses(other), SIZE)) == 2


def test_objects_of_another_class_do_not_match():
    follow = TemporalFilter(hidden_frames=0)
    follow(objects(BOX, classes=[0]), SIZE)
    assert follow(objects(BOX, classes=[1]), SIZE).class_id.tolist() == [0, 1]


def test_at_tolerance_0_objects_match_nothing_and_poses_themselves():
    follow = TemporalFilter(tolerance=0, hidden_frames=0)
    assert [len(follow(objects(BOX), SIZE)) for _ in range(6)] == [1, 2, 3, 4, 5, 5]
    follow = TemporalFilter(tolerance=0, hidden_frames=0)
    assert [len(follow(poses(person()), SIZE)) for _ in range(3)] == [1, 1, 1]


def test_two_objects_that_match_the_same_are_one_as_in_rpicam():
    follow = TemporalFilter(factor=1)
    shown = follow(objects(BOX, moved(BOX, x=10)), SIZE)
    assert shown.xyxy.tolist() == [list(moved(BOX, x=10))]


def test_two_objects_that_match_a_hidden_one_both_count_as_in_rpicam():
    peer, follow = ObjectOracle(SIZE, rpicam=True), TemporalFilter()
    for frame in [(BOX,), (BOX, FAR, FAR, FAR)]:
        shown = follow(objects(*frame), SIZE)
        expected = peer([(box, 0.75, 0) for box in frame])
    assert len(shown) == len(expected) == 2


def test_the_confidence_is_that_of_the_last_hit():
    follow = TemporalFilter()
    follow(objects(BOX, confidence=0.5), SIZE)
    assert follow(objects(BOX, confidence=0.875), SIZE).confidence.tolist() == [0.875]
    assert follow(objects(), SIZE).confidence.tolist() == [0.875]


@pytest.mark.parametrize(("factor", "x"), [(0, 100), (0.25, 102), (1, 108)])
def test_the_factor_is_the_share_of_the_new_place(factor, x):
    follow = TemporalFilter(factor=factor)
    follow(objects(BOX), SIZE)
    assert follow(objects(moved(BOX, x=8)), SIZE).xyxy[0].tolist() == [x, 100, x + 100, 300]


def test_poses_are_smoothed_with_their_keypoint_confidences():
    follow = TemporalFilter(factor=0.25, hidden_frames=0)
    follow(poses(person(100, confidence=0.5), boxed=True), SIZE)
    shown = follow(poses(person(108, confidence=1.0), boxed=True), SIZE)
    assert shown.xy[0, :, 0].tolist() == [102 + 3 * k for k in range(17)]
    assert set(shown.keypoint_confidence[0].tolist()) == {0.625}
    assert shown.xyxy.tolist() == [[1, 2, 3, 4]]
    assert shown.tracker_id.tolist() == [1]
    assert shown.keypoint_names[0] == "nose"


# Tensors with holes.


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("column", range(4))
def test_an_object_whose_box_is_not_finite_is_left_out(bad, column):
    box = list(BOX)
    box[column] = bad
    follow = TemporalFilter(hidden_frames=0)
    assert follow(objects(box, FAR), SIZE).xyxy.tolist() == [list(FAR)]
    assert len(follow) == 1


def test_a_keypoint_that_is_missing_is_not_compared():
    follow = TemporalFilter(factor=0.5, hidden_frames=0)
    partial = person()
    partial[3] = (math.nan, math.nan, 0.0)
    follow(poses(partial), SIZE)
    shown = follow(poses(person(104)), SIZE)
    assert len(shown) == 1
    assert shown.xy[0, 2].tolist() == [102 + 6, 110]
    assert shown.xy[0, 3].tolist() == [104 + 9, 115]
    assert shown.keypoint_confidence[0, 3] == 0.5


def test_a_keypoint_that_is_lost_is_lost_at_once():
    follow = TemporalFilter(hidden_frames=0)
    follow(poses(person()), SIZE)
    partial = person()
    partial[3] = (math.inf, 5.0, 0.75)
    shown = follow(poses(partial), SIZE)
    assert np.isnan(shown.xy[0]).all(axis=1).tolist() == [k == 3 for k in range(17)]
    assert shown.keypoint_confidence[0, 3] == 0


def test_poses_without_a_common_keypoint_are_two():
    left = [(100.0, 100.0, 0.5), (math.nan, math.nan, 0.0)]
    right = [(math.nan, math.nan, 0.0), (100.0, 100.0, 0.5)]
    follow = TemporalFilter(hidden_frames=0)
    follow(poses(left), SIZE)
    assert len(follow(poses(right), SIZE)) == 2


def test_a_pose_without_any_keypoint_is_left_out():
    follow = TemporalFilter(hidden_frames=0)
    follow(poses([(math.nan, 1.0, 0.5)] * 17), SIZE)
    assert len(follow) == 0


def test_a_confidence_or_box_that_was_nan_recovers():
    follow = TemporalFilter(hidden_frames=0)
    first = poses(person(confidence=math.nan), boxed=True)
    first.xyxy[:] = math.nan
    follow(first, SIZE)
    shown = follow(poses(person(confidence=0.5), boxed=True), SIZE)
    assert set(shown.keypoint_confidence[0].tolist()) == {0.5}
    assert shown.xyxy.tolist() == [[1, 2, 3, 4]]


def test_extremes_do_not_overflow_when_they_are_smoothed():
    most = float(np.finfo(np.float32).max)
    follow = TemporalFilter(hidden_frames=0, factor=0.3)
    box = (-most, -most, -most, -most)
    follow(objects(box), SIZE)
    assert follow(objects(box), SIZE).xyxy.tolist() == [list(box)]


# The series.


def test_a_frame_without_tensors_changes_nothing():
    follow = TemporalFilter(visible_frames=1)
    follow(objects(BOX), SIZE)
    for _ in range(10):
        shown = follow(objects(fresh=False), SIZE)
        assert (shown.xyxy.tolist(), shown.fresh) == ([list(BOX)], False)
    assert shown.tracker_id.tolist() == [1]
    people = TemporalFilter(hidden_frames=0)
    assert len(people(poses(fresh=False), SIZE)) == 0
    people(poses(person()), SIZE)
    shown = people(poses(fresh=False), SIZE)
    assert (len(shown), shown.fresh) == (1, False)


def test_frames_without_people_age_poses():
    follow = TemporalFilter(hidden_frames=0, visible_frames=2)
    counts = [len(follow(frame, SIZE)) for frame in (poses(person()), Poses.empty(space="stream"))]
    counts.append(len(follow(Poses.empty(space="stream"), SIZE)))
    assert counts == [1, 1, 0]


def test_nobody_of_another_kind_keeps_the_columns_of_whom_is_followed():
    follow = TemporalFilter(hidden_frames=0)
    follow(poses(person(keypoints=5), boxed=True), SIZE)
    shown = follow(Poses.empty(space="stream"), SIZE)
    assert (shown.xy.shape, shown.xyxy.shape) == ((1, 5, 2), (1, 4))


def test_in_network_space_the_tolerance_is_a_share_of_what_the_network_saw():
    near = (0.1, 0.1, 0.5, 0.5)
    follow = TemporalFilter(tolerance=0.125, hidden_frames=0)
    shown = follow(objects(near, space="network"))
    assert shown.space == "network"
    assert len(follow(objects(moved(near, x=0.12), space="network"))) == 1
    assert len(follow(objects(moved(near, x=0.5), space="network"))) == 2


def test_pixels_need_the_size_of_the_picture():
    with pytest.raises(MissingContextError, match=r"size=\(width, height\)"):
        TemporalFilter()(objects(BOX))


def test_other_results_have_nothing_to_follow():
    class Heat:
        space = "network"

    for result in (Heat(), None):
        with pytest.raises(TaskError, match=f"not {type(result).__name__}"):
            TemporalFilter()(result)


@pytest.mark.parametrize(
    ("result", "size"),
    [
        (objects(BOX), (640, 480)),
        (objects(BOX, space="network"), None),
        (poses(person()), SIZE),
        (poses(person(), fresh=False), SIZE),
    ],
)
def test_another_series_needs_a_reset(result, size):
    follow = TemporalFilter(hidden_frames=0)
    follow(objects(FAR), SIZE)
    with pytest.raises(PipelineError, match=r"reset\(\)"):
        follow(result, size)
    assert follow(objects(FAR), SIZE).xyxy.tolist() == [list(FAR)]
    follow.reset()
    follow(result, size)


def test_poses_with_other_columns_need_a_reset():
    follow = TemporalFilter(hidden_frames=0)
    follow(poses(person()), SIZE)
    for other in (poses(person(), boxed=True), poses(person(keypoints=5))):
        with pytest.raises(PipelineError, match=r"reset\(\)"):
            follow(other, SIZE)
    with pytest.raises(PipelineError, match=r"reset\(\)"):
        follow(objects(fresh=False), SIZE)


def test_no_more_than_the_limit_is_followed():
    boxes = np.zeros((MAX_FOLLOWED + 5, 4), np.float32)
    boxes[:, 0] = np.arange(len(boxes)) * 100
    boxes[:, 2] = boxes[:, 0] + 10
    crowd = Detections(boxes, np.ones(len(boxes)), np.zeros(len(boxes)), space="stream")
    follow = TemporalFilter()
    assert len(follow(crowd, SIZE)) == MAX_FOLLOWED
    assert len(follow(crowd, SIZE)) == MAX_FOLLOWED
    assert follow(crowd, SIZE).tracker_id.tolist() == list(range(1, MAX_FOLLOWED + 1))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("tolerance", bad) for bad in (-0.1, math.nan, math.inf, "wide", None)),
        *(("factor", bad) for bad in (-0.1, 1.1, math.nan, None)),
        *(("visible_frames", bad) for bad in (-1, 2.5, 2**31, "5", True)),
        *(("hidden_frames", bad) for bad in (-1, 0.0, None)),
    ],
)
def test_parameters_out_of_range_are_refused(name, value):
    with pytest.raises(PipelineError, match=f"{name} must be a"):
        TemporalFilter(**{name: value})


def test_the_defaults_are_rpicam_s():
    expected = "TemporalFilter(tolerance=0.05, factor=0.2, visible_frames=5, hidden_frames=2)"
    assert repr(TemporalFilter()) == expected


@pytest.mark.parametrize(
    "columns",
    [
        (np.zeros((2, 3)), [0, 0], [0, 0]),
        (np.zeros((2, 4)), [0], [0, 0]),
        (np.zeros((2, 4)), [0, 0], [0]),
        (np.zeros(4), [0], [0]),
    ],
)
def test_columns_that_do_not_fit_are_refused(columns):
    with pytest.raises(ValueError, match="expected xyxy"):
        FollowedList(0.1, 0.2, 5, 2).follow_objects(*columns, 1, 1)


@pytest.mark.parametrize(
    "columns",
    [
        (np.zeros((2, 17, 3)), np.zeros((2, 17)), [0, 0], None),
        (np.zeros((2, 17, 2)), np.zeros((2, 16)), [0, 0], None),
        (np.zeros((2, 17, 2)), np.zeros((2, 17)), [0], None),
        (np.zeros((2, 17, 2)), np.zeros((2, 17)), [0, 0], np.zeros((1, 4))),
    ],
)
def test_columns_of_poses_that_do_not_fit_are_refused(columns):
    with pytest.raises(ValueError, match="expected xy"):
        FollowedList(0.1, 0.2, 5, 2).follow_poses(*columns, 1, 1)


def test_eight_filters_in_eight_threads_equal_one():
    rng = np.random.default_rng(5)
    starts = rng.uniform(0, 400, (60, 12, 2)).astype(np.float32)
    frames = [objects(*np.concatenate([s, s + 80], axis=1)) for s in starts]

    def run(results):
        follow = TemporalFilter()
        results.append([follow(frame, SIZE).xyxy.tolist() for frame in frames])

    alone: list = []
    run(alone)
    together: list = []
    threads = [threading.Thread(target=run, args=(together,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert together == alone * 8
