"""Tracklets against a central filter of Stone Soup's, and the arithmetic beneath against numpy and scipy."""

import numpy as np
import pytest
from fusion_scenes import DENSITY, NS, Watched, level, moved, nees, place
from scipy.optimize import minimize_scalar
from scipy.stats import chi2
from stonesoup.models.transition.linear import CombinedLinearGaussianTransitionModel, ConstantVelocity
from stonesoup.predictor.kalman import KalmanPredictor

from noroshi.fusion import Fusion
from noroshi.fusion.tracklets import carried, density_shown, intersect_rows, invert, turn_shown
from noroshi.motion.ballistic import Motion as Ballistic
from noroshi.records import Kind


def fused(watched, looks, *, lost=0.0, begin=0):
    """Return the fusion after so many looks, and each picture with the truth and the central filter's word."""
    fusion, found, chance = Fusion("x"), [], np.random.default_rng(5)
    for k in range(looks):
        owner, told = watched.look()
        if chance.uniform() >= lost:
            fusion.receive(told, owner=owner, feed="tracks", seq=k, coarse=False)
        picture = fusion.picture(watched.time_ns)
        if k >= begin:
            assert len(picture) == 1
            found.append((picture.state_ecef[0], picture.covariance_ecef[0], watched.truth, watched.central.mean,
                          watched.central.covariance))  # fmt: skip
    return fusion, found


@pytest.mark.parametrize("nations", [2, 3])
def test_two_and_three_nodes_know_what_a_central_filter_knows(nations):
    _, found = fused(Watched(1, nations), 40 * nations, begin=20 * nations)
    for mean, covariance, _, central, central_covariance in found:
        ratio = np.linalg.eigvals(np.linalg.solve(central_covariance, covariance)).real
        assert 1.0 - 1e-6 < ratio.min() <= ratio.max() < 1.02
        off = mean - central
        assert off @ np.linalg.solve(central_covariance, off) < 0.05


def test_a_fused_track_is_carried_on_with_the_noise_that_the_last_contribution_showed():
    """One of two trackers sees a manoeuvre: its filter, Stone Soup's, takes a hundred times the process noise."""
    watched, ahead_s = Watched(6, 2), 5.0
    fusion, _ = fused(watched, 40)
    wild = CombinedLinearGaussianTransitionModel([ConstantVelocity(100.0 * DENSITY)] * 3)
    watched.own[0].predictor = KalmanPredictor(wild)
    for k in range(40, 44):
        owner, told = watched.look()
        fusion.receive(told, owner=owner, feed="tracks", seq=k, coarse=False)
        now, later = (fusion.picture(watched.time_ns + round(s * NS)).covariance_ecef[0] for s in (0.0, ahead_s))
        grown = np.trace(later[3:, 3:]) - np.trace(now[3:, 3:])
        shown = (100.0 if owner == "N0" else 1.0) * DENSITY
        assert 0.98 <= grown / (3.0 * shown * ahead_s) <= 1.05


@pytest.mark.parametrize("falling", [0.0, 0.5, 1.0])
def test_a_word_without_a_measurement_shows_no_noise_and_what_was_shown_stands_but_for_what_falls(falling):
    """A tracker that takes a burn to be over is less sure at once; what it will do from then on is no noisier."""
    watched, ahead_s = Watched(6, 1), 40.0
    fusion, _ = fused(watched, 20)
    before_ns = watched.time_ns
    before = [fusion.picture(before_ns + round(s * NS)).covariance_ecef[0, 3:, 3:] for s in (0.0, ahead_s)]
    owner, told = watched.look()
    wider = told.covariance_ecef.copy()
    wider[:, 3:, 3:] += 70.0**2 * np.eye(3)
    kinds = np.zeros((1, len(Kind)))
    kinds[0, [Kind.AIRCRAFT, Kind.BALLISTIC]] = 1.0 - falling, falling
    told = told.replace(covariance_ecef=wider, updated_ns=np.full(1, before_ns), kind_probability=kinds)
    fusion.receive(told, owner=owner, feed="tracks", seq=20, coarse=False)
    now, later = (fusion.picture(watched.time_ns + round(s * NS)).covariance_ecef[0] for s in (0.0, ahead_s))
    np.testing.assert_allclose(now, wider[0], rtol=1e-9)
    grown, learnt = np.trace(later[3:, 3:] - now[3:, 3:]), np.trace(before[1] - before[0])
    assert learnt > 10.0
    if falling < 1.0:
        assert grown == pytest.approx((1.0 - falling) * learnt, rel=0.05)
    else:
        assert abs(grown) < 0.05 * learnt + 0.01 * np.trace(now[3:, 3:])


