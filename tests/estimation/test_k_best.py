"""The k best assignments against every permutation and against scipy."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from noroshi.estimation.k_best import k_best


def every_total(cost):
    n, m = cost.shape
    totals = [sum(cost[i, j] for i, j in enumerate(each)) for each in itertools.permutations(range(m), n)]
    return np.sort([total for total in totals if np.isfinite(total)])


def table(rng, n, m, forbidden, whole=False):
    cost = rng.integers(-4, 5, (n, m)).astype(float) if whole else rng.normal(0.0, 5.0, (n, m))
    cost[rng.random((n, m)) < forbidden] = np.inf
    cost.setflags(write=False)
    return cost


@given(st.integers(0, 2**32 - 1), st.booleans())
def test_no_assignment_is_passed_over(seed, whole):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(0, 5))
    cost = table(rng, n, n + int(rng.integers(0, 3)), rng.choice([0.0, 0.3, 0.6]), whole)
    expected = every_total(cost)
    k = int(rng.integers(1, 60))
    columns, totals = k_best(cost, k)
    np.testing.assert_allclose(totals, expected[:k], atol=1e-9)
    assert len(np.unique(columns, axis=0)) == len(columns)
    for each, total in zip(columns, totals, strict=True):
        assert len(np.unique(each)) == n
        assert cost[np.arange(n), each].sum() == pytest.approx(total, abs=1e-12)


@pytest.mark.parametrize(("n", "m", "forbidden"), [(7, 7, 0.0), (6, 8, 0.5), (5, 9, 0.2), (4, 12, 0.3)])
def test_all_of_them_in_larger_tables(n, m, forbidden):
    cost = table(np.random.default_rng([n, m]), n, m, forbidden)
    expected = every_total(cost)
    np.testing.assert_allclose(k_best(cost, 500)[1], expected[:500], atol=1e-9)


@pytest.mark.parametrize(("n", "m"), [(1, 1), (30, 30), (60, 90), (100, 400)])
def test_the_first_is_scipys(n, m):
    cost = np.random.default_rng([n, m]).normal(size=(n, m))
    columns, totals = k_best(cost, 3)
    rows, best = linear_sum_assignment(cost)
    assert totals[0] == pytest.approx(cost[rows, best].sum(), abs=1e-9)
    np.testing.assert_array_equal(columns[0], best)


def test_the_second_is_the_best_with_one_pair_forbidden():
    """Murty's argument for the second: it lacks at least one pair of the first."""
    cost = np.random.default_rng(5).normal(size=(40, 55))
    columns, totals = k_best(cost, 2)
    others = []
    for i, j in enumerate(columns[0]):
        without = cost.copy()
        without[i, j] = 1e6
        others.append(without[linear_sum_assignment(without)].sum())
    assert totals[1] == pytest.approx(min(others), abs=1e-9)


def test_what_is_much_worse_than_the_best_is_left_out():
    cost = table(np.random.default_rng(6), 5, 6, 0.0)
    expected = every_total(cost)
    totals = k_best(cost, 10_000, excess=6.0)[1]
    np.testing.assert_allclose(totals, expected[expected <= expected[0] + 6.0], atol=1e-9)


def test_where_nothing_is_possible_nothing_is_found():
    assert k_best(np.full((2, 3), np.inf), 4)[0].shape == (0, 2)
    assert k_best(np.array([[1.0, np.inf], [2.0, np.inf]]), 4)[0].shape == (0, 2)
    assert k_best(np.zeros((2, 2)), 0)[0].shape == (0, 2)


@pytest.mark.parametrize("cost", [np.zeros((3, 2)), np.array([[np.nan]]), np.array([[-np.inf]])])
def test_senseless_costs_are_refused(cost):
    with pytest.raises(ValueError, match="k_best needs"):
        k_best(cost, 1)
