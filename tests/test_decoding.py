"""Decoders against row-by-row references."""

from __future__ import annotations

import gc
import json
import subprocess
import sys
import textwrap
import threading
import weakref

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from oracles.on_sensor_oracle import decode

import imx500_native as imx
from imx500_native import Decoder, DecoderError, Network, NetworkTypeError, Pipeline, TaskError
from imx500_native._decode import OnSensorHead
from imx500_native._frame import cached_decoder

ON_SENSOR = {
    # name: (box order, box units, labels)
    "ssd_mobilenetv2_fpnlite_320x320_pp": ("yx", (1, 1), 90),
    "nanodet_plus_416x416_pp": ("yx", (1, 1), 80),
    "efficientdet_lite0_pp": ("yx", (320, 320), 90),
    "yolov8n_pp": ("xy", (640, 640), 80),
    "yolo11n_pp": ("xy", (640, 640), 80),
}

any_float = st.floats(width=32, allow_nan=True, allow_infinity=True)
grid_score = st.integers(0, 255).map(lambda step: step / 256)


@st.composite
def tensors(draw):
    rows = draw(st.integers(1, 12))

    def column(values, shape=(rows,)):
        return draw(hnp.arrays(np.float32, shape, elements=values))

    boxes = column(st.one_of(st.floats(-2, 2, width=32), any_float), (rows, 4))
    scores = column(st.one_of(grid_score, any_float))
    classes = column(st.one_of(st.integers(-3, 95).map(float), any_float))
    count = column(st.one_of(st.integers(-2, 14).map(float), any_float), (1,))
    return tuple(np.asfortranarray(part) for part in (boxes, scores, classes, count))


@given(
    outputs=tensors(),
    order=st.sampled_from(["xy", "yx"]),
    units=st.sampled_from([(1, 1), (320, 240)]),
    threshold=grid_score,
    limit=st.one_of(st.none(), st.integers(0, 12)),
)
def test_head_equals_the_oracle(outputs, order, units, threshold, limit):
    head = OnSensorHead(order == "xy", *units)
    xyxy, confidence, class_id = head(outputs, threshold, -1 if limit is None else limit)
    expected = decode(outputs, order=order, units=units, threshold=threshold, limit=limit)
    assert class_id.tolist() == [row[2] for row in expected]
    assert confidence.tolist() == [row[1] for row in expected]
    np.testing.assert_array_equal(
        xyxy, np.array([row[0] for row in expected], np.float32).reshape(-1, 4)
    )


@given(scores=hnp.arrays(np.float32, st.integers(1, 300), elements=grid_score))
def test_unsorted_scores_come_out_sorted_and_ties_keep_their_order(scores):
    rows = len(scores)
    outputs = (
        np.zeros((rows, 4), np.float32),
        scores,
        np.arange(rows, dtype=np.float32),
        np.array([rows], np.float32),
    )
    _, confidence, class_id = OnSensorHead(True, 1, 1)(outputs, 0.0, -1)
    order = np.argsort(-scores, kind="stable")
    assert class_id.tolist() == order.tolist()
    assert confidence.tolist() == scores[order].tolist()


def fill(network, boxes_xyxy, scores, classes):
    """Put objects, in 0..1 of the input, into tensors as the network's sensor sends them."""
    order, units, _ = ON_SENSOR[network.name]
    made = [np.zeros(shape, np.float32, order="F") for shape in network.output_shapes]
    for row, (x0, y0, x1, y1) in enumerate(boxes_xyxy):
        width, height = units
        values = [x0 * width, y0 * height, x1 * width, y1 * height]
        made[0][row] = values if order == "xy" else [values[1], values[0], values[3], values[2]]
    made[1][: len(scores)] = scores
    made[2][: len(classes)] = classes
    made[3][0] = len(scores)
    return tuple(made)


@pytest.mark.parametrize("name", ON_SENSOR)
def test_every_on_sensor_detector_of_the_zoo_is_decoded(name):
    network = Network.find(name)
    order, units, labels = ON_SENSOR[name]
    assert network.box_order == order
    assert network.boxes_normalized == (units == (1, 1))
    assert network.input.width in (*units, 320, 416)
    assert network.labels is not None
    assert len(network.labels) == labels
    boxes = [[0.125, 0.25, 0.5, 0.75], [0.0, 0.5, 0.25, 1.0]]
    outputs = fill(network, boxes, [0.75, 0.5], [2, 0])
    found = Decoder.for_network(network, threshold=0.5)(outputs)
    assert found.space == "network"
    assert found.fresh
    np.testing.assert_array_equal(found.xyxy, np.array(boxes, np.float32))
    assert [(d.label, d.class_id, d.confidence) for d in found] == [
        ("car", 2, 0.75),
        ("person", 0, 0.5),
    ]


def test_rows_beyond_the_count_are_stale_and_ignored():
    network = Network.find("ssd_mobilenetv2_fpnlite_320x320_pp")
    outputs = fill(network, [[0, 0, 1, 1]] * 3, [0.9, 0.9, 0.9], [1, 2, 3])
    outputs[3][0] = 2
    assert Decoder(network)(outputs).class_id.tolist() == [1, 2]


