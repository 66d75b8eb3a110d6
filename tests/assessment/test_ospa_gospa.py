"""OSPA and GOSPA: hand-computed cases, brute force, the axioms of a metric, and Stone Soup's figures."""

import math

import numpy as np
import pytest
from assessment_scenes import (
    SITE_M,
    distances,
    least_cost,
    ns,
    one_time,
    records_of,
    stone_soup_metrics,
    stone_soup_paths,
    tracks_of,
    truth_of,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from stonesoup.measures import Euclidean
from stonesoup.metricgenerator.ospametric import GOSPAMetric, OSPAMetric
from stonesoup.types.groundtruth import GroundTruthPath
from stonesoup.types.track import Track

from noroshi.assessment import gospa as gospa_module
from noroshi.assessment import ospa as ospa_module
from noroshi.assessment.gospa import gospa
from noroshi.assessment.ospa import ospa
from noroshi.assessment.pictures import View

NONE = np.empty((0, 2))
PLACES = st.lists(
    st.tuples(*[st.floats(-20, 20, allow_nan=False, width=32)] * 2), min_size=0, max_size=4
).map(lambda rows: np.array(rows, np.float64).reshape(-1, 2))  # fmt: skip
ORDERS = st.sampled_from([1.0, 1.5, 2.0, 4.0])


def brute_ospa(a, b, c, p):
    n = max(len(a), len(b))
    if not n:
        return 0.0
    cost = least_cost(np.minimum(distances(a, b), c) ** p) if len(a) and len(b) else 0.0
    return ((cost + c**p * (n - min(len(a), len(b)))) / n) ** (1 / p)


def brute_gospa(a, b, c, p, alpha):
    cost = least_cost(np.minimum(distances(a, b), c) ** p) if len(a) and len(b) else 0.0
    return (cost + c**p / alpha * abs(len(a) - len(b))) ** (1 / p)


def test_ospa_by_hand():
    a, b = np.array([[0.0, 0.0], [10.0, 0.0]]), np.array([[3.0, 4.0], [10.0, 1.0], [50.0, 0.0]])
    assert ospa(a, b, c=20.0, p=1.0) == pytest.approx((5 + 1 + 20) / 3)
    assert ospa(a, b, c=20.0, p=2.0) == pytest.approx(math.sqrt((25 + 1 + 400) / 3))
    assert ospa(a, b, c=4.0, p=2.0) == pytest.approx(math.sqrt((16 + 1 + 16) / 3))
    assert ospa(a, b[:2], c=20.0, p=math.inf) == pytest.approx(5.0)
    assert ospa(a, b, c=20.0, p=math.inf) == 20.0


def test_gospa_by_hand():
    a, b = np.array([[0.0, 0.0], [10.0, 0.0]]), np.array([[3.0, 4.0], [10.0, 1.0], [50.0, 0.0]])
    found = gospa(a, b, c=20.0, p=2.0)
    assert found == pytest.approx((math.sqrt(26 + 200), 26.0, 0.0, 200.0, 0, 1))
    found = gospa(a, b, c=4.0, p=1.0)
    assert found == pytest.approx((7.0, 1.0, 2.0, 4.0, 1, 2))
    found = gospa(a, b, c=4.0, p=1.0, alpha=1.0)
    assert found == pytest.approx((1 + 4 + 4, 1 + 4, 0.0, 4.0, 1, 2))


def test_empty_sets():
    some = np.zeros((3, 2))
    assert (ospa(NONE, NONE, 5.0), ospa(NONE, some, 5.0), ospa(some, NONE, 5.0, math.inf)) == (0.0, 5.0, 5.0)
    assert gospa(NONE, NONE, 5.0) == (0.0, 0.0, 0.0, 0.0, 0, 0)
    assert gospa(NONE, some, 2.0) == pytest.approx((math.sqrt(6), 0.0, 0.0, 6.0, 0, 3))
    assert gospa(some, NONE, 2.0) == pytest.approx((math.sqrt(6), 0.0, 6.0, 0.0, 3, 0))


def test_members_with_nan_are_no_members():
    a = np.array([[0.0, 0.0], [np.nan, 1.0]])
    assert ospa(a, a[:1], 5.0) == 0.0
    assert gospa(a, np.full((2, 2), np.inf), 2.0).n_missed == 1


def test_impossible_parameters_are_refused():
    for p, alpha in ((0.5, 2.0), (math.inf, 2.0), (2.0, 0.0), (2.0, 2.5)):
        with pytest.raises(ValueError, match="GOSPA needs"):
            gospa(NONE, NONE, 1.0, p, alpha)


@settings(max_examples=60, deadline=None)
@given(PLACES, PLACES, ORDERS, st.sampled_from([0.5, 1.0, 2.0]))
def test_equal_to_the_optimum_over_all_permutations(a, b, p, alpha):
    assert ospa(a, b, 15.0, p) == pytest.approx(brute_ospa(a, b, 15.0, p), rel=1e-9, abs=1e-9)
    found = gospa(a, b, 15.0, p, alpha)
    assert found.distance == pytest.approx(brute_gospa(a, b, 15.0, p, alpha), rel=1e-9, abs=1e-9)
    assert found.distance**p == pytest.approx(found.localisation + found.missed + found.false, rel=1e-9, abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(PLACES, PLACES, PLACES, ORDERS)
def test_axioms_of_a_metric(x, y, z, p):
    for d in (lambda a, b: ospa(a, b, 15.0, p), lambda a, b: gospa(a, b, 15.0, p).distance):
        assert d(x, x) == 0.0
        assert d(x, y) == pytest.approx(d(y, x), rel=1e-12, abs=1e-12)
        assert d(x, z) <= d(x, y) + d(y, z) + 1e-9
        if sorted(map(tuple, x)) != sorted(map(tuple, y)):
            assert d(x, y) > 0.0


def crossing_scene(seed, n_targets=5, n_times=8):
    """Return targets and tracks at common times: noise, a late track, an early end, false tracks, a gap."""
    rng = np.random.default_rng(seed)
    start, velocity = rng.uniform(-300, 300, (n_targets, 2)), rng.normal(0, 30, (n_targets, 2))
    truths, tracks = {}, {}
    for i in range(n_targets):
        rows = [(t, *(start[i] + velocity[i] * t), *velocity[i]) for t in range(n_times)]
        truths[f"target {i}"] = rows
        noisy = [
            (t, x + rng.normal(0, 15), y + rng.normal(0, 15), vx + rng.normal(), vy + rng.normal())
            for t, x, y, vx, vy in rows
        ]
        tracks[100 + i] = noisy[i % 3 : n_times - i % 2]
    tracks[7] = [(t, *rng.uniform(-300, 300, 2), 0.0, 0.0) for t in range(2, 6)]
    return truths, tracks


def stone_soup_over_time(generator, truths, tracks):
    metrics, _ = stone_soup_metrics(
        stone_soup_paths(GroundTruthPath, truths), stone_soup_paths(Track, tracks), generator
    )
    (series,) = metrics.values()
    return [each.value for each in series.value]


POSITION = Euclidean((0, 2))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("p", [1.0, 2.0])
def test_gospa_and_its_parts_equal_stone_soups(seed, p):
    truths, tracks = crossing_scene(seed)
    theirs = stone_soup_over_time(GOSPAMetric(p=p, c=60.0, measure=POSITION), truths, tracks)
    truth, ours = records_of(truths, tracks)
    for time_s, value in enumerate(theirs):
        each = gospa_module.measure(truth, ours, times_ns=ns([time_s]), c=60.0, p=p)
        assert each["gospa_m"] == pytest.approx(value["distance"], rel=1e-9)
        for part in ("localisation", "missed", "false"):  # theirs are p-th powers
            assert each[f"gospa_{part}_m"] ** p == pytest.approx(value[part], rel=1e-9, abs=1e-9)
    over_all = gospa_module.measure(truth, ours, times_ns=ns(range(8)), c=60.0, p=p)
    power_mean = np.mean([value["distance"] ** p for value in theirs]) ** (1 / p)
    assert over_all["gospa_m"] == pytest.approx(power_mean, rel=1e-9)


@pytest.mark.parametrize("seed", range(4))
def test_ospa_equals_stone_soups_where_its_assignment_is_optimal(seed):
    truths, tracks = crossing_scene(seed)
    theirs = stone_soup_over_time(OSPAMetric(p=1, c=60.0, measure=POSITION), truths, tracks)
    truth, ours = records_of(truths, tracks)
    each = [ospa_module.measure(truth, ours, times_ns=ns([t]), c=60.0, p=1.0)["ospa_m"] for t in range(8)]
    np.testing.assert_allclose(each, theirs, rtol=1e-9)
    assert ospa_module.measure(truth, ours, times_ns=ns(range(8)), c=60.0, p=1.0)["ospa_m"] == pytest.approx(
        np.mean(theirs)
    )


def test_stone_soup_minimises_the_wrong_sum_for_orders_above_one():
    # One pair far apart and one together (8 + 0), or two pairs of sqrt(17) each: OSPA of order 2 takes the second,
    # whose squares are less (34 against 64); Stone Soup 1.9.1 takes the first, whose plain sum is less.
    a, b = np.array([[0.0, 0.0], [4.0, 1.0]]), np.array([[4.0, 1.0], [8.0, 0.0]])
    truths = {f"{i}": [(0, *row, 0, 0)] for i, row in enumerate(a)}
    tracks = {i: [(0, *row, 0, 0)] for i, row in enumerate(b)}
    metrics, _ = stone_soup_metrics(
        stone_soup_paths(GroundTruthPath, truths),
        stone_soup_paths(Track, tracks),
        OSPAMetric(p=2, c=100.0, measure=POSITION),
    )
    (theirs,) = metrics.values()
    assert ospa(a, b, 100.0, 2.0) == pytest.approx(math.sqrt(34 / 2), rel=1e-12)
    assert theirs.value == pytest.approx(math.sqrt(64 / 2), rel=1e-12)


def test_measures_of_truth_without_tracks_tracks_without_truth_and_nothing():
    truth, tracks = one_time([[0, 0], [9_000, 0]], truth_of), one_time([[0, 0]], tracks_of)
    no_truth, no_tracks = truth_of([]), tracks_of([])

    def both(true, tracked, times):
        ospa_m = ospa_module.measure(true, tracked, times_ns=times)["ospa_m"]
        return ospa_m, gospa_module.measure(true, tracked, times_ns=times)["gospa_m"]

    assert both(truth, no_tracks, ns([0])) == pytest.approx((2000.0, 2000.0))
    assert both(no_truth, tracks, ns([0])) == pytest.approx((2000.0, math.sqrt(2e6)))
    assert both(no_truth, no_tracks, ns([0])) == (0.0, 0.0)
    assert np.isnan(both(truth, tracks, ns([]))).all()


def test_a_2d_radars_tracks_are_judged_by_a_horizontal_view():
    up = SITE_M / np.linalg.norm(SITE_M)
    truth, tracks = one_time([9_000.0 * up], truth_of), one_time([0.0 * up], tracks_of)
    for metric, name in ((ospa_module, "ospa_m"), (gospa_module, "gospa_m")):
        assert metric.measure(truth, tracks, times_ns=ns([0]))[name] == pytest.approx(2_000.0)
        flat = metric.measure(truth, tracks, times_ns=ns([0]), view=View(horizontal=True))[name]
        assert flat < 40.0  # the ellipsoid's normal is 0.19 degrees off the line to the centre of the Earth


def test_ten_thousand_in_a_dense_swarm_are_one_exact_sparse_problem():
    # Every member has several neighbours within the cut-off, so the whole swarm is connected.
    rng = np.random.default_rng(5)
    grid = np.stack(np.meshgrid(*[np.arange(0.0, 100_000.0, 1_000.0)] * 2), axis=-1).reshape(-1, 2)
    tracked = grid[rng.permutation(10_000)] + rng.normal(0, 100, (10_000, 2))
    found = gospa(grid, tracked, 2_000.0)
    nearest_m = np.linalg.norm(tracked - np.round(tracked / 1_000.0) * 1_000.0, axis=1)
    assert (found.n_missed, found.n_false) == (0, 0)
    assert found.localisation == pytest.approx((nearest_m**2).sum(), rel=1e-9)
