"""Coarse positions: attackers who average, time cell crossings or collude get no further than is stated.

The attackers are those of the measurements that led to this design; a grid, which they break, is the control.
"""

import numpy as np
import pytest
from pyproj import Geod
from scipy.stats import binom, chi2, kstest
from sharing_scenes import SECOND, SECRET, START_NS

from noroshi.geo.wgs84 import ecef_from_geodetic, enu_axes, enu_axes_at, geodetic_from_ecef
from noroshi.sharing.coarsen import EPOCH_S, Coarsener, Coarseness

N = 400
SPEED_M_S = 250.0
SIGMA_M = 6_400.0  # a step of the ladder
RAYLEIGH_MEDIAN = np.sqrt(2.0 * np.log(2.0))
LAXLY = Coarseness(position_m=SIGMA_M, velocity_m_s=4.0, period_s=5.0)


def flights(rng, n=N):
    """Return (n, 6) level straight flights at the middle of an epoch, and (n, 2, 3) their east and north axes."""
    lat, lon, course = rng.uniform(-0.9, 0.9, n), rng.uniform(-3, 3, n), rng.uniform(0, 2 * np.pi, n)
    local = SPEED_M_S * np.stack([np.sin(course), np.cos(course), np.zeros(n)], axis=1)
    velocity = np.vecmat(local, enu_axes(lat, lon))
    return np.concatenate([ecef_from_geodetic(lat, lon, np.full(n, 10_000.0)), velocity], axis=1)


def told(coarsener, ids, states, times_s, coarseness=LAXLY):
    """Return (len(times), n, 3) positions as told, of flights that go straight, without noise of tracking."""
    found = []
    for t in times_s:
        moved = states.copy()
        moved[:, :3] += t * states[:, 3:]
        time_ns = np.full(len(ids), START_NS + round((EPOCH_S / 2 + t) * SECOND))
        found.append(coarsener.coarsen(ids, time_ns, moved, np.zeros((len(ids), 6, 6)), coarseness)[1][:, :3])
    return np.array(found)


def line_fit_error_m(times_s, positions, states):
    """Return (n,) horizontal errors of a straight line fitted to what was told, at the middle of the time."""
    design = np.stack([np.ones(len(times_s)), np.array(times_s) - np.mean(times_s)], axis=1)
    fitted = np.linalg.lstsq(design, positions.reshape(len(times_s), -1), rcond=None)[0][0].reshape(-1, 3)
    return horizontal_m(fitted, states[:, :3] + np.mean(times_s) * states[:, 3:])


def horizontal_m(positions, true):
    return np.hypot(*np.matvec(enu_axes_at(true), positions - true)[:, :2].T)


def is_no_better_than(errors_m, sigma_m):
    """Return whether the median error is that of a sigma on two axes, or worse: an exact test on its sign, at 1 %."""
    above = np.sum(errors_m >= RAYLEIGH_MEDIAN * sigma_m)
    return binom.cdf(above, len(errors_m), 0.5) > 0.01


def snapped(positions, cell_m, offset_m=0.0):
    return np.floor((positions - offset_m) / cell_m) * cell_m + cell_m / 2 + offset_m


@pytest.fixture(scope="module")
def scene():
    rng = np.random.default_rng(20_260_101)
    return rng.integers(1, 2**53, N, dtype=np.uint64), flights(rng)


TIMES_S = np.arange(-150.0, 150.0, 5.0)


def test_averaging_attacker(scene):
    """300 s of reports every 5 s: a 10 km grid leaks some 230 m, a kept displacement what it is."""
    ids, states = scene
    truth = np.array([states[:, :3] + t * states[:, 3:] for t in TIMES_S])
    assert np.median(line_fit_error_m(TIMES_S, snapped(truth, 10_000.0), states)) < 500.0
    errors = line_fit_error_m(TIMES_S, told(Coarsener(SECRET), ids, states, TIMES_S), states)
    assert is_no_better_than(errors, SIGMA_M)


def test_attacker_who_averages_over_a_day_of_epochs(scene):
    """Each epoch brings a new part; the part that stays is the coarsening that is stated."""
    ids, states = scene
    coarsener, epochs = Coarsener(SECRET), 96
    still = states.copy()
    still[:, 3:] = 0.0
    times = EPOCH_S * np.arange(epochs)
    mean = told(coarsener, ids, still, times).mean(axis=0)
    errors = horizontal_m(mean, still[:, :3])
    assert is_no_better_than(errors, SIGMA_M)
    assert np.median(errors) < 1.15 * RAYLEIGH_MEDIAN * SIGMA_M  # and not much more than stated either


