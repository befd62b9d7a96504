"""Instance masks: rows, network space, and pictures pixel by pixel."""

from __future__ import annotations

import json
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from oracles import yolov8_oracle as oracle

from imx500_native import CoordinateMapper
from imx500_native._masks import network_masks, picture_masks
from imx500_native.errors import GeometryError
from imx500_native.geometry import FULL_ROI, TRANSFORMS
from imx500_native.results import InstanceMasks

any_float = st.floats(width=32, allow_nan=True, allow_infinity=True)


def smooth(rng, count, height, width):
    """Return logits that change slowly, as those of objects do."""
    coarse = rng.normal(size=(count, 4, 4))
    rows = np.linspace(0, 2.999, height)
    columns = np.linspace(0, 2.999, width)
    y, x = rows.astype(int), columns.astype(int)
    fy, fx = (rows - y)[:, None], (columns - x)[None, :]
    upper = coarse[:, y][:, :, x] * (1 - fx) + coarse[:, y][:, :, x + 1] * fx
    lower = coarse[:, y + 1][:, :, x] * (1 - fx) + coarse[:, y + 1][:, :, x + 1] * fx
    return (upper * (1 - fy) + lower * fy).astype(np.float32)


def made(rng, count=3, shape=(12, 16), **options):
    boxes = np.sort(rng.uniform(-0.1, 1.1, (count, 2, 2)), axis=1).reshape(count, 4)
    return InstanceMasks(
        boxes, rng.random(count), np.arange(count), smooth(rng, count, *shape), **options
    )


def centres_of(mapper):
    """Return where the centres of a picture's pixels are in what the network saw."""
    width, height = (int(side) for side in mapper.target_size)
    xy = np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=-1) + 0.5
    return mapper.inverse().points(xy, outside="keep").astype("f8")


def compare(masks, values):
    """Require masks where values are above 0, but for values that rounding may turn."""
    sure = ~(np.abs(values) < 1e-3)
    np.testing.assert_array_equal(masks[sure], (values > 0)[sure])
    assert not masks[np.isnan(values)].any()


@given(seed=st.integers(0, 2**32 - 1), count=st.integers(0, 3))
def test_masks_of_the_network_equal_the_oracle(seed, count):
    found = made(np.random.default_rng(seed), count)
    np.testing.assert_array_equal(found.masks, oracle.network_masks(found.logits, found.xyxy))


def test_a_shape_that_an_array_only_claims_counts_for_nothing():
    class Claims(np.ndarray):
        shape = (1, 1, 1)

    sheets = np.ones((1, 300, 400), np.float32)
    masks = network_masks(sheets.view(Claims), [[0, 0, 1, 1]])
    assert masks.shape == sheets.shape
    assert masks.all()


@given(
    sheets=hnp.arrays(np.float32, (2, 3, 4), elements=any_float),
    boxes=hnp.arrays(np.float32, (2, 4), elements=st.one_of(any_float, st.floats(-1, 2, width=32))),
)
def test_any_values_have_masks(sheets, boxes):
    found = InstanceMasks(boxes, [1, 1], [0, 0], sheets)
    np.testing.assert_array_equal(found.masks, oracle.network_masks(sheets, boxes))
    mapper = CoordinateMapper(FULL_ROI, FULL_ROI, (9, 7))
    masks = found.mapped(mapper, outside="keep").masks
    assert masks.shape == (2, 7, 9)
    for one, box in zip(masks, mapper.boxes(boxes, outside="keep"), strict=True):
        for y, x in np.argwhere(one):
            assert oracle.is_inside(box, x + 0.5, y + 0.5)


@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("network_flipped", [False, True])
@pytest.mark.parametrize(
    ("roi", "crop"),
    [
        (FULL_ROI, FULL_ROI),
        ((508, 0, 3040, 3040), FULL_ROI),
        (FULL_ROI, (1000, 700, 1800, 1500)),
        ((900, 300, 2000, 2500), (1500, 100, 900, 2200)),
    ],
)
def test_masks_of_a_picture_equal_the_oracle(transform, network_flipped, roi, crop):
    rng = np.random.default_rng(1)
    mapper = CoordinateMapper(
        roi, crop, (30, 23), transform=transform, network_flipped=network_flipped
    )
    some = 0
    for shape in ((12, 16), (1, 1), (60, 7)):
        mapped = made(rng, 3, shape).mapped(mapper)
        assert mapped.space == "stream"
        assert mapped.masks.shape == (3, 23, 30)
        some += mapped.masks.any()
        compare(mapped.masks, oracle.picture_values(mapped.logits, mapped.xyxy, centres_of(mapper)))
    assert some > 0


