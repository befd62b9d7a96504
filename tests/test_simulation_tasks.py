"""The simulated camera's scenes for every task: what goes in comes out of the network's head."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from regions import regions

from imx500_native.decoding import Decoder
from imx500_native.geometry import FULL_ROI
from imx500_native.network import Network
from imx500_native.simulation import SimulatedCamera
from imx500_native.simulation.encoders import encoder_for
from imx500_native.simulation.encoders.classes import gives_no_result
from imx500_native.simulation.encoders.classification import prominence
from imx500_native.simulation.encoders.people import joint_score
from imx500_native.simulation.likenesses import mistaken_for, plain_name
from imx500_native.simulation.rendering import Renderer
from imx500_native.simulation.scene import visible_objects

ZOO = [name for name in Network.zoo_names() if not gives_no_result(Network.find(name))]
CLASSIFIERS = [name for name in ZOO if Network.find(name).task == "classification"]
POSES = ["higherhrnet_coco", "posenet"]
NANODET = "nanodet_plus_416x416"
DEEPLAB = "deeplabv3plus"
RENDERER = Renderer()

ROIS = [FULL_ROI, (508, 0, 3040, 3040), (1400, 900, 1900, 1700), (0, 200, 2100, 2600)]


def simulated(name, **options):
    network = Network.find(name)
    options = {"real_time": False, "seed": 1, "size": (160, 120), "noise": 0, **options}
    camera = SimulatedCamera(network, **options)
    camera._renderer = RENDERER
    return camera


def frames_with_tensors(camera, count, every=20):
    """Frames `every` so many, or the next that has tensors."""
    with camera:
        for index in range(count):
            camera._next = max(camera._next, index * every)
            frame = camera.capture()
            while frame.outputs is None:
                frame = camera.capture()
            yield frame


def truth(camera, frame):
    """What the scene holds, as the network should see it."""
    return visible_objects(camera._world.at(frame.sequence / camera.frame_rate), frame.roi)


def pixels(camera):
    return camera.network.input.width, camera.network.input.height


# --- every network -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", ZOO)
@pytest.mark.parametrize("noise", [0, 1])
def test_every_network_of_the_zoo_finds_what_is_there(name, noise):
    camera = simulated(name, noise=noise, seed=5)
    for frame in frames_with_tensors(camera, 3):
        result = frame.result()
        assert result.fresh
        assert result.task == camera.network.task
        assert len(list(result)) > 0
        assert camera.network.task == "classification" or result.space == "stream"


@pytest.mark.parametrize("name", ZOO)
def test_the_seed_decides_every_byte(name):
    def recorded(seed):
        camera = simulated(name, noise=1, seed=seed)
        return [frame.metadata["CnnOutputTensor"] for frame in frames_with_tensors(camera, 2)]

    first, second, other = recorded(3), recorded(3), recorded(4)
    assert all(map(np.array_equal, first, second))
    assert not np.array_equal(first[0], other[0])
    assert not np.array_equal(first[0], first[1])


@pytest.mark.parametrize("name", ZOO)
def test_an_empty_scene_holds_nothing(name):
    for noise in (0, 1):
        for frame in frames_with_tensors(simulated(name, objects=0, noise=noise), 4):
            result = frame.result()
            if result.task == "classification":
                assert result.confidence[0] < 0.1
            else:
                assert len(result) == 0


@pytest.mark.parametrize("name", ZOO)
def test_every_value_is_one_that_the_tensor_can_carry(name):
    for noise in (0, 1, 30):
        camera = simulated(name, noise=noise, objects=9)
        for frame in frames_with_tensors(camera, 2):
            for spec, values in zip(camera.network.outputs, frame.outputs, strict=True):
                raw = values.astype(np.float64) / spec.scale + spec.shift
                assert np.array_equal(raw, np.rint(raw))
                assert np.iinfo(spec.dtype).min <= raw.min()
                assert raw.max() <= np.iinfo(spec.dtype).max


def test_a_network_that_gives_no_result_gives_its_input():
    camera = simulated("inputtensoronly", input_tensor=True)
    for frame in frames_with_tensors(camera, 2):
        assert frame.input_image.shape == (480, 640, 3)
        assert frame.outputs[0].shape == (10,)
        assert np.ptp(frame.outputs[0]) > 0


# --- NanoDet -----------------------------------------------------------------------------------


@pytest.mark.parametrize("roi", ROIS)
def test_nanodet_gives_the_boxes_back(roi):
    camera = simulated(NANODET, roi=roi, seed=8, objects=8)
    decoder = Decoder.for_network(camera.network, 0.05, iou_threshold=0.9)
    compared = 0
    for frame in frames_with_tensors(camera, 6):
        found = decoder(frame.outputs)
        boxes = found.xyxy * (np.tile(pixels(camera), 2))
        for thing in truth(camera, frame):
            expected = np.multiply(thing.xyxy, np.tile(pixels(camera), 2))
            if max(thing.xyxy[:2]) > 0.85:
                continue  # The last anchors of a coarse grid lie before it.
            own = found.class_id == thing.class_id
            errors = np.abs(boxes[own] - expected).max(axis=1)
            # A bin is a stride wide; half a step of a logit is an eighth of that at the worst.
            longest = (expected[2:] - expected[:2]).max()
            stride = next(s for s in (8, 16, 32, 64) if longest / 2 <= 6 * s or s == 64)
            fits = errors <= stride / 32
            assert fits.any(), (thing, boxes[own])
            best = found.confidence[own][fits].max()
            score = 0.55 + 0.42 * thing.visible - 0.03 * (thing.depth - 1)
            assert best == pytest.approx(min(max(score, 0.05), 0.99), abs=0.02)
            compared += 1
        assert len(frame.detections(0.5)) <= len(truth(camera, frame))
    assert compared > 10


def test_nanodet_sees_about_as_much_with_noise():
    calm, noisy = (simulated(NANODET, noise=noise, seed=2) for noise in (0, 1))
    pairs = [
        (len(a.detections(0.5)), len(b.detections(0.5)))
        for a, b in zip(frames_with_tensors(calm, 30), frames_with_tensors(noisy, 30), strict=True)
    ]
    assert 0.7 < np.mean([a == b for a, b in pairs]) < 1
    assert all(abs(a - b) <= 2 for a, b in pairs)


# --- poses -------------------------------------------------------------------------------------


def stands_apart(person, everybody):
    """Whether nobody's box is as near to a person's as the reach of two cells of PoseNet's maps."""
    return not any(
        max(person.xyxy[0], other.xyxy[0]) - 0.07 < min(person.xyxy[2], other.xyxy[2])
        for other in everybody
        if other is not person
    )


