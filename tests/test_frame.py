"""Frames from metadata dicts, as libcamera's bindings and other sources make them."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles.input_image_oracle import decode_image, encode_image
from oracles.tensor_info_oracle import pack_input_info, pack_output_info, split_outputs

from imx500_native import (
    FULL_ROI,
    CoordinateMapper,
    Decoder,
    DecoderError,
    Frame,
    GeometryError,
    InputSpec,
    MissingContextError,
    Network,
    NetworkTypeError,
    OutputSpec,
    TaskError,
    TensorInfoError,
)
from imx500_native.geometry import TRANSFORMS

SQUARE = (508, 0, 3040, 3040)
SSD = Network.find("ssd_mobilenetv2_fpnlite_320x320_pp")


def ssd_values():
    """One person over a quarter of the picture, one dog too unsure to count."""
    boxes = np.zeros((100, 4), np.float32)
    boxes[:2] = [[0.25, 0.25, 0.75, 0.75], [-0.25, -0.25, 0.5, 0.5]]
    scores = np.zeros(100, np.float32)
    scores[:2] = [0.75, 0.25]
    classes = np.zeros(100, np.float32)
    classes[:2] = [0, 17]
    parts = (boxes, scores, classes, np.array([2], np.float32))
    return np.concatenate([part.ravel(order="F") for part in parts])


def metadata(**changes):
    made = {
        "SensorTimestamp": 123456789,
        "ScalerCrop": (0, 0, 4056, 3040),
        "CnnOutputTensor": ssd_values(),
        "CnnOutputTensorInfo": pack_output_info(SSD.output_shapes, frame_count=200),
        "CnnKpiInfo": (14000, 12400),
        "ExposureTime": 20000,
    }
    made.update(changes)
    return {name: value for name, value in made.items() if value is not None}


def test_a_whole_frame_from_metadata():
    frame = Frame.from_metadata(
        metadata(), network=SSD, stream_size=(640, 480), roi=FULL_ROI, sequence=7
    )
    assert [output.shape for output in frame.outputs] == [(100, 4), (100,), (100,), (1,)]
    assert frame.outputs is frame.outputs
    assert frame.access == "buffer"
    assert frame.kpi == (14.0, 12.4)
    assert (frame.kpi.dnn_ms, frame.kpi.dsp_ms) == (14.0, 12.4)
    assert (frame.frame_count, frame.sequence, frame.sensor_timestamp_ns) == (200, 7, 123456789)
    assert frame.scaler_crop == (0, 0, 4056, 3040)
    found = frame.detections(threshold=0.5)
    assert found.space == "stream"
    assert [(d.label, d.confidence, d.xyxy) for d in found] == [
        ("person", 0.75, (160.0, 120.0, 480.0, 360.0))
    ]
    both = frame.detections(threshold=0.25)
    assert both.xyxy[1].tolist() == [0, 0, 320, 240]


def test_tuples_of_python_floats_give_the_same():
    plain = metadata()
    plain["CnnOutputTensor"] = tuple(plain["CnnOutputTensor"].tolist())
    plain["CnnOutputTensorInfo"] = tuple(plain["CnnOutputTensorInfo"])
    frame = Frame.from_metadata(plain)
    assert frame.access == "tuple"
    for got, want in zip(
        frame.outputs, split_outputs(ssd_values(), SSD.output_shapes), strict=True
    ):
        np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("values", [None, (), [], np.zeros(0, np.float32)])
def test_a_frame_without_tensors_says_none_and_never_raises(values):
    bare = metadata(CnnOutputTensor=values, CnnOutputTensorInfo=None, CnnKpiInfo=None)
    frame = Frame.from_metadata(bare, network=SSD, stream_size=(640, 480), roi=FULL_ROI)
    assert (frame.outputs, frame.access, frame.kpi, frame.frame_count) == (None,) * 4
    assert (frame.input_tensor, frame.input_image) == (None, None)
    found = frame.detections()
    assert (len(found), found.fresh, found.space) == (0, False, "stream")


def test_a_frame_of_an_empty_dict_knows_nothing():
    frame = Frame.from_metadata({})
    for name in ("outputs", "kpi", "frame_count", "sensor_timestamp_ns", "scaler_crop", "roi"):
        assert getattr(frame, name) is None
    assert frame.metadata == {}


def test_the_networks_shapes_serve_for_an_empty_or_missing_info():
    for info in (bytes(712), None):
        frame = Frame.from_metadata(metadata(CnnOutputTensorInfo=info), network=SSD)
        assert frame.outputs[0].shape == (100, 4)
        assert frame.frame_count is None
        with pytest.raises(TensorInfoError, match="pass the network"):
            _ = Frame.from_metadata(metadata(CnnOutputTensorInfo=info)).outputs


def test_malformed_tensors_raise_every_time_they_are_asked_for():
    frame = Frame.from_metadata(metadata(CnnOutputTensor=np.zeros(600, np.float32)), network=SSD)
    for _ in range(2):
        with pytest.raises(TensorInfoError, match="601 elements"):
            _ = frame.outputs


def test_a_frame_keeps_its_values_when_the_dict_changes():
    source = metadata()
    frame = Frame.from_metadata(source)
    source.clear()
    assert frame.outputs[3][0] == 2
    frame.metadata.clear()
    assert frame.metadata["ExposureTime"] == 20000


def test_coordinates_follow_the_roi_the_crop_and_the_stream():
    frame = Frame.from_metadata(
        metadata(ScalerCrop=(0, 380, 4056, 2281)),
        network=SSD,
        stream_size=(1280, 720),
        roi=(508, 0, 3040, 3040),
    )
    zoom_x, zoom_y = 1280 / 4056, 720 / 2281
    expected = [
        (508 + 760) * zoom_x,
        (760 - 380) * zoom_y,
        (508 + 2280) * zoom_x,
        (2280 - 380) * zoom_y,
    ]
    np.testing.assert_allclose(frame.detections().xyxy[0], expected, rtol=1e-6)


def test_libcameras_own_rectangle_is_taken_as_scaler_crop():
    crop = SimpleNamespace(x=0, y=380, width=4056, height=2281)
    frame = Frame.from_metadata(
        metadata(ScalerCrop=crop), network=SSD, stream_size=(1280, 720), roi=FULL_ROI
    )
    assert frame.scaler_crop == (0, 380, 4056, 2281)
    assert frame.mapper().points([0.5, 0.125]).tolist() == [640, 0]


@pytest.mark.parametrize(
    ("context", "changes", "message"),
    [
        ({"roi": FULL_ROI, "stream_size": (4, 3)}, {}, "network="),
        ({"network": SSD, "stream_size": (4, 3)}, {}, "FULL_ROI"),
        ({"network": SSD, "roi": FULL_ROI}, {}, "stream_size="),
        (
            {"network": SSD, "roi": FULL_ROI, "stream_size": (4, 3)},
            {"ScalerCrop": None},
            "ScalerCrop",
        ),
    ],
)
def test_what_is_not_known_is_never_assumed(context, changes, message):
    frame = Frame.from_metadata(metadata(**changes), **context)
    with pytest.raises(MissingContextError, match=message):
        frame.detections()


def test_an_unknown_stream_is_refused():
    frame = Frame.from_metadata(metadata(), stream_size=(4, 3), roi=FULL_ROI)
    with pytest.raises(MissingContextError, match=r"'lores' is not known; pass lores_size="):
        frame.mapper("lores")
    frame = Frame.from_metadata(metadata(), lores_size=(4, 3), roi=FULL_ROI)
    with pytest.raises(MissingContextError, match=r"'main' is not known; pass stream_size="):
        frame.mapper()
    with pytest.raises(MissingContextError, match=r'"main" and "lores", and none \'raw\''):
        frame.mapper("raw")


@pytest.mark.parametrize(
    ("crops", "lores"),
    [
        (None, (0, 380, 4056, 2280)),
        ([(0, 380, 4056, 2280)], (0, 380, 4056, 2280)),
        ([(0, 380, 4056, 2280), (1014, 760, 2028, 1520)], (1014, 760, 2028, 1520)),
        (np.array([[0, 380, 4056, 2280], [508, 0, 3040, 3040]], np.int32), (508, 0, 3040, 3040)),
    ],
)
def test_the_second_picture_has_a_crop_of_its_own(crops, lores):
    changes = {"ScalerCrop": (0, 380, 4056, 2280)}
    if crops is not None:
        changes["ScalerCrops"] = crops
    frame = Frame.from_metadata(
        metadata(**changes), stream_size=(1280, 720), lores_size=(320, 240), roi=SQUARE
    )
    box = [0.25, 0.25, 0.75, 0.75]
    for stream, crop, size in (
        ("main", (0, 380, 4056, 2280), (1280, 720)),
        ("lores", lores, (320, 240)),
    ):
        expected = CoordinateMapper(SQUARE, crop, size).boxes(box)
        np.testing.assert_array_equal(frame.mapper(stream).boxes(box), expected)


@pytest.mark.parametrize("flipped", [True, False])
@pytest.mark.parametrize(
    "transform", [*TRANSFORMS, SimpleNamespace(**TRANSFORMS["rot90"]._asdict())]
)
def test_detections_follow_the_transform(transform, flipped):
    context = {"transform": transform, "network_flipped": flipped}
    plain = Frame.from_metadata(metadata(), network=SSD, stream_size=(640, 480), roi=SQUARE)
    crop = plain.scaler_crop
    turned = Frame.from_metadata(
        metadata(),
        network=SSD,
        stream_size=(480, 640),
        roi=SQUARE,
        lores_size=(320, 240),
        **context,
    )
    for stream, size in (("main", (480, 640)), ("lores", (320, 240))):
        expected = CoordinateMapper(SQUARE, crop, size, **context).boxes([0.1, 0.2, 0.3, 0.6])
        np.testing.assert_array_equal(turned.mapper(stream).boxes([0.1, 0.2, 0.3, 0.6]), expected)
    to_main = CoordinateMapper(SQUARE, crop, (480, 640), **context)
    expected = Decoder.for_network(SSD, 0.5)(plain.outputs).mapped(to_main)
    np.testing.assert_array_equal(turned.detections().xyxy, expected.xyxy)


class TransformAsPicamera2HasIt(SimpleNamespace):
    """picamera2 gives libcamera's class a comparison that takes every other for one of its own."""

    def __eq__(self, other):
        return all(getattr(self, name) == getattr(other, name) for name in vars(self))

    __hash__ = None