def test_one_contributor_alone_is_told_as_it_tells():
    watched = Watched(2, 1)
    _, found = fused(watched, 20)
    for mean, covariance, _, central, central_covariance in found:
        np.testing.assert_allclose(mean, central, atol=1e-6)
        np.testing.assert_allclose(covariance, central_covariance, rtol=1e-9, atol=1e-6)


def test_lost_contributions_leave_it_consistent():
    runs = [fused(Watched(seed, 3), 60, lost=0.4, begin=59)[1][-1] for seed in range(30)]
    mean = np.mean([nees(mean, covariance, truth) for mean, covariance, truth, *_ in runs])
    low, high = chi2.ppf([0.001, 0.999], 6 * len(runs)) / (6 * len(runs))
    assert low < mean < high


def test_the_process_noise_is_seen_from_two_contributions():
    rng = np.random.default_rng(3)
    for dt_s in (1.0, 4.0, 12.0):
        transition, noise = moved(dt_s)
        before = np.diag(rng.uniform(10.0, 200.0, 6) ** 2)
        axes = np.linalg.qr(rng.normal(size=(3, 3)))[0]
        measured = np.zeros((6, 6))
        measured[:3, :3] = np.linalg.inv((axes * rng.uniform(20.0, 300.0, 3) ** 2) @ axes.T)
        spread = transition @ before @ transition.T
        after = np.linalg.inv(np.linalg.inv(spread + noise) + measured)
        work, low = np.empty((6, 6)), np.empty((6, 6))
        shown = density_shown(spread, dt_s, 0.5 * (after + after.T), 0.3, work, low)
        assert DENSITY * 0.999 < shown < DENSITY * 1.03


def test_invert_is_numpys():
    rng = np.random.default_rng(4)
    square = rng.normal(size=(6, 6))
    matrix, inverse = square @ square.T + np.eye(6), np.empty((6, 6))
    assert invert(matrix, np.empty((6, 6)), inverse)
    np.testing.assert_allclose(inverse, np.linalg.inv(matrix), rtol=1e-10, atol=1e-12)
    assert not invert(-matrix, np.empty((6, 6)), inverse)


def test_intersection_is_where_scipy_finds_the_least_determinant():
    rng = np.random.default_rng(6)
    for _ in range(20):
        own, other = (np.cov(rng.normal(size=(6, 12)) * rng.uniform(1.0, 30.0, (6, 1))) for _ in range(2))
        a, b = np.linalg.inv(own), np.linalg.inv(other)
        best = minimize_scalar(
            lambda w, a=a, b=b: -np.linalg.slogdet(w * a + (1 - w) * b)[1], (0.0, 0.5, 1.0), bounds=(0.0, 1.0),
                               method="bounded", options={"xatol": 1e-9})  # fmt: skip
        mean, spread = rng.normal(size=(1, 6)), own[None].copy()
        second = rng.normal(size=(1, 6))
        expected = np.linalg.inv(best.x * a + (1 - best.x) * b)
        place_ = expected @ (best.x * a @ mean[0] + (1 - best.x) * b @ second[0])
        intersect_rows(mean, spread, second, other[None].copy())
        assert np.linalg.slogdet(spread[0])[1] == pytest.approx(np.linalg.slogdet(expected)[1], abs=1e-5)
        np.testing.assert_allclose(mean[0], place_, atol=0.02)


def test_what_falls_is_carried_as_the_ballistic_model_does():
    states = np.hstack([place(35.0, 140.0, 150e3), np.array([[1200.0, -900.0, 2500.0]])])
    ahead, _ = carried(states, np.eye(6)[None], np.array([20.0]), np.array([True]), np.zeros(1), np.zeros(1))
    heavy = np.hstack([states, [[np.log(30_000.0)]]])
    expected = Ballistic.of().propagate(heavy, np.array([20.0]))
    np.testing.assert_allclose(ahead, expected[:, :6], atol=2.0)


def test_a_turn_is_seen_and_carried_on():
    before = level(place(35.0, 140.0), 200.0, 0.0)
    rate, dt_s = np.radians(3.0), 8.0
    ahead, _ = carried(before, np.eye(6)[None], np.array([dt_s]), np.array([False]), np.array([rate]), np.zeros(1))
    seen = turn_shown(before[0], ahead[0], dt_s, np.eye(6), np.eye(6))
    assert seen == pytest.approx(rate, rel=1e-3)
    assert turn_shown(before[0], ahead[0], dt_s, 1e4 * np.eye(6), 1e4 * np.eye(6)) == 0.0
    chord = np.linalg.norm(ahead[0, :3] - before[0, :3])
    assert chord == pytest.approx(2.0 * 200.0 / rate * np.sin(rate * dt_s / 2.0), rel=1e-3)