def crossings_error_m(times_s, positions, states, cell_m):
    """Attack by the times at which what was told jumps from cell to cell, on each axis: there it was at an edge."""
    middle = states[:, :3] + np.mean(times_s) * states[:, 3:]
    fitted = np.full(middle.shape, np.nan)
    for i in range(len(states)):
        for axis in range(3):
            jumps = np.flatnonzero(np.abs(np.diff(positions[:, i, axis])) > 0.5 * cell_m)
            if len(jumps) >= 2:
                at = (times_s[jumps] + times_s[jumps + 1]) / 2
                edge = (positions[jumps, i, axis] + positions[jumps + 1, i, axis]) / 2
                fitted[i, axis] = np.polyval(np.polyfit(at - np.mean(times_s), edge, 1), 0.0)
    errors = horizontal_m(fitted, middle)
    return errors[np.isfinite(errors)]


def test_cell_crossing_attacker(scene):
    """The grid's edges are crossed at times that tell where the target is; a displacement has no edges."""
    ids, states = scene
    truth = np.array([states[:, :3] + t * states[:, 3:] for t in TIMES_S])
    on_grid = crossings_error_m(TIMES_S, snapped(truth, 10_000.0), states, 10_000.0)
    assert len(on_grid) > 20
    assert np.median(on_grid) < 1_000.0
    reports = told(Coarsener(SECRET), ids, states, TIMES_S)
    steps = np.linalg.norm(np.diff(reports, axis=0), axis=2)
    assert steps.max() < 5.0 * (SPEED_M_S + 6 * 4.0 * np.sqrt(2))  # it never jumps
    for cell_m in (5_000.0, 10_000.0):
        assert not len(crossings_error_m(TIMES_S, reports, states, cell_m))


def test_colluding_recipients(scene):
    """Two of one coarseness hold the same; of two coarsenesses the finer tells all that both together tell."""
    ids, states = scene
    truth = np.array([states[:, :3] + t * states[:, 3:] for t in TIMES_S])
    shifted = (snapped(truth, 10_000.0) + snapped(truth, 10_000.0, 5_000.0)) / 2
    assert np.median(line_fit_error_m(TIMES_S, shifted, states)) < 250.0
    one, two = (told(Coarsener(SECRET), ids, states, TIMES_S) for _ in range(2))
    assert np.array_equal(one, two)

    coarser = told(Coarsener(SECRET), ids, states, TIMES_S, Coarseness(position_m=2 * SIGMA_M, period_s=5.0))
    finer = told(Coarsener(SECRET), ids, states, TIMES_S, Coarseness(position_m=SIGMA_M, period_s=5.0))
    for weight in np.linspace(-1.0, 2.0, 13):  # any mixture, the best included
        mixed = weight * finer + (1 - weight) * coarser
        assert is_no_better_than(line_fit_error_m(TIMES_S, mixed, states), SIGMA_M)


def test_coarser_is_finer_and_something_independent(scene):
    ids, states = scene
    at = [0.0]
    true = states[:, :3]
    axes = enu_axes_at(true)
    finer, coarser = (
        np.matvec(axes, told(Coarsener(SECRET), ids, states, at, Coarseness(position_m=p))[0] - true)[:, :2].ravel()
        for p in (SIGMA_M, 4 * SIGMA_M)
    )
    correlation = np.corrcoef(finer, coarser - finer)[0, 1]
    assert abs(correlation) < 3.0 / np.sqrt(len(finer))
    assert kstest((coarser - finer) / np.sqrt(2 * 15) / SIGMA_M, "norm").pvalue > 0.01


def test_velocity_and_position_agree_so_that_one_does_not_correct_the_other(scene):
    """Differences of positions give the velocity that is told, not the true one."""
    ids, states = scene
    coarsener = Coarsener(SECRET)
    coarseness = Coarseness(position_m=SIGMA_M, velocity_m_s=16.0, period_s=5.0)
    reports = told(coarsener, ids, states, [-100.0, 100.0], coarseness)
    velocity = (reports[1] - reports[0]) / 200.0
    errors = np.hypot(*np.matvec(enu_axes_at(states[:, :3]), velocity - states[:, 3:])[:, :2].T)
    assert is_no_better_than(errors, 16.0)


