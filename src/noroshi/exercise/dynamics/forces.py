"""What acts on a target in inertial axes: gravity with J2, air that turns with the Earth, thrust, lift.

The axes are those of the Earth at the instant from which a flight's seconds count, and do not turn with it: GCRF up to
a constant rotation, and up to the 8e-12 rad/s of precession and nutation (5 cm in a quarter of an hour at the surface).

What a target is at a time is a row of numbers, so that one kernel serves boost, fall, glide and debris; the names below
are its columns.
"""

import math
from dataclasses import dataclass

import numpy as np

from noroshi.geo.atmosphere import log_density, sound_m_s
from noroshi.geo.gravity import FLATTENED
from noroshi.geo.inertial import EARTH_ROTATION_RAD_S
from noroshi.geo.wgs84 import GRAVITATIONAL_PARAMETER_M3_S2, Floats, vertical_at
from noroshi.kernel import kernel

SPIN = 0  # of the Earth and its air [rad/s]
OBLATENESS = 1  # 3/2 mu J2 a^2 [m5/s2]
SPHERE = 2  # radius of a spherical Earth [m]; 0: the ellipsoid
COEFFICIENT = 3  # ballistic coefficient m / (C_D S) at hypersonic speed, at ignition [kg/m2]; 0: no air
MACH = 4  # 1: drag follows the Mach number
THRUST = 5  # acceleration by thrust at ignition [m/s2]
IGNITION = 6  # [s]
BURN = 7  # share of the mass at ignition that burns in a second [1/s]
RAMP_START, RAMP_END = 8, 9  # the thrust points up until the first and turns to the pitch until the second [s]
PITCH = 10  # of the thrust above the horizontal of the site, after the ramp [rad]
UP = 11  # and 12, 13: the vertical of the site
ALONG = 14  # and 15, 16: the horizontal direction of the launch
LIFT = 17  # lift over drag
EASE = 18  # by how much of itself lift eases for each m/s of climb [s/m]: 0 skips, 0.02 glides
COLUMNS = 19

AIR_END_M = 1_000e3  # no air above

# Drag over its hypersonic value by Mach number, of a slender launcher: that of the M-V (Cd 0.28 at rest, 0.69 at Mach
# 1.2, 0.33 at Mach 5). Source: the M-V's drag coefficients as tabulated in github.com/ina111/MatRockSim, cd_Rocket.m.
DRAG_MACH = np.array([0.0, 0.6, 0.8, 1.0, 1.2, 1.6, 2.0, 3.0, 4.0, 5.0])
DRAG_RATIO = np.array([0.28, 0.29, 0.35, 0.64, 0.69, 0.62, 0.55, 0.42, 0.355, 0.33]) / 0.33


@dataclass(frozen=True, slots=True, kw_only=True)
class Physics:
    """Which parts of nature are there; all of them unless a check leaves some out.

    Attributes:
        spin_rad_s: rotation of the Earth.
        oblate: whether gravity has J2.
        sphere_m: radius of a spherical Earth for heights; None: the ellipsoid WGS 84.
        air: whether there is any.
        mach: whether drag follows the Mach number.
    """

    spin_rad_s: float = EARTH_ROTATION_RAD_S
    oblate: bool = True
    sphere_m: float | None = None
    air: bool = True
    mach: bool = True

    def row(self, *, coefficient_kg_m2: float, lift: float = 0.0, ease_s_m: float = 0.0) -> Floats:
        """Return the numbers of a target that nothing drives."""
        row = np.zeros(COLUMNS)
        row[SPIN], row[OBLATENESS] = self.spin_rad_s, FLATTENED if self.oblate else 0.0
        row[SPHERE], row[MACH] = self.sphere_m or 0.0, float(self.mach)
        row[COEFFICIENT] = coefficient_kg_m2 if self.air else 0.0
        row[LIFT], row[EASE] = lift, ease_s_m
        return row

    def inertial_from_ecef(self, states: Floats, seconds: Floats | float) -> Floats:
        """Return (n, 6) inertial states of Earth-fixed ones so many seconds after the axes coincided."""
        return _turned(_with_spin(states, self.spin_rad_s), self.spin_rad_s * np.asarray(seconds))

    def ecef_from_inertial(self, states: Floats, seconds: Floats | float) -> Floats:
        """Return (n, 6) Earth-fixed states: the inverse of `inertial_from_ecef`."""
        return _with_spin(_turned(states, -self.spin_rad_s * np.asarray(seconds)), -self.spin_rad_s)


def _with_spin(states: Floats, spin_rad_s: float) -> Floats:
    """Return states whose velocity is raised by that of axes turning about z."""
    raised = np.array(states, dtype=np.float64)
    raised[..., 3] -= spin_rad_s * raised[..., 1]
    raised[..., 4] += spin_rad_s * raised[..., 0]
    return raised


def _turned(states: Floats, angle_rad: Floats) -> Floats:
    """Return states turned eastwards about z."""
    cos, sin = np.cos(angle_rad), np.sin(angle_rad)
    turned = np.empty(np.broadcast_shapes(states.shape, (*np.shape(angle_rad), 6)))
    for i in (0, 3):
        turned[..., i] = cos * states[..., i] - sin * states[..., i + 1]
        turned[..., i + 1] = sin * states[..., i] + cos * states[..., i + 1]
        turned[..., i + 2] = states[..., i + 2]
    return turned


