"""Changing intrinsics: everything else in the file stays, and failures leave no trace."""

from __future__ import annotations

import errno
import os
import stat
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import rpk_oracle
from rpk_files import RpkFile, zoo_file

from imx500_native import IntrinsicsError, NetworkFileError, NetworkNotFoundError
from imx500_native.intrinsics import NetworkIntrinsics
from imx500_native.network import Network
from imx500_native.rpk_write import replace_intrinsics, write_intrinsics

CHANGED = {"task": "segmentation", "classes": {"labels": ["é", "-"]}}
JSON = b'{"task": "segmentation", "classes": {"labels": ["\\u00e9", "-"]}}\n'


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "a.rpk"
    path.write_bytes(RpkFile(more_members=[(b"extra", b"12345")]).build())
    return path


def check_changed(before: bytes, after: bytes) -> None:
    blocks, start = rpk_oracle.read_blocks(before)
    assert rpk_oracle.read_blocks(after) == (blocks, start)
    assert after[:start] == before[:start]
    assert (len(after) - start) % 512 == 0
    old = rpk_oracle.read_archive(before, start)
    expected = [(n, JSON if n == b"network_intrinsics" else c) for n, c in old]
    if b"network_intrinsics" not in dict(old):
        expected.append((b"network_intrinsics", JSON))
    assert rpk_oracle.read_archive(after, start) == expected


@pytest.mark.parametrize("intrinsics", [CHANGED, NetworkIntrinsics(CHANGED)])
def test_in_place(source, intrinsics):
    before = source.read_bytes()
    source.chmod(0o640)
    write_intrinsics(source, intrinsics)
    check_changed(before, source.read_bytes())
    assert stat.S_IMODE(source.stat().st_mode) == 0o640
    assert list(source.parent.iterdir()) == [source]
    network = Network(source)
    assert (network.task, network.labels) == ("segmentation", ("é", "-"))


def test_to_another_file(source):
    before = source.read_bytes()
    source.chmod(0o604)
    destination = source.with_name("b.rpk")
    write_intrinsics(str(source), CHANGED, str(destination))
    assert source.read_bytes() == before
    check_changed(before, destination.read_bytes())
    assert stat.S_IMODE(destination.stat().st_mode) == 0o604
    destination.chmod(0o600)
    write_intrinsics(source, CHANGED, destination)
    assert stat.S_IMODE(destination.stat().st_mode) == 0o600


@pytest.mark.parametrize("archive_block", [1, 512])
@pytest.mark.parametrize("intrinsics", [None, b"{}", b"not JSON", b'{"task": 5}'])
def test_any_old_intrinsics_are_replaced(archive_block, intrinsics):
    data = RpkFile(intrinsics=intrinsics, archive_block=archive_block).build()
    check_changed(data, replace_intrinsics(data, NetworkIntrinsics(CHANGED)))


def test_position_is_kept():
    data = RpkFile(intrinsics=None, more_members=[(b"network_intrinsics", b"{}"), (b"z", b"1")])
    before = data.build()
    check_changed(before, replace_intrinsics(before, NetworkIntrinsics(CHANGED)))


def test_no_intrinsics_become_an_empty_object(source):
    write_intrinsics(source, NetworkIntrinsics())
    assert Network(source).intrinsics.intrinsics == {}


@settings(max_examples=30)
@given(st.lists(st.tuples(st.binary(min_size=1, max_size=9), st.binary(max_size=20)), max_size=4))
def test_other_members_are_kept(members):
    members = [(b"x" + name.replace(b"\0", b""), content) for name, content in members]
    data = RpkFile(more_members=list(dict(members).items())).build()
    check_changed(data, replace_intrinsics(data, NetworkIntrinsics(CHANGED)))


