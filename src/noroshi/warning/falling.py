"""What falls freely: a missile or its parts after burn-out, carried to the ground with all that is not known of it."""

import math

import numpy as np
from scipy.special import ndtr

from noroshi.geo.wgs84 import Floats
from noroshi.warning.forecast import Forecast
from noroshi.warning.points import normal_points, spread
from noroshi.warning.ways import COEFFICIENT, SLOW_DRAG, bodies, fly

N_WAYS = 256
# Source: some 100 lb/ft2 of blunt bodies to 3,000 of slender ones; those that carry something whole to the ground:
# R. L. Garwin and others, American Physical Society (2004), Rev. Mod. Phys. 76, S1, section 5.
COEFFICIENT_KG_M2 = (2_000.0, 12_000.0)
SLOW_DRAG_MAX = 1.2  # of slender bodies at Mach 1.2 (M-V: `exercise.dynamics.forces`); of blunt ones nought
UNREST_M2_S3 = 1e-3  # of what is not measured: that of the filter (`motion.ballistic`)


def fall_from(
    state_ecef: Floats,
    covariance_ecef: Floats,
    time_ns: int,
    *,
    unseen_s: float = 0.0,
    coefficient_kg_m2: tuple[float, float] = COEFFICIENT_KG_M2,
    n_ways: int = N_WAYS,
) -> Forecast:
    """Return how a falling body goes on, in ways of equal weight.

    Gravity with J2, the Earth's rotation, drag in the U.S. Standard Atmosphere. Beforehand the ballistic coefficient is
    log-uniform between two values, and its drag at the speed of sound up to 2.2 times that at Mach 5, evenly. Left out:
    wind (some 10 m for each m/s of it at 5,000 kg/m2), J3 and J4 (20 m in 20 minutes), and the rest of the field
    (some 100 m).

    Args:
        state_ecef: (6,) Earth-fixed position [m] and velocity [m/s].
        covariance_ecef: (6, 6).
        time_ns: when the state holds, Unix UTC nanoseconds.
        unseen_s: for how long nobody has measured it since; meanwhile a filter's noise has gone on.
        coefficient_kg_m2: least and greatest ballistic coefficient m / (C_D S).
        n_ways: how many ways; even.
    """
    z = normal_points(n_ways, 8)
    states = spread(state_ecef, covariance_ecef + unrest(unseen_s, UNREST_M2_S3), z[:, :6])
    rows = bodies(n_ways)
    low, high = (math.log(each) for each in coefficient_kg_m2)
    rows[:, COEFFICIENT] = low + (high - low) * ndtr(z[:, 6])
    rows[:, SLOW_DRAG] = SLOW_DRAG_MAX * ndtr(z[:, 7])
    return fly(states, rows, time_ns)


def unrest(unseen_s: float, psd_m2_s3: float) -> Floats:
    """Return the (6, 6) covariance that a white-noise acceleration brings to a state in so many seconds."""
    powers = np.array([[unseen_s**3 / 3.0, unseen_s**2 / 2.0], [unseen_s**2 / 2.0, unseen_s]])
    covariance = np.zeros((2, 3, 2, 3))
    covariance[:, range(3), :, range(3)] = psd_m2_s3 * powers
    return covariance.reshape(6, 6)
