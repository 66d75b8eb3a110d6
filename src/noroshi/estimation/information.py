"""Gaussians in information form, in which "nothing is known" is a plain zero and not a large number.

A Gaussian of mean x and covariance P is held as its information L = P^-1 (d, d) and vector y = L x (d,).
Source: Anderson, Moore (1979), Optimal Filtering, section 6.3.
"""

import numpy as np

from noroshi.estimation.angles import Floats
from noroshi.estimation.kalman import symmetric

NOTHING, ROUNDING = 1e-6, 1e-12  # information below this, in units of 1 / scale^2 and of the greatest, is none


def walk(information: Floats, vector: Floats, variance: Floats) -> tuple[Floats, Floats]:
    """Return information and vector after a random walk that adds `variance` (d,) to the covariance.

    L - L (L + Q^-1)^-1 L = (L^-1 + Q)^-1, and it holds where L is singular: of what nothing is known, nothing is lost.
    """
    moves = variance > 0.0
    if not moves.any():
        return information, vector
    columns = information[:, moves]
    lost = np.linalg.solve(information[np.ix_(moves, moves)] + np.diag(1.0 / variance[moves]), columns.T)
    return symmetric(information - columns @ lost), vector - lost.T @ vector[moves]


def marginals(information: Floats, vector: Floats, scale: Floats) -> tuple[Floats, Floats]:
    """Return the (d,) means, NaN where unknown, and the (d,) standard deviations, infinite there.

    Args:
        information: (d, d), may be singular.
        vector: (d,).
        scale: (d,) size of each component, to tell little information from none.
    """
    values, axes = np.linalg.eigh(symmetric(information * np.outer(scale, scale)))
    known = values > NOTHING + ROUNDING * values.max(initial=0.0)
    inverse = np.where(known, 1.0 / np.where(known, values, 1.0), 0.0)
    covariance = (axes * inverse) @ axes.T
    blind = (np.abs(axes[:, ~known]) > NOTHING).any(axis=1)
    mean = scale * (covariance @ (scale * vector))
    sigma = scale * np.sqrt(np.diagonal(covariance))
    return np.where(blind, np.nan, mean), np.where(blind, np.inf, sigma)