@given(
    seed=st.integers(0, 2**32 - 1),
    roi=st.tuples(
        st.integers(0, 2000), st.integers(0, 1500), st.integers(8, 2056), st.integers(8, 1540)
    ),
    crop=st.tuples(
        st.integers(0, 2000), st.integers(0, 1500), st.integers(8, 2056), st.integers(8, 1540)
    ),
    size=st.tuples(st.integers(1, 24), st.integers(1, 24)),
    transform=st.sampled_from(sorted(TRANSFORMS)),
)
def test_masks_of_any_picture_equal_the_oracle(seed, roi, crop, size, transform):
    mapper = CoordinateMapper(roi, crop, size, transform=transform, network_flipped=False)
    mapped = made(np.random.default_rng(seed), 2, (5, 6)).mapped(mapper)
    compare(mapped.masks, oracle.picture_values(mapped.logits, mapped.xyxy, centres_of(mapper)))


def test_a_picture_of_the_logits_own_size_has_the_masks_of_the_network():
    found = made(np.random.default_rng(2), 4, (30, 40))
    mapped = found.mapped(CoordinateMapper(FULL_ROI, FULL_ROI, (40, 30)))
    values = oracle.picture_values(
        found.logits, mapped.xyxy, centres_of(CoordinateMapper(FULL_ROI, FULL_ROI, (40, 30)))
    )
    sure = np.abs(values) > 1e-3
    np.testing.assert_array_equal(mapped.masks[sure], found.masks[sure])


def test_mapping_back_gives_the_masks_of_the_network():
    found = made(np.random.default_rng(3))
    mapper = CoordinateMapper(FULL_ROI, FULL_ROI, (64, 48))
    again = found.mapped(mapper, outside="keep").mapped(mapper.inverse(), outside="keep")
    assert again.space == "network"
    np.testing.assert_allclose(again.xyxy, found.xyxy, atol=1e-5)
    np.testing.assert_array_equal(again.masks, oracle.network_masks(found.logits, again.xyxy))
    with pytest.raises(GeometryError, match="starts from network space"):
        found.mapped(mapper).mapped(mapper)


def test_logits_of_a_picture_are_its_own_pixels():
    sheets = np.ones((1, 4, 6), np.float32)
    found = InstanceMasks([[1, 1, 3, 2]], [1], [0], sheets, space="stream")
    assert np.argwhere(found.masks[0]).tolist() == [[1, 1], [1, 2]]
    mapper = CoordinateMapper(FULL_ROI, FULL_ROI, (6, 4))
    with pytest.raises(GeometryError, match="made in a picture"):
        found.mapped(mapper.inverse())


def test_outside_the_picture():
    found = InstanceMasks(
        [[-0.5, 0.25, 0.5, 0.75], [1.1, 0, 1.2, 1]], [1, 1], [0, 1], np.ones((2, 4, 4))
    )
    mapper = CoordinateMapper(FULL_ROI, FULL_ROI, (8, 8))
    for outside in ("clip", "keep"):
        masks = found.mapped(mapper, outside=outside).masks
        assert masks[0, 2:6, :4].all()
        assert masks.sum() == 16
    assert found.mapped(mapper, outside="drop").class_id.tolist() == [0]
    with pytest.raises(GeometryError, match="outside"):
        found.mapped(mapper, outside="nowhere")


def test_rows():
    found = made(np.random.default_rng(4), labels=("a", "b"), tracker_id=[7, 8, 9])
    assert len(found) == 3
    first = next(iter(found))
    assert (first.label, first.class_id, first.tracker_id) == ("a", 0, 7)
    assert first.mask.shape == (12, 16)
    assert [one.label for one in found] == ["a", "b", None]
    whole = found.masks
    for index in (1, slice(1, 3), [2, 0], np.array([True, False, True])):
        part = found[index]
        rows = np.atleast_1d(np.arange(3)[index])
        assert part.tracker_id.tolist() == (rows + 7).tolist()
        np.testing.assert_array_equal(part.masks, whole[rows])
        np.testing.assert_array_equal(part.logits, found.logits[rows])
    mapper = CoordinateMapper(FULL_ROI, FULL_ROI, (64, 48))
    mapped = found.mapped(mapper)
    np.testing.assert_array_equal(mapped[[2]].masks, mapped.masks[[2]])
    assert found.space == "network"
    assert repr(mapped) == "<InstanceMasks: 3 in stream space>"


