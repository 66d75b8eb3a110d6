"""Where several lines of sight meet."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from noroshi.estimation.angles import Floats
from noroshi.estimation.kalman import symmetric

STEPS = 6  # Gauss-Newton doubles its digits each; the start is within a few standard deviations
CONDITION_MAX = 1e12  # of the information: where lines are parallel to a microradian


class Fix(NamedTuple):
    """Where n bundles of lines meet; NaN where they do not: fewer than two lines, parallel ones, a point behind one.

    Attributes:
        point: (n, 3).
        covariance: (n, 3, 3).
        mahalanobis_squared: (n,) of what the lines miss the point by; chi-square with 2 k - 3 degrees of freedom for k
            lines that are of one target.
        n_lines: (n,) how many lines counted.
    """

    point: Floats
    covariance: Floats
    mahalanobis_squared: Floats
    n_lines: NDArray[np.int64]


def closest_point(origins: Floats, directions: Floats, sigmas_rad: Floats) -> Fix:
    """Return the points that lines of sight most likely meet in, with covariances.

    Least squares of the angles between each line and the direction to the point: from the point nearest to the lines as
    lines, by Gauss-Newton steps in which the ranges count.

    Args:
        origins: (n, k, 3) where the lines begin; NaN in a line that is not there.
        directions: (n, k, 3) unit vectors.
        sigmas_rad: (n, k) standard deviation of each direction, along either axis across it.

    Source: Bar-Shalom, Li and Kirubarajan (2001), Estimation with Applications to Tracking and Navigation, section
    3.4.2 (iterated least squares), of directions; Stansfield (1947), Statistical theory of D.F. fixing, J. IEE 94 IIIA,
    762-770.
    """
    present = np.isfinite(origins).all(axis=2) & np.isfinite(directions).all(axis=2) & np.isfinite(sigmas_rad)
    there = present[:, :, None]
    origins, directions = np.where(there, origins, 0.0), np.where(there, directions, 0.0)
    weights = np.where(present, 1.0 / np.where(present, sigmas_rad, 1.0) ** 2, 0.0)
    across = np.eye(3) - directions[:, :, :, None] * directions[:, :, None, :]
    information = np.einsum("nk,nkij->nij", weights, across)
    usable = (present.sum(axis=1) >= 2) & (_condition(information) < CONDITION_MAX)
    information = np.where(usable[:, None, None], information, np.eye(3))
    pull = np.einsum("nk,nkij,nkj->ni", weights, across, origins)
    point = np.linalg.solve(information, pull[:, :, None])[:, :, 0]
    for _ in range(STEPS):
        residual, slope = _misses(point, origins, across)
        information = np.einsum("nk,nkai,nkaj->nij", weights, slope, slope)
        information = np.where(usable[:, None, None], information, np.eye(3))
        usable &= _condition(information) < CONDITION_MAX
        information = np.where(usable[:, None, None], information, np.eye(3))
        pull = np.einsum("nk,nkai,nka->ni", weights, slope, residual)
        point = point - np.where(usable[:, None], np.linalg.solve(information, pull[:, :, None])[:, :, 0], 0.0)
    residual, slope = _misses(point, origins, across)
    information = np.where(usable[:, None, None], np.einsum("nk,nkai,nkaj->nij", weights, slope, slope), np.eye(3))
    usable &= _condition(information) < CONDITION_MAX
    information = np.where(usable[:, None, None], information, np.eye(3))
    usable &= (np.vecdot(point[:, None] - origins, directions) > 0.0).all(axis=1, where=present)
    chi_square = np.einsum("nk,nka,nka->n", weights, residual, residual)
    return Fix(
        np.where(usable[:, None], point, np.nan),
        np.where(usable[:, None, None], symmetric(np.linalg.inv(information)), np.nan),
        np.where(usable, chi_square, np.nan),
        np.asarray(present.sum(axis=1), np.int64),
    )


def _misses(point: Floats, origins: Floats, across: Floats) -> tuple[Floats, Floats]:
    """Return the (n, k, 3) part across each line of the unit vector to the point, and its derivatives by the point."""
    offset = point[:, None] - origins
    distance = np.maximum(np.linalg.norm(offset, axis=2), np.finfo(np.float64).tiny)[:, :, None]
    unit = offset / distance
    turning = (np.eye(3) - unit[:, :, :, None] * unit[:, :, None, :]) / distance[:, :, :, None]
    return np.matvec(across, unit), across @ turning


def _condition(information: Floats) -> Floats:
    """Return the (n,) ratios of the largest to the smallest eigenvalue; infinite where that is not positive."""
    eigenvalues = np.linalg.eigvalsh(information)
    smallest = eigenvalues[:, 0]
    ratio: Floats = np.where(smallest > 0.0, eigenvalues[:, 2] / np.where(smallest > 0.0, smallest, 1.0), np.inf)
    return ratio
