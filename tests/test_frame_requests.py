"""Frames from real requests of libcamera's virtual camera."""

from __future__ import annotations

import logging
from types import SimpleNamespace

import numpy as np
import pytest
from oracles.tensor_info_oracle import pack_output_info, split_outputs

from imx500_native import (
    FULL_ROI,
    CoordinateMapper,
    Frame,
    GeometryError,
    MissingContextError,
    Network,
    NetworkTypeError,
    RequestStateError,
    TensorInfoError,
    TensorTakenError,
    controls,
)
from imx500_native.bindings import copied_metadata

pytest.importorskip(
    "libcamera",
    reason='libcamera is missing; get it with: eval "$(scripts/libcamera --env)"',
)
pytest.importorskip(
    "imx500_native._libcamera",
    reason="imx500_native was built without libcamera; "
    'build it again after: eval "$(scripts/libcamera --env)"',
)
# After the skips, as all need libcamera.
import libcamera

SSD = Network.find("ssd_mobilenetv2_fpnlite_320x320_pp")


def ssd_values():
    parts = [np.zeros(shape, np.float32) for shape in SSD.output_shapes]
    parts[0][0] = [0.25, 0.25, 0.75, 0.75]
    parts[1][0] = 0.75
    parts[3][0] = 1
    return np.concatenate([part.ravel(order="F") for part in parts])


@pytest.fixture
def request_with_tensors(camera, inject):
    request = camera.capture()
    inject.put(request, "CnnOutputTensor", ssd_values())
    info = pack_output_info(SSD.output_shapes, frame_count=77)
    inject.put(request, "CnnOutputTensorInfo", np.frombuffer(info, np.uint8))
    inject.put(request, "CnnKpiInfo", np.array([14000, 12400], np.int32))
    return request


@pytest.mark.parametrize("ownership", ["copy", "move"])
def test_a_frame_outlives_its_request(camera, request_with_tensors, ownership):
    frame = Frame.from_request(request_with_tensors, network=SSD, ownership=ownership)
    assert frame.access == ownership
    assert (frame.frame_count, frame.kpi) == (77, (14.0, 12.4))
    assert frame.sequence == request_with_tensors.sequence
    assert frame.sensor_timestamp_ns > 0
    outputs = frame.outputs
    del frame
    camera.requeue(request_with_tensors)
    for got, want in zip(outputs, split_outputs(ssd_values(), SSD.output_shapes), strict=True):
        np.testing.assert_array_equal(got, want)
        assert not got.flags.writeable
        with pytest.raises(ValueError, match="WRITEABLE"):
            got.setflags(write=True)


def test_two_frames_of_one_request_share_it_until_one_moves_it(request_with_tensors):
    first = Frame.from_request(request_with_tensors, network=SSD)
    second = Frame.from_request(request_with_tensors, network=SSD, ownership="move")
    with pytest.raises(TensorTakenError, match="moved into another frame"):
        Frame.from_request(request_with_tensors, network=SSD)
    for frame in (first, second):
        assert frame.outputs[1][0] == 0.75


def test_detections_of_a_picamera2_request_know_their_stream(request_with_tensors):
    # picamera2's CompletedRequest, as far as a frame looks at it.
    completed = SimpleNamespace(request=request_with_tensors, config={"main": {"size": (640, 480)}})
    frame = Frame.from_request(completed, network=SSD, roi=FULL_ROI)
    with pytest.raises(MissingContextError, match="ScalerCrop"):
        frame.detections()
    assert repr(frame).endswith("640x480 tensors=copy>")
    completed.request = None
    with pytest.raises(RequestStateError, match="released"):
        Frame.from_request(completed)


