"""The examples run as a user would run them, and print what they promise."""

from __future__ import annotations

import json
import re
import runpy
import signal
import subprocess
import sys
from collections import Counter
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from rpk_files import RpkFile, Tensor

import imx500_native as imx
from imx500_native.drawing import save_picture

EXAMPLES = Path(__file__).parent.parent / "examples"
SIZE = (1280, 720)
SENSOR = (4056, 3040)


def start(name, *arguments):
    return subprocess.run(
        [sys.executable, EXAMPLES / name, *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def run(name, *arguments):
    done = start(name, *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.fixture
def run_here(monkeypatch, capsys):
    """Return a function that runs an example on the frames of a camera that can be made again."""

    def here(name, *arguments, **options):
        cameras = []

        def open_camera(network, *, size=SIZE, frame_rate=30, simulation_options=None):
            given = {"seed": 3, "size": size, "real_time": False, "frame_rate": frame_rate}
            cameras.append(
                imx.SimulatedCamera(network, **given | (simulation_options or {}) | options)
            )
            return cameras[0]

        monkeypatch.setattr(imx, "open_camera", open_camera)
        monkeypatch.setattr(sys, "argv", [name, *map(str, arguments)])
        runpy.run_path(str(EXAMPLES / name), run_name="__main__")
        return capsys.readouterr().out.splitlines()

    return here


def frames_of(network, count, **options):
    """Return the frames that an example under `run_here` sees."""
    given = {"seed": 3, "size": SIZE, "real_time": False, "frames": count}
    with imx.SimulatedCamera(network, **given | options) as camera:
        return list(camera)


def test_every_example_is_tested():
    tests = Path(__file__).parent.glob("test_examples*.py")
    tested = set(re.findall(r'"(\w+\.py)"', "".join(test.read_text() for test in tests)))
    assert {path.name for path in EXAMPLES.glob("*.py")} <= tested


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.stem)
def test_its_docstring_says_how_to_call_it(path):
    # The name stands in a line of its own, as one would type it.
    assert f"\npython examples/{path.name}" in path.read_text().split('"""')[1]


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.stem)
def test_its_help_says_what_it_takes(path):
    lines = run(path.name, "--help")
    assert lines[0].startswith(f"usage: {path.name} [-h] ")
    # Every argument of the line in the docstring.
    called = re.search(rf"\npython examples/{path.name}(.*)", path.read_text())[1]
    for word in re.findall(r"--\w+|[A-Z]{2,}", called):
        assert word.lower() in " ".join(lines).lower()


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("detect_objects.py", ["yolo11"], "no network file and no built-in network is called"),
        ("detect_objects.py", ["mobilenet_v2"], "task of 'mobilenet_v2' is classification"),
        ("classify.py", ["posenet"], "task of 'posenet' is pose estimation"),
        ("estimate_poses.py", ["deeplabv3plus"], "task of 'deeplabv3plus' is segmentation"),
        ("segment.py", ["mobilenet_v2"], "task of 'mobilenet_v2' is classification"),
        ("segment.py", ["--frames", "1", "--save", "picture.gif"], "picture.gif"),
        ("segment_instances.py", ["mine.rpk"], "expected a network file at mine.rpk"),
        ("segment.py", ["--frames", "1", "--save", "no/picture.png"], "'no/picture.png'"),
        ("estimate_poses.py", ["--frames", "1", "--save", "no/a.png"], "'no/a.png'"),
        ("digital_zoom.py", ["mobilenet"], "mobilenet_v2"),
        ("digital_zoom.py", ["posenet"], "posenet finds no objects to follow"),
        ("count_objects.py", ["deeplabv3plus"], "task of 'deeplabv3plus' is segmentation"),
        ("count_objects.py", ["--frames", "many"], "invalid int value: 'many'"),
        ("own_network.py", ["yolo11"], "unrecognized arguments: yolo11"),
        ("own_network.py", ["--frames", "many"], "invalid int value: 'many'"),
    ],
)
def test_a_slip_is_told_plainly(name, arguments, message):
    done = start(name, *arguments)
    assert done.returncode in (1, 2)
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_without_a_camera_it_says_so():
    assert "the frames are simulated" in start("detect_objects.py", "--frames", "1").stderr


def test_detect_objects():
    lines = run("detect_objects.py", "yolo11n_pp", "--frames", "6")
    assert len(lines) >= 6
    form = re.compile(r" +(\d+) [a-z ]{14} +\d+%  +-?\d+, +\d+ to +\d+, +\d+")
    assert all(form.fullmatch(line) for line in lines), lines


