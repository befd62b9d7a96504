"""Coordinates, against the chain in exact fractions."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles.geometry_oracle import flipped, marked, network_to_stream, sampled, turned

from imx500_native import FULL_ROI, CoordinateMapper, GeometryError
from imx500_native.geometry import (
    TRANSFORMS,
    as_rectangle,
    as_roi,
    as_size,
    as_transform,
    cached_mapper,
)

FULL_4_3 = CoordinateMapper(FULL_ROI, FULL_ROI, (640, 480))

rects = st.tuples(
    st.integers(0, 4000), st.integers(0, 3000), st.integers(16, 4056), st.integers(16, 3040)
)
sizes = st.tuples(st.integers(16, 4056), st.integers(16, 3040))
units = st.floats(-2, 3, width=32)
points = st.lists(st.tuples(units, units), max_size=12)


@given(points=points, roi=rects, crop=rects, size=sizes, clip=st.booleans())
def test_points_equal_the_exact_chain(points, roi, crop, size, clip):
    mapper = CoordinateMapper(roi, crop, size)
    mapped = mapper.points(np.array(points).reshape(-1, 2), outside="clip" if clip else "keep")
    expected = [network_to_stream(p, roi, crop, size, clip=clip) for p in points]
    expected = np.array(expected, dtype=np.float64).reshape(-1, 2)
    assert mapped.dtype == np.float32
    np.testing.assert_allclose(mapped, expected, rtol=1e-6, atol=1e-3)


@given(roi=rects, crop=rects, size=sizes, corners=st.lists(units, min_size=4, max_size=4))
def test_a_box_is_its_two_corners(roi, crop, size, corners):
    mapper = CoordinateMapper(roi, crop, size)
    as_points = mapper.points(np.array(corners).reshape(2, 2))
    np.testing.assert_array_equal(mapper.boxes([corners])[0], as_points.ravel())
    np.testing.assert_array_equal(mapper.boxes(corners), as_points.ravel())


@given(points=points, roi=rects, crop=rects, size=sizes)
def test_inverse_undoes(points, roi, crop, size):
    mapper = CoordinateMapper(roi, crop, size)
    given_points = np.array(points, np.float32).reshape(-1, 2)
    there = mapper.points(given_points, outside="keep")
    back = mapper.inverse().points(there, outside="keep")
    # One float32 step of the stream coordinate, seen from network space.
    zoom = np.array([roi[2] * size[0] / crop[2], roi[3] * size[1] / crop[3]])
    tolerance = 2e-6 + 2e-7 * np.abs(there) / zoom
    assert np.all(np.abs(back - given_points) <= tolerance)


def test_the_common_1_1_roi_is_mapped_where_picamera2_is_off_by_40_px():
    mapper = CoordinateMapper((508, 0, 3040, 3040), FULL_ROI, (640, 480))
    box = mapper.boxes([0.25, 0.25, 0.75, 0.75])
    zoom = 640 / 4056
    np.testing.assert_allclose(box, [(508 + 760) * zoom, 120, (508 + 2280) * zoom, 360], rtol=1e-6)
    assert box[0] == pytest.approx(200.08, abs=0.01)


def test_clipping_trims_and_never_shifts():
    np.testing.assert_allclose(FULL_4_3.boxes([-0.1, -0.1, 0.4, 0.3]), [0, 0, 256, 144], rtol=1e-6)
    np.testing.assert_allclose(
        FULL_4_3.boxes([0.9, 0.9, 1.5, 1.5]), [576, 432, 640, 480], rtol=1e-6
    )
    np.testing.assert_allclose(
        FULL_4_3.boxes([-0.1, 0.2, 0.4, 0.3], outside="keep"), [-64, 96, 256, 144], rtol=1e-6
    )


def test_a_box_outside_collapses_onto_the_edge():
    assert FULL_4_3.boxes([1.2, 0.1, 1.4, 0.2]).tolist() == pytest.approx([640, 48, 640, 96])


def test_inverse_clips_to_what_the_network_saw():
    inverse = CoordinateMapper((508, 0, 3040, 3040), FULL_ROI, (640, 480)).inverse()
    assert (inverse.source_space, inverse.target_space) == ("stream", "network")
    np.testing.assert_allclose(inverse.points([[0, 0], [640, 480]]), [[0, 0], [1, 1]])
    with pytest.raises(GeometryError, match="inverse already"):
        inverse.inverse()


def test_nan_stays_nan_and_infinity_is_clipped():
    mapped = FULL_4_3.points([[np.nan, 0.5], [np.inf, -np.inf]])
    assert np.isnan(mapped[0, 0])
    assert mapped[0, 1] == 240
    assert mapped[1].tolist() == [640, 0]


@pytest.mark.parametrize("dtype", [np.float64, np.float16, np.int32])
def test_any_number_type_and_any_strides_are_mapped(dtype):
    boxes = np.array([[0, 0, 1, 1], [1, 0, 1, 0], [0, 1, 1, 1]], dtype)
    expected = boxes * np.array([640, 480, 640, 480])
    np.testing.assert_allclose(FULL_4_3.boxes(boxes), expected)
    np.testing.assert_allclose(FULL_4_3.boxes(np.asfortranarray(boxes)), expected)
    np.testing.assert_allclose(FULL_4_3.boxes(boxes[::2]), expected[::2])


def test_many_points_take_the_path_without_the_lock():
    rng = np.random.default_rng(1)
    cloud = rng.random((5000, 2), dtype=np.float32)
    np.testing.assert_allclose(FULL_4_3.points(cloud), cloud * [640, 480], rtol=1e-6)


def test_leading_axes_are_kept():
    assert FULL_4_3.points(np.zeros((2, 17, 2))).shape == (2, 17, 2)
    assert FULL_4_3.boxes(np.zeros((0, 4))).shape == (0, 4)


def test_an_empty_list_is_no_places():
    # What [found.xyxy for found in ...] is in a frame that shows nothing.
    for nothing in ([], (), np.array([], np.float32)):
        for mapper in (FULL_4_3, FULL_4_3.inverse()):
            assert mapper.boxes(nothing).shape == (0, 4)
            assert mapper.rectangles(nothing).shape == (0, 4)
            assert mapper.points(nothing, outside="keep").shape == (0, 2)
    assert FULL_4_3.boxes([]).dtype == np.float32


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: FULL_4_3.boxes([[1, 2, 3]]), "expected 4 coordinates"),
        (lambda: FULL_4_3.boxes([[1, 2]]), "expected 4 coordinates"),
        (lambda: FULL_4_3.points([[1, 2, 3, 4]]), "expected 2 coordinates"),
        (lambda: FULL_4_3.boxes(3.0), "expected 4"),
        (lambda: FULL_4_3.boxes([["a", "b"]]), r"4 coordinates in the last axis, got \[\['a', 'b'"),
        (
            lambda: FULL_4_3.points([[1, 2], [3]]),
            r"expected numbers, .*, got \[\[1, 2\], \[3\]\]",
        ),
        (lambda: FULL_4_3.boxes([[0, 0, 1, 10**400]]), "expected numbers, 4 coordinates"),
        (lambda: FULL_4_3.boxes([[0, 0, 1, 1]], outside="drop"), "'clip' or 'keep', not 'drop'"),
        (lambda: CoordinateMapper((0, 0, 0, 5), FULL_ROI, (1, 1)), "the ROI must have an area"),
        (lambda: CoordinateMapper(FULL_ROI, (0, 0, 5), (1, 1)), "scaler crop must be four"),
        (lambda: CoordinateMapper(FULL_ROI, (0, 0, 5.0, 1), (1, 1)), "scaler crop must be four"),
        (lambda: CoordinateMapper(FULL_ROI, FULL_ROI, (640, 0)), "at least 1 x 1, not 640 x 0"),
        (lambda: CoordinateMapper(FULL_ROI, FULL_ROI, "ab"), "two integers"),
        (lambda: CoordinateMapper(None, FULL_ROI, (1, 1)), "the ROI must be four integers"),
    ],
)
def test_wrong_geometry_is_refused(call, message):
    with pytest.raises(GeometryError, match=message):
        call()


def test_libcameras_rectangles_and_numpy_ints_are_taken():
    rectangle = SimpleNamespace(x=1, y=2, width=3, height=4)
    assert as_rectangle(rectangle, "it") == (1, 2, 3, 4)
    assert as_rectangle(np.array([1, 2, 3, 4]), "it") == (1, 2, 3, 4)
    assert as_size([640, 480], "it") == (640, 480)


def test_cached_mapper_is_shared():
    assert cached_mapper(FULL_ROI, FULL_ROI, (8, 6)) is cached_mapper(FULL_ROI, FULL_ROI, (8, 6))


ROIS = [FULL_ROI, (508, 0, 3040, 3040), (300, 1100, 2500, 1700)]
CROPS = [FULL_ROI, (0, 380, 4056, 2280), (1200, 700, 1900, 2100)]


@pytest.fixture(scope="module")
def sensor():
    """A sensor array with one marked object, off every axis of symmetry."""
    array = np.zeros((3040, 4056), np.uint8)
    array[1300:1800, 1500:2300] = 1
    return array


@pytest.mark.parametrize("network_flipped", [False, True])
@pytest.mark.parametrize("transform", TRANSFORMS)
def test_the_box_fits_the_object_in_the_picture(sensor, transform, network_flipped):
    read_out = flipped(sensor, transform)
    seen_array = read_out if network_flipped else sensor
    for roi in ROIS:
        # Finer than the picture, so that what the network says is not what limits.
        seen = sampled(seen_array, roi, (2000, 1500))
        box = marked(seen) / [2000, 1500, 2000, 1500]
        for crop in CROPS:
            for size in ((320, 240), (256, 256)):
                cut = sampled(read_out, crop, size)
                # The flips are in what was read out; what is left of the transform comes last.
                picture = turned(cut, "transpose") if TRANSFORMS[transform].transpose else cut
                mapper = CoordinateMapper(
                    roi,
                    crop,
                    picture.shape[::-1],
                    transform=transform,
                    network_flipped=network_flipped,
                )
                assert np.abs(mapper.boxes(box) - marked(picture)).max() <= 1
                x0, y0, x1, y1 = box
                np.testing.assert_allclose(
                    mapper.rectangles([x0, y0, x1 - x0, y1 - y0]),
                    mapper.boxes(box) - np.array([0, 0, *mapper.boxes(box)[:2]]),
                    atol=1e-3,
                )
                corners = mapper.points(box.reshape(2, 2))
                expected = mapper.boxes(box).reshape(2, 2)
                np.testing.assert_array_equal(corners.min(axis=0), expected[0])
                np.testing.assert_array_equal(corners.max(axis=0), expected[1])
                back = mapper.inverse().boxes(mapper.boxes(box, outside="keep"), outside="keep")
                np.testing.assert_allclose(back, box, atol=1e-5)


def test_rotations_are_clockwise():
    # The point near the top left of the sensor's picture goes to the top right.
    turned_right = CoordinateMapper(
        FULL_ROI, FULL_ROI, (480, 640), transform="rot90", network_flipped=False
    )
    np.testing.assert_allclose(turned_right.points([0.0, 0.0]), [480, 0], atol=1e-3)
    assert "y * -480 + 480" in repr(turned_right)


def test_a_flip_needs_to_be_told_of_the_network():
    with pytest.raises(GeometryError, match="network_flipped=True or network_flipped=False"):
        CoordinateMapper(FULL_ROI, FULL_ROI, (4, 3), transform="hflip")
    CoordinateMapper(FULL_ROI, FULL_ROI, (3, 4), transform="transpose")


def test_transforms_by_name_and_by_libcameras_object():
    for name, transform in TRANSFORMS.items():
        assert as_transform(name) == as_transform(SimpleNamespace(**transform._asdict()))
    with pytest.raises(GeometryError, match="identity, hflip"):
        as_transform("upside down")


def test_lores_with_a_crop_of_its_own():
    main, lores = (0, 380, 4056, 2280), (1000, 760, 2028, 1520)
    box = [0.25, 0.25, 0.75, 0.75]
    in_main = CoordinateMapper(FULL_ROI, main, (1280, 720)).boxes(box)
    in_lores = CoordinateMapper(FULL_ROI, lores, (320, 240)).boxes(box)
    np.testing.assert_allclose(in_main, [320, 120, 960, 600], atol=0.1)
    np.testing.assert_allclose(in_lores, [2.2, 0, 320, 240], atol=0.1)


@pytest.mark.parametrize("huge", [2**31, 10**30, 10**400, -(10**400)])
def test_numbers_of_more_than_32_bits_are_refused(huge):
    for roi, crop, size in (
        ((0, 0, huge, 3), FULL_ROI, (640, 480)),
        ((huge, 0, 3, 3), FULL_ROI, (640, 480)),
        (FULL_ROI, (0, 0, 3, huge), (640, 480)),
        (FULL_ROI, FULL_ROI, (huge, 480)),
    ):
        with pytest.raises(GeometryError, match="of integers of 32 bits"):
            CoordinateMapper(roi, crop, size)


@pytest.mark.parametrize("value", [(0, 0, True, 3), (False, 0, 3, 3)])
def test_true_and_false_are_no_numbers(value):
    with pytest.raises(GeometryError, match=r"it must be four integers .* sensor.* 4056x3040, not"):
        as_rectangle(value, "it")
    with pytest.raises(GeometryError, match="it must be two integers"):
        as_size((True, 480), "it")


def test_a_region_of_interest_lies_on_the_sensor():
    for roi in (FULL_ROI, (0, 0, 1, 1), (4055, 3039, 1, 1), (508, 0, 3040, 3040)):
        assert as_roi(roi, "roi") == roi
    for roi in ((-1, 0, 5, 5), (0, -1, 5, 5), (4056, 0, 1, 1), (0, 1, 4056, 3040), (1, 0, 4056, 1)):
        with pytest.raises(GeometryError, match="roi must lie on the sensor, which is 4056x3040"):
            as_roi(roi, "roi")
        # What the driver reports is mapped all the same.
        CoordinateMapper(roi, FULL_ROI, (640, 480))


@pytest.mark.parametrize("value", ["no", 1, 0, []])
def test_network_flipped_is_a_bool(value):
    for transform in ("identity", "hflip"):
        with pytest.raises(GeometryError, match="network_flipped must be True, False or None"):
            CoordinateMapper(FULL_ROI, FULL_ROI, (8, 6), transform=transform, network_flipped=value)
    mapper = CoordinateMapper(
        FULL_ROI, FULL_ROI, (8, 6), transform="hflip", network_flipped=np.True_
    )
    assert mapper.points([0.25, 0.5]).tolist() == [2, 3]
