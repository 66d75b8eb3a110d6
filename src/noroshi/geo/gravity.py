"""Gravity with the Earth's flattening (J2), and what falls freely feels in Earth-fixed axes."""

import math

import numpy as np

from noroshi.geo.wgs84 import GRAVITATIONAL_PARAMETER_M3_S2, J2, ROTATION_RATE_RAD_S, SEMI_MAJOR_AXIS_M, Floats
from noroshi.kernel import inlined, kernel

INNER_RADIUS_M = 6.2e6  # nothing is tracked below; there gravity goes to zero at the centre, so that it stays finite
FLATTENED = 1.5 * GRAVITATIONAL_PARAMETER_M3_S2 * J2 * SEMI_MAJOR_AXIS_M**2


def gravity(position_ecef_m: Floats) -> Floats:
    """Return the (n, 3) gravitational acceleration [m/s2] at (n, 3) ECEF positions, without what the rotation adds.

    The mass of the Earth and its J2. What that leaves out (J3, J4, the rest of EGM2008) is up to 1e-4 of it near the
    ground, for the most part within 3e-5.

    Source: Vallado (2013), Fundamentals of Astrodynamics and Applications, 4th ed., section 8.6.1, equation 8-25 with
    J2 alone, as an acceleration.
    """
    states = np.zeros((len(position_ecef_m), 6))
    states[:, :3] = position_ecef_m
    acceleration = free_fall(states)
    acceleration[:, :2] -= ROTATION_RATE_RAD_S**2 * position_ecef_m[:, :2]
    return acceleration


def free_fall(states: Floats) -> Floats:
    """Return the (n, 3) accelerations [m/s2] of (n, 6) Earth-fixed states on which nothing but gravity acts.

    Gravity (see `gravity`), the Coriolis acceleration -2 w x v and the centrifugal one -w x (w x p).

    Source: Vallado (2013), section 3.6.2, of axes that turn at a constant rate w about z.
    """
    acceleration = np.empty((len(states), 3))
    _free_fall(np.ascontiguousarray(states), acceleration)
    return acceleration


@kernel
def _free_fall(states: Floats, acceleration: Floats) -> None:
    rate = np.zeros(6)
    for i in range(len(states)):
        fall_rate(states[i], rate)
        acceleration[i] = rate[3:]


@inlined
def fall_rate(x: Floats, rate: Floats) -> None:
    """Write how the state x changes in free fall: what `fall` writes, to the bit, without its derivatives."""
    r = max(math.sqrt(x[0] * x[0] + x[1] * x[1] + x[2] * x[2]), INNER_RADIUS_M)
    r2 = 1.0 / (r * r)
    r3 = r2 / r
    r5, z2 = r3 * r2, x[2] * x[2]
    pull = GRAVITATIONAL_PARAMETER_M3_S2 * r3 + FLATTENED * r5 * (1.0 - 5.0 * z2 * r2)
    for i in range(3):
        rate[i] = x[3 + i]
        rate[3 + i] = -pull * x[i]
    rate[5] -= 2.0 * FLATTENED * r5 * x[2]
    spin = ROTATION_RATE_RAD_S
    rate[3] += spin * spin * x[0] + 2.0 * spin * x[4]
    rate[4] += spin * spin * x[1] - 2.0 * spin * x[3]


@kernel
def fall(x: Floats, rate: Floats, by_state: Floats) -> None:
    """Write how the state x (6 or more) changes in free fall: rate[:6], and its derivatives by_state[:6, :6].

    With r = |p|: a = -(u + K (r^-5 - 5 z^2 r^-7)) p - 2 K r^-5 z e_z, where u = mu r^-3 and K = 3/2 mu J2 a^2.
    """
    square = x[0] * x[0] + x[1] * x[1] + x[2] * x[2]
    r = max(math.sqrt(square), INNER_RADIUS_M)
    outside = 1.0 if square > INNER_RADIUS_M * INNER_RADIUS_M else 0.0
    r2 = 1.0 / (r * r)
    r3 = r2 / r
    r5, z2 = r3 * r2, x[2] * x[2]
    pull = GRAVITATIONAL_PARAMETER_M3_S2 * r3 + FLATTENED * r5 * (1.0 - 5.0 * z2 * r2)
    by_p = outside * (-3.0 * GRAVITATIONAL_PARAMETER_M3_S2 * r5 + FLATTENED * r5 * r2 * (35.0 * z2 * r2 - 5.0))
    by_z = -10.0 * FLATTENED * r5 * r2 * x[2]
    towards = 2.0 * FLATTENED * r5
    towards_by_p = -5.0 * outside * towards * r2
    for i in range(3):
        rate[i] = x[3 + i]
        rate[3 + i] = -pull * x[i]
        for j in range(3):
            by_state[i, j] = 0.0
            by_state[i, 3 + j] = 0.0
            by_state[3 + i, j] = -x[i] * by_p * x[j]
            by_state[3 + i, 3 + j] = 0.0
        by_state[i, 3 + i] = 1.0
        by_state[3 + i, i] -= pull
        by_state[3 + i, 2] -= x[i] * by_z
    for j in range(3):
        by_state[5, j] -= x[2] * towards_by_p * x[j]
    rate[5] -= towards * x[2]
    by_state[5, 2] -= towards
    spin = ROTATION_RATE_RAD_S
    rate[3] += spin * spin * x[0] + 2.0 * spin * x[4]
    rate[4] += spin * spin * x[1] - 2.0 * spin * x[3]
    by_state[3, 0] += spin * spin
    by_state[4, 1] += spin * spin
    by_state[3, 4] = 2.0 * spin
    by_state[4, 3] = -2.0 * spin


@kernel
def lowest_m(state: Floats) -> float:
    """Return the distance from the Earth's centre at which the free flight of an Earth-fixed state (6,) is lowest."""
    x, y, z = state[0], state[1], state[2]
    vx, vy, vz = state[3] - ROTATION_RATE_RAD_S * y, state[4] + ROTATION_RATE_RAD_S * x, state[5]
    distance = math.sqrt(x * x + y * y + z * z)
    energy = 0.5 * (vx * vx + vy * vy + vz * vz) - GRAVITATIONAL_PARAMETER_M3_S2 / max(distance, 1.0)
    square = (y * vz - z * vy) ** 2 + (z * vx - x * vz) ** 2 + (x * vy - y * vx) ** 2
    lap = square / GRAVITATIONAL_PARAMETER_M3_S2
    eccentricity = math.sqrt(max(1.0 + 2.0 * energy * lap / GRAVITATIONAL_PARAMETER_M3_S2, 0.0))
    return float(lap / (1.0 + eccentricity))
