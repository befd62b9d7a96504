"""The drop-in IMX500, against picamera2's own class and on a device that remembers."""

from __future__ import annotations

import importlib
import os
import struct
import subprocess
import sys
import types
from pathlib import Path
from types import SimpleNamespace

import fake_bindings
import frames
import numpy as np
import peers
import pytest
import rpk_files
from drop_in.peer_code import peer_module, peer_with
from drop_in.stand_ins import FULL, Device, Picamera2, Request, now_ns
from fake_driver import FakeDriver
from hypothesis import given
from hypothesis import strategies as st
from machine_tree import Machine

import imx500_native as imx
from imx500_native import (
    GeometryError,
    MissingContextError,
    NetworkNotFoundError,
    TensorInfoError,
    _v4l2,
    controls,
)
from imx500_native.geometry import as_rectangle
from imx500_native.picamera2 import IMX500, NetworkIntrinsics
from imx500_native.picamera2 import imx500 as module
from imx500_native.picamera2.configuration import network_info
from imx500_native.upload import UploadProgress

# Where libcamera is there, its classes get the method that picamera2's package adds to them.
peers.libcamera()

SQUARE = (508, 0, 3040, 3040)
ZOO = imx.Network.zoo_names()


@pytest.fixture(scope="session")
def picamera2():
    return peer_module("imx500")


@pytest.fixture
def bare():
    return IMX500("", device=Device())


@pytest.fixture
def rpk(tmp_path):
    path = tmp_path / "imx500_network_small.rpk"
    path.write_bytes(rpk_files.RpkFile().build())
    return path


def of_zoo(name):
    """An IMX500 that runs a network of which there is no file here."""
    imx500 = IMX500("", device=Device())
    imx500.network = imx.Network.find(name)
    return imx500


def test_a_network_is_loaded_and_the_roi_is_the_full_sensor(rpk):
    device = Device()
    imx500 = IMX500(str(rpk), tensor_injection=True, device=device)
    assert device.calls == [
        ("enable_injection", True),
        ("load", imx500.network),
        ("set_roi", None),
    ]
    assert imx500.network.path == rpk
    assert imx500.config["network_file"] == str(rpk)
    assert as_rectangle(imx500.config["roi"], "roi") == FULL
    assert (imx500.imx500_device_id, imx500.spi_device_id) == ("10-001a", "10-0040")
    assert imx500.fw_progress == IMX500.FwProgressType.NONE == 0


def test_without_a_network(bare):
    assert bare.device.calls == [("set_roi", None)]
    assert bare.network is bare.network_intrinsics is None
    for call in (bare.get_input_size, bare.set_auto_aspect_ratio):
        with pytest.raises(MissingContextError, match="give IMX500 its file"):
            call()
    assert bare.config["input_tensor"]["div_val"] == [1024, 1024, 1024]


def test_a_missing_network_is_told_before_the_camera_is_touched():
    device = Device()
    with pytest.raises(NetworkNotFoundError):
        IMX500("/nowhere/there.rpk", device=device)
    assert device.calls == []


def test_the_word_for_coordinates_is_checked():
    with pytest.raises(GeometryError, match="'auto', 'exact' or 'picamera2', not 'best'"):
        IMX500("", coordinates="best", device=Device())
    imx500 = IMX500("", coordinates="exact", device=Device())
    with pytest.raises(GeometryError, match="'auto', 'exact' or 'picamera2', not 'bogus'"):
        imx500.coordinates = "bogus"
    assert imx500.coordinates == "exact"


# picamera2's schema names a draft that jsonschema does not know.
@pytest.mark.filterwarnings("ignore:The metaschema specified:DeprecationWarning")
def test_config_is_picamera2s(rpk, picamera2):
    pytest.importorskip("libarchive")
    theirs = object.__new__(picamera2.IMX500)
    theirs.device_fd = None
    theirs._IMX500__cfg = {"network_file": str(rpk), "input_tensor": {}}
    theirs._IMX500__ni_from_network(str(rpk))
    ours = IMX500(str(rpk), device=Device()).config
    expected = theirs.config
    assert set(ours) - {"roi"} == set(expected)
    for key in ("network_info", "network_info_raw", "input_tensor", "input_tensor_size"):
        assert ours[key] == expected[key], key
    assert ours["intrinsics"].intrinsics == expected["intrinsics"].intrinsics


def test_intrinsics_are_the_networks(rpk):
    imx500 = IMX500(str(rpk), device=Device())
    assert type(imx500.network_intrinsics) is NetworkIntrinsics is imx.NetworkIntrinsics
    assert imx500.network_intrinsics is imx500.network.intrinsics
    assert imx500.get_input_size() == (imx500.network.input.width, imx500.network.input.height)


