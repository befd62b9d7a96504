"""Persons in pictures, and the smooth lines that they are made of."""

from __future__ import annotations

import numpy as np
import pytest
from drawn import GREY, changed, picture
from hypothesis import given, settings
from hypothesis import strategies as st

from imx500_native.drawing import annotate, class_colour
from imx500_native.drawing.brush import Brush, Layer, Shape
from imx500_native.drawing.strokes import stroke_pixels
from imx500_native.errors import DrawingError, MissingContextError
from imx500_native.results import Poses

pytest.importorskip("PIL.Image", reason="needs Pillow: pip install pillow")

RED = (255, 0, 0)


def poses(*people, confidence=0.9, detection=None, **columns):
    """Three keypoints a person; limbs from the first to the second, and on to the third."""
    xy = np.array(people, np.float32).reshape(-1, 3, 2)
    scores = np.broadcast_to(np.asarray(confidence, np.float32), xy.shape[:2])
    detection = np.linspace(0.9, 0.5, len(xy)) if detection is None else detection
    columns = {"skeleton": ((0, 1), (1, 2)), "space": "stream", **columns}
    return Poses(xy, scores, detection, **columns)


def drawn(result, image=None, **options):
    options.setdefault("labels", False)
    return annotate(picture() if image is None else image, result, **options)


CORNER = ((60, 60), (160, 60), (160, 180))


# --- lines


def least_distances(ends, size):
    """From the middle of every pixel to the nearest line."""
    x, y = np.meshgrid(np.arange(size[0]) + 0.5, np.arange(size[1]) + 0.5)
    least = np.full(x.shape, np.inf)
    for x0, y0, x1, y1 in np.asarray(ends, float):
        dx, dy = x1 - x0, y1 - y0
        square = dx * dx + dy * dy
        share = 0 if square == 0 else ((x - x0) * dx + (y - y0) * dy) / square
        share = np.clip(share, 0, 1)
        least = np.minimum(least, np.hypot(x - x0 - share * dx, y - y0 - share * dy))
    return least


near = st.floats(-30, 90, width=32)


@settings(max_examples=150)
@given(
    ends=st.lists(st.tuples(near, near, near, near), min_size=1, max_size=5),
    reach=st.floats(0.6, 12),
    size=st.tuples(st.integers(1, 60), st.integers(1, 50)),
)
def test_distances_from_lines_are_exact(ends, reach, size):
    found = stroke_pixels(np.array(ends), reach, size)
    least = np.full(size[0] * size[1], np.inf)
    np.minimum.at(least, found.places, found.steps / found.steps_per_pixel)
    expected = least_distances(ends, size).ravel()
    # Distances are rounded down to steps.
    step = 1 / found.steps_per_pixel
    for away in (expected[np.isfinite(least)] - least[np.isfinite(least)],):
        assert ((away > -1e-3) & (away < step + 1e-3)).all()
    assert (expected[~np.isfinite(least)] > reach - 1e-3).all()
    for line, (first, last) in enumerate(
        zip(found.starts[:-1].tolist(), found.starts[1:].tolist(), strict=True)
    ):
        own = least_distances([ends[line]], size).ravel()[found.places[first:last]]
        assert (own < reach + 1e-3).all()


def test_far_lines_run_as_straight_as_near_ones():
    # 1e30 is what a mapping through a tiny ROI may give.
    found = stroke_pixels(np.array([[10, 10, 1e30, 1e30], [10, 40, -1e30, 40]]), 1, (50, 50))
    places = {divmod(place, 50) for place in found.places.tolist()}
    assert {(step, step) for step in range(10, 50)} <= places
    assert {(39, column) for column in range(10)} <= places
    assert all(abs(row - column) <= 1 or row in (39, 40) for row, column in places)


def test_a_line_covers_its_width():
    image = picture()
    brush = Brush(image, (0, 1, 2))
    brush.strokes([Shape(np.array([[50, 100, 250, 100]]), (Layer(2.0, RED, 1.0),))])
    column = image[:, 150]
    assert (column[98:102] == RED).all()
    assert (column[:97] == GREY).all()
    assert (column[103:] == GREY).all()


def test_the_edge_of_a_line_is_smooth():
    image = np.zeros((200, 200, 3), np.uint8)
    brush = Brush(image, (0, 1, 2))
    brush.strokes([Shape(np.array([[20, 30, 170, 60]]), (Layer(3.0, RED, 1.0),))])
    expected = np.clip(3.5 - least_distances([(20, 30, 170, 60)], (200, 200)), 0, 1) * 255
    assert np.abs(image[..., 0] - expected).max() <= 3
    assert not image[..., 1:].any()


def test_crossing_lines_of_a_shape_are_laid_on_once():
    image = picture()
    brush = Brush(image, (0, 1, 2))
    cross = np.array([[50, 100, 150, 100], [100, 50, 100, 150], [50, 100, 150, 100]])
    brush.strokes([Shape(cross, (Layer(4.0, (0, 0, 0), 0.5),))])
    assert (image[100, 100] == 60).all()
    assert (image[100, 60] == 60).all()


