"""The examples on top of picamera2: with a stand-in for it, and against its own source.

picamera2 cannot be imported without a camera's libraries. So that the examples call nothing that it
does not have, its files are read, not run.
"""

from __future__ import annotations

import ast
import importlib.util
import inspect
import json
import os
import pickle
import subprocess
import sys
from pathlib import Path

import frames
import numpy as np
import pytest
import rpk_files
from rpk_files import Tensor

import imx500_native as imx

HERE = Path(__file__).parent
EXAMPLES = HERE.parent / "examples"
SIZE = (1280, 720)
GREY = 90

LIBCAMERA = "from fake_bindings import Request\n"

PICAMERA2 = """
import pickle
from pathlib import Path
import numpy as np
from libcamera import Request

HERE = Path(__file__).parent

class CompletedRequest:
    def __init__(self, request, picam2):
        self.request, self.picam2 = request, picam2
        self.config = picam2.camera_config.copy()
        width, height = self.config["main"]["size"]
        self.pixels = np.full((height, width, 4), 90, np.uint8)

class MappedArray:
    def __init__(self, request, stream):
        assert stream == "main"
        self.array = request.pixels
    def __enter__(self):
        return self
    def __exit__(self, *_):
        self.array = None

class Picamera2:
    pre_callback = None
    encoder = None
    def __init__(self, camera_num=0):
        assert camera_num == 3
        self.shown = []
    def __enter__(self):
        return self
    def __exit__(self, *_):
        np.save(HERE / "shown.npy", self.shown)
    @staticmethod
    def global_camera_info():
        return [{"Model": "imx500", "Id": "/base/i2c@88000/imx500@1a", "Num": 3}]
    def create_preview_configuration(self, main={}):
        return {"main": main, "lores": None}
    create_video_configuration = create_preview_configuration
    def start(self, config=None, show_preview=False):
        if config is not None:
            self.camera_config = config
        for number, metadata in enumerate(pickle.loads((HERE / "frames.pickle").read_bytes())):
            bare = Request(metadata)
            bare.sequence = number
            request = CompletedRequest(bare, self)
            self.pre_callback(request)
            if self.encoder is not None:
                self.encoder.encode(request.pixels)
            if show_preview:
                self.shown.append(request.pixels)
    def start_recording(self, encoder, output, config=None):
        self.camera_config, self.encoder = config, encoder
        encoder.file = open(output, "wb")
        self.start()
    def stop_recording(self):
        self.encoder.file.close()
"""

ENCODERS = """
class H264Encoder:
    def encode(self, pixels):
        self.file.write(pixels.tobytes())
"""

START = """
import runpy, sys
from pathlib import Path
from fake_driver import give_drop_in
home, program, *rest = sys.argv[1:]
driver = give_drop_in(Path(home))
sys.argv = [program, *rest]
runpy.run_path(program, run_name="__main__")
print(len(driver.files), "networks loaded")
"""

DETECTOR = [
    Tensor((10, 4), "boxes", 16, signed=False, scale=2**-8),
    Tensor((10,), "scores", 8, signed=False, scale=2**-8),
    Tensor((10,), "classes", 8, signed=False, scale=1.0),
    Tensor((1,), "count", 8, signed=False, scale=1.0),
]
INTRINSICS = {
    "task": "object detection",
    "inference_rate": 25,
    "cpu": {"bbox_normalization": True, "bbox_order": "xy"},
    "classes": {"labels": ["cat", "dog"]},
}
WITHOUT = {"ScalerCrop": (0, 0, 4056, 3040), "SensorTimestamp": 1_000}


def tensors(*boxes):
    """Return what a detector sends that found boxes (class, score, x0, y0, x1, y1) of 0..1."""
    places, scores, classes = np.zeros((10, 4)), np.zeros(10), np.zeros(10)
    for row, (class_id, score, *box) in enumerate(boxes):
        # In pixels of the 8 x 6 input.
        places[row], scores[row], classes[row] = np.multiply(box, (8, 6, 8, 6)), score, class_id
    parts = (places, scores, classes, np.array([10.0]))
    return [part.astype(np.float32).ravel(order="F") for part in parts]


DOG = (1, 0.75, 0.25, 0.25, 0.75, 0.5)
CAT = (0, 0.875, 0.5, 0.5, 1.0, 1.0)
# Before the network has run; a dog; a frame without tensors; both.
SHOWN = [(), (DOG,), (DOG,), (CAT, DOG)]


