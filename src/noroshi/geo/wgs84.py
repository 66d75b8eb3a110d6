"""The WGS 84 ellipsoid: geodetic coordinates, Earth-centred Earth-fixed (ECEF) and local east-north-up (ENU) axes."""

import math
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from noroshi.kernel import inlined

Floats: TypeAlias = NDArray[np.float64]

# Source: NGA.STND.0036_1.0.0_WGS84 (2014-07-08), table 3.1, the four defining parameters.
SEMI_MAJOR_AXIS_M = 6378137.0
FLATTENING = 1.0 / 298.257223563
GRAVITATIONAL_PARAMETER_M3_S2 = 3.986004418e14
ROTATION_RATE_RAD_S = 7.292115e-5

SEMI_MINOR_AXIS_M = SEMI_MAJOR_AXIS_M * (1.0 - FLATTENING)
ECCENTRICITY_SQUARED = FLATTENING * (2.0 - FLATTENING)
# Source: Moritz (2000), Geodetic Reference System 1980, J. Geodesy 74, 128-133: R1, the mean of the three semi-axes.
MEAN_RADIUS_M = (2.0 * SEMI_MAJOR_AXIS_M + SEMI_MINOR_AXIS_M) / 3.0
# Source: Pavlis et al. (2012), EGM2008, J. Geophys. Res. 117, B04406: C20 (tide-free), and J2 = -sqrt(5) C20.
J2 = 4.84165143790815e-4 * 5.0**0.5


def ecef_from_geodetic(lat_rad: Floats | float, lon_rad: Floats | float, height_m: Floats | float) -> Floats:
    """Return (n, 3) ECEF positions [m] of (n,) geodetic latitudes, longitudes and heights above the ellipsoid.

    Scalars give (3,); the arguments broadcast against each other.

    Source: IOGP Geomatics Guidance Note 373-7-2, method 9602 (geographic/geocentric conversions).
    """
    sin_lat, cos_lat = np.sin(lat_rad), np.cos(lat_rad)
    normal_m = SEMI_MAJOR_AXIS_M / np.sqrt(1.0 - ECCENTRICITY_SQUARED * sin_lat**2)
    across_m = (normal_m + height_m) * cos_lat
    z = (normal_m * (1.0 - ECCENTRICITY_SQUARED) + height_m) * sin_lat
    return np.stack(np.broadcast_arrays(across_m * np.cos(lon_rad), across_m * np.sin(lon_rad), z), axis=-1)


def geodetic_from_ecef(position_ecef_m: Floats) -> tuple[Floats, Floats, Floats]:
    """Return (n,) latitude [rad], longitude [rad] and ellipsoidal height [m] of (n, 3) ECEF positions.

    Closed form, good at any finite position, the poles and the Earth's centre included; NaN gives NaN. On the disc of
    43 km radius about the centre where two latitudes answer, the northern one is returned.

    Source: Vermeille (2011), An analytical method to transform geocentric into geodetic coordinates, J. Geodesy 85,
    105-117, sections 3 to 5.
    """
    x, y, z = position_ecef_m[..., 0], position_ecef_m[..., 1], position_ecef_m[..., 2]
    e2 = ECCENTRICITY_SQUARED
    across_m = np.hypot(x, y)
    p = (across_m / SEMI_MAJOR_AXIS_M) ** 2
    q = (1.0 - e2) * (z / SEMI_MAJOR_AXIS_M) ** 2
    r = (p + q - e2**2) / 6.0
    s = e2**2 * p * q
    discriminant = 8.0 * r * r * r + s
    root = np.sqrt(np.maximum(discriminant, 0.0))
    u = r + 0.5 * (np.cbrt(root + np.sqrt(s)) ** 2 + np.cbrt(root - np.sqrt(s)) ** 2)
    inside = discriminant <= 0.0
    if np.any(inside):
        u = np.where(inside, _root_inside_evolute(r, s, discriminant), u)
    v = np.sqrt(u**2 + e2**2 * q)
    on_disc = inside & (v <= 0.0)
    v = np.where(on_disc, 1.0, v)
    w = e2 * (u + v - q) / (2.0 * v)
    k = (u + v) / (np.sqrt(w**2 + u + v) + w)
    d = k * across_m / (k + e2)
    slant_m = np.hypot(d, z)
    lat_rad = np.arctan2(z, d)
    height_m = (k + e2 - 1.0) / k * slant_m
    if np.any(on_disc):
        p_disc = np.where(on_disc, p, 0.0)
        lat_disc = np.arctan2(np.sqrt(e2**2 - p_disc), np.sqrt((1.0 - e2) * p_disc))
        height_disc = -SEMI_MAJOR_AXIS_M * np.sqrt((1.0 - e2) * (e2 - p_disc) / e2)
        lat_rad, height_m = np.where(on_disc, lat_disc, lat_rad), np.where(on_disc, height_disc, height_m)
    return lat_rad, np.arctan2(y, x), height_m