def test_a_picamera2_request_knows_its_other_stream_and_its_transform(camera, inject):
    request = camera.capture()
    crops = np.array([[0, 380, 4056, 2280], [508, 0, 3040, 3040]], np.int32)
    inject.register("ScalerCrops")
    inject.put(request, "ScalerCrop", crops[0], "rectangle")
    inject.put(request, "ScalerCrops", crops, "rectangle")
    config = {"main": {"size": (640, 480)}, "lores": None, "transform": libcamera.Transform()}
    completed = SimpleNamespace(request=request, config=config)

    def corners(frame, stream):
        return frame.mapper(stream).boxes([0.1, 0.2, 0.4, 0.8]).tolist()

    def expected(crop, size, **turned):
        mapper = CoordinateMapper(FULL_ROI, tuple(crop), size, **turned)
        return mapper.boxes([0.1, 0.2, 0.4, 0.8]).tolist()

    plain = Frame.from_request(completed, roi=FULL_ROI)
    assert corners(plain, "main") == expected(crops[0], (640, 480))
    with pytest.raises(MissingContextError, match="'lores'"):
        plain.mapper("lores")
    config["lores"] = {"size": (320, 240)}
    config["transform"] = libcamera.Transform(hflip=1)
    turned = Frame.from_request(completed, roi=FULL_ROI, network_flipped=False)
    for stream, crop, size in (("main", crops[0], (640, 480)), ("lores", crops[1], (320, 240))):
        hflip = {"transform": "hflip", "network_flipped": False}
        assert corners(turned, stream) == expected(crop, size, **hflip)
    with pytest.raises(GeometryError, match="network_flipped=True or"):
        Frame.from_request(completed, roi=FULL_ROI).mapper()
    # What is said counts more than what the request knows.
    own = Frame.from_request(
        completed, roi=FULL_ROI, stream_size=(64, 48), lores_size=(32, 24), transform="identity"
    )
    assert corners(own, "main") == expected(crops[0], (64, 48))
    assert corners(own, "lores") == expected(crops[1], (32, 24))
    bare = Frame.from_request(request, roi=FULL_ROI, stream_size=(64, 48))
    assert corners(bare, "main") == expected(crops[0], (64, 48))


def test_all_metadata_come_as_a_dict_with_arrays_on_the_frames_own_list(request_with_tensors):
    frame = Frame.from_request(request_with_tensors)
    expected = copied_metadata(request_with_tensors)
    found = frame.metadata
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_array_equal(found[name], value)
    assert isinstance(found["CnnOutputTensor"], np.ndarray)
    assert found["CnnOutputTensor"].ctypes.data == frame.outputs[0].ctypes.data


def test_without_direct_access_the_bindings_metadata_serve(
    request_with_tensors, monkeypatch, caplog
):
    monkeypatch.setattr(controls, "take_controls", controls._take_first)
    monkeypatch.setattr(controls, "direct_access_problem", lambda request: "for a test")
    with caplog.at_level(logging.WARNING, "imx500_native"):
        frames = [Frame.from_request(request_with_tensors, network=SSD) for _ in range(2)]
    assert [record.message for record in caplog.records] == [
        "requests are read slowly, through libcamera's Python bindings: for a test"
    ]
    for frame in frames:
        assert frame.access == "tuple"
        np.testing.assert_array_equal(
            frame.outputs[0], split_outputs(ssd_values(), SSD.output_shapes)[0]
        )


def test_a_request_without_tensors_says_none(camera):
    frame = Frame.from_request(camera.capture(), network=SSD)
    assert (frame.outputs, frame.access, frame.kpi, frame.frame_count) == (None,) * 4
    assert frame.detections().fresh is False


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("CnnOutputTensor", np.zeros(601, np.uint8), "CnnOutputTensor does not hold float32"),
        ("CnnOutputTensor", np.zeros(600, np.float32), "601 elements .* holds 600"),
        ("CnnOutputTensorInfo", np.zeros(712, np.int32), "CnnOutputTensorInfo does not hold bytes"),
        ("CnnOutputTensorInfo", np.zeros(700, np.uint8), "not 700"),
    ],
)
def test_controls_of_a_wrong_kind_or_size_are_typed_errors(
    request_with_tensors, inject, name, value, message
):
    inject.put(request_with_tensors, name, value)
    frame = Frame.from_request(request_with_tensors)
    with pytest.raises(TensorInfoError, match=message):
        _ = frame.outputs


@pytest.mark.parametrize("wrong", [None, 7, "request", {}, object()])
def test_what_is_no_request_is_a_type_error(wrong):
    with pytest.raises(TypeError, match=r"libcamera\.Request"):
        Frame.from_request(wrong)


@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        ({"network": "x.rpk"}, NetworkTypeError, r"Network\.find"),
        ({"roi": (-100, -5, 9999, 1)}, GeometryError, "roi must lie on the sensor"),
        ({"network_flipped": "no"}, GeometryError, "network_flipped must be True"),
    ],
)
def test_context_that_cannot_be_is_refused(request_with_tensors, wrong, error, message):
    with pytest.raises(error, match=message):
        Frame.from_request(request_with_tensors, **wrong)
    # The request is as it was.
    assert Frame.from_request(request_with_tensors, network=SSD).outputs is not None
