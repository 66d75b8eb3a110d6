"""Sharing out at the least cost against a linear programme's solution."""

import numpy as np
import pytest
from scipy.optimize import linprog
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from noroshi.estimation.belief import marginals
from noroshi.estimation.clusters import clusters
from noroshi.estimation.transport import rearrange


def swarm(rng, n_a, n_b, reach, spread):
    """Return the pairs of points that are near each other, with weights that fall with their distance."""
    a, b = rng.normal(0.0, 5.0, (n_a, 2)), rng.normal(0.0, 5.0, (n_b, 2))
    squared = ((a[:, None] - b[None]) ** 2).sum(axis=2)
    ia, ib = np.nonzero(squared < reach**2)
    return np.searchsorted(ia, np.arange(n_a + 1)), ia, ib, np.exp(-0.5 * squared[ia, ib] / spread**2)


def sums(ia, ib, share, n_a, n_b):
    return np.concatenate([np.bincount(ia, share, n_a), np.bincount(ib, share, n_b)])


@pytest.mark.parametrize("reach", [2.0, 6.0, 100.0])
@pytest.mark.parametrize("seed", range(6))
def test_as_good_as_the_linear_programme_and_the_sums_are_kept(seed, reach):
    rng = np.random.default_rng([seed, int(reach)])
    n_a, n_b = 25, 28
    begin, ia, ib, weight = swarm(rng, n_a, n_b, reach, 2.0)
    share = marginals(begin, ib, weight, np.full(n_a, 0.1), np.full(n_b, 0.1))[0]
    before = share.copy()
    rearrange(begin, ib, weight, share, n_b)
    every = np.arange(len(ia))
    table = coo_array((np.ones(2 * len(ia)), (np.concatenate([ia, n_a + ib]), np.tile(every, 2)))).tocsr()
    # The last sum follows from the others; with it the programme finds itself infeasible by rounding.
    best = linprog(-np.log(weight), A_eq=table[:-1], b_eq=(table @ before)[:-1], method="highs-ds")
    assert best.status == 0
    assert (share >= 0.0).all()
    np.testing.assert_allclose(sums(ia, ib, share, n_a, n_b), sums(ia, ib, before, n_a, n_b), atol=1e-12)
    assert share @ np.log(weight) == pytest.approx(-best.fun, abs=1e-6)


def test_what_is_left_has_no_ring():
    rng = np.random.default_rng(7)
    n_a, n_b = 20, 20
    begin, ia, ib, weight = swarm(rng, n_a, n_b, 100.0, 3.0)
    share = marginals(begin, ib, weight, np.full(n_a, 0.1), np.full(n_b, 0.1))[0]
    rearrange(begin, ib, weight, share, n_b)
    held = np.flatnonzero(share)
    graph = coo_array((np.ones(len(held)), (ia[held], n_a + ib[held])), shape=(n_a + n_b, n_a + n_b))
    trees = connected_components(graph, directed=False)[0]
    assert len(held) == n_a + n_b - trees


def test_of_two_orders_the_likelier_is_kept():
    """Two tracks that may have two plots: the crossing goes, what is not of it stays."""
    begin, ib, weight = np.array([0, 2, 4]), np.array([0, 1, 0, 1]), np.array([3.0, 2.0, 2.0, 3.0])
    share = np.array([0.5, 0.4, 0.4, 0.45])
    rearrange(begin, ib, weight, share, 2)
    np.testing.assert_allclose(share, [0.9, 0.0, 0.0, 0.85], atol=1e-15)


def test_what_nobody_contests_is_left_alone():
    """One track that may have either of two plots, and one that has its own: there is no order to choose."""
    begin, ib, weight = np.array([0, 2, 3]), np.array([0, 1, 2]), np.array([1.0, 5.0, 2.0])
    share = np.array([0.2, 0.6, 0.9])
    before = share.copy()
    rearrange(begin, ib, weight, share, 3)
    assert share.tobytes() == before.tobytes()


def test_weights_of_zero_and_nothing():
    begin, ib, weight = np.array([0, 2, 4]), np.array([0, 1, 0, 1]), np.array([3.0, 0.0, 2.0, 3.0])
    share = np.array([0.5, 0.0, 0.4, 0.45])
    before = share.copy()
    rearrange(begin, ib, weight, share, 2)
    np.testing.assert_array_equal(share, before)
    none = np.zeros(0, np.int64)
    rearrange(np.zeros(1, np.int64), none, np.zeros(0), np.zeros(0), 0)


@pytest.mark.parametrize("seed", range(4))
def test_many_clusters_at_once_are_each_as_good_as_alone(seed):
    rng = np.random.default_rng([9, seed])
    alone, both = [], []
    for n_a in (12, 30, 2, 1):
        begin, ia, ib, weight = swarm(rng, n_a, n_a + 3, 5.0, 1.5)
        share = marginals(begin, ib, weight, np.full(n_a, 0.1), np.full(n_a + 3, 0.1))[0]
        both.append((ia, ib, weight, share.copy(), n_a))
        rearrange(begin, ib, weight, share, n_a + 3)
        alone.append(share)
    counts = np.array([each[4] for each in both])
    first = np.concatenate([[0], np.cumsum(counts)])
    ia = np.concatenate([each[0] + at for each, at in zip(both, first, strict=False)])
    ib = np.concatenate([each[1] + at + 3 * i for i, (each, at) in enumerate(zip(both, first, strict=False))])
    weight, share = (np.concatenate([each[i] for each in both]) for i in (2, 3))
    begin, n_b = np.searchsorted(ia, np.arange(first[-1] + 1)), int(first[-1]) + 12
    before = share.copy()
    known = clusters(begin, ib, weight, n_b)
    rearrange(begin, ib, weight, share, n_b, known=known)
    np.testing.assert_array_equal(share, np.concatenate(alone))
    rearrange(begin, ib, weight, before, n_b)
    np.testing.assert_array_equal(share, before)
