"""Words in pictures: labels of boxes, names that are shortened, fonts, Pillow's absence."""

from __future__ import annotations

import itertools
import sys

import numpy as np
import pytest
from drawn import GREY, changed, detections, picture
from hypothesis import given, settings
from hypothesis import strategies as st

from imx500_native.drawing import PALETTE, annotate, class_colour, labels, letters, save_picture
from imx500_native.drawing.boxes import draw_label, seen_boxes
from imx500_native.drawing.brush import Brush
from imx500_native.drawing.colours import ink_on
from imx500_native.drawing.labels import caption
from imx500_native.drawing.letters import fitting_name, short_name, text
from imx500_native.errors import MissingExtraError

pytest.importorskip("PIL.Image", reason="needs Pillow: pip install pillow")


@settings(max_examples=60)
@given(
    x=st.integers(-50, 350),
    y=st.integers(-50, 280),
    width=st.integers(1, 400),
    height=st.integers(1, 300),
    size=st.sampled_from([(320, 240), (200, 100), (640, 480)]),
)
def test_labels_are_whole_wherever_the_box_is(x, y, width, height, size):
    image = picture(*size)
    one = detections((x, y, x + width, y + height), classes=[1])
    bare = annotate(image, one, labels=False)
    labelled = (annotate(image, one) != bare).any(axis=2)
    if x + width <= 0 or y + height <= 0 or x >= size[0] or y >= size[1]:
        assert not labelled.any()
        return
    rows, columns = np.nonzero(labelled)
    height_of_letters = max(11, round(min(size[1], size[0] * 0.75) / 36))
    words = caption("dog", None, 0.9, height_of_letters)
    high, wide = np.ptp(rows) + 1, np.ptp(columns) + 1
    # The plate's own lines may fall together with the box's, which are of the same colour.
    assert words.shape[0] <= high <= words.shape[0] + 2 * round(height_of_letters * 0.3)
    assert words.shape[1] <= wide <= words.shape[1] + 2 * round(height_of_letters * 0.5)


def test_boxes_outside_the_picture_are_not_drawn():
    outside = [(-9, 10, 0, 50), (320, 5, 400, 50), (5, -50, 50, 0), (5, 240, 50, 300)]
    flat = [(0, 20, 0, 90), (50, 50, 50, 90), (50, 70, 90, 70), (90, 90, 50, 120)]
    unknown = [(float("nan"), 5, 50, 60), (5, 5, 50, float("nan"))]
    for box in outside + flat + unknown:
        assert changed(annotate(picture(), detections(box))) is None, box


def test_a_label_stands_on_its_box():
    one = detections((100, 80, 220, 200))
    only = np.where(
        annotate(picture(), one) != annotate(picture(), one, labels=False), np.uint8(0), GREY
    )
    x0, _, _, y1 = changed(only.astype(np.uint8))
    assert x0 in (99, 100)
    assert y1 in (78, 79, 80)


def test_a_box_at_the_top_has_its_label_inside():
    one = detections((100, 2, 220, 200))
    differs = (annotate(picture(), one) != annotate(picture(), one, labels=False)).any(axis=2)
    rows = np.nonzero(differs.any(axis=1))[0]
    assert rows.min() <= 4
    assert rows.max() < 25


def test_labels_avoid_each_other():
    boxes = detections((100, 80, 220, 200), (104, 80, 224, 200), (100, 82, 216, 198))
    brush = Brush(picture(), (0, 1, 2))
    taken = []
    for _, one in seen_boxes(brush, boxes):
        draw_label(brush, one, 2, 11, taken)
    assert len(taken) == 3
    assert not any(a.touches(b) for a, b in itertools.combinations(taken, 2))


def test_captions_say_what_is_known(monkeypatch):
    written = []

    def write(words, size):
        written.append(words)
        return np.ones((9, 20), np.float32)

    monkeypatch.setattr(labels, "text", write)
    monkeypatch.setattr(letters, "text", write)
    annotate(picture(), detections((9, 9, 99, 99), classes=[2]))
    annotate(picture(), detections((9, 9, 99, 99), tracker_id=[7]))
    annotate(picture(), detections((9, 9, 99, 99), labels=None, classes=[4]))
    annotate(picture(), detections((9, 9, 99, 99), classes=[-1]))
    assert written == [
        "90%", "potted plant", "90%", "person #7", "90%", "class 4", "90%", "class -1",
    ]  # fmt: skip