def test_a_transform_that_fails_when_compared_with_text():
    frames = {
        name: Frame.from_metadata(
            metadata(),
            network=SSD,
            stream_size=(640, 480),
            roi=SQUARE,
            transform=TransformAsPicamera2HasIt(**TRANSFORMS[name]._asdict()),
        )
        for name in ("identity", "transpose")
    }
    plain = Frame.from_metadata(metadata(), network=SSD, stream_size=(640, 480), roi=SQUARE)
    box = [0.1, 0.2, 0.3, 0.6]
    assert frames["identity"].mapper() is plain.mapper()
    turned = CoordinateMapper(SQUARE, plain.scaler_crop, (640, 480), transform="transpose")
    np.testing.assert_array_equal(frames["transpose"].mapper().boxes(box), turned.boxes(box))


def test_a_flip_of_what_the_network_saw_is_never_guessed():
    frame = Frame.from_metadata(
        metadata(), network=SSD, stream_size=(640, 480), roi=FULL_ROI, transform="hflip"
    )
    assert frame.outputs is not None
    with pytest.raises(GeometryError, match="network_flipped=True or"):
        frame.detections()
    for wrong in ({"transform": "mirror"}, {"lores_size": (0, 1)}):
        with pytest.raises(GeometryError):
            Frame.from_metadata(metadata(), **wrong)


