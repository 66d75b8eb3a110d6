"""Components taken in one after the other, against the textbook's update all at once."""

import numpy as np
import pytest

from noroshi.estimation.kalman import update
from noroshi.estimation.sequential import absorb


def problem(rng: np.random.Generator, n: int = 20, d: int = 7, m: int = 3) -> tuple[np.ndarray, ...]:
    """Return means, covariances, innovations, rows and variances of n updates."""
    root = rng.standard_normal((n, d, d))
    mean, covariance = rng.standard_normal((n, d)), root @ root.swapaxes(1, 2) + np.eye(d)
    return mean, covariance, rng.standard_normal((n, m)), rng.standard_normal((n, m, 6)), rng.uniform(0.5, 2.0, (n, m))


def test_all_at_once_gives_the_same() -> None:
    mean, covariance, innovation, rows, variance = problem(np.random.default_rng(1))
    wide = np.concatenate([rows, np.zeros((20, 3, 1))], axis=2)
    wanted = update(mean, covariance, innovation, wide, variance[:, :, None] * np.eye(3))
    fit = np.empty((20, 3))
    absorb(mean, covariance, innovation, rows, variance, fit, np.empty((0, 3, 3)))
    np.testing.assert_allclose(mean, wanted.mean, atol=1e-9)
    np.testing.assert_allclose(covariance, wanted.covariance, atol=1e-9)


@pytest.mark.parametrize("closed", [(True, True, True), (False, True, True), (False, False, False)])
def test_what_is_considered_is_as_joseph_has_it(closed: tuple[bool, ...]) -> None:
    """(I - K h') P (I - K h')' + K r K', the gain left without its part along the direction, row by row."""
    rng = np.random.default_rng(2)
    mean, covariance, innovation, rows, variance = problem(rng)
    up = rng.standard_normal((20, 3))
    up /= np.linalg.norm(up, axis=1)[:, None]
    considered = np.where(np.array(closed)[None, :, None], up[:, None, :], 0.0)
    wanted_mean, wanted = mean.copy(), covariance.copy()
    for i in range(20):
        for k in range(3):
            h = np.append(rows[i, k], 0.0)
            gain = wanted[i] @ h / (h @ wanted[i] @ h + variance[i, k])
            for first in (0, 3) if closed[k] else ():
                gain[first : first + 3] -= up[i] * (up[i] @ gain[first : first + 3])
            wanted_mean[i] += gain * (innovation[i, k] - h @ (wanted_mean[i] - mean[i]))
            left = np.eye(7) - np.outer(gain, h)
            wanted[i] = left @ wanted[i] @ left.T + variance[i, k] * np.outer(gain, gain)
    before = mean.copy()
    absorb(mean, covariance, innovation, rows, variance, np.empty((20, 3)), considered)
    np.testing.assert_allclose(mean, wanted_mean, atol=1e-9)
    np.testing.assert_allclose(covariance, wanted, atol=1e-9)
    if all(closed):
        for first in (0, 3):
            np.testing.assert_allclose(np.vecdot(up, (mean - before)[:, first : first + 3]), 0.0, atol=1e-9)
