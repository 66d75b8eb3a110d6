"""What keeps the height of a track that nobody measures: the air is not deeper than it is."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from noroshi.estimation.kalman import update
from noroshi.geo.wgs84 import Floats, enu_axes, geodetic_from_ecef, vertical_at
from noroshi.kernel import kernel
from noroshi.motion import Motion
from noroshi.records import Kind
from noroshi.tracking.store import PROBABILITY

IN_THE_AIR = (Kind.UNKNOWN, Kind.AIRCRAFT, Kind.SHIP)  # for what moves otherwise, no height is unlikely
Integers = NDArray[np.int64]

LIKELIER = 0.5  # than all else: so likely what flies in the air is, for its height to be as nobody measured it
HEIGHT_M, HEIGHT_SIGMA_M = 6_000.0, 5_000.0
CLIMB_SIGMA_M_S = 20.0


def in_the_air(mixed: Floats, motions: Sequence[Motion], n: int) -> NDArray[np.bool_]:
    """Return which of n tracks are likelier to fly in the air than to fall or to be pushed.

    One answer for all models of a track: were some asked to tell a height and others not, the plots would be likelier
    by those that say that they know it.

    Args:
        mixed: (n, n_real) rows of a store; with one model anything.
        motions: the models.
    """
    flies = np.array([getattr(motion, "KIND", Kind.UNKNOWN) in IN_THE_AIR for motion in motions])
    if len(motions) == 1:
        return np.full(n, bool(flies[0]))
    return np.asarray(mixed[:, PROBABILITY : PROBABILITY + len(motions)] @ flies >= LIKELIER)


def bound_height(mean: Floats, covariance: Floats) -> tuple[Floats, Floats]:
    """Return the states, of which those that know less of their height than anybody does are told that much.

    A 2-D radar hardly sees height, and process noise would let a track's height wander off without bound. Where its
    standard deviation has grown past 5 km, the prior that the track was started with (6,000 m, 5 km; climb 0, 20 m/s)
    is weighed in once more. This uses no evidence twice: what the prior said has by then been forgotten.

    Args:
        mean: (n, d) Earth-fixed states, position and velocity first.
        covariance: (n, d, d).
    """
    lat_rad, lon_rad, height_m = geodetic_from_ecef(mean[:, :3])
    up = enu_axes(lat_rad, lon_rad)[:, 2]
    variance = np.vecdot(up, np.matvec(covariance[:, :3, :3], up))
    loose = np.flatnonzero(variance > HEIGHT_SIGMA_M**2)
    if not loose.size:
        return mean, covariance
    up = up[loose]
    rows = np.zeros((loose.size, 2, mean.shape[1]))
    rows[:, 0, :3] = up
    rows[:, 1, 3:6] = up
    innovation = np.stack([HEIGHT_M - height_m[loose], -np.vecdot(up, mean[loose, 3:6])], axis=1)
    noise = np.broadcast_to(np.diag([HEIGHT_SIGMA_M**2, CLIMB_SIGMA_M_S**2]), (loose.size, 2, 2))
    bounded = update(mean[loose], covariance[loose], innovation, rows, noise)
    mean, covariance = mean.copy(), covariance.copy()
    mean[loose], covariance[loose] = bounded.mean, bounded.covariance
    return mean, covariance


def level_variance_m2(mean: Floats, covariance: Floats) -> Floats:
    """Return (n,) variances of places along both horizontal axes together: a height may be known to nobody.

    Args:
        mean: (n, d) Earth-fixed states, position first.
        covariance: (n, d, d).
    """
    level = np.empty(len(mean))
    _level(np.ascontiguousarray(mean), np.ascontiguousarray(covariance), level)
    return level


@kernel
def _level(mean: Floats, covariance: Floats, level: Floats) -> None:
    up = np.empty(3)
    for i in range(len(level)):
        up[0], up[1], up[2], _ = vertical_at(mean[i, 0], mean[i, 1], mean[i, 2])
        level[i] = 0.0
        for a in range(3):
            level[i] += covariance[i, a, a]
            for b in range(3):
                level[i] -= up[a] * covariance[i, a, b] * up[b]


@kernel
def loose_rows(real: Floats, rows: Integers, offset: int, d: int) -> Integers:
    """Return those rows of a store whose height `bound_height` will bound, and few others."""
    found, n, up = np.empty(rows.shape[0], np.int64), 0, np.empty(3)
    for i in rows:
        up[0], up[1], up[2], _ = vertical_at(real[i, offset], real[i, offset + 1], real[i, offset + 2])
        variance = 0.0
        for a in range(3):
            for b in range(3):
                variance += up[a] * real[i, offset + d + a * d + b] * up[b]
        if variance > 0.999 * HEIGHT_SIGMA_M**2:
            found[n] = i
            n += 1
    return found[:n]
