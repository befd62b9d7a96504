"""Our classes in place of picamera2's, and programs that do not know of it.

picamera2 itself needs a display and a camera stack; a package of its shape stands in for it, whose
own IMX500 modules fail when they are imported.
"""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from imx500_native._lazy import LazySequence
from imx500_native.picamera2 import installing

PACKAGE = {
    "__init__.py": "from .request import CompletedRequest\n"
    "class Picamera2:\n"
    "    def camera_configuration(self):\n"
    "        return {'main': {'size': (640, 480)}, 'raw': {'size': (2028, 1520)}}\n",
    "request.py": "class CompletedRequest:\n"
    "    def __init__(self, request, picam2):\n"
    "        self.request, self.picam2 = request, picam2\n"
    "    def get_metadata(self):\n"
    "        return {'from': 'picamera2'}\n",
    "devices/__init__.py": "from .imx500 import IMX500\n",
    "devices/imx500/__init__.py": "from .imx500 import IMX500\n",
    "devices/imx500/imx500.py": "raise ImportError('no Imath')\n",
    "devices/imx500/postprocess.py": "raise ImportError('no cv2')\n",
    "devices/imx500/newer.py": "newer = True\n",
}


@pytest.fixture
def home(tmp_path):
    for name, text in PACKAGE.items():
        file = tmp_path / "site" / "picamera2" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return tmp_path


