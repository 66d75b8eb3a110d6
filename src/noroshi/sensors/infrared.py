"""An infrared satellite: the direction in which something hot is seen, and nothing of how far away it is."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from noroshi.estimation.kalman import symmetric
from noroshi.geo.wgs84 import SEMI_MAJOR_AXIS_M, SEMI_MINOR_AXIS_M, Floats, ecef_from_geodetic
from noroshi.records import SensorSite
from noroshi.sensors import parameters_of

AZIMUTH, ELEVATION = 0, 1
SMALLEST_M = 1e-3  # below this a distance has no direction worth dividing by
SMALLEST_COSINE = 1e-6  # nearer to the Earth's axis than this the noise of an azimuth grows no further


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sensor:
    """Azimuth and elevation of the line of sight in Earth-fixed axes, from an origin that moves.

    With u the unit vector from the origin to the target in ECEF, the azimuth is atan2(u_y, u_x) and the elevation
    asin(u_z): right ascension and declination, in axes that turn with the Earth. So a line means the same whatever the
    attitude and orbit of the satellite; each row says where it was taken from. The light's travel and its aberration
    (25 microradian in a low orbit) are for who makes the detections to remove.

    Parameters: the noise `line_sigma_rad` is along each of the two directions across the line. A target is seen up to
    `range_m_max`, if the line to it stays above `cloud_top_m` over the ellipsoid: neither the Earth nor cloud is in the
    way, and below the cloud tops nothing is seen. Alone, a line says nothing of range: the target is taken to be where
    the line is between `height_prior_m_min` and `height_prior_m_max`, with `least_range_sigma_m` at least; a velocity
    along each axis is taken to be within `speed_sigma_m_s`. Several lines make a fix: `estimation/triangulation.py`.
    """

    COMPONENTS: ClassVar[tuple[str, ...]] = ("line_azimuth_rad", "line_elevation_rad")
    REQUIRED: ClassVar[tuple[str, ...]] = ("line_azimuth_rad", "line_elevation_rad")
    WRAPPED: ClassVar[tuple[str, ...]] = ("line_azimuth_rad",)
    NEEDS_ORIGIN: ClassVar[bool] = True
    BOUNDS: ClassVar[Mapping[str, tuple[float, float]]] = {
        "line_azimuth_rad": (-2.0 * math.pi, 2.0 * math.pi),
        "line_elevation_rad": (-math.pi / 2.0, math.pi / 2.0),
    }
    PARAMETERS: ClassVar[Mapping[str, float]] = {
        "line_sigma_rad": 50e-6,
        "detection_probability": 0.9,
        "scan_period_s": 5.0,
        "range_m_max": 5e7,
        "cloud_top_m": 10_000.0,
        "height_prior_m_min": 0.0,
        "height_prior_m_max": 100_000.0,
        "least_range_sigma_m": 10_000.0,
        "speed_sigma_m_s": 2_000.0,
    }

    origin_ecef_m: Floats
    parameters: Mapping[str, float]

    @classmethod
    def at(cls, site: SensorSite) -> Self:
        """Return the sensor; the site's position stands in where a row has no origin. See `Sensor.at` of the room."""
        parameters = parameters_of(site, cls.PARAMETERS)
        if not parameters["height_prior_m_min"] < parameters["height_prior_m_max"]:
            raise ValueError(f"sensor {site.sensor!r}: height_prior_m_min must be below height_prior_m_max")
        return cls(
            origin_ecef_m=ecef_from_geodetic(site.lat_rad, site.lon_rad, site.height_m),
            parameters=parameters,
        )

    def measure(self, states: Floats, origin_ecef_m: Floats) -> Floats:
        """Return (n, 2) directions; the azimuth is in (-pi, pi]."""
        x, y, z = (states[:, :3] - origin_ecef_m).T
        return np.stack([np.arctan2(y, x), np.arctan2(z, np.hypot(x, y))], axis=1)

    def jacobian(self, states: Floats, origin_ecef_m: Floats) -> Floats:
        """Return (n, 2, 6) derivatives of `measure` by the state."""
        x, y, z = (states[:, :3] - origin_ecef_m).T
        across = np.maximum(np.hypot(x, y), SMALLEST_M)
        square = np.maximum(x**2 + y**2 + z**2, SMALLEST_M**2)
        rows = np.zeros((len(states), 2, 6))
        rows[:, AZIMUTH, 0], rows[:, AZIMUTH, 1] = -y / across**2, x / across**2
        rows[:, ELEVATION, 0], rows[:, ELEVATION, 1] = -z * x / (across * square), -z * y / (across * square)
        rows[:, ELEVATION, 2] = across / square
        return rows

    def noise(self, values: Floats) -> Floats:
        """Return (n, 2, 2) noise: one angle across the line, whatever the elevation."""
        sigma = self.parameters["line_sigma_rad"]
        cosine = np.maximum(np.cos(np.nan_to_num(values[:, ELEVATION])), SMALLEST_COSINE)
        noise = np.zeros((len(values), 2, 2))
        noise[:, AZIMUTH, AZIMUTH] = (sigma / cosine) ** 2
        noise[:, ELEVATION, ELEVATION] = sigma**2
        return noise

    def locate(self, values: Floats, covariances: Floats, origin_ecef_m: Floats) -> tuple[Floats, Floats]:
        """Return (n, 6) states and (n, 6, 6) covariances; see `Sensor.locate` of the room.

        In the middle of where the line is at the prior's heights, half of that way the standard deviation along it.
        Across the line the mean square of the range counts.
        """
        p = self.parameters
        cosine, sine = np.cos(values[:, ELEVATION]), np.sin(values[:, ELEVATION])
        right = np.stack([-np.sin(values[:, AZIMUTH]), np.cos(values[:, AZIMUTH]), np.zeros(len(values))], axis=1)
        line = np.stack([cosine * right[:, 1], -cosine * right[:, 0], sine], axis=1)
        up = np.cross(line, right)
        near_m, far_m = _between(line, origin_ecef_m, p["height_prior_m_min"], p["height_prior_m_max"])
        sigma_m = np.maximum((far_m - near_m) / 2.0, p["least_range_sigma_m"])
        range_m = np.maximum((far_m + near_m) / 2.0, sigma_m)
        states = np.zeros((len(values), 6))
        states[:, :3] = origin_ecef_m + range_m[:, None] * line
        columns = np.stack([right * np.maximum(cosine, SMALLEST_COSINE)[:, None], up], axis=2)
        covariance = np.zeros((len(values), 6, 6))
        covariance[:, :3, :3] = columns @ covariances @ columns.swapaxes(1, 2)
        covariance[:, :3, :3] *= (range_m**2 + sigma_m**2)[:, None, None]
        covariance[:, :3, :3] += (sigma_m**2)[:, None, None] * line[:, :, None] * line[:, None, :]
        covariance[:, 3:, 3:] = p["speed_sigma_m_s"] ** 2 * np.eye(3)
        return states, symmetric(covariance)

    def detection_probability(self, states: Floats, origin_ecef_m: Floats) -> Floats:
        """Return (n,) chances: one number, or 0 where the Earth or cloud is in the way or the target is too far."""
        p = self.parameters
        range_m = np.linalg.norm(states[:, :3] - origin_ecef_m, axis=1)
        clear = _is_clear(states[:, :3], origin_ecef_m, p["cloud_top_m"]) & (range_m <= p["range_m_max"])
        return np.where(clear, p["detection_probability"], 0.0)