def nearest_pose(found, joints, size):
    """Index of the pose whose joints are nearest in the median, and its errors in pixels."""
    errors = np.abs(found.xy - joints[:, :2]).max(axis=2)
    index = int(np.nanmedian(errors, axis=1).argmin())
    return index, np.abs((found.xy[index] - joints[:, :2]) * size).max(axis=1)


@pytest.mark.parametrize("roi", ROIS)
@pytest.mark.parametrize(("name", "tolerance"), [("higherhrnet_coco", 1.01), ("posenet", 1.0)])
def test_joints_come_back(name, tolerance, roi):
    """HigherHRNet's cells are two pixels wide; PoseNet's offsets are steps of 1/8 and 2 pixels."""
    camera = simulated(name, roi=roi, seed=4)
    decoder = Decoder.for_network(camera.network)
    people = 0
    for frame in frames_with_tensors(camera, 8):
        found = decoder(frame.outputs)
        everybody = truth(camera, frame)
        for person in everybody:
            joints = np.array(person.joints)
            clear = joints[:, 2] > 0.5
            if clear.sum() < 12 or not stands_apart(person, everybody):
                continue  # Half out of view, or among others.
            index, errors = nearest_pose(found, joints, pixels(camera))
            good = clear & (found.keypoint_confidence[index] > 0.3)
            assert good.sum() >= 0.8 * clear.sum()
            assert np.quantile(errors[good], 0.8) <= tolerance
            scores = np.abs(found.keypoint_confidence[index] - joint_score(joints[:, 2]))
            assert np.median(scores[good]) < 0.01
            people += 1
        assert len(found) <= len(camera._world.actors)
    assert people >= 4


