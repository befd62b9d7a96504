"""Reading network files: what is written is read, what is damaged is refused."""

from __future__ import annotations

import contextlib
import gc
import os
import socket
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rpk_files import REGS, RpkFile, Tensor, ap_params, archive

from imx500_native import NetworkFileError, NetworkNotFoundError
from imx500_native.network import Block, InputSpec, Network, OutputSpec
from imx500_native.rpk_read import parse_info, parse_network


def write(tmp_path: Path, file: RpkFile | bytes) -> Path:
    path = tmp_path / "imx500_network_test.rpk"
    path.write_bytes(file if isinstance(file, bytes) else file.build())
    return path


def test_written_file(tmp_path):
    file = RpkFile(
        input=Tensor((6, 8, 3), "in", None, False, 0.25, 7, (1, 0, 2), (1, 2, 0)),
        outputs=[Tensor((3, 4), "out", 16, False, 0.5, 9, (1, 0))],
        format="BGR",
        normalisation={"K02": 0x123, "K11": 0xFFF, "K20": 0x800, "K03": 0x1FFF, "K13": 5},
        locked=True,
    )
    path = write(tmp_path, file)
    network = Network(str(path))
    assert network.input == InputSpec(
        width=8,
        height=6,
        channels=3,
        format="BGR",
        dtype=np.dtype("u1"),
        scale=0.25,
        shift=7,
        norm_val=(-1, 5, -2048),
        norm_shift=4,
        div_val=(0x123, -1, -2048),
        div_shift=6,
        padding=(2, 1),
        name="in",
    )
    assert network.outputs == (OutputSpec("out", (3, 4), np.dtype("u2"), 0.5, 9, (1, 0)),)
    assert network.regs == ((0xD76C, 2, 0x400), (0x3060, 2, 5))
    size = len(file.blocks())
    first = size - 64 - 32 - 16
    assert network.blocks == (
        Block(0, first - 96, 1, 2, True),
        Block(first, 16, 2, 2, True),
    )
    assert network.cpio_offset == size
    assert network.intrinsics.inference_rate == 12.5
    assert (network.name, network.path) == ("test", path)
    assert network.network_info["inputTensorNorm_K03"] == "0x1FFF"


def test_channels_listed_first(tmp_path):
    file = RpkFile(
        input=Tensor((3, 6, 8), order=(2, 1, 0), padding=(0, 4, 5)),
        info={"inputTensorWidth": 8, "inputTensorHeight": 6},
    )
    spec = Network(write(tmp_path, file)).input
    assert (spec.width, spec.height, spec.channels, spec.padding) == (8, 6, 3, (5, 4))


def test_newer_archive_writer(tmp_path):
    network = Network(write(tmp_path, RpkFile(archive_block=1)))
    assert network.intrinsics.task == "object detection"


def test_info_tolerates_what_picamera2_does_not(tmp_path):
    file = RpkFile()
    text = b"\r\n" + file.info_text().replace(b"\r\n", b"\n\n") + b"comment=a=b\n\n"
    members = [(name, text if name == b"network_info.txt" else c) for name, c in file.members()]
    network = Network(write(tmp_path, file.blocks() + archive(members)))
    assert network.network_info["comment"] == "a=b"


def test_first_network_of_several(tmp_path):
    first = RpkFile()
    first.params = ap_params([first.input], first.outputs, networks=2)
    second = b"networkOrdinal=1\r\ninputTensorWidth=99\r\n"
    members = [
        (name, content + second if name == b"network_info.txt" else content)
        for name, content in first.members()
    ]
    network = Network(write(tmp_path, first.blocks() + archive(members)))
    assert network.input.width == 8
    assert network.network_info["networkOrdinal"] == "0"


def test_unknown_format_has_no_tables(tmp_path):
    file = RpkFile(input=Tensor((6, 8, 1), order=(1, 0, 2)), format="Y")
    spec = Network(write(tmp_path, file)).input
    assert (spec.format, spec.channels, spec.norm_val, spec.div_val) == ("Y", 1, (), ())
    for table in (spec.encode_table, spec.decode_table):
        with pytest.raises(NetworkFileError, match="how Y input is normalised is not known"):
            table()


