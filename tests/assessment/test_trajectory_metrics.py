"""OSPA(2) and trajectory GOSPA: hand-computed cases, brute force, other formulations, the axioms of a metric."""

import itertools
import math

import numpy as np
import pytest
from assessment_scenes import least_cost, ns, tracks_of, truth_of
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from noroshi.assessment import ospa2 as ospa2_module
from noroshi.assessment import trajectory_gospa as trajectory_module
from noroshi.assessment.gospa import gospa
from noroshi.assessment.ospa2 import ospa2, ospa2_windows
from noroshi.assessment.trajectory_gospa import trajectory_gospa

NAN = np.nan
C = 10.0


def line(*x):
    """Return a path along x: NaN where it is nowhere."""
    return np.array([[each, NAN if math.isnan(each) else 0.0] for each in x])


def paths_of(*lines):
    return np.array(lines) if lines else np.empty((0, 4, 2))


@st.composite
def path_sets(draw, n_max=3, k=4):
    """Up to three wandering paths with holes; some are nowhere at all."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    n = draw(st.integers(0, n_max))
    paths = rng.uniform(-8, 8, (n, 1, 2)) + np.cumsum(rng.normal(0, 3, (n, k, 2)), axis=1)
    paths[rng.random((n, k)) < 0.3] = NAN
    return paths


# --- OSPA(2) ------------------------------------------------------------------------------------------------------


def test_ospa2_by_hand():
    whole, half = paths_of(line(0, 1, 2, 3)), paths_of(line(1, 2, NAN, NAN))
    assert ospa2(whole, half, C, p=1.0) == pytest.approx((1 + 1 + 10 + 10) / 4)
    assert ospa2(whole, half, C, p=1.0, q=2.0) == pytest.approx(math.sqrt((1 + 1 + 100 + 100) / 4))
    # The half path's other half as a second track: one of the two is left over.
    rest = line(NAN, NAN, 3, 4)
    assert ospa2(whole, paths_of(half[0], rest), C, p=1.0) == pytest.approx((5.5 + 10) / 2)
    assert ospa2(whole, paths_of(), C) == C
    assert ospa2(paths_of(), paths_of(), C) == 0.0
    assert ospa2(whole, paths_of(line(NAN, NAN, NAN, NAN)), C) == C


def brute_ospa2(a, b, c, p, q):
    a, b = (paths[np.isfinite(paths).all(-1).any(-1)] for paths in (a, b))
    n = max(len(a), len(b))
    if not n:
        return 0.0
    table = np.empty((len(a), len(b)))
    for i, j in np.ndindex(table.shape):
        there = np.isfinite(a[i]).all(-1), np.isfinite(b[j]).all(-1)
        each = np.where(there[0] & there[1], np.minimum(np.linalg.norm(a[i] - b[j], axis=-1), c), c)
        table[i, j] = (each[there[0] | there[1]] ** q).mean() ** (1 / q)
    cost = least_cost(table**p) if len(a) and len(b) else 0.0
    return ((cost + c**p * (n - min(len(a), len(b)))) / n) ** (1 / p)


@settings(max_examples=60, deadline=None)
@given(path_sets(), path_sets(), st.sampled_from([1.0, 2.0]), st.sampled_from([1.0, 2.0]))
def test_ospa2_is_the_optimum_over_all_permutations(a, b, p, q):
    assert ospa2(a, b, C, p, q) == pytest.approx(brute_ospa2(a, b, C, p, q), rel=1e-9, abs=1e-9)


@settings(max_examples=40, deadline=None)
@given(path_sets(), path_sets(), path_sets(), st.sampled_from([1.0, 2.0]))
def test_ospa2_is_a_metric(x, y, z, p):
    assert ospa2(x, x, C, p) == 0.0
    assert ospa2(x, y, C, p) == pytest.approx(ospa2(y, x, C, p), rel=1e-12, abs=1e-12)
    assert ospa2(x, z, C, p) <= ospa2(x, y, C, p) + ospa2(y, z, C, p) + 1e-9


def test_each_window_is_ospa2_of_its_own_times():
    rng = np.random.default_rng(2)
    a, b = rng.uniform(0, 12, (3, 6, 2)), rng.uniform(0, 12, (4, 6, 2))
    a[0, :3], b[1, 2:] = NAN, NAN
    expected = [ospa2(a[:, max(i - 2, 0) : i + 1], b[:, max(i - 2, 0) : i + 1], C) for i in range(6)]
    np.testing.assert_allclose(ospa2_windows(a, b, 3, C), expected, rtol=1e-12)


# --- trajectory GOSPA ---------------------------------------------------------------------------------------------


def test_trajectory_gospa_by_hand():
    target, first, second = line(0, 0, 0, 0), line(1, 1, NAN, NAN), line(NAN, NAN, 2, 2)
    one = paths_of(target)
    # Two tracks, one after the other: a switch, as long as it is cheaper than two missed and two false states.
    assert trajectory_gospa(one, paths_of(first, second), C, 2.0, 3.0) == pytest.approx((math.sqrt(19), 10, 0, 0, 9))
    dear = trajectory_gospa(one, paths_of(first, second), C, 2.0, 20.0)
    assert dear == pytest.approx((math.sqrt(202), 2, 100, 100, 0))
    # The first track alone: two states missed. Nothing is lost by staying with it.
    assert trajectory_gospa(one, paths_of(first), C, 2.0, 3.0) == pytest.approx((math.sqrt(102), 2, 100, 0, 0))
    # A track beyond the cut-off is false and the target missed, at each of four times.
    far = trajectory_gospa(one, paths_of(line(50, 50, 50, 50)), C, 1.0, 3.0)
    assert far == pytest.approx((40, 0, 20, 20, 0))


def test_two_targets_that_swap_their_tracks_pay_two_switches():
    targets = paths_of(line(0, 0, 0, 0), line(6, 6, 6, 6))
    swapped = paths_of(line(0, 0, 6, 6), line(6, 6, 0, 0))
    found = trajectory_gospa(targets, swapped, C, 2.0, 2.0)
    assert found == pytest.approx((math.sqrt(8), 0, 0, 0, 8), abs=1e-6)
    dear = trajectory_gospa(targets, swapped, C, 2.0, 50.0)
    assert dear == pytest.approx((12, 144, 0, 0, 0), abs=1e-6)


def test_trajectory_gospa_of_empty_sets():
    one = paths_of(line(0, NAN, 0, 0))
    assert trajectory_gospa(paths_of(), paths_of(), C) == (0, 0, 0, 0, 0)
    assert trajectory_gospa(one, paths_of(), C) == pytest.approx((math.sqrt(150), 0, 150, 0, 0))
    assert trajectory_gospa(paths_of(), one, C) == pytest.approx((math.sqrt(150), 0, 0, 150, 0))
    assert trajectory_gospa(np.empty((2, 0, 2)), np.empty((0, 0, 2)), C) == (0, 0, 0, 0, 0)


def test_impossible_parameters_are_refused():
    for p, gamma in ((0.5, 1.0), (math.inf, 1.0), (2.0, -1.0)):
        with pytest.raises(ValueError, match="trajectory GOSPA needs"):
            trajectory_gospa(paths_of(), paths_of(), C, p, gamma)


def full_programme(x, y, c, p, gamma):
    """Return the distance by the programme as it is in the paper: all pairs, the unassigned included, at all times."""
    n, m, k = len(x), len(y), x.shape[1]
    there_x, there_y = np.isfinite(x).all(-1), np.isfinite(y).all(-1)
    w = np.arange(k * (n + 1) * (m + 1)).reshape(k, n + 1, m + 1)
    e = w.size + np.arange((k - 1) * n * m).reshape(k - 1, n, m)
    cost = np.zeros(w.size + e.size)
    cost[e.ravel()] = gamma**p / 2
    upper = np.full(len(cost), np.inf)
    equal, less = [], []
    for t in range(k):
        upper[w[t, n, m]] = 0.0
        for i, j in itertools.product(range(n), range(m)):
            both, one = there_x[i, t] and there_y[j, t], there_x[i, t] or there_y[j, t]
            near = min(np.linalg.norm(x[i, t] - y[j, t]), c) ** p if both else 0.0
            cost[w[t, i, j]] = near if both else c**p / 2 * one
            if t:
                for sign in (1, -1):
                    row = np.zeros(len(cost))
                    row[[w[t, i, j], w[t - 1, i, j], e[t - 1, i, j]]] = sign, -sign, -1
                    less.append(row)
        for i in range(n):
            cost[w[t, i, m]] = c**p / 2 * there_x[i, t]
            equal.append(np.isin(np.arange(len(cost)), w[t, i]))
        for j in range(m):
            cost[w[t, n, j]] = c**p / 2 * there_y[j, t]
            equal.append(np.isin(np.arange(len(cost)), w[t, :, j]))
    found = linprog(
        cost,
        A_ub=np.array(less) if less else None,
        b_ub=np.zeros(len(less)) if less else None,
        A_eq=np.array(equal, float) if equal else None,
        b_eq=np.ones(len(equal)) if equal else None,
        bounds=np.stack([np.zeros(len(cost)), upper], axis=1),
    )
    return max(found.fun, 0.0) ** (1 / p)


@settings(max_examples=40, deadline=None)
@given(path_sets(), path_sets(), st.sampled_from([1.0, 2.0]), st.sampled_from([0.5, 4.0, 30.0]))
def test_leaving_out_far_pairs_and_empty_times_changes_nothing(x, y, p, gamma):
    found = trajectory_gospa(x, y, C, p, gamma)
    assert found.distance == pytest.approx(full_programme(x, y, C, p, gamma), rel=1e-6, abs=1e-4)
    assert found.distance**p == pytest.approx(sum(found[1:]), rel=1e-12)


def by_whole_assignments(x, y, c, p, gamma):
    """Return the distance over assignments that are whole, by dynamic programming over all of them."""
    n, m, k = len(x), len(y), x.shape[1]
    options = [
        o for o in itertools.product(range(-1, m), repeat=n) if len({j for j in o if j >= 0}) == sum(j >= 0 for j in o)
    ]
    tables = [np.zeros((n, m)) for _ in options]
    for table, option in zip(tables, options, strict=True):
        for i, j in enumerate(option):
            if j >= 0:
                table[i, j] = 1
    there_x, there_y = np.isfinite(x).all(-1), np.isfinite(y).all(-1)
    best = np.zeros(len(options))
    for t in range(k):
        local = np.empty(len(options))
        for o, table in enumerate(tables):
            unpaired = (there_x[:, t] & (table.sum(1) == 0)).sum() + (there_y[:, t] & (table.sum(0) == 0)).sum()
            paired = 0.0
            for i, j in np.argwhere(table):
                both, one = there_x[i, t] and there_y[j, t], there_x[i, t] or there_y[j, t]
                paired += min(np.linalg.norm(x[i, t] - y[j, t]), c) ** p if both else c**p / 2 * one
            local[o] = paired + c**p / 2 * unpaired
        if t:
            switch = np.array([[np.abs(one - two).sum() * gamma**p / 2 for one in tables] for two in tables])
            best = (best[None, :] + switch).min(axis=1)
        best = best + local
    return best.min() ** (1 / p)


@settings(max_examples=30, deadline=None)
@given(path_sets(n_max=2), path_sets(n_max=2), st.sampled_from([0.5, 4.0]))
def test_two_by_two_the_relaxation_reaches_the_whole_assignments(x, y, gamma):
    whole = by_whole_assignments(x, y, C, 2.0, gamma)
    relaxed = trajectory_gospa(x, y, C, 2.0, gamma).distance
    assert relaxed <= whole + 1e-6
    assert relaxed == pytest.approx(whole, rel=1e-6, abs=1e-5)


@settings(max_examples=40, deadline=None)
@given(path_sets(), path_sets(), st.sampled_from([1.0, 2.0]))
def test_without_a_price_for_switches_it_is_the_sum_of_gospa(x, y, p):
    total = sum(gospa(x[:, i], y[:, i], C, p).distance ** p for i in range(x.shape[1]))
    assert trajectory_gospa(x, y, C, p, 0.0).distance ** p == pytest.approx(total, rel=1e-9, abs=1e-9)


@settings(max_examples=40, deadline=None)
@given(path_sets(), path_sets(), path_sets(), st.sampled_from([1.0, 2.0]))
def test_trajectory_gospa_is_a_metric(x, y, z, p):
    def d(a, b):
        return trajectory_gospa(a, b, C, p, 4.0).distance

    assert d(x, x) == 0.0
    assert d(x, y) == pytest.approx(d(y, x), rel=1e-6, abs=1e-4)
    assert d(x, z) <= d(x, y) + d(y, z) + 1e-4


def test_measures_over_records():
    truth = truth_of([("a", t, 0.0) for t in range(4)])
    tracks = tracks_of([(1, 0, 300.0), (1, 1, 300.0), (2, 2, 400.0), (2, 3, 400.0)])
    found = trajectory_module.measure(truth, tracks, times_ns=ns(range(4)), c=1000.0, gamma=200.0)
    parts = [2 * 300**2 + 2 * 400**2, 0.0, 0.0, 200**2]
    expected = [math.sqrt(part / 4) for part in (sum(parts), *parts)]
    assert list(found.values()) == pytest.approx(expected, abs=1e-3)
    # Windows of one to four pictures; from the third on one of two tracks is left over and counts 1000 m.
    first, second = np.mean([300, 300, 1000]), min(np.mean([300, 300, 1000, 1000]), np.mean([400, 400, 1000, 1000]))
    windows = [300, 300, (first + 1000) / 2, (second + 1000) / 2]
    over_windows = ospa2_module.measure(truth, tracks, times_ns=ns(range(4)), c=1000.0, p=1.0)
    assert over_windows["ospa2_m"] == pytest.approx(np.mean(windows))
    for times in (ns([]), ns([0])):
        assert np.isnan(ospa2_module.measure(truth, tracks, times_ns=times)["ospa2_m"]) == (len(times) == 0)
