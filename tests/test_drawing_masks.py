"""Regions of class maps, and the masks of objects, in pictures."""

from __future__ import annotations

import numpy as np
import pytest
from drawn import GREY, changed, picture
from hypothesis import given, settings
from hypothesis import strategies as st

from imx500_native.drawing import annotate, class_colour
from imx500_native.drawing.middles import region_middles
from imx500_native.errors import DrawingError, MissingContextError
from imx500_native.results import InstanceMasks, Segmentation

pytest.importorskip("PIL.Image", reason="needs Pillow: pip install pillow")

NAMES = ("background", "aeroplane", "bicycle", "bird", "boat")


def segmentation(*regions, size=(320, 240), value=0, **columns):
    """A class map from (class, x0, y0, x1, y1)."""
    class_map = np.full((size[1], size[0]), value, np.int16)
    for class_id, x0, y0, x1, y1 in regions:
        class_map[y0:y1, x0:x1] = class_id
    return Segmentation(class_map, **{"labels": NAMES, "space": "stream", **columns})


def instances(*boxes, size=(320, 240), classes=None, **columns):
    """Objects whose masks are the left halves of their boxes."""
    logits = np.full((len(boxes), size[1], size[0]), -1, np.float32)
    for row, (x0, y0, x1, y1) in enumerate(boxes):
        logits[row, y0:y1, x0 : (x0 + x1) // 2] = 1
    return InstanceMasks(
        np.array(boxes, np.float32).reshape(-1, 4),
        np.linspace(0.9, 0.6, len(boxes)),
        classes if classes is not None else [0] * len(boxes),
        logits,
        labels=NAMES,
        **{"space": "stream", **columns},
    )


def blend(old, colour, opacity):
    share = round(opacity * 256)
    mixed = np.asarray(old, int) * (256 - share) + np.asarray(colour, int) * share
    return (mixed + 128) >> 8


def plain(result, image=None, **options):
    image = picture() if image is None else image
    return annotate(image, result, labels=False, **{"line_width": 2, **options})


# --- class maps


@pytest.mark.parametrize("opacity", [0.0, 0.1, 0.45, 0.5, 0.999, 1.0])
def test_a_region_is_blended_exactly(opacity):
    image = np.random.default_rng(0).integers(0, 256, (240, 320, 3), np.uint8)
    came = plain(segmentation((3, 50, 60, 150, 160)), image, opacity=opacity)
    inner = np.s_[61:159, 51:149]
    assert np.array_equal(came[inner], blend(image[inner], class_colour(3), opacity))
    # One pixel of line, just inside the region.
    outline = np.zeros((240, 320), bool)
    outline[60:160, 50:150] = True
    outline[inner] = False
    assert (came[outline] == class_colour(3)).all()
    outside = np.ones((240, 320), bool)
    outside[60:160, 50:150] = False
    assert np.array_equal(came[outside], image[outside])


def test_the_whole_range_of_bytes_is_blended_without_overflow():
    image = np.full((240, 320, 3), 255, np.uint8)
    image[:, ::2] = 0
    for opacity in (1 / 256, 0.5, 255 / 256):
        came = plain(segmentation((14, 0, 0, 320, 240)), image, opacity=opacity)
        assert np.array_equal(came, blend(image, class_colour(14), opacity))


def test_background_and_pixels_without_a_class_are_left_alone():
    assert changed(plain(segmentation())) is None
    assert changed(plain(segmentation(value=-1))) is None
    assert changed(annotate(picture(), segmentation(value=-1))) is None
    came = plain(segmentation((1, 50, 60, 150, 160), value=-1))
    assert changed(came) == (50, 60, 150, 160)


def test_class_0_is_drawn_where_it_is_no_background():
    assert changed(plain(segmentation((0, 50, 60, 90, 90), value=-1))) is None
    came = plain(segmentation((0, 50, 60, 90, 90), value=-1, background=None))
    assert tuple(came[60, 70]) == class_colour(0)


def test_regions_meet_in_two_lines():
    came = plain(segmentation((1, 50, 60, 100, 160), (2, 100, 60, 150, 160)))
    assert tuple(came[100, 99]) == class_colour(1)
    assert tuple(came[100, 100]) == class_colour(2)
    assert np.array_equal(came[100, 98], blend([GREY] * 3, class_colour(1), 0.45))


def test_lines_grow_with_the_picture_and_end_at_its_edge():
    came = plain(segmentation((1, 0, 0, 320, 240)))
    assert np.array_equal(came, blend(picture(), class_colour(1), 0.45))
    large = plain(segmentation((1, 50, 60, 150, 160)), line_width=10)
    width = (large[110, 50:150] == class_colour(1)).all(axis=1).sum()
    assert width == 12


def test_classes_beyond_the_palette_and_the_labels_are_drawn():
    came = annotate(picture(), segmentation((500, 50, 60, 250, 200)))
    assert tuple(came[60, 100]) == class_colour(500)


@pytest.mark.parametrize(("image_format", "order"), [("RGB", (0, 1, 2)), ("BGR", (2, 1, 0))])
def test_all_channel_orders_show_the_same(image_format, order):
    noise = np.random.default_rng(3).integers(0, 256, (240, 320, 4), np.uint8)
    result = segmentation((2, 50, 60, 250, 200), (4, 10, 10, 30, 90))
    expected = annotate(noise[..., :3].copy(), result)
    inside = result.class_map > 0
    for depth, name in ((3, image_format), (4, image_format), (4, image_format + "A")):
        image = noise[..., [*order, 3][:depth]]
        came = annotate(image, result, image_format=name)
        assert np.array_equal(came[..., list(order)], expected)
        if depth == 4:
            assert (came[inside][:, 3] == 255).all()
            untouched = (expected == noise[..., :3]).all(axis=2) & ~inside
            assert np.array_equal(came[untouched][:, 3], noise[untouched][:, 3])


def test_strided_pictures_are_drawn_into():
    whole = np.random.default_rng(4).integers(0, 256, (480, 700, 4), np.uint8)
    before = whole.copy()
    part = whole[::2, 100:420]
    expected = plain(segmentation((2, 50, 60, 250, 200)), part, image_format="BGRA")
    assert np.array_equal(whole, before)
    plain(segmentation((2, 50, 60, 250, 200)), part, image_format="BGRA", in_place=True)
    assert np.array_equal(part, expected)
    assert np.array_equal(whole[1::2], before[1::2])


@pytest.mark.parametrize("size", [(319, 240), (320, 241), (240, 320), (321, 321)])
def test_a_map_of_another_size_is_refused_before_anything_is_drawn(size):
    image = picture()
    with pytest.raises(DrawingError, match=rf"320 x 240, got {size[0]} x {size[1]}.*mapped"):
        annotate(image, segmentation(size=size, value=1), in_place=True, roi=(10, 10, 200, 200))
    assert changed(image) is None


def test_results_must_be_in_the_pictures_pixels():
    with pytest.raises(MissingContextError, match=r"Segmentation.*'network'.*mapped"):
        annotate(picture(), segmentation(space="network"))
    with pytest.raises(MissingContextError, match=r"InstanceMasks.*'network'.*mapped"):
        annotate(picture(), instances((10, 10, 90, 90), space="network"))


def test_nothing_found_changes_nothing():
    for nothing in (Segmentation.empty(space="stream"), InstanceMasks.empty(space="stream")):
        assert changed(annotate(picture(), nothing)) is None


@pytest.mark.parametrize("opacity", [-0.1, 1.01, float("nan"), None, True])
def test_a_wrong_opacity_is_named(opacity):
    with pytest.raises(DrawingError, match="opacity"):
        plain(segmentation(), opacity=opacity)


# --- names of regions


def names_drawn(result, size=(320, 240)):
    """Where the words are: what differs from the drawing without them."""
    image = picture(*size)
    return (annotate(image, result) != annotate(image, result, labels=False)).any(axis=2)


def test_a_name_stands_in_the_middle_of_its_region():
    rows, columns = np.nonzero(names_drawn(segmentation((1, 40, 40, 280, 200))))
    assert abs((columns.min() + columns.max()) / 2 - 160) < 8
    assert abs((rows.min() + rows.max()) / 2 - 120) < 8


def test_a_low_region_is_not_hidden_by_its_name():
    words = names_drawn(segmentation((1, 100, 100, 160, 118)))
    assert words[70:100].any()
    assert not words[100:118].any()


def test_specks_have_no_name():
    assert not names_drawn(segmentation((1, 100, 100, 104, 104))).any()


def test_names_do_not_hide_one_another(monkeypatch):
    from imx500_native.drawing import masks

    areas = []
    monkeypatch.setattr(masks, "draw_plate", lambda brush, area, *_: areas.append(area))
    stripes = [(row + 1, 0, row * 12, 320, row * 12 + 12) for row in range(20)]
    annotate(picture(), segmentation(*stripes))
    assert 8 <= len(areas) <= 20
    for index, area in enumerate(areas):
        assert area.x0 >= 0
        assert area.y0 >= 0
        assert area.x1 <= 320
        assert area.y1 <= 240
        assert not any(area.touches(other) for other in areas[:index])


def test_the_middle_of_a_bent_region_lies_in_it():
    class_map = np.zeros((240, 320), np.int16)
    class_map[20:220, 20:60] = 1
    class_map[180:220, 20:300] = 1
    ((class_id, x, y),) = region_middles(class_map, [1])
    assert class_id == 1
    assert class_map[y, x] == 1


@settings(max_examples=60)
@given(
    seed=st.integers(0, 1000),
    size=st.tuples(st.integers(1, 60), st.integers(1, 60)),
    classes=st.integers(1, 40),
    block=st.integers(1, 20),
)
def test_any_map_can_be_drawn(seed, size, classes, block):
    coarse = np.random.default_rng(seed).integers(-1, classes, (60, 60)).astype(np.int16)
    class_map = coarse.repeat(block, 0).repeat(block, 1)[: size[1], : size[0]]
    result = Segmentation(np.ascontiguousarray(class_map), NAMES, space="stream")
    image = picture(*size)
    came = annotate(image, result)
    assert changed(image) is None
    bare = annotate(image, result, labels=False)
    assert (bare[class_map <= 0] == GREY).all()
    assert ((bare != GREY).any(axis=2) == (class_map > 0)).all()
    for class_id, x, y in region_middles(class_map, result.class_id.tolist()):
        assert class_map[y, x] == class_id
    assert came.shape == image.shape


# --- masks of objects


def test_masks_boxes_and_labels_are_drawn():
    image = np.random.default_rng(0).integers(0, 256, (240, 320, 3), np.uint8)
    came = plain(instances((50, 60, 150, 160), classes=[4]), image)
    inner = np.s_[70:150, 60:99]
    assert np.array_equal(came[inner], blend(image[inner], class_colour(4), 0.45))
    assert tuple(came[110, 99]) == class_colour(4)
    assert np.array_equal(came[70:150, 100:140], image[70:150, 100:140])
    assert tuple(came[60, 125]) == class_colour(4)
    assert np.array_equal(came[:55], image[:55])


def test_boxes_can_be_left_out():
    came = plain(instances((50, 60, 150, 160)), boxes=False)
    assert changed(came) == (50, 60, 100, 160)


def test_the_surest_mask_is_on_top():
    both = instances((50, 60, 150, 160), (50, 60, 150, 160), classes=[1, 2])
    below = blend([GREY] * 3, class_colour(2), 0.45)
    assert np.array_equal(plain(both)[110, 70], blend(below, class_colour(1), 0.45))


def test_masks_end_at_the_picture():
    result = instances((-20, -30, 100, 100), (250, 200, 400, 300))
    logits = np.ones((2, 240, 320), np.float32)
    result = InstanceMasks(result.xyxy, [0.9, 0.8], [1, 2], logits, space="stream")
    came = plain(result, boxes=False)
    assert tuple(came[50, 99]) == class_colour(1)
    assert np.array_equal(came[0, 0], blend([GREY] * 3, class_colour(1), 0.45))
    assert np.array_equal(came[239, 319], blend([GREY] * 3, class_colour(2), 0.45))


def test_objects_whose_box_is_not_in_the_picture_are_left_out():
    boxes = [[400, 10, 500, 90], [np.nan, 10, 90, 90], [50, 50, 50, 90]]
    logits = np.ones((3, 240, 320), np.float32)
    result = InstanceMasks(boxes, [0.9, 0.8, 0.7], [1, 2, 3], logits, space="stream")
    assert changed(annotate(picture(), result)) is None


def test_masks_of_another_size_are_refused():
    image = picture()
    with pytest.raises(DrawingError, match="320 x 240, got 300 x 200"):
        annotate(image, instances((50, 60, 150, 160), size=(300, 200)), in_place=True)
    assert changed(image) is None


@settings(max_examples=40)
@given(seed=st.integers(0, 1000), size=st.tuples(st.integers(1, 60), st.integers(1, 60)))
def test_any_masks_can_be_drawn(seed, size):
    rng = np.random.default_rng(seed)
    boxes = rng.uniform(-20, 80, (3, 4))
    logits = rng.normal(size=(3, size[1], size[0]))
    image = picture(*size)
    result = InstanceMasks(boxes, rng.random(3), [0, 1, -1], logits, space="stream")
    assert annotate(image, result).shape == image.shape
    assert changed(image) is None
