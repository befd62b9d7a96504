"""Segmentation as a result: regions, masks, and the map of a picture."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from oracles import segmentation_oracle as oracle

from imx500_native import CoordinateMapper, GeometryError, MissingExtraError, _maps
from imx500_native.results import Region, Segmentation

LABELS = ("background", "cat", "dog", "cow")
SMALL = [
    [0, 0, 1, 1],
    [0, 3, 3, -1],
    [7, 3, 0, -1],
]

class_ids = st.one_of(st.integers(-1, 4), st.just(32767))
maps = hnp.arrays(
    np.int16, st.tuples(st.integers(0, 12), st.integers(0, 25)), elements=class_ids, fill=class_ids
)


def small(**changes):
    return Segmentation(SMALL, **{"labels": LABELS, **changes})


def test_iteration_gives_plain_python_values():
    rows = list(small())
    assert rows[0] == Region(1, "cat", 2, 2 / 12, (0.5, 0.0, 1.0, pytest.approx(1 / 3)))
    assert [(row.class_id, row.label, row.pixels) for row in rows] == [
        (1, "cat", 2),
        (3, "cow", 3),
        (7, None, 1),
    ]
    assert [type(value) for value in rows[0]] == [int, str, int, float, tuple]
    assert type(rows[0].xyxy[0]) is float


def test_columns():
    found = small(space="stream")
    assert (found.class_map.dtype, found.class_map.flags.c_contiguous) == (np.int16, True)
    assert (found.class_id.dtype, found.class_id.tolist()) == (np.int32, [1, 3, 7])
    assert (found.areas.dtype, found.areas.tolist()) == (np.int64, [2, 3, 1])
    assert found.shares.tolist() == [2 / 12, 3 / 12, 1 / 12]
    assert found.boxes.dtype == np.float32
    assert found.boxes.tolist() == [[2, 0, 4, 1], [1, 1, 3, 3], [0, 2, 1, 3]]
    assert len(found) == 3


def test_the_background_is_a_choice():
    assert small(background=None).class_id.tolist() == [0, 1, 3, 7]
    found = small(background=3)
    assert found.class_id.tolist() == [0, 1, 7]
    found.background = None
    assert (len(found), len(found.masks())) == (4, 4)


def test_masks():
    found = small()
    expected = np.array(SMALL)
    masks = found.masks()
    assert (masks.dtype, masks.shape) == (np.bool_, (3, 3, 4))
    for mask, class_id in zip(masks, found.class_id, strict=True):
        np.testing.assert_array_equal(mask, expected == class_id)
    for class_id in (-1, 0, 3, 5, 40000):
        np.testing.assert_array_equal(found.mask(class_id), expected == class_id)


@given(class_map=maps, background=st.sampled_from([None, 0, 3]))
def test_regions_of_any_map(class_map, background):
    found = Segmentation(class_map, background=background, space="stream")
    expected = oracle.regions(class_map)
    expected.pop(background, None)
    assert found.class_id.tolist() == sorted(expected)
    for row in found:
        assert (row.pixels, row.xyxy) == expected[row.class_id]
    for mask, class_id in zip(found.masks(), found.class_id, strict=True):
        np.testing.assert_array_equal(mask, class_map == class_id)


def test_regions_of_a_larger_map():
    rng = np.random.default_rng(1)
    class_map = np.repeat(rng.integers(-1, 21, (100, 20)), rng.integers(1, 40, 20), axis=1)
    found = Segmentation(class_map, background=None, space="stream")
    expected = oracle.regions(class_map)
    assert found.class_id.tolist() == sorted(expected)
    assert [(row.pixels, row.xyxy) for row in found] == [expected[i] for i in sorted(expected)]


def test_masks_of_class_ids_that_no_map_can_hold():
    class_map = np.array([[0, -1, 5]], np.int16)
    masks = _maps.masks(class_map, np.array([65536, 65541, -2, 5, -1, 2**31 - 1], np.int32))
    assert masks.any(axis=(1, 2)).tolist() == [False, False, False, True, True, False]


def test_indexing_keeps_only_the_chosen_regions():
    found = small(fresh=False)
    for index in (1, -2, slice(1, 2), [1], np.array([False, True, False])):
        part = found[index]
        assert part.class_id.tolist() == [3]
        np.testing.assert_array_equal(part.class_map, np.where(np.array(SMALL) == 3, 3, -1))
        assert (part.labels, part.space, part.fresh) == (LABELS, "network", False)
    assert found[[2, 0]].class_id.tolist() == [1, 7]
    assert len(found[:0]) == 0
    assert found.class_map.tolist() == SMALL
    with pytest.raises(IndexError):
        found[3]


def test_empty():
    nothing = Segmentation.empty(labels=LABELS, fresh=False)
    assert (len(nothing), list(nothing), nothing.class_map.shape) == (0, [], (0, 0))
    assert (nothing.masks().shape, nothing.boxes.shape) == ((0, 0, 0), (0, 4))
    assert (nothing.fresh, nothing.labels) == (False, LABELS)
    assert len(nothing[:]) == 0
    mapper = CoordinateMapper((0, 0, 4056, 3040), (0, 0, 4056, 3040), (8, 6))
    assert nothing.mapped(mapper).class_map.shape == (0, 0)


@pytest.mark.parametrize(
    "wrong", [[1, 2], [[[1]]], [[0.5]], [[True]], [[40000]], [[-2]], [["a"]], 3]
)
def test_what_is_no_class_map(wrong):
    with pytest.raises(ValueError, match="expected class"):
        Segmentation(wrong)


def test_a_map_of_other_integers_is_converted():
    for dtype in (np.int64, np.uint8, np.int8):
        found = Segmentation(np.array([[0, 3]], dtype))
        assert (found.class_map.dtype, found.class_id.tolist()) == (np.int16, [3])


TRANSFORMS = {
    "identity": {},
    "hflip": {"hflip": True},
    "vflip": {"vflip": True},
    "rot180": {"hflip": True, "vflip": True},
    "transpose": {"transpose": True},
    "rot90": {"vflip": True, "transpose": True},
    "rot270": {"hflip": True, "transpose": True},
    "rot180transpose": {"hflip": True, "vflip": True, "transpose": True},
}
rois = st.sampled_from([(0, 0, 4056, 3040), (508, 0, 3040, 3040), (1000, 700, 900, 1200)])
crops = st.sampled_from([(0, 0, 4056, 3040), (300, 200, 3001, 1999), (1100, 900, 500, 333)])


@settings(max_examples=60)
@given(
    shape=st.tuples(st.integers(1, 20), st.integers(1, 20)),
    size=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    roi=rois,
    crop=crops,
    transform=st.sampled_from(sorted(TRANSFORMS)),
    seed=st.integers(0, 100),
)
def test_the_map_of_a_picture(shape, size, roi, crop, transform, seed):
    class_map = np.random.default_rng(seed).integers(0, 21, shape)
    mapper = CoordinateMapper(roi, crop, size, transform=transform, network_flipped=False)
    found = Segmentation(class_map, LABELS).mapped(mapper)
    expected, sure = oracle.placed(class_map, roi, crop, size, **TRANSFORMS[transform])
    assert (found.space, found.class_map.shape) == ("stream", (size[1], size[0]))
    np.testing.assert_array_equal(found.class_map[sure], expected[sure])


def test_mapping_makes_a_new_result():
    mapper = CoordinateMapper((0, 0, 2028, 3040), (0, 0, 4056, 3040), (8, 3))
    found = small()
    assert len(found) == 3
    mapped = found.mapped(mapper)
    assert found.class_map.tolist() == SMALL
    assert mapped.class_map.tolist() == [[*row, -1, -1, -1, -1] for row in SMALL]
    assert mapped.boxes[0].tolist() == [2, 0, 4, 1]
    assert (mapped.labels, mapped.background, mapped.fresh) == (LABELS, 0, True)
    with pytest.raises(GeometryError, match="stream space"):
        mapped.mapped(mapper)


def test_a_picture_that_shows_nothing_of_what_the_network_saw():
    mapper = CoordinateMapper((0, 0, 100, 100), (2000, 2000, 500, 500), (5, 4))
    mapped = small().mapped(mapper)
    assert mapped.class_map.tolist() == [[-1] * 5] * 4
    assert len(mapped) == 0


@pytest.mark.parametrize("shape", [(0, 0), (0, 5), (5, 0)])
@pytest.mark.parametrize("transform", ["identity", "transpose"])
def test_a_map_without_pixels_is_nowhere_in_a_picture(shape, transform):
    mapper = CoordinateMapper((0, 0, 4056, 3040), (0, 0, 4056, 3040), (4, 3), transform=transform)
    mapped = Segmentation(np.empty(shape, np.int16)).mapped(mapper)
    assert mapped.class_map.tolist() == [[-1] * 4] * 3


def test_a_table_for_another_map_is_refused():
    points = np.full((4, 2), 0.5, np.float32)
    table = _maps.NearestPixels(points, points, (3, 2), False)
    assert table.placed(np.zeros((2, 3), np.int16)).shape == (4, 4)
    with pytest.raises(ValueError, match=r"\(2, 3\)"):
        table.placed(np.zeros((3, 2), np.int16))
    with pytest.raises(ValueError, match=r"\(n, 2\)"):
        _maps.NearestPixels(points[:, :1], points, (3, 2), False)
    with pytest.raises(ValueError, match="too large"):
        _maps.NearestPixels(points, points, (1 << 20, 1 << 20), False)


def test_points_that_are_no_places_are_outside():
    points = np.array([[np.nan] * 2, [-0.1] * 2, [1.0] * 2, [np.inf] * 2], np.float32)
    table = _maps.NearestPixels(points, points, (3, 2), False)
    assert (table.placed(np.zeros((2, 3), np.int16)) == -1).all()


def test_to_dict_is_ready_for_json():
    made = small().to_dict()
    assert json.loads(json.dumps(made)) == made
    assert (made["size"], made["space"], made["fresh"], made["background"]) == (
        [4, 3],
        "network",
        True,
        0,
    )
    assert made["regions"][2] == {
        "label": None,
        "class_id": 7,
        "pixels": 1,
        "share": 1 / 12,
        "xyxy": [0.0, pytest.approx(2 / 3), 0.25, 1.0],
    }


def test_to_supervision_without_the_package_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "supervision", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'imx500-native\[supervision\]'"):
        small().to_supervision()


@pytest.mark.parametrize("space", ["network", "stream"])
def test_to_supervision(space):
    supervision = pytest.importorskip(
        "supervision", reason="pip install supervision to test the conversion"
    )
    found = small(space=space)
    converted = found.to_supervision()
    assert len(converted) == 3
    assert converted.class_id.tolist() == [1, 3, 7]
    assert converted.data["class_name"].tolist() == ["cat", "cow", "7"]
    assert converted.confidence is None
    np.testing.assert_array_equal(converted.mask, found.masks())
    np.testing.assert_array_equal(converted.area, found.areas)
    # Its own boxes of masks end in the last pixel, ours after it.
    inclusive = supervision.mask_to_xyxy(converted.mask)
    np.testing.assert_array_equal(converted.xyxy - [0, 0, 1, 1], inclusive)
    picture = np.zeros((3, 4, 3), np.uint8)
    annotated = supervision.MaskAnnotator().annotate(picture.copy(), converted)
    np.testing.assert_array_equal(annotated.any(axis=2), np.array(SMALL) > 0)


def test_repr_says_what_it_is():
    assert repr(small()) == "<Segmentation: 3 regions in 4x3, network space>"
    assert "not fresh" in repr(Segmentation.empty(fresh=False))
