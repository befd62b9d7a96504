"""What picamera2 does, by its own code, against what this package does with the same input.

The differences that are meant stand in the tests: picamera2's pictures are BGR and its boxes are
cut to whole pixels several times on their way.
"""

from __future__ import annotations

import copy

import frames
import numpy as np
import peers
import pytest
from hypothesis import given
from hypothesis import strategies as st

import imx500_native as imx
from imx500_native import _tensors
from imx500_native.errors import IntrinsicsError

ZOO = imx.Network.zoo_names()
SENSOR = peers.FULL_SENSOR


@pytest.fixture(scope="module")
def picamera2():
    try:
        return peers.picamera2_module()
    except peers.PeerMissingError as error:
        pytest.skip(str(error))


@pytest.fixture(params=ZOO)
def network(request):
    return imx.Network.find(request.param)


def test_outputs_of_every_zoo_network(picamera2, network):
    rng = np.random.default_rng(1)
    device = peers.picamera2_imx500(network)
    metadata = frames.metadata(network, [frames.random_tensor(o, rng) for o in network.outputs])
    ours = imx.Frame.from_metadata(metadata, network=network).outputs
    theirs = device.get_outputs(metadata)
    assert [array.shape for array in ours] == [tuple(s) for s in device.get_output_shapes(metadata)]
    for mine, peer in zip(ours, theirs, strict=True):
        assert mine.dtype == peer.dtype == np.float32
        assert mine.flags.f_contiguous == peer.flags.f_contiguous
        np.testing.assert_array_equal(mine, peer, strict=True)


@given(
    shapes=st.lists(
        st.lists(st.integers(1, 5), min_size=1, max_size=4).map(tuple), min_size=1, max_size=15
    ),
    seed=st.integers(0, 2**32 - 1),
)
def test_outputs_of_any_shapes(picamera2, shapes, seed):
    outputs = [
        imx.OutputSpec(f"t{i}", shape, np.dtype(np.int8), 0.125, 0, tuple(range(len(shape))))
        for i, shape in enumerate(shapes)
    ]
    network = imx.Network.from_specs(input=imx.Network.find(ZOO[0]).input, outputs=outputs)
    rng = np.random.default_rng(seed)
    metadata = frames.metadata(network, [frames.random_tensor(o, rng) for o in outputs])
    theirs = peers.picamera2_imx500(network).get_outputs(metadata)
    for mine, peer in zip(imx.Frame.from_metadata(metadata).outputs, theirs, strict=True):
        np.testing.assert_array_equal(mine, peer, strict=True)


def test_info_of_every_zoo_network(picamera2, network):
    info = frames.output_info(network, frame_count=201)
    theirs = peers.picamera2_imx500(network)._IMX500__get_output_tensor_info(info)
    for value in (info, tuple(info)):
        ours = _tensors.output_info(value)
        assert ours.network_name == theirs["network_name"]
        assert ours.frame_count == theirs["frameCount"] == 201
        assert [list(shape) for shape in ours.shapes] == [t["size"] for t in theirs["info"]]


def test_kpi(picamera2, network):
    metadata = frames.metadata(
        network, [frames.random_tensor(o, np.random.default_rng(2)) for o in network.outputs]
    )
    kpi = imx.Frame.from_metadata(metadata).kpi
    assert (kpi.dnn_ms, kpi.dsp_ms) == picamera2.IMX500.get_kpi_info(metadata)


def test_input_image_of_every_zoo_network(picamera2, network):
    spec = network.input
    rng = np.random.default_rng(3)
    picture = rng.integers(0, 256, (3, spec.height, spec.width), dtype=np.uint8)
    table = spec.encode_table()
    planes = np.stack([table[plane][picture[plane]] for plane in range(3)])
    metadata = frames.metadata(
        network, [frames.random_tensor(o, rng) for o in network.outputs], planes
    )
    ours = imx.Frame.from_metadata(metadata, network=network).input_image
    bgr = peers.picamera2_imx500(network).input_tensor_image(metadata["CnnInputTensor"])
    assert ours.shape == (spec.height, spec.width, 3)
    np.testing.assert_array_equal(ours, bgr[..., ::-1])


scaler_crops = st.one_of(
    st.just(SENSOR),
    st.tuples(
        st.integers(0, 1000), st.integers(0, 800), st.integers(1600, 3000), st.integers(1300, 2200)
    ),
)
sizes = st.sampled_from([(320, 240), (640, 480), (800, 600)])


