"""False plots: how many in each look and where, such that more clutter adds some and moves none."""

import numpy as np
from numpy.typing import NDArray
from scipy.special import pdtr, pdtrik

from noroshi.exercise.keyed import Draws
from noroshi.geo.wgs84 import Floats

CHUNK = 16  # points that are drawn together


def poisson(uniforms: Floats, mean: Floats) -> NDArray[np.int64]:
    """Return (n,) Poisson numbers by inversion: no draw's number falls when its mean grows."""
    most = np.ceil(pdtrik(uniforms, np.maximum(mean, 1e-300)))
    fewer = np.maximum(most - 1.0, 0.0)
    return np.asarray(np.where(pdtr(fewer, mean) >= uniforms, fewer, most), np.int64)


def false_points(draws: Draws, mean: Floats, *, first_look: int, per_point: int) -> tuple[NDArray[np.int64], Floats]:
    """Return of m false points the look of each, counted from the first, and (m, per_point) numbers in (0, 1).

    Args:
        draws: of the sensor.
        mean: (n,) how many are expected in each of n looks.
        first_look: number of the first look.
        per_point: how many numbers make a point.
    """
    n = len(mean)
    count = poisson(draws.uniforms("false count", first_look=first_look, n_looks=n, per_look=1)[:, 0], mean)
    looks, points = [np.zeros(0, np.int64)], [np.zeros((0, per_point))]
    for chunk in range(-(-int(count.max(initial=0)) // CHUNK)):
        where = draws.uniforms(
            f"false plots {chunk}", first_look=first_look, n_looks=n, per_look=CHUNK * per_point
        ).reshape(n, CHUNK, per_point)
        i_look, i_point = np.nonzero(np.arange(CHUNK) + chunk * CHUNK < count[:, None])
        looks.append(i_look)
        points.append(where[i_look, i_point])
    return np.concatenate(looks), np.concatenate(points)
