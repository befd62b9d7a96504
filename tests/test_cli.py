"""The command: what it prints and where, its exit codes, and what it does when things go wrong."""

from __future__ import annotations

import fcntl
import itertools
import json
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import threading
from pathlib import Path

import numpy as np
import pytest
import rpk_files

import imx500_native as imx
from imx500_native import _demo, _devices, _table, cli, discovery
from imx500_native.network import Network

SSD = "ssd_mobilenetv2_fpnlite_320x320_pp"
TIMEOUT_S = 60
MODULE = [sys.executable, "-m", "imx500_native"]
# A shell without job control has its background jobs ignore SIGINT, and so would Python.
INTERRUPTIBLE = [
    sys.executable,
    "-c",
    "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    "from imx500_native.cli import main; sys.exit(main())",
]


def environment(*first_on_path, **more):
    places = [*map(str, first_on_path), str(Path(imx.__file__).parent.parent)]
    left_out = ("IMX500_MODELS", "COLUMNS", "PYTHONUNBUFFERED")
    variables = {k: v for k, v in os.environ.items() if k not in left_out}
    return variables | {"PYTHONPATH": os.pathsep.join(places), "TERM": "xterm"} | more


def start(*arguments, command=MODULE, **options):
    options = {"env": environment(), "stdin": subprocess.DEVNULL} | options
    return subprocess.Popen(
        [*command, *map(str, arguments)], stderr=subprocess.PIPE, text=True, **options
    )


def run(*arguments, **options):
    with start(*arguments, **({"stdout": subprocess.PIPE} | options)) as process:
        out, err = process.communicate(timeout=TIMEOUT_S)
    return process.returncode, out, err


def fails(capsys, *arguments, code=1):
    """Run in this process what must fail; return the one line of complaint."""
    assert cli.main([str(argument) for argument in arguments]) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("imx500-native: error: ")
    assert err.count("\n") == 1
    return err


def refused(capsys, *arguments):
    """Run what argparse must refuse; return the last line of what it says."""
    with pytest.raises(SystemExit) as stopped:
        cli.main([str(argument) for argument in arguments])
    assert stopped.value.code == 2
    out, err = capsys.readouterr()
    assert out == ""
    return err.splitlines()[-1]


@pytest.fixture(autouse=True)
def no_networks_of_this_machine(monkeypatch, tmp_path):
    monkeypatch.delenv("IMX500_MODELS", raising=False)
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def rpk(tmp_path):
    file = tmp_path / "imx500_network_tiny.rpk"
    file.write_bytes(rpk_files.RpkFile().build())
    return file


# --- help, version, arguments ------------------------------------------------------------------


def test_help_and_version(capsys):
    for arguments in (["--help"], *([c, "--help"] for c in ("demo", "info", "devices"))):
        with pytest.raises(SystemExit) as stopped:
            cli.main(arguments)
        assert stopped.value.code == 0
        assert "imx500-native" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        cli.main(["--version"])
    assert capsys.readouterr().out == f"imx500-native {imx.__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ((), "required: COMMAND"),
        (("demo", "--frames", "0"), "at least 1"),
        (("demo", "--frames", "1_0"), "whole number"),
        (("demo", "--frames", "9" * 5000), "whole number"),
        (("demo", "--size", "640"), "WIDTHxHEIGHT"),
        (("demo", "--size", "640x-1"), "whole number"),
        (("demo", "--threshold", "1.5"), "0 to 1"),
        (("demo", "--threshold", "nan"), "0 to 1"),
        (("demo", "--frame-rate", "0"), "above 0"),
        (("demo", "--frame-rate", "inf"), "above 0"),
        (("demo", "--roi", "1,2,3"), "X,Y,WIDTH,HEIGHT"),
        (("demo", "--source", "usb"), "invalid choice"),
        (("roi", "FULL"), "3040,3040, an aspect ratio as in 1:1, or full, got 'FULL'"),
        (("roi", "1,2,3"), "expected X,Y,WIDTH,HEIGHT as in 508,0,3040,3040, got '1,2,3'"),
        (("update-intrinsics", "a.rpk"), "nothing to change"),
        (("update-intrinsics", "a.rpk", "--set", "softmax"), "KEY=VALUE"),
        (("update-intrinsics", "a.rpk", "--set", "soft=true"), "unknown field 'soft'"),
        (("update-intrinsics", "a", "--labels", "-", "--intrinsics", "-"), "only one"),
    ],
)
def test_wrong_arguments(capsys, arguments, complaint):
    assert complaint in refused(capsys, *arguments)