def test_displacement_is_as_large_as_stated_by_a_geodesist(scene):
    """Distances on the ellipsoid by PROJ, heights apart."""
    ids, states = scene
    coarseness = Coarseness(position_m=SIGMA_M, height_m=400.0, period_s=5.0)
    shown = told(Coarsener(SECRET), ids, states, [0.0], coarseness)[0]
    (lat, lon, height), (lat2, lon2, height2) = geodetic_from_ecef(states[:, :3]), geodetic_from_ecef(shown)
    distance_m = Geod(ellps="WGS84").inv(*np.degrees([lon, lat, lon2, lat2]))[2]
    assert kstest(distance_m / (np.sqrt(2) * SIGMA_M), "rayleigh").pvalue > 0.01
    curvature_m = distance_m**2 / (2 * 6_371_000)  # along the tangent one rises above the ellipsoid
    assert kstest((height2 - height - curvature_m) / (np.sqrt(2) * 400.0), "norm").pvalue > 0.01


@pytest.mark.parametrize("since_s", [-440.0, -100.0, 0.0, 300.0])
def test_the_covariance_is_honest(since_s):
    """NEES of coarsened rows over many tracks inside its 99 % bounds, at any time of the epoch."""
    rng = np.random.default_rng(7)
    n = 2_000
    ids, states = rng.integers(1, 2**53, n, dtype=np.uint64), flights(rng, n)
    mixed = rng.normal(0, 1, (n, 6, 6)) * np.array([80.0, 80.0, 80.0, 4.0, 4.0, 4.0])[:, None]
    covariance = mixed @ mixed.transpose(0, 2, 1)
    estimate = states + np.matvec(np.linalg.cholesky(covariance), rng.normal(0, 1, (n, 6)))
    time_ns = np.full(n, START_NS + round((EPOCH_S / 2 + since_s) * SECOND))
    coarseness = Coarseness(position_m=5_000.0, height_m=300.0, velocity_m_s=5.0, period_s=5.0)
    times, shown, spread = Coarsener(SECRET).coarsen(ids, time_ns, estimate, covariance, coarseness)
    assert np.array_equal(times, time_ns)
    error = shown - states
    nees = np.vecdot(error, np.linalg.solve(spread, error[:, :, None])[:, :, 0])
    assert chi2.ppf(0.005, 6 * n) < nees.sum() < chi2.ppf(0.995, 6 * n)
    assert np.allclose(spread, spread.transpose(0, 2, 1), rtol=1e-12)


def test_the_covariance_holds_what_targets_do_while_they_are_carried_back():
    """A target that accelerates as foreseen between the coarse time and its plot: NEES inside its bounds."""
    rng = np.random.default_rng(8)
    n, back_s = 2_000, 4.0
    ids, states = rng.integers(1, 2**53, n, dtype=np.uint64), flights(rng, n)
    acceleration = rng.normal(0, 10.0, (n, 3))
    later = states.copy()
    later[:, :3] += back_s * states[:, 3:] + back_s**2 / 2 * acceleration
    later[:, 3:] += back_s * acceleration
    coarse_ns = START_NS + 60 * SECOND
    time_ns = np.full(n, coarse_ns + round(back_s * SECOND))
    times, shown, spread = Coarsener(SECRET).coarsen(
        ids,
        time_ns,
        later,
        np.tile(np.eye(6), (n, 1, 1)) * 1e-6,
        Coarseness(position_m=100.0, height_m=25.0, period_s=60),
    )
    assert (times == coarse_ns).all()
    error = shown - states
    nees = np.vecdot(error[:, :3], np.linalg.solve(spread[:, :3, :3], error[:, :3, None])[:, :, 0])
    assert chi2.ppf(0.005, 3 * n) < nees.sum() < chi2.ppf(0.995, 3 * n)


def test_another_secret_another_displacement_and_a_short_one_none():
    rng = np.random.default_rng(9)
    ids, states = rng.integers(1, 2**53, 5, dtype=np.uint64), flights(rng, 5)
    one, two = (told(Coarsener(s), ids, states, [0.0])[0] for s in (SECRET, SECRET[::-1]))
    assert np.linalg.norm(one - two, axis=1).min() > 100.0
    with pytest.raises(ValueError, match="can be guessed"):
        Coarsener(b"short")


def test_ladders_round_up():
    assert Coarseness(position_m=5_000.0).sigmas[0] == 6_400.0
    assert Coarseness(position_m=6_400.0).sigmas[0] == 6_400.0
    assert Coarseness(position_m=1.0).sigmas == (100.0, 0.0, 0.0)
    assert Coarseness(position_m=1.0, period_s=45).period_ns == 60 * SECOND
