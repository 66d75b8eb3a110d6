"""Soft assignment against every joint event."""

import itertools

import numpy as np
import pytest

from noroshi.estimation.belief import marginals
from noroshi.estimation.clusters import clusters


def scene(rng, n_a, n_b, density):
    """Return pairs ordered by a, with positive weights."""
    there = rng.random((n_a, n_b)) < density
    ia, ib = np.nonzero(there)
    begin = np.searchsorted(ia, np.arange(n_a + 1))
    return begin, ia, ib, rng.uniform(0.1, 5.0, len(ia)), rng.uniform(0.1, 1.0, n_a), rng.uniform(0.2, 2.0, n_b)


def exact(ia, ib, weight, alone, weight_b):
    """Return the marginals by going through every set of pairs in which nobody stands twice."""
    n_a = len(alone)
    choices = [[None, *np.flatnonzero(ia == a)] for a in range(n_a)]
    total, pair = 0.0, np.zeros(len(ia))
    a_alone, b_alone = np.zeros(n_a), np.zeros(len(weight_b))
    for event in itertools.product(*choices):
        made = [e for e in event if e is not None]
        if len({ib[e] for e in made}) < len(made):
            continue
        free = np.setdiff1d(np.arange(len(weight_b)), ib[made])
        p = weight[made].prod() * weight_b[free].prod()
        p *= np.prod([alone[a] for a, e in enumerate(event) if e is None])
        total += p
        pair[made] += p
        b_alone[free] += p
        a_alone[[a for a, e in enumerate(event) if e is None]] += p
    return pair / total, a_alone / total, b_alone / total


@pytest.mark.parametrize("seed", range(20))
def test_exact_where_the_pairs_make_no_ring(seed):
    """A chain of tracks, each of which shares a plot with the next."""
    rng = np.random.default_rng(seed)
    n = 5
    ia, ib = np.repeat(np.arange(n), 2), np.stack([np.arange(n), np.arange(1, n + 1)], axis=1).ravel()
    begin, weight = np.arange(0, 2 * n + 1, 2), rng.uniform(0.1, 5.0, 2 * n)
    alone, weight_b = rng.uniform(0.1, 1.0, n), rng.uniform(0.2, 2.0, n + 1)
    for ours, right in zip(
        marginals(begin, ib, weight, alone, weight_b), exact(ia, ib, weight, alone, weight_b), strict=True
    ):
        np.testing.assert_allclose(ours, right, atol=1e-5)


@pytest.mark.parametrize("seed", range(20))
def test_close_where_they_do(seed):
    rng = np.random.default_rng(seed)
    begin, ia, ib, weight, alone, weight_b = scene(rng, 4, 5, 0.6)
    ours = marginals(begin, ib, weight, alone, weight_b)
    for mine, right in zip(ours, exact(ia, ib, weight, alone, weight_b), strict=True):
        assert np.abs(mine - right).max() < 0.12
    pair, a_alone, b_alone = ours
    np.testing.assert_allclose(np.bincount(ia, pair, 4) + a_alone, 1.0, atol=1e-9)
    np.testing.assert_allclose(np.bincount(ib, pair, 5) + b_alone, 1.0, atol=1e-4)


def test_pairs_of_no_weight_change_nothing():
    rng = np.random.default_rng(5)
    begin, ia, ib, weight, alone, weight_b = scene(rng, 6, 6, 0.5)
    weight[::3] = 0.0
    kept = np.flatnonzero(weight)
    fewer = np.searchsorted(ia[kept], np.arange(7))
    all_of_them = marginals(begin, ib, weight, alone, weight_b)
    those = marginals(fewer, ib[kept], weight[kept], alone, weight_b)
    np.testing.assert_allclose(all_of_them[0][kept], those[0], rtol=1e-12)
    assert (all_of_them[0][weight == 0.0] == 0.0).all()


def test_nobody_and_nothing():
    none = np.zeros(0, np.int64)
    pair, a_alone, b_alone = marginals(np.zeros(1, np.int64), none, np.zeros(0), np.zeros(0), np.ones(3))
    assert pair.shape == a_alone.shape == (0,)
    assert b_alone.tolist() == [1.0, 1.0, 1.0]


def formation(seed, side=7):
    """Return pairs of a square formation, two standard deviations of a plot apart, ordered by track."""
    rng = np.random.default_rng(seed)
    place = 2.0 * np.stack(np.unravel_index(np.arange(side**2), (side, side)), axis=1)
    plots = (place + rng.normal(size=place.shape))[rng.random(len(place)) > 0.1]
    squared = ((place + 0.7 * rng.normal(size=place.shape))[:, None] - plots[None]) ** 2
    squared = squared.sum(axis=2) / 1.5
    ia, ib = np.nonzero(squared < 30.0)
    begin = np.searchsorted(ia, np.arange(len(place) + 1))
    return begin, ia, ib, 50.0 * np.exp(-0.5 * squared[ia, ib]), np.full(len(place), 0.1), np.ones(len(plots))


def fixed_point(ia, ib, weight, alone, weight_b):
    """Return the probability of each pair after as many rounds of plain messages as it takes."""
    ratio, to_a = weight / weight_b[ib], np.ones(len(ia))
    while True:
        told = ratio * to_a
        total = alone + np.bincount(ia, told, len(alone))
        to_b = ratio / np.maximum(total[ia] - told, alone[ia])
        new = 1.0 / (1.0 + np.maximum(np.bincount(ib, to_b, len(weight_b))[ib] - to_b, 0.0))
        if np.abs(new - to_a).max() < 1e-13:
            return told / total[ia]
        to_a = new


@pytest.mark.parametrize("seed", range(8))
def test_little_is_left_of_the_way_in_a_formation(seed):
    """Up to 0.012 after thirty rounds."""
    begin, ia, ib, weight, alone, weight_b = formation(seed)
    ours = marginals(begin, ib, weight, alone, weight_b)[0]
    np.testing.assert_allclose(ours, fixed_point(ia, ib, weight, alone, weight_b), atol=0.015)


def test_known_clusters_give_the_same_bytes():
    begin, _, ib, weight, alone, weight_b = formation(3)
    known = clusters(begin, ib, weight, len(weight_b))
    for told, found in zip(
        marginals(begin, ib, weight, alone, weight_b, known), marginals(begin, ib, weight, alone, weight_b), strict=True
    ):
        assert told.tobytes() == found.tobytes()
