"""What white noise becomes when it is integrated."""

import numpy as np

from noroshi.estimation.angles import Floats


def integrated_twice(densities: Floats, dt_s: Floats) -> Floats:
    """Return (n, 6, 6) covariances of (integral, first integral) of white noise in three dimensions.

    The first three components are the second integral (a position where the noise is an acceleration), the last three
    the first (a velocity). For negative `dt_s` the noise works back from now to then, and the two are anticorrelated.

    Args:
        densities: (n, 3, 3) or (3, 3) power spectral densities, per second.
        dt_s: (n,) durations.

    Source: Bar-Shalom, Li and Kirubarajan (2001), Estimation with Applications to Tracking and Navigation, section
    6.2.2, equation 6.2.2-4 (the discretised continuous white noise acceleration model).
    """
    over = np.abs(dt_s)[:, None, None]
    covariances = np.empty((len(dt_s), 6, 6))
    covariances[:, :3, :3] = densities * (over**3 / 3.0)
    covariances[:, :3, 3:] = covariances[:, 3:, :3] = densities * (over * dt_s[:, None, None] / 2.0)
    covariances[:, 3:, 3:] = densities * over
    return covariances
