"""Arguments that picamera2 takes though it does not name them: its own code beside ours."""

from __future__ import annotations

from types import SimpleNamespace

import frames
import numpy as np
import peers
import pytest
from drop_in.peer_code import peer_module, peer_with
from drop_in.stand_ins import FULL, Device, Picamera2, Request

import imx500_native as imx
from imx500_native import DecoderError, GeometryError, MissingContextError, TensorInfoError
from imx500_native.picamera2 import (
    IMX500,
    postprocess,
    postprocess_efficientdet_lite0,
    postprocess_highernet,
    postprocess_yolov5,
)
from imx500_native.upload import UploadProgress

SSD = "ssd_mobilenetv2_fpnlite_320x320_pp"
SIZES = (480, 640, 320, 320)


@pytest.fixture
def rng():
    return np.random.default_rng(23)


def equal(ours, theirs):
    """Tell that two arrays are the same: values, type and shape, and both may be written to."""
    np.testing.assert_allclose(ours, theirs, rtol=1e-12)
    assert (ours.dtype, ours.shape) == (theirs.dtype, theirs.shape)
    assert ours.flags.writeable
    assert theirs.flags.writeable


def boxes_of(kind, rng):
    boxes = rng.uniform(2, 100, (6, 4))
    if kind == "whole numbers":
        return boxes.astype(np.int64)
    if kind == "scores beside":
        return np.hstack([boxes, rng.random((6, 2))]).astype(np.float32)
    return boxes.astype(np.float32)


kinds = pytest.mark.parametrize("kind", ["float32", "whole numbers", "scores beside"])


@kinds
@pytest.mark.parametrize("name", postprocess.BoxFormat.__members__)
def test_box_formats(kind, name, rng):
    theirs, boxes = peer_module("postprocess"), boxes_of(kind, rng)
    equal(
        postprocess.convert_to_ymin_xmin_ymax_xmax_format(
            boxes.copy(), postprocess.BoxFormat[name]
        ),
        theirs.convert_to_ymin_xmin_ymax_xmax_format(boxes.copy(), theirs.BoxFormat[name]),
    )


@kinds
@pytest.mark.parametrize("keep", [True, False])
def test_scaling(kind, keep, rng):
    theirs, theirs5, boxes = (
        peer_module("postprocess"),
        peer_module("postprocess_yolov5"),
        boxes_of(kind, rng),
    )
    # A height of half a pixel: what is clipped is no whole number.
    for size in (SIZES, (480.5, *SIZES[1:])):
        for ours, other, more in (
            (postprocess.scale_boxes, theirs.scale_boxes, (False,)),
            (postprocess.scale_coords, theirs.scale_coords, ()),
            (postprocess_yolov5.scale_boxes, theirs5.scale_boxes, ()),
        ):
            equal(ours(boxes.copy(), *size, keep, *more), other(boxes.copy(), *size, keep, *more))
    for name in ("clip_boxes", "clip_coords"):
        arguments = (50.5, 60.5)
        equal(
            getattr(postprocess, name)(boxes.copy(), *arguments),
            getattr(theirs, name)(boxes.copy(), *arguments),
        )
    equal(
        postprocess_yolov5.apply_normalization(boxes.copy(), 640, 480, None),
        theirs5.apply_normalization(boxes.copy(), 640, 480, None),
    )


@kinds
def test_nms_without_a_limit(kind, rng):
    theirs, boxes = peer_module("postprocess"), boxes_of(kind, rng)
    scores = rng.permutation(len(boxes)) / 10
    for most in (None, 0, 2):
        found = postprocess.nms(boxes, scores, 0.5, most)
        assert found == theirs.nms(boxes, scores, 0.5, most)


def test_softmax_of_a_list():
    values = [1.0, 2.5, -3.0]
    equal(postprocess.softmax(values), peer_module("postprocess").softmax(values))


def test_anchors_of_two_factors():
    theirs = peer_module("postprocess_efficientdet_lite0")
    sizes = [(np.ceil(64 / 2**level),) * 2 for level in range(8)]
    arguments = {"H": 64, "W": 64, "aspect_ratios": [1.0, 0.5, [1.4, 0.7]]}
    equal(
        postprocess_efficientdet_lite0.generate_anchors_EDETLITE(2, sizes, **arguments),
        theirs.generate_anchors_EDETLITE(2, sizes, **arguments),
    )


@pytest.fixture
def highernet():
    pytest.importorskip("munkres", reason="pip install munkres to compare with picamera2")
    return peer_module("postprocess_highernet")


@pytest.mark.parametrize(("k", "p"), [(5, 2), ((3, 5), (1, 2)), ((3, 3), 1), (1, 0)])
def test_neighbourhoods(k, p, highernet, rng):
    maps = rng.random((12, 10, 3))
    equal(postprocess_highernet.np_max_pool(maps, k, p, 0), highernet.np_max_pool(maps, k, p, 0))


