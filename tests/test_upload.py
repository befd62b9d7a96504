"""Upload progress: reading it, and watching it for exactly as long as something is done."""

from __future__ import annotations

import importlib
import io
import subprocess
import sys
import threading

import pytest
from machine_tree import Machine

from imx500_native import upload
from imx500_native.errors import MissingExtraError
from imx500_native.upload import UploadProgress, UploadWatch, read_progress

SIZE = 3_000_000
TIMEOUT_S = 60


@pytest.fixture
def machine(tmp_path):
    machine = Machine(tmp_path)
    machine.add(0, "10-001a")
    return machine


def show(machine, text, transfer=None):
    (subdevice,) = machine.find()
    subdevice.progress.write_text(text)
    folder = machine.debugfs / "rp2040-spi:10-0040"
    folder.mkdir(exist_ok=True)
    if transfer is not None:
        (folder / "transfer_progress").write_text(transfer)
    return subdevice


@pytest.mark.parametrize(
    ("text", "transfer", "progress"),
    [
        ("0 0 0\n", "0\n", UploadProgress("loader", 0, None)),
        ("0 0 3000000\n", "8183\n", UploadProgress("loader", 8183, None)),
        ("1 1048576 3000000\n", "100\n", UploadProgress("firmware", 1048676, None)),
        ("2 0 3000000\n", "8183\n", UploadProgress("network", 8183, SIZE)),
        ("2 2097152 3000000\n", "1048576\n", UploadProgress("network", SIZE, SIZE)),
        ("2 2097152 3000000\n", None, UploadProgress("network", 2097152, SIZE)),
        ("2 2097152 3000000\n", "?\n", UploadProgress("network", 2097152, SIZE)),
        ("2 0 0\n", "0\n", UploadProgress("network", 0, None)),
        ("3 0 0\n", "0\n", None),
        ("2 0\n", "0\n", None),
        ("", "0\n", None),
        ("a b c\n", "0\n", None),
    ],
)
def test_what_the_kernel_shows(machine, text, transfer, progress):
    assert read_progress(show(machine, text, transfer)) == progress


def test_what_is_complete():
    assert UploadProgress("network", SIZE, SIZE).complete
    assert not UploadProgress("network", SIZE - 1, SIZE).complete
    assert not UploadProgress("firmware", SIZE, None).complete


def test_where_nothing_can_be_read(machine, monkeypatch):
    subdevice = show(machine, "2 0 1\n", "0\n")

    def refuse(self):
        raise PermissionError

    with monkeypatch.context() as patch:
        patch.setattr(type(subdevice.progress), "read_text", refuse)
        assert read_progress(subdevice) is None
    subdevice.progress.unlink()
    assert read_progress(subdevice) is None


class Script:
    """Steps of an upload, of which a reader sees the next when told so."""

    def __init__(self, first, *steps):
        self.now = first
        self.steps = list(steps)
        self.read_since = threading.Event()

    def __call__(self):
        self.read_since.set()
        return self.now

    def play(self):
        for step in self.steps:
            self.now = step
            # Twice: a read that began before the step does not count.
            for _ in range(2):
                self.read_since.clear()
                assert self.read_since.wait(TIMEOUT_S)


@pytest.fixture
def fast(monkeypatch):
    monkeypatch.setattr(upload, "INTERVAL_S", 0.001)


def network(done):
    return UploadProgress("network", done, SIZE)


def watch(script, progress):
    before = threading.enumerate()
    with UploadWatch(script, progress) as watching:
        script.play()
        result = watching.wait(0)
    assert threading.enumerate() == before
    return result


def test_every_change_is_told_once(fast):
    script = Script(
        network(SIZE),
        UploadProgress("loader", 5, None),
        UploadProgress("firmware", 7, None),
        network(0),
        network(10),
        network(10),
        network(SIZE),
        network(SIZE),
    )
    seen = []
    assert watch(script, lambda *step: seen.append(step))
    assert seen == [
        ("loader", 5, None),
        ("firmware", 7, None),
        ("network", 0, SIZE),
        ("network", 10, SIZE),
        ("network", SIZE, SIZE),
    ]


def test_a_transfer_that_ends_between_two_reads_does_not_go_backwards(fast):
    seen = []
    script = Script(network(0), network(20), network(10), network(30), network(SIZE))
    watch(script, lambda *step: seen.append(step[1]))
    assert seen == [20, 30, SIZE]


def test_a_second_upload_begins_anew(fast):
    seen = []
    script = Script(network(SIZE), network(10), network(SIZE), network(20), network(SIZE))
    watch(script, lambda *step: seen.append(step[1]))
    assert seen == [10, SIZE, 20, SIZE]