@pytest.mark.parametrize("name", ["deeplabv3plus", "ssd_mobilenetv2_fpnlite_320x320_pp"])
def test_public_file_round_trip(name, tmp_path):
    original = zoo_file(name)
    path = tmp_path / "changed.rpk"
    write_intrinsics(original, CHANGED, path)
    check_changed(original.read_bytes(), path.read_bytes())
    write_intrinsics(path, Network(original).intrinsics)
    before, after = Network(original), Network(path)
    assert after.intrinsics.intrinsics == before.intrinsics.intrinsics
    for fact in ("network_name", "input", "outputs", "regs", "blocks", "network_info", "labels"):
        assert getattr(after, fact) == getattr(before, fact)


def test_other_programs_read_the_archive(source):
    libarchive = pytest.importorskip(
        "libarchive", reason="libarchive-c is missing: pip install libarchive-c"
    )
    write_intrinsics(source, CHANGED)
    data = source.read_bytes()
    _, start = rpk_oracle.read_blocks(data)
    with libarchive.memory_reader(data[start:]) as entries:
        read = [(e.pathname, e.isreg, e.mode, b"".join(e.get_blocks())) for e in entries]
    assert [(name, regular) for name, regular, _, _ in read] == [
        ("imx500_regs", True),
        ("network_info.txt", True),
        ("extra", True),
        ("network_intrinsics", True),
    ]
    assert read[-1][2:] == (0o100644, JSON)


def test_links_are_followed(source):
    link = source.with_name("link.rpk")
    link.symlink_to(source.name)
    write_intrinsics(link, CHANGED)
    assert link.is_symlink()
    assert Network(source).task == "segmentation"


def test_damaged_source_is_left_alone(source):
    damaged = bytearray(source.read_bytes())
    damaged[80] ^= 0xFF
    damaged[100] ^= 0xFF
    source.write_bytes(damaged)
    with pytest.raises(NetworkFileError, match=str(source)):
        write_intrinsics(source, CHANGED)
    assert source.read_bytes() == damaged
    with pytest.raises(NetworkNotFoundError):
        write_intrinsics(source.with_name("no.rpk"), CHANGED)


@pytest.mark.parametrize(
    "values", [{"task": "x"}, {"x": float("nan")}, {"x": {1, 2}}, {"x": b"bytes"}]
)
def test_impossible_intrinsics_are_refused(source, values):
    before = source.read_bytes()
    with pytest.raises(IntrinsicsError):
        write_intrinsics(source, values)
    assert source.read_bytes() == before


@pytest.mark.parametrize("call", ["fsync", "fchmod"])
def test_full_disk_leaves_no_trace(source, monkeypatch, call):
    before = source.read_bytes()

    def fail(*_args):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, call, fail)
    with pytest.raises(NetworkFileError, match="No space left on device") as caught:
        write_intrinsics(source, CHANGED)
    assert caught.value.__cause__.errno == errno.ENOSPC
    assert source.read_bytes() == before
    assert list(source.parent.iterdir()) == [source]


def test_interruption_leaves_no_trace(source, monkeypatch):
    def interrupt(*_args):
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_intrinsics(source, CHANGED)
    assert list(source.parent.iterdir()) == [source]


def test_impossible_destination_is_refused(source):
    fifo = source.with_name("fifo")
    os.mkfifo(fifo)
    for destination in (fifo, source.parent):
        with pytest.raises(NetworkFileError, match="expected a regular file"):
            write_intrinsics(source, CHANGED, destination)
    assert stat.S_ISFIFO(fifo.stat().st_mode)
    for destination in (source.parent / "no" / "b.rpk", "a\0b", "n" * 300):
        with pytest.raises(NetworkFileError, match="cannot write") as caught:
            write_intrinsics(source, CHANGED, destination)
        assert ".imx500-" not in str(caught.value)


def test_temporary_file_is_in_the_same_directory(source, monkeypatch):
    used = []
    make = tempfile.mkstemp
    monkeypatch.setattr(
        tempfile, "mkstemp", lambda **options: used.append(options) or make(**options)
    )
    write_intrinsics(source, CHANGED)
    assert used[0]["dir"] == source.parent.resolve()