def test_labels_and_objects_are_looked_for():
    found = made(np.random.default_rng(1), labels=("cat", "dog"))
    assert ["dog" in found, "bird" in found, "dog" in found[:1]] == [True, False, False]
    # Names alone need no masks, which take their time in a large picture.
    assert found._masks is None
    first, second, third = found
    assert (second in found, third in found[:2], 1 in found) == (True, False, False)
    assert second._replace(mask=~second.mask) not in found
    assert first._replace(confidence=2.0) not in found


def test_to_dict_counts_pixels():
    found = made(np.random.default_rng(5), labels=("a",), tracker_id=[7, 8, 9])
    told = json.loads(json.dumps(found.to_dict()))
    assert told["mask_size"] == [16, 12]
    assert [row["pixels"] for row in told["objects"]] == found.masks.sum(axis=(1, 2)).tolist()
    assert told["objects"][0]["label"] == "a"
    assert told["objects"][2]["tracker_id"] == 9
    empty = InstanceMasks.empty((3, 5), fresh=False)
    assert empty.to_dict() == {
        "space": "network",
        "fresh": False,
        "mask_size": [5, 3],
        "objects": [],
    }
    assert repr(empty) == "<InstanceMasks: 0 in network space, not fresh>"


@pytest.mark.parametrize(
    "columns",
    [
        ([[0, 0, 1]], [1], [0], np.zeros((1, 2, 2))),
        ([[0, 0, 1, 1]], [1], [0], np.zeros((2, 2, 2))),
        ([[0, 0, 1, 1]], [1], [0], np.zeros((1, 2))),
        ([[0, 0, 1, 1]], [1, 2], [0], np.zeros((1, 2, 2))),
        ([[0, 0, 1, 1]], [1], [0], np.zeros((1, 2, 2)), [1, 2]),
    ],
)
def test_columns_that_do_not_fit_are_refused(columns):
    with pytest.raises(ValueError, match=r"expected xyxy \(n, 4\).*logits \(n, h, w\)"):
        InstanceMasks(*columns)


def test_bindings_refuse_other_shapes():
    sheets, boxes = np.zeros((2, 3, 3), np.float32), np.zeros((2, 4), np.float32)
    axis = (1.0, 0.0, 4)
    for wrong in ((sheets[0], boxes), (sheets, boxes[:1]), (sheets, boxes[:, :3])):
        with pytest.raises(ValueError, match="expected"):
            network_masks(*wrong)
        with pytest.raises(ValueError, match="expected"):
            picture_masks(*wrong, axis, axis, False)
    empty = np.zeros((2, 0, 3), np.float32)
    assert picture_masks(empty, boxes, axis, axis, False).shape == (2, 4, 4)
    assert not picture_masks(sheets + 1, boxes + np.inf, axis, axis, False).any()
    for strange in (1e300, -1e300, float("nan"), float("inf")):
        whole = boxes + np.array([0, 0, 4, 4], np.float32)
        masks = picture_masks(sheets + 1, whole, (strange, 0.0, 4), (1.0, strange, 4), False)
        assert masks.all()


def test_threads_share_a_result():
    found = made(np.random.default_rng(6), 20, (40, 40))
    mapper = CoordinateMapper(FULL_ROI, FULL_ROI, (320, 240))
    expected = found.mapped(mapper).masks.copy()
    shared, wrong = found.mapped(mapper), []

    def work():
        for _ in range(20):
            if not np.array_equal(found.mapped(mapper).masks, expected):
                wrong.append("own")
            if not np.array_equal(shared.masks, expected):
                wrong.append("shared")

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_to_supervision():
    supervision = pytest.importorskip(
        "supervision", reason="supervision is not installed; pip install supervision"
    )
    found = made(np.random.default_rng(7), labels=("a", "b"), tracker_id=[7, 8, 9])
    mapped = found.mapped(CoordinateMapper(FULL_ROI, FULL_ROI, (64, 48)))
    theirs = mapped.to_supervision()
    assert isinstance(theirs, supervision.Detections)
    assert theirs.mask.dtype == bool
    np.testing.assert_array_equal(theirs.mask, mapped.masks)
    assert theirs.data["class_name"].tolist() == ["a", "b", "2"]
    picture = np.zeros((48, 64, 3), np.uint8)
    drawn = supervision.MaskAnnotator(opacity=1.0).annotate(picture.copy(), theirs)
    np.testing.assert_array_equal(drawn.any(axis=2), mapped.masks.any(axis=0))


def test_empty_lists_are_no_objects():
    nothing = InstanceMasks([], [], [], [])
    assert nothing.logits.shape == InstanceMasks.empty().logits.shape == (0, 160, 160)
    assert nothing.xyxy.shape == (0, 4)