@pytest.fixture
def run(tmp_path):
    """Return a function that runs an example on frames that a sensor might have sent."""
    file = rpk_files.RpkFile(outputs=DETECTOR, intrinsics=json.dumps(INTRINSICS).encode())
    model = tmp_path / "network.rpk"
    model.write_bytes(file.build())
    network = imx.Network(model)
    first = frames.metadata(network, tensors(DOG), frame_count=1)
    second = frames.metadata(network, tensors(CAT, DOG), frame_count=3)
    site = tmp_path / "site" / "picamera2"
    site.mkdir(parents=True)
    (site.parent / "libcamera.py").write_text(LIBCAMERA)
    (site / "__init__.py").write_text(PICAMERA2)
    (site / "encoders.py").write_text(ENCODERS)
    (site / "frames.pickle").write_bytes(pickle.dumps([WITHOUT, first, WITHOUT, second]))
    (tmp_path / "start.py").write_text(START)

    def start(name, *arguments):
        places = [str(site.parent), str(HERE), *(p for p in sys.path if p)]
        done = subprocess.run(
            [sys.executable, "start.py", str(tmp_path / "machine"), EXAMPLES / name, *arguments],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(places)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            input="\n",
        )
        assert "Traceback" not in done.stderr
        return done

    return start


def expected_pictures():
    """Return each frame's picture with what `SHOWN` says drawn into it."""
    pictures = []
    for found in SHOWN:
        found = np.array(found).reshape(-1, 6)
        objects = imx.Detections(
            found[:, 2:] * (*SIZE, *SIZE),
            found[:, 1],
            found[:, 0],
            labels=["cat", "dog"],
            space="stream",
        )
        picture = np.full((SIZE[1], SIZE[0], 4), GREY, np.uint8)
        pictures.append(imx.annotate(picture, objects))
    return np.stack(pictures)


def test_preview_shows_what_was_found(run, tmp_path):
    done = run("picamera2_preview.py", "network.rpk")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["Enter ends the preview.", "1 networks loaded"]
    shown = np.load(tmp_path / "site" / "picamera2" / "shown.npy")
    expected = expected_pictures()
    assert (shown == expected).all(axis=(1, 2, 3)).tolist() == [True] * 4
    assert (expected[0] == GREY).all()
    assert not (expected[3] == expected[2]).all()


def test_record_writes_a_video_and_lines_beside_it(run, tmp_path):
    done = run("picamera2_record.py", "seen.h264", "network.rpk", "--seconds", "0.01")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["1 networks loaded"]
    expected = expected_pictures()
    video = np.fromfile(tmp_path / "seen.h264", np.uint8).reshape(expected.shape)
    assert (video == expected).all(axis=(1, 2, 3)).tolist() == [True] * 4
    lines = [json.loads(line) for line in (tmp_path / "seen.jsonl").read_text().splitlines()]
    assert [line["fresh"] for line in lines] == [False, True, False, True]
    stamps = [line["timestamp_ns"] for line in lines]
    assert stamps == [1_000, 81_423_520_000, 1_000, 81_423_520_000]
    found = [[(d["label"], d["confidence"]) for d in line["detections"]] for line in lines]
    assert found == [
        [],
        [("dog", 0.75)],
        [("dog", 0.75)],
        [("cat", 0.875), ("dog", 0.75)],
    ]
    assert lines[1]["detections"][0]["xyxy"] == [320, 180, 960, 360]


@pytest.mark.parametrize(
    ("name", "arguments"),
    [("picamera2_preview.py", []), ("picamera2_record.py", ["x.h264"])],
)
def test_a_missing_network_is_told_plainly(run, name, arguments):
    done = run(name, *arguments, "mine.rpk")
    assert done.returncode == 1
    assert "expected a network file at" in done.stderr


@pytest.fixture
def run_without(run, tmp_path):
    """Return `run` on a machine that has no picamera2."""
    missing = "raise ModuleNotFoundError(\"No module named 'picamera2'\")"
    (tmp_path / "site" / "picamera2" / "__init__.py").write_text(missing)
    return run


@pytest.mark.parametrize("name", ["picamera2_preview.py", "picamera2_record.py"])
def test_its_help_needs_no_picamera2(run_without, name):
    done = run_without(name, "--help")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"usage: {name} [-h] ")


@pytest.mark.parametrize(
    ("name", "arguments"),
    [("picamera2_preview.py", []), ("picamera2_record.py", ["x.h264"])],
)
def test_without_picamera2_it_says_how_to_get_it(run_without, name, arguments):
    done = run_without(name, *arguments)
    assert done.returncode == 1
    assert done.stderr == "No module named 'picamera2'; sudo apt install python3-picamera2\n"


class Source:
    """picamera2's own files, which are read, not run."""

    def __init__(self, home):
        self.home = home

    def tree(self, path):
        return ast.parse((self.home / path).read_text())

    def classes(self, module, name):
        """Return what a class that a package exports may be: one definition per place."""
        folder = Path(*module.split(".")[1:])
        found = []
        for node in ast.walk(self.tree(folder / "__init__.py")):
            if not isinstance(node, ast.ImportFrom):
                continue
            for alias in node.names:
                if (alias.asname or alias.name) != name:
                    continue
                inner = node.module if node.level else node.module.removeprefix("picamera2.")
                file = (folder if node.level else Path()) / f"{inner.replace('.', '/')}.py"
                found += [
                    each
                    for each in self.tree(file).body
                    if isinstance(each, ast.ClassDef) and each.name == alias.name
                ]
        return found


