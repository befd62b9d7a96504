"""What every head refuses: outputs that are no tensors of its network, options out of range."""

from __future__ import annotations

import contextlib
import inspect
import re

import dense_networks
import numpy as np
import pytest
import yolov8_networks
from yolov8_networks import ANCHORS, SHEET, spec

import imx500_native as imx
from imx500_native import Decoder, DecoderError, InputSpec, Network, OutputSpec
from imx500_native.heads import HEADS, head_class


def suppressed(*more):
    return yolov8_networks.network([spec(s) for s in ((30, 4), (30,), (30,), *more)], "suppressed")


def rows(*shapes):
    return yolov8_networks.network([spec(shape) for shape in shapes])


NETWORKS = {
    "on_sensor": lambda: Network.find("ssd_mobilenetv2_fpnlite_320x320_pp"),
    "ultralytics_pose": lambda: suppressed((30, 51)),
    "ultralytics_segmentation": lambda: suppressed((30, 8), (8, *SHEET)),
    "yolov8_segmentation": lambda: rows((4, ANCHORS), (3, ANCHORS), (8, ANCHORS), (8, *SHEET)),
    "yolov8_pose": lambda: rows((4, ANCHORS), (1, ANCHORS), (51, ANCHORS)),
    "yolov8": lambda: yolov8_networks.detector(3),
    "nanodet": lambda: Network.find("nanodet_plus_416x416"),
    "yolov5": lambda: dense_networks.network((64, 64), [(64, 3, 7), (16, 3, 7), (4, 3, 7)]),
    "efficientdet": lambda: dense_networks.network((64, 64), [(774, 5), (774, 4)]),
    "posenet": lambda: Network.find("posenet"),
    "higherhrnet": lambda: Network.find("higherhrnet_coco"),
    "segmentation": lambda: Network.find("deeplabv3plus"),
    "classification": lambda: Network.find("mobilenet_v2"),
}


def made(name, **options):
    return Decoder(NETWORKS[name](), head=name, **options)


def zeros(decoder):
    return [np.zeros(shape, np.float32) for shape in decoder.network.output_shapes]


@pytest.mark.parametrize("name", HEADS)
def test_the_decoders_help_tells_of_every_head_and_its_parameters(name):
    # Python 3.13 takes the indentation away itself.
    notes = inspect.getdoc(Decoder).split("Notes\n")[1]
    described = re.split(r"\n(\w+)\n    ", notes)
    texts = dict(zip(described[1::2], described[2::2], strict=True))
    assert list(texts) == list(HEADS)
    text = " ".join(texts[name].split())
    assert f"`{type(made(name)(None)).__name__}`" in text
    parameters = set(head_class(name).__init__.__kwdefaults__) - {"threshold", "max_detections"}
    named = re.search(r"Parameters: ([\w, ]+)", text)
    assert set(named[1].split(", ") if named else ()) == parameters


class Nothing:
    pass


NO_OUTPUTS = [5, Nothing(), "abcd", {"a": 1}, b"abcd", np.zeros(3, np.float32), np.float32(3)]
NO_TENSORS = [
    None,
    Nothing(),
    "abcd",
    [[1, 2], [3]],
    np.array(["a", "b"]),
    np.array([Nothing()]),
    np.zeros(3, "M8[s]"),
    np.broadcast_to(np.float32(0), (1 << 40, 1 << 20)),
]


def test_every_head_is_here():
    assert set(NETWORKS) == set(HEADS)


@pytest.mark.parametrize("name", HEADS)
def test_what_are_no_outputs_is_refused_with_both_shapes(name):
    decoder = made(name)
    for outputs in NO_OUTPUTS:
        with pytest.raises(DecoderError) as caught:
            decoder(outputs)
        assert head_class(name).reads in str(caught.value)
        assert type(outputs).__name__ in str(caught.value)
    decoder(zeros(decoder))


@pytest.mark.parametrize("name", HEADS)
def test_what_are_no_tensors_is_refused_with_both_shapes(name):
    decoder = made(name)
    good = zeros(decoder)
    for place, tensor in enumerate(good):
        wrong = [
            *NO_TENSORS,
            tensor.astype(complex),
            tensor.astype(str),
            np.zeros((2, 3, 5, 7), np.float32),
            np.zeros((0, 0, 0, 0), np.float32),
        ]
        for one in wrong:
            with pytest.raises(DecoderError) as caught:
                decoder([*good[:place], one, *good[place + 1 :]])
            assert head_class(name).reads in str(caught.value)
    decoder(good)


class Claims(np.ndarray):
    claimed = ()

    @property
    def shape(self):
        return self.claimed