@pytest.mark.parametrize("name", ZOO)
def test_outputs_of_every_zoo_network(name, picamera2):
    ours = of_zoo(name)
    network = ours.network
    rng = np.random.default_rng(1)
    metadata = frames.metadata(network, [frames.random_tensor(o, rng) for o in network.outputs])
    device = peers.picamera2_imx500(network)
    for batch in (False, True):
        mine, other = (d.get_outputs(metadata, add_batch=batch) for d in (ours, device))
        assert type(mine) is type(other) is list
        for array, peer in zip(mine, other, strict=True):
            np.testing.assert_array_equal(array, peer, strict=True)
            assert array.flags.f_contiguous == peer.flags.f_contiguous
            assert array.flags.writeable
    assert ours.get_output_shapes(metadata) == device.get_output_shapes(metadata)
    info = bytes(metadata["CnnOutputTensorInfo"])
    assert ours._IMX500__get_output_tensor_info(info) == device._IMX500__get_output_tensor_info(
        info
    )
    assert ours.get_kpi_info(metadata) == picamera2.IMX500.get_kpi_info(metadata)


def detector_metadata(network=None, **more):
    network = network or imx.Network.find("ssd_mobilenetv2_fpnlite_320x320_pp")
    tensors = frames.detector_tensors(network, 5, np.random.default_rng(2))
    return frames.metadata(network, tensors) | more


def test_outputs_are_the_callers_own():
    metadata = detector_metadata()
    values = np.array(metadata["CnnOutputTensor"], np.float32)
    imx500 = of_zoo("ssd_mobilenetv2_fpnlite_320x320_pp")
    before = values.copy()
    for array in imx500.get_outputs(metadata | {"CnnOutputTensor": values}):
        array[...] = -1
    np.testing.assert_array_equal(values, before)


def test_outputs_that_are_not_there(bare):
    metadata = detector_metadata()
    for nothing in ({}, {"CnnOutputTensor": None}, {"CnnOutputTensor": ()}):
        assert bare.get_outputs(nothing) is None
    assert bare.get_outputs({"CnnOutputTensor": metadata["CnnOutputTensor"]}) == []
    assert bare.get_outputs(metadata | {"CnnOutputTensorInfo": ()}) == []
    assert bare.get_output_shapes({}) == []
    for nothing in ({}, {"CnnKpiInfo": None}, {"CnnKpiInfo": ()}):
        assert bare.get_kpi_info(nothing) is None
    with pytest.raises(TensorInfoError, match=r"two times in µs, not \(14000,\)"):
        bare.get_kpi_info({"CnnKpiInfo": (14000,)})


def test_outputs_that_do_not_fit_their_description(bare):
    metadata = detector_metadata()
    for values in (metadata["CnnOutputTensor"][:-1], (*metadata["CnnOutputTensor"], 0.0)):
        with pytest.raises(TensorInfoError):
            bare.get_outputs(metadata | {"CnnOutputTensor": values})


def test_a_request_will_do_for_metadata():
    imx500 = of_zoo("ssd_mobilenetv2_fpnlite_320x320_pp")
    metadata = detector_metadata(imx500.network)
    for mine, other in zip(
        imx500.get_outputs(Request(metadata)), imx500.get_outputs(metadata), strict=True
    ):
        np.testing.assert_array_equal(mine, other)
    assert imx500.get_output_shapes(Request(metadata)) == [[100, 4], [100], [100], [1]]
    box = imx500.convert_inference_coords((0.1, 0.2, 0.3, 0.4), Request(metadata), Picamera2())
    assert box == (127, 48, 127, 96)


crops = st.one_of(
    st.just(FULL),
    st.tuples(
        st.integers(0, 1000), st.integers(0, 800), st.integers(1600, 3000), st.integers(1300, 2200)
    ),
)
rois = st.one_of(
    st.sampled_from([FULL, SQUARE]),
    st.tuples(
        st.integers(0, 3000), st.integers(0, 2000), st.integers(1, 1000), st.integers(1, 1000)
    ),
)
numbers = st.floats(-0.5, 1.5, width=32)
kinds = st.sampled_from(
    [
        float,
        np.float32,
        np.float64,
        np.float16,
        lambda v: int(v > 0.5),
        lambda v: np.array(v, np.float32),
    ]
)