def test_later_shapes_are_on_top():
    image = picture()
    shapes = [
        Shape(np.array([[50, 100, 150, 100]]), (Layer(4.0, RED, 1.0),)),
        Shape(np.array([[100, 50, 100, 150]]), (Layer(3.0, (0, 0, 255), 1.0),)),
    ]
    Brush(image, (0, 1, 2)).strokes(shapes)
    assert tuple(image[100, 100]) == (0, 0, 255)
    assert tuple(image[100, 60]) == RED


# --- persons


def test_limbs_and_keypoints_are_where_they_belong():
    image = drawn(poses(CORNER), line_width=4)
    colour = class_colour(0)
    assert tuple(image[60, 110]) == colour
    assert tuple(image[120, 160]) == colour
    for x, y in CORNER:
        assert tuple(image[y, x]) == colour
        # White round the keypoint, and a dark rim outside.
        ring = image[y - 8 : y + 9, x - 8 : x + 9].reshape(-1, 3)
        assert (ring == 255).all(axis=1).any()
        assert (ring < GREY - 40).all(axis=1).any()
    x0, y0, x1, y1 = changed(image)
    assert 60 - 7 <= x0 < 60 < 160 < x1 <= 160 + 7
    assert 60 - 7 <= y0 < 60 < 180 < y1 <= 180 + 7
    assert (image[80:170, 70:145] == GREY).all()


@pytest.mark.parametrize("missing", ["unsure", "nan point", "nan x", "inf", "nan confidence"])
def test_keypoints_that_were_not_found_are_left_out_with_their_limbs(missing):
    xy, confidence = np.array([CORNER], np.float32), np.full((1, 3), 0.9, np.float32)
    if missing == "unsure":
        confidence[0, 2] = 0.29
    elif missing == "nan confidence":
        confidence[0, 2] = np.nan
    elif missing == "nan point":
        xy[0, 2] = np.nan
    elif missing == "nan x":
        xy[0, 2, 0] = np.nan
    else:
        xy[0, 2, 1] = np.inf
    image = drawn(poses(*xy, confidence=confidence), line_width=4)
    assert tuple(image[60, 110]) == class_colour(0)
    assert changed(image)[3] < 70


def test_the_threshold_of_keypoints_is_the_users():
    confidence = [[0.9, 0.5, 0.2]]
    assert changed(drawn(poses(CORNER, confidence=confidence), keypoint_threshold=0.2))[3] > 180
    assert changed(drawn(poses(CORNER, confidence=confidence)))[3] < 70
    assert changed(drawn(poses(CORNER, confidence=confidence), keypoint_threshold=0.6))[2] < 70
    assert changed(drawn(poses(CORNER, confidence=confidence), keypoint_threshold=1)) is None


def test_coco_persons_have_their_skeleton():
    xy = np.full((1, 17, 2), np.nan, np.float32)
    xy[0, 5], xy[0, 7] = (50, 50), (150, 100)
    one = Poses(xy, np.ones((1, 17)), [0.9], space="stream")
    assert tuple(drawn(one, line_width=4)[75, 100]) == class_colour(0)


def test_without_a_skeleton_there_are_keypoints_only():
    image = drawn(poses(CORNER, skeleton=()), line_width=4)
    assert tuple(image[60, 60]) == class_colour(0)
    assert (image[60, 75:145] == GREY).all()


def test_persons_have_colours_of_their_own():
    lower = [(x, y + 40) for x, y in CORNER]
    assert tuple(drawn(poses(CORNER, lower), line_width=4)[100, 110]) == class_colour(1)
    tracked = drawn(poses(CORNER, lower, tracker_id=[7, 23]), line_width=4)
    assert tuple(tracked[60, 110]) == class_colour(7)
    assert tuple(tracked[100, 110]) == class_colour(23)


def test_the_surest_person_is_drawn_last():
    both = poses(CORNER, CORNER, detection=[0.9, 0.3])
    assert tuple(drawn(both, line_width=4)[60, 110]) == class_colour(0)
    assert tuple(drawn(both[::-1], line_width=4)[60, 110]) == class_colour(1)


