"""Tensor infos and views, against ctypes and numpy references."""

from __future__ import annotations

import array
import gc
import struct
import weakref

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles.tensor_info_oracle import (
    OUTPUT_LAYOUTS,
    pack_input_info,
    pack_output_info,
    read_output_info,
    split_outputs,
)

from imx500_native import TensorInfoError, _tensors

SSD_SHAPES = ((100, 4), (100,), (100,), (1,))
LAYOUT_LENGTHS = (712, 708, 264, 260)

dimensions = st.lists(st.integers(1, 9), min_size=1, max_size=4).map(tuple)
shape_lists = st.lists(dimensions, min_size=1, max_size=8)


def test_layout_lengths_are_those_of_the_c_structs():
    assert set(OUTPUT_LAYOUTS) == set(LAYOUT_LENGTHS)


@pytest.mark.parametrize("length", LAYOUT_LENGTHS)
@given(shapes=shape_lists, frame_count=st.integers(0, 255))
def test_output_info_reads_every_layout(length, shapes, frame_count):
    data = pack_output_info(shapes, length=length, name=b"n\xc3\xa4me", frame_count=frame_count)
    expected_count = frame_count if length in (712, 264) else None
    expected = ("näme", tuple(shapes), expected_count)
    assert _tensors.output_info(data) == expected
    assert _tensors.output_info(tuple(data)) == expected
    assert _tensors.output_info(list(data)) == expected
    assert _tensors.output_info(np.frombuffer(data, np.uint8)) == expected
    assert _tensors.output_frame_count(data) == expected_count


@given(
    data=st.sampled_from(LAYOUT_LENGTHS).flatmap(
        lambda n: st.builds(
            lambda shapes, edits: _edited(pack_output_info(shapes, length=n), edits),
            shape_lists,
            st.lists(st.tuples(st.integers(0, n - 1), st.integers(0, 255)), max_size=6),
        )
    )
)
def test_mutated_output_info_is_read_as_the_oracle_reads_it(data):
    expected = read_output_info(data)
    if expected is None:
        with pytest.raises(TensorInfoError):
            _tensors.output_info(data)
    else:
        assert _tensors.output_info(data) == expected


def _edited(data, edits):
    edited = bytearray(data)
    for position, value in edits:
        edited[position] = value
    return bytes(edited)


@given(data=st.binary(max_size=800))
def test_random_bytes_give_the_oracles_answer_or_a_typed_error(data):
    try:
        found = _tensors.output_info(data)
    except TensorInfoError:
        found = None
    assert found == read_output_info(data)


def test_misaligned_info_is_read():
    data = pack_output_info(SSD_SHAPES, frame_count=9)
    assert _tensors.output_info(memoryview(b"x" + data)[1:]).shapes == SSD_SHAPES


def struct_with(position, layout, *values):
    data = bytearray(pack_output_info(SSD_SHAPES))
    struct.pack_into(layout, data, position, *values)
    return bytes(data)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (bytes(700), "712, 708, 264 or 260 bytes, not 700"),
        (bytes(712), "exactly 16 tensors"),
        (struct_with(64, "<I", 17), "room for 16 tensors but counts 17"),
        (struct_with(68, "<I", 401), r"tensor 0 says it has 401 elements.* multiply to 400"),
        (struct_with(108 + 4, "<I", 0), "tensor 1 must have 1 to 16 dimensions, not 0"),
        (struct_with(108 + 4, "<I", 17), "tensor 1 must have 1 to 16 dimensions, not 17"),
        (struct_with(68 + 8, "<H", 0), "tensor 0 has size 0 in dimension 0"),
        (struct_with(0, "4s", b"\xff\xfe\x00\x00"), "not UTF-8"),
        (struct_with(72, "<I16H", 16, *[65535] * 16), "tensor 0 says it has 400 elements"),
        ([0] * 711 + [256], "item 711 is 256"),
        ([0] * 711 + [-1], "item 711 is -1"),
        ([0] * 711 + [1.5], "item 711 is 1.5"),
        ([0] * 711 + ["x"], "item 711 is 'x'"),
        (np.zeros(712, np.int64), "must hold bytes, not items of 8 bytes each"),
        (np.zeros(1424, np.uint8)[::2], "must be contiguous"),
        (7, "not int"),
    ],
)
def test_malformed_output_info_names_the_numbers(data, message):
    with pytest.raises(TensorInfoError, match=message):
        _tensors.output_info(data)


