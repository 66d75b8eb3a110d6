"""What lies along a straight line of sight, light being bent too little to matter."""

import numpy as np
from numpy.typing import NDArray

from noroshi.geo.wgs84 import SEMI_MAJOR_AXIS_M, SEMI_MINOR_AXIS_M, Floats, geodetic_from_ecef


def scale_m(height_m: float) -> Floats:
    """Return (3,) what the axes are divided by to make the ellipsoid raised by a height a unit sphere.

    The raised ellipsoid is at the height exactly on the equator and at the poles and within 1e-5 of it between.
    """
    return np.array([SEMI_MAJOR_AXIS_M, SEMI_MAJOR_AXIS_M, SEMI_MINOR_AXIS_M]) + height_m


def is_clear(position_ecef_m: Floats, origin_ecef_m: Floats, height_m: float) -> NDArray[np.bool_]:
    """Return (n,) whether all of the way from (n, 3) origin to (n, 3) position is above a height."""
    start = origin_ecef_m / scale_m(height_m)
    way = position_ecef_m / scale_m(height_m) - start
    nearest = np.clip(-np.vecdot(start, way) / np.maximum(np.vecdot(way, way), 1e-20), 0.0, 1.0)
    clear: NDArray[np.bool_] = np.linalg.norm(start + nearest[:, None] * way, axis=1) >= 1.0
    return clear


def tangent_height_m(line: Floats, origin_ecef_m: Floats) -> Floats:
    """Return the (n,) heights above the ellipsoid at which (n, 3) unit lines from (n, 3) origins pass it nearest.

    Negative where a line meets the Earth; where it leads away from it, the height of the origin.
    """
    start, way = origin_ecef_m / scale_m(0.0), line / scale_m(0.0)
    nearest_m = np.maximum(-np.vecdot(start, way) / np.vecdot(way, way), 0.0)
    return geodetic_from_ecef(origin_ecef_m + nearest_m[:, None] * line)[2]
