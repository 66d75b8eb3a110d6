import numpy as np
import pytest
from scipy import stats

from noroshi.estimation.information import marginals, walk


def regular(d=4, seed=0):
    root = np.random.default_rng(seed).normal(size=(d, d))
    return root @ root.T + 0.1 * np.eye(d)


def test_a_walk_adds_to_the_covariance():
    information, mean = regular(), np.array([1.0, -2.0, 0.5, 3.0])
    variance = np.array([0.3, 0.0, 0.1, 2.0])
    after, vector = walk(information, information @ mean, variance)
    assert np.linalg.inv(after) == pytest.approx(np.linalg.inv(information) + np.diag(variance), abs=1e-10)
    assert np.linalg.solve(after, vector) == pytest.approx(mean, abs=1e-10)


def test_of_what_nothing_is_known_nothing_is_lost():
    information = np.diag([4.0, 0.0])
    after, vector = walk(information, np.array([8.0, 0.0]), np.array([1.0, 1.0]))
    assert after == pytest.approx(np.diag([1.0 / (1.0 / 4.0 + 1.0), 0.0]))
    assert vector[0] / after[0, 0] == pytest.approx(2.0)


def test_marginals_are_those_of_scipys_normal():
    information, mean = regular(seed=3), np.array([1e3, 1e-3, 0.0, 5.0])
    scale = np.array([1e3, 1e-3, 1e-2, 1.0])
    information = information / np.outer(scale, scale)
    found, sigma = marginals(information, information @ mean, scale)
    covariance = stats.Covariance.from_precision(information).covariance
    assert found == pytest.approx(mean, rel=1e-9, abs=1e-9)
    assert sigma == pytest.approx(np.sqrt(np.diag(covariance)), rel=1e-9)


def test_only_a_sum_is_known():
    """Of a and b nothing is known alone; c is."""
    row = np.array([[1.0, 1.0, 0.0]])
    information = row.T @ row / 0.25 + np.diag([0.0, 0.0, 4.0])
    mean, sigma = marginals(information, information @ np.array([1.0, 2.0, 3.0]), np.ones(3))
    assert np.isnan(mean[:2]).all()
    assert np.isinf(sigma[:2]).all()
    assert mean[2] == pytest.approx(3.0)
    assert sigma[2] == pytest.approx(0.5)