@given(
    corners=st.tuples(*[numbers] * 4),
    types=st.tuples(*[kinds] * 4),
    crop=crops,
    raw=st.sampled_from([(4056, 3040), (2028, 1520)]),
    size=st.tuples(st.integers(16, 2000), st.integers(16, 2000)),
    roi=rois,
    data=st.data(),
)
def test_coordinates_are_picamera2s_own(picamera2, corners, types, crop, raw, size, roi, data):
    ours = IMX500("", coordinates="picamera2", device=Device())
    ours.set_inference_roi_abs(roi)
    theirs = peer_with(imx.Network.find(ZOO[0]), roi)
    picam2, metadata = Picamera2(size, raw), {"ScalerCrop": crop}
    same = data.draw(st.booleans())
    box = tuple((types[0] if same else kind)(v) for kind, v in zip(types, corners, strict=True))
    mine = ours.convert_inference_coords(box, metadata, picam2)
    assert mine == tuple(int(v) for v in theirs.convert_inference_coords(box, metadata, picam2))
    assert all(type(side) is int for side in mine)
    request = Request(metadata, picam2)
    assert ours.get_roi_scaled(request) == theirs.get_roi_scaled(request)


@given(crop=crops, size=st.tuples(st.integers(16, 2000), st.integers(16, 2000)), roi=rois)
def test_exact_coordinates_are_the_mappers(crop, size, roi):
    imx500 = IMX500("", coordinates="exact", device=Device())
    imx500.set_inference_roi_abs(roi)
    applied = FULL if roi == FULL else roi
    mapper = imx.CoordinateMapper(applied, crop, size)
    x0, y0, x1, y1 = np.rint(mapper.boxes([0.25, 0.125, 0.75, 0.5])).astype(int).tolist()
    box = imx500.convert_inference_coords(
        (0.125, 0.25, 0.5, 0.75), {"ScalerCrop": crop}, Picamera2(size)
    )
    assert box == (x0, y0, x1 - x0, y1 - y0)


def test_auto_is_picamera2s_until_an_roi_is_set():
    auto = IMX500("", device=Device())
    picam2, metadata, box = Picamera2(), {"ScalerCrop": FULL}, (0.25, 0.25, 0.75, 0.75)
    request = Request(metadata, picam2)
    others = [IMX500("", coordinates=c, device=Device()) for c in ("picamera2", "exact")]
    for roi, kind in ((FULL, 0), (SQUARE, 1), (FULL, 0)):
        for imx500 in (auto, *others):
            imx500.set_inference_roi_abs(roi)
        assert auto.convert_inference_coords(box, metadata, picam2) == others[
            kind
        ].convert_inference_coords(box, metadata, picam2)
        assert auto.get_roi_scaled(request) == others[kind].get_roi_scaled(request)


def test_the_jump_between_the_two():
    picam2, metadata, box = Picamera2(), {"ScalerCrop": FULL}, (0.25, 0.25, 0.75, 0.75)
    imx500 = IMX500("", device=Device())
    # One column less than the full sensor, and the left edge moves by a pixel at most ...
    assert imx500.convert_inference_coords(box, metadata, picam2) == (160, 120, 320, 240)
    imx500.set_inference_roi_abs((0, 0, 4032, 3040))
    assert imx500.convert_inference_coords(box, metadata, picam2) == (159, 120, 318, 240)
    # ... while a square ROI is where picamera2 is 40 pixels off.
    imx500.set_inference_roi_abs(SQUARE)
    assert imx500.convert_inference_coords(box, metadata, picam2) == (200, 120, 240, 240)
    imx500.coordinates = "picamera2"
    assert imx500.convert_inference_coords(box, metadata, picam2) == (160, 120, 320, 240)


def test_exact_coordinates_follow_what_the_driver_applied():
    imx500 = IMX500("", device=Device(limit=2000))
    imx500.set_inference_roi_abs((0, 0, 4040, 3040))
    request = Request({"ScalerCrop": FULL})
    assert imx500.get_roi_scaled(request) == (0, 0, 316, 316)
    assert as_rectangle(imx500.config["roi"], "roi") == (0, 0, 4040, 3040)


QUARTER = (0, 0, 2028, 1520)
WHOLE_BOX = (0.0, 0.0, 1.0, 1.0)


@pytest.mark.parametrize("coordinates", ["auto", "exact", "picamera2"])
def test_coordinates_follow_a_roi_that_was_set_at_the_device(coordinates):
    device = Device()
    imx500 = IMX500("", coordinates=coordinates, device=device)
    config = imx500.config
    metadata = {"ScalerCrop": FULL}

    def seen():
        region = imx500.get_roi_scaled(Request(metadata))
        assert imx500.convert_inference_coords(WHOLE_BOX, metadata, Picamera2()) == region
        assert as_rectangle(config["roi"], "roi") == device.last_roi
        return region

    device.set_roi(QUARTER)
    assert imx500.config is config
    assert seen() == (0, 0, 320, 240)
    device.set_roi(None)
    assert imx500.config is config
    assert seen() == (0, 0, 640, 480)
    imx500.set_inference_roi_abs(SQUARE)
    # picamera2 cuts its boxes at the ROI: 80 of 640 columns are left out on either side.
    assert seen() == ((80, 0, 479, 480) if coordinates == "picamera2" else (80, 0, 480, 480))
    device.set_roi(None)
    assert imx500.config["roi"].to_tuple() == FULL
    assert seen() == (0, 0, 640, 480)


