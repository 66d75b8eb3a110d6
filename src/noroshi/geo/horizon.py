"""What the curved Earth hides, radio waves being bent down by the air as if the Earth were larger."""

import numpy as np
from numpy.typing import NDArray

from noroshi.geo.wgs84 import MEAN_RADIUS_M, Floats, geodetic_from_ecef

# Source: ITU-R P.310-10 (2019): the effective Earth radius factor of a standard refractivity gradient.
EARTH_FACTOR = 4.0 / 3.0


def radar_horizon_m(
    antenna_height_m: Floats | float, target_height_m: Floats | float, *, earth_factor: float = EARTH_FACTOR
) -> Floats:
    """Return the ground range [m] at which the sight line from antenna to target grazes a smooth Earth.

    Heights are above the surface and broadcast; what is below it counts as on it.

    Source: Skolnik (2001), Introduction to Radar Systems, 3rd ed., chapter 8, without its h << radius.
    """
    radius_m = earth_factor * MEAN_RADIUS_M
    return _to_horizon_m(antenna_height_m, radius_m) + _to_horizon_m(target_height_m, radius_m)


def great_circle_m(position_a_ecef_m: Floats, position_b_ecef_m: Floats) -> Floats:
    """Return the (n,) ground range [m] between what lies below two (n, 3) or (3,) positions.

    The Earth counts as a sphere of mean radius: within 0.25 % of the ellipsoid's geodesic.
    """
    sine = np.linalg.norm(np.cross(position_a_ecef_m, position_b_ecef_m), axis=-1)
    cosine = np.vecdot(position_a_ecef_m, position_b_ecef_m)
    distance_m: Floats = MEAN_RADIUS_M * np.arctan2(sine, cosine)
    return distance_m


def is_above_horizon(
    target_ecef_m: Floats, antenna_ecef_m: Floats, *, earth_factor: float = EARTH_FACTOR
) -> NDArray[np.bool_]:
    """Return (n,) whether each (n, 3) target is above the radar horizon of its (n, 3) or (3,) antenna."""
    target_height_m, antenna_height_m = geodetic_from_ecef(target_ecef_m)[2], geodetic_from_ecef(antenna_ecef_m)[2]
    horizon_m = radar_horizon_m(antenna_height_m, target_height_m, earth_factor=earth_factor)
    return great_circle_m(target_ecef_m, antenna_ecef_m) <= horizon_m


def _to_horizon_m(height_m: Floats | float, radius_m: float) -> Floats:
    above_m = np.maximum(height_m, 0.0)
    distance_m: Floats = radius_m * np.arctan2(np.sqrt(above_m * (2.0 * radius_m + above_m)), radius_m)
    return distance_m