def test_detect_objects_prints_what_was_found(run_here):
    lines = run_here("detect_objects.py", "--frames", "5")
    expected = [
        f"{frame.sequence} {found.label} {found.confidence:.0%} "
        "{:.0f}, {:.0f} to {:.0f}, {:.0f}".format(*found.xyxy)
        for frame in frames_of(imx.Network.find("ssd_mobilenetv2_fpnlite_320x320_pp"), 5)
        for found in frame.detections(0.6)
    ]
    assert [" ".join(line.replace(",", ", ").split()) for line in lines] == expected


@pytest.mark.parametrize("network", ["higherhrnet_coco", "posenet"])
def test_estimate_poses(network):
    lines = run("estimate_poses.py", network, "--frames", "20")
    place = r"(\d+,\d+|not seen)"
    form = rf"frame \d+: person \d+%, nose {place}, left wrist {place}, right wrist {place}"
    assert lines
    assert all(re.fullmatch(form, line) for line in lines), lines


def test_estimate_poses_finds_noses_where_the_scene_has_them(run_here):
    lines = run_here("estimate_poses.py", "posenet", "--frames", "1", noise=0)
    seen = []

    def encode(scene, network):
        seen.extend(thing.joints[0] for thing in scene.objects)
        return [np.zeros(shape) for shape in network.output_shapes]

    (frame,) = frames_of(imx.Network.find("posenet"), 1, encode=encode)
    assert frame.outputs is not None
    truth = frame.mapper().points([(nose.x, nose.y) for nose in seen if nose.visible > 0.5])
    found = [[float(n) for n in re.search(r"nose (\d+),(\d+)", line).groups()] for line in lines]
    assert len(truth) >= 2
    for nose in truth:
        assert np.abs(np.array(found) - nose).max(axis=1).min() < 12


def test_classify(run_here):
    assert len(run("classify.py", "--frames", "3")) >= 1
    lines = run_here("classify.py", "regnetx_002", "--frames", "4")
    assert lines == [
        f"frame {frame.sequence}: "
        + ", ".join(f"{c.label} {c.confidence:.0%}" for c in frame.classification(None, 3))
        for frame in frames_of(imx.Network.find("regnetx_002"), 4)
    ]
    assert all(line.count("%") == 3 for line in lines)


def test_segment(tmp_path, run_here):
    from PIL import Image

    picture = tmp_path / "regions.png"
    lines = run("segment.py", "--frames", "12", "--save", str(picture))
    assert re.fullmatch(r"frame \d+: [a-z]+ \d+\.\d%(, [a-z]+ \d+\.\d%)*", lines[0])
    with Image.open(picture) as saved:
        assert saved.size == SIZE

    again = tmp_path / "again.png"
    lines = run_here("segment.py", "--frames", "2", "--save", again)
    expected = tmp_path / "expected.png"
    frame = frames_of(imx.Network.find("deeplabv3plus"), 2)[len(lines) - 1]
    regions = frame.segmentation()
    assert lines[-1] == f"frame {frame.sequence}: " + ", ".join(
        f"{regions.labels[k]} {(regions.class_map == k).mean():.1%}" for k in regions.class_id
    )
    save_picture(expected, imx.annotate(frame.image, regions))
    assert again.read_bytes() == expected.read_bytes()


def test_segment_instances(tmp_path):
    from PIL import Image

    picture = tmp_path / "masks.png"
    lines = run("segment_instances.py", "--frames", "2", "--save", str(picture))
    form = r"frame \d+: [a-z ]+ \d+ pixels(, [a-z ]+ \d+ pixels)*"
    assert all(re.fullmatch(form, line) for line in lines), lines
    with Image.open(picture) as saved:
        assert saved.size == SIZE


def test_segment_instances_cuts_out_what_the_picture_shows(run_here):
    (line,) = run_here("segment_instances.py", "--frames", "1", objects=4, noise=0)
    example = runpy.run_path(str(EXAMPLES / "segment_instances.py"))
    shown = []

    def encode(scene, network):
        shown.append((scene.objects, scene.class_map((1560, 1560))))
        return [np.zeros(shape) for shape in network.output_shapes]

    frames_of(example["NETWORK"], 1, encode=encode, objects=4)
    ((things, class_map),) = shown
    # A picture of 16:9 shows 2281 of the sensor's 3040 rows.
    scale = SIZE[0] * SIZE[1] / (4056 * 2281) * 4056 * 3040 / 1560**2
    truth = Counter()
    for thing in things:
        x0, y0, x1, y1 = (round(edge * 1560) for edge in thing.xyxy)
        truth[thing.label] += (class_map[y0:y1, x0:x1] == thing.class_id).sum() * scale
    found = Counter()
    for label, pixels in re.findall(r"([a-z ]+) (\d+) pixels", line.partition(":")[2]):
        found[label.strip()] += int(pixels)
    assert found.keys() == truth.keys()
    assert len(found) >= 2
    for label, pixels in truth.items():
        assert found[label] == pytest.approx(pixels, rel=0.15)