@pytest.mark.parametrize("shape", [(3, 5), (5, 3), (4, 4), (1, 6), (6, 1)])
def test_more_rows_than_columns_to_match(shape, highernet, rng):
    for _ in range(10):
        costs = rng.random(shape)
        ours, theirs = postprocess_highernet.py_max_match(costs), highernet.py_max_match(costs)
        np.testing.assert_array_equal(ours, theirs, strict=True)


@pytest.mark.filterwarnings("ignore:All-NaN slice:RuntimeWarning")
def test_tags_that_the_network_has_found_itself(highernet):
    tags, places, scores = np.zeros((3, 1, 30, 17), np.float32)
    # Whole rows, at which picamera2 does not cut them either.
    places[0, 0], scores[0, 0] = 192 * (10 + np.arange(17)), 0.9
    places[0, 0] += 192 * 2
    arguments = ([tags, places, scores], (480, 640), (0, 0), (0, 0), True)
    ours = postprocess_highernet.postprocess_higherhrnet(*arguments, tag_per_joint=False)
    theirs = highernet.postprocess_higherhrnet(*arguments, tag_per_joint=False)
    np.testing.assert_allclose(ours[0], theirs[0], rtol=1e-6)
    assert ours[1] == theirs[1]
    # Raw heat maps need them: picamera2 raises NotImplementedError.
    maps = np.zeros((12, 10, 17))
    with pytest.raises(NotImplementedError):
        highernet.top_k(maps, maps, tag_per_joint=False)
    with pytest.raises(DecoderError, match="tag for each joint"):
        postprocess_highernet.top_k(maps, maps, tag_per_joint=False)


class Pen:
    """Notes what is drawn, where OpenCV would draw it."""

    FONT_HERSHEY_SIMPLEX = 0

    def __init__(self):
        self.drawn = []

    def __getattr__(self, name):
        return lambda img, *rest: self.drawn.append((name, *rest))


def drawing_of(module, imx500, keypoints, rescale):
    drawer = object.__new__(module.COCODrawer)
    drawer.categories, drawer.imx500, drawer.needs_rescale_coords = ["cat"], imx500, rescale
    drawer.__dict__["_cv2"] = pen = Pen()
    boxes, scores, classes = np.float32([[-1, 2.5, 30.7, 40.2]] * 2), [0.9, 0.1], np.float32([0, 0])
    drawer.annotate_image(
        None, boxes, scores, classes, keypoints, 0.5, 0.3, {"ScalerCrop": FULL}, Picamera2(), "main"
    )
    return pen.drawn


@pytest.mark.parametrize("columns", [3, 4])
def test_drawings(columns, rng):
    keypoints = rng.uniform(-5, 100, (2, 17, columns))
    keypoints[..., 2] = np.linspace(0, 1, 17)
    theirs = drawing_of(peer_module("postprocess"), None, keypoints, False)
    ours = drawing_of(postprocess, None, keypoints, False)
    # All limbs have one colour: their order does not show.
    assert sorted(ours, key=str) == sorted(theirs, key=str)
    assert {call[0] for call in ours} == {"rectangle", "putText", "line", "circle"}


def overlay_of(module, colors):
    drawer = object.__new__(module.COCODrawer)
    masks, shown = np.random.default_rng(5).random((3, 4, 5)), []
    picam2 = SimpleNamespace(set_overlay=shown.append)
    drawer.overlay_masks(picam2, masks, [0.9, 0.1, 0.8], colors)
    return shown[0]


def test_overlays(rng):
    theirs = peer_module("postprocess")
    # As the demo's table of 90 colours is, by class id, and one too few.
    for colors in (rng.random((90, 3)), {n: (0, 1, n / 3) for n in range(3)}, rng.random((3, 4))):
        ours, other = overlay_of(postprocess, colors), overlay_of(theirs, colors)
        np.testing.assert_array_equal(ours, other, strict=True)
        assert ours.any()
    for module in (postprocess, theirs):
        with pytest.raises(IndexError):
            overlay_of(module, [(1, 0, 0)])


@pytest.fixture
def network():
    return imx.Network.find(SSD)


@pytest.fixture
def both(network):
    """Our IMX500 and picamera2's, of one network, through the full sensor."""
    peer_module("imx500")
    ours = IMX500("", device=Device(), coordinates="picamera2")
    ours.network = network
    return ours, peer_with(network, FULL)


def test_input_tensors_that_numpy_has_widened(both, rng):
    ours, theirs = both
    tensor = tuple(rng.integers(0, 256, 3 * 320 * 320).tolist())
    for given in (tensor, np.array(tensor), np.array(tensor, float), np.array(tensor, np.uint8)):
        equal(ours.input_tensor_image(given), theirs.input_tensor_image(given))
    with pytest.raises(OverflowError):
        theirs.input_tensor_image((-1, *tensor[1:]))
    with pytest.raises(TensorInfoError, match="from 0 to 255"):
        ours.input_tensor_image((-1, *tensor[1:]))


def test_an_input_size_that_the_program_has_written(both):
    ours, theirs = both
    for imx500 in both:
        imx500.config["input_tensor_size"] = (16, 9)
        assert imx500.get_input_size() == (16, 9)
    del ours.config["input_tensor_size"], theirs.config["input_tensor_size"]
    with pytest.raises(KeyError):
        theirs.get_input_size()
    with pytest.raises(MissingContextError):
        ours.get_input_size()