def test_picamera2s_numbers_are_cut_at_what_was_requested_not_at_what_was_applied():
    imx500 = IMX500("", coordinates="picamera2", device=Device(limit=2000))
    wide = (0, 0, 3042, 3040)
    imx500.set_inference_roi_abs(wide)
    assert imx500.device.last_roi == (0, 0, 2000, 2000)
    theirs = imx.peer_geometry.picamera2_get_roi_scaled(
        scaler_crop=FULL, raw_size=(2028, 1520), stream_size=(640, 480), roi=wide
    )
    assert imx500.get_roi_scaled(Request({"ScalerCrop": FULL})) == theirs == (0, 0, 480, 480)
    # Of the device only what was applied is known.
    imx500.device.set_roi((0, 0, 4056, 1520))
    assert imx500.get_roi_scaled(Request({"ScalerCrop": FULL})) == (0, 0, 315, 240)
    assert imx500.config["roi"].to_tuple() == (0, 0, 2000, 1520)


@pytest.fixture
def zoomed():
    """An IMX500 that saw the full sensor, then a square, then a quarter, and frames of each."""
    device = Device()
    imx500 = IMX500("", device=device)
    taken = [now_ns()]
    for roi in (SQUARE, QUARTER):
        imx500.set_inference_roi_abs(roi)
        taken.append(now_ns())
    return imx500, [{"ScalerCrop": FULL, "SensorTimestamp": t} for t in taken]


def test_coordinates_are_of_the_roi_that_a_frame_was_seen_through(zoomed):
    imx500, seen = zoomed
    box = (0.25, 0.25, 0.75, 0.75)
    expected = {
        # A quarter of the sensor's 4056 columns is 160 of 640, of the square's 3040 it is 120.
        "auto": [(160, 120, 320, 240), (200, 120, 240, 240), (80, 60, 160, 120)],
        "exact": [(160, 120, 320, 240), (200, 120, 240, 240), (80, 60, 160, 120)],
        # It knows the newest ROI only, and cuts at that.
        "picamera2": [(160, 120, 160, 120)] * 3,
    }
    for imx500.coordinates, boxes in expected.items():
        for metadata, wanted in zip(seen, boxes, strict=True):
            for source in (metadata, Request(metadata)):
                assert imx500.convert_inference_coords(box, source, Picamera2()) == wanted
    del seen[0]["SensorTimestamp"]
    imx500.coordinates = "auto"
    assert imx500.convert_inference_coords(box, seen[0], Picamera2()) == expected["auto"][2]


def test_auto_is_picamera2s_for_a_frame_from_before_a_change(zoomed):
    imx500, (before, square, _) = zoomed
    exact = IMX500("", coordinates="exact", device=Device())
    # One where the two differ: picamera2 cuts to whole pixels at every step.
    box = (0.1, 0.2, 0.3, 0.4)
    theirs = imx.peer_geometry.picamera2_convert_inference_coords(
        [box], scaler_crop=FULL, raw_size=(2028, 1520), stream_size=(640, 480), roi=FULL
    )[0]
    mine = imx500.convert_inference_coords(box, before, Picamera2())
    assert mine == tuple(theirs) == (127, 48, 127, 96)
    assert exact.convert_inference_coords(box, before, Picamera2()) == (128, 48, 128, 96)
    assert imx500.get_roi_scaled(Request(before)) == (0, 0, 640, 480)
    assert imx500.get_roi_scaled(Request(square)) == (80, 0, 480, 480)
    imx500.device.set_roi(None)
    assert imx500.get_roi_scaled(Request(square)) == (80, 0, 480, 480)
    assert imx500.get_roi_scaled(Request(before | {"SensorTimestamp": now_ns()})) == (
        *(0, 0),
        *(640, 480),
    )


