import numpy as np
import pytest
from estimation_problems import assert_spd, problem
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2, multivariate_normal

from noroshi.estimation import kalman

SEEDS = st.integers(0, 2**32 - 1)


@settings(max_examples=200)
@given(SEEDS)
def test_covariances_stay_symmetric_and_positive_definite(seed):
    """State and noise scales of six decades in one row: metres beside hundreds of kilometres."""
    mean, covariance, innovation, H, R = problem(seed, decades=3.0)
    for _ in range(3):
        mean, covariance, *_ = kalman.update(mean, covariance, innovation, H, R)
        assert_spd(covariance)
        F = np.eye(6) + np.diag(np.full(3, 10.0), 3)
        mean, covariance = kalman.predict(mean, covariance, F, np.zeros((6, 6)))
        assert_spd(covariance)


@given(SEEDS)
def test_a_measurement_far_more_precise_than_the_state(seed):
    """Where P - K S K' is indefinite by rounding: noise of a hundred-millionth of the state's deviation."""
    mean, covariance, innovation, _, R = problem(seed, decades=2.0)
    for _ in range(3):
        mean, covariance, *_ = kalman.update(mean, covariance, innovation, np.eye(3, 6), 1e-16 * R)
        assert_spd(covariance)


@given(SEEDS)
def test_rows_do_not_depend_on_each_other(seed):
    arrays = problem(seed)
    arrays[2].setflags(write=True)
    arrays[2][np.random.default_rng(seed).random(arrays[2].shape) < 0.2] = np.nan
    batch = kalman.update(*arrays)
    alone = [kalman.update(*(array[i : i + 1] for array in arrays)) for i in range(len(arrays[0]))]
    for together, apart in zip(batch, zip(*alone, strict=True), strict=True):
        np.testing.assert_array_equal(together, np.concatenate(apart))


@given(SEEDS)
def test_likelihood_agrees_with_scipy(seed):
    mean, covariance, innovation, H, R = problem(seed)
    result = kalman.update(mean, covariance, innovation, H, R)
    for i, v in enumerate(innovation):
        S = H[i] @ covariance[i] @ H[i].T + R[i]
        np.testing.assert_allclose(result.innovation_covariance[i], S, rtol=1e-10, atol=1e-12)
        assert result.log_likelihood[i] == pytest.approx(multivariate_normal.logpdf(v, cov=S), rel=1e-9, abs=1e-9)
        assert result.mahalanobis_squared[i] == pytest.approx(v @ np.linalg.solve(S, v), rel=1e-9)


@pytest.mark.parametrize("measured", [[0], [2], [0, 2], [1, 2], [0, 1, 2]])
def test_what_was_not_measured_has_no_effect(measured):
    mean, covariance, innovation, H, R = problem(9)
    gaps = np.full_like(innovation, np.nan)
    gaps[:, measured] = innovation[:, measured]
    H_bad = np.where(np.isnan(gaps)[:, :, None], np.nan, H)  # what it would have measured need not make sense
    with_gaps = kalman.update(mean, covariance, gaps, H_bad, R)
    without = kalman.update(mean, covariance, innovation[:, measured], H[:, measured], R[:, measured][:, :, measured])
    for name in ("mean", "covariance", "mahalanobis_squared", "log_likelihood"):
        np.testing.assert_allclose(getattr(with_gaps, name), getattr(without, name), rtol=1e-9, atol=1e-12)


def test_nothing_measured_is_no_update():
    mean, covariance, innovation, H, R = problem(10)
    result = kalman.update(mean, covariance, np.full_like(innovation, np.nan), H, R)
    np.testing.assert_array_equal(result.mean, mean)
    np.testing.assert_array_equal(result.covariance, covariance)
    np.testing.assert_array_equal(result.mahalanobis_squared, 0.0)
    np.testing.assert_array_equal(result.log_likelihood, 0.0)