def test_a_network_of_another_task_is_a_task_error():
    frame = Frame.from_metadata(metadata(), network=Network.find("deeplabv3plus"))
    with pytest.raises(TaskError, match="deeplabv3plus"):
        frame.detections()


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda: Frame.from_metadata([]), TypeError),
        (lambda: Frame.from_metadata({}, roi=(0, 0, 0, 0)), GeometryError),
        (lambda: Frame.from_metadata({}, roi=(-100, -5, 9999, 1)), GeometryError),
        (lambda: Frame.from_metadata({}, roi=(4000, 0, 57, 100)), GeometryError),
        (lambda: Frame.from_metadata({}, roi="full"), GeometryError),
        (lambda: Frame.from_metadata({}, network_flipped="no"), GeometryError),
        (lambda: Frame.from_metadata({}, network="x.rpk"), NetworkTypeError),
        (lambda: Frame.from_metadata({}, network=5), NetworkTypeError),
        (lambda: Frame.from_metadata({"CnnOutputTensor": 5}).outputs, TensorInfoError),
        (lambda: Frame.from_metadata({"CnnOutputTensor": 5}).access, TensorInfoError),
        (lambda: Frame.from_metadata({"CnnInputTensor": 5}).input_tensor, TensorInfoError),
        (lambda: Frame.from_metadata({"CnnKpiInfo": 5}).kpi, TensorInfoError),
        (lambda: Frame.from_metadata({"CnnKpiInfo": ("a", "b")}).kpi, TensorInfoError),
        (
            lambda: Frame.from_metadata({"SensorTimestamp": "x"}).sensor_timestamp_ns,
            TensorInfoError,
        ),
        (lambda: Frame.from_metadata({}, stream_size=(640,)), GeometryError),
        (lambda: Frame.from_metadata({"ScalerCrop": (1, 2)}).scaler_crop, GeometryError),
        (lambda: Frame.from_metadata({"CnnKpiInfo": (1, 2, 3)}).kpi, TensorInfoError),
        (lambda: Frame(), TypeError),
    ],
)
def test_wrong_arguments_are_refused(call, error):
    with pytest.raises(error):
        call()