def test_outputs_of_unusual_metadata(both, network):
    ours, theirs = both
    values = frames.detector_tensors(network, 5, np.random.default_rng(2))
    metadata = frames.metadata(network, values)
    tensor, info = metadata["CnnOutputTensor"], metadata["CnnOutputTensorInfo"]
    for changed in (
        {"CnnOutputTensor": list(tensor)},
        {"CnnOutputTensor": tuple(map(int, tensor))},
        {"CnnOutputTensor": (float("nan"),) * len(tensor)},
        {"CnnOutputTensorInfo": bytes(info)},
        {"CnnOutputTensorInfo": list(info)},
        {"CnnOutputTensorInfo": None},
        {"CnnOutputTensor": []},
    ):
        found, expected = (imx500.get_outputs(metadata | changed, True) for imx500 in both)
        assert type(found) is type(expected)
        for mine, other in zip(found or [], expected or [], strict=True):
            np.testing.assert_array_equal(mine, other, strict=True)
        assert ours.get_output_shapes(metadata | changed) == theirs.get_output_shapes(
            metadata | changed
        )


@pytest.mark.parametrize(
    "box",
    [
        tuple(np.float32([[0.1], [0.2], [0.3], [0.4]])),
        tuple(np.float32([[[0.1]], [[0.2]], [[0.3]], [[0.4]]])),
        np.float32([0.1, 0.2, 0.3, 0.4]),
        [False, 0, 1, True],
        (0.5, 0.5, 0.1, 0.1),
    ],
)
@pytest.mark.filterwarnings("ignore:Conversion of an array:DeprecationWarning")
def test_boxes_of_all_kinds(both, box):
    ours, theirs = both
    metadata = {"ScalerCrop": [100, 50, 3000, 2000]}
    mine = ours.convert_inference_coords(box, metadata, Picamera2(), stream="main")
    try:
        other = theirs.convert_inference_coords(box, metadata, Picamera2(), stream="main")
    except TypeError:
        pytest.skip("this numpy makes no number of an array of one, as picamera2 wants it to")
    assert mine == tuple(map(int, other))


# numpy warns of what libcamera is about to refuse.
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
@pytest.mark.skipif(not peers.libcamera_is_real(), reason="needs libcamera's Python bindings")
@pytest.mark.parametrize("box", [(float("nan"),) * 4, (0.0, 0.0, 1e6, 1e6)])
def test_boxes_that_libcamera_refuses(both, box):
    ours, theirs = both
    with pytest.raises(TypeError):
        theirs.convert_inference_coords(box, {"ScalerCrop": FULL}, Picamera2())
    with pytest.raises(GeometryError):
        ours.convert_inference_coords(box, {"ScalerCrop": FULL}, Picamera2())


@pytest.mark.skipif(not peers.libcamera_is_real(), reason="needs libcamera's Python bindings")
def test_regions_that_libcamera_refuses(both):
    ours, theirs = both
    for region in ((0, 0, -1, 5), (0.0, 0.0, 9.0, 9.0), (1, 2, 3), None):
        with pytest.raises(TypeError):
            theirs.set_inference_roi_abs(region)
        with pytest.raises(GeometryError):
            ours.set_inference_roi_abs(region)
    with pytest.raises(TypeError):
        theirs.set_inference_aspect_ratio((4.0, 3.0))
    with pytest.raises(GeometryError):
        ours.set_inference_aspect_ratio((4.0, 3.0))


def test_pictures_without_a_raw_stream(both):
    camera = Picamera2()
    camera.camera_config |= {"raw": None, "lores": None}
    metadata = {"ScalerCrop": FULL}
    for imx500 in both:
        with pytest.raises(TypeError):
            imx500.convert_inference_coords((0, 0, 1, 1), metadata, camera)
        with pytest.raises(TypeError):
            imx500.get_roi_scaled(Request(metadata, camera))
        with pytest.raises(TypeError):
            imx500.get_isp_output_size(camera, "lores")


@pytest.mark.parametrize("progress", [("1", "2097152", "4194304"), ("2", "4194304", "4194304")])
@pytest.mark.parametrize("stage", [0, 1, 2, 3, -1])
def test_progress_of_any_stage(both, progress, stage):
    ours, theirs = both
    ours.device = Device("readable")
    name = ("loader", "firmware", "network")[int(progress[0])]
    total = int(progress[2]) if name == "network" else None
    ours.device.progress = UploadProgress(name, int(progress[1]), total)
    theirs._fw_progress_read = lambda: " ".join(progress) + "\n"
    theirs._fw_progress_chunk_read = lambda: "0\n"
    mine, other = (imx500.get_fw_upload_progress(stage) for imx500 in both)
    assert mine[0] == other[0]
    # The driver's size is the network's, also while its firmware is being sent.
    assert mine[1] == (other[1] if stage != 1 else 0)