def run(home, program, *arguments, runner=True, options=()):
    """Run a program in a process of its own, by its name in its directory."""
    (home / "program.py").write_text(textwrap.dedent(program))
    runs = ["-m", "imx500_native.picamera2"] if runner else []
    places = [str(home / "site"), str(Path(installing.__file__).parents[2])]
    places += [p for p in sys.path if p]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(places)}
    # The test run's own, with which a program's directory would not be on its path.
    environment.pop("PYTHONSAFEPATH", None)
    return subprocess.run(
        [sys.executable, *options, *runs, "program.py", *arguments],
        cwd=home,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_every_way_to_import_gives_our_classes(home):
    done = run(
        home,
        """
        import picamera2.devices.imx500.postprocess_nanodet as nanodet
        import picamera2.devices.imx500
        from picamera2.devices import IMX500
        from picamera2.devices.imx500 import NetworkIntrinsics, postprocess_yolov8_detection
        from picamera2.devices.imx500.imx500 import IMX500 as same
        from picamera2.devices.imx500.postprocess import COCODrawer, nms
        from picamera2.devices.imx500.postprocess_highernet import postprocess_higherhrnet
        from picamera2.devices.imx500.newer import newer
        assert IMX500 is same is picamera2.devices.imx500.IMX500
        for thing in (IMX500, NetworkIntrinsics, COCODrawer, nms, postprocess_higherhrnet,
                      postprocess_yolov8_detection, nanodet.postprocess_nanodet_detection):
            assert thing.__module__.startswith("imx500_native."), thing
        assert picamera2.devices.imx500.postprocess.nms is nms
        modules = (picamera2.devices.imx500, picamera2.devices.imx500.postprocess, nanodet)
        for module in modules:
            assert module.__doc__, module
            assert "imx500_native" in module.__file__, module
        assert picamera2.Picamera2().camera_configuration()
        print("done", newer)
        """,
    )
    assert (done.stdout, done.stderr, done.returncode) == ("done True\n", "", 0)


def test_install_at_the_top_of_a_program(home):
    done = run(
        home,
        """
        import imx500_native.picamera2
        imx500_native.picamera2.install()
        imx500_native.picamera2.install()
        import sys
        from picamera2.devices import IMX500
        print(IMX500.__module__, sum("_Finder" in repr(f) for f in sys.meta_path))
        """,
        runner=False,
    )
    assert (done.stdout, done.stderr) == ("imx500_native.picamera2.imx500 1\n", "")


def test_install_after_picamera2_was_imported(home):
    (home / "site/picamera2/devices/imx500/imx500.py").write_text("class IMX500: pass\n")
    done = run(
        home,
        """
        import picamera2.devices.imx500
        from picamera2.devices import IMX500 as theirs
        from picamera2.request import CompletedRequest
        before = CompletedRequest.get_metadata
        import imx500_native.picamera2
        imx500_native.picamera2.install()
        from picamera2.devices import IMX500
        from picamera2.devices.imx500 import IMX500 as same
        assert IMX500 is same is not theirs
        assert CompletedRequest.get_metadata is not before
        print(IMX500.__module__, IMX500.__name__)
        """,
        runner=False,
    )
    assert (done.stdout, done.stderr) == ("imx500_native.picamera2.imx500 IMX500\n", "")


def test_metadata_of_a_request_that_is_not_libcameras_is_left_alone(home):
    done = run(
        home,
        """
        from picamera2 import CompletedRequest
        print(CompletedRequest(None, None).get_metadata())
        print(CompletedRequest(object(), None).get_metadata())
        """,
    )
    assert done.stdout == "{'from': 'picamera2'}\n" * 2
    assert done.stderr == ""


def test_a_program_runs_as_by_itself(home):
    program = """
        import os, pickle, sys
        print(sys.argv, __name__, os.path.basename(__file__))
        print(os.path.realpath(sys.path[0]) == os.path.dirname(os.path.realpath(__file__)))
        class Thing: pass
        pickle.loads(pickle.dumps(Thing()))
        print(sys.modules["__main__"].Thing is Thing, __spec__, __builtins__.__name__)
        """
    alone, run_by_us = (run(home, program, "-x", "a b", runner=flag) for flag in (False, True))
    assert run_by_us.stdout == alone.stdout
    assert alone.stdout.startswith("['program.py', '-x', 'a b'] __main__ program.py\nTrue\nTrue")
    assert run_by_us.stderr == ""


@pytest.mark.parametrize(
    "program",
    [
        "def f():\n    return 1 / 0\n\nf()\n",
        "import json\njson.loads('{')\n",
        "try:\n    {}['a']\nexcept KeyError as e:\n    raise ValueError('no') from e\n",
        "def f(:\n",
        "raise SystemExit('stop')\n",
        "import sys\nsys.exit(7)\n",
        "raise KeyboardInterrupt\n",
        "import sys\nsys.excepthook = lambda *a: print('mine', a[0].__name__)\n1 / 0\n",
    ],
)
def test_what_a_program_raises_is_shown_as_its_own(home, program):
    alone, run_by_us = (run(home, program, runner=flag) for flag in (False, True))
    assert run_by_us.returncode == alone.returncode != 0
    assert run_by_us.stdout == alone.stdout
    # Python itself shows a full path for a program that it opens.
    assert run_by_us.stderr == alone.stderr.replace(f"{home}/program.py", "program.py")


def started(home, *arguments):
    return subprocess.run(
        [sys.executable, "-m", "imx500_native.picamera2", *arguments],
        cwd=home,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("arguments", [[], ["-x"], ["--help-me"], ["missing.py"], ["."]])
def test_wrong_arguments(home, arguments):
    done = started(home, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("usage: python -m imx500_native.picamera2 program.py")
    if arguments in (["missing.py"], ["."]):
        assert f"cannot read '{arguments[0]}'" in done.stderr


def test_help(home):
    done = started(home, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert "program.py [argument ...]" in done.stdout


def test_controls_are_handed_out_as_picamera2_does():
    as_picamera2 = installing.as_picamera2
    assert as_picamera2((0, 0, 4056, 3040)) == (0, 0, 4056, 3040)
    assert as_picamera2(1.5) == 1.5
    gains = as_picamera2(np.array([1.5, 2.5], np.float32))
    assert (gains, type(gains), type(gains[0])) == ((1.5, 2.5), tuple, float)
    crops = as_picamera2(np.array([[0, 0, 4, 3], [1, 1, 2, 2]], np.int32))
    assert crops == [(0, 0, 4, 3), (1, 1, 2, 2)]
    assert as_picamera2(np.array([], np.float32)) == []
    big = as_picamera2(np.arange(64, dtype=np.float32))
    assert type(big) is LazySequence
    assert big == tuple(map(float, range(64)))


@pytest.fixture
def completed():
    """A request of libcamera's virtual camera with a network's tensors, as picamera2 wraps it."""
    pytest.importorskip(
        "libcamera", reason='libcamera is missing; get it with: eval "$(scripts/libcamera --env)"'
    )
    pytest.importorskip(
        "imx500_native._libcamera",
        reason="imx500_native was built without libcamera; "
        'build it again after: eval "$(scripts/libcamera --env)"',
    )
    from native.build import inject_controls
    from oracles.tensor_info_oracle import pack_output_info
    from virtual_camera import VirtualCamera

    inject = inject_controls()
    inject.register_cnn_controls()
    shapes = ((100, 4), (100,), (100,), (1,))
    with VirtualCamera() as camera:
        camera.start()
        request = camera.capture()
        values = np.random.default_rng(5).random(601, np.float32)
        inject.put(request, "CnnOutputTensor", values)
        info = pack_output_info(shapes, frame_count=77)
        inject.put(request, "CnnOutputTensorInfo", np.frombuffer(info, np.uint8))
        inject.put(request, "CnnKpiInfo", np.array([14000, 12400], np.int32))
        yield SimpleNamespace(request=request, config={"main": {"size": (640, 480)}})
        camera.requeue(request)


def slow_metadata(self):
    """What picamera2 does without our help."""
    return {key.name: value for key, value in self.request.metadata.items()}


def test_fast_metadata_are_the_slow_ones(completed):
    fast, slow = installing._fast(slow_metadata)(completed), slow_metadata(completed)
    assert fast.keys() == slow.keys()
    for name, value in slow.items():
        assert fast[name] == value, name
        assert hash(fast[name]) == hash(value)
    assert type(fast["CnnOutputTensor"]) is LazySequence
    assert bytes(fast["CnnOutputTensorInfo"]) == bytes(slow["CnnOutputTensorInfo"])


def test_our_calls_and_picamera2s_on_one_request_agree(completed):
    from drop_in.stand_ins import Device

    from imx500_native.picamera2 import IMX500

    imx500 = IMX500("", device=Device())
    metadata = installing._fast(slow_metadata)(completed)
    expected = imx500.get_outputs(slow_metadata(completed))
    for source in (completed, completed.request, metadata):
        for ours, array in zip(imx500.get_outputs(source), expected, strict=True):
            np.testing.assert_array_equal(ours, array, strict=True)
            assert ours.flags.writeable
        assert imx500.get_kpi_info(source) == (14.0, 12.4)
        assert imx500.get_output_shapes(source) == [[100, 4], [100], [100], [1]]