def test_a_network_of_ones_own_class_is_one():
    class Own(Network):
        pass

    own = Own.find(SSD.name)
    for network in (own, SSD, own):
        frame = Frame.from_metadata(
            metadata(), network=network, stream_size=(640, 480), roi=FULL_ROI
        )
        assert frame.network is network
        assert len(frame.detections()) == 1
    with pytest.raises(NetworkTypeError, match=r"not 'x\.rpk'; make one with Network\(path\)"):
        Frame.from_metadata(metadata(), network="x.rpk")


@pytest.mark.parametrize("threshold", [[0.5], np.array(0.5), {}, "0.5", float("nan")])
def test_what_is_no_threshold_is_named(threshold):
    frame = Frame.from_metadata(metadata(), network=SSD, stream_size=(640, 480), roi=FULL_ROI)
    assert len(frame.detections(np.float32(0.5))) == 1
    with pytest.raises(DecoderError, match="threshold must be a number from 0 to 1"):
        frame.detections(threshold)
    with pytest.raises(DecoderError, match="max_detections must be None or an integer"):
        frame.detections(0.5, [1])


def network_with_input(spec):
    return Network.from_specs(input=spec, outputs=[OutputSpec("out", (1,), np.dtype("i1"), 1.0)])


@st.composite
def input_specs(draw):
    nonzero = st.integers(-2048, 2047).filter(bool)
    return InputSpec(
        width=draw(st.integers(1, 7)),
        height=draw(st.integers(1, 7)),
        channels=3,
        format=draw(st.sampled_from(["RGB", "BGR"])),
        dtype=np.dtype(draw(st.sampled_from(["i1", "u1"]))),
        scale=1 / 128,
        shift=0,
        norm_val=tuple(draw(st.lists(st.integers(-4096, 4095), min_size=3, max_size=3))),
        norm_shift=4,
        div_val=tuple(draw(st.lists(nonzero, min_size=3, max_size=3))),
        div_shift=6,
        padding=(0, 0),
        name="input",
    )


