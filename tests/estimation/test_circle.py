"""Circles about a normal distribution, held to integrals in other coordinates and to draws."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import chi2, norm

from noroshi.estimation.circle import radius_holding


def held(radius, covariance):
    """Return what a circle holds, integrated over the directions in polar coordinates."""
    inverse, scale = np.linalg.inv(covariance), np.sqrt(np.linalg.det(covariance))

    def ray(angle):
        way = np.array([np.cos(angle), np.sin(angle)])
        g = way @ inverse @ way
        return (1.0 - np.exp(-0.5 * radius**2 * g)) / g

    return quad(ray, 0.0, 2.0 * np.pi, limit=400)[0] / (2.0 * np.pi * scale)


@pytest.mark.parametrize("probability", [0.5, 0.6827, 0.9, 0.99])
def test_the_circle_holds_what_it_says(probability):
    rng = np.random.default_rng(3)
    root = rng.normal(size=(25, 2, 2)) * rng.uniform(1.0, 100.0, (25, 1, 1))
    covariance = root @ root.swapaxes(1, 2)
    for radius, one in zip(radius_holding(probability, covariance), covariance, strict=True):
        assert held(radius, one) == pytest.approx(probability, abs=1e-4)


@pytest.mark.parametrize("probability", [0.5, 0.6827, 0.9, 0.99])
def test_round_and_flat_distributions_have_the_known_radii(probability):
    round_one, flat = np.diag([9.0, 9.0]), np.diag([4.0, 0.0])
    radius = radius_holding(probability, np.stack([round_one, flat]))
    assert radius[0] == pytest.approx(3.0 * np.sqrt(chi2.ppf(probability, 2)), rel=1e-6)
    assert radius[1] == pytest.approx(2.0 * norm.ppf(0.5 + 0.5 * probability), rel=1e-4)


def test_draws_fall_inside_as_often_as_said():
    covariance = np.array([[[50.0, 30.0], [30.0, 20.0]]])
    (radius,) = radius_holding(0.9, covariance)
    drawn = np.random.default_rng(1).multivariate_normal([0, 0], covariance[0], 200_000)
    inside = np.mean(np.hypot(*drawn.T) <= radius)
    assert abs(inside - 0.9) < 4 * np.sqrt(0.9 * 0.1 / 200_000)


def test_no_spread_is_no_circle():
    assert radius_holding(0.9, np.zeros((1, 2, 2))).tolist() == [0.0]
    assert len(radius_holding(0.9, np.zeros((0, 2, 2)))) == 0