def test_frames_of_a_real_device_are_mapped_as_a_frame_maps_them(tmp_path):
    machine = Machine(tmp_path)
    machine.add(0, "10-001a")
    _v4l2.replace_ioctl(FakeDriver())
    places = {name: getattr(machine, name) for name in ("sysfs", "dev", "debugfs")}
    try:
        with imx.Imx500Device(**places) as device:
            imx500 = IMX500("", device=device, coordinates="exact")
            stamps = [now_ns()]
            for roi in (SQUARE, QUARTER, None):
                device.set_roi(roi)
                stamps.append(now_ns())
            for stamp in stamps:
                metadata = {"ScalerCrop": FULL, "SensorTimestamp": stamp}
                roi, _ = device.roi_at(stamp)
                frame = imx.Frame.from_metadata(metadata, roi=roi, stream_size=(640, 480))
                x0, y0, x1, y1 = np.rint(frame.mapper().boxes([0, 0, 1, 1])).tolist()
                assert imx500.get_roi_scaled(Request(metadata)) == (x0, y0, x1 - x0, y1 - y0)
    finally:
        _v4l2.replace_ioctl(None)


def test_a_request_is_converted_once_where_each_look_converts_all(zoomed, monkeypatch):
    imx500, (_, square, _) = zoomed
    fake_bindings.install(monkeypatch)
    importlib.reload(controls)
    try:
        monkeypatch.setitem(sys.modules, "imx500_native._libcamera", None)
        monkeypatch.delattr(imx, "_libcamera", raising=False)
        bare = fake_bindings.Request(square)
        conversions = []

        class Metadata(dict):
            def items(self):
                conversions.append(self)
                return super().items()

        bare.metadata = Metadata(bare.metadata)
        request = SimpleNamespace(request=bare, picam2=Picamera2())
        # The first look decides how requests are read.
        assert imx500.get_roi_scaled(request) == (80, 0, 480, 480)
        conversions.clear()
        assert imx500.get_roi_scaled(request) == (80, 0, 480, 480)
        assert len(conversions) == 1
    finally:
        importlib.reload(controls)


def turned_picamera2(transform, size=(640, 480)):
    picam2 = Picamera2(size)
    picam2.camera_config["transform"] = transform
    return picam2


class AnyTransform:
    """A transform as picamera2's configuration has it: an object."""

    def __init__(self, name):
        self.hflip, self.vflip, self.transpose = imx.geometry.TRANSFORMS[name]


@pytest.mark.parametrize("name", list(imx.geometry.TRANSFORMS))
@pytest.mark.parametrize("flipped", [True, False])
@pytest.mark.parametrize("roi", [FULL, SQUARE, QUARTER])
def test_exact_coordinates_of_turned_pictures(name, flipped, roi):
    imx500 = IMX500("", coordinates="exact", network_flipped=flipped, device=Device())
    imx500.set_inference_roi_abs(roi)
    crop, size = (100, 200, 3000, 2000), (400, 600)
    mapper = imx.CoordinateMapper(roi, crop, size, transform=name, network_flipped=flipped)
    picam2, metadata = turned_picamera2(AnyTransform(name), size), {"ScalerCrop": crop}
    for corners in ([0.0, 0.0, 1.0, 1.0], [0.25, 0.125, 0.75, 0.5]):
        x0, y0, x1, y1 = np.rint(mapper.boxes(corners)).astype(int).tolist()
        box = (corners[1], corners[0], corners[3], corners[2])
        wanted = (x0, y0, x1 - x0, y1 - y0)
        assert imx500.convert_inference_coords(box, metadata, picam2) == wanted
    request = Request(metadata, picam2)
    assert imx500.get_roi_scaled(request) == imx500.convert_inference_coords(
        WHOLE_BOX, metadata, picam2
    )


def test_a_flip_moves_exact_boxes_and_leaves_picamera2s():
    picam2, metadata = turned_picamera2(AnyTransform("hflip")), {"ScalerCrop": FULL}
    box = (0.1, 0.1, 0.3, 0.3)
    imx500 = IMX500("", coordinates="exact", network_flipped=False, device=Device())
    assert imx500.convert_inference_coords(box, metadata, picam2) == (448, 48, 128, 96)
    imx500.network_flipped = True
    assert imx500.convert_inference_coords(box, metadata, picam2) == (64, 48, 128, 96)
    for imx500.coordinates in ("auto", "picamera2"):
        for imx500.network_flipped in (None, True, False):
            assert imx500.convert_inference_coords(box, metadata, picam2) == (63, 48, 127, 96)


