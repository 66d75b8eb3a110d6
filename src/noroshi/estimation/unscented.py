"""Filters by sigma points, unscented and cubature: for functions too bent for a Jacobian; rows on axis 0.

A function to filter through is called once with the points of all rows, (n * k, d), and the row that each point belongs
to, (n * k,), so that it can look up what differs by row: `lambda x, row: motion.propagate(x, dt_s[row])`.
"""

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from noroshi.estimation.angles import Floats, Mask, difference
from noroshi.estimation.kalman import Update, condition, mask_missing, symmetric


class SigmaPoints(NamedTuple):
    """Points that stand for n distributions.

    Attributes:
        points: (n, k, d).
        mean_weights: (k,) that add up to 1.
        covariance_weights: (k,); none is negative if the covariances are to stay positive definite.
    """

    points: Floats
    mean_weights: Floats
    covariance_weights: Floats


Spread: TypeAlias = Callable[[Floats, Floats], SigmaPoints]
Function: TypeAlias = Callable[[Floats, NDArray[np.intp]], Floats]


def cubature(mean: Floats, covariance: Floats) -> SigmaPoints:
    """Return the 2 d points of the third-degree cubature rule, all with weight 1 / 2 d.

    Raises:
        numpy.linalg.LinAlgError: if a covariance is not positive definite.

    Source: Arasaratnam & Haykin (2009), Cubature Kalman Filters, IEEE Trans. Autom. Control 54, 1254-1269.
    """
    d = mean.shape[-1]
    weights = np.full(2 * d, 0.5 / d)
    return SigmaPoints(_about(mean, covariance, float(d)), weights, weights)


def unscented(
    mean: Floats, covariance: Floats, *, alpha: float = 1.0, beta: float = 2.0, kappa: float = 0.0
) -> SigmaPoints:
    """Return the mean and 2 d points about it.

    The common alpha = 0.001 has weights of a million of both signs, which cancel to noise in Earth-fixed coordinates
    and can make a covariance indefinite; with the defaults none is negative.

    Raises:
        numpy.linalg.LinAlgError: if a covariance is not positive definite.

    Source: Wan & van der Merwe (2000), The Unscented Kalman Filter for Nonlinear Estimation, equation 15.
    """
    d = mean.shape[-1]
    scale = alpha**2 * (d + kappa)
    mean_weights = np.full(2 * d + 1, 0.5 / scale)
    mean_weights[0] = 1.0 - d / scale
    covariance_weights = mean_weights.copy()
    covariance_weights[0] += 1.0 - alpha**2 + beta
    points = np.concatenate([mean[:, None, :], _about(mean, covariance, scale)], axis=1)
    return SigmaPoints(points, mean_weights, covariance_weights)


def predict(
    mean: Floats, covariance: Floats, function: Function, Q: Floats, *, spread: Spread = cubature
) -> tuple[Floats, Floats]:
    """Return mean (n, d) and covariance (n, d, d) after the state has gone through `function`, with process noise Q.

    Source: Arasaratnam & Haykin (2009), appendix A; Wan & van der Merwe (2000), algorithm 3.1.
    """
    sigma = spread(mean, covariance)
    moved = _apply(function, sigma.points)
    moved_mean, deviations = _centre(moved, sigma.mean_weights, np.zeros(moved.shape[-1], np.bool_))
    weighted = deviations.swapaxes(-1, -2) * sigma.covariance_weights
    return moved_mean, symmetric(weighted @ deviations + Q)


def update(
    mean: Floats,
    covariance: Floats,
    values: Floats,
    function: Function,
    R: Floats,
    *,
    wrapped: Mask,
    spread: Spread = cubature,
) -> Update:
    """Return what measurements `values` (n, m), of `function` of the state with noise R, do.

    NaN in `values` means not measured. The components where `wrapped` (m,) is set are angles on a full circle.

    Raises:
        numpy.linalg.LinAlgError: if a covariance is not positive definite.

    Source: Wan & van der Merwe (2000), algorithm 3.1. The covariance is (X - K Z) W (X - K Z)' + K R K' for deviations
    X of the states and Z of the measurements with weights W: equal to P - K S K', but no rounding makes it indefinite.
    """
    sigma = spread(mean, covariance)
    expected, deviations = _centre(_apply(function, sigma.points), sigma.mean_weights, wrapped)
    Z = deviations.swapaxes(-1, -2)
    innovation, Z, R, n_measured = mask_missing(difference(values, expected, wrapped), Z, R)
    X = (sigma.points - mean[:, None, :]).swapaxes(-1, -2)
    Z_t = Z.swapaxes(-1, -2)
    S = symmetric((Z * sigma.covariance_weights) @ Z_t + R)
    gain, mahalanobis_squared, log_likelihood = condition(
        (X * sigma.covariance_weights) @ Z_t, S, innovation, n_measured
    )
    left = X - gain @ Z
    posterior = symmetric((left * sigma.covariance_weights) @ left.swapaxes(-1, -2) + gain @ R @ gain.swapaxes(-1, -2))
    return Update(mean + np.matvec(gain, innovation), posterior, S, mahalanobis_squared, log_likelihood)


def _about(mean: Floats, covariance: Floats, scale: float) -> Floats:
    """Return the (n, 2 d, d) points at plus and minus the columns of a root of `scale` times the covariance."""
    columns = np.linalg.cholesky(scale * covariance).swapaxes(-1, -2)
    points: Floats = mean[:, None, :] + np.concatenate([columns, -columns], axis=1)
    return points


def _apply(function: Function, points: Floats) -> Floats:
    n, k, d = points.shape
    results = function(points.reshape(n * k, d), np.repeat(np.arange(n), k))
    return results.reshape(n, k, results.shape[-1])


def _centre(results: Floats, weights: Floats, wrapped: Mask) -> tuple[Floats, Floats]:
    """Return the mean (n, m) of the results (n, k, m), and their deviations from it, the short way round.

    All are averaged as differences from a reference near them, which spares digits; for angles it is the direction in
    which most of them point.
    """
    reference = results[:, :1].copy()
    if wrapped.any():
        turned = results[..., wrapped]
        reference[:, 0, wrapped] = np.arctan2(weights @ np.sin(turned), weights @ np.cos(turned))
    apart = difference(results, reference, wrapped)
    offset = weights @ apart
    mean: Floats = reference[:, 0] + offset
    return mean, apart - offset[:, None, :]
