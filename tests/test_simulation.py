"""The simulated camera: tensors that fit the picture, timing, controls, a user's own encoder."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from regions import regions

from imx500_native.errors import GeometryError, Imx500Error, NetworkTypeError, SimulationError
from imx500_native.frame import Frame
from imx500_native.geometry import FULL_ROI
from imx500_native.network import Network
from imx500_native.simulation import Scene, SimulatedCamera, centred_crop
from imx500_native.simulation.rendering import Renderer
from imx500_native.specs import OutputSpec

SSD = "ssd_mobilenetv2_fpnlite_320x320_pp"
DETECTORS = (
    SSD,
    "efficientdet_lite0_pp",
    "nanodet_plus_416x416_pp",
    "yolov8n_pp",
    "yolo11n_pp",
)
SMALL = (160, 120)


@pytest.fixture(scope="module")
def ssd():
    return Network.find(SSD)


# One for all, so that each background is painted once.
RENDERER = Renderer()


def simulated(network, **options):
    camera = SimulatedCamera(network, **{"real_time": False, "seed": 1, "size": SMALL, **options})
    camera._renderer = RENDERER
    return camera


def box_step(network):
    """Largest error (x, y) of a box edge that the tensor's grid causes, in 0..1 of the ROI."""
    step = network.outputs[0].scale / 2
    if network.boxes_normalized:
        # 1.0 itself may lie just outside the grid, so a whole step is lost there.
        return 2 * step, 2 * step
    return step / network.input.width, step / network.input.height


class FakeClock:
    """A clock that only goes on when someone sleeps or a test says so."""

    def __init__(self):
        self.now_ns = 5_000_000_000
        self.slept = []

    def monotonic_ns(self):
        return self.now_ns

    def boottime_ns(self):
        return self.now_ns + 70_000_000_000

    def sleep(self, seconds):
        assert seconds > 0
        self.slept.append(seconds)
        # Rounded up, as a real sleep never ends early.
        self.now_ns += int(seconds * 1e9) + 1

    def passes(self, seconds):
        self.now_ns += round(seconds * 1e9)


# --- boxes and picture


def figure_bounds(camera, one):
    """Pixels (x0, y0, x1, y1) in which one object alone changes the picture; None if nowhere."""
    crop, size = camera.scaler_crop, camera.size
    alone = camera._renderer.picture([one], crop, size)
    rows, columns = np.nonzero((alone != camera._renderer.background(crop, size)).any(axis=2))
    if len(rows) == 0:
        return None
    return np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1], float)


@pytest.mark.parametrize("name", DETECTORS)
@pytest.mark.parametrize(
    ("size", "roi"),
    [
        ((640, 360), None),
        ((640, 480), (508, 0, 3040, 3040)),
        ((320, 240), (700, 300, 2600, 2400)),
        ((480, 480), (1, 501, 3333, 2111)),
    ],
)
def test_decoded_boxes_fit_the_figures_in_the_picture(name, size, roi):
    """Take the whole road back: tensors, decoder, mapper, against the pixels of each figure."""
    network = Network.find(name)
    camera = simulated(network, size=size, roi=roi, noise=0, seed=21)
    whole_figures = 0
    with camera:
        for number in (0, 30, 90, 210):  # every network finishes in these
            camera._next = number
            frame = camera.capture()
            seen = frame.mapper().boxes([0, 0, 1, 1])
            step = np.multiply(box_step(network) * 2, np.tile(frame.roi[2:], 2))
            tolerance = 1 + step * np.tile(np.divide(size, camera.scaler_crop[2:]), 2)
            figures = [
                (one.actor.class_id, figure_bounds(camera, one))
                for one in camera._world.at(number / camera.frame_rate)
            ]
            assert frame.outputs is not None
            for detection in frame.detections(0.5):
                box = np.array(detection.xyxy)
                if box[0] == box[2] or box[1] == box[3]:
                    continue  # The network sees it, the picture does not show it.
                own = [
                    bounds
                    for class_id, bounds in figures
                    if class_id == detection.class_id and bounds is not None
                ]
                fits = [bounds for bounds in own if (np.abs(bounds - box) <= tolerance).all()]
                if fits:
                    whole_figures += 1
                    continue
                # Cut by the ROI or the picture, what shows of it need not touch every side, but
                # lies in the box, and the box ends where the network's or the picture's view does.
                cut = np.abs(box - seen) <= tolerance
                assert cut.any(), detection
                assert any(
                    (bounds[:2] - box[:2] >= -tolerance[:2])[~cut[:2]].all()
                    and (box[2:] - bounds[2:] >= -tolerance[2:])[~cut[2:]].all()
                    for bounds in own
                ), detection
    assert whole_figures >= 8