def test_mask_counts_and_copies_nothing_if_nothing_is_missing():
    _, _, innovation, H, R = problem(11)
    masked = kalman.mask_missing(innovation, H, R)
    assert masked[0] is innovation
    assert masked[1] is H
    assert masked[2] is R
    np.testing.assert_array_equal(masked[3], np.full(7, 3))
    gaps = np.array([[np.nan, 1.0, np.nan], [1.0, 2.0, 3.0]])
    np.testing.assert_array_equal(kalman.mask_missing(gaps, H[0], R[0])[3], [1, 3])


def test_matrices_may_be_shared():
    mean, covariance, innovation, H, R = problem(12)
    shared = kalman.update(mean, covariance, innovation, H[0], R[0])
    repeated = kalman.update(mean, covariance, innovation, np.stack([H[0]] * 7), np.stack([R[0]] * 7))
    for ours, theirs in zip(shared, repeated, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12)


def test_an_indefinite_covariance_is_an_error():
    mean, covariance, innovation, H, R = problem(13)
    with pytest.raises(np.linalg.LinAlgError):
        kalman.update(mean, covariance, innovation, H, R - 1e3 * np.eye(3))


def test_no_rows():
    result = kalman.update(*(array[:0] for array in problem(14)))
    assert result.mean.shape == (0, 6)
    assert result.log_likelihood.shape == (0,)


def consistency(noise_factor):
    """Normalised errors of a filter of targets with random acceleration, its Q wrong by a factor: (steps, runs)."""
    runs, steps, dt = 400, 60, 2.0
    rng = np.random.default_rng(15)
    F = np.kron([[1.0, dt], [0.0, 1.0]], np.eye(2))
    Q = np.kron([[dt**3 / 3.0, dt**2 / 2.0], [dt**2 / 2.0, dt]], 0.5 * np.eye(2))
    H, R = np.eye(2, 4), np.diag([100.0, 400.0])
    mean, covariance = np.zeros((runs, 4)), np.tile(np.diag([1e4, 1e4, 400.0, 400.0]), (runs, 1, 1))
    truth = rng.multivariate_normal(np.zeros(4), covariance[0], runs)
    nees, nis = np.empty((steps, runs)), np.empty((steps, runs))
    for step in range(steps):
        truth = truth @ F.T + rng.multivariate_normal(np.zeros(4), Q, runs)
        values = truth @ H.T + rng.multivariate_normal(np.zeros(2), R, runs)
        mean, covariance = kalman.predict(mean, covariance, F, noise_factor * Q)
        result = kalman.update(mean, covariance, values - mean @ H.T, H, R)
        mean, covariance = result.mean, result.covariance
        error = truth - mean
        nees[step] = np.vecdot(error, np.linalg.solve(covariance, error[..., None])[..., 0])
        nis[step] = result.mahalanobis_squared
    return nees, nis


def share_within_95_percent(squares, dof):
    """Of the steps, how many have their sum over runs inside the two-sided 95 % interval of chi-square."""
    low, high = chi2.ppf([0.025, 0.975], dof * squares.shape[1])
    total = squares.sum(axis=1)
    return np.mean((low < total) & (total < high))


def test_the_filter_is_as_good_as_it_says():
    """Bar-Shalom, Li & Kirubarajan (2001), section 5.4: NEES and NIS of many runs."""
    nees, nis = consistency(1.0)
    # 95 % of 60 steps is 57; fewer than 52 has a chance of 1 % for steps that do not depend on each other.
    assert share_within_95_percent(nis, 2) >= 52 / 60
    assert share_within_95_percent(nees, 4) >= 52 / 60
    low, high = chi2.ppf([0.025, 0.975], 2 * nis.size)  # innovations are white, so the steps add up
    assert low < nis.sum() < high
    for wrong in (0.25, 4.0):
        nees, nis = consistency(wrong)
        assert share_within_95_percent(nis, 2) < 0.5
        assert share_within_95_percent(nees, 4) < 0.5