@pytest.mark.parametrize("name", POSES)
def test_people_apart_come_back_exactly(name):
    camera = simulated(name, objects=1, seed=9)
    for frame in frames_with_tensors(camera, 12):
        (person,) = truth(camera, frame)
        joints = np.array(person.joints)
        (pose,) = list(found := Decoder.for_network(camera.network)(frame.outputs))
        shown = joint_score(joints[:, 2]) > 0.3
        errors = np.abs((found.xy[0] - joints[:, :2]) * pixels(camera))
        assert errors[shown].max() <= (1.01 if name == "higherhrnet_coco" else 0.6)
        scores = np.abs(np.array(pose.keypoint_confidence) - joint_score(joints[:, 2]))
        assert scores[shown].max() <= 0.02


@pytest.mark.parametrize("name", POSES)
def test_joints_in_the_picture_lie_on_the_person(name):
    camera = simulated(name, objects=1, seed=2, size=(640, 480))
    for frame in frames_with_tensors(camera, 12):
        placed = camera._world.at(frame.sequence / camera.frame_rate)
        silhouette = RENDERER.class_map(placed, frame.scaler_crop, camera.size) == 0
        pose = frame.result()
        assert len(pose) == 1
        sure = pose.keypoint_confidence[0] > 0.5
        columns, rows = np.rint(pose.xy[0][sure]).astype(int).T
        for column, row in zip(columns, rows, strict=True):
            around = silhouette[max(row - 3, 0) : row + 4, max(column - 3, 0) : column + 4]
            assert around.any()
        body = sure & (np.arange(17) >= 5)
        columns, rows = np.rint(pose.xy[0][body]).astype(int).T
        assert silhouette[rows, columns].all()


@pytest.mark.parametrize("name", POSES)
def test_joints_outside_of_the_roi_are_not_seen(name):
    camera = simulated(name, objects=1, seed=2)
    x0, y0, x1, y1 = camera._world.at(0)[0].box
    # Down to the hips: legs are out of view.
    camera.set_roi((int(x0) - 300, int(y0) - 100, int(x1 - x0) + 600, int(0.5 * (y1 - y0)) + 100))
    frame = next(frames_with_tensors(camera, 1))
    pose = Decoder.for_network(camera.network, 0.2)(frame.outputs)
    assert (pose.keypoint_confidence[0, 13:] < 0.3).all()
    assert (pose.keypoint_confidence[0, [0, 5, 6]] > 0.5).all()


@pytest.mark.parametrize("name", POSES)
def test_noise_moves_joints_a_little(name):
    calm, noisy = (simulated(name, objects=1, seed=2, noise=noise) for noise in (0, 1))
    moved, counts = [], []
    for first, second in zip(
        frames_with_tensors(calm, 40), frames_with_tensors(noisy, 40), strict=True
    ):
        counts.append(len(second.result()))
        if counts[-1] == 1:
            height = np.ptp(first.result().boxes[0, 1::2])
            difference = second.result().xy[0] - first.result().xy[0]
            moved.append(np.nanmean(np.abs(difference)) / height)
    assert 0.002 < np.median(moved) < 0.02
    assert set(counts) <= {0, 1}
    assert np.mean(counts) > 0.9


def test_a_crowd_is_told_apart():
    camera = simulated("higherhrnet_coco", objects=9, seed=6)
    for frame in frames_with_tensors(camera, 5):
        tags, _, values = frame.outputs
        people = [person for person in truth(camera, frame) if person.visible > 0.8]
        assert len(Decoder.for_network(camera.network)(frame.outputs)) >= len(people)
        used = np.unique(tags[values > 0.3])
        assert (np.diff(used) >= 1.5).all()


# --- segmentation ------------------------------------------------------------------------------


@pytest.mark.parametrize("roi", ROIS)
def test_regions_are_the_silhouettes(roi):
    camera = simulated(DEEPLAB, roi=roi, seed=3)
    decoder = Decoder.for_network(camera.network)
    for frame in frames_with_tensors(camera, 4):
        placed = camera._world.at(frame.sequence / camera.frame_rate)
        size, roi = pixels(camera), frame.roi
        regions = decoder(frame.outputs).class_map
        assert regions.shape == size[::-1]
        seen = RENDERER.picture(placed, roi, size)
        empty = RENDERER.background(roi, size)
        # Where there is an object, the picture is not the background; shadows are see-through.
        changed = (np.abs(seen.astype(int) - empty).max(axis=2)) > 0
        assert changed[regions > 0].mean() > 0.99
        for thing in truth(camera, frame):
            x0, y0, x1, y1 = np.multiply(thing.xyxy, np.tile(size, 2))
            own = regions == thing.class_id
            inside = own[round(y0) : max(round(y1), round(y0) + 1), round(x0) : round(x1) + 1]
            assert inside.mean() > 0.1
        classes = {thing.actor.class_id for thing in placed}
        assert set(np.unique(regions)) <= classes | {0}