@pytest.mark.parametrize(
    ("file", "message"),
    [
        (RpkFile(regs=None), "lacks imx500_regs"),
        (RpkFile(regs=bytes(8)), "records of 7 bytes, it has 8 bytes"),
        (RpkFile(regs=struct.pack("<HBI", 1, 3, 0)), "register 0x0001 of imx500_regs has 3 bytes"),
        (RpkFile(info={"apParamSize": 3}), r"apParams has 3 bytes, its section has \d+"),
        (RpkFile(info={"inputTensorWidth": 9}), "width: network_info.txt says 9, apParams 8"),
        (RpkFile(info={"inputTensorHeight": 9}), "height: network_info.txt says 9, apParams 6"),
        (RpkFile(info={"outputTensorNum": 3}), "number of output tensors: .* 3, apParams 2"),
        (
            RpkFile(info={"outputTensorDimSize2": 6}),
            r"output 1 \(outputTensorDimSize2\): network_info.txt says 6, apParams 5",
        ),
        (
            RpkFile(info={"outputTensorBytesPerElement1": 1}),
            "BytesPerElement1.*says 1, apParams 2",
        ),
        (RpkFile(info={"inputTensorWidth": "8px"}), "inputTensorWidth .* number, got '8px'"),
        (RpkFile(info={"inputTensorWidth": "9" * 5000}), "inputTensorWidth .* number, got '999"),
        (RpkFile(info={"inputTensorWidth": None}), "does not say inputTensorWidth"),
        (RpkFile(info={"inputTensorNorm_K11": None}), "does not say inputTensorNorm_K11"),
        (RpkFile(normalisation={"K03": 0x2000}), "K03 .* more than 13 bits: 0x2000"),
        (RpkFile(normalisation={"K00": 0x1000}), "K00 .* more than 12 bits: 0x1000"),
        (
            RpkFile(info={"version\r\nversion": "2"}),
            "line 21 of network_info.txt must be key=value",
        ),
        (RpkFile(info={"version ": "1"}), "says version='020400' and, in line"),
        (RpkFile(format="é"), "must be ASCII"),
        (RpkFile(more_members=[(b"a", b""), (b"a", b"")]), "holds a twice"),
        (RpkFile(outputs=[]), "apParams lists 1 and 0"),
        (RpkFile(input=Tensor((6, 8), order=(1, 0))), "got 2 dimensions"),
        (RpkFile(input=Tensor((6, 8, 4), order=(1, 0, 2))), "channels of a RGB input: .* 3.* 4"),
        (RpkFile(outputs=[Tensor((1,), bits=32, scale=3e38)]), "values fit float32"),
        (RpkFile(extra_sections=[b"\0\0\0\4" + bytes(28)]), "one apParams section, .* got 2"),
        (RpkFile(intrinsics=b"{"), "network_intrinsics must be JSON"),
        (RpkFile(intrinsics=b""), "network_intrinsics must be JSON"),
        (RpkFile(intrinsics=b"\xff\xfe\xfd"), "network_intrinsics must be JSON"),
        (RpkFile(intrinsics=b"[" * 100_000), "network_intrinsics must be JSON"),
        (RpkFile(intrinsics=b'{"a":' * 900 + b"1" + b"}" * 900), "network_intrinsics"),
        (RpkFile(intrinsics=b'{"x": NaN}'), "NaN is not JSON"),
        (RpkFile(intrinsics=b'{"x": ' + b"9" * 5000 + b"}"), "network_intrinsics must be JSON"),
        (RpkFile(intrinsics=b'{"inference_rate": 1e999}'), "inference_rate: expected a finite"),
        (RpkFile(intrinsics=b'{"inference_rate": 1' + b"0" * 400 + b"}"), "a finite number"),
        (RpkFile(intrinsics=b"null"), "must be a JSON object, got null"),
        (RpkFile(intrinsics=b"[]"), r"expected an object \(dict\), got \[\]"),
        (RpkFile(intrinsics=b'{"task": "x"}'), "field task: expected one of 'classification'"),
    ],
)
def test_contradicting_file_is_refused(tmp_path, file, message):
    path = write(tmp_path, file)
    with pytest.raises(NetworkFileError, match=message) as caught:
        Network(path)
    assert str(path) in str(caught.value)


def test_file_without_params_is_refused(tmp_path):
    file = RpkFile()
    for kind, note in ((False, ""), (True, "; its blocks are locked to one device")):
        file.locked = kind
        # The section's type is the first word after the payload's own header.
        data = bytearray(file.build())
        data[67] = 5
        with pytest.raises(NetworkFileError, match=f"which describes the outputs, got 0{note}$"):
            Network(write(tmp_path, bytes(data)))