def test_the_threshold_itself_counts_and_the_limit_keeps_the_best():
    network = Network.find("yolo11n_pp")
    outputs = fill(network, [[0, 0, 1, 1]] * 3, [0.25, 0.5, 0.75], [1, 2, 3])
    assert Decoder(network, threshold=0.5)(outputs).class_id.tolist() == [3, 2]
    assert Decoder(network, threshold=0.0, max_detections=1)(outputs).class_id.tolist() == [3]


def test_class_ids_without_a_label_have_none():
    network = Network.find("yolo11n_pp")
    outputs = fill(network, [[0, 0, 1, 1]] * 3, [0.75] * 3, [79, 80, -1])
    assert [(d.class_id, d.label) for d in Decoder(network)(outputs)] == [
        (79, "toothbrush"),
        (80, None),
        (-1, None),
    ]


def test_any_strides_give_the_same_result():
    network = Network.find("yolov8n_pp")
    rng = np.random.default_rng(3)
    outputs = fill(network, rng.random((40, 4)), rng.random(40), rng.integers(0, 80, 40))
    wide = np.zeros((600, 8), np.float32)
    wide[::2, ::2] = outputs[0]
    decoder = Decoder(network, threshold=0.25)
    expected = decoder(outputs)
    for boxes in (np.ascontiguousarray(outputs[0]), wide[::2, ::2], outputs[0].astype("f8")):
        again = decoder((boxes, *outputs[1:]))
        np.testing.assert_array_equal(again.xyxy, expected.xyxy)
        np.testing.assert_array_equal(again.confidence, expected.confidence)


def test_without_tensors_the_result_is_empty_and_not_fresh():
    decoder = Decoder(Network.find("yolo11n_pp"))
    assert len(decoder(None)) == 0
    assert decoder(None).fresh is False


@pytest.mark.parametrize(
    "shapes",
    [
        [(100, 4)],
        [(100, 5), (100,), (100,), (1,)],
        [(100, 4), (99,), (100,), (1,)],
        [(100, 4), (100,), (101,), (1,)],
        [(100, 4), (100,), (100,), (2,)],
        [(400,), (100,), (100,), (1,)],
        [],
    ],
)
def test_wrong_shapes_show_both(shapes):
    decoder = Decoder(Network.find("ssd_mobilenetv2_fpnlite_320x320_pp"))
    with pytest.raises(DecoderError, match=r"\(n, 4\), \(n,\), \(n,\) and \(1,\)") as caught:
        decoder(tuple(np.zeros(shape, np.float32) for shape in shapes))
    assert all(str(shape) in str(caught.value) for shape in shapes)


def test_a_network_of_another_head_is_a_task_error():
    with pytest.raises(TaskError, match=r"inputtensoronly.*\(10,\).*function of your own"):
        Decoder.for_network(Network.find("inputtensoronly"))


@pytest.mark.parametrize("network", [None, "yolo11n_pp", "/usr/x.rpk", 5])
@pytest.mark.parametrize("head", [None, "on_sensor", lambda outputs, network: None])
def test_what_is_no_network_is_named(network, head):
    for make in (Decoder, Decoder.for_network, Pipeline):
        with pytest.raises(NetworkTypeError, match=r"must be a Network, not .*Network\.find"):
            make(network, head=head)


def test_scores_classes_and_counts_that_are_not_finite():
    network = Network.find("yolo11n_pp")
    decoder = Decoder(network, 0.0)
    scores = [0.5, np.nan, np.inf, -np.inf, 0.25, 0.125]
    classes = [np.nan, 1, 2, 3, 2.75, -1]
    outputs = fill(network, [[0, 0, 0.5, 0.5]] * 6, scores, classes)
    found = decoder(outputs)
    assert found.confidence.tolist() == [0.5, 0.25, 0.125]
    assert found.class_id.tolist() == [-1, 2, -1]
    assert "Infinity" not in json.dumps(found.to_dict())
    for count, rows in ((np.nan, 0), (-np.inf, 0), (0.75, 0), (1.75, 1), (1e9, 3), (np.inf, 3)):
        outputs[3][0] = count
        # All rows count, but those behind the sixth have neither score nor size.
        assert sum(decoder(outputs).confidence > 0) == rows


@pytest.mark.parametrize("threshold", [float("nan"), float("inf"), "0.5"])
def test_a_threshold_that_is_no_number_is_refused(threshold):
    with pytest.raises(DecoderError, match="threshold"):
        Decoder(Network.find("yolo11n_pp"), threshold=threshold)


def test_a_negative_limit_is_refused():
    with pytest.raises(DecoderError, match="max_detections"):
        Decoder(Network.find("yolo11n_pp"), max_detections=-1)