# --- info --------------------------------------------------------------------------------------


def test_info_lists_every_known_network(capsys, rpk, monkeypatch):
    assert cli.main(["info"]) == 0
    heading, *rows = capsys.readouterr().out.splitlines()
    assert heading.split() == ["name", "task", "input", "from"]
    assert [row.split()[0] for row in rows] == list(Network.zoo_names())

    (rpk.parent / "imx500_network_broken.rpk").write_bytes(b"9464")
    monkeypatch.setenv("IMX500_MODELS", str(rpk.parent))
    assert cli.main(["info", "--json"]) == 0
    listed = {e["name"]: e for e in json.loads(capsys.readouterr().out)["networks"]}
    assert listed["tiny"]["path"] == str(rpk)
    assert listed["tiny"]["task"] == "object detection"
    assert listed["posenet"] == {
        "name": "posenet",
        "task": "pose estimation",
        "input": [481, 353],
        "path": None,
    }
    assert "imx500_network_broken.rpk" in listed
    assert cli.main(["info"]) == 0
    assert "cannot be read" in capsys.readouterr().out


@pytest.mark.parametrize("name", Network.zoo_names())
def test_info_of_a_known_network(capsys, name):
    assert cli.main(["info", name]) == 0
    out = capsys.readouterr().out
    network = Network.find(name)
    assert max(map(len, out.splitlines())) < 80
    assert network.network_name in out
    assert f"{network.input.width}x{network.input.height}" in out
    for spec in network.outputs:
        assert spec.name in out
        assert f"{spec.scale:g}" in out


def test_info_as_json_equals_the_network(capsys, rpk):
    assert cli.main(["info", "--json", str(rpk)]) == 0
    shown = json.loads(capsys.readouterr().out)
    network = Network(rpk)
    assert shown["path"] == str(rpk)
    assert shown["file_size"] == rpk.stat().st_size
    assert shown["task"] == network.task == "object detection"
    assert shown["input"]["dtype"] == "int8"
    assert shown["input"]["padding"] == list(network.input.padding)
    assert [tuple(o["shape"]) for o in shown["outputs"]] == list(network.output_shapes)
    assert [tuple(o["value_range"]) for o in shown["outputs"]] == [
        spec.value_range for spec in network.outputs
    ]
    assert shown["intrinsics"] == network.intrinsics.intrinsics
    assert shown["network_info"] == dict(network.network_info)
    assert [b["size"] for b in shown["blocks"]] == [b.size for b in network.blocks]
    assert shown["archive"]["network_intrinsics"] == len(rpk_files.RpkFile().intrinsics)
    assert list(shown["archive"]) == ["imx500_regs", "network_info.txt", "network_intrinsics"]


def test_info_of_a_file_shows_no_control_characters(capsys, rpk):
    labels = ["\x1b[2Jperson", "猫\nx", "\udc80"]
    intrinsics = json.dumps({"classes": {"labels": labels}}).encode()
    rpk.write_bytes(rpk_files.RpkFile(name="na\x07me", intrinsics=intrinsics).build())
    assert cli.main(["info", str(rpk)]) == 0
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "\x07" not in out
    assert "\\x1b[2Jperson, 猫\\nx, \\udc80" in out


