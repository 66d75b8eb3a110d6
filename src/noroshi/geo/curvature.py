"""How the ellipsoid bends: its radii of curvature."""

import numpy as np

from noroshi.geo.wgs84 import ECCENTRICITY_SQUARED, SEMI_MAJOR_AXIS_M, Floats


def radii_of_curvature_m(lat_rad: Floats | float) -> tuple[Floats, Floats]:
    """Return the radii of curvature [m] of the ellipsoid at (n,) latitudes: along the meridian, and across it.

    A step of 1 rad of latitude is (meridian + height) long; one of longitude is (across + height) cos(latitude).

    Source: Torge and Mueller (2012), Geodesy, 4th ed., section 4.1.2, equations 4.14 and 4.15 (M and N).
    """
    bend = 1.0 - ECCENTRICITY_SQUARED * np.sin(lat_rad) ** 2
    across_m = SEMI_MAJOR_AXIS_M / np.sqrt(bend)
    return across_m * (1.0 - ECCENTRICITY_SQUARED) / bend, across_m
