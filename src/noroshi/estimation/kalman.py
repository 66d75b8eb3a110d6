"""The Kalman filter, and the extended one by handing in Jacobians; rows on axis 0.

Means are (n, d), covariances (n, d, d), measurements (n, m). Matrices that are equal for all rows may be handed in
once: (d, d), (m, d), (m, m). NaN in an innovation means that the component was not measured.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from noroshi.estimation.angles import Floats

LOG_2_PI = float(np.log(2.0 * np.pi))


class Update(NamedTuple):
    """What a measurement did to n rows.

    Attributes:
        mean: (n, d) after the measurement.
        covariance: (n, d, d) after the measurement, exactly symmetric.
        innovation_covariance: (n, m, m); a component that was not measured has variance 1 and no correlation.
        mahalanobis_squared: (n,) of the innovation; chi-square with as many degrees of freedom as was measured.
        log_likelihood: (n,) of the measured components.
    """

    mean: Floats
    covariance: Floats
    innovation_covariance: Floats
    mahalanobis_squared: Floats
    log_likelihood: Floats


def predict(mean: Floats, covariance: Floats, F: Floats, Q: Floats) -> tuple[Floats, Floats]:
    """Return the mean and covariance after the transition F with process noise Q.

    Source: Kalman (1960), A New Approach to Linear Filtering and Prediction Problems, J. Basic Eng. 82, 35-45.
    """
    return np.matvec(F, mean), predict_covariance(covariance, F, Q)


def predict_covariance(covariance: Floats, F: Floats, Q: Floats) -> Floats:
    """Return F P F' + Q: the covariance alone, for where the mean moves by a nonlinear function with Jacobian F."""
    return symmetric(F @ covariance @ F.swapaxes(-1, -2) + Q)


def innovate(covariance: Floats, H: Floats, R: Floats) -> tuple[Floats, Floats]:
    """Return the innovation covariance S = H P H' + R (n, m, m) and the cross covariance P H' (n, d, m)."""
    cross = covariance @ H.swapaxes(-1, -2)
    return symmetric(H @ cross + R), cross


def update(
    mean: Floats, covariance: Floats, innovation: Floats, H: Floats, R: Floats, considered: Floats | None = None
) -> Update:
    """Return what measurements with noise R do, given innovations (measured less expected, angles wrapped).

    Along a considered direction (n, m, 3), a unit vector, a component changes neither position nor velocity, which come
    first in the state: see `estimation.sequential.absorb`. Zero, it estimates all.

    Raises:
        numpy.linalg.LinAlgError: if an innovation covariance is not positive definite.

    Source: Bar-Shalom, Li & Kirubarajan (2001), Estimation with Applications to Tracking and Navigation, section 5.2.3;
    the covariance in Joseph's form, equation 5.2.3-18, which stays
    positive definite where the standard deviations of a row's state and noise span up to six decades.
    """
    innovation, H, R, n_measured = mask_missing(innovation, H, R)
    S, cross = innovate(covariance, H, R)
    gain, mahalanobis_squared, log_likelihood = condition(cross, S, innovation, n_measured)
    if considered is not None:
        for first in (0, 3):
            part = gain[:, first : first + 3].swapaxes(1, 2)
            part -= considered * np.vecdot(considered, part)[:, :, None]
    keep = np.eye(mean.shape[-1]) - gain @ H
    gain_t = gain.swapaxes(-1, -2)
    posterior = symmetric(keep @ covariance @ keep.swapaxes(-1, -2) + gain @ R @ gain_t)
    return Update(mean + np.matvec(gain, innovation), posterior, S, mahalanobis_squared, log_likelihood)


def mask_missing(innovation: Floats, H: Floats, R: Floats) -> tuple[Floats, Floats, Floats, NDArray[np.int64]]:
    """Return innovation, H and R such that components whose innovation is NaN have no effect, and how many others are.

    A missing component has innovation 0, a row of zeros in H and in R the variance 1 without correlation, so that a
    batch keeps one shape. Nothing is copied where nothing is missing.
    """
    missing = np.isnan(innovation)
    n_measured = np.asarray((~missing).sum(axis=-1), np.int64)
    if not missing.any():
        return innovation, H, R, n_measured
    either = missing[..., :, None] | missing[..., None, :]
    return (
        np.where(missing, 0.0, innovation),
        np.where(missing[..., :, None], 0.0, H),
        np.where(either, np.eye(missing.shape[-1]), R),
        n_measured,
    )


def condition(
    cross: Floats, S: Floats, innovation: Floats, n_measured: NDArray[np.int64] | int
) -> tuple[Floats, Floats, Floats]:
    """Return gain (n, d, m), squared Mahalanobis distance (n,) and log likelihood (n,) of innovations.

    Args:
        cross: (n, d, m) covariance between state and measurement.
        S: (n, m, m) innovation covariance.
        innovation: (n, m), without NaN.
        n_measured: how many components count; the others are as `mask_missing` leaves them.

    Raises:
        numpy.linalg.LinAlgError: if an innovation covariance is not positive definite.
    """
    half_log_det = np.log(np.linalg.cholesky(S).diagonal(axis1=-2, axis2=-1)).sum(axis=-1)
    columns = np.concatenate([cross.swapaxes(-1, -2), innovation[..., None]], axis=-1)
    solved = np.linalg.solve(S, columns)
    mahalanobis_squared = np.vecdot(innovation, solved[..., -1])
    log_likelihood = -0.5 * (mahalanobis_squared + n_measured * LOG_2_PI) - half_log_det
    return solved[..., :-1].swapaxes(-1, -2), mahalanobis_squared, log_likelihood


def symmetric(matrix: Floats) -> Floats:
    """Return the symmetric part of each (n, d, d) matrix."""
    return 0.5 * (matrix + matrix.swapaxes(-1, -2))