@inlined
def vertical_at(x_m: float, y_m: float, z_m: float) -> tuple[float, float, float, float]:
    """Return the upward unit vector (x, y, z) and the ellipsoidal height [m] at one ECEF position, for kernels.

    One step of Bowring's iteration: heights to a micrometre and directions to 1e-9 rad from 10 km below the ellipsoid
    to 100 km above it, the poles included; a millimetre and 1e-6 rad at the geostationary orbit.

    Source: Bowring (1976), Transformation from spatial to geographical coordinates, Survey Review 23, 323-327.
    """
    across = math.sqrt(x_m * x_m + y_m * y_m)
    reduced_z, reduced_p = z_m * SEMI_MAJOR_AXIS_M, across * SEMI_MINOR_AXIS_M
    scale = 1.0 / math.sqrt(reduced_z * reduced_z + reduced_p * reduced_p)
    sin_b, cos_b = reduced_z * scale, reduced_p * scale
    up_z = z_m + ECCENTRICITY_SQUARED / (1.0 - ECCENTRICITY_SQUARED) * SEMI_MINOR_AXIS_M * sin_b * sin_b * sin_b
    up_p = across - ECCENTRICITY_SQUARED * SEMI_MAJOR_AXIS_M * cos_b * cos_b * cos_b
    scale = 1.0 / math.sqrt(up_z * up_z + up_p * up_p)
    up_z, up_p = up_z * scale, up_p * scale
    height = across * up_p + z_m * up_z - SEMI_MAJOR_AXIS_M * math.sqrt(1.0 - ECCENTRICITY_SQUARED * up_z * up_z)
    along = up_p / across if across > 0.0 else 0.0
    return x_m * along, y_m * along, up_z, height


def _root_inside_evolute(r: Floats, s: Floats, discriminant: Floats) -> Floats:
    """Return the root of the cubic where all three of its roots are real (casus irreducibilis)."""
    cube = np.sqrt(np.maximum(-8.0 * r * r * r, 0.0))
    angle = 2.0 / 3.0 * np.arctan2(np.sqrt(s), np.sqrt(np.maximum(-discriminant, 0.0)) + cube)
    root: Floats = -4.0 * r * np.sin(angle) * np.cos(np.pi / 6.0 + angle)
    return root


def enu_axes(lat_rad: Floats | float, lon_rad: Floats | float) -> Floats:
    """Return (n, 3, 3) matrices whose rows are east, north and up in ECEF, so that enu = axes @ ecef vector.

    Source: IOGP Geomatics Guidance Note 373-7-2, method 9836 (geocentric/topocentric conversions).
    """
    sin_lat, cos_lat, sin_lon, cos_lon = np.broadcast_arrays(
        np.sin(lat_rad), np.cos(lat_rad), np.sin(lon_rad), np.cos(lon_rad)
    )
    axes = np.empty((*sin_lat.shape, 3, 3))
    axes[..., 0, 0], axes[..., 0, 1], axes[..., 0, 2] = -sin_lon, cos_lon, 0.0
    axes[..., 1, 0], axes[..., 1, 1], axes[..., 1, 2] = -sin_lat * cos_lon, -sin_lat * sin_lon, cos_lat
    axes[..., 2, 0], axes[..., 2, 1], axes[..., 2, 2] = cos_lat * cos_lon, cos_lat * sin_lon, sin_lat
    return axes


def enu_axes_at(position_ecef_m: Floats) -> Floats:
    """Return (n, 3, 3) east, north, up rows (see `enu_axes`) at (n, 3) ECEF positions."""
    lat_rad, lon_rad, _ = geodetic_from_ecef(position_ecef_m)
    return enu_axes(lat_rad, lon_rad)


def enu_from_ecef(position_ecef_m: Floats, origin_ecef_m: Floats) -> Floats:
    """Return (n, 3) east, north, up [m] of ECEF positions as seen from (3,) or (n, 3) ECEF origins."""
    enu_m: Floats = np.matvec(enu_axes_at(origin_ecef_m), position_ecef_m - origin_ecef_m)
    return enu_m


def ecef_from_enu(enu_m: Floats, origin_ecef_m: Floats) -> Floats:
    """Return (n, 3) ECEF positions [m] of east, north, up offsets from (3,) or (n, 3) ECEF origins."""
    position_ecef_m: Floats = origin_ecef_m + np.vecmat(enu_m, enu_axes_at(origin_ecef_m))
    return position_ecef_m