def test_many_dimensions_of_1_are_fine():
    shapes = ((1,) * 16, (65535, 65535, 1))
    assert _tensors.output_info(pack_output_info(shapes)).shapes == shapes


def test_items_that_are_ints_by_index_are_read():
    data = pack_output_info(SSD_SHAPES)
    assert _tensors.output_info([np.uint8(value) for value in data]).shapes == SSD_SHAPES


class Shrinker:
    """Empties the list that it is in when it is read as a number."""

    def __init__(self, owner):
        self.owner = owner

    def __index__(self):
        self.owner.clear()
        return 1

    def __float__(self):
        self.owner.clear()
        return 1.0


def test_a_list_that_shrinks_while_it_is_read_is_refused():
    data = [0] * 712
    data[3] = Shrinker(data)
    with pytest.raises(TensorInfoError, match="changed its length"):
        _tensors.output_info(data)
    values = [0.0] * 4
    values[1] = Shrinker(values)
    with pytest.raises(TensorInfoError, match="changed its length"):
        _tensors.output_arrays(values, None, [(4,)])


@pytest.mark.parametrize("length", [80, 76])
@given(
    width=st.integers(1, 65535),
    height=st.integers(1, 65535),
    channels=st.integers(1, 65535),
    frame_count=st.integers(0, 255),
)
def test_input_info_reads_both_layouts(length, width, height, channels, frame_count):
    data = pack_input_info(
        width, height, channels, length=length, name=b"net", frame_count=frame_count
    )
    expected = ("net", width, height, channels, frame_count if length == 80 else None)
    assert _tensors.input_info(data) == expected
    assert _tensors.input_info(tuple(data)) == expected


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (bytes(77), "80 or 76 bytes, not 77"),
        (bytes(80), "empty"),
        (pack_input_info(0, 4, 3), "width must be from 1 to 65535, not 0"),
        (pack_input_info(4, 65536, 3), "height must be from 1 to 65535, not 65536"),
        (pack_input_info(4, 4, 0), "number of channels must be from 1 to 65535, not 0"),
        (pack_input_info(4, 4, 3, name=b"\xff"), "not UTF-8"),
    ],
)
def test_malformed_input_info_names_the_numbers(data, message):
    with pytest.raises(TensorInfoError, match=message):
        _tensors.input_info(data)


@given(shapes=shape_lists, data=st.data())
def test_output_arrays_are_the_oracles_for_every_kind_of_input(shapes, data):
    total = sum(int(np.prod(shape)) for shape in shapes)
    values = np.frombuffer(
        data.draw(st.binary(min_size=4 * total, max_size=4 * total)), dtype=np.float32
    )
    info = pack_output_info(shapes)
    expected = split_outputs(values, shapes)
    as_tuple = tuple(values.tolist())
    sources = [
        values,
        values.tobytes(),
        bytearray(values.tobytes()),
        memoryview(b"x" + values.tobytes())[1:],
        array.array("f", values.tobytes()),
        as_tuple,
        list(as_tuple),
    ]
    for source in sources:
        arrays = _tensors.output_arrays(source, info)
        assert len(arrays) == len(expected)
        for got, want in zip(arrays, expected, strict=True):
            np.testing.assert_array_equal(got, want)
            assert got.dtype == np.float32
            assert got.flags.f_contiguous
            assert not got.flags.writeable
            with pytest.raises(ValueError, match="WRITEABLE"):
                got.setflags(write=True)


def test_a_buffer_is_shown_and_not_copied():
    values = np.arange(601, dtype=np.float32)
    arrays = _tensors.output_arrays(values, pack_output_info(SSD_SHAPES))
    start = values.ctypes.data
    assert [a.ctypes.data - start for a in arrays] == [0, 1600, 2000, 2400]
    values[0] = 7
    assert arrays[0][0, 0] == 7