@settings(max_examples=25)
@given(
    name=st.sampled_from(DETECTORS),
    roi=regions(least=64),
    seed=st.integers(0, 1000),
    skip=st.integers(0, 400),
)
def test_tensors_say_what_the_scene_is(name, roi, seed, skip):
    """Compare decoded boxes with the world itself, for any ROI."""
    network = Network.find(name)
    camera = simulated(network, size=(32, 32), roi=roi, noise=0, seed=seed)
    with camera:
        camera._next = skip
        frame = camera.capture()
        while frame.outputs is None:
            frame = camera.capture()
        x, y, width, height = camera.roi
        now = camera._world.at(frame.sequence / camera.frame_rate)
        full = (0, 0, 1, 1)
        found = frame.detections(0.1)
        boxes, _, class_ids, count = frame.outputs
        assert len(found) <= count[0] <= len(now)
        unit = 1 if network.boxes_normalized else (network.input.width, network.input.height) * 2
        decoded = boxes[: int(count[0])]
        if network.box_order == "yx":
            decoded = decoded[:, [1, 0, 3, 2]]
        step = np.array(box_step(network) * 2) + 1e-6
        for row, class_id in zip(decoded / unit, class_ids, strict=False):
            expected = [
                np.clip(
                    [
                        (box[0] - x) / width,
                        (box[1] - y) / height,
                        (box[2] - x) / width,
                        (box[3] - y) / height,
                    ],
                    full[0],
                    full[2],
                )
                for one, box, *_ in now
                if one.class_id == class_id
            ]
            assert any((np.abs(row - box) <= step).all() for box in expected)


def test_the_picture_shows_the_centre_of_the_sensor():
    assert centred_crop((1280, 720)) == (0, 380, 4056, 2281)
    assert centred_crop((640, 480)) == (2, 0, 4053, 3040)
    assert centred_crop((481, 353)) == (0, 32, 4056, 2976)
    assert centred_crop((500, 500)) == (508, 0, 3040, 3040)
    assert centred_crop((4056, 3040)) == FULL_ROI


@given(st.tuples(st.integers(16, 4056), st.integers(16, 3040)))
def test_the_crop_is_the_largest_with_the_streams_shape(size):
    x, y, width, height = centred_crop(size)
    assert (width, x) == (4056, 0) or (height, y) == (3040, 0)
    assert abs(width * size[1] - height * size[0]) <= max(size)
    assert abs((x + width / 2) - 2028) <= 0.5
    assert abs((y + height / 2) - 1520) <= 0.5


@pytest.mark.parametrize("name", DETECTORS)
def test_the_input_tensor_is_the_picture_of_the_roi(name):
    network = Network.find(name)
    roi = (300, 200, 2500, 2600)
    with simulated(network, input_tensor=True, roi=roi) as camera:
        frame = camera.capture()
        size = (network.input.width, network.input.height)
        expected = camera._renderer.picture(camera._world.at(0.0), roi, size)
    assert np.array_equal(frame.input_image, expected)
    info = frame.metadata["CnnInputTensorInfo"]
    assert len(info) == 80
    assert struct.unpack("=64s3IB3x", info) == (bytes(64), *size, 3, 0)
    sent = frame.metadata["CnnInputTensor"]
    assert not sent.flags.writeable
    first = expected[..., 0 if network.input.format == "RGB" else 2]
    assert np.array_equal(sent[: first.size], network.input.encode_table()[0][first].ravel())


