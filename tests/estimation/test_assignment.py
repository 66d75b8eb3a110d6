import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from noroshi.estimation.assignment import assign

UNASSIGNED = 10.0


def instance(rng, n_a, n_b, density):
    """Candidate pairs in any order; about a quarter cost too much to be made."""
    ia, ib = np.nonzero(rng.random((n_a, n_b)) < density)
    order = rng.permutation(len(ia))
    cost = rng.uniform(-3.0, 14.0, len(ia))
    for array in (ia, ib, cost):
        array.setflags(write=False)
    return ia[order], ib[order], cost


def least_total(ia, ib, cost):
    """Try every set of pairs."""

    def search(pair, used_a, used_b):
        if pair == len(cost):
            return 0.0
        best = search(pair + 1, used_a, used_b)
        if ia[pair] not in used_a and ib[pair] not in used_b:
            made = search(pair + 1, used_a | {ia[pair]}, used_b | {ib[pair]})
            best = min(best, cost[pair] - UNASSIGNED + made)
        return best

    return search(0, frozenset(), frozenset())


def total(cost, chosen):
    return float((cost[chosen] - UNASSIGNED).sum())


def check_one_to_one(ia, ib, chosen):
    assert len(np.unique(ia[chosen])) == len(np.unique(ib[chosen])) == len(chosen)
    assert (np.diff(chosen) > 0).all()


@given(st.integers(0, 2**32 - 1))
def test_no_set_of_pairs_is_better(seed):
    rng = np.random.default_rng(seed)
    ia, ib, cost = instance(rng, *rng.integers(0, 5, 2), rng.uniform(0.1, 1.0))
    chosen = assign(ia[:14], ib[:14], cost[:14], 5, 5, cost_unassigned=UNASSIGNED)
    check_one_to_one(ia, ib, chosen)
    assert total(cost, chosen) == pytest.approx(least_total(ia[:14], ib[:14], cost[:14]), abs=1e-9)


@pytest.mark.parametrize("seed", range(1, 5))
@pytest.mark.parametrize(("n_a", "n_b", "density"), [(60, 90, 0.02), (90, 60, 0.05), (300, 280, 0.01), (40, 40, 1.0)])
def test_as_good_as_one_dense_assignment(seed, n_a, n_b, density):
    ia, ib, cost = instance(np.random.default_rng(seed), n_a, n_b, density)
    chosen = assign(ia, ib, cost, n_a, n_b, cost_unassigned=UNASSIGNED)
    check_one_to_one(ia, ib, chosen)
    table = np.zeros((n_a, n_b))
    table[ia, ib] = np.minimum(cost - UNASSIGNED, 0.0)
    assert total(cost, chosen) == pytest.approx(table[linear_sum_assignment(table)].sum(), rel=1e-12)


def test_the_order_of_the_pairs_does_not_matter():
    rng = np.random.default_rng(8)
    ia, ib, cost = instance(rng, 80, 80, 0.04)
    cost = np.round(cost)  # many equal optima
    chosen = assign(ia, ib, cost, 80, 80, cost_unassigned=UNASSIGNED)
    made = sorted(zip(ia[chosen], ib[chosen], strict=True))
    for _ in range(5):
        order = rng.permutation(len(ia))
        again = assign(ia[order], ib[order], cost[order], 80, 80, cost_unassigned=UNASSIGNED)
        assert sorted(zip(ia[order][again], ib[order][again], strict=True)) == made


def test_a_pair_given_twice_counts_once_at_its_lower_cost():
    ia, ib, cost = np.array([0, 0, 0, 1]), np.array([0, 0, 0, 0]), np.array([5.0, 2.0, 2.0, 1.0])
    assert assign(ia, ib, cost, 2, 1, cost_unassigned=UNASSIGNED).tolist() == [3]
    assert assign(ia[:3], ib[:3], cost[:3], 2, 1, cost_unassigned=UNASSIGNED).tolist() == [1]


def test_only_pairs_that_cost_less_than_leaving_alone_are_made():
    pair = np.array([0, 1, 2])
    cost = np.array([UNASSIGNED, np.nextafter(UNASSIGNED, 0.0), np.inf])
    assert assign(pair, pair, cost, 3, 3, cost_unassigned=UNASSIGNED).tolist() == [1]


def test_no_pairs():
    none = np.empty(0, np.intp)
    for n in (0, 4):
        assert assign(none, none, np.empty(0), n, n, cost_unassigned=1.0).shape == (0,)


@pytest.mark.parametrize(("cost", "unassigned"), [(np.nan, 1.0), (-np.inf, 1.0), (0.0, np.inf), (0.0, np.nan)])
def test_what_has_no_sum_is_refused(cost, unassigned):
    with pytest.raises(ValueError, match="cost"):
        assign(np.array([0]), np.array([0]), np.array([cost]), 1, 1, cost_unassigned=unassigned)
