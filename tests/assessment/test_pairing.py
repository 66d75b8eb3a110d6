"""Pairs of two sets of positions against plain enumeration."""

import itertools

import numpy as np
import pytest
from assessment_scenes import distances
from hypothesis import given, settings
from hypothesis import strategies as st

from noroshi.assessment.pairing import best, near, nearest, subpattern_distance

SETS = st.tuples(st.integers(0, 10_000), st.integers(0, 5), st.integers(0, 5))


def two_sets(scene):
    seed, n, m = scene
    rng = np.random.default_rng(seed)
    return rng.uniform(0, 10, (n, 2)), rng.uniform(0, 10, (m, 2))


@settings(max_examples=50, deadline=None)
@given(SETS)
def test_near_and_nearest_are_what_enumeration_finds(scene):
    a, b = two_sets(scene)
    table = distances(a, b)
    pairs = near(a, b, 6.0)
    assert list(zip(pairs.ia, pairs.ib, strict=True)) == [tuple(ij) for ij in np.argwhere(table < 6.0)]
    np.testing.assert_allclose(pairs.distance, table[pairs.ia, pairs.ib], rtol=1e-14)
    close = nearest(a, b, 3.0)
    expected = [(int(table[:, j].argmin()), j) for j in range(len(b)) if len(a) and table[:, j].min() < 3.0]
    assert list(zip(close.ia, close.ib, strict=True)) == expected


@settings(max_examples=50, deadline=None)
@given(SETS, st.sampled_from([1.0, 2.0, 3.5]))
def test_best_is_the_optimum_over_all_choices(scene, p):
    a, b = two_sets(scene)
    c, table = 6.0, distances(a, b)
    chosen = best(near(a, b, c), c, p)
    assert len(set(chosen.ia)) == len(set(chosen.ib)) == len(chosen.ia)
    options = [0.0]
    for k in range(1, min(len(a), len(b)) + 1):
        for rows in itertools.combinations(range(len(a)), k):
            for columns in itertools.permutations(range(len(b)), k):
                options.append(sum(table[i, j] ** p - c**p for i, j in zip(rows, columns, strict=True)))
    assert (chosen.distance**p - c**p).sum() == pytest.approx(min(options), rel=1e-12, abs=1e-12)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 5), st.integers(0, 5))
def test_infinite_order_is_the_bottleneck(seed, n, m):
    a, b = two_sets((seed, n, m))
    c, table = 6.0, np.minimum(distances(a, b), 6.0)
    found = subpattern_distance(near(a, b, c), n, m, c, np.inf)
    if n != m:
        assert found == c
    else:
        expected = min(
            max((table[i, j] for i, j in enumerate(o)), default=0.0) for o in itertools.permutations(range(n))
        )
        assert found == pytest.approx(expected, rel=1e-14)


def test_rows_with_nan_are_nowhere():
    a, b = np.array([[0.0, 0.0], [np.nan, 0.0]]), np.array([[np.inf, 0.0], [1.0, 0.0]])
    assert [each.tolist() for each in near(a, b, 5.0)] == [[0], [1], [1.0]]
    assert [each.tolist() for each in nearest(a, b, 5.0)] == [[0], [1], [1.0]]
    assert [len(each.ia) for each in (near(a[1:], b, 5.0), nearest(a[1:], b, 5.0), near(a, b[:1], 5.0))] == [0, 0, 0]