def test_without_asking_there_is_no_input_tensor(ssd):
    with simulated(ssd) as camera:
        frame = camera.capture()
    assert frame.input_tensor is None
    assert "CnnInputTensorInfo" not in frame.metadata


# --- tensors


@pytest.mark.parametrize("name", DETECTORS)
@pytest.mark.parametrize("noise", [0, 1, 30])
def test_every_value_is_one_that_the_tensor_can_carry(name, noise):
    network = Network.find(name)
    with simulated(network, noise=noise, objects=12, frames=40) as camera:
        for frame in camera:
            values = frame.metadata.get("CnnOutputTensor")
            if values is None:
                continue
            assert values.dtype == np.float32
            assert values.ndim == 1
            assert not values.flags.writeable
            start = 0
            for spec in network.outputs:
                own = values[start : start + spec.elements].astype(np.float64)
                start += spec.elements
                raw = own / spec.scale + spec.shift
                assert np.array_equal(raw, np.rint(raw))
                limits = np.iinfo(spec.dtype)
                assert limits.min <= raw.min()
                assert raw.max() <= limits.max
            assert start == len(values)
            boxes, scores, class_ids, count = frame.outputs
            rows = int(count[0])
            assert (np.diff(scores) <= 0).all()
            assert (scores[:rows] > 0).all()
            assert not boxes[rows:].any()
            assert not scores[rows:].any()
            assert not class_ids[rows:].any()
            assert all(network.labels[int(class_id)] != "-" for class_id in class_ids)


def test_the_info_struct_is_libcameras(ssd):
    with simulated(ssd) as camera:
        info = camera.capture().metadata["CnnOutputTensorInfo"]
    assert len(info) == 712
    assert struct.unpack_from("=64sI", info) == (bytes(64), 4)
    rows = [struct.unpack_from("=II16H", info, 68 + 40 * i) for i in range(16)]
    assert rows[:4] == [
        (400, 2, 100, 4, *[0] * 14),
        (100, 1, 100, *[0] * 15),
        (100, 1, 100, *[0] * 15),
        (1, 1, 1, *[0] * 15),
    ]
    assert rows[4:] == [(0,) * 18] * 12
    assert info[708:] == bytes(4)


def test_no_noise_means_every_visible_object_with_a_good_score(ssd):
    with simulated(ssd, noise=0, objects=20, frames=30) as camera:
        for frame in camera:
            if frame.outputs is not None:
                assert frame.outputs[3][0] > 0
                assert (frame.outputs[1][: int(frame.outputs[3][0])] > 0.5).all()
                assert len(frame.detections(0.5)) == frame.outputs[3][0]


def test_noise_jitters_misses_and_invents(ssd):
    calm = simulated(ssd, noise=0, size=(16, 16))
    noisy = simulated(ssd, noise=1.0, size=(16, 16))
    counts, invented, shifts = [], [], []
    with calm, noisy:
        for _ in range(300):
            first, second = calm.capture(), noisy.capture()
            if first.outputs is None:
                continue
            expected, got = (int(f.outputs[3][0]) for f in (first, second))
            scores = second.outputs[1][:got]
            weak = scores[scores < 0.4]
            invented.append(len(weak))
            counts.append(got - len(weak) - expected)
            if counts[-1] == 0 and expected:
                centre = [np.sort(f.outputs[0][:expected].mean(axis=1)) for f in (first, second)]
                shifts.append(np.abs(centre[0] - centre[1]).max())
    assert min(counts) < 0  # some were missed
    assert 0.6 < np.mean(np.equal(counts, 0)) < 0.97
    assert 0.02 < np.mean(invented) < 0.12
    assert 0.0005 < np.median(shifts) < 0.02