def _scale(height_m: float) -> Floats:
    """Return (3,) what the axes are divided by to make the ellipsoid raised by a height a unit sphere.

    The raised ellipsoid is at the height exactly on the equator and at the poles and within 1e-5 of it between.
    """
    return np.array([SEMI_MAJOR_AXIS_M, SEMI_MAJOR_AXIS_M, SEMI_MINOR_AXIS_M]) + height_m


def _is_clear(position_ecef_m: Floats, origin_ecef_m: Floats, height_m: float) -> NDArray[np.bool_]:
    """Return (n,) whether all of the way from origin to position is above a height."""
    start = origin_ecef_m / _scale(height_m)
    way = position_ecef_m / _scale(height_m) - start
    nearest = np.clip(-np.vecdot(start, way) / np.maximum(np.vecdot(way, way), SMALLEST_M**2), 0.0, 1.0)
    is_clear: NDArray[np.bool_] = np.linalg.norm(start + nearest[:, None] * way, axis=1) >= 1.0
    return is_clear


def _between(line: Floats, origin_ecef_m: Floats, low_m: float, high_m: float) -> tuple[Floats, Floats]:
    """Return the (n,) ranges at which a line comes between two heights, and at which it goes out below or above.

    A line that does not come there gives the range at which it is nearest to the Earth, twice.
    """
    enters, leaves = _crossings(line, origin_ecef_m, high_m)
    ground, _ = _crossings(line, origin_ecef_m, low_m)
    far_m = np.where(np.isfinite(ground) & (ground > 0.0), ground, leaves)
    nearest = np.maximum(-np.vecdot(line, origin_ecef_m), 0.0)
    misses = ~(leaves > 0.0)
    return np.where(misses, nearest, np.maximum(enters, 0.0)), np.where(misses, nearest, far_m)


def _crossings(line: Floats, origin_ecef_m: Floats, height_m: float) -> tuple[Floats, Floats]:
    """Return the (n,) two ranges at which lines cross the ellipsoid raised by a height; NaN where they pass it by."""
    start, way = origin_ecef_m / _scale(height_m), line / _scale(height_m)
    a, b, c = np.vecdot(way, way), np.vecdot(start, way), np.vecdot(start, start) - 1.0
    square = b**2 - a * c
    root = np.sqrt(np.where(square > 0.0, square, np.nan))
    return (-b - root) / a, (-b + root) / a