def test_arrays_keep_their_buffer_alive_and_release_it():
    class Memory(bytearray):
        pass

    memory = Memory(4 * 601)
    watch = weakref.ref(memory)
    arrays = _tensors.output_arrays(memory, pack_output_info(SSD_SHAPES))
    with pytest.raises(BufferError):
        memory.extend(b"x")
    last = arrays[3]
    del memory, arrays
    gc.collect()
    assert watch() is not None
    assert last[0] == 0
    del last
    gc.collect()
    assert watch() is None


@pytest.mark.parametrize("count", [600, 602, 0])
@pytest.mark.parametrize("make", [np.zeros, lambda n, _: (0.0,) * n], ids=["buffer", "tuple"])
def test_too_few_or_too_many_elements_are_refused(make, count):
    values = make(count, np.float32)
    message = rf"describes 601 elements \(400 \+ 100 \+ 100 \+ 1\).* holds {count}"
    with pytest.raises(TensorInfoError, match=message):
        _tensors.output_arrays(values, pack_output_info(SSD_SHAPES))


@pytest.mark.parametrize("info", [None, bytes(712), bytes(260)])
def test_the_networks_shapes_serve_where_the_info_is_missing_or_empty(info):
    values = np.arange(6, dtype=np.float32)
    arrays = _tensors.output_arrays(values, info, [(2, 2), (2,)])
    assert arrays[0].tolist() == [[0, 2], [1, 3]]
    assert arrays[1].tolist() == [4, 5]
    with pytest.raises(TensorInfoError, match="pass the network"):
        _tensors.output_arrays(values, info)


def test_sixteen_tensors_work_through_the_networks_shapes():
    values = np.arange(16, dtype=np.float32)
    arrays = _tensors.output_arrays(values, bytes(712), [(1,)] * 16)
    assert [float(a[0]) for a in arrays] == list(range(16))


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        ([], "1 to 16 tensors, not 0"),
        ([(1,)] * 17, "not 17"),
        ([()], "1 to 16 dimensions, not 0"),
        ([(0,)], "size 0 in dimension 0"),
        ([(65536,)], "size 65536"),
        ([(65535, 65535, 65535)], "too large"),
    ],
)
def test_impossible_network_shapes_are_refused(shapes, message):
    with pytest.raises(TensorInfoError, match=message):
        _tensors.output_arrays(np.zeros(1, np.float32), None, shapes)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.zeros(601), "format 'd'"),
        (np.zeros(601, ">f4"), "format '>f'"),
        (np.zeros(1202, np.float32)[::2], "contiguous"),
        (bytes(2403), "2403 bytes"),
        (("x",) * 601, "item 0 is 'x'"),
        ((0.0,) * 600 + (None,), "item 600 is None"),
        ("text", "not str"),
        (7.0, "not float"),
    ],
)
def test_values_of_a_wrong_kind_are_refused(values, message):
    with pytest.raises(TensorInfoError, match=message):
        _tensors.output_arrays(values, pack_output_info(SSD_SHAPES))


def test_ints_and_numpy_scalars_among_the_floats_are_read():
    values = (1, np.float32(2.5), True, 3.25)
    assert _tensors.output_arrays(values, None, [(4,)])[0].tolist() == [1, 2.5, 1, 3.25]


def test_doubles_beyond_float32_become_infinite_like_numpys():
    with np.errstate(over="ignore"):
        expected = np.array([1e300, -1e300, float("nan")]).astype(np.float32)
    got = _tensors.output_arrays((1e300, -1e300, float("nan")), None, [(3,)])[0]
    np.testing.assert_array_equal(got, expected)


@given(data=st.binary(max_size=64))
def test_byte_array_shows_bytes(data):
    for source in (data, tuple(data), list(data), np.frombuffer(data, np.uint8)):
        array = _tensors.byte_array(source)
        assert array.dtype == np.uint8
        assert array.tobytes() == data
        assert not array.flags.writeable


@pytest.mark.parametrize("values", [(0, 256), (0, -1), (0, 2**70), (0, 0.5), np.zeros(3), None])
def test_byte_array_refuses_what_is_no_byte(values):
    with pytest.raises(TensorInfoError, match="input tensor"):
        _tensors.byte_array(values)
