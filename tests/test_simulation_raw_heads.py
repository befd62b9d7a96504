"""The simulated camera before networks whose suppression is left to us: scenes come back."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

import imx500_native as imx
from imx500_native.decoding import Decoder
from imx500_native.errors import SimulationError
from imx500_native.geometry import FULL_ROI
from imx500_native.heads import HEADS, fitting_head
from imx500_native.simulation import SimulatedCamera
from imx500_native.simulation.encoders import _ENCODERS
from imx500_native.simulation.encoders.people import joint_score
from imx500_native.simulation.rendering import Renderer
from imx500_native.simulation.scene import SceneObject, visible_objects

SIZE = (320, 256)
SHEET = (80, 64)
ANCHORS = 40 * 32 + 20 * 16 + 10 * 8
LEVELS = [(40, 32), (20, 16), (10, 8)]
LABELS = imx.Network.find("yolo11n_pp").labels[:20]
RENDERER = Renderer()
ROIS = [FULL_ROI, (508, 0, 3040, 3040), (1400, 900, 1900, 1700), (0, 200, 2100, 2600)]


def spec(shape, kind="i1", scale=1 / 8, shift=0):
    return imx.OutputSpec("tensor", shape, np.dtype(kind), scale, shift)


def network(*outputs, name="my_network", size=SIZE, labels=LABELS, task=None):
    base = imx.Network.find("yolo11n_pp").input
    return imx.Network.from_specs(
        input=dataclasses.replace(base, width=size[0], height=size[1]),
        outputs=outputs,
        name=name,
        labels=labels,
        task=task,
    )


def suppressed(*more, **facts):
    rows = [spec((40,), "u1", 1 / 256), spec((40,), "u1", 1)]
    return network(spec((40, 4), "i2", 1 / 32), *rows, *more, **facts)


DISTANCES = spec((4, ANCHORS), "u1", 1 / 16)
PIXELS = {"kind": "i2", "scale": 1 / 32}
FRACTIONS = {"kind": "i2", "scale": 2**-13}
OF_EFFICIENTDET = 9 * sum(math.ceil(320 / 2**n) * math.ceil(256 / 2**n) for n in range(3, 8))
CODES = spec((OF_EFFICIENTDET, 4), scale=1 / 32)
LOGITS = spec((OF_EFFICIENTDET, 20), scale=1 / 16)
JOINED_V5 = sum(3 * columns * lines for columns, lines in LEVELS)
PROTOTYPES = spec((32, 64, 80), scale=1 / 32)

DETECTORS = {
    "yolov8 logits": network(DISTANCES, spec((20, ANCHORS))),
    "yolov8 probabilities": network(DISTANCES, spec((20, ANCHORS), "u1", 1 / 256)),
    "yolov8 anchors first": network(
        spec((1, ANCHORS, 4), "u1", 1 / 16), spec((1, ANCHORS, 20), shift=-20)
    ),
    "yolov8 in one": network(spec((24, ANCHORS), **PIXELS)),
    "yolov8 in one, fractions": network(spec((1, ANCHORS, 24), **FRACTIONS), name="my_yolo"),
    "yolov5 cells": network(*(spec((c * r, 3, 25), "u1", 1 / 256) for c, r in LEVELS)),
    "yolov5 anchors first": network(
        *(spec((3, r, c, 25), "u1", 1 / 256) for c, r in reversed(LEVELS))
    ),
    "yolov5 anchors last": network(*(spec((r, c, 3, 25), "u1", 1 / 256) for c, r in LEVELS)),
    "yolov5 decoded": network(spec((JOINED_V5, 25), **PIXELS)),
    "yolov5 decoded, fractions": network(spec((JOINED_V5, 25), **FRACTIONS)),
    "efficientdet": network(LOGITS, CODES),
    "efficientdet boxes first": network(CODES, LOGITS),
}
POSES = {
    "yolov8 poses": network(DISTANCES, spec((1, ANCHORS)), spec((51, ANCHORS)), labels=None),
    "yolov8 poses, places only": network(
        DISTANCES, spec((1, ANCHORS)), spec((ANCHORS, 34)), labels=None
    ),
    "yolov8 poses in one": network(spec((56, ANCHORS), **PIXELS), labels=None),
    "ultralytics poses": suppressed(spec((40, 51), **PIXELS), labels=None),
    "ultralytics poses, places only": suppressed(spec((40, 34), **PIXELS), labels=None),
}
MASKS = {
    "yolov8 masks": network(
        DISTANCES, spec((20, ANCHORS)), spec((32, ANCHORS)), PROTOTYPES, task="segmentation"
    ),
    "yolov8 masks in one": network(
        spec((1, 56, ANCHORS), **PIXELS), spec((1, 64, 80, 32), "u1", 1 / 64, 18)
    ),
    "ultralytics masks": suppressed(spec((40, 32), scale=1 / 32), PROTOTYPES),
    "ultralytics masks, sheets last": suppressed(
        spec((40, 16), scale=1 / 32), spec((64, 80, 16), "u1", 1 / 64)
    ),
}
ALL = DETECTORS | POSES | MASKS


def simulated(network, **options):
    options = {"real_time": False, "seed": 1, "size": (160, 120), "noise": 0, **options}
    camera = SimulatedCamera(network, **options)
    camera._renderer = RENDERER
    return camera


def frames(camera, count, every=25):
    with camera:
        for index in range(count):
            camera._next = max(camera._next, index * every)
            yield camera.capture()


def truth(camera, frame):
    return visible_objects(camera._world.at(frame.sequence / camera.frame_rate), frame.roi)


def score_of(thing):
    return min(max(0.55 + 0.42 * thing.visible - 0.03 * (thing.depth - 1), 0.05), 0.99)


def steps_off(name, thing):
    """How far an edge in pixels may be off, because tensors hold whole steps of their scales."""
    width, height = np.subtract(thing.xyxy[2:], thing.xyxy[:2]) * SIZE
    longest = max(width, height)
    if name.startswith("ultralytics"):
        return 1 / 64
    if name.startswith("efficientdet"):
        # Half a step of the middle in anchors, of which the widest is a bit wider than the box,
        # and half of what half a step of the logarithm makes of the size.
        return longest * 1.6 / 64 + longest * math.expm1(1 / 64) / 2
    if "fractions" in name:
        return 0.75 * 2**-13 * max(SIZE)
    if "in one" in name or "decoded" in name:
        return 0.75 / 32
    if name.startswith("yolov5"):
        # A step is 1/256: of two strides in the middle, and of the root of a quarter of the size.
        return 32 / 256 + 2 * math.sqrt(373 * longest) / 512
    stride = next((s for s in (8, 16) if longest / 2 <= 4 * s), 32)
    return stride / 32


def matched(name, found, things):
    """Return the row of each object; its box and confidence must be right, within steps."""
    people = isinstance(found, imx.Poses)
    confidence = found.detection_confidence if people else found.confidence
    rows = []
    for thing in things:
        off = np.abs((found.xyxy - thing.xyxy) * (SIZE * 2)).max(axis=1)
        fits = off <= steps_off(name, thing) + 1e-3
        if not people:
            fits &= found.class_id == thing.class_id
        assert fits.any(), (thing, off.min(), steps_off(name, thing))
        wrong = np.where(fits, np.abs(confidence - score_of(thing)), np.inf)
        # A logit's step is 1/8, a quarter of which the sigmoid makes of it at most.
        assert wrong.min() <= 1 / 64 + 1e-4
        rows.append(int(wrong.argmin()))
    return rows


def test_every_head_has_an_encoder_and_is_tried_here():
    assert set(_ENCODERS) == set(HEADS)
    tried = {fitting_head(one).name for one in ALL.values()}
    assert {name.partition(" ")[0] for name in DETECTORS} <= tried
    assert tried >= {"yolov8_pose", "yolov8_segmentation"}
    assert tried >= {"ultralytics_pose", "ultralytics_segmentation"}


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("roi", ROIS)
def test_what_is_there_comes_back(name, roi):
    compared = 0
    for seed in (1, 2, 3):
        camera = simulated(ALL[name], roi=roi, seed=seed)
        decoder = Decoder.for_network(camera.network, 0.4)
        for frame in frames(camera, 3):
            things = truth(camera, frame)
            found = decoder(frame.outputs)
            rows = matched(name, found, things) if things else []
            assert sorted(rows) == list(range(len(found)))
            compared += len(rows)
    assert compared >= 15


@pytest.mark.parametrize("name", ALL)
def test_an_empty_scene_holds_nothing(name):
    for noise in (0, 1):
        camera = simulated(ALL[name], objects=0, noise=noise)
        decoder = Decoder.for_network(camera.network, 0.4)
        for frame in frames(camera, 4):
            assert len(decoder(frame.outputs)) == 0


@pytest.mark.parametrize("name", ALL)
def test_noise_changes_little_and_the_seed_decides_it(name):
    calm, noisy, again = (simulated(ALL[name], noise=noise, seed=2) for noise in (0, 1, 1))
    same = []
    for first, second, third in zip(
        *(frames(camera, 12) for camera in (calm, noisy, again)), strict=True
    ):
        assert all(map(np.array_equal, second.outputs, third.outputs))
        assert not np.array_equal(first.outputs[0], second.outputs[0])
        same.append(len(first.result()) == len(second.result()))
    assert np.mean(same) >= 0.5


@pytest.mark.parametrize("name", ALL)
def test_nobody_in_a_crowd_is_lost(name):
    camera = simulated(ALL[name], objects=24, seed=4)
    decoder = Decoder.for_network(camera.network, 0.1, **unsuppressed(camera.network))
    for frame in frames(camera, 3):
        found = decoder(frame.outputs)
        matched(name, found, truth(camera, frame))


def unsuppressed(network):
    return {} if fitting_head(network).name.startswith("ultralytics") else {"iou_threshold": 1}


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("noise", [1, 100])
def test_any_scene_has_tensors(name, noise):
    camera = simulated(ALL[name], objects=30, noise=noise, roi=(1900, 1500, 90, 40))
    for frame in frames(camera, 3):
        assert all(np.isfinite(output).all() for output in frame.outputs)
        frame.result()


# --- poses -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", POSES)
@pytest.mark.parametrize("roi", ROIS)
def test_joints_come_back(name, roi):
    camera = simulated(POSES[name], roi=roi, seed=4)
    decoder = Decoder.for_network(camera.network, 0.4)
    compared = 0
    for frame in frames(camera, 4):
        found = decoder(frame.outputs)
        people = truth(camera, frame)
        for row, person in zip(matched(name, found, people), people, strict=True):
            joints = np.array(person.joints)
            shown = joints[:, 2] > 0
            off = np.abs((found.xy[row] - joints[:, :2]) * SIZE)[shown]
            stride = max(SIZE) / 10
            # Offsets are half strides, in steps of 1/8.
            step = stride / 8 if name.startswith("yolov8 poses") and "one" not in name else 1 / 64
            assert off.max() <= step + 1e-3
            if "places only" not in name:
                given = found.keypoint_confidence[row]
                assert np.abs(given - joint_score(joints[:, 2])).max() <= 1 / 64 + 1e-4
            compared += int(shown.sum())
    assert compared > 100


def test_a_network_that_does_not_say_its_task_sees_people():
    for network in POSES.values():
        assert network.task is None
        things = truth(camera := simulated(network), next(frames(camera, 1)))
        assert {thing.label for thing in things} == {"person"}
        assert len(camera._world.actors) == 4


def test_a_person_who_is_not_there_has_joints_that_hardly_show():
    camera = simulated(POSES["ultralytics poses"], objects=0, noise=60)
    decoder = Decoder.for_network(camera.network, 0.05)
    found = [decoder(frame.outputs) for frame in frames(camera, 4)]
    assert [len(one) for one in found] == [1] * 4
    for one in found:
        assert np.abs(one.keypoint_confidence - joint_score(0)).max() < 1 / 32
        middle = (one.xyxy[0, :2] + one.xyxy[0, 2:]) / 2
        assert np.abs((one.xy[0] - middle) * SIZE).max() < 1


@pytest.mark.parametrize(
    "network",
    [
        suppressed(spec((40, 63), **PIXELS), labels=None),
        network(spec((4, ANCHORS)), spec((1, ANCHORS)), spec((63, ANCHORS)), labels=None),
        network(
            *(spec((30, 14), "i2", scale) for scale in (1 / 256, 1, 1 / 256)),
            task="pose estimation",
            labels=None,
        ),
    ],
)
def test_other_keypoints_than_the_scene_has_are_refused(network):
    with pytest.raises(SimulationError, match=r"has (21|14) keypoints, .* the 17 of COCO. Pass en"):
        SimulatedCamera(network)
    SimulatedCamera(network, encode=lambda scene, network: [])


# --- masks -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", MASKS)
@pytest.mark.parametrize("roi", ROIS)
def test_masks_are_the_silhouettes(name, roi):
    camera = simulated(MASKS[name], roi=roi, seed=5)
    decoder = Decoder.for_network(camera.network, 0.4)
    compared = 0
    for frame in frames(camera, 4):
        found = decoder(frame.outputs)
        things = truth(camera, frame)
        placed = camera._world.at(frame.sequence / camera.frame_rate)
        class_map = RENDERER.class_map(placed, frame.roi, SHEET)
        for row, thing in zip(matched(name, found, things), things, strict=True):
            if sum(other.class_id == thing.class_id for other in things) > 1:
                continue
            expected = class_map == thing.class_id
            mask = found.masks[row]
            # The box, cut at whole cells, may take an edge off.
            if expected.sum() > 50:
                assert (mask & expected).sum() / (mask | expected).sum() > 0.9
                compared += 1
    assert compared >= 6


def test_of_two_of_a_kind_the_nearer_has_the_pixels():
    from imx500_native.simulation.encoders.masks import MaskSheets

    network = MASKS["ultralytics masks"]
    things = (
        SceneObject(3, "car", (0.1, 0.25, 0.5, 0.75), 2.0, 0.6),
        SceneObject(3, "car", (0.4, 0.25, 0.9, 0.75), 1.0, 1.0),
        SceneObject(2, "bus", (0.4, 0.25, 0.9, 0.75), 0.9, 1.0),
    )

    class View:
        objects = things

        @staticmethod
        def class_map(size):
            assert size == SHEET
            return np.full((64, 80), 3, np.int16)

    sheets = MaskSheets(network, 3, 4, True).prototypes(View)
    assert sheets.shape == (32, 64, 80)
    first, second, third = (sheet > 0 for sheet in sheets[:3])
    expected = np.zeros((64, 80), bool)
    expected[16:48, 8:32] = True
    assert np.array_equal(first, expected)
    expected[:] = False
    expected[16:48, 32:72] = True
    assert np.array_equal(second, expected)
    assert not third.any()
    assert set(np.unique(sheets)) == {-1, 1}


# --- classes and maps --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "small",
    [
        network(DISTANCES, spec((2, ANCHORS)), labels=None),
        network(LOGITS, CODES, labels=None),
        network(spec((JOINED_V5, 7), **PIXELS), labels=None),
        network(*(spec((3, r, c, 7), "u1", 1 / 256) for c, r in LEVELS), labels=LABELS),
        network(DISTANCES, spec((2, ANCHORS)), spec((32, ANCHORS)), PROTOTYPES, labels=None),
    ],
)
def test_only_classes_that_the_tensors_have_are_in_the_scene(small):
    camera = simulated(small, objects=9)
    classes = {actor.class_id for actor in camera._world.actors}
    assert len(camera._world.actors) == 9
    assert classes <= ({0, 1} if fitting_head(small).name != "efficientdet" else set(range(10)))
    frame = next(frames(camera, 1))
    assert set(frame.result().class_id) <= classes


@pytest.mark.parametrize(
    ("shape", "scale"),
    [((64, 80), 1), ((64, 80, 1), 1), ((1, 64, 80), 1), ((64, 80, 21), 0.5), ((21, 64, 80), 0.5)],
)
def test_maps_of_any_layout_are_the_silhouettes(shape, scale):
    labels = imx.Network.find("deeplabv3plus").labels
    camera = simulated(network(spec(shape, scale=scale), labels=labels, task="segmentation"))
    for frame in frames(camera, 3):
        placed = camera._world.at(frame.sequence / camera.frame_rate)
        expected = np.maximum(RENDERER.class_map(placed, frame.roi, SHEET), 0)
        assert len(np.unique(expected)) > 2
        found = Decoder.for_network(camera.network)(frame.outputs)
        assert np.array_equal(found.class_map, expected)