@kernel
def height_of(x: Floats, row: Floats) -> float:
    """Return the height [m] of the state x above the Earth of this row."""
    if row[SPHERE] > 0.0:
        return float(math.sqrt(x[0] * x[0] + x[1] * x[1] + x[2] * x[2]) - row[SPHERE])
    return vertical_at(x[0], x[1], x[2])[3]


@kernel
def drag_ratio(mach: float) -> float:
    """Return the drag coefficient over its hypersonic value."""
    i = len(DRAG_MACH) - 1
    if mach >= DRAG_MACH[i]:
        return float(DRAG_RATIO[i])
    while i > 0 and mach < DRAG_MACH[i]:
        i -= 1
    share = (mach - DRAG_MACH[i]) / (DRAG_MACH[i + 1] - DRAG_MACH[i])
    return float(DRAG_RATIO[i] + share * (DRAG_RATIO[i + 1] - DRAG_RATIO[i]))


@kernel
def between(at: float, places: Floats, values: Floats) -> float:
    """Return the value of a piecewise linear function, held beyond its ends."""
    n = len(places)
    if at <= places[0]:
        return float(values[0])
    if at >= places[n - 1]:
        return float(values[n - 1])
    i = n - 2
    while i > 0 and at < places[i]:
        i -= 1
    return float(values[i] + (at - places[i]) / (places[i + 1] - places[i]) * (values[i + 1] - values[i]))


@kernel
def forces(t: float, x: Floats, row: Floats, bank_s: Floats, bank_rad: Floats, rate: Floats) -> None:
    """Write the (6,) rate of change of the inertial state x at t seconds.

    Args:
        t: seconds since the axes coincided with the Earth's.
        x: (6,) position [m] and velocity [m/s].
        row: (COLUMNS,) what the target is, by the names above.
        bank_s: (b,) times of the bank schedule [s].
        bank_rad: (b,) bank of the lift at those times, to the right of upwards; linear between them.
        rate: (6,) overwritten.

    Source: Vallado (2013), Fundamentals of Astrodynamics and Applications, 4th ed., section 8.6.1 (J2) and equation
    8-28 (drag in air that turns); lift as in Li and Jilkov (2010), Survey of Maneuvering Target Tracking, Part II.
    """
    square = x[0] * x[0] + x[1] * x[1] + x[2] * x[2]
    r = math.sqrt(square)
    r3 = 1.0 / (square * r)
    r5 = r3 / square
    pull = GRAVITATIONAL_PARAMETER_M3_S2 * r3 + row[OBLATENESS] * r5 * (1.0 - 5.0 * x[2] * x[2] / square)
    for i in range(3):
        rate[i] = x[3 + i]
        rate[3 + i] = -pull * x[i]
    rate[5] -= 2.0 * row[OBLATENESS] * r5 * x[2]
    left = 1.0 - row[BURN] * (t - row[IGNITION]) if row[BURN] > 0.0 else 1.0
    if row[THRUST] > 0.0:
        pitch = row[PITCH]
        if t < row[RAMP_START]:
            pitch = 0.5 * math.pi
        elif t < row[RAMP_END]:
            share = (t - row[RAMP_START]) / (row[RAMP_END] - row[RAMP_START])
            pitch += (1.0 - share) * (0.5 * math.pi - pitch)
        push, sin, cos = row[THRUST] / left, math.sin(pitch), math.cos(pitch)
        for i in range(3):
            rate[3 + i] += push * (sin * row[UP + i] + cos * row[ALONG + i])
    if row[COEFFICIENT] > 0.0:
        _add_air(t, x, row, left, bank_s, bank_rad, rate)


@kernel
def _add_air(t: float, x: Floats, row: Floats, left: float, bank_s: Floats, bank_rad: Floats, rate: Floats) -> None:
    if row[SPHERE] > 0.0:
        r = math.sqrt(x[0] * x[0] + x[1] * x[1] + x[2] * x[2])
        nx, ny, nz, height_m = x[0] / r, x[1] / r, x[2] / r, r - row[SPHERE]
    else:
        nx, ny, nz, height_m = vertical_at(x[0], x[1], x[2])
    if height_m > AIR_END_M:
        return
    vx, vy, vz = x[3] + row[SPIN] * x[1], x[4] - row[SPIN] * x[0], x[5]
    speed = math.sqrt(vx * vx + vy * vy + vz * vz)
    k = 0.5 * math.exp(log_density(height_m)[0]) / (row[COEFFICIENT] * left)
    if row[MACH] > 0.0:
        k *= drag_ratio(speed / sound_m_s(height_m))
    rate[3] -= k * speed * vx
    rate[4] -= k * speed * vy
    rate[5] -= k * speed * vz
    if row[LIFT] == 0.0:
        return
    climb = nx * vx + ny * vy + nz * vz
    sx, sy, sz = vy * nz - vz * ny, vz * nx - vx * nz, vx * ny - vy * nx  # to the right: v x n
    across = math.sqrt(sx * sx + sy * sy + sz * sz)
    if across < 1.0:
        return
    bank = between(t, bank_s, bank_rad)
    ease = min(max(1.0 - row[EASE] * climb, 0.0), 1.0)
    lift = k * speed * speed * row[LIFT] * ease
    up, side = lift * math.cos(bank) * speed / across, lift * math.sin(bank) / across
    along = climb / (speed * speed)
    rate[3] += up * (nx - along * vx) + side * sx
    rate[4] += up * (ny - along * vy) + side * sy
    rate[5] += up * (nz - along * vz) + side * sz
