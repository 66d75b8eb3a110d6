"""NEES and NIS: the textbook's bounds, chi-square statistics, and rows that cannot be judged."""

import math

import numpy as np
import pytest
from assessment_scenes import ns, tracks_of, truth_of
from scipy.stats import multivariate_normal

from noroshi.assessment.consistency import NAMES, bounds, measure, nees, nis


def random_covariances(rng, n, d):
    root = rng.normal(size=(n, d, d))
    return root @ root.transpose(0, 2, 1) + 0.1 * np.eye(d)


def test_nees_by_hand():
    error, covariance = np.array([[3.0, 4.0]]), np.array([[[9.0, 0.0], [0.0, 4.0]]])
    assert nees(error, covariance) == pytest.approx([1 + 4])


def test_nees_is_the_exponent_of_the_normal_density():
    rng = np.random.default_rng(3)
    covariance, error = random_covariances(rng, 40, 6), rng.normal(size=(40, 6))
    expected = [
        -2 * (multivariate_normal.logpdf(e, cov=p) - multivariate_normal.logpdf(0 * e, cov=p))
        for e, p in zip(error, covariance, strict=True)
    ]
    np.testing.assert_allclose(nees(error, covariance), expected, rtol=1e-9)
    np.testing.assert_array_equal(nis(error, covariance), nees(error, covariance))


def test_units_far_apart_do_not_spoil_it():
    # Position of an over-the-horizon track and velocity of a satellite: variances of 1e12 m2 and 1e-6 m2/s2.
    sigma = np.array([1e6, 1e6, 1e6, 1e-3, 1e-3, 1e-3])
    assert nees(sigma[None], np.diag(sigma**2)[None]) == pytest.approx([6.0])


def test_rows_that_cannot_be_judged_are_nan_and_spoil_no_other():
    eye = np.eye(2)
    covariance = np.array(
        [
            eye,
            np.full((2, 2), np.nan),
            np.ones((2, 2)),
            0 * eye,
            -eye,
            np.inf * (eye + 1),
            eye,
            [[1.0, 2.0], [2.0, 1.0]],
        ]
    )
    error = np.ones((8, 2))
    error[6, 0] = np.nan
    np.testing.assert_array_equal(nees(error, covariance), [2.0, *[np.nan] * 7])
    assert nees(np.empty((0, 3)), np.empty((0, 3, 3))).shape == (0,)


def test_bounds_of_the_textbook():
    # Bar-Shalom, Li, Kirubarajan (2001), section 5.4.2: 50 runs, two states, 95 %: chi-square with 100 degrees of
    # freedom lies in [74.2, 129.6], so the average lies in [1.5, 2.6].
    assert bounds(50, 2, 0.95) == pytest.approx((74.22 / 50, 129.56 / 50), abs=1e-4)
    assert bounds(1, 2, 0.95) == pytest.approx((0.0506, 7.378), abs=1e-3)  # the same for a single run
    assert all(math.isnan(each) for each in bounds(0, 3))


def scene(rng, scale, n=100):
    """Return targets, and tracks whose errors are drawn from a covariance; they claim `scale` times as much."""
    covariance = np.zeros((n, 6, 6))
    covariance[:, :3, :3] = 1e4 * random_covariances(rng, n, 3)
    covariance[:, 3:, 3:] = random_covariances(rng, n, 3)
    error = np.matvec(np.linalg.cholesky(covariance), rng.normal(size=(n, 6)))
    state = np.zeros((n, 6))
    state[:, 0] = 20_000.0 * np.arange(n)
    truth = truth_of([(f"{i:03}", 0, *each) for i, each in enumerate(state)])
    return truth, tracks_of([(i, 0, *each) for i, each in enumerate(state + error)], covariance=scale * covariance)


def test_consistent_tracks_are_inside_their_bounds_as_often_as_promised():
    found = [measure(*scene(np.random.default_rng(seed), 1.0), times_ns=ns([0])) for seed in range(60)]
    for what in ("position", "state"):
        inside = [each[f"{what}_anees_low"] < each[f"{what}_anees"] < each[f"{what}_anees_high"] for each in found]
        assert 52 <= sum(inside) <= 60  # 57 expected; fewer than 52 is a chance of 1 in 200
        assert np.mean([each[f"{what}_anees"] for each in found]) == pytest.approx(1.0, abs=0.05)
        assert np.mean([each[f"{what}_nees_below_95_share"] for each in found]) == pytest.approx(0.95, abs=0.01)


def test_confident_tracks_are_outside():
    found = measure(*scene(np.random.default_rng(8), 0.25), times_ns=ns([0]))
    assert found["position_anees"] == pytest.approx(4.0, rel=0.2)
    assert found["position_anees"] > found["position_anees_high"]
    assert found["position_nees_below_95_share"] < 0.6


def test_each_row_is_judged_once_and_at_its_own_time():
    # The row at 1.5 s is 2 sigma off where the target was then; pictures before and after do not ask again.
    truth = truth_of([("a", 0, 0.0, 0, 0, 100.0, 0, 0), ("a", 4, 400.0, 0, 0, 100.0, 0, 0)])
    tracks = tracks_of([(1, 1.5, 152.0, 0.0, 0.0, 100.0, 0.0, 0.0)])
    found = measure(truth, tracks, times_ns=ns([0, 1, 2, 3, 4]))
    assert (found["position_anees"], found["state_anees"]) == pytest.approx((4 / 3, 4 / 6), rel=1e-5)
    assert (found["position_anees_low"], found["position_anees_high"]) == pytest.approx([b / 3 for b in bounds(1, 3)])


def test_nothing_to_judge_is_nan():
    truth, tracks = truth_of([("a", 0, 0.0)]), tracks_of([(1, 0, 0.0)])
    only_position = measure(truth, tracks, times_ns=ns([0]))
    assert only_position["position_anees"] == pytest.approx(0.0, abs=1e-12)
    assert math.isnan(only_position["state_anees"])  # nobody knows the target's velocity
    for true, tracked in ((truth_of([]), tracks), (truth, tracks_of([])), (truth_of([]), tracks_of([]))):
        assert all(math.isnan(value) for value in measure(true, tracked, times_ns=ns([0])).values())
    assert set(measure(truth, tracks, times_ns=ns([])).keys()) == set(NAMES)