@pytest.mark.parametrize("name", DETECTORS)
def test_the_seed_decides_every_byte(name):
    network = Network.find(name)

    def recorded(seed):
        with simulated(network, seed=seed, frames=5) as camera:
            return [(f.metadata.get("CnnOutputTensor"), f.image) for f in camera]

    first, second, other = recorded(7), recorded(7), recorded(8)
    for (values, image), (same, same_image) in zip(first, second, strict=True):
        assert np.array_equal(image, same_image)
        assert (values is None) == (same is None)
        assert values is None or np.array_equal(values, same)
    assert not np.array_equal(first[0][0], other[0][0])


def test_the_scene_does_not_depend_on_the_picture_or_the_frame_rate(ssd):
    with simulated(ssd, size=(64, 48)) as small, simulated(ssd, size=(320, 96)) as wide:
        for _ in range(10):
            first, second = small.capture(), wide.capture()
            values = first.metadata.get("CnnOutputTensor")
            assert values is None or np.array_equal(values, second.metadata["CnnOutputTensor"])
    slow = simulated(ssd, frame_rate=15, noise=0)
    fast = simulated(ssd, frame_rate=60, noise=0)
    with slow, fast:
        slow.capture()
        for _ in range(4):
            fast.capture()
        assert np.array_equal(slow.capture().image, fast.capture().image)


def test_without_a_seed_cameras_differ(ssd):
    images = []
    for _ in range(2):
        with simulated(ssd, seed=None) as camera:
            images.append(camera.capture().image)
    assert not np.array_equal(*images)


def test_frames_are_independent_of_each_other(ssd):
    with simulated(ssd) as camera:
        first = camera.capture()
        kept = first.image.copy(), first.metadata["CnnOutputTensor"].copy()
        camera.capture().image[:] = 0
        assert np.array_equal(first.image, kept[0])
        assert np.array_equal(first.metadata["CnnOutputTensor"], kept[1])
        assert first.image.flags.writeable


# --- frames, counts, time


def test_a_frame_knows_its_circumstances(ssd):
    with simulated(ssd, frame_rate=25, roi=(508, 0, 3040, 3040)) as camera:
        frames = [camera.capture() for _ in range(3)]
    assert [f.sequence for f in frames] == [0, 1, 2]
    assert [f.sensor_timestamp_ns for f in frames] == [0, 40_000_000, 80_000_000]
    last = frames[-1]
    assert isinstance(last, Frame)
    assert last.network is ssd
    assert last.roi == (508, 0, 3040, 3040)
    assert last.scaler_crop == camera.scaler_crop == (2, 0, 4053, 3040)
    assert last.metadata["FrameDuration"] == 40_000
    assert last.image.shape == (120, 160, 3)
    assert last.image_format == "RGB"
    assert last.access == "buffer"
    dnn_us, dsp_us = last.metadata["CnnKpiInfo"]
    assert isinstance(dnn_us, int)
    assert isinstance(dsp_us, int)
    # Published for this network on a Pi: 14.0 ms and 12.4 ms.
    assert 10_000 < dnn_us < 18_000
    assert 9_000 < dsp_us < 16_000
    assert last.kpi == (dnn_us / 1000, dsp_us / 1000)


def test_the_frame_count_wraps_at_256(ssd):
    with simulated(ssd, size=(16, 16), frames=600) as camera:
        for frame in camera:
            if frame.outputs is not None:
                assert frame.frame_count == frame.sequence % 256
    assert frame.sequence == 599


@pytest.mark.parametrize(
    ("name", "frame_rate", "with_tensors"),
    [(SSD, 30, 26), (SSD, 60, 26), (SSD, 20, 20), ("efficientdet_lite0_pp", 30, 23),
     ("yolo11n_pp", 30, 30)],
)  # fmt: skip
def test_slow_networks_leave_frames_without_tensors(name, frame_rate, with_tensors):
    network = Network.find(name)
    with simulated(network, size=(16, 16), frame_rate=frame_rate) as camera:
        frames = [camera.capture() for _ in range(3 * frame_rate)]
    carried = [frame.outputs is not None for frame in frames]
    assert carried[0]
    for start in range(2 * frame_rate + 1):
        assert sum(carried[start : start + frame_rate]) == with_tensors
    for frame in frames:
        if frame.outputs is None:
            assert not any(key.startswith("Cnn") for key in frame.metadata)
            assert frame.kpi is None
            detections = frame.detections()
            assert len(detections) == 0
            assert not detections.fresh