def test_file_without_info_is_refused(tmp_path):
    data = RpkFile().blocks() + archive([(b"imx500_regs", REGS)])
    with pytest.raises(NetworkFileError, match=r"lacks network_info\.txt"):
        Network(write(tmp_path, data))


class TestPaths:
    def test_absent(self, tmp_path):
        for path in (tmp_path / "no.rpk", write(tmp_path, b"") / "no.rpk"):
            with pytest.raises(NetworkNotFoundError, match="there is none"):
                Network(path)

    def test_directory(self, tmp_path):
        with pytest.raises(NetworkFileError, match="expected a regular file"):
            Network(tmp_path)

    def test_fifo_does_not_block(self, tmp_path):
        os.mkfifo(tmp_path / "fifo")
        with pytest.raises(NetworkFileError, match="expected a regular file"):
            Network(tmp_path / "fifo")

    def test_socket(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)  # the names of sockets are short
        with socket.socket(socket.AF_UNIX) as server:
            server.bind("socket")
            with pytest.raises(NetworkFileError, match="cannot open") as caught:
                Network("socket")
        assert isinstance(caught.value.__cause__, OSError)

    @pytest.mark.parametrize("device", ["/dev/zero", "/dev/null"])
    def test_device(self, device):
        with pytest.raises(NetworkFileError, match="expected a regular file"):
            Network(device)

    def test_enormous(self, tmp_path):
        path = write(tmp_path, RpkFile())
        os.truncate(path, 1 << 40)
        with pytest.raises(NetworkFileError, match=f"at most {64 << 20} bytes, .* {1 << 40}"):
            Network(path)

    def test_nul_in_name(self):
        with pytest.raises(NetworkFileError, match="cannot open"):
            Network("a\0b")

    def test_link_to_itself(self, tmp_path):
        (tmp_path / "loop").symlink_to("loop")
        with pytest.raises(NetworkFileError, match="cannot open") as caught:
            Network(tmp_path / "loop")
        assert isinstance(caught.value.__cause__, OSError)

    def test_unreadable(self, tmp_path, monkeypatch):
        path = write(tmp_path, RpkFile())

        def refuse(*_args):
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr("imx500_native.rpk_read.os.open", refuse)
        with pytest.raises(NetworkFileError, match="Permission denied") as caught:
            Network(path)
        assert isinstance(caught.value.__cause__, PermissionError)

    def test_descriptors_are_closed(self, tmp_path):
        before = len(list(Path("/proc/self/fd").iterdir()))
        for content in (RpkFile(), b"junk"):
            path = write(tmp_path, content)
            for _ in range(5):
                with contextlib.suppress(NetworkFileError):
                    Network(path)
                with pytest.raises(NetworkFileError):
                    Network(tmp_path)
        assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_file_content_is_not_kept(tmp_path):
    path = write(tmp_path, RpkFile(more_members=[(b"large", bytes(8 << 20))]))
    tracemalloc.start()
    try:
        network = Network(path)
        gc.collect()
        kept, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert network.outputs
    assert kept < 1 << 20
    assert peak < 4 * (8 << 20)


VALID = RpkFile(archive_block=1).build()
mutations = st.lists(
    st.one_of(
        st.tuples(st.just("flip"), st.integers(0, len(VALID) - 1), st.integers(1, 255)),
        st.tuples(st.just("cut"), st.integers(0, len(VALID) - 1), st.integers(1, 64)),
        st.tuples(st.just("insert"), st.integers(0, len(VALID) - 1), st.binary(max_size=64)),
        st.tuples(st.just("end"), st.integers(0, len(VALID) - 1), st.none()),
    ),
    min_size=1,
    max_size=4,
)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(mutations)
def test_damaged_file_is_read_or_refused(tmp_path, changes):
    data = bytearray(VALID)
    for kind, at, value in changes:
        if kind == "flip" and at < len(data):
            data[at] ^= value
        elif kind == "cut":
            del data[at : at + value]
        elif kind == "insert":
            data[at:at] = value
        elif kind == "end":
            del data[at:]
    path = write(tmp_path, bytes(data))
    try:
        network = Network(path)
    except NetworkFileError:
        return
    assert network.outputs
    assert repr(network)


@given(st.binary(max_size=300))
def test_random_bytes_are_refused(data):
    with pytest.raises(NetworkFileError):
        parse_network(b"9464" + data)


@given(st.binary(max_size=300))
def test_random_info_is_read_or_refused(text):
    try:
        info = parse_info(text)
    except NetworkFileError:
        return
    assert all(key.encode() in text for key in info)