@pytest.mark.parametrize("name", ["hflip", "vflip", "rot180", "rot90", "rot270"])
def test_a_flip_of_which_nobody_knows_where_it_is(name):
    imx500 = IMX500("", device=Device())
    picam2, metadata = turned_picamera2(AnyTransform(name)), {"ScalerCrop": FULL}
    box = (0.1, 0.1, 0.3, 0.3)
    assert imx500.convert_inference_coords(box, metadata, picam2) == (63, 48, 127, 96)
    imx500.set_inference_roi_abs(SQUARE)
    with pytest.raises(GeometryError, match="network_flipped = True or False on the IMX500"):
        imx500.convert_inference_coords(box, metadata, picam2)
    with pytest.raises(GeometryError, match="or have picamera2's numbers with coordinates = "):
        imx500.get_roi_scaled(Request(metadata, picam2))
    # Both remedies can be had of an object that a program has made already.
    imx500.network_flipped = True
    mapper = imx.CoordinateMapper(SQUARE, FULL, (640, 480), transform=name, network_flipped=True)
    x0, y0, x1, y1 = np.rint(mapper.boxes([0, 0, 1, 1])).tolist()
    assert imx500.get_roi_scaled(Request(metadata, picam2)) == (x0, y0, x1 - x0, y1 - y0)
    imx500.network_flipped, imx500.coordinates = None, "picamera2"
    assert imx500.convert_inference_coords(box, metadata, picam2) == (80, 48, 111, 96)
    # A crop that cannot be is told as one.
    imx500.coordinates, imx500.network_flipped = "exact", False
    with pytest.raises(GeometryError, match="scaler crop must have an area"):
        imx500.convert_inference_coords(box, {"ScalerCrop": (0, 0, 0, 0)}, picam2)


def test_transforms_of_libcameras_own(picamera2):
    transform = pytest.importorskip("libcamera").Transform
    imx500 = IMX500("", coordinates="exact", network_flipped=False, device=Device())
    metadata, box = {"ScalerCrop": FULL}, (0.1, 0.1, 0.3, 0.3)
    for turned, x in ((transform(), 64), (transform(hflip=1), 448), (transform(), 64)):
        found = imx500.convert_inference_coords(box, metadata, turned_picamera2(turned))
        assert found == (x, 48, 128, 96)


def test_exact_coordinates_of_lores_use_its_own_crop():
    imx500 = IMX500("", coordinates="exact", device=Device())
    picam2 = Picamera2((1280, 720), lores=(320, 240))
    metadata = {
        "ScalerCrop": (0, 380, 4056, 2280),
        "ScalerCrops": [(0, 380, 4056, 2280), (1014, 760, 2028, 1520)],
    }
    box = (0.375, 0.375, 0.625, 0.625)
    assert imx500.convert_inference_coords(box, metadata, picam2, "lores") == (80, 60, 160, 120)
    assert imx500.convert_inference_coords(box, metadata, picam2) == (480, 240, 320, 240)


@pytest.mark.parametrize("coordinates", ["picamera2", "exact"])
def test_coordinates_that_cannot_be(coordinates):
    imx500 = IMX500("", coordinates=coordinates, device=Device())
    metadata = {"ScalerCrop": FULL}
    for wrong in (float("nan"), np.float32("nan"), float("inf")):
        with pytest.raises(GeometryError):
            imx500.convert_inference_coords((wrong, 0, 1, wrong), metadata, Picamera2())
    with pytest.raises(GeometryError):
        imx500.convert_inference_coords((0, 0, 1, 1), {"ScalerCrop": (0, 0, 0, 0)}, Picamera2())
    with pytest.raises(KeyError, match="ScalerCrop"):
        imx500.convert_inference_coords((0, 0, 1, 1), {}, Picamera2())
    with pytest.raises(KeyError, match="lores"):
        imx500.convert_inference_coords((0, 0, 1, 1), metadata, Picamera2(), "lores")


@pytest.mark.parametrize(
    ("ratio", "roi"),
    [((1, 1), SQUARE), ((384, 288), (2, 0, 4053, 3040)), ((16, 9), (0, 380, 4056, 2281))],
)
def test_aspect_ratios(bare, ratio, roi):
    bare.set_inference_aspect_ratio(ratio)
    assert bare.device.calls[-1] == ("set_roi", roi)
    assert as_rectangle(bare.config["roi"], "roi") == roi


def test_rois_are_cut_at_the_sensor(bare):
    bare.set_inference_roi_abs((-10, 3000, 100, 100))
    assert bare.device.calls[-1] == ("set_roi", (0, 3000, 90, 40))
    bare.set_inference_roi_abs((0, 0, 9999, 9999))
    assert bare.device.calls[-1] == ("set_roi", None)
    for wrong in ((0, 0, 1.5, 1), (0, 0, 1), "abcd"):
        with pytest.raises(GeometryError):
            bare.set_inference_roi_abs(wrong)
    with pytest.raises(GeometryError, match="no zero"):
        bare.set_inference_aspect_ratio((0, 1))