def test_a_terminal_without_the_letters_of_a_label(rpk):
    intrinsics = json.dumps({"classes": {"labels": ["猫"]}}).encode()
    rpk.write_bytes(rpk_files.RpkFile(intrinsics=intrinsics).build())
    code, out, err = run("info", rpk, env=environment(PYTHONIOENCODING="ascii"))
    assert (code, err) == (0, "")
    assert "\\u732b" in out


def test_networks_that_are_not_there(capsys, tmp_path, rpk):
    assert "close names: yolo11n_pp" in fails(capsys, "info", "yolo11_pp")
    assert "there is none" in fails(capsys, "info", tmp_path / "absent.rpk")
    for wrong in (tmp_path, "."):
        assert "regular file" in fails(capsys, "info", wrong)
    rpk.write_bytes(rpk.read_bytes()[:-600])
    fails(capsys, "info", rpk)


def test_a_fifo_does_not_hang(capsys, tmp_path):
    os.mkfifo(tmp_path / "fifo.rpk")
    for name in ("fifo.rpk", "./fifo.rpk"):
        assert "regular file" in fails(capsys, "info", name)
        assert "regular file" in fails(capsys, "demo", "--network", name)
        assert "regular file" in fails(capsys, "update-intrinsics", name, "--set", "softmax=true")


# --- update-intrinsics -------------------------------------------------------------------------


def update(capsys, *arguments):
    assert cli.main(["update-intrinsics", *map(str, arguments)]) == 0
    return capsys.readouterr()


def test_update_sets_and_removes_fields(capsys, rpk):
    out, _ = update(
        capsys,
        *(rpk, "--set", "bbox_order=xy", "--set", "cpu.softmax=true", "--set", "inference_rate=15"),
        *("--set", "input_aspect_ratio=4:3", "--set", "task="),
    )
    assert Network(rpk).intrinsics.intrinsics == {
        "inference_rate": 15,
        "cpu": {"bbox_order": "xy", "softmax": True},
        "input_aspect_ratio": {"width": 4, "height": 3},
    }
    changes = [line.split() for line in out.splitlines()[:-1]]
    assert ["inference_rate", "12.5", "->", "15"] in changes
    assert ["input_aspect_ratio", "-", "->", "4:3"] in changes
    assert ["task", "object", "detection", "->", "-"] in changes
    assert out.splitlines()[-1] == f"wrote {rpk} ({rpk.stat().st_size} bytes)"

    update(capsys, rpk, "--set", "cpu.softmax=", "--set", "bbox_order=")
    assert "cpu" not in Network(rpk).intrinsics.intrinsics


def test_update_writes_elsewhere_and_keeps_the_file(capsys, rpk, tmp_path):
    before = rpk.read_bytes()
    (tmp_path / "labels.txt").write_bytes("\ufeffperson\r\n猫\r\n-\r\n\r\n".encode())
    other = tmp_path / "other.rpk"
    out, _ = update(capsys, rpk, "--labels", "labels.txt", "--output", other)
    assert rpk.read_bytes() == before
    assert Network(other).intrinsics.labels == ["person", "猫", "-"]
    assert "3 labels: person, 猫, -" in out


def test_update_that_changes_nothing_leaves_the_file_alone(capsys, rpk):
    before = rpk.stat()
    out, _ = update(capsys, rpk, "--set", "inference_rate=12.5")
    assert out == "nothing changes\n"
    assert rpk.stat().st_ino == before.st_ino


def test_update_from_json(capsys, rpk, tmp_path):
    (tmp_path / "new.json").write_text('{"task": "classification", "lables": [1]}')
    out, err = update(capsys, rpk, "--intrinsics", "new.json")
    assert Network(rpk).intrinsics.intrinsics == {"task": "classification", "lables": [1]}
    assert "unknown field 'lables' is kept" in err
    assert re.search(r"^inference_rate +12.5 +-> +-$", out, re.MULTILINE)


