"""The fields of Mode S frames, over arrays of frames: parity, altitude, code, call sign, velocity.

Sources: ICAO Annex 10 volume IV, 3.1.2 (parity, altitude and identity codes); ICAO Doc 9871 appendix B and RTCA DO-260B
2.2.3.2 (the messages of extended squitters).
"""

import numpy as np
from numpy.typing import NDArray

from noroshi.geo.units import FOOT_M, FOOT_PER_MINUTE_M_S, KNOT_M_S

GENERATOR = 0xFFF409
FIRST_GILLHAM_FT = -1300
ALPHABET = np.array(list(" ABCDEFGHIJKLMNOPQRSTUVWXYZ                     0123456789      "))
MOVEMENT = (1, 2, 9, 13, 39, 94, 109, 124)
MOVEMENT_KT = (0.0, 0.125, 1.0, 2.0, 15.0, 70.0, 100.0, 175.0)
VELOCITY_MAX = 1023  # of ten bits: faster than can be said

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]


def _table() -> Integers:
    remainder = np.arange(256, dtype=np.int64) << 16
    for _ in range(8):
        remainder = np.where(remainder & 0x800000, remainder << 1 ^ GENERATOR, remainder << 1) & 0xFFFFFF
    return remainder


_REMAINDERS = _table()


def syndrome(octets: NDArray[np.uint8], length: Integers) -> Integers:
    """Return (n,) remainders of the whole frame: 0 where parity holds, the address where it is laid over the parity."""
    result = np.zeros(len(octets), np.int64)
    for size in (7, 14):
        rows = np.flatnonzero(length == size)
        remainder = np.zeros(len(rows), np.int64)
        for column in range(size - 3):
            remainder = (remainder << 8 & 0xFFFFFF) ^ _REMAINDERS[remainder >> 16 ^ octets[rows, column]]
        result[rows] = remainder ^ joined(octets[rows, size - 3 : size])
    return result


def joined(octets: NDArray[np.uint8]) -> Integers:
    """Return (n,) numbers of (n, k) bytes, the first the highest, k below 8."""
    number = np.zeros(len(octets), np.int64)
    for column in range(octets.shape[1]):
        number = number << 8 | octets[:, column]
    return number


def bits(message: Integers, first: int, count: int) -> Integers:
    """Return `count` bits of 56-bit messages from bit `first`, numbered from 1 as in the standards."""
    return message >> (57 - first - count) & (1 << count) - 1


def altitude_m(code: Integers) -> Floats:
    """Return (n,) altitudes [m] of 12-bit altitude codes; NaN where there is none or the code is not used."""
    by_25_ft = 25.0 * ((code & 0xFE0) >> 1 | code & 0xF) - 1000.0
    gray_500 = _picked(code, (2, 0, 10, 8, 6, 5, 3, 1))  # D2 D4 A1 A2 A4 B1 B2 B4
    gray_100 = _picked(code, (11, 9, 7))  # C1 C2 C4
    n_500, n_100 = _binary(gray_500), _binary(gray_100)
    valid = (n_100 != 0) & (n_100 != 5) & (n_100 != 6)
    n_100 = np.where(n_100 == 7, 5, n_100)
    n_100 = np.where(n_500 % 2 == 1, 6 - n_100, n_100)
    by_100_ft = np.where(valid, 500.0 * n_500 + 100.0 * n_100 + FIRST_GILLHAM_FT, np.nan)
    feet = np.where(code & 0x10, by_25_ft, by_100_ft)
    return np.where(code == 0, np.nan, feet * FOOT_M)


def mode_3a(code: Integers) -> Integers:
    """Return (n,) Mode 3/A codes of 13-bit identity fields, C1 A1 C2 A2 C4 A4 - B1 D1 B2 D2 B4 D4."""
    return _picked(code, (7, 9, 11, 1, 3, 5, 8, 10, 12, 0, 2, 4))


def call_sign(message: Integers) -> NDArray[np.str_]:
    """Return (n,) call signs of identification messages; a character that is not used is a blank."""
    codes = np.stack([bits(message, 9 + 6 * i, 6) for i in range(8)], axis=-1)
    return np.strings.strip(np.ascontiguousarray(ALPHABET[codes]).view("<U8").reshape(len(message)))


def airborne_velocity_m_s(message: Integers) -> Floats:
    """Return (n, 3) east, north and up velocities [m/s] of airborne velocity messages; NaN where they say none.

    Subtypes 3 and 4 give airspeed and heading, which is no velocity over ground: only their climb is used.
    """
    subtype = bits(message, 6, 3)
    unit = np.where(subtype == 2, 4.0, 1.0) * KNOT_M_S
    over_ground = (subtype == 1) | (subtype == 2)
    velocity = np.full((len(message), 3), np.nan)
    for axis, first in ((0, 14), (1, 25)):
        size = bits(message, first + 1, 10)
        said = over_ground & (size > 0) & (size < VELOCITY_MAX)
        sign = 1 - 2 * bits(message, first, 1)
        velocity[:, axis] = np.where(said, sign * (size - 1) * unit, np.nan)
    velocity[np.isnan(velocity[:, :2]).any(axis=1), :2] = np.nan
    rate = bits(message, 38, 9)
    climb_ft_min = 64.0 * (1 - 2 * bits(message, 37, 1)) * (rate - 1)
    velocity[:, 2] = np.where((subtype >= 1) & (subtype <= 4) & (rate > 0), climb_ft_min * FOOT_PER_MINUTE_M_S, np.nan)
    return velocity


def gnss_minus_pressure_altitude_m(message: Integers) -> Floats:
    """Return (n,) differences [m] that airborne velocity messages tell; NaN where they tell none."""
    size = bits(message, 50, 7)
    feet = 25.0 * (1 - 2 * bits(message, 49, 1)) * (size - 1)
    return np.where((size > 0) & (size < 127), feet * FOOT_M, np.nan)


def surface_velocity_m_s(message: Integers) -> Floats:
    """Return (n, 3) velocities [m/s] of surface position messages; up is NaN, as are those without speed or track."""
    movement = bits(message, 6, 7)
    said = (movement >= MOVEMENT[0]) & (movement <= MOVEMENT[-1]) & (bits(message, 13, 1) == 1)
    speed_m_s = np.where(said, np.interp(movement, MOVEMENT, MOVEMENT_KT) * KNOT_M_S, np.nan)
    track_rad = bits(message, 14, 7) * (2.0 * np.pi / 128.0)
    return np.column_stack(
        (speed_m_s * np.sin(track_rad), speed_m_s * np.cos(track_rad), np.full(len(message), np.nan))
    )


def _picked(code: Integers, places: tuple[int, ...]) -> Integers:
    """Return the bits of `code` at these places, the first the highest of the result."""
    result = np.zeros_like(code)
    for place in places:
        result = result << 1 | code >> place & 1
    return result


def _binary(gray: Integers) -> Integers:
    for shift in (1, 2, 4):
        gray = gray ^ gray >> shift
    return gray