@given(crop=scaler_crops, size=sizes, seed=st.integers(0, 2**32 - 1))
def test_boxes_with_the_full_sensor_as_roi(picamera2, crop, size, seed):
    corners = np.sort(np.random.default_rng(seed).uniform(0, 1, (20, 2, 2)), axis=1)
    boxes = corners.reshape(20, 4).astype(np.float32)
    device = peers.picamera2_imx500(imx.Network.find(ZOO[0]))
    camera = peers.picamera2_camera(size)
    mapper = imx.CoordinateMapper(SENSOR, crop, size)
    ours = mapper.boxes(boxes)
    for (left, top, right, bottom), (x0, y0, x1, y1) in zip(ours, boxes, strict=True):
        x, y, width, height = device.convert_inference_coords(
            (y0, x0, y1, x1), {"ScalerCrop": crop}, camera
        )
        # Of a box outside the picture, picamera2 keeps a corner that means nothing.
        if width > 2:
            assert abs(left - x) <= 2
            assert abs(right - left - width) <= 3
        if height > 2:
            assert abs(top - y) <= 2
            assert abs(bottom - top - height) <= 3


INTRINSICS_PROPERTIES = (
    "task",
    "inference_rate",
    "bbox_normalization",
    "bbox_order",
    "softmax",
    "postprocess",
    "preserve_aspect_ratio",
    "labels",
    "ignore_dash_labels",
)
maybe_wrong = st.sampled_from([None, -1, 0, 1, 2.5, "", "x", [], {}, True, ["a", 1]])


def _field(good):
    return st.one_of(good, good, good, maybe_wrong)


intrinsics = st.fixed_dictionaries(
    {},
    optional={
        "task": _field(
            st.sampled_from(
                ["classification", "object detection", "pose estimation", "segmentation"]
            )
        ),
        "inference_rate": _field(st.floats(0, 60)),
        "cpu": _field(
            st.fixed_dictionaries(
                {},
                optional={
                    "bbox_normalization": _field(st.booleans()),
                    "bbox_order": _field(st.sampled_from(["xy", "yx"])),
                    "softmax": _field(st.booleans()),
                    "post_processing": _field(st.text(max_size=5)),
                },
            )
        ),
        "input_aspect_ratio": _field(
            st.fixed_dictionaries(
                {}, optional={"width": _field(st.integers(1, 9)), "height": _field(st.just(3))}
            )
        ),
        "classes": _field(
            st.fixed_dictionaries(
                {},
                optional={
                    "labels": _field(st.lists(st.text(max_size=3), max_size=4)),
                    "ignore_undefined": _field(st.booleans()),
                },
            )
        ),
    },
)


# picamera2's schema names a draft that jsonschema does not know.
@pytest.mark.filterwarnings("ignore:The metaschema specified:DeprecationWarning")
@given(values=intrinsics)
def test_intrinsics_are_accepted_alike_and_read_alike(picamera2, values):
    import jsonschema

    try:
        theirs = picamera2.NetworkIntrinsics(copy.deepcopy(values))
    except jsonschema.ValidationError:
        with pytest.raises(IntrinsicsError):
            imx.NetworkIntrinsics(copy.deepcopy(values))
        return
    ours = imx.NetworkIntrinsics(copy.deepcopy(values))
    for name in INTRINSICS_PROPERTIES:
        assert getattr(ours, name) == getattr(theirs, name), name
    ours.update_with_defaults()
    theirs.update_with_defaults()
    assert ours.intrinsics == theirs.intrinsics


rectangles = st.tuples(
    *[st.integers(-5000, 5000)] * 2,
    *[st.integers(0, 5000)] * 2,
)


@given(
    rectangle=rectangles,
    other=rectangles,
    numerator=st.tuples(*[st.integers(0, 5000)] * 2),
    denominator=st.tuples(*[st.integers(1, 5000)] * 2),
)
def test_the_stand_in_for_libcamera(rectangle, other, numerator, denominator):
    if not peers.libcamera_is_real():
        pytest.skip("libcamera's Python binding is not here; scripts/libcamera builds it")
    import libcamera_geometry

    def results(geometry):
        mine, bound = geometry.Rectangle(*rectangle), geometry.Rectangle(*other)
        return (
            mine.bounded_to(bound).to_tuple(),
            mine.scaled_by(geometry.Size(*numerator), geometry.Size(*denominator)).to_tuple(),
            mine.translated_by(-bound.topLeft).to_tuple(),
            mine.size.to_tuple(),
            mine == bound,
        )

    assert results(libcamera_geometry) == results(peers.libcamera())
