"""What all drawings share: pictures, channels, arguments; boxes; the outline of the ROI."""

from __future__ import annotations

import numpy as np
import pytest
from drawn import GREY, changed, detections, picture
from hypothesis import given, settings
from hypothesis import strategies as st

from imx500_native.drawing import annotate, class_colour
from imx500_native.errors import DrawingError, Imx500Error, MissingContextError
from imx500_native.results import Detections

pytest.importorskip("PIL.Image", reason="needs Pillow: pip install pillow")


# --- boxes


@pytest.mark.parametrize(("line", "reach"), [(1, (0, 1)), (2, (1, 1)), (3, (1, 2)), (5, (2, 3))])
def test_lines_run_along_the_box(line, reach):
    box = (100, 80, 220, 200)
    drawn = annotate(picture(), detections(box), labels=False, line_width=line)
    before, after = reach
    assert changed(drawn) == (100 - before, 80 - before, 220 + after, 200 + after)
    colour = class_colour(0)
    middle_x, middle_y = 160, 140
    for x0, y0, x1, y1 in (
        (100 - before, middle_y, 100 + after, middle_y + 1),
        (220 - before, middle_y, 220 + after, middle_y + 1),
        (middle_x, 80 - before, middle_x + 1, 80 + after),
        (middle_x, 200 - before, middle_x + 1, 200 + after),
    ):
        assert (drawn[y0:y1, x0:x1] == colour).all()
    inside = drawn[80 + after : 200 - before, 100 + after : 220 - before]
    assert (inside[20:-20, 20:-20] == GREY).all()


def test_fractions_are_rounded_to_the_nearest_pixel():
    drawn = annotate(picture(), detections((99.6, 80.4, 219.7, 200.2)), labels=False, line_width=1)
    assert changed(drawn) == (100, 80, 221, 201)


@pytest.mark.parametrize(("image_format", "order"), [("RGB", (0, 1, 2)), ("BGR", (2, 1, 0))])
@pytest.mark.parametrize("channels", [3, 4])
def test_colours_follow_the_channel_order(image_format, order, channels):
    image = picture(channels=channels)
    formats = [image_format] if channels == 3 else [image_format, image_format + "A"]
    for name in formats:
        drawn = annotate(
            image, detections((50, 60, 150, 160), classes=[5]), image_format=name, labels=False
        )
        pixel = drawn[110, 50]
        assert tuple(int(pixel[i]) for i in order) == class_colour(5)
        if channels == 4:
            assert pixel[3] == 255
            assert drawn[110, 100, 3] == GREY


def test_rgb_and_bgr_show_the_same():
    wanted = detections((50, 60, 150, 160), (20, 30, 300, 230), classes=[1, 2])
    image = np.random.default_rng(0).integers(0, 255, (240, 320, 3), np.uint8)
    rgb = annotate(image, wanted)
    bgr = annotate(np.ascontiguousarray(image[..., ::-1]), wanted, image_format="BGR")
    assert np.array_equal(rgb, bgr[..., ::-1])


def test_in_place_draws_into_the_picture():
    image = picture()
    assert annotate(image, detections((50, 60, 150, 160)), in_place=True) is image
    assert changed(image) is not None


def test_a_copy_leaves_the_picture_alone():
    image = picture()
    image.flags.writeable = False
    drawn = annotate(image, detections((50, 60, 150, 160)))
    assert changed(image) is None
    assert changed(drawn) is not None
    assert (drawn.shape, drawn.dtype) == (image.shape, image.dtype)
    with pytest.raises(DrawingError, match=r"read-only.*in_place=False"):
        annotate(image, detections((50, 60, 150, 160)), in_place=True)


def test_strided_pictures_are_drawn_into():
    whole = picture(640, 480)
    part = whole[::2, 100:420]
    annotate(part, detections((50, 60, 150, 160)), in_place=True, labels=False)
    assert changed(part) is not None
    assert (whole[1::2] == GREY).all()