def test_real_time_waits_for_each_frame(ssd):
    camera = simulated(ssd, real_time=True, frame_rate=50)
    clock = camera._clock = FakeClock()
    with camera:
        stamps = [camera.capture().sensor_timestamp_ns for _ in range(4)]
    assert clock.slept == pytest.approx([0.02] * 3, abs=1e-6)
    assert stamps == [75_000_000_000 + n * 20_000_000 for n in range(4)]
    assert camera.dropped == 0


def test_a_slow_reader_loses_frames(ssd):
    camera = simulated(ssd, real_time=True, frame_rate=100)
    clock = camera._clock = FakeClock()
    with camera:
        assert camera.capture().sequence == 0
        clock.passes(0.035)
        frame = camera.capture()
        assert (frame.sequence, camera.dropped) == (3, 2)
        assert frame.sensor_timestamp_ns == 75_030_000_000
        assert frame.frame_count in (3, None)
        # A little late is not too late: frame 4 is there, and 5 is waited for as ever.
        clock.passes(0.007)
        assert (camera.capture().sequence, camera.dropped) == (4, 2)
        assert clock.slept == []
        assert (camera.capture().sequence, camera.dropped) == (5, 2)
        assert clock.slept == pytest.approx([0.008], abs=1e-6)
        clock.passes(10)
        frame = camera.capture()
        assert (frame.sequence, camera.dropped) == (1005, 2 + 999)
        assert frame.outputs is None or frame.frame_count == 1005 % 256


def test_as_fast_as_possible_loses_nothing(ssd):
    camera = simulated(ssd)
    clock = camera._clock = FakeClock()
    with camera:
        for n in range(5):
            clock.passes(10)
            assert camera.capture().sequence == n
    assert camera.dropped == 0
    assert clock.slept == []


# --- life


def test_iteration_ends_after_frames(ssd):
    with simulated(ssd, frames=4) as camera:
        assert [frame.sequence for frame in camera] == [0, 1, 2, 3]
        assert list(camera) == []
        assert camera.capture().sequence == 4
    with simulated(ssd, frames=0) as camera:
        assert list(camera) == []


def test_a_stopped_camera_starts_again_at_the_first_frame(ssd):
    camera = simulated(ssd, frames=3)
    camera.set_roi((508, 0, 3040, 3040))
    assert camera.start() is camera
    first = [frame.image for frame in camera]
    camera.stop()
    with pytest.raises(SimulationError, match="not running"):
        camera.capture()
    camera.start()
    again = list(camera)
    assert [frame.sequence for frame in again] == [0, 1, 2]
    assert all(frame.roi == (508, 0, 3040, 3040) for frame in again)
    assert all(np.array_equal(a, b.image) for a, b in zip(first, again, strict=True))
    camera.close()


def test_starting_twice_goes_on(ssd):
    camera = simulated(ssd).start()
    camera.capture()
    camera.start()
    assert camera.capture().sequence == 1
    camera.close()


def test_a_closed_camera_says_so(ssd):
    with simulated(ssd) as camera:
        pass
    for use in (camera.capture, camera.start, lambda: next(iter(camera)), camera.__enter__):
        with pytest.raises(SimulationError, match="closed"):
            use()
    camera.close()
    assert "closed" in repr(camera)


def test_a_camera_that_was_not_started_says_so(ssd):
    with pytest.raises(SimulationError, match=r"start\(\)"):
        next(iter(simulated(ssd)))


def test_public_attributes(ssd):
    camera = simulated(ssd, frame_rate=12)
    assert (camera.source, camera.network, camera.size) == ("simulated", ssd, SMALL)
    assert camera.frame_rate == 12.0
    assert camera.roi == FULL_ROI
    assert SSD in repr(camera)