def contrast(first, second):
    def luminance(colour):
        shares = [c / 255 for c in colour]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in shares]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    brighter, darker = sorted((luminance(first), luminance(second)), reverse=True)
    return (brighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("colour", PALETTE)
def test_letters_can_be_read_on_every_colour(colour):
    assert contrast(colour, ink_on(colour)) >= 3


def test_neighbouring_classes_have_different_colours():
    assert len(set(PALETTE)) == len(PALETTE)
    for first, second in itertools.combinations(PALETTE[:12], 2):
        assert np.abs(np.subtract(first, second)).sum() > 60
    assert class_colour(0) == class_colour(len(PALETTE)) == PALETTE[0]
    assert class_colour(-1) == PALETTE[-1]


def test_letters_are_smooth_and_as_big_as_asked():
    small, big = text("person", 12), text("person", 48)
    assert 3 < big.shape[0] / small.shape[0] < 5
    assert ((big > 0.2) & (big < 0.8)).any()
    assert big.max() == 1
    # All captions of a size stand on one line.
    assert text("ace", 20).shape[0] == text("Ågjpq", 20).shape[0]


def test_an_older_pillow_has_one_small_font(monkeypatch):
    from PIL import ImageFont

    bitmap = getattr(ImageFont, "load_default_imagefont", ImageFont.load_default)()

    def load_default(**options):
        if options:
            raise TypeError("unexpected keyword argument 'size'")
        return bitmap

    monkeypatch.setattr(ImageFont, "load_default", load_default)
    letters.font.cache_clear()
    letters.text.cache_clear()
    try:
        drawn = annotate(picture(), detections((50, 60, 150, 160), labels=("žirafa 象",)))
        assert text("person", 40).shape == text("person", 12).shape
        assert text("person", 12).max() == 1
        assert changed(drawn) is not None
    finally:
        letters.font.cache_clear()
        letters.text.cache_clear()


@pytest.fixture
def no_pillow(monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL", None)
    caches = (letters.pillow, letters.font, letters.text)
    for cache in caches:
        cache.cache_clear()
    yield
    for cache in caches:
        cache.cache_clear()


def test_without_pillow_letters_and_files_need_the_extra(no_pillow, tmp_path):
    one = detections((50, 60, 150, 160))
    with pytest.raises(MissingExtraError, match=r"imx500-native\[demo\]"):
        annotate(picture(), one)
    with pytest.raises(MissingExtraError):
        save_picture(tmp_path / "a.png", picture())
    assert list(tmp_path.iterdir()) == []
    assert changed(annotate(picture(), one, labels=False)) is not None


# --- long names


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("person", "person"),
        ("281:tabby, tabby cat", "tabby, tabby cat"),
        ("great white shark, white shark, man-eater, man-eating shark", "great white shark"),
        ("black-footed ferret, ferret, Mustela nigripes", "black-footed ferret"),
        ("an unbroken name of very many letters", "an unbroken name of ver…"),
        ("door, left", "door, left"),
        ("0:", "0:"),
        ("", ""),
    ],
)
def test_long_names_are_shortened(name, short):
    assert short_name(name) == short
    assert len(short_name(name)) <= 24


@pytest.mark.parametrize("room", [200, 90, 60, 30])
def test_names_are_shortened_to_the_room_there_is(room):
    cover = fitting_name("great white shark, white shark", 14, room, " #7")
    assert cover.shape[1] <= room or room == 30
    assert np.array_equal(fitting_name("dog", 14, 200), text("dog", 14))


def test_the_percentage_is_kept_where_the_name_does_not_fit():
    wide = caption("great white shark", 3, 0.87, 20)
    narrow = caption("great white shark", 3, 0.87, 20, room=wide.shape[1] // 2)
    percent = text("87%", 20)
    assert narrow.shape[1] <= wide.shape[1] // 2
    assert np.array_equal(narrow[:, -percent.shape[1] :], percent)


def test_a_confidence_that_is_no_number_is_not_written():
    assert np.array_equal(caption("dog", None, float("nan"), 14), text("dog", 14))
    assert caption("", None, float("inf"), 14).size == 0