def own_model(folder):
    """Write a small model as an export of one's own would be, and return its path."""
    outputs = [
        Tensor((20, 4), "boxes", 16, scale=2**-5),
        Tensor((20,), "scores", 8, signed=False, scale=2**-8),
        Tensor((20,), "classes", 8, signed=False, scale=1.0),
        Tensor((20, 16), "coefficients", 8, scale=2**-5),
        Tensor((16, 24, 32), "prototypes", 8, scale=2**-5),
    ]
    model = folder / "mine.rpk"
    model.write_bytes(RpkFile(outputs=outputs, intrinsics=None).build())
    return model


def test_segment_instances_takes_a_model_and_the_names_beside_it(tmp_path):
    model = own_model(tmp_path)
    (line,) = run("segment_instances.py", model, "--frames", "1")
    assert re.fullmatch(r"frame \d+: \d \d+ pixels(, \d \d+ pixels)*", line)
    (tmp_path / "labels.txt").write_text("".join(f"kind {n}\n" for n in range(10)))
    (line,) = run("segment_instances.py", model, "--frames", "1")
    assert re.fullmatch(r"frame \d+: kind \d \d+ pixels(, kind \d \d+ pixels)*", line)


def test_digital_zoom():
    lines = run("digital_zoom.py", "ssd_mobilenetv2_fpnlite_320x320_pp", "--frames", "5")
    form = re.compile(r"frame \d+: [a-z ]+ \d+%, ROI \(\d+, \d+, \d+, \d+\)")
    assert lines
    assert all(form.fullmatch(line) for line in lines), lines


@pytest.mark.parametrize("seed", [1, 5])
def test_digital_zoom_follows_one_object(run_here, seed):
    lines = run_here("digital_zoom.py", "--frames", "60", noise=0, seed=seed)
    network = imx.Network.find("nanodet_plus_416x416")
    frames = {f.sequence: f for f in frames_of(network, 60, noise=0, seed=seed)}
    followed = re.match(r"frame 0: ([a-z ]+) ", lines[0])[1]
    assert len(lines) > 20
    for line in lines:
        sequence, label = re.match(r"frame (\d+): ([a-z ]+) ", line).groups()
        x, y, width, height = map(int, re.search(r"\((.*)\)", line)[1].split(","))
        assert label == followed
        assert width == pytest.approx(height, abs=1)
        assert min(x, y) >= 0
        assert x + width <= 4056
        assert y + height <= 3040
        assert height <= 3040
        # The region lies round an object of that name, which a camera with the whole view sees.
        objects = imx.Decoder(network)(frames[int(sequence)].outputs)
        boxes = objects.xyxy[[found.label == followed for found in objects]] * np.tile(SENSOR, 2)
        middle = (boxes[:, :2] + boxes[:, 2:]) / 2
        inside = (middle > (x, y)).all(1) & (middle < (x + width, y + height)).all(1)
        assert inside.any()


def test_digital_zoom_waits_until_a_move_is_certain(monkeypatch, capsys):
    moves = []

    class Camera:
        """As a live camera: no certainty just after a move."""

        source = "camera"

        def __init__(self, network, **options):
            self.simulated = imx.SimulatedCamera(network, seed=3, real_time=False)

        def __enter__(self):
            return self

        def set_roi(self, roi):
            moves.append(self.sequence)
            return self.simulated.set_roi(roi)

        def __exit__(self, *_):
            self.simulated.close()

        def __iter__(self):
            for frame in self.simulated.start():
                self.sequence = frame.sequence
                settled = not moves or frame.sequence - moves[-1] > 9
                yield SimpleNamespace(
                    outputs=frame.outputs,
                    roi=frame.roi,
                    roi_uncertain=not settled,
                    sequence=frame.sequence,
                )

    monkeypatch.setattr(imx, "open_camera", Camera)
    monkeypatch.setattr(sys, "argv", ["digital_zoom.py", "yolo11n_pp", "--frames", "41"])
    runpy.run_path(str(EXAMPLES / "digital_zoom.py"), run_name="__main__")
    lines = capsys.readouterr().out.splitlines()
    # Its tensors do not come with every frame.
    assert len(moves) >= 4
    assert min(after - before for before, after in pairwise(moves)) >= 10
    assert [int(line.split()[1].strip(":")) for line in lines] == moves