# --- region of interest


@pytest.mark.parametrize(
    ("asked", "applied"),
    [
        (None, FULL_ROI),
        ((508, 0, 3040, 3040), (508, 0, 3040, 3040)),
        ((0, 0, 4056, 3040), (0, 0, 4032, 3040)),
        ((4050, 3039, 6, 1), (4032, 3039, 6, 1)),
        (np.array([1, 2, 3, 4], np.uint16), (1, 2, 3, 4)),
    ],
)
def test_the_roi_is_clamped_as_the_driver_does(ssd, asked, applied):
    camera = simulated(ssd)
    assert camera.set_roi(asked) == applied
    assert camera.roi == applied
    assert all(type(value) is int for value in camera.roi)
    with camera:
        assert camera.capture().roi == applied


def test_a_new_roi_holds_from_the_next_frame_on(ssd):
    with simulated(ssd, noise=0) as camera:
        before = camera.capture()
        boxes = before.outputs[0].copy()
        camera.set_roi((500, 400, 3000, 2400))
        after = camera.capture()
        assert before.roi == FULL_ROI
        assert after.roi == (500, 400, 3000, 2400)
        assert np.array_equal(before.outputs[0], boxes)
        assert not np.allclose(after.outputs[0], boxes, atol=0.02)
        assert np.abs(before.detections().xyxy[0] - after.detections().xyxy[0]).max() < 2


@pytest.mark.parametrize(
    "roi",
    [
        (1, 2, 3),
        "abcd",
        (0, 0, 1.5, 2),
        7,
        (0, 0, True, 3),
        (-1, 0, 5, 5),
        (0, 0, -5, 5),
        (0, 0, 0, 0),
        (10, 20, 0, 300),
        (5000, 0, 100, 100),
        (4000, 0, 100, 100),
        (0, 3000, 100, 41),
    ],
)
def test_a_wrong_roi_changes_nothing(ssd, roi):
    camera = simulated(ssd, roi=(5, 6, 700, 800))
    with pytest.raises(GeometryError, match="the ROI must"):
        camera.set_roi(roi)
    assert camera.roi == (5, 6, 700, 800)


# --- a user's own encoder


def test_an_encoder_sees_the_scene_and_fills_the_tensors():
    network = Network.find("mobilenet_v2")
    scenes = []

    def encode(scene, given):
        assert given is network
        scenes.append(scene)
        values = np.zeros(1000)
        for item in scene.objects:
            values[item.class_id] = 0.7123 * item.visible
        return [values]

    roi = (508, 0, 3040, 3040)
    with simulated(network, encode=encode, roi=roi, frames=3) as camera:
        frames = list(camera)
    assert [scene.time_s for scene in scenes] == pytest.approx([0, 1 / 30, 2 / 30])
    for scene, frame in zip(scenes, frames, strict=True):
        assert isinstance(scene, Scene)
        assert scene.roi == roi
        assert scene.objects
        for item in scene.objects:
            assert network.labels[item.class_id] == item.label
        expected = np.zeros(1000)
        for item in scene.objects:
            expected[item.class_id] = 0.7123 * item.visible
        assert frame.outputs[0].shape == (1000,)
        assert np.abs(frame.outputs[0] - expected).max() <= 0.5 / 256
        assert np.array_equal(frame.outputs[0] * 256, np.rint(frame.outputs[0] * 256))


def test_an_encoder_sees_joints_and_regions(ssd):
    seen = []

    def encode(scene, network):
        seen.append((scene, scene.class_map((64, 48))))
        return [np.zeros(shape) for shape in network.output_shapes]

    roi = (500, 100, 3000, 2900)
    with simulated(ssd, encode=encode, roi=roi, seed=2, objects=9) as camera:
        camera.capture()
        placed = camera._world.at(0.0)
    ((scene, regions),) = seen
    assert regions.shape == (48, 64)
    assert np.array_equal(regions, RENDERER.class_map(placed, roi, (64, 48)))
    people = [thing for thing in scene.objects if thing.label == "person"]
    assert people
    for thing in scene.objects:
        assert len(thing.joints) == (17 if thing.label == "person" else 0)
    x0, y0, x1, y1 = people[-1].xyxy
    for joint in people[-1].joints:
        if joint.visible > 0:
            assert x0 - 1e-6 <= joint.x <= x1 + 1e-6
            assert y0 - 1e-6 <= joint.y <= y1 + 1e-6


