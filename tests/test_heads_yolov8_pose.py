"""Pose heads of YOLOv8's kind, raw and suppressed on the sensor, against an oracle."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from oracles import yolov8_oracle as oracle
from oracles.on_sensor_oracle import decode as on_sensor
from yolov8_networks import ANCHORS, SIZE, arranged, network, spec

import imx500_native as imx
from imx500_native import Decoder, DecoderError
from imx500_native.heads.ultralytics import UltralyticsPoseHead
from imx500_native.heads.yolov8_pose import YOLOv8PoseHead
from imx500_native.results.poses import COCO_KEYPOINTS

CELLS = oracle.grid(SIZE, (8, 16, 32))

any_float = st.floats(width=32, allow_nan=True, allow_infinity=True)


def scene(rng, channels):
    boxes = rng.uniform(0.5, 6, (ANCHORS, 4)).astype(np.float32)
    scores = rng.uniform(-9, -3, (ANCHORS, 1)).astype(np.float32)
    scores[rng.choice(ANCHORS, 8, replace=False)] = 2.0
    return boxes, scores, rng.uniform(-5, 5, (ANCHORS, channels)).astype(np.float32)


def pose_network(tables, **facts):
    return network([spec(table.shape) for table in tables], **facts)


def compared(found, tables, *, dimensions=3, **options):
    """Compare poses with the oracle's."""
    boxes, scores, points = tables
    rows = oracle.decode(
        boxes,
        scores,
        **{
            "form": "distances",
            "units": SIZE,
            "cells": CELLS,
            "logits": True,
            "threshold": 0.5,
            "iou_threshold": 0.7,
        }
        | options,
    )
    raw = options.get("form", "distances") == "distances"
    xy, confidence = oracle.keypoints(
        points,
        [row[3] for row in rows],
        dimensions=dimensions,
        offsets=raw,
        logits=raw,
        units=options.get("units", SIZE),
        cells=CELLS,
    )
    assert len(found) == len(rows) > 0
    np.testing.assert_allclose(found.xy, xy, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found.keypoint_confidence, confidence, rtol=1e-6)
    np.testing.assert_allclose(found.detection_confidence, [row[1] for row in rows], rtol=1e-6)
    np.testing.assert_allclose(found.xyxy, [row[0] for row in rows], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("keypoints", "dimensions"), [(17, 3), (17, 2), (4, 3), (1, 2)])
def test_scenes_equal_the_oracle(keypoints, dimensions):
    tables = scene(np.random.default_rng(1), keypoints * dimensions)
    outputs = arranged(tables)
    decoder = Decoder(pose_network(outputs))
    assert (decoder.head, decoder.task) == ("yolov8_pose", "pose estimation")
    found = decoder(outputs)
    compared(found, tables, dimensions=dimensions)
    assert found.keypoint_names == (COCO_KEYPOINTS if keypoints == 17 else None)
    assert decoder(None).xy.shape == (0, keypoints, 2)


@given(points=hnp.arrays(np.float32, (ANCHORS, 6), elements=any_float, fill=st.just(np.float32(1))))
def test_any_keypoints_equal_the_oracle(points):
    boxes, scores, _ = scene(np.random.default_rng(2), 6)
    outputs = arranged((boxes, scores, points))
    found = Decoder(pose_network(outputs))(outputs)
    compared(found, (boxes, scores, points))
    lost = np.isnan(found.xy).any(axis=2)
    assert (found.keypoint_confidence[lost] == 0).all()
    assert np.isfinite(found.keypoint_confidence).all()


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("batch", [False, True])
@pytest.mark.parametrize("turned", [False, True])
def test_every_layout_gives_the_same(order, batch, turned):
    tables = scene(np.random.default_rng(3), 51)
    plain = arranged(tables)
    expected = Decoder(pose_network(plain))(plain)
    for joined in (False, True):
        options = {}
        if joined:
            options = {"boxes": "distances", "scores": "logits"}
        outputs = arranged(tables, joined=joined, turned=turned, batch=batch, order=order)
        decoder = Decoder(pose_network(outputs), **options)
        assert decoder.head == "yolov8_pose"
        found = decoder(outputs)
        np.testing.assert_array_equal(found.xy, expected.xy)
        np.testing.assert_array_equal(found.keypoint_confidence, expected.keypoint_confidence)
        np.testing.assert_array_equal(found.xyxy, expected.xyxy)


def test_a_single_tensor_is_decoded_already():
    rng = np.random.default_rng(4)
    boxes = rng.uniform(10, 60, (ANCHORS, 4)).astype(np.float32)
    scores = rng.uniform(0, 0.55, (ANCHORS, 1)).astype(np.float32)
    points = rng.uniform(0, 1, (ANCHORS, 51)).astype(np.float32)
    outputs = arranged((boxes, scores, points), joined=True)
    found = Decoder(network([spec((56, ANCHORS), "i2", 1 / 32)]))(outputs)
    compared(found, (boxes, scores, points), form="centres", logits=False)