def test_update_from_standard_input(rpk):
    command = [*MODULE, "update-intrinsics", str(rpk), "--intrinsics", "-"]
    done = subprocess.run(
        command,
        input=b'{"task": "segmentation"}',
        env=environment(),
        capture_output=True,
        check=True,
    )
    assert done.stderr == b""
    assert Network(rpk).task == "segmentation"


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--set", "bbox_order=zz"), "cpu.bbox_order: expected one of 'xy', 'yx', got 'zz'"),
        (("--set", "softmax=maybe"), "cpu.softmax: expected true or false, got 'maybe'"),
        (("--set", "inference_rate=fast"), "inference_rate: expected a number, got 'fast'"),
        (("--set", "inference_rate=nan"), "finite"),
        (("--set", "input_aspect_ratio=16"), "1:1"),
        (("--set", "input_aspect_ratio=0:1"), "above 0"),
        (("--set", "task=telepathy"), "task"),
        (("--set", "labels=a,b"), "--labels FILE"),
        (("--labels", "blank.txt"), "line 2 of blank.txt is empty"),
        (("--labels", "latin.txt"), "latin.txt must be UTF-8"),
        (("--labels", "absent.txt"), "absent.txt: No such file or directory"),
        (("--labels", "."), ".: Is a directory"),
        (("--intrinsics", "broken.json"), "broken.json must be JSON"),
        (("--intrinsics", "null.json"), "null.json: expected a JSON object"),
        (("--intrinsics", "wrong.json"), "wrong.json: intrinsics field task"),
        (("--intrinsics", "deep.json"), "deep.json"),
        (("--set", "softmax=true", "--output", "absent/a.rpk"), "cannot write"),
    ],
)
def test_update_refuses(capsys, rpk, tmp_path, arguments, complaint):
    (tmp_path / "blank.txt").write_text("a\n\nb\n")
    (tmp_path / "latin.txt").write_bytes(b"caf\xe9\n")
    (tmp_path / "broken.json").write_text('{"task":')
    (tmp_path / "null.json").write_text("null")
    (tmp_path / "wrong.json").write_text('{"task": 5}')
    (tmp_path / "deep.json").write_text("[" * 100_000)
    before = rpk.read_bytes()
    assert complaint in fails(capsys, "update-intrinsics", rpk, *arguments)
    assert rpk.read_bytes() == before


def test_update_refuses_text_without_end(capsys, rpk, monkeypatch):
    monkeypatch.setattr("imx500_native._update.MAX_TEXT_BYTES", 100)
    assert "more than 100 bytes" in fails(capsys, "update-intrinsics", rpk, "--labels", "/dev/zero")


def test_update_of_a_file_that_is_not_there(capsys):
    complaint = fails(capsys, "update-intrinsics", "posenet", "--set", "softmax=true")
    assert "there is no network file posenet" in complaint


# --- devices -----------------------------------------------------------------------------------


