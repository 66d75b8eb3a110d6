"""Points that stand for a normal distribution: the same at every call, and exact in their first two moments."""

import math
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

ROOT_ROUNDS = 60


@cache
def normal_points(n: int, d: int) -> NDArray[np.float64]:
    """Return (n, d) points of equal weight, spread as a standard normal distribution; n is even.

    Half of them are a Kronecker sequence by the generalised golden ratio through the inverse normal distribution, the
    others their mirror images, all turned and stretched so that their covariance is the identity. So a linear function
    of them has its mean and covariance exactly, and no odd moment.

    Source: Niederreiter (1992), Random Number Generation and Quasi-Monte Carlo Methods, section 3.1 (the sequence);
    Roberts (2018), The Unreasonable Effectiveness of Quasirandom Sequences (its ratios).
    """
    ratio = 2.0
    for _ in range(ROOT_ROUNDS):  # of x^(d + 1) = x + 1
        ratio = (1.0 + ratio) ** (1.0 / (d + 1))
    steps = ratio ** -np.arange(1.0, d + 1.0)
    half = ndtri((0.5 + np.arange(1.0, n // 2 + 1.0)[:, None] * steps) % 1.0)
    values, axes = np.linalg.eigh(half.T @ half / len(half))
    half = half @ (axes / np.sqrt(values)) @ axes.T
    points = np.concatenate([half, -half])
    points.setflags(write=False)
    return points


def spread(mean: NDArray[np.float64], covariance: NDArray[np.float64], z: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (n, d) states of a normal distribution at standard normal points z (n, d).

    The covariance may be singular; what rounding made negative of it counts as nought.
    """
    scale = np.sqrt(np.maximum(np.diagonal(covariance), math.ulp(0.0)))  # metres and metres a second apart
    values, axes = np.linalg.eigh(covariance / np.outer(scale, scale))
    root = scale[:, None] * axes * np.sqrt(np.maximum(values, 0.0))
    states: NDArray[np.float64] = mean + z @ root.T
    return states