def test_cached_decoders_are_one_per_thread_and_die_with_their_network():
    network = Network.find("yolo11n_pp")
    mine = cached_decoder(network, 0.5, None)
    assert cached_decoder(network, 0.5, None) is mine
    assert cached_decoder(network, 0.25, None) is not mine
    others = []
    thread = threading.Thread(
        target=lambda network: others.append(cached_decoder(network, 0.5, None)), args=(network,)
    )
    thread.start()
    thread.join()
    assert others[0] is not mine
    watch = weakref.ref(network)
    del network, mine, thread
    others.clear()
    gc.collect()
    assert watch() is None


def test_sweeping_thresholds_does_not_collect_decoders():
    network = Network.find("yolo11n_pp")
    first = cached_decoder(network, 0.0, None)
    for step in range(80):
        cached_decoder(network, step / 256, None)
    assert cached_decoder(network, 0.0, None) is not first


def own_function(outputs, network):
    assert network.detects_on_sensor
    return imx.Detections(outputs[0][:1], [0.75], [2])


def test_a_function_of_ones_own_decodes():
    network = imx.Network.find("ssd_mobilenetv2_fpnlite_320x320_pp")
    decoder = imx.Decoder.for_network(network, head=own_function)
    outputs = [np.full(shape, 0.25, np.float32) for shape in network.output_shapes]
    found = decoder(outputs)
    assert found.xyxy.tolist() == [[0.25] * 4]
    assert decoder.task == "object detection"
    assert decoder.head == "own_function"
    nothing = decoder(None)
    assert isinstance(nothing, imx.Detections)
    assert not nothing.fresh


def test_a_function_may_give_another_result_if_it_is_said():
    network = imx.Network.find("ssd_mobilenetv2_fpnlite_320x320_pp")
    nobody = imx.Poses.empty()
    decoder = imx.Decoder(network, head=lambda outputs, network: nobody, result=imx.Poses)
    assert isinstance(decoder([]), imx.Poses)
    assert decoder.task == "pose estimation"
    assert isinstance(decoder(None), imx.Poses)
    wrong = imx.Decoder(network, head=lambda outputs, network: [])
    with pytest.raises(DecoderError, match="must return Detections, not list"):
        wrong([])


def test_what_a_function_gives_again_is_not_moved():
    network = imx.Network.find("ssd_mobilenetv2_fpnlite_320x320_pp")
    always = imx.Detections([[0.25, 0.25, 0.5, 0.5]], [0.75], [2])
    decoder = imx.Decoder(network, head=lambda outputs, network: always)
    mapper = imx.CoordinateMapper((0, 0, 4056, 3040), (0, 0, 4056, 3040), (1280, 720))
    for _ in range(2):
        found = decoder([])
        found.move_to(mapper)
        assert found.space == "stream"
        assert always.space == "network"


def test_a_function_gets_no_options():
    network = imx.Network.find("ssd_mobilenetv2_fpnlite_320x320_pp")
    with pytest.raises(DecoderError, match="a function of your own gets no threshold"):
        imx.Decoder(network, 0.5, head=own_function)


def test_unknown_heads_and_options_are_named():
    network = imx.Network.find("ssd_mobilenetv2_fpnlite_320x320_pp")
    with pytest.raises(DecoderError, match=r"no head 'yolov99'; known: on_sensor"):
        imx.Decoder(network, head="yolov99")
    with pytest.raises(DecoderError, match="takes no iou; it takes threshold, max_detections"):
        imx.Decoder(network, iou=0.5)


def test_a_named_head_refuses_other_outputs_with_both_shapes():
    network = imx.Network.find("mobilenet_v2")
    decoder = imx.Decoder(network, head="on_sensor")
    with pytest.raises(DecoderError, match=r"\(n, 4\), \(n,\), \(n,\) and \(1,\).*\(1000,\)"):
        decoder([np.zeros(1000, np.float32)])


@pytest.mark.parametrize(
    "decode",
    [
        "OnSensorHead(True, 1, 1)((boxes.copy(order='F'), scores, scores, [ROWS]), 0.0, 1)",
        "top_classes((scores,), False, 0.0, -1)",
    ],
)
def test_scores_that_another_thread_writes_to_meanwhile_spoil_no_memory(decode):
    # numpy gives Python's lock away while it copies, so that having it keeps nobody from writing.
    script = f"""
        import threading
        import numpy as np
        from imx500_native._decode import OnSensorHead
        from imx500_native._maps import top_classes
        ROWS = 100_000
        boxes = np.zeros((ROWS, 4), np.float32, order="F")
        scores = np.zeros(ROWS, np.float32)
        equal = np.full(ROWS, np.float32(0.75))
        random = np.random.default_rng(0).random(ROWS, np.float32)
        done = threading.Event()
        def write():
            while not done.is_set():
                np.copyto(scores, equal)
                np.copyto(scores, random)
        writer = threading.Thread(target=write)
        writer.start()
        for _ in range(600):
            {decode}
        done.set()
        writer.join()
        print("unharmed")
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (0, "unharmed\n"), done.stderr