def test_far_persons_have_thinner_limbs():
    def width(size, line_width=None):
        person = ((500, 500), (500 + size, 500), (500 + size, 500 + size))
        image = drawn(poses(person), picture(4056, 3040), line_width=line_width)
        return int((image[480:520, 500 + size // 2] != GREY).any(axis=1).sum())

    assert width(2000) > 13 > width(100) > 2
    # What the user asks for holds for all.
    assert width(100, 13) == width(2000, 13)


def test_boxes_are_drawn_on_demand():
    plain = drawn(poses(CORNER), line_width=2)
    boxed = drawn(poses(CORNER), line_width=2, boxes=True)
    assert tuple(boxed[180, 100]) == class_colour(0)
    assert (plain[180, 100] == GREY).all()
    given_box = drawn(poses(CORNER, xyxy=[(40, 30, 200, 220)]), line_width=2, boxes=True)
    assert tuple(given_box[30, 120]) == class_colour(0)


def test_a_label_stands_above_the_head():
    person = ((150, 60), (150, 120), (150, 200))
    bare, labelled = drawn(poses(person)), drawn(poses(person), labels=True)
    x0, y0, x1, y1 = changed(np.where(bare == labelled, np.uint8(GREY), np.uint8(0)))
    assert y0 > 30
    assert y1 <= 56
    assert abs((x0 + x1) / 2 - 150) <= 1
    tracked = drawn(poses(person, tracker_id=[0]), labels=True)
    wider = changed(np.where(bare == tracked, np.uint8(GREY), np.uint8(0)))
    assert wider[2] - wider[0] > x1 - x0


def test_a_label_does_not_cover_a_face_at_the_top():
    person = ((150, 4), (150, 120), (150, 200))
    bare, labelled = drawn(poses(person)), drawn(poses(person), labels=True)
    differs = (bare != labelled).any(axis=2)
    assert differs.any()
    assert not differs[:30, 144:157].any()


@pytest.mark.parametrize(("image_format", "order"), [("RGB", (0, 1, 2)), ("BGR", (2, 1, 0))])
def test_all_channel_orders_show_the_same(image_format, order):
    noise = np.random.default_rng(3).integers(0, 256, (240, 320, 4), np.uint8)
    expected = drawn(poses(CORNER), noise[..., :3].copy())
    for depth, name in ((3, image_format), (4, image_format), (4, image_format + "A")):
        image = noise[..., [*order, 3][:depth]]
        came = drawn(poses(CORNER), image, image_format=name)
        assert np.array_equal(came[..., list(order)], expected)
        if depth == 4:
            assert came[60, 110, 3] == 255
            untouched = (expected == noise[..., :3]).all(axis=2)
            untouched[50:190, 50:170] = False
            assert np.array_equal(came[untouched][:, 3], noise[untouched][:, 3])


def test_in_place_and_a_copy_give_the_same():
    whole = np.random.default_rng(4).integers(0, 256, (480, 700, 3), np.uint8)
    before = whole.copy()
    part = whole[::2, 100:420]
    expected = drawn(poses(CORNER), part)
    assert np.array_equal(whole, before)
    assert drawn(poses(CORNER), part, in_place=True) is part
    assert np.array_equal(part, expected)
    assert np.array_equal(whole[1::2], before[1::2])
    assert np.array_equal(whole[:, 420:], before[:, 420:])


def test_a_view_with_its_channels_turned_round_is_drawn_into():
    whole = np.random.default_rng(5).integers(0, 256, (240, 320, 3), np.uint8)
    expected = drawn(poses(CORNER), whole[..., ::-1], image_format="BGR")
    drawn(poses(CORNER), whole[..., ::-1], image_format="BGR", in_place=True)
    assert np.array_equal(whole[..., ::-1], expected)


def test_nobody_changes_nothing():
    nobody = Poses.empty(space="stream")
    assert changed(annotate(picture(), nobody)) is None
    lost = poses([(np.nan, np.nan)] * 3, confidence=0)
    assert changed(annotate(picture(), lost, boxes=True)) is None
    assert changed(annotate(picture(), lost)) is None


def test_poses_must_be_in_the_pictures_pixels():
    with pytest.raises(MissingContextError, match=r"Poses.*'network'.*mapped"):
        annotate(picture(), poses(CORNER, space="network"))


@pytest.mark.parametrize("threshold", [-0.1, 1.1, float("nan"), "0.3", True])
def test_a_wrong_threshold_is_named(threshold):
    with pytest.raises(DrawingError, match="keypoint_threshold"):
        drawn(poses(CORNER), keypoint_threshold=threshold)


coordinate = st.one_of(
    st.floats(-500, 800, allow_nan=False, width=32),
    st.sampled_from([float("nan"), float("inf"), -float("inf"), 1e30, -1e30, 3e38, -3e38]),
)


@settings(max_examples=80)
@given(
    people=st.lists(
        st.lists(st.tuples(coordinate, coordinate), min_size=3, max_size=3), max_size=4
    ),
    confidence=st.sampled_from([0.0, 0.31, 1.0, float("nan"), float("inf")]),
    size=st.sampled_from([(1, 1), (16, 16), (320, 240), (3, 200)]),
    line=st.sampled_from([None, 1, 7]),
    boxes=st.booleans(),
    channels=st.sampled_from([3, 4]),
)
def test_any_poses_can_be_drawn(people, confidence, size, line, boxes, channels):
    image = picture(*size, channels)
    result = poses(
        *people, confidence=confidence, detection=np.full(len(people), confidence, np.float32)
    )
    came = annotate(image, result, line_width=line, boxes=boxes)
    assert came.shape == image.shape
    assert changed(image) is None