def member(kind, name):
    """Return the definition of a class's method, True for another attribute, else None."""
    found = None
    for node in ast.walk(kind):
        if isinstance(node, ast.FunctionDef) and node.name == name:
            # Of overloads, the last is the one that counts.
            found = node
        elif (
            found is None
            and isinstance(node, ast.Attribute)
            and isinstance(node.ctx, ast.Store)
            and isinstance(node.value, ast.Name)
            and (node.value.id, node.attr) == ("self", name)
        ):
            found = True
    return found


def signature(function):
    """Return a method's signature, without self."""
    given, kinds = function.args, inspect.Parameter
    places = [*given.posonlyargs, *given.args]
    required = len(places) - len(given.defaults)
    parameters = [
        kinds(arg.arg, kinds.POSITIONAL_OR_KEYWORD, default=kinds.empty if n < required else None)
        for n, arg in enumerate(places)
    ]
    if given.vararg:
        parameters.append(kinds(given.vararg.arg, kinds.VAR_POSITIONAL))
    parameters += [
        kinds(arg.arg, kinds.KEYWORD_ONLY, default=kinds.empty if default is None else None)
        for arg, default in zip(given.kwonlyargs, given.kw_defaults, strict=True)
    ]
    if given.kwarg:
        parameters.append(kinds(given.kwarg.arg, kinds.VAR_KEYWORD))
    return inspect.Signature(parameters[1:])


def complaints(program, source):
    """Return what a program uses of picamera2 in a way that picamera2's source does not have."""
    found, imported, objects = [], {}, {}
    tree = ast.parse(program)
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "picamera2":
            for alias in node.names:
                imported[alias.name] = source.classes(node.module, alias.name)
                if not imported[alias.name]:
                    found.append(f"no {node.module}.{alias.name}")

    def class_of(call):
        name = (
            call.func.id if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) else ""
        )
        return imported.get(name)

    for node in ast.walk(tree):
        if isinstance(node, ast.withitem) and class_of(node.context_expr):
            objects[node.optional_vars.id] = class_of(node.context_expr)
            found += [
                f"{kind.name} is no context manager"
                for kind in class_of(node.context_expr)
                if member(kind, "__enter__") is None
            ]
        elif isinstance(node, ast.Assign) and class_of(node.value):
            objects[node.targets[0].id] = class_of(node.value)
        elif isinstance(node, ast.arg) and isinstance(node.annotation, ast.Name):
            objects[node.arg] = imported.get(node.annotation.id, [])

    def check(kind, name, call):
        function = member(kind, name)
        if function is None:
            found.append(f"no {kind.name}.{name}")
        elif call is not None and isinstance(function, ast.FunctionDef):
            keywords = {keyword.arg: None for keyword in call.keywords}
            try:
                signature(function).bind(*call.args, **keywords)
            except TypeError as error:
                found.append(f"{kind.name}.{name}: {error}")

    calls = {id(node.func): node for node in ast.walk(tree) if isinstance(node, ast.Call)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            for kind in objects.get(node.value.id, []):
                check(kind, node.attr, calls.get(id(node)))
        elif class_of(node):
            for kind in class_of(node):
                check(kind, "__init__", node)
    return found


@pytest.fixture(scope="module")
def source():
    spec = importlib.util.find_spec("picamera2")
    if spec is None:
        pytest.skip("picamera2 is not installed; scripts/test makes an environment that has it")
    return Source(Path(spec.submodule_search_locations[0]))


ON_PICAMERA2 = ("picamera2_preview.py", "picamera2_record.py")


@pytest.mark.parametrize("name", ON_PICAMERA2)
def test_picamera2_has_all_that_an_example_calls(source, name):
    assert complaints((EXAMPLES / name).read_text(), source) == []


@pytest.mark.parametrize(
    ("right", "wrong", "complaint"),
    [
        ("import H264Encoder", "import H264", "no picamera2.encoders.H264"),
        ("H264Encoder()", "H264Encoder(rate=3)", "H264Encoder.__init__: got an unexpected"),
        ("start_recording", "begin_recording", "no Picamera2.begin_recording"),
        ("config=configuration", "configuration=3", "Picamera2.start_recording: got an unexpected"),
        ("stop_recording()", "stop_recording(3)", "Picamera2.stop_recording: too many positional"),
        ("pre_callback", "callback", "no Picamera2.callback"),
        ("mapped.array", "mapped.pixels", "no MappedArray.pixels"),
        ('MappedArray(request, "main")', "MappedArray(request)", "MappedArray.__init__: missing"),
        ("Picamera2(imx500.camera_num) as", "H264Encoder() as", "is no context manager"),
    ],
)
def test_what_picamera2_does_not_have_would_be_noticed(source, right, wrong, complaint):
    program = (EXAMPLES / "picamera2_record.py").read_text()
    assert right in program
    assert complaint in "\n".join(complaints(program.replace(right, wrong), source))