def test_line_width_and_letters_go_with_the_picture():
    def line(width, height):
        box = (width * 0.3, height * 0.3, width * 0.8, height * 0.8)
        drawn = annotate(picture(width, height), detections(box), labels=False)
        column = (drawn[:, width // 2] != GREY).any(axis=1)
        return int(column.sum()) // 2

    assert [line(w, h) for w, h in ((320, 240), (640, 480), (1280, 720), (4056, 3040))] == [
        2, 2, 3, 13,
    ]  # fmt: skip


def test_nothing_found_changes_nothing():
    assert changed(annotate(picture(), Detections.empty(space="stream"))) is None


def test_the_surest_detection_is_drawn_last():
    # Detections need not be sorted by score.
    both = Detections(
        [[50, 60, 150, 160]] * 2, [0.9, 0.3], [0, 1], labels=("a", "b"), space="stream"
    )
    drawn = annotate(picture(), both, labels=False)
    assert tuple(drawn[110, 50]) == class_colour(0)


coordinate = st.one_of(
    st.floats(-500, 800, allow_nan=False, width=32),
    st.sampled_from([float("nan"), float("inf"), -float("inf"), 1e30, -1e30]),
)


@settings(max_examples=60)
@given(
    boxes=st.lists(st.tuples(coordinate, coordinate, coordinate, coordinate), max_size=4),
    size=st.tuples(st.integers(1, 400), st.integers(1, 300)),
    line=st.sampled_from([None, 1, 7]),
)
def test_any_boxes_can_be_drawn(boxes, size, line):
    image = picture(*size)
    drawn = annotate(image, detections(*boxes), line_width=line, roi=(-10, 5, 390.5, 700))
    assert drawn.shape == image.shape
    assert changed(image) is None


# --- outline of the ROI


def test_the_roi_is_outlined_with_dashes():
    drawn = annotate(picture(), detections(), roi=(80.2, 20, 239.7, 220), line_width=2)
    assert changed(drawn) == (80, 20, 240, 220)
    row = drawn[20, 80:240, 0]
    light, dark = row > GREY, row < GREY
    assert light.sum() + dark.sum() == 160
    assert 60 < light.sum() < 100
    assert (drawn[30:210, 90:230] == GREY).all()


def test_an_outline_beyond_the_picture_stops_at_its_edge():
    drawn = annotate(picture(), detections(), roi=(-50, -1000.0, 400, 100))
    bounds = changed(drawn)
    assert bounds == (0, 0, 320, 100)


@pytest.mark.parametrize("roi", [(400, 300, 500, 400), (10, 10, 10, 10), (50, 50, 20, 20)])
def test_an_outline_of_nothing_is_not_drawn(roi):
    assert changed(annotate(picture(), detections(), roi=roi)) is None


# --- arguments


def test_boxes_must_be_in_the_pictures_pixels():
    network = Detections([[0.1, 0.1, 0.5, 0.5]], [0.9], [0], space="network")
    with pytest.raises(MissingContextError, match=r"pixels of the picture.*mapped"):
        annotate(picture(), network)


@pytest.mark.parametrize(
    ("image", "image_format", "message"),
    [
        (
            picture()[..., 0],
            "RGB",
            r"3 or 4\), got uint8 of shape \(240, 320\); camera\.to_rgb",
        ),
        (picture().astype(float), "RGB", "got float64"),
        (picture(channels=2), "BGR", "in BGR order"),
        (picture(), "RGBA", r"\(height, width, 4\)"),
        (picture()[:0], "RGB", "shape"),
        ([[1, 2, 3]], "RGB", "got list"),
        (picture(), "XBGR8888", "image_format must be one of RGB, BGR, RGBA, BGRA"),
    ],
)
def test_wrong_pictures_are_named(image, image_format, message):
    with pytest.raises(DrawingError, match=message) as caught:
        annotate(image, detections(), image_format=image_format)
    assert isinstance(caught.value, Imx500Error)
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize(
    "options",
    [
        {"line_width": 0},
        {"line_width": 1.5},
        {"line_width": 10**6},
        {"font_size": True},
        {"font_size": 10**6},
        {"font_size": "12"},
        {"opacity": True},
        {"opacity": "0.5"},
        {"keypoint_threshold": float("nan")},
        {"roi": (1, 2, 3)},
        {"roi": (1, 2, 3, float("nan"))},
    ],
)
def test_wrong_options_are_named(options):
    with pytest.raises(DrawingError, match=next(iter(options))):
        annotate(picture(), detections(), **options)