def test_digital_zoom_looks_at_everything_again_when_it_lost_the_object(run_here):
    rois = []
    network = imx.Network.find("ssd_mobilenetv2_fpnlite_320x320_pp")

    def encode(scene, network):
        rois.append(scene.roi)
        boxes, scores, classes, count = map(np.zeros, network.output_shapes)
        if len(rois) < 3 or len(rois) > 16:
            # A network has its boxes as y0, x0, y1, x1.
            boxes[0], scores[0], classes[0] = [0.4, 0.45, 0.5, 0.55], 0.75, len(rois) > 16
            count[0] = 1
        return [boxes, scores, classes, count]

    lines = run_here("digital_zoom.py", network.name, "--frames", "21", encode=encode)
    assert rois[0] == imx.FULL_ROI
    assert rois[2] == rois[11] != imx.FULL_ROI
    assert imx.FULL_ROI in rois[12:16]
    assert lines[0].startswith("frame 0: person 75%")
    assert rois[1] == pytest.approx((1622, 963, 811, 811), abs=2)
    assert "bicycle 75%" in lines[-1]


def test_count_objects():
    lines = [json.loads(line) for line in run("count_objects.py", "--frames", "12")]
    assert lines[0].keys() == {"time", "frame", "now", "total"}
    assert lines[0]["now"] == lines[0]["total"] != {}


def test_count_objects_ends_quietly_with_ctrl_c():
    with subprocess.Popen(
        [sys.executable, EXAMPLES / "count_objects.py"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as counter:
        assert json.loads(counter.stdout.readline())["now"]
        counter.send_signal(signal.SIGINT)
        _, errors = counter.communicate(timeout=30)
    assert counter.returncode == 0
    assert "Traceback" not in errors


def test_count_objects_counts_what_comes_and_goes(run_here):
    lines = [json.loads(line) for line in run_here("count_objects.py", "--frames", "200")]
    network = imx.Network.find("ssd_mobilenetv2_fpnlite_320x320_pp")
    (first,) = frames_of(network, 1)
    assert lines[0]["now"] == Counter(found.label for found in first.detections())
    frames = [line["frame"] for line in lines]
    assert frames == sorted(set(frames))
    for before, after in pairwise(lines):
        came = Counter(after["total"])
        came.subtract(before["total"])
        assert min(came.values()) >= 0
        for label in after["total"]:
            more = after["now"].get(label, 0) - before["now"].get(label, 0)
            assert more <= came[label]


def test_count_objects_counts_what_flickers_once(run_here):
    calls = []

    def encode(scene, network):
        calls.append(scene)
        boxes, scores, classes, count = map(np.zeros, network.output_shapes)
        if len(calls) % 5:
            boxes[0], scores[0], classes[0] = [0.4, 0.4, 0.6, 0.6], 0.75, 17
            count[0] = 1
        return [boxes, scores, classes, count]

    (line,) = run_here("count_objects.py", "--frames", "60", encode=encode)
    line = json.loads(line)
    assert (line["now"], line["total"]) == ({"dog": 1}, {"dog": 1})


def test_own_network():
    lines = run("own_network.py")
    assert [line[:9] for line in lines] == [f"frame {n:3}" for n in (0, 15, 30, 45, 60, 75)]
    form = re.compile(r"frame +\d+: (person|car|dog) at \d+,\d+(, (person|car|dog) at \d+,\d+)*")
    assert all(form.fullmatch(line) for line in lines), lines
    assert run("own_network.py", "--frames", "31") == lines[:3]


def test_own_network_reads_back_the_middles_of_the_scene():
    example = runpy.run_path(str(EXAMPLES / "own_network.py"))
    decoder = imx.Decoder.for_network(example["NETWORK"], head=example["read_maps"])
    truth = []

    def encode(scene, network):
        middles = [np.reshape(thing.xyxy, (2, 2)).mean(axis=0) for thing in scene.objects]
        names = [thing.label for thing in scene.objects]
        # Two of a kind in one cell are one.
        truth.append(
            {(n, *np.floor(m * 14).astype(int)) for n, m in zip(names, middles, strict=True)}
        )
        return example["encode"](scene, network)

    frames = [f for f in frames_of(example["NETWORK"], 10, encode=encode) if f.outputs is not None]
    for frame, expected in zip(frames, truth, strict=True):
        objects = decoder(frame.outputs)
        cells = np.round(objects.xyxy[:, :2] * 14).astype(int)
        found = {(o.label, *cell) for o, cell in zip(objects, cells, strict=True)}
        assert found == expected
    assert len(truth[0]) > 2