@given(spec=input_specs(), data=st.data())
def test_input_image_undoes_the_sensors_normalisation(spec, data):
    count = 3 * spec.width * spec.height
    picture = np.frombuffer(data.draw(st.binary(min_size=count, max_size=count)), np.uint8)
    picture = picture.reshape(spec.height, spec.width, 3)
    planes = encode_image(picture, spec)
    info = pack_input_info(spec.width, spec.height, 3)
    network = network_with_input(spec)
    for values in (planes.tobytes(), tuple(planes.tobytes())):
        frame = Frame.from_metadata(
            {"CnnInputTensor": values, "CnnInputTensorInfo": info}, network=network
        )
        image = frame.input_image
        assert image.shape == (spec.height, spec.width, 3)
        np.testing.assert_array_equal(image, decode_image(planes, spec))
        # What the sensor would send for the decoded picture is what it did send.
        np.testing.assert_array_equal(encode_image(image, spec), planes)
        np.testing.assert_array_equal(frame.input_tensor, planes)
        assert frame.input_tensor.dtype == spec.dtype


def bgr_signed_frame(**changes):
    network = Network.find("nanodet_plus_416x416_pp")
    made = {
        "CnnInputTensor": bytes(3 * 416 * 416),
        "CnnInputTensorInfo": pack_input_info(416, 416, 3),
    }
    made.update(changes)
    return Frame.from_metadata(
        {name: value for name, value in made.items() if value is not None}, network=network
    )


def test_a_bgr_network_of_the_zoo_shows_rgb():
    planes = np.empty((3, 416, 416), np.int8)
    planes[0], planes[1], planes[2] = 127, 0, -128
    frame = bgr_signed_frame(CnnInputTensor=planes.tobytes())
    assert np.unique(frame.input_image.reshape(-1, 3), axis=0).tolist() == [[0, 128, 255]]


def test_the_networks_input_size_serves_without_info():
    frame = bgr_signed_frame(CnnInputTensorInfo=None)
    assert frame.input_tensor.shape == (3, 416, 416)
    bare = Frame.from_metadata({"CnnInputTensor": bytes(12)})
    with pytest.raises(TensorInfoError, match="CnnInputTensorInfo"):
        _ = bare.input_tensor


def test_an_input_tensor_of_another_length_is_refused():
    frame = bgr_signed_frame(CnnInputTensor=bytes(3 * 416 * 416 - 1))
    with pytest.raises(TensorInfoError, match="519168 bytes, but 519167 came"):
        _ = frame.input_tensor


def test_an_input_image_needs_the_network_and_three_planes():
    values = {"CnnInputTensor": bytes(4), "CnnInputTensorInfo": pack_input_info(2, 2, 1)}
    with pytest.raises(MissingContextError, match="network="):
        _ = Frame.from_metadata(values).input_image
    with pytest.raises(TensorInfoError, match="1 RGB planes"):
        _ = Frame.from_metadata(values, network=SSD).input_image
    assert Frame.from_metadata(values).input_tensor.shape == (1, 2, 2)
    assert Frame.from_metadata(values).input_tensor.dtype == np.uint8


def test_repr_says_what_there_is():
    frame = Frame.from_metadata(metadata(), stream_size=(640, 480), sequence=3)
    assert repr(frame) == "<Frame sequence=3 640x480 tensors=buffer>"