def test_a_single_tensor_of_other_channels_is_a_pose_by_its_name_task_or_number_of_keypoints():
    outputs = [spec((5 + 3 * 4, ANCHORS), "i2", 1 / 32)]
    assert Decoder(network(outputs)).task == "object detection"
    assert Decoder(network(outputs, name="my_pose")).task == "pose estimation"
    assert Decoder(network(outputs, task="pose estimation")).task == "pose estimation"
    decoder = Decoder(network(outputs), head="yolov8_pose", keypoints=6)
    assert decoder(None).xy.shape == (0, 6, 2)
    with pytest.raises(DecoderError, match=r"5 \+ 3 \* keypoints, n\).*\(17, 126\)"):
        Decoder(network(outputs), head="yolov8_pose", keypoints=9)
    for wrong in (0, -1, 1.5):
        with pytest.raises(DecoderError, match="keypoints must be None or an integer"):
            Decoder(network(outputs), head="yolov8_pose", keypoints=wrong)


def test_visibility_may_be_a_probability():
    tables = scene(np.random.default_rng(5), 3)
    tables[2][:, 2] = 0.25
    outputs = arranged(tables)
    found = Decoder(pose_network(outputs), visibility="probabilities")(outputs)
    assert (found.keypoint_confidence == 0.25).all()
    with pytest.raises(DecoderError, match="visibility must be one of"):
        Decoder(pose_network(outputs), visibility="maybe")


def test_wrong_shapes_show_both():
    outputs = arranged(scene(np.random.default_rng(6), 51))
    decoder = Decoder(pose_network(outputs))
    with pytest.raises(DecoderError, match=r"\(3 \* keypoints, n\).*\(50, 126\)"):
        decoder([*outputs[:2], outputs[2][:50]])


def test_which_networks_fit():
    zoo = [imx.Network.find(name) for name in imx.Network.zoo_names()]
    assert not any(YOLOv8PoseHead.fits(one) or UltralyticsPoseHead.fits(one) for one in zoo)


def suppressed(rows=30, columns=51, **facts):
    shapes = [(rows, 4), (rows,), (rows,), (rows, columns)]
    return network([spec(shape, "i2", 1 / 32) for shape in shapes], **facts)


def tensors(rng, rows=30, columns=51):
    boxes = np.sort(rng.uniform(0, 64, (rows, 2, 2)), axis=1).reshape(rows, 4)
    scores = rng.integers(0, 256, rows) / 256
    points = rng.uniform(0, 64, (rows, columns))
    parts = (boxes, scores, np.zeros(rows), points)
    return [np.array(part, np.float32, order="F") for part in parts]


@given(
    seed=st.integers(0, 2**32 - 1),
    scores=hnp.arrays(np.float32, 30, elements=any_float),
    points=hnp.arrays(np.float32, (30, 6), elements=any_float, fill=st.just(np.float32(8))),
    limit=st.sampled_from([None, 0, 3]),
)
def test_suppressed_poses_equal_the_oracle(seed, scores, points, limit):
    outputs = tensors(np.random.default_rng(seed), columns=6)
    outputs[1:] = scores, outputs[2], points
    decoder = Decoder(suppressed(columns=6), 0.25, limit)
    assert decoder.head == "ultralytics_pose"
    found = decoder(outputs)
    rows = on_sensor((*outputs[:3], [30.0]), order="xy", units=SIZE, threshold=0.25, limit=limit)
    assert found.detection_confidence.tolist() == [row[1] for row in rows]
    np.testing.assert_array_equal(found.xyxy, np.reshape([row[0] for row in rows], (-1, 4)))
    order = [i for i in np.argsort(-scores, kind="stable") if 0.25 <= scores[i] < np.inf][:limit]
    xy, confidence = oracle.keypoints(
        points, order, dimensions=3, offsets=False, logits=False, units=SIZE, cells=None
    )
    np.testing.assert_array_equal(found.xy, xy)
    np.testing.assert_array_equal(found.keypoint_confidence, confidence)


def test_suppressed_poses_may_be_fractions():
    outputs = tensors(np.random.default_rng(7))
    pixels = Decoder(suppressed())(outputs)
    parts = [*outputs]
    parts[0] = outputs[0] / np.array([*SIZE, *SIZE])
    parts[3] = outputs[3] / np.tile([*SIZE, 1], 17)
    fractions = Decoder(suppressed(), normalized=True)(parts)
    np.testing.assert_allclose(fractions.xy, pixels.xy, rtol=1e-5)
    np.testing.assert_allclose(fractions.xyxy, pixels.xyxy, rtol=1e-5)
    np.testing.assert_array_equal(fractions.keypoint_confidence, pixels.keypoint_confidence)


def test_suppressed_poses_of_wrong_shapes_show_both():
    decoder = Decoder(suppressed())
    outputs = tensors(np.random.default_rng(8))
    with pytest.raises(DecoderError, match=r"\(n, 3 \* keypoints\).*\(30, 50\)"):
        decoder([*outputs[:3], outputs[3][:, :50]])
    with pytest.raises(DecoderError, match=r"\(n, 3 \* keypoints\).*\(30, 7\)"):
        Decoder(suppressed(columns=7), head="ultralytics_pose")
    assert decoder(None).fresh is False
