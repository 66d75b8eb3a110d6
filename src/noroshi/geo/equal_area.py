"""Points that stand for equal areas of the Earth: a Fibonacci lattice on the ellipsoid."""

import math

import numpy as np

from noroshi.geo.wgs84 import ECCENTRICITY_SQUARED, SEMI_MAJOR_AXIS_M, Floats

ECCENTRICITY = math.sqrt(ECCENTRICITY_SQUARED)
GOLDEN_ANGLE_RAD = math.pi * (3.0 - math.sqrt(5.0))
NEWTON_STEPS = 6  # quadratic, from 2e-3 rad: exact after three but at the poles


def zone_q(lat_rad: Floats | float) -> Floats:
    """Return q of (n,) geodetic latitudes: the ellipsoid's area from the equator to there is pi a^2 q.

    Source: Snyder (1987), Map Projections: A Working Manual, USGS Professional Paper 1395, equation 3-12.
    """
    sine = np.sin(lat_rad)
    e = ECCENTRICITY
    q: Floats = (1.0 - e**2) * (sine / (1.0 - (e * sine) ** 2) + np.arctanh(e * sine) / e)
    return q


EARTH_AREA_M2 = 2.0 * math.pi * SEMI_MAJOR_AXIS_M**2 * float(zone_q(math.pi / 2.0))


def lat_from_zone_q(q: Floats) -> Floats:
    """Return the (n,) geodetic latitudes [rad] of q; the inverse of `zone_q`.

    Source: Snyder (1987), equation 3-16.
    """
    lat_rad: Floats = np.arcsin(np.clip(q / zone_q(math.pi / 2.0), -1.0, 1.0))
    for _ in range(NEWTON_STEPS):
        slope = 2.0 * (1.0 - ECCENTRICITY_SQUARED) * np.cos(lat_rad)
        slope /= (1.0 - ECCENTRICITY_SQUARED * np.sin(lat_rad) ** 2) ** 2
        lat_rad = lat_rad + (q - zone_q(lat_rad)) / np.maximum(slope, 1e-12)
    return np.clip(lat_rad, -math.pi / 2.0, math.pi / 2.0)


def equal_area_points(n: int, *, lat_rad_min: float = -math.pi / 2.0, lat_rad_max: float = math.pi / 2.0) -> Floats:
    """Return those of n points over the whole Earth that lie in a band of latitudes.

    Each of the n points stands for `EARTH_AREA_M2`/n; they come from south to north.

    Args:
        n: how many there are over the whole Earth.
        lat_rad_min, lat_rad_max: the band, both ends included.

    Returns:
        (k, 2) geodetic latitude and longitude [rad], the longitude in -pi to pi.

    Source: Swinbank and Purser (2006), Fibonacci grids: a novel approach to global modelling, Q. J. R. Meteorol. Soc.
    132, 1769-1793; its sphere is the authalic one here.
    """
    q_pole = float(zone_q(math.pi / 2.0))
    first, last = ((float(zone_q(lat)) / q_pole + 1.0) * n / 2.0 - 0.5 for lat in (lat_rad_min, lat_rad_max))
    index = np.arange(max(math.ceil(first - 1e-6), 0), min(math.floor(last + 1e-6), n - 1) + 1)
    lat_rad = lat_from_zone_q(((2.0 * index + 1.0) / n - 1.0) * q_pole)
    turns = index * (GOLDEN_ANGLE_RAD / (2.0 * math.pi))
    return np.stack([lat_rad, (turns - np.round(turns)) * 2.0 * math.pi], axis=1)
