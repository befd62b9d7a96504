"""The stand-in for big tuples, against the tuple it stands for."""

from __future__ import annotations

import copy
import operator
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imx500_native._lazy import LazySequence

floats = st.lists(st.floats(width=32, allow_nan=False), max_size=20)
lists = st.one_of(
    floats.map(lambda v: np.array(v, np.float32)),
    st.lists(st.integers(0, 255), max_size=20).map(lambda v: np.array(v, np.uint8)),
)
indexes = st.one_of(st.integers(-25, 25), st.slices(20))


@given(array=lists, index=indexes, other=lists)
def test_it_is_the_tuple(array, index, other):
    lazy, twin = LazySequence(array), tuple(array.tolist())
    assert bool(lazy) == bool(twin)
    assert len(lazy) == len(twin)
    # Before and after it has become a tuple inside.
    for _ in range(2):
        try:
            expected = twin[index]
        except IndexError:
            with pytest.raises(IndexError):
                lazy[index]
        else:
            assert lazy[index] == expected
            assert type(lazy[index]) is type(expected)
        assert tuple(lazy) == twin
    assert lazy == twin
    assert twin == lazy
    assert lazy == LazySequence(array.copy())
    assert not operator.ne(lazy, twin)
    assert hash(lazy) == hash(twin)
    assert repr(lazy) == repr(twin)
    assert tuple(reversed(lazy)) == twin[::-1]
    assert operator.add(lazy, (1,)) == (*twin, 1)
    assert operator.add((1,), lazy) == (1, *twin)
    assert {twin: 1}.get(lazy) == 1
    against = tuple(other.tolist())
    for compare in (operator.eq, operator.ne, operator.lt, operator.le, operator.gt, operator.ge):
        assert compare(lazy, against) == compare(twin, against)
        assert compare(against, lazy) == compare(against, twin)
        assert compare(lazy, LazySequence(other)) == compare(twin, against)
    for value in twin[:2]:
        assert value in lazy
        assert lazy.index(value) == twin.index(value)
        assert lazy.count(value) == twin.count(value)
    assert "x" not in lazy


@given(array=lists)
def test_copies_and_pickles(array):
    lazy = LazySequence(array)
    for twin in (pickle.loads(pickle.dumps(lazy)), copy.copy(lazy), copy.deepcopy(lazy)):
        assert type(twin) is LazySequence
        assert twin == tuple(array.tolist())


@given(array=lists)
def test_arrays_are_made_of_its_buffer(array):
    lazy = LazySequence(array)
    shown = np.asarray(lazy)
    assert shown.dtype == array.dtype
    np.testing.assert_array_equal(shown, array)
    np.testing.assert_array_equal(np.array(lazy, np.float64), np.array(tuple(lazy), np.float64))
    np.testing.assert_array_equal(np.fromiter(lazy, np.float32), array.astype(np.float32))
    if array.dtype == np.uint8:
        assert bytes(lazy) == bytes(tuple(lazy))


def test_the_buffer_outlives_it():
    array = np.arange(100, dtype=np.float32)
    lazy = LazySequence(array)
    shown = np.asarray(lazy)
    assert np.shares_memory(shown, array)
    del lazy, array
    assert shown.sum() == 4950


def test_a_read_only_array_gives_no_writeable_buffer():
    array = np.arange(4, dtype=np.float32)
    array.flags.writeable = False
    assert not np.asarray(LazySequence(array)).flags.writeable


def test_what_is_no_index_of_a_tuple():
    lazy = LazySequence(np.arange(4, dtype=np.float32))
    for index in (1.0, None, [1], (1,), np.array([True])):
        with pytest.raises(TypeError):
            lazy[index]
    assert lazy[True] == 1
    assert (lazy == [0, 1, 2, 3]) == ((0, 1, 2, 3) == [0, 1, 2, 3])
    with pytest.raises(TypeError):
        lazy < [1]  # noqa: B015
    with pytest.raises(ValueError, match="one axis"):
        LazySequence(np.zeros((2, 2)))
    with pytest.raises(ValueError, match="contiguous"):
        LazySequence(np.zeros(4)[::2])