def test_devices_as_json_equals_the_survey(capsys):
    assert cli.main(["devices", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    found = discovery.survey()
    assert shown["machine"] == found.machine
    assert shown["access"] == found.access
    assert len(shown["subdevices"]) == len(found.subdevices)
    assert shown["libcamera"]["installed"] == found.libcamera.installed
    expected = [(r.missing, r.remedy) for r in discovery.remedies(found)]
    assert [(m["missing"], m["remedy"]) for m in shown["missing"]] == expected


def test_devices_in_words(capsys, monkeypatch, tmp_path):
    subdevice = discovery.Subdevice(
        node=Path("/dev/v4l-subdev2"),
        node_state="denied",
        name="imx500 10-001a",
        i2c="10-001a",
        camera_id="/base/axi/imx500@1a",
        progress=Path("/sys/kernel/debug/imx500-fw:10-001a/fw_progress"),
        progress_state="denied",
    )
    found = discovery.Survey(
        machine="Raspberry Pi 5",
        raspberry_pi=True,
        subdevices=(subdevice,),
        firmware=(),
        networks=(),
        libcamera=discovery.Module("libcamera", True, version="0.5.2"),
        picamera2=discovery.Module("picamera2", True, problem="ImportError: no Imath"),
        extension=discovery.Module("imx500_native._libcamera", False),
        direct_problem=None,
    )
    monkeypatch.setattr(_devices, "survey", lambda: found)
    assert cli.main(["devices"]) == 0
    out = capsys.readouterr().out
    for said in (
        "Raspberry Pi 5",
        "/dev/v4l-subdev2, which this user may not open",
        "/base/axi/imx500@1a",
        "0.5.2",
        "cannot be imported: ImportError: no Imath",
        'sudo usermod -aG video "$USER"',
        "libcamera's metadata, slowly",
    ):
        assert said in out
    assert "This is no Raspberry Pi" not in out
    assert max(map(len, out.splitlines())) <= 80


# --- demo --------------------------------------------------------------------------------------


def test_demo_as_json_equals_the_api(capsys):
    options = ("--seed", "7", "--frames", "12", "--size", "320x240", "--threshold", "0.6")
    assert cli.main(["demo", "--json", "--roi", "508,0,3040,3040", *options]) == 0
    out, err = capsys.readouterr()
    rows = [json.loads(line) for line in out.splitlines()]
    camera = imx.SimulatedCamera(
        Network.find(SSD),
        size=(320, 240),
        seed=7,
        frames=12,
        real_time=False,
        roi=(508, 0, 3040, 3040),
    )
    with camera:
        expected = [
            {
                "sequence": frame.sequence,
                "frame_count": frame.frame_count,
                "timestamp_ns": frame.sensor_timestamp_ns,
            }
            | frame.detections(0.6).to_dict()
            for frame in camera
        ]
    assert rows == expected
    assert {row["fresh"] for row in rows} == {True, False}
    assert any(row["detections"] for row in rows)
    assert err.startswith("SIMULATED camera")
    assert "12 frames in " in err


def test_demo_in_words(capsys):
    assert cli.main(["demo", "--seed", "7", "--frames", "12", "--size", "320x240"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    lines = out.splitlines()
    assert lines[0].startswith("SIMULATED camera")
    assert SSD in lines[1]
    frames = [line.split() for line in lines if re.match(r" +\d+  ", line)]
    with imx.SimulatedCamera(
        Network.find(SSD), size=(320, 240), seed=7, frames=12, real_time=False
    ) as camera:
        api = list(camera)
    assert [int(words[0]) for words in frames] == [frame.sequence for frame in api]
    for words, frame in zip(frames, api, strict=True):
        if frame.outputs is None:
            assert words[2:] == ["no", "tensors"]
        else:
            said = sorted(float(w.strip(",")) for w in words[2:] if re.match(r"[01]\.\d\d", w))
            assert said == sorted(round(d.confidence, 2) for d in frame.detections())
    without = sum(frame.outputs is None for frame in api)
    assert "12 frames in " in out
    assert f"{without} without tensors, 0 dropped" in out
    stages = [line.split()[0] for line in lines if re.search(r"(\d+\.\d{3} *){4}$", line)]
    assert stages == ["outputs", "results", "show", "frame"]
    assert max(map(len, lines)) <= _demo.PIPE_COLUMNS


DETAILS = {
    "object detection": ("detections", "person "),
    "pose estimation": ("people", " of 17"),
    "segmentation": ("classes", "person "),
    "classification": ("classes", "0."),
    None: ("no results", "640x480"),
}


@pytest.mark.parametrize("name", Network.zoo_names())
def test_demo_of_every_network(capsys, tmp_path, name):
    image = pytest.importorskip("PIL.Image", reason="Pillow is missing: pip install pillow")
    picture = tmp_path / "demo.png"
    options = ["--network", name, "--seed", "7", "--frames", "3", "--size", "320x240"]
    assert cli.main(["demo", *options, "--save", str(picture)]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    _, _, table = out.partition("\nframe ")
    for word in DETAILS[Network.find(name).task]:
        assert word in table
    assert max(map(len, out.partition(str(picture))[0].splitlines())) <= _demo.PIPE_COLUMNS + 20
    with image.open(picture) as saved:
        drawn = np.asarray(saved)
    with imx.SimulatedCamera(
        Network.find(name), size=(320, 240), seed=7, real_time=False, input_tensor=True
    ) as camera:
        frames = {frame.sequence: frame for frame in itertools.islice(camera, 3)}
    frame = frames[int(re.search(r"saved frame (\d)", out)[1])]
    if Network.find(name).task is None:
        # What the network saw is beside the picture.
        assert drawn.shape[0] == 240
        assert drawn.shape[1] > 600
        middle = np.s_[60:180, 20:300]
        assert np.array_equal(drawn[middle], frame.image[middle])
    else:
        assert drawn.shape == (240, 320, 3)
        assert (drawn != frame.image).any(axis=2).mean() > 0.005


@pytest.mark.parametrize("name", Network.zoo_names())
def test_demo_of_every_network_as_json(capsys, name):
    options = ["--network", name, "--seed", "7", "--frames", "2", "--size", "64x48"]
    assert cli.main(["demo", *options, "--json"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    network = Network.find(name)
    with imx.SimulatedCamera(
        network, size=(64, 48), seed=7, frames=2, real_time=False, input_tensor=True
    ) as camera:
        for row, frame in zip(rows, camera, strict=True):
            assert row.pop("sequence") == frame.sequence
            assert row.pop("frame_count") == frame.frame_count
            assert row.pop("timestamp_ns") == frame.sensor_timestamp_ns
            expected = {} if network.task is None else frame.result().to_dict()
            assert row == json.loads(json.dumps(expected))


def test_demo_of_a_network_that_no_head_reads(capsys, monkeypatch):
    network = Network.from_specs(
        input=Network.find(SSD).input,
        outputs=[imx.OutputSpec("odd", (7, 5, 3, 2), np.dtype("i1"), 0.5, 0, (0, 1, 2, 3))],
    )
    monkeypatch.setattr("imx500_native._info.find_network", lambda _: network)
    assert "no decoder reads the outputs" in fails(capsys, "demo")


def test_demo_saves_the_last_frame_with_detections(capsys, tmp_path):
    image = pytest.importorskip("PIL.Image", reason="Pillow is missing: pip install pillow")
    link = tmp_path / "link.png"
    link.symlink_to("demo.png")
    options = ["--seed", "7", "--frames", "6", "--size", "320x240"]
    assert cli.main(["demo", *options, "--save", str(link)]) == 0
    out = capsys.readouterr().out
    with imx.SimulatedCamera(
        Network.find(SSD), size=(320, 240), seed=7, frames=6, real_time=False
    ) as camera:
        frame = [frame for frame in camera if len(frame.detections())][-1]
    expected = imx.annotate(frame.image, frame.detections(), image_format=frame.image_format)
    with image.open(tmp_path / "demo.png") as picture:
        np.testing.assert_array_equal(np.asarray(picture), expected)
    assert link.is_symlink()
    assert f"saved frame {frame.sequence}, with {len(frame.detections())} detections" in out
    assert sorted(p.name for p in tmp_path.iterdir()) == ["demo.png", "link.png"]


def test_demo_that_finds_nothing_saves_the_scene(capsys, tmp_path):
    options = ["--frames", "2", "--size", "160x120", "--threshold", "1"]
    assert cli.main(["demo", *options, "--save", "demo.jpg"]) == 0
    assert "in which nothing was found" in capsys.readouterr().out
    assert (tmp_path / "demo.jpg").stat().st_size > 0


def test_demo_knows_at_once_where_it_cannot_save(capsys, tmp_path):
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "full.png").symlink_to("/dev/full")
    os.mkfifo(tmp_path / "fifo.png")
    (tmp_path / "loop.png").symlink_to("loop.png")
    for name, complaint in {
        "x.gif": ".png, .jpg or .jpeg",
        "x": ".png, .jpg or .jpeg",
        "/dev/full": "not a file",
        "full.png": "not a file",
        "fifo.png": "not a file",
        "folder.png": "not a file",
        "absent/x.png": "there is no folder",
        "/proc/x.png": "/proc/x.png: ",
        "n" * 300 + ".png": "too long",
    }.items():
        assert complaint in fails(capsys, "demo", "--frames", "9999999", "--save", name)
    assert sorted(p.name for p in tmp_path.iterdir() if p.is_file()) == []


def test_demo_without_pillow_says_so_at_once(tmp_path):
    (tmp_path / "PIL").mkdir()
    (tmp_path / "PIL" / "__init__.py").write_text("raise ImportError('not here')")
    code, out, err = run(
        *("demo", "--frames", "9999999", "--save", "x.png"), env=environment(tmp_path)
    )
    assert (code, out) == (1, "")
    assert "pip install 'imx500-native[demo]'" in err


def test_demo_on_a_disk_that_fills_up(tmp_path):
    shell = ["/bin/sh", "-c", 'ulimit -f 1; exec "$@"', "sh", *MODULE]
    code, out, err = run("demo", "--frames", "2", "--save", "demo.png", command=shell, cwd=tmp_path)
    assert code == 1
    assert err == f"imx500-native: error: {tmp_path / 'demo.png'}: File too large\n"
    assert "2 frames in" in out
    assert list(tmp_path.iterdir()) == []


def test_demo_with_a_live_camera_where_there_is_no_libcamera(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "libcamera", None)
    assert "python3-libcamera" in fails(capsys, "demo", "--source", "camera")


def test_demo_with_a_size_that_no_camera_has(capsys):
    assert "16x16" in fails(capsys, "demo", "--size", "4x4")


# --- pipes, signals, terminals -----------------------------------------------------------------


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("arguments", [("demo", "--frames", "5"), ("info",), ("--help",)])
def test_full_disk_behind_standard_output(arguments, unbuffered):
    with Path("/dev/full").open("w") as full:
        code, _, err = run(*arguments, stdout=full, env=environment(PYTHONUNBUFFERED=unbuffered))
    assert code == 1
    assert err == "imx500-native: error: standard output: No space left on device\n"


def test_nobody_reads_any_more():
    with start("demo", "--json", "--frames", "999999", stdout=subprocess.PIPE) as process:
        row = json.loads(process.stdout.readline())
        process.stdout.close()
        err = process.stderr.read()
        assert process.wait(TIMEOUT_S) == 141
    assert row["sequence"] == 0
    assert "Error" not in err
    assert "Traceback" not in err


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("arguments", [("info",), ("--help",)])
def test_nobody_ever_read(arguments, unbuffered):
    reader, writer = os.pipe()
    os.close(reader)
    try:
        code, _, err = run(*arguments, stdout=writer, env=environment(PYTHONUNBUFFERED=unbuffered))
    finally:
        os.close(writer)
    assert (code, err) == (141, "")


def test_closed_streams():
    shell = ["/bin/sh", "-c", 'exec "$@" >&- 2>&-', "sh", *MODULE]
    assert run("demo", "--frames", "2", "--size", "64x48", command=shell) == (0, "", "")
    assert run("info", "absent", command=shell) == (1, "", "")


@pytest.mark.parametrize("arguments", [(), ("--json",)])
def test_interrupted_demo_tells_what_it_did(arguments):
    with start(
        "demo", "--real-time", "--frames", "99999", *arguments,
        command=INTERRUPTIBLE, stdout=subprocess.PIPE,
    ) as process:  # fmt: skip
        lines = [process.stdout.readline() for _ in range(8)]
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == 130
    assert all(lines)
    assert "Traceback" not in err
    summary = err if arguments else out
    assert re.search(r"^interrupted\n\d+ frames in ", summary, re.MULTILINE)
    assert re.search(r"^  frame +\d+ ", summary, re.MULTILINE)
    if arguments:
        assert [json.loads(line)["space"] for line in out.splitlines()] == ["stream"] * out.count(
            "\n"
        )


class Terminal:
    """A pseudo-terminal that collects what is shown on it."""

    def __init__(self, rows=24, width=80):
        self.main, self.side = pty.openpty()
        fcntl.ioctl(self.side, termios.TIOCSWINSZ, struct.pack("HHHH", rows, width, 0, 0))
        self._parts = []
        self._reader = threading.Thread(target=self._collect)
        self._reader.start()

    def _collect(self):
        while True:
            try:
                part = os.read(self.main, 65536)
            except OSError:
                return
            if not part:
                return
            self._parts.append(part)

    def close(self):
        """Everything that was shown."""
        os.close(self.side)
        self._reader.join(TIMEOUT_S)
        os.close(self.main)
        return b"".join(self._parts).decode()


def run_on_terminal(*arguments, terminal=None, stdout=None, env=None):
    terminal = terminal or Terminal()
    done = subprocess.run(
        [*MODULE, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=terminal.side if stdout is None else stdout,
        stderr=terminal.side,
        env=env or environment(),
        check=False,
        timeout=TIMEOUT_S,
    )
    return done.returncode, done.stdout, terminal.close()


def test_demo_on_a_terminal_redraws_one_table():
    arguments = ("demo", "--real-time", "--frames", "20", "--size", "160x120", "--seed", "7")
    code, _, shown = run_on_terminal(*arguments, terminal=Terminal(rows=9, width=60))
    assert code == 0
    assert re.search(r"\d+/20", shown), "no progress bar"
    *earlier, last = shown.split("\x1b[J")
    assert len(earlier) >= 2
    assert "places in pixels" in last
    assert "... and" in last, "the table must not be higher than the terminal"
    table_lines = last.split("frames in")[0].splitlines()
    assert max(len(line) for line in table_lines) < 60
    assert "20 frames in" in last


def test_a_bar_goes_to_the_terminal_and_json_elsewhere():
    arguments = ("demo", "--json", "--frames", "5", "--size", "160x120")
    code, out, shown = run_on_terminal(*arguments, stdout=subprocess.PIPE)
    assert code == 0
    assert [json.loads(line)["sequence"] for line in out.splitlines()] == [0, 1, 2, 3, 4]
    assert re.search(r"\d/5", shown)


def test_without_tqdm_the_demo_goes_on_and_says_so_once(tmp_path):
    (tmp_path / "tqdm.py").write_text("raise ImportError('not here')")
    code, _, shown = run_on_terminal(
        *("demo", "--frames", "5", "--size", "160x120"), env=environment(tmp_path)
    )
    assert code == 0
    assert shown.count("pip install 'imx500-native[demo]'") == 1
    assert "places in pixels" in shown


def test_a_dumb_terminal_gets_lines():
    arguments = ("demo", "--frames", "3", "--size", "160x120")
    code, _, shown = run_on_terminal(*arguments, env=environment(TERM="dumb"))
    assert code == 0
    assert "\x1b" not in shown
    assert " frame   time_s  found" in shown


# --- text --------------------------------------------------------------------------------------


def test_tables_align_wide_letters():
    assert _table.table([("猫", "1"), ("dog", "22")], "<>") == ["猫    1", "dog  22"]
    assert _table.table([("e\u0301", "x"), ("ab", "y")], "<<") == ["e\u0301   x", "ab  y"]


def test_text_is_cut_to_columns():
    assert _table.fitted("abcdef", 6) == "abcdef"
    assert _table.fitted("abcdefg", 6) == "abc..."
    assert _table.columns(_table.fitted("猫猫猫猫", 6)) <= 6
    assert _table.listed(["aa", "bb", "cc"], 10) == "aa, bb, cc"
    assert _table.listed(["aa", "bb", "cc"], 9) == "aa, ..."
    assert _table.listed(["a" * 50, "b"], 9) == "..."
