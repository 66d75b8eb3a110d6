"""Errors that come and go slowly and are the same for all that a sensor sees: attitude, ionosphere."""

import numpy as np

from noroshi.exercise.keyed import Draws
from noroshi.geo.wgs84 import Floats

WAVES = 4
LONGEST, SHORTEST = 1.5, 0.5  # their periods, over the mean period


def wander(draws: Draws, purpose: str, *, seconds: Floats, sigma: float, period_s: float, n: int) -> Floats:
    """Return (k, n) values at (k,) seconds since the start, of standard deviation `sigma` over all seeds.

    A sum of waves of keyed periods, phases and amplitudes: at any one time normal, and known at once for any time.

    Args:
        draws: of the sensor.
        purpose: what for.
        seconds: (k,) since the start of the exercise.
        sigma: standard deviation at any one time.
        period_s: mean period of the waves.
        n: how many values that do not know of each other.
    """
    normal = draws.normals(purpose, first_look=0, n_looks=n * WAVES, per_look=2)
    even = draws.uniforms(f"{purpose} period", first_look=0, n_looks=n * WAVES, per_look=1)[:, 0]
    angle = 2.0 * np.pi / (period_s * (SHORTEST + even * (LONGEST - SHORTEST))) * seconds[:, None]
    waves = normal[:, 0] * np.cos(angle) + normal[:, 1] * np.sin(angle)
    total: Floats = sigma / np.sqrt(WAVES) * waves.reshape(len(seconds), n, WAVES).sum(axis=2)
    return total
