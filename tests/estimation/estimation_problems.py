"""Random problems that the tests of this room share."""

import numpy as np

from noroshi.estimation import kalman


def covariances(rng, sigmas):
    """One covariance for each row of `sigmas`, with correlations of any strength."""
    n, d = sigmas.shape
    root = rng.normal(size=(n, d, d + 2))
    matrix = root @ root.swapaxes(1, 2)
    deviation = np.sqrt(matrix.diagonal(axis1=1, axis2=2))
    correlation = matrix / (deviation[:, :, None] * deviation[:, None, :])
    return kalman.symmetric(correlation * sigmas[:, :, None] * sigmas[:, None, :])


def problem(seed, n=7, d=6, m=3, decades=0.5):
    """Read-only mean, covariance, innovation, H and R of n rows, their scales spread over `decades` to each side."""
    rng = np.random.default_rng(seed)
    covariance = covariances(rng, 10.0 ** rng.uniform(-decades, decades, (n, d)))
    R = covariances(rng, 10.0 ** rng.uniform(-decades, decades, (n, m)))
    mean, innovation, H = rng.normal(size=(n, d)), rng.normal(size=(n, m)), rng.normal(size=(n, m, d))
    for array in (mean, covariance, innovation, H, R):
        array.setflags(write=False)
    return mean, covariance, innovation, H, R


def assert_spd(matrices):
    np.testing.assert_array_equal(matrices, matrices.swapaxes(-1, -2))
    deviation = np.sqrt(matrices.diagonal(axis1=-2, axis2=-1))
    correlation = matrices / (deviation[..., :, None] * deviation[..., None, :])
    assert (np.linalg.eigvalsh(correlation) > 0.0).all()
    np.linalg.cholesky(matrices)