def test_a_sensor_that_has_the_network_already_tells_nothing(fast):
    seen = []
    script = Script(network(SIZE), network(SIZE))
    assert not watch(script, lambda *step: seen.append(step))
    assert seen == []


def test_the_last_step_is_told_however_slow_the_watching():
    script = Script(network(0))
    seen = []
    with UploadWatch(script, lambda *step: seen.append(step)):
        script.now = network(SIZE)
    assert seen == [("network", SIZE, SIZE)]


def test_what_nobody_may_read_is_unknown(fast):
    seen = []
    watch(Script(None, None), lambda *step: seen.append(step))
    assert set(seen) == {("unknown", 0, None)}


def test_nobody_watches():
    before = threading.enumerate()

    def never():
        raise AssertionError

    with UploadWatch(never, None) as watching:
        assert threading.enumerate() == before
        assert not watching.wait()


def test_waiting_ends_with_the_upload(fast):
    script = Script(network(0))
    with UploadWatch(script, lambda *step: None) as watching:
        assert not watching.wait(0)
        script.now = network(SIZE)
        assert watching.wait(TIMEOUT_S)
        assert watching.wait()
    assert watching.wait()


def test_waiting_ends_with_the_block():
    watching = UploadWatch(Script(network(0)), lambda *step: None)
    assert not watching.wait()
    answers = []
    with watching:
        waiting = threading.Thread(target=lambda: answers.append(watching.wait()))
        waiting.start()
    waiting.join()
    assert answers == [False]
    with watching:
        pass


def test_a_function_that_fails_is_heard_at_the_end(fast):
    calls = []

    def fail(*step):
        calls.append(step)
        raise ValueError("full")

    def block(error=None):
        script = Script(network(0))
        with UploadWatch(script, fail) as watching:
            script.now = network(1)
            assert not watching.wait()
            if error is not None:
                raise error

    with pytest.raises(ValueError, match="full"):
        block()
    assert len(calls) == 1
    # The block's own error comes first.
    with pytest.raises(KeyError):
        block(KeyError())


def test_the_block_fails(fast):
    before = threading.enumerate()
    with pytest.raises(KeyError), UploadWatch(Script(network(0)), lambda *step: None):
        raise KeyError
    assert threading.enumerate() == before


def test_watching_while_another_thread_starts_the_camera(fast):
    script = Script(network(0), *(network(done) for done in range(0, SIZE, 300_000)), network(SIZE))
    starting = threading.Thread(target=script.play)
    seen = []
    with UploadWatch(script, lambda *step: seen.append(step[1])) as watching:
        starting.start()
        assert watching.wait(TIMEOUT_S)
        starting.join()
    assert seen == [*range(300_000, SIZE, 300_000), SIZE]


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_bar_ends_with_its_block(fast, monkeypatch):
    pytest.importorskip("tqdm", reason="tqdm is missing: pip install 'imx500-native[demo]'")
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    watch(Script(network(SIZE), UploadProgress("loader", 5, None), network(1_500_000)), True)
    drawn = screen.getvalue()
    assert "uploading loader: 5.00B" in drawn
    assert "uploading network:  50%" in drawn
    # The last thing drawn is nothing.
    assert drawn.rstrip("\r").rpartition("\r")[2].strip() == ""


def test_a_bar_without_a_terminal_draws_nothing(fast, capfd):
    pytest.importorskip("tqdm", reason="tqdm is missing: pip install 'imx500-native[demo]'")
    watch(Script(network(0), network(SIZE)), True)
    assert capfd.readouterr() == ("", "")


BAR_IN_A_PROGRAM = """
import os, threading
from imx500_native.upload import UploadProgress, UploadWatch
from pathlib import Path
with UploadWatch(lambda: UploadProgress("network", os.getpid(), 1 << 40), True):
    pass
assert threading.active_count() == 1, threading.enumerate()
children = Path(f"/proc/self/task/{os.getpid()}/children")
assert not children.exists() or children.read_text() == "", children.read_text()
"""


def test_a_bar_leaves_neither_thread_nor_process(tmp_path):
    pytest.importorskip("tqdm", reason="tqdm is missing: pip install 'imx500-native[demo]'")
    subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-c", BAR_IN_A_PROGRAM],
        check=True,
        timeout=TIMEOUT_S,
    )


def test_a_bar_without_tqdm(monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm", None)
    before = threading.enumerate()
    with (
        pytest.raises(MissingExtraError, match=r"imx500-native\[demo\]"),
        UploadWatch(Script(None), True),
    ):
        pass
    assert threading.enumerate() == before


def test_tqdm_is_not_imported_before_it_is_needed():
    code = "import sys, imx500_native.device; assert 'tqdm' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=TIMEOUT_S)
    assert importlib.import_module("imx500_native.device")