def test_an_encoder_replaces_the_built_in_one(ssd):
    arrays = [np.full(shape, 0.25) for shape in ssd.output_shapes]
    with simulated(ssd, encode=lambda scene, network: arrays) as camera:
        outputs = camera.capture().outputs
    assert [float(output.ravel()[0]) for output in outputs] == [0.25, 0.25, 0.0, 0.0]


def test_an_encoders_arrays_keep_their_order():
    network = Network.find("posenet")
    shapes = network.output_shapes
    rng = np.random.default_rng(0)
    given = [rng.integers(-100, 100, shape) for shape in shapes]
    scaled = [a * spec.scale for a, spec in zip(given, network.outputs, strict=True)]
    with simulated(network, encode=lambda *_: scaled) as camera:
        outputs = camera.capture().outputs
    for output, expected in zip(outputs, scaled, strict=True):
        assert np.array_equal(output, expected.astype(np.float32))


def test_an_encoders_random_numbers_are_the_frames_own(ssd):
    def drawn(frames):
        numbers = {}

        def encode(scene, network):
            numbers[scene.time_s] = scene.rng.random()
            return [np.zeros(shape) for shape in network.output_shapes]

        with simulated(ssd, encode=encode) as camera:
            for number in frames:
                camera._next = number
                camera.capture()
        return numbers

    whole, some = drawn(range(6)), drawn([0, 2, 5])
    assert len(set(whole.values())) == 6
    assert all(whole[time_s] == value for time_s, value in some.items())


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        (None, "sequence of 4 arrays of shapes .100, 4., .100,., .100,., .1,., got NoneType"),
        (np.zeros((4, 100)), "got ndarray"),
        ([np.zeros((100, 4))], "4 arrays .* got 1 arrays"),
        (
            [np.zeros((4, 100)), np.zeros(100), np.zeros(100), np.zeros(1)],
            r"shape \(4, 100\) for output 0.* has shape \(100, 4\)",
        ),
        (
            [np.zeros((100, 4)), np.zeros(100), np.zeros(100), 3.0],
            r"shape \(\) for output 3.* has shape \(1,\)",
        ),
        ([["a"], 1, 2, 3], "output 0 that is no array of numbers"),
        (
            [np.zeros((100, 4)), np.full(100, np.nan), np.zeros(100), np.zeros(1)],
            "output 1 that are not finite",
        ),
    ],
)
def test_what_an_encoder_returns_is_checked(ssd, returned, message):
    with (
        simulated(ssd, encode=lambda scene, network: returned) as camera,
        pytest.raises(SimulationError, match=message),
    ):
        camera.capture()


def test_networks_without_an_encoder_say_what_to_do(ssd):
    network = Network.from_specs(
        input=ssd.input,
        outputs=[OutputSpec("odd", (7, 5, 3, 2), np.dtype("i1"), 0.5, 0, (0, 1, 2, 3))],
    )
    with pytest.raises(SimulationError, match=r"no built-in encoder .* Pass encode=f") as caught:
        simulated(network)
    assert "(7, 5, 3, 2)" in str(caught.value)
    assert "on_sensor, ultralytics_pose" in str(caught.value)


@pytest.mark.parametrize("name", Network.zoo_names())
def test_any_network_takes_an_encoder(name):
    network = Network.find(name)

    def zeros(scene, network):
        return [np.zeros(shape) for shape in network.output_shapes]

    with simulated(network, encode=zeros, input_tensor=True) as camera:
        frame = camera.capture()
    assert [output.shape for output in frame.outputs] == list(network.output_shapes)
    assert not any(output.any() for output in frame.outputs)
    assert frame.input_image.shape == (network.input.height, network.input.width, 3)


