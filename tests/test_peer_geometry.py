"""The peers' integer coordinates, against their steps in Python and against picamera2 itself."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles import peer_geometry_oracle as oracle

from imx500_native import FULL_ROI, GeometryError, _peer_geometry, peer_geometry
from imx500_native.peer_geometry import (
    aspect_ratio_roi,
    picamera2_convert_inference_coords,
    picamera2_get_roi_scaled,
    rpicam_apps_convert_inference_coordinates,
)

rectangles = st.tuples(*[st.integers(-5000, 9000)] * 2, *[st.integers(0, 9000)] * 2)
extents = st.tuples(*[st.integers(1, 5000)] * 2)
# No crop that libcamera reports is smaller than what the ISP can make a picture of.
crops = st.tuples(
    st.integers(0, 2000), st.integers(0, 1500), st.integers(8, 4056), st.integers(8, 3040)
)
raws = st.sampled_from([(4056, 3040), (2028, 1520)])
streams = st.tuples(st.integers(16, 4056), st.integers(16, 3040))
rois = st.one_of(
    st.none(),
    st.tuples(
        st.integers(0, 4056), st.integers(0, 3040), st.integers(0, 4056), st.integers(0, 3040)
    ),
)
numbers = st.floats(-0.5, 1.5, width=32)
boxes = st.lists(st.tuples(*[numbers] * 4), min_size=1, max_size=8)


@given(rectangle=rectangles, other=rectangles, over=extents, under=extents)
def test_rectangles_follow_libcameras_rules(rectangle, other, over, under):
    assert _peer_geometry.rectangle_bounded(rectangle, other) == oracle.bounded(rectangle, other)
    assert _peer_geometry.rectangle_scaled(rectangle, over, under) == oracle.scaled(
        rectangle, over, under
    )


def test_rectangles_that_were_seen_on_libcamera():
    assert _peer_geometry.rectangle_bounded((200, 5, 50, 5), (0, 0, 100, 100)) == (200, 5, 0, 5)
    assert _peer_geometry.rectangle_scaled((-5, -4, 5, 4), (1, 1), (2, 2)) == (-2, -2, 2, 2)


@given(ratio=extents)
def test_the_region_of_an_aspect_ratio(ratio):
    assert aspect_ratio_roi(ratio) == oracle.of_ratio(ratio)


@pytest.mark.parametrize(
    ("ratio", "roi"),
    [
        ((1, 1), (508, 0, 3040, 3040)),
        ((384, 288), (2, 0, 4053, 3040)),
        ((4056, 3040), FULL_ROI),
        ((481, 353), (0, 32, 4056, 2976)),
        ((16, 9), (0, 380, 4056, 2281)),
    ],
)
def test_regions_that_were_seen_on_picamera2(ratio, roi):
    assert aspect_ratio_roi(ratio) == roi


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@given(values=boxes, crop=crops, raw=raws, stream=streams, roi=rois)
def test_picamera2_boxes_are_those_of_its_steps(dtype, values, crop, raw, stream, roi):
    given_boxes = np.array(values, dtype)
    ours = picamera2_convert_inference_coords(
        given_boxes, scaler_crop=crop, raw_size=raw, stream_size=stream, roi=roi
    )
    expected = [
        oracle.chain(oracle.picamera2_box(box), crop, raw, stream, roi) for box in given_boxes
    ]
    np.testing.assert_array_equal(ours, np.array(expected, np.int64), strict=True)
    chain = peer_geometry.peer_chain(crop, raw, stream, roi)
    assert chain.picamera2_box(*given_boxes[0].tolist()) == oracle.chain(
        oracle.picamera2_box(given_boxes[0].tolist()), crop, raw, stream, roi
    )
    assert picamera2_get_roi_scaled(
        scaler_crop=crop, raw_size=raw, stream_size=stream, roi=roi
    ) == oracle.chain(oracle.FULL, crop, raw, stream, roi)


@given(
    values=st.lists(
        st.tuples(*[numbers] * 2, *[st.floats(0, 1.5, width=32)] * 2), min_size=1, max_size=8
    ),
    crop=crops,
    raw=raws,
    stream=streams,
)
def test_rpicam_apps_boxes_are_those_of_its_steps(values, crop, raw, stream):
    ours = rpicam_apps_convert_inference_coordinates(
        values, scaler_crop=crop, raw_size=raw, stream_size=stream
    )
    expected = [oracle.chain(oracle.rpicam_apps_box(box), crop, raw, stream) for box in values]
    np.testing.assert_array_equal(ours, np.array(expected, np.int64), strict=True)


VGA = {"scaler_crop": FULL_ROI, "raw_size": (2028, 1520), "stream_size": (640, 480)}


def test_values_that_were_seen_on_the_peers():
    ours = picamera2_convert_inference_coords(
        [[0, 0, 1, 1], [0.1, 0.2, 0.3, 0.4], [-0.1, -0.1, 0.3, 0.4]], **VGA
    )
    assert ours.tolist() == [[0, 0, 640, 480], [127, 48, 127, 96], [0, 0, 320, 192]]
    roi = (508, 0, 3040, 3040)
    ours = picamera2_convert_inference_coords([[0.25, 0.25, 0.75, 0.75]], **VGA, roi=roi)
    assert ours.tolist() == [[160, 120, 320, 240]]
    assert picamera2_get_roi_scaled(**VGA, roi=roi) == (80, 0, 479, 480)
    ours = rpicam_apps_convert_inference_coordinates(
        [[0, 0, 1, 1], [0.2, 0.1, 0.2, 0.2], [-0.1, -0.1, 0.5, 0.4]], **VGA
    )
    assert ours.tolist() == [[0, 0, 639, 479], [127, 48, 127, 96], [0, 0, 255, 144]]


def test_no_boxes():
    for nothing in (np.empty((0, 4)), []):
        assert picamera2_convert_inference_coords(nothing, **VGA).shape == (0, 4)
        assert rpicam_apps_convert_inference_coordinates(nothing, **VGA).shape == (0, 4)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: picamera2_get_roi_scaled(**VGA | {"scaler_crop": (0, 0, 1, 9)}),
            r"crop \(0, 0, 1, 9\) has no size in raw pixels",
        ),
        (lambda: picamera2_get_roi_scaled(**VGA | {"raw_size": (0, 0)}), "no size in raw"),
        (lambda: picamera2_get_roi_scaled(**VGA | {"raw_size": (0.5, 0)}), "two integers"),
        (lambda: picamera2_get_roi_scaled(**VGA, roi=(0, 0, -1, 1)), "four 32-bit integers"),
        (lambda: picamera2_convert_inference_coords([0, 0, 1, 1], **VGA), "shape"),
        (lambda: picamera2_convert_inference_coords([["a"]], **VGA), r"got \[\['a'\]\]"),
        (
            lambda: picamera2_convert_inference_coords([[0, 0, 1, 1], [0, np.nan, 1, 1]], **VGA),
            "box 1 is .*nan",
        ),
        (
            lambda: picamera2_convert_inference_coords(np.float32([[0, 0, 1, np.inf]]), **VGA),
            "box 0 is .*inf",
        ),
        (
            lambda: rpicam_apps_convert_inference_coordinates([[0, 0, -0.1, 1]], **VGA),
            "size below 0",
        ),
        (
            lambda: peer_geometry.peer_chain(**VGA).picamera2_box(0, 0, 1e9, 1),
            "box 0 is",
        ),
        (
            lambda: peer_geometry.peer_chain(**VGA).picamera2_boxes([[0, 0, 10**400, 1]]),
            "expected boxes of shape",
        ),
        (lambda: peer_geometry.peer_chain(**VGA).rectangle((0, 0, 2**32, 1)), "32-bit"),
        (lambda: aspect_ratio_roi((1, 0)), "no zero in it"),
        (lambda: aspect_ratio_roi((1, -1)), "two integers"),
        (lambda: aspect_ratio_roi((1.5, 1)), "two integers"),
        (lambda: _peer_geometry.rectangle_scaled(FULL_ROI, (1, 1), (1, 0)), "zero in it"),
    ],
)
def test_what_libcamera_would_not_survive_is_refused(call, message):
    with pytest.raises(GeometryError, match=message):
        call()


@given(values=boxes, crop=crops, raw=raws, stream=streams, roi=rois)
def test_picamera2_itself(values, crop, raw, stream, roi):
    peers = pytest.importorskip("peers", reason="benchmarks/ is not beside the tests")
    try:
        peers.picamera2_module()
    except peers.PeerMissingError as error:
        pytest.skip(str(error))
    import imx500_native as imx

    device = peers.picamera2_imx500(imx.Network.find(imx.Network.zoo_names()[0]))
    device.config["roi"] = peers.libcamera().Rectangle(*(roi or (0, 0, 0, 0)))
    if roi == (0, 0, 0, 0):
        roi = None
    camera = peers.picamera2_camera(stream)
    camera.camera_configuration()["raw"]["size"] = raw
    metadata = {"ScalerCrop": crop}
    for dtype in (np.float32, np.float64):
        given_boxes = np.array(values, dtype)
        theirs = [device.convert_inference_coords(tuple(b), metadata, camera) for b in given_boxes]
        ours = picamera2_convert_inference_coords(
            given_boxes, scaler_crop=crop, raw_size=raw, stream_size=stream, roi=roi
        )
        np.testing.assert_array_equal(ours, np.array(theirs))
