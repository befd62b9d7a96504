"""The C readers of the network file and of apParams, against a slow reference."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import rpk_oracle
from rpk_files import (
    RpkFile,
    Table,
    Tensor,
    ap_params,
    archive,
    block,
    encode,
    member,
    pad_section,
    payload,
    section,
    swap_words,
    tensor_table,
    zoo_file,
)

from imx500_native import NetworkFileError, _rpk

FIVE = (
    "deeplabv3plus",
    "higherhrnet_coco",
    "mobilenet_v2",
    "nanodet_plus_416x416",
    "ssd_mobilenetv2_fpnlite_320x320_pp",
)

sizes = st.integers(1, 40)
shapes = st.lists(sizes, min_size=1, max_size=4).map(tuple)
scales = st.sampled_from([2**-15, 0.1, 1.0, 3.5])


@st.composite
def tensors(draw):
    shape = draw(shapes)
    return Tensor(
        shape,
        draw(st.text(max_size=20)),
        draw(st.sampled_from([8, 16, 32])),
        draw(st.booleans()),
        struct.unpack("<f", struct.pack("<f", draw(scales)))[0],
        draw(st.integers(0, 0xFFFF)),
        tuple(draw(st.permutations(range(len(shape))))),
        tuple(draw(st.integers(0, 255)) for _ in shape),
    )


def read_params(data: bytes) -> _rpk.RawApParams:
    words = swap_words(pad_section(data))
    return _rpk.ap_params(words, 0, len(words))


def as_dicts(raw: tuple[_rpk.RawTensor, ...]) -> list[dict[str, object]]:
    return [tensor._asdict() for tensor in raw]


def check_against_oracle(data: bytes) -> None:
    blocks, start = rpk_oracle.read_blocks(data)
    assert _rpk.blocks(data) == (tuple(blocks), start)
    sections = _rpk.sections(data)
    assert [tuple(s) for s in sections] == rpk_oracle.read_sections(data)
    members = _rpk.members(data, start)
    assert members[-1].name == b"TRAILER!!!"
    assert [
        (m.name, data[m.offset : m.offset + m.size]) for m in members[:-1]
    ] == rpk_oracle.read_archive(data, start)
    (params,) = [s for s in sections if s.type == _rpk.SECTION_AP_PARAMS]
    raw = _rpk.ap_params(data, params.offset, params.size)
    assert (
        raw.network_name,
        as_dicts(raw.inputs),
        as_dicts(raw.outputs),
    ) == rpk_oracle.read_ap_params(data)


@pytest.mark.parametrize("name", FIVE)
def test_public_files_agree_with_the_reference(name):
    check_against_oracle(zoo_file(name).read_bytes())


@settings(max_examples=30)
@given(st.lists(tensors(), min_size=1, max_size=16), st.text(max_size=30), st.booleans())
def test_written_files_agree_with_the_reference(outputs, name, locked):
    file = RpkFile(
        outputs=outputs,
        name=name,
        locked=locked,
        extra_sections=[section(8, b"x" * 16), section(9, b"")],
        more_members=[(b"odd", b"1"), (b"empty", b""), (b"o", b"12345")],
    )
    check_against_oracle(file.build())


@settings(max_examples=50)
@given(st.lists(tensors(), min_size=1, max_size=16), st.lists(tensors(), max_size=16))
def test_params_hold_what_was_written(inputs, outputs):
    raw = read_params(ap_params(inputs, outputs, "the name"))
    assert raw.network_name == "the name"
    assert raw.num_networks == 1
    for written, read, is_output in [
        *zip(inputs, raw.inputs, [False] * len(inputs), strict=True),
        *zip(outputs, raw.outputs, [True] * len(outputs), strict=True),
    ]:
        assert read == (
            written.name,
            written.shape,
            written.order,
            written.padding,
            written.bits if is_output else 8,
            written.signed,
            written.scale,
            written.shift,
        )


def test_first_of_several_networks_is_read():
    raw = read_params(ap_params([Tensor((1, 1, 1))], [Tensor((2,))], networks=3))
    assert raw.num_networks == 3
    assert raw.outputs[0].shape == (2,)


def test_name_cut_inside_a_character_is_read():
    table = tensor_table(Tensor((2,)))
    table[1] = b"\xa9nd"
    raw = read_params(encode(Table([[Table([None, b"n", b"", [], [table]])]])))
    assert raw.outputs[0].name == "�nd"


@pytest.mark.parametrize(
    ("tensor", "message"),
    [
        (Tensor((2, 3), announced_dimensions=3), "announces 3 dimensions and lists 2"),
        (Tensor((2, 0)), "dimension 1 of output tensor 1 of apParams has size 0"),
        (Tensor((1,) * 17), "has 17 dimensions, expected 1 to 16"),
        (Tensor(()), "has 0 dimensions, expected 1 to 16"),
        (Tensor((2, 3), order=(0, 0)), "order of output tensor 1 .* each of 0 to 1 once, got 0"),
        (Tensor((2, 3), order=(0, 2)), "once, got 2"),
        (Tensor((2,), bits=12), "output tensor 1 of apParams has 12 bits"),
        (Tensor((2,), scale=0.0), r"scale 0\.0, expected a positive number"),
        (Tensor((2,), scale=-1.0), r"scale -1\.0"),
        (Tensor((2,), scale=float("nan")), "scale nan"),
        (Tensor((2,), scale=float("inf")), "scale inf"),
        (Tensor((65535, 65535, 2)), "too large: 8589672450, expected at most 4294967295"),
        (Tensor((65535,) * 16), "too large"),
        (Tensor((2,), name="n" * 256), "too large: 256, expected at most 255"),
    ],
)
def test_impossible_tensor_is_refused(tensor, message):
    with pytest.raises(NetworkFileError, match=message):
        read_params(ap_params([Tensor((1, 1, 1))], [Tensor((1,)), tensor]))


def test_unknown_signedness_is_refused():
    table = tensor_table(Tensor((2,)))
    table[7] = ("B", 2)
    with pytest.raises(NetworkFileError, match="format 2, expected 0"):
        read_params(encode(Table([[Table([None, b"n", b"", [], [table]])]])))


def test_largest_tensor_is_read():
    raw = read_params(ap_params([], [Tensor((65535, 65535), bits=8)]))
    assert raw.outputs[0].shape == (65535, 65535)


@pytest.mark.parametrize(("inputs", "outputs", "which"), [(17, 1, "input"), (1, 17, "output")])
def test_too_many_tensors_are_refused(inputs, outputs, which):
    data = ap_params([Tensor((1,))] * inputs, [Tensor((1,))] * outputs)
    with pytest.raises(NetworkFileError, match=f"lists 17 {which} tensors, at most 16"):
        read_params(data)


@pytest.mark.parametrize("root", [Table([]), Table([[]]), Table([None])])
def test_params_without_a_network_are_refused(root):
    with pytest.raises(NetworkFileError, match="lists no network"):
        read_params(encode(root))


@pytest.mark.parametrize("length", [0, 4, 8, 12])
def test_short_params_are_refused(length):
    data = swap_words(ap_params([Tensor((1,))], [Tensor((1,))]))
    with pytest.raises(NetworkFileError):
        _rpk.ap_params(data, 0, length)


def test_params_of_odd_length_are_refused():
    with pytest.raises(NetworkFileError, match="32-bit words, got 7 bytes"):
        _rpk.ap_params(bytes(8), 0, 7)


def test_params_outside_the_file_are_refused():
    with pytest.raises(NetworkFileError, match="bytes 4 to 12, the file has 8"):
        _rpk.ap_params(bytes(8), 4, 8)


VALID_PARAMS = ap_params([Tensor((4, 4, 3))], [Tensor((5, 4)), Tensor((5,))])


@given(st.integers(0, len(VALID_PARAMS) // 2 - 1), st.integers(0, 0xFFFF))
def test_any_damaged_halfword_is_read_or_refused(place, value):
    data = bytearray(VALID_PARAMS)
    struct.pack_into("<H", data, 2 * place, value)
    try:
        raw = read_params(bytes(data))
    except NetworkFileError:
        return
    assert len(raw.outputs) <= 16


def test_offset_that_points_to_itself_ends():
    # A root table that is its own vtable, and a network vector that is the root again.
    with pytest.raises(NetworkFileError):
        read_params(struct.pack("<IIII", 4, 0, 4, 4))


def test_file_that_starts_with_something_else_is_refused():
    with pytest.raises(NetworkFileError, match="9464; these 4 bytes do not"):
        _rpk.blocks(b"PK\x03\x04")


def test_cut_block_is_refused():
    data = block(bytes(16))
    with pytest.raises(NetworkFileError, match="ends at byte 80, the file at byte 79"):
        _rpk.blocks(data[:-1])
    with pytest.raises(NetworkFileError, match="ends at byte 32, the file at byte 12"):
        _rpk.blocks(data[:12])


def test_cut_locked_block_is_refused():
    with pytest.raises(NetworkFileError, match="ends at byte 112, the file at byte 80"):
        _rpk.blocks(block(bytes(16), locked=True)[:80])


def test_damaged_footer_is_refused():
    with pytest.raises(NetworkFileError, match="3695 at byte 76"):
        _rpk.blocks(block(bytes(16), footer=b"3696"))


def test_huge_block_size_is_refused():
    data = b"9464" + b"\xff" * 4 + bytes(56)
    with pytest.raises(NetworkFileError, match=f"ends at byte {2**32 + 63}"):
        _rpk.blocks(data)


@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        ([(2, 2)], "expected block 1, got block 2"),
        ([(1, 3), (3, 3)], "expected block 2, got block 3"),
        ([(1, 2)], "expected block 2, got block 1"),
        ([(1, 2), (2, 3)], "expected block 2, got block 2"),
        ([(2, 1)], "expected block 1, got block 2"),
        ([(0, 0)], "expected block 1, got block 0"),
    ],
)
def test_missing_blocks_are_noticed(numbers, message):
    data = b"".join(block(bytes(16), index, count) for index, count in numbers)
    with pytest.raises(NetworkFileError, match=message):
        _rpk.blocks(data)


def test_several_chains_follow_each_other():
    numbers = [(1, 2), (2, 2), (1, 1)]
    data = b"".join(block(bytes(16), index, count) for index, count in numbers)
    blocks, end = _rpk.blocks(data)
    assert [(index, count) for _, _, index, count, _ in blocks] == numbers
    assert end == len(data)


@pytest.mark.parametrize("content", [b"", bytes(31), payload([section(4, bytes(16))])[:-1]])
def test_section_beyond_its_block_is_refused(content):
    if len(content) > 31:
        message = "reaches to byte 112, its block to byte 111"
    else:
        message = f"reaches to byte 64, its block to byte {32 + len(content)}"
    with pytest.raises(NetworkFileError, match=message):
        _rpk.sections(block(content))


def test_section_header_beyond_its_block_is_refused():
    content = struct.pack(">I28x", 1) + bytes(31)
    with pytest.raises(NetworkFileError, match="reaches to byte 96, its block to byte 95"):
        _rpk.sections(block(content))


def test_sections_of_a_damaged_block_are_refused():
    with pytest.raises(NetworkFileError, match="9464"):
        _rpk.sections(b"")


@pytest.mark.parametrize("digits", ["%08X", "%08x"])
def test_members_start_anywhere(digits):
    content = member(b"a", b"123", digits) + member(b"TRAILER!!!", b"", digits)
    for start in range(5):
        members = _rpk.members(bytes(start) + content, start)
        assert [(m.name, m.offset - start, m.size) for m in members] == [
            (b"a", 112, 3),
            (b"TRAILER!!!", 240, 0),
        ]


def test_trailer_may_end_the_file():
    content = member(b"TRAILER!!!", b"")
    assert len(content) == 124
    assert _rpk.members(content[:121], 0)[0].name == b"TRAILER!!!"
    with pytest.raises(NetworkFileError, match="ends at byte 121, the file at byte 120"):
        _rpk.members(content[:120], 0)


def test_archive_ends_at_its_trailer():
    data = archive([(b"a", b"1")]) + b"anything"
    assert [m.name for m in _rpk.members(data, 0)] == [b"a", b"TRAILER!!!"]


def test_archive_without_trailer_is_refused():
    with pytest.raises(NetworkFileError, match="cut short"):
        _rpk.members(member(b"a", b"123"), 0)
    with pytest.raises(NetworkFileError, match="cut short"):
        _rpk.members(b"", 0)
    with pytest.raises(NetworkFileError, match="archive at byte 5, the file has 0"):
        _rpk.members(b"", 5)


def test_other_archive_formats_are_refused():
    with pytest.raises(NetworkFileError, match=r"newc .* at byte 0, got b'070707'"):
        _rpk.members(b"070707" + bytes(200), 0)


def test_damaged_member_header_is_refused():
    content = bytearray(member(b"a", b"123") + member(b"TRAILER!!!", b""))
    for at in (54, 61, 94, 101):
        damaged = content.copy()
        damaged[at] = ord("g")
        with pytest.raises(NetworkFileError, match="not hexadecimal"):
            _rpk.members(bytes(damaged), 0)
    content[94:102] = b"00000001"
    with pytest.raises(NetworkFileError, match="does not end within its 1 bytes"):
        _rpk.members(bytes(content), 0)


@pytest.mark.parametrize("at", [54, 94])
def test_huge_member_sizes_are_refused(at):
    content = bytearray(member(b"a", b"123"))
    content[at : at + 8] = b"FFFFFFFF"
    with pytest.raises(NetworkFileError, match="cut short"):
        _rpk.members(bytes(content), 0)


@pytest.mark.parametrize("function", [_rpk.blocks, _rpk.sections])
@pytest.mark.parametrize("data", [None, "text", bytearray(b"9464")])
def test_only_bytes_are_taken(function, data):
    with pytest.raises(TypeError):
        function(data)
