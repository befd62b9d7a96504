"""Assignments of the C core against every possibility, and against munkres."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from native.assignment import assign
from oracles.higherhrnet_oracle import best_assignments, pairs_of, total

sizes = st.tuples(st.integers(1, 5), st.integers(1, 5))
few_values = st.sampled_from([-1.0, -0.5, 0.0, 0.25, 1.0, 100.0])


def check_everyone_has_one(chosen, costs):
    """Check that columns are given once, and to as many rows as possible."""
    columns = [column for column in chosen.tolist() if column >= 0]
    assert sorted(set(columns)) == sorted(columns)
    assert len(columns) == min(costs.shape)
    assert all(column < costs.shape[1] for column in columns)


@given(costs=hnp.arrays(np.float64, sizes, elements=few_values))
def test_the_sum_is_the_least_there_is(costs):
    chosen = assign(costs)
    check_everyone_has_one(chosen, costs)
    least, _ = best_assignments(costs)
    assert total(costs, pairs_of(chosen)) == least


@given(costs=hnp.arrays(np.float64, sizes, elements=st.floats(-1e3, 1e3)))
def test_the_sum_is_the_least_there_is_of_any_numbers(costs):
    chosen = assign(costs)
    check_everyone_has_one(chosen, costs)
    least, _ = best_assignments(costs)
    assert float(total(costs, pairs_of(chosen)) - least) <= 1e-9


@pytest.mark.parametrize("shape", [(4, 4), (3, 5), (5, 3), (1, 5), (5, 1)])
def test_the_only_optimum_is_found(shape):
    rng = np.random.default_rng(1)
    for _ in range(50):
        costs = rng.permutation(2 ** np.arange(np.prod(shape))).reshape(shape).astype(float)
        _, best = best_assignments(costs)
        assert [assign(costs).tolist()] == best


def test_an_optimum_that_no_row_would_choose_by_itself():
    costs = [[1, 2, 9], [1, 3, 9], [1, 9, 4]]
    assert assign(costs).tolist() == [1, 0, 2]


@pytest.mark.parametrize("shape", [(30, 30), (30, 12), (12, 30), (29, 30)])
@pytest.mark.parametrize("steps", [3, 100, 10**6])
def test_as_munkres_on_large_ones(shape, steps):
    munkres = pytest.importorskip("munkres", reason="pip install munkres to compare with it")
    rng = np.random.default_rng(2)
    for _ in range(5):
        costs = rng.integers(0, steps, shape) / 128
        chosen = assign(costs)
        check_everyone_has_one(chosen, costs)
        theirs = munkres.Munkres().compute(costs.tolist())
        assert total(costs, pairs_of(chosen)) == total(costs, theirs)


def test_equal_costs_are_decided_the_same_way_every_time():
    costs = np.zeros((6, 6))
    first = assign(costs)
    assert all(assign(costs).tolist() == first.tolist() for _ in range(5))


def test_nothing_to_assign():
    assert assign(np.empty((0, 3))).tolist() == []
    assert assign(np.empty((3, 0))).tolist() == [-1, -1, -1]


@given(costs=hnp.arrays(np.float64, sizes, elements=st.floats()))
def test_costs_that_are_not_finite_give_some_assignment(costs):
    check_everyone_has_one(assign(costs), costs)