def test_nearer_objects_cover_farther_regions():
    camera = simulated(DEEPLAB, seed=3, objects=12)
    frame = next(frames_with_tensors(camera, 1))
    placed = camera._world.at(0)
    regions = Decoder.for_network(camera.network)(frame.outputs).class_map
    size = pixels(camera)
    last = RENDERER.class_map(placed[-1:], FULL_ROI, size) >= 0
    assert (regions[last] == placed[-1].actor.class_id).all()


def test_noise_frays_edges_only():
    calm, noisy = (simulated(DEEPLAB, seed=3, noise=noise) for noise in (0, 1))
    first, second = (next(frames_with_tensors(camera, 1)) for camera in (calm, noisy))
    differing = (first.outputs[0] != second.outputs[0]).mean()
    assert 0.001 < differing < 0.05


# --- classification ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_the_most_prominent_object_comes_first(name):
    camera = simulated(name, seed=11)
    sure = 0
    for frame in frames_with_tensors(camera, 12, every=45):
        things = truth(camera, frame)
        result = frame.result()
        if not things:
            assert result.confidence[0] < 0.1
            continue
        ranked = sorted(things, key=prominence)
        shares = np.square([prominence(thing) for thing in ranked])
        if shares[-1] < 0.7 * shares.sum():
            continue
        assert result.class_id[0] == ranked[-1].class_id
        assert result.confidence[0] > 0.45
        assert result.confidence[0] > 3 * result.confidence[1]
        if len(things) == 1:
            others = mistaken_for(ranked[-1].label)
            assert plain_name(camera.network.labels[result.class_id[1]]) in others
        sure += 1
    assert sure >= 6


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_scores_are_what_the_scene_says_within_a_step(name):
    camera = simulated(name, seed=11)
    encoder = encoder_for(camera.network, 0)
    spec = camera.network.outputs[0]
    for frame in frames_with_tensors(camera, 3, every=60):

        class Scene:
            objects = truth(camera, frame)

        scene_scores = encoder(Scene)[0]
        assert np.abs(frame.outputs[0] - scene_scores).max() <= spec.scale / 2 + 1e-6
        assert scene_scores.min() >= spec.value_range[0]
        assert scene_scores.max() <= spec.value_range[1]


def test_classifiers_agree_about_a_scene():
    tops = set()
    for name in CLASSIFIERS:
        frame = next(frames_with_tensors(simulated(name, seed=1), 1))
        tops.add(plain_name(Network.find(name).labels[frame.result().class_id[0]]))
    assert len(tops) == 1


def test_objects_pass_one_by_one():
    camera = simulated("mobilenet_v2", seed=1)
    seen = []
    for time_s in np.arange(0, 36, 0.25):
        now = camera._world.at(float(time_s))
        assert 1 <= len(now) <= 2
        seen += [one.actor.class_id for one in now if abs(sum(one.box[::2]) / 2 - 2028) < 300]
    assert len(set(seen)) == 6


def test_a_roi_beside_the_object_sees_nothing():
    camera = simulated("mobilenet_v2", roi=(0, 0, 300, 300))
    assert next(frames_with_tensors(camera, 1)).result().confidence[0] < 0.1


@settings(max_examples=25)
@given(
    name=st.sampled_from(ZOO),
    roi=regions(),
    skip=st.integers(0, 600),
    noise=st.sampled_from([0, 1, 100]),
)
def test_any_roi_can_be_seen(name, roi, skip, noise):
    camera = simulated(name, roi=roi, noise=noise, size=(32, 32), objects=8)
    with camera:
        camera._next = skip
        frame = camera.capture()
        while frame.outputs is None:
            frame = camera.capture()
        assert all(np.isfinite(output).all() for output in frame.outputs)
        frame.result()
