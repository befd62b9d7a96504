"""Tensor descriptions: value grids and normalisation, against brute force."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imx500_native import NetworkFileError, TensorInfoError
from imx500_native.specs import InputSpec, OutputSpec

kinds = st.sampled_from(["i1", "u1"])
finite = st.floats(-1e6, 1e6)


@given(
    st.sampled_from(["i1", "u1", "i2"]),
    st.sampled_from([2**-15, 0.25, 1.0, 3.0, 0.1]),
    st.integers(0, 300),
    st.lists(finite, min_size=1, max_size=10),
)
def test_quantized_is_the_nearest_value_of_the_grid(kind, scale, shift, values):
    spec = OutputSpec("t", (len(values),), np.dtype(kind), scale, shift)
    limits = np.iinfo(kind)
    raw = np.arange(limits.min, limits.max + 1)
    grid = ((raw - shift).astype(np.float32) * np.float32(scale)).astype(np.float32)
    quantized = spec.quantized(values)
    assert quantized.dtype == np.float32
    assert quantized.shape == (len(values),)
    assert np.isin(quantized, grid).all()
    distance = np.abs(quantized - np.array(values))
    best = np.abs(grid[:, np.newaxis].astype(np.float64) - np.array(values)).min(axis=0)
    # Two neighbours may be equally near but for the rounding of scale to float32.
    assert (distance <= best + 1e-6 * np.maximum(1.0, np.abs(values))).all()
    assert spec.value_range == (grid.min(), grid.max())


@pytest.mark.parametrize(
    ("spec", "values", "expected"),
    [
        (OutputSpec("t", (1,), np.dtype("i1"), 0.5), [1.3, -0.3, 0.25, 0.75], [1.5, -0.5, 0, 1.0]),
        (OutputSpec("t", (1,), np.dtype("u1"), 1.0), [-5, 300, np.inf, -np.inf], [0, 255, 255, 0]),
        (OutputSpec("t", (1,), np.dtype("u2"), 2.0, 3), [-9, 1e9], [-6.0, 131064.0]),
        (OutputSpec("t", (1,), np.dtype("i4"), 1.0), [1e12, 27647], [2147483648.0, 27647]),
    ],
)
def test_quantized_values(spec, values, expected):
    assert spec.quantized(values).tolist() == expected


def test_quantized_keeps_shapes():
    spec = OutputSpec("t", (2, 3), np.dtype("i1"), 0.5)
    assert spec.quantized(np.zeros((4, 2, 3))).shape == (4, 2, 3)
    assert spec.quantized(0.6).shape == ()
    assert spec.quantized(0.6) == 0.5
    with pytest.raises(TensorInfoError, match="NaN"):
        spec.quantized([0.0, np.nan])


def test_output_spec_properties():
    spec = OutputSpec("t", [4, 5], "u2", 0.1, 7)  # type: ignore[arg-type]
    assert (spec.shape, spec.order, spec.elements, spec.bits) == ((4, 5), (0, 1), 20, 16)
    assert spec.dtype == np.dtype("u2")
    assert spec.scale == float(np.float32(0.1))
    assert spec == OutputSpec("t", (4, 5), np.dtype("u2"), spec.scale, 7, (0, 1))
    assert len({spec, OutputSpec("t", (4, 5), np.dtype("u2"), spec.scale, 7)}) == 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"shape": ()}, "positive sizes"),
        ({"shape": (2, 0)}, "positive sizes"),
        ({"dtype": np.dtype("f4")}, "integer dtype"),
        ({"dtype": np.dtype(">i2")}, "integer dtype"),
        ({"scale": 0.0}, "positive scale"),
        ({"scale": float("nan")}, "positive scale"),
        ({"scale": float("inf")}, "positive scale"),
        ({"scale": 1e-60}, "not 0 in float32"),
        ({"order": (0,)}, "each of the 2 dimensions once"),
    ],
)
def test_impossible_output_is_refused(changes, message):
    fields = {"name": "t", "shape": (2, 3), "dtype": np.dtype("i1"), "scale": 1.0} | changes
    with pytest.raises(TensorInfoError, match=message):
        OutputSpec(**fields)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"width": 0}, "positive size"),
        ({"channels": 0}, "positive size"),
        ({"dtype": np.dtype("i2")}, "int8 or uint8"),
        ({"norm_val": (0, 0)}, "one norm_val and one div_val per channel"),
        ({"norm_val": (), "div_val": (1, 1, 1)}, "one norm_val"),
    ],
)
def test_impossible_input_is_refused(changes, message):
    with pytest.raises(TensorInfoError, match=message):
        InputSpec(**({"width": 4, "height": 4} | changes))


def encode_slowly(x: int, div: int, norm: int, low: int, high: int) -> int:
    return min(high, max(low, ((x * div // 64) + norm) // 16))


def decode_slowly(byte: int, encoded: list[int]) -> int:
    best = min(abs(value - byte) for value in encoded)
    nearest = min(value for value in encoded if abs(value - byte) == best)
    return encoded.index(nearest)


@given(
    kinds,
    st.tuples(*[st.integers(-2048, 2047).filter(bool)] * 3),
    st.tuples(*[st.integers(-4096, 4095)] * 3),
)
def test_tables_agree_with_brute_force(kind, div_val, norm_val):
    spec = InputSpec(4, 4, dtype=np.dtype(kind), div_val=div_val, norm_val=norm_val)
    low, high = (-128, 127) if kind == "i1" else (0, 255)
    table, inverse = spec.encode_table(), spec.decode_table()
    assert table.dtype == inverse.dtype == np.uint8
    assert table.shape == inverse.shape == (3, 256)
    for plane in range(3):
        encoded = [encode_slowly(x, div_val[plane], norm_val[plane], low, high) for x in range(256)]
        assert table[plane].tolist() == [value & 0xFF for value in encoded]
        for byte in (low, low + 1, -1 if low else 100, 0, 77, high - 1, high):
            assert inverse[plane][byte & 0xFF] == decode_slowly(byte, encoded)


@pytest.mark.parametrize(("kind", "norm"), [("i1", -2048), ("u1", 0)])
def test_tables_of_the_public_networks(kind, norm):
    spec = InputSpec(4, 4, dtype=np.dtype(kind), norm_val=(norm,) * 3)
    picture = np.arange(256)
    expected = (picture - 128 if kind == "i1" else picture).astype(kind).view(np.uint8)
    for plane in range(3):
        assert (spec.encode_table()[plane] == expected).all()
        assert (spec.decode_table()[plane][expected] == picture).all()


def test_constant_normalisation_cannot_be_inverted():
    spec = InputSpec(4, 4, div_val=(1024, 0, 1024))
    assert (spec.encode_table()[1] == 0).all()
    with pytest.raises(NetworkFileError, match=r"cannot be inverted: div_val is \(1024, 0, 1024\)"):
        spec.decode_table()
