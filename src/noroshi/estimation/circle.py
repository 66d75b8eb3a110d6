"""Circles that hold a stated share of a normal distribution on a plane."""

from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import erf

Floats = NDArray[np.float64]
RATIOS = 129  # radii are interpolated between so many ratios of the axes
NODES = 200


def radius_holding(probability: float, covariance: Floats) -> Floats:
    """Return the (n,) radii of circles about the mean of (n, 2, 2) covariances that hold a probability.

    With the axes 1 and r of the ellipse, a circle of radius k holds the integral over x of the density at x times
    erf(sqrt(k² - x²) / (r sqrt 2)). Source: Harter (1960), Circular error probabilities, J. Am. Stat. Assoc. 55, 723.
    Radii between the ratios of the table are interpolated; what they hold is right to 1 in 10,000.
    """
    mean = 0.5 * (covariance[:, 0, 0] + covariance[:, 1, 1])
    apart = np.hypot(0.5 * (covariance[:, 0, 0] - covariance[:, 1, 1]), covariance[:, 0, 1])
    major = np.sqrt(mean + apart)
    minor = np.sqrt(np.maximum(mean - apart, 0.0))
    ratios, radii = _table(probability)
    return np.asarray(major * np.interp(minor / np.maximum(major, np.finfo(np.float64).tiny), ratios, radii))


@cache
def _table(probability: float) -> tuple[Floats, Floats]:
    """Return ratios of the minor to the major axis, and the radius in major axes of each."""
    ratios = np.linspace(0.0, 1.0, RATIOS)
    low, high = np.zeros(RATIOS), np.full(RATIOS, np.sqrt(-2.0 * np.log1p(-probability)) + 1e-9)
    for _ in range(60):
        middle = 0.5 * (low + high)
        enough = _held(middle, ratios) >= probability
        low, high = np.where(enough, low, middle), np.where(enough, middle, high)
    return ratios, high


def _held(radius: Floats, ratio: Floats) -> Floats:
    """Return the (k,) probabilities that circles hold, summed over the angle of x = k sin a: exact for even periods."""
    angle = np.linspace(0.0, 0.5 * np.pi, NODES + 1)
    x, half = radius[:, None] * np.sin(angle), radius[:, None] * np.cos(angle)
    with np.errstate(divide="ignore", invalid="ignore"):
        across = np.where(half > 0.0, erf(half / (ratio[:, None] * np.sqrt(2.0))), 0.0)
    held = np.sqrt(2.0 / np.pi) * np.exp(-0.5 * x**2) * across * half
    return np.asarray(0.5 * np.pi / NODES * (held.sum(axis=1) - 0.5 * (held[:, 0] + held[:, -1])))