@pytest.mark.parametrize("name", HEADS)
def test_a_shape_that_a_tensor_only_claims_is_refused(name):
    decoder = made(name)
    good = zeros(decoder)
    for place, tensor in enumerate(good):
        claims = np.zeros((1, 2, 3, 4), np.float32, order="F").view(Claims)
        claims.claimed = tensor.shape
        with pytest.raises(DecoderError):
            decoder([*good[:place], claims, *good[place + 1 :]])


@pytest.mark.parametrize("name", HEADS)
def test_any_numbers_and_sequences_are_read(name):
    decoder = made(name)
    good = zeros(decoder)
    expected = len(decoder(good))
    for kind in (">f8", "f2", "?", "i1", "u8", "g"):
        assert len(decoder([tensor.astype(kind) for tensor in good])) == expected
    assert len(decoder([tensor.tolist() for tensor in good])) == expected
    assert len(decoder(iter(good))) == expected


@pytest.mark.parametrize("name", HEADS)
@pytest.mark.parametrize("limit", [0, 2**70])
def test_any_limit_works(name, limit):
    if name == "segmentation":
        pytest.skip("a map has a class for every pixel")
    decoder = made(name, max_detections=limit)
    assert decoder.max_detections == limit
    found = decoder(zeros(decoder))
    assert limit or len(found) == 0


OPTIONS = {
    "threshold": (-0.01, 1.01, "a", float("nan"), [0.5]),
    "max_detections": (-1, 1.5, "a", True),
    "iou_threshold": (-0.01, 2, None, "a"),
    "keypoint_threshold": (-1, 1.5, None, "a"),
    "tag_threshold": (0, -1, None, "a", float("inf"), True),
    "map_size": (5, "ab", (1,), (0, 4), (2.5, 4), (10**6, 10**6), (None, 3)),
    "joint_order": (5, "a", (0, 1), [None] * 17),
    "strides": (5, "8", (0,), (8.5,), (8,) * 9, (10**400,), [None], ()),
    "bins": (0, 1.5, "a", 10**30),
    "levels": (5, (3,), (3, 99), (7, 3), ("a", "b"), (3, 10**400), None),
    "anchor_scale": (0, -1, "a", None, float("inf")),
    "anchors": (5, (), (5, 5, 5), (((1, 2), (3,)),) * 3, ((("a", "b"),),) * 3, (((1, 0),),) * 3),
    "offset_refinement_steps": (-1, 101, "a", None),
    "nms_radius": (-1, "a", None, float("inf"), 1e300),
    "stride": (0, "a", float("inf"), 1e300),
    "keypoints": (0, 5, "a", 10**30),
    "background": (-1, "a", 1.5, 40000),
    "softmax": ("a", 1),
    "boxes": ("a", 5, [1]),
    "scores": ("a", 5, [1]),
    "visibility": ("a", 5, [1]),
}


@pytest.mark.parametrize("name", HEADS)
def test_options_out_of_range_are_refused(name):
    network = NETWORKS[name]()
    known = head_class(name).__init__.__kwdefaults__
    for option, values in OPTIONS.items():
        if option not in known:
            continue
        for value in values:
            with pytest.raises(DecoderError):
                Decoder(network, head=name, **{option: value})


SHAPES = [
    [(1,)],
    [(7,)],
    [(1, 1)],
    [(4, 4), (4, 4)],
    [(1, 1, 1)],
    [(1, 1, 1, 1, 1)],
    [(5,), (5,), (5,)],
    [(2, 2, 17), (2, 2, 34), (2, 2, 64)],
    [(3, 4), (3,), (3,), (1,)],
    [(3, 4), (3,), (3,), (3, 1)],
    [(3, 4), (3,), (3,), (3, 2), (2,)],
    [(3, 300), (3, 300), (3, 300)],
    [(4, 21), (1, 21), (3, 21), (2, 2)],
]


@pytest.mark.parametrize("name", HEADS)
@pytest.mark.parametrize("shapes", SHAPES, ids=str)
def test_networks_of_other_heads_are_refused(name, shapes):
    network = Network.from_specs(
        input=InputSpec(32, 32),
        outputs=[OutputSpec("t", shape, np.dtype("i1"), 1.0) for shape in shapes],
    )
    assert head_class(name).fits(network) in (True, False)
    # Nothing but a DecoderError; some of the heads read some of these.
    with contextlib.suppress(DecoderError):
        Decoder(network, head=name)


@pytest.mark.parametrize("result", [int, "Poses", imx.Poses.empty()])
def test_a_function_says_one_of_the_results(result):
    network = NETWORKS["on_sensor"]()
    with pytest.raises(DecoderError, match=r"result must be .*Poses"):
        Decoder(network, head=lambda outputs, network: None, result=result)
