"""The list of a picture's classes."""

from __future__ import annotations

import numpy as np
import pytest
from drawn import GREY, changed, picture
from hypothesis import given, settings
from hypothesis import strategies as st

from imx500_native.drawing import annotate, class_colour, panel
from imx500_native.drawing.letters import text
from imx500_native.errors import DrawingError
from imx500_native.results import Classification

pytest.importorskip("PIL.Image", reason="needs Pillow: pip install pillow")

NAMES = (
    "0:background",
    "281:tabby, tabby cat",
    "2:great white shark, white shark, man-eater, man-eating shark, Carcharodon carcharias",
)


def classes(*confidences, ids=None, labels=NAMES):
    ids = list(range(1, len(confidences) + 1)) if ids is None else ids
    return Classification(ids, confidences, labels)


@pytest.fixture
def written(monkeypatch):
    words = []

    def write(name, size, room):
        words.append((name, size, room))
        return np.ones((size, max(min(room, 40), 1)), np.float32)

    monkeypatch.setattr(panel, "fitting_name", write)
    monkeypatch.setattr(panel, "text", lambda name, size: words.append(name) or text(name, size))
    return words


@pytest.mark.parametrize(
    "size", [(160, 120), (320, 240), (640, 480), (1280, 720), (720, 1280), (4056, 3040)]
)
def test_the_panel_is_whole_and_leaves_most_of_the_picture(size):
    image = picture(*size)
    x0, y0, x1, y1 = changed(annotate(image, classes(0.6, 0.2, 0.1, 0.05, 0.01)))
    assert 0 < x0 < x1 < size[0]
    assert 0 < y0 < y1 <= round(size[1] * 0.65)
    assert y1 - y0 > 40


def test_a_bar_is_as_long_as_its_share():
    def length(confidence):
        came = annotate(picture(640, 480), classes(confidence))
        return int((came == class_colour(1)).all(axis=2).any(axis=0).sum())

    # The round ends, which are not of the full colour, are the same for all.
    quarter = length(0.5) - length(0.25)
    assert quarter > 20
    assert abs(length(1.0) - length(0.5) - 2 * quarter) <= 2
    assert abs(length(0.75) - length(0.5) - quarter) <= 1
    assert length(0.0) == 0


def test_names_and_percentages_are_written(written):
    annotate(picture(640, 480), classes(0.62, 0.174, 0.004, 0.0, ids=[1, 2, 7, -1]))
    names = [one[0] for one in written if isinstance(one, tuple)]
    assert names == [NAMES[1], NAMES[2], "class 7", "class -1"]
    assert [one for one in written if one in ("62%", "17%", "<1%", "0%")] == [
        "62%", "17%", "<1%", "0%",
    ]  # fmt: skip


def test_five_classes_at_most_and_fewer_in_a_small_picture(written):
    def count(size):
        written.clear()
        annotate(picture(*size), classes(*np.linspace(0.5, 0.1, 9)))
        return sum(isinstance(one, tuple) for one in written)

    assert count((1280, 720)) == 5
    assert count((320, 240)) == 5
    assert count((160, 120)) == 2
    assert count((16, 16)) == 1


def test_long_names_fit():
    image = picture(160, 120)
    came = annotate(image, classes(0.5, 0.4))
    # Nothing runs over the panel's right edge, or into the percentages.
    x0, _, x1, _ = changed(came)
    assert x0 > 0
    assert x1 < 160


@pytest.mark.parametrize("value", [0, 255])
def test_letters_can_be_read_on_any_ground(value):
    image = np.full((480, 640, 3), value, np.uint8)
    x0, y0, x1, y1 = changed(annotate(image, classes(0.6)), value) or (0, 0, 640, 480)
    came = annotate(image, classes(0.6))[y0:y1, x0:x1]
    ground = int(np.median(came[4:-4, 4:-4], axis=(0, 1)).max())
    assert ground < 95
    assert came.max() >= 250


@pytest.mark.parametrize(("image_format", "order"), [("RGB", (0, 1, 2)), ("BGR", (2, 1, 0))])
def test_all_channel_orders_show_the_same(image_format, order):
    noise = np.random.default_rng(3).integers(0, 256, (240, 320, 4), np.uint8)
    expected = annotate(noise[..., :3].copy(), classes(0.6, 0.3))
    for depth, name in ((3, image_format), (4, image_format), (4, image_format + "A")):
        image = noise[..., [*order, 3][:depth]]
        came = annotate(image, classes(0.6, 0.3), image_format=name)
        assert np.array_equal(came[..., list(order)], expected)


def test_nothing_found_changes_nothing():
    assert changed(annotate(picture(), Classification.empty())) is None
    assert changed(annotate(picture(), classes(0.5), labels=False)) is None


def test_a_picture_is_drawn_into_in_place():
    image = picture()
    expected = annotate(image, classes(0.6))
    assert changed(image) is None
    assert annotate(image, classes(0.6), in_place=True) is image
    assert np.array_equal(image, expected)
    image.flags.writeable = False
    with pytest.raises(DrawingError, match="read-only"):
        annotate(image, classes(0.6), in_place=True)


@settings(max_examples=40)
@given(
    confidences=st.lists(
        st.floats(0, 1, width=32) | st.sampled_from([float("nan"), float("inf"), -3.0, 1e30]),
        max_size=7,
    ),
    size=st.tuples(st.integers(1, 200), st.integers(1, 200)),
)
def test_any_classification_can_be_drawn(confidences, size):
    image = picture(*size)
    came = annotate(image, classes(*confidences))
    assert came.shape == image.shape
    assert (image == GREY).all()


def test_other_things_are_not_drawn():
    with pytest.raises(DrawingError, match=r"annotate draws Detections.*got list"):
        annotate(picture(), [1, 2])