def test_the_networks_own_aspect_ratio(rpk):
    imx500 = IMX500(str(rpk), device=Device())
    imx500.set_auto_aspect_ratio()
    expected = imx500.get_input_size()
    _, _, width, height = imx500.device.calls[-1][1] or FULL
    assert width / height == pytest.approx(expected[0] / expected[1], rel=1e-3)


def test_isp_output_size(bare):
    size = bare.get_isp_output_size(Picamera2(lores=(320, 240)), "lores")
    assert (size.width, size.height) == (320, 240)


@pytest.mark.parametrize("name", ZOO)
def test_input_image_of_every_zoo_network(name, picamera2):
    ours = of_zoo(name)
    spec = ours.network.input
    theirs = peers.picamera2_imx500(ours.network)
    tensor = np.random.default_rng(3).integers(0, 256, 3 * spec.width * spec.height)
    tensor = tuple(tensor.astype(np.uint8).tolist())
    mine = ours.input_tensor_image(tensor)
    np.testing.assert_array_equal(mine, theirs.input_tensor_image(tensor), strict=True)
    with pytest.raises(TensorInfoError, match="but 5 came"):
        ours.input_tensor_image(bytes(5))


def test_device_and_injection(bare):
    assert bare.get_device_id() == "0123456789ABCDEF" * 2
    assert bare.get_injection_cmp_frm() == 77
    descriptor = os.memfd_create("tensor")
    try:
        os.write(descriptor, b"planes")
        bare._IMX500__set_input_tensor(descriptor)
    finally:
        os.close(descriptor)
    assert bare.device.calls[-1] == ("inject", b"planes")
    assert bare.device_fd.name == bare.device.subdevice.node
    assert bare.device_fd is bare.device_fd


def test_upload_progress():
    imx500 = IMX500("", device=Device("readable"))
    assert imx500.fw_progress == IMX500.FwProgressType.DIRECT
    assert imx500.get_fw_upload_progress(2) == (0, 0)
    imx500.device.progress = UploadProgress("network", 10, 40)
    assert imx500.get_fw_upload_progress(module.FW_NETWORK_STAGE) == (10, 40)
    assert imx500.get_fw_upload_progress(module.FW_MAIN_STAGE) == (0, 0)
    imx500.device.progress = UploadProgress("firmware", 10, None)
    assert imx500.get_fw_upload_progress(module.FW_MAIN_STAGE) == (10, 0)


def test_the_progress_bar_ends():
    device = Device("readable")
    IMX500("", device=device).show_network_fw_progress_bar()
    for thread in module.threading.enumerate():
        if thread.name == "imx500-progress-bar":
            assert thread.daemon
            thread.join(10)
    assert device.watched == ["begun", "waited", "ended"]
    blind = Device()
    IMX500("", device=blind).show_network_fw_progress_bar()
    assert blind.watched == []


def test_camera_num_is_asked_of_picamera2(bare, monkeypatch):
    cameras = [
        {"Model": "imx708", "Id": bare.device.subdevice.camera_id, "Num": 0},
        {"Model": "imx500", "Id": "/base/other", "Num": 1},
        {"Model": "imx500", "Id": bare.device.subdevice.camera_id, "Num": 2},
    ]
    package = types.ModuleType("picamera2")
    package.Picamera2 = SimpleNamespace(global_camera_info=lambda: cameras)
    monkeypatch.setitem(sys.modules, "picamera2", package)
    assert bare.camera_num == 2
    cameras.pop()
    with pytest.raises(MissingContextError, match="lists no camera"):
        _ = bare.camera_num


def test_network_info_of_several_networks():
    raw = (
        b"networkID=000100\r\napParamSize=2384\r\nnetworkNum=2\r\n"
        b"networkOrdinal=0\r\na=b\r\nnetworkOrdinal=1\r\na=c\r\nd=e\r\n"
    )
    assert network_info(raw) == {
        "networkID": 0x100,
        "apParamSize": 2384,
        "networkNum": 2,
        "network": {0: {"a": "b"}, 1: {"a": "c", "d": "e"}},
    }


@pytest.fixture
def exr(monkeypatch):
    """OpenEXR and Imath as far as they are used, and a maker of pictures."""

    class InputFile:
        def __init__(self, planes, kind="FLOAT"):
            self.planes, self.kind = planes, kind

        def header(self):
            height, width = next(iter(self.planes.values())).shape
            corner = SimpleNamespace(x=width + 4, y=height + 1)
            window = SimpleNamespace(min=SimpleNamespace(x=5, y=2), max=corner)
            return {"dataWindow": window, "channels": dict.fromkeys(self.planes, (self.kind,))}

        def channel(self, name, kind):
            return self.planes[name].tobytes()

    pixel_type = type("PixelType", (), {"FLOAT": "FLOAT", "__new__": lambda cls, kind: kind})
    fake_exr, fake_imath = types.ModuleType("OpenEXR"), types.ModuleType("Imath")
    fake_exr.InputFile = InputFile
    fake_imath.PixelType, fake_imath.Channel = pixel_type, lambda kind: (kind,)
    monkeypatch.setitem(sys.modules, "OpenEXR", fake_exr)
    monkeypatch.setitem(sys.modules, "Imath", fake_imath)
    return SimpleNamespace(InputFile=InputFile, exr=fake_exr, imath=fake_imath)


