"""Boxes, labels and outlines in pictures; pictures in files."""

from __future__ import annotations

import errno
import itertools
import os
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imx500_native import drawing
from imx500_native.drawing import PALETTE, annotate, class_colour, save_picture
from imx500_native.errors import DrawingError, Imx500Error, MissingContextError, MissingExtraError
from imx500_native.results import Detections

Image = pytest.importorskip("PIL.Image", reason="needs Pillow: pip install pillow")

GREY = 120


def picture(width=320, height=240, channels=3):
    return np.full((height, width, channels), GREY, np.uint8)


def detections(*boxes, classes=None, labels=("person", "dog", "potted plant"), **columns):
    count = len(boxes)
    return Detections(
        np.array(boxes, np.float32).reshape(-1, 4),
        np.linspace(0.9, 0.6, count),
        classes if classes is not None else [0] * count,
        labels=labels,
        space="stream",
        **columns,
    )


def changed(drawn, value=GREY):
    """Bounds (x0, y0, x1, y1) of what is not background; None where nothing is."""
    rows, columns = np.nonzero((drawn[..., :3] != value).any(axis=2))
    if len(rows) == 0:
        return None
    return columns.min(), rows.min(), columns.max() + 1, rows.max() + 1


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


# --- labels


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
    letters = max(11, round(min(size[1], size[0] * 0.75) / 36))
    text = drawing._caption(next(iter(one)), letters)
    high, wide = np.ptp(rows) + 1, np.ptp(columns) + 1
    # The plate's own lines may fall together with the box's, which are of the same colour.
    assert text.shape[0] <= high <= text.shape[0] + 2 * round(letters * 0.3)
    assert text.shape[1] <= wide <= text.shape[1] + 2 * round(letters * 0.5)


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
    brush = drawing._Brush(picture(), (0, 1, 2))
    taken = []
    for one in boxes:
        drawing._draw_label(brush, one, 2, 11, taken)
    assert len(taken) == 3
    assert not any(a.touches(b) for a, b in itertools.combinations(taken, 2))


def test_captions_say_what_is_known(monkeypatch):
    written = []
    monkeypatch.setattr(
        drawing, "_text", lambda text, size: written.append(text) or np.ones((9, 20), np.float32)
    )
    annotate(picture(), detections((9, 9, 99, 99), classes=[2]))
    annotate(picture(), detections((9, 9, 99, 99), tracker_id=[7]))
    annotate(picture(), detections((9, 9, 99, 99), labels=None, classes=[4]))
    annotate(picture(), detections((9, 9, 99, 99), classes=[-1]))
    assert written == [
        "potted plant", "90%", "person #7", "90%", "class 4", "90%", "class -1", "90%",
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
    assert contrast(colour, drawing._ink_on(colour)) >= 3


def test_neighbouring_classes_have_different_colours():
    assert len(set(PALETTE)) == len(PALETTE)
    for first, second in itertools.combinations(PALETTE[:12], 2):
        assert np.abs(np.subtract(first, second)).sum() > 60
    assert class_colour(0) == class_colour(len(PALETTE)) == PALETTE[0]
    assert class_colour(-1) == PALETTE[-1]


def test_letters_are_smooth_and_as_big_as_asked():
    small, big = drawing._text("person", 12), drawing._text("person", 48)
    assert 3 < big.shape[0] / small.shape[0] < 5
    assert ((big > 0.2) & (big < 0.8)).any()
    assert big.max() == 1
    # All captions of a size stand on one line.
    assert drawing._text("ace", 20).shape[0] == drawing._text("Ågjpq", 20).shape[0]


def test_an_older_pillow_has_one_small_font(monkeypatch):
    from PIL import ImageFont

    bitmap = getattr(ImageFont, "load_default_imagefont", ImageFont.load_default)()

    def load_default(**options):
        if options:
            raise TypeError("unexpected keyword argument 'size'")
        return bitmap

    monkeypatch.setattr(ImageFont, "load_default", load_default)
    drawing._font.cache_clear()
    drawing._text.cache_clear()
    try:
        drawn = annotate(picture(), detections((50, 60, 150, 160), labels=("žirafa 象",)))
        assert drawing._text("person", 40).shape == drawing._text("person", 12).shape
        assert drawing._text("person", 12).max() == 1
        assert changed(drawn) is not None
    finally:
        drawing._font.cache_clear()
        drawing._text.cache_clear()


@pytest.fixture
def no_pillow(monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL", None)
    caches = (drawing._pillow, drawing._font, drawing._text)
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
        (picture()[..., 0], "RGB", r"\(height, width, 3 or 4\), got uint8 of shape \(240, 320\)"),
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
        {"font_size": True},
        {"roi": (1, 2, 3)},
        {"roi": (1, 2, 3, float("nan"))},
    ],
)
def test_wrong_options_are_named(options):
    with pytest.raises(DrawingError, match=next(iter(options))):
        annotate(picture(), detections(), **options)


# --- files


@pytest.fixture
def colourful():
    rng = np.random.default_rng(1)
    return rng.integers(0, 255, (24, 32, 4), np.uint8)


@pytest.mark.parametrize(
    ("image_format", "channels", "order"),
    [
        ("RGB", 3, (0, 1, 2)),
        ("BGR", 3, (2, 1, 0)),
        ("BGR", 4, (2, 1, 0)),
        ("BGRA", 4, (2, 1, 0, 3)),
        ("RGBA", 4, (0, 1, 2, 3)),
    ],
)
def test_a_png_holds_every_pixel(tmp_path, colourful, image_format, channels, order):
    path = tmp_path / "Picture.PNG"
    save_picture(path, colourful[..., :channels], image_format)
    with Image.open(path) as read:
        assert read.format == "PNG"
        assert np.array_equal(np.asarray(read), colourful[..., list(order)])
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("suffix", [".jpg", ".jpeg"])
def test_a_jpeg_is_close(tmp_path, suffix):
    image = picture(channels=4)
    image[..., 2] = 200
    path = tmp_path / f"a{suffix}"
    save_picture(str(path), image, "BGRA", quality=95)
    with Image.open(path) as read:
        assert read.format == "JPEG"
        assert np.abs(np.asarray(read).astype(int) - (200, 120, 120)).max() <= 3


def test_a_file_is_replaced(tmp_path):
    path = tmp_path / "a.png"
    path.write_text("old")
    save_picture(path, picture())
    with Image.open(path) as read:
        assert read.size == (320, 240)


@pytest.mark.parametrize("name", ["a.gif", "a", "png"])
def test_unknown_suffixes_are_named(tmp_path, name):
    with pytest.raises(DrawingError, match=r"\.png, \.jpg or \.jpeg"):
        save_picture(tmp_path / name, picture())
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "a.png"
    path.write_text("old")

    def fsync(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(drawing, "os", SimpleNamespace(fsync=fsync, PathLike=os.PathLike))
    with pytest.raises(OSError, match="No space left"):
        save_picture(path, picture())
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_missing_directory_is_an_os_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        save_picture(tmp_path / "no" / "a.png", picture())
