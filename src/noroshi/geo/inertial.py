"""Between the Earth-fixed frame and the inertial ones: GCRF (geocentric celestial) and TEME (of the SGP4 elements).

A state is (n, 6), position [m] and velocity [m/s], or (n, 3), position alone; a time is (n,) or one for all rows.

Without `dut1_s` (UT1 - UTC, up to 0.9 s) the Earth is turned by up to 6.6e-5 rad, 420 m at the surface; without
`polar_motion_rad` (the pole's x and y, up to 3e-6 rad) it is tilted by up to 20 m. Both come from IERS Bulletin A.
"""

import erfa
import numpy as np

from noroshi.geo.time import S_PER_DAY, Nanoseconds, julian_date_from_utc_ns, julian_date_tt_from_utc_ns
from noroshi.geo.wgs84 import Floats

# Source: IERS Conventions (2010), chapter 5, the derivative of the Earth rotation angle by UT1.
EARTH_ROTATION_RAD_S = 2.0 * np.pi * 1.00273781191135448 / S_PER_DAY


def gcrf_from_ecef_matrix(
    time_ns: Nanoseconds | int, *, dut1_s: float = 0.0, polar_motion_rad: tuple[float, float] = (0.0, 0.0)
) -> Floats:
    """Return (n, 3, 3) rotations from Earth-fixed to GCRF axes; (3, 3) for one time.

    Each different time costs 50 us; a time that comes again costs nothing.

    Source: IERS Conventions (2010), chapter 5, IAU 2006/2000A, by ERFA's c2t06a.
    """
    times_ns, row = np.unique(np.asarray(time_ns, np.int64), return_inverse=True)
    ut1, tt = _ut1(times_ns, dut1_s), julian_date_tt_from_utc_ns(times_ns)
    ecef_from_gcrf_matrix: Floats = erfa.c2t06a(*tt, *ut1, *polar_motion_rad)
    return ecef_from_gcrf_matrix.swapaxes(-1, -2)[row]


def teme_from_ecef_matrix(
    time_ns: Nanoseconds | int, *, dut1_s: float = 0.0, polar_motion_rad: tuple[float, float] = (0.0, 0.0)
) -> Floats:
    """Return (n, 3, 3) rotations from Earth-fixed to TEME axes; (3, 3) for one time.

    Source: Vallado et al. (2006), Revisiting Spacetrack Report #3, AIAA 2006-6753, appendix C.
    """
    sidereal_rad = erfa.gmst82(*_ut1(time_ns, dut1_s))
    pole = erfa.pom00(*polar_motion_rad, 0.0)
    ecef_from_teme_matrix: Floats = pole @ erfa.rz(sidereal_rad, np.eye(3))
    return ecef_from_teme_matrix.swapaxes(-1, -2)


def ecef_from_gcrf(
    state_gcrf: Floats,
    time_ns: Nanoseconds | int,
    *,
    dut1_s: float = 0.0,
    polar_motion_rad: tuple[float, float] = (0.0, 0.0),
) -> Floats:
    """Return Earth-fixed states of GCRF states.

    Source: IERS Conventions (2010), equation 5.1; the velocity counts the Earth's rotation only, which leaves out the
    8e-12 rad/s of precession and nutation (0.3 mm/s at geostationary height).
    """
    matrix = gcrf_from_ecef_matrix(time_ns, dut1_s=dut1_s, polar_motion_rad=polar_motion_rad)
    return _fixed_from_inertial(state_gcrf, matrix, _spin(polar_motion_rad))


def gcrf_from_ecef(
    state_ecef: Floats,
    time_ns: Nanoseconds | int,
    *,
    dut1_s: float = 0.0,
    polar_motion_rad: tuple[float, float] = (0.0, 0.0),
) -> Floats:
    """Return GCRF states of Earth-fixed states: the inverse of `ecef_from_gcrf`."""
    matrix = gcrf_from_ecef_matrix(time_ns, dut1_s=dut1_s, polar_motion_rad=polar_motion_rad)
    return _inertial_from_fixed(state_ecef, matrix, _spin(polar_motion_rad))


def ecef_from_teme(
    state_teme: Floats,
    time_ns: Nanoseconds | int,
    *,
    dut1_s: float = 0.0,
    polar_motion_rad: tuple[float, float] = (0.0, 0.0),
) -> Floats:
    """Return Earth-fixed states of TEME states, as SGP4 gives them (in metres).

    Source: Vallado et al. (2006), AIAA 2006-6753, appendix C.
    """
    matrix = teme_from_ecef_matrix(time_ns, dut1_s=dut1_s, polar_motion_rad=polar_motion_rad)
    return _fixed_from_inertial(state_teme, matrix, _spin(polar_motion_rad))


def teme_from_ecef(
    state_ecef: Floats,
    time_ns: Nanoseconds | int,
    *,
    dut1_s: float = 0.0,
    polar_motion_rad: tuple[float, float] = (0.0, 0.0),
) -> Floats:
    """Return TEME states of Earth-fixed states: the inverse of `ecef_from_teme`."""
    matrix = teme_from_ecef_matrix(time_ns, dut1_s=dut1_s, polar_motion_rad=polar_motion_rad)
    return _inertial_from_fixed(state_ecef, matrix, _spin(polar_motion_rad))


def _ut1(time_ns: Nanoseconds | int, dut1_s: float) -> tuple[Floats, Floats]:
    """Return the two-part Julian date of UT1."""
    jd, fraction = julian_date_from_utc_ns(time_ns)
    return jd, fraction + dut1_s / S_PER_DAY


def _spin(polar_motion_rad: tuple[float, float]) -> Floats:
    """Return the (3,) rotation vector of the Earth [rad/s] in Earth-fixed axes."""
    spin: Floats = EARTH_ROTATION_RAD_S * erfa.pom00(*polar_motion_rad, 0.0)[:, 2]
    return spin


def _fixed_from_inertial(state: Floats, inertial_from_ecef: Floats, spin_rad_s: Floats) -> Floats:
    position: Floats = np.vecmat(state[..., :3], inertial_from_ecef)
    if state.shape[-1] == 3:
        return position
    velocity = np.vecmat(state[..., 3:], inertial_from_ecef) - np.cross(spin_rad_s, position)
    return np.concatenate([position, velocity], axis=-1)


def _inertial_from_fixed(state: Floats, inertial_from_ecef: Floats, spin_rad_s: Floats) -> Floats:
    position: Floats = np.matvec(inertial_from_ecef, state[..., :3])
    if state.shape[-1] == 3:
        return position
    velocity = np.matvec(inertial_from_ecef, state[..., 3:] + np.cross(spin_rad_s, state[..., :3]))
    return np.concatenate([position, velocity], axis=-1)