def planes_for(spec, rng):
    shape = (spec.height, spec.width)
    values = rng.integers(0, 511, (3, *shape)) / 510
    return dict(zip("RGB", values.astype(np.float32), strict=True))


@pytest.mark.parametrize("name", ZOO)
def test_injected_tensors_of_every_zoo_network(name, exr, picamera2, monkeypatch):
    ours = of_zoo(name)
    spec = ours.network.input
    theirs = peers.picamera2_imx500(ours.network)
    theirs.config["input_tensor"]["dtype"] = "signed" if spec.dtype == np.int8 else "unsigned"
    monkeypatch.setattr(picamera2, "OpenEXR", exr.exr)
    monkeypatch.setattr(picamera2, "Imath", exr.imath)
    picture = exr.InputFile(planes_for(spec, np.random.default_rng(4)))
    assert ours.prepare_tensor_for_injection(picture) == theirs.prepare_tensor_for_injection(
        picture
    )


def test_pictures_that_cannot_be_injected(exr):
    ours = of_zoo("ssd_mobilenetv2_fpnlite_320x320_pp")
    spec = ours.network.input
    good = planes_for(spec, np.random.default_rng(4))
    wrong = {
        "320 x 320 pixels, got 4 x 3": {name: p[:3, :4] for name, p in good.items()},
        "channel B of 32-bit floats": {name: good[name] for name in "RG"},
        "channel G has .* to 2": good | {"G": good["G"] * 2},
        "channel R has nan": good | {"R": good["R"] * np.nan},
    }
    for message, planes in wrong.items():
        with pytest.raises(TensorInfoError, match=message):
            ours.prepare_tensor_for_injection(exr.InputFile(planes))
    with pytest.raises(TensorInfoError, match="32-bit floats"):
        ours.prepare_tensor_for_injection(exr.InputFile(good, "HALF"))
    with pytest.raises(TensorInfoError, match=r"OpenEXR\.InputFile, got builtins\.bytes"):
        ours.prepare_tensor_for_injection(b"")


def test_every_public_member_of_picamera2s_class(picamera2):
    ours = IMX500("", device=Device())
    theirs = {name for name in vars(picamera2.IMX500) if not name.startswith("_")}
    theirs |= {"imx500_device_id", "spi_device_id", "fw_progress", "device_fd"}
    missing = {name for name in theirs if name != "camera_num" and not hasattr(ours, name)}
    assert missing == set()
    assert hasattr(IMX500, "camera_num")


def test_importing_needs_nothing_but_numpy():
    code = (
        "import sys, imx500_native.picamera2 as p\n"
        "from imx500_native.picamera2 import postprocess, postprocess_highernet\n"
        "print([n for n in ('OpenEXR', 'Imath', 'jsonschema', 'libarchive', 'cv2', 'tqdm', "
        "'munkres', 'libcamera', 'picamera2') if n in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == "[]\n"


def test_the_info_of_a_frame_count_that_is_not_told(bare):
    info = struct.pack("<64sI", b"net", 1) + struct.pack("<II16H", 4, 1, 4, *[0] * 15)
    parsed = bare._IMX500__get_output_tensor_info(info.ljust(708, b"\0"))
    assert parsed["network_name"] == "net"
    assert parsed["frameCount"] == 0
    assert parsed["info"] == [{"tensor_data_num": 4, "num_dimensions": 1, "size": [4]}]


def test_a_camera_that_is_not_there(monkeypatch):
    monkeypatch.setattr(module, "find_subdevices", list)
    asked = []
    monkeypatch.setattr(module, "Imx500Device", lambda camera: asked.append(camera) or Device())
    for camera_id, wanted in (("", 0), ("i2c@88000", "i2c@88000")):
        IMX500("", camera_id)
        assert asked.pop() == wanted
    there = SimpleNamespace(camera_id="/base/i2c@88000/imx500@1a", node=Path("/dev/v4l-subdev3"))
    monkeypatch.setattr(module, "find_subdevices", lambda: [there])
    IMX500("", "i2c@88000")
    assert asked == ["/dev/v4l-subdev3"]