# --- networks that are not from the zoo


def custom_detector(rows=3, labels=None):
    def spec(name, shape, dtype, scale):
        order = tuple(range(len(shape)))
        return OutputSpec(name, shape, np.dtype(dtype), scale, 0, order)

    return Network.from_specs(
        input=Network.find(SSD).input,
        outputs=[
            spec("boxes", (rows, 4), "int16", 2**-14),
            spec("scores", (rows,), "uint8", 1 / 256),
            spec("classes", (rows,), "int8", 1.0),
            spec("count", (1,), "int16", 1.0),
        ],
        labels=labels,
    )


def test_a_small_detector_reports_the_best():
    network = custom_detector(3)
    with simulated(network, noise=0, objects=10) as camera:
        boxes, scores, class_ids, count = camera.capture().outputs
    assert count[0] == 3
    assert (scores > 0).all()
    assert ((class_ids >= 0) & (class_ids < 10)).all()
    assert (boxes[:, :2] < boxes[:, 2:]).all()


def test_classes_that_the_tensor_cannot_carry_are_left_out():
    labels = ["-"] * 126 + ["cat", "dog", "person", "car"]
    network = custom_detector(20, labels)
    with simulated(network, noise=0, objects=10, frames=3) as camera:
        for frame in camera:
            rows = int(frame.outputs[3][0])
            assert set(frame.outputs[2][:rows].astype(int)) <= {126, 127}


def test_labels_without_a_class_give_empty_scenes():
    with simulated(custom_detector(5, ["-", "-"])) as camera:
        assert camera.capture().outputs[3][0] == 0


def test_an_input_that_is_no_colour_picture_is_refused(ssd):
    import dataclasses

    grey = dataclasses.replace(ssd.input, channels=1, format="Y", norm_val=(0,), div_val=(1024,))
    network = Network.from_specs(input=grey, outputs=ssd.outputs)
    simulated(network).close()
    with pytest.raises(SimulationError, match="1 planes of Y"):
        simulated(network, input_tensor=True)


# --- arguments


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": (1280,)}, "size must be two integers"),
        ({"size": "12"}, "size must be two integers"),
        ({"size": (64.0, 48)}, "size must be two integers"),
        ({"size": (8, 8)}, "between 16x16 and 4056x3040"),
        ({"size": (4057, 3040)}, "got 4057x3040"),
        ({"frame_rate": 0}, "frame_rate must be a number above 0"),
        ({"frame_rate": -5}, "frame_rate"),
        ({"frame_rate": float("nan")}, "frame_rate"),
        ({"frame_rate": float("inf")}, "frame_rate"),
        ({"frame_rate": "30"}, "frame_rate"),
        ({"objects": np.float64(2)}, "objects must be an integer"),
        ({"seed": -1}, "seed must be an integer of at least 0"),
        ({"seed": 1.5}, "seed must be an integer"),
        ({"noise": -0.1}, "noise must be a number at least 0"),
        ({"noise": None}, "noise"),
        ({"objects": 65}, "objects must be an integer from 0 to 64, got 65"),
        ({"objects": True}, "objects"),
        ({"frames": -1}, "frames must be an integer"),
        ({"encode": 5}, "encode must be a function"),
    ],
)
def test_wrong_arguments_are_named(ssd, options, message):
    with pytest.raises(SimulationError, match=message) as caught:
        simulated(ssd, **options)
    assert isinstance(caught.value, Imx500Error)
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize("network", [None, SSD, object()])
def test_the_network_must_be_one(network):
    with pytest.raises(NetworkTypeError, match=r"must be a Network, not .*Network\.find"):
        SimulatedCamera(network)


def test_no_objects_are_allowed(ssd):
    with simulated(ssd, objects=0, noise=0) as camera:
        frame = camera.capture()
    assert len(frame.detections()) == 0
    assert frame.detections().fresh
