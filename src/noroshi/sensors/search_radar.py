"""A radar that looks round: primary or secondary, 2-D or 3-D, with or without Mode C and range rate."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from noroshi.estimation.kalman import symmetric
from noroshi.geo.horizon import is_above_horizon
from noroshi.geo.wgs84 import MEAN_RADIUS_M, Floats, ecef_from_geodetic, enu_axes, enu_axes_at, geodetic_from_ecef
from noroshi.records import SensorSite
from noroshi.sensors import parameters_of

RANGE, AZIMUTH, ELEVATION, ALTITUDE, RANGE_RATE = range(5)
SMALLEST_M = 1e-3  # below this a distance has no direction worth dividing by
NEWTON_STEPS = 3  # to 1e-8 m at 5000 km; two would do at 400 km


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sensor:
    """Slant range, azimuth clockwise from true north, elevation above the local horizontal, altitude, range rate.

    A plot lacks (NaN) what its radar does not measure. The horizontal and true north are those of the ellipsoid at the
    origin. The altitude is compared with the state's height above the ellipsoid. Mode C is a pressure altitude, off by
    the day's weather and the geoid (hundreds of metres); it is not corrected here, so the vertical of the picture is
    whatever the plots carry. The range rate is positive where the range opens; the radar itself stands on the Earth.

    Parameters: the noise is a standard deviation for each component; the altitude's has that of the rounding to
    `altitude_step_m` (25 ft) added to it in squares. Targets are seen from `range_m_min` to `range_m_max`, above the
    radar horizon. A plot without height is taken to be at `altitude_prior_m`, but no more than half its range above or
    below the radar; a velocity along each horizontal axis is taken to be within `speed_sigma_m_s`, a climb within
    `climb_sigma_m_s`.
    """

    COMPONENTS: ClassVar[tuple[str, ...]] = ("range_m", "azimuth_rad", "elevation_rad", "altitude_m", "range_rate_m_s")
    REQUIRED: ClassVar[tuple[str, ...]] = ("range_m", "azimuth_rad")
    WRAPPED: ClassVar[tuple[str, ...]] = ("azimuth_rad",)
    NEEDS_ORIGIN: ClassVar[bool] = True
    BOUNDS: ClassVar[Mapping[str, tuple[float, float]]] = {
        "range_m": (1.0, 5e6),
        "azimuth_rad": (-2.0 * math.pi, 2.0 * math.pi),
        "elevation_rad": (-math.pi / 2.0, math.pi / 2.0),
        "altitude_m": (-1_500.0, 2e6),
        "range_rate_m_s": (-15_000.0, 15_000.0),
    }
    PARAMETERS: ClassVar[Mapping[str, float]] = {
        "range_sigma_m": 70.0,
        "azimuth_sigma_rad": math.radians(0.08),
        "elevation_sigma_rad": math.radians(0.1),
        "altitude_sigma_m": 1.0,
        "altitude_step_m": 7.62,
        "range_rate_sigma_m_s": 2.0,
        "detection_probability": 0.9,
        "scan_period_s": 10.0,
        "range_m_min": 500.0,
        "range_m_max": 400_000.0,
        "altitude_prior_m": 6_000.0,
        "altitude_prior_sigma_m": 5_000.0,
        "speed_sigma_m_s": 300.0,
        "climb_sigma_m_s": 20.0,
    }

    origin_ecef_m: Floats
    parameters: Mapping[str, float]

    @classmethod
    def at(cls, site: SensorSite) -> Self:
        """Return the radar at the site; see `Sensor.at` of the room."""
        parameters = parameters_of(site, cls.PARAMETERS)
        if not 0.0 <= parameters["range_m_min"] < parameters["range_m_max"]:
            raise ValueError(f"sensor {site.sensor!r}: range_m_min must be from 0 to below range_m_max")
        return cls(
            origin_ecef_m=ecef_from_geodetic(site.lat_rad, site.lon_rad, site.height_m),
            parameters=parameters,
        )

    def measure(self, states: Floats, origin_ecef_m: Floats) -> Floats:
        """Return (n, 5) measurements; the azimuth is in (-pi, pi]."""
        offset = states[:, :3] - origin_ecef_m
        east, north, up = np.matvec(_axes(origin_ecef_m), offset).T
        ground = np.hypot(east, north)
        range_m = np.hypot(ground, up)
        range_rate = np.vecdot(offset, states[:, 3:6]) / np.maximum(range_m, SMALLEST_M)
        altitude = geodetic_from_ecef(states[:, :3])[2]
        return np.stack([range_m, np.arctan2(east, north), np.arctan2(up, ground), altitude, range_rate], axis=1)

    def jacobian(self, states: Floats, origin_ecef_m: Floats) -> Floats:
        """Return (n, 5, 6) derivatives of `measure` by the state."""
        axes = _axes(origin_ecef_m)
        offset, velocity = states[:, :3] - origin_ecef_m, states[:, 3:6]
        enu = np.matvec(axes, offset)
        ground = np.maximum(np.hypot(enu[:, 0], enu[:, 1]), SMALLEST_M)[:, None]
        range_m = np.maximum(np.linalg.norm(offset, axis=1), SMALLEST_M)[:, None]
        sight = offset / range_m
        outward = (enu[:, :1] * axes[:, 0] + enu[:, 1:2] * axes[:, 1]) / ground
        rightward = (enu[:, 1:2] * axes[:, 0] - enu[:, :1] * axes[:, 1]) / ground
        rate = np.vecdot(sight, velocity)[:, None]
        lat_rad, lon_rad, _ = geodetic_from_ecef(states[:, :3])
        rows = np.zeros((len(states), 5, 6))
        rows[:, RANGE, :3] = sight
        rows[:, AZIMUTH, :3] = rightward / ground
        rows[:, ELEVATION, :3] = (ground * axes[:, 2] - enu[:, 2:] * outward) / range_m**2
        rows[:, ALTITUDE, :3] = enu_axes(lat_rad, lon_rad)[:, 2]
        rows[:, RANGE_RATE, :3] = (velocity - rate * sight) / range_m
        rows[:, RANGE_RATE, 3:] = sight
        return rows

    def noise(self, values: Floats) -> Floats:
        """Return (n, 5, 5) noise, the same for all rows.

        Rounding to steps of q has variance q^2/12.
        """
        p = self.parameters
        variances = np.array(
            [
                p["range_sigma_m"] ** 2,
                p["azimuth_sigma_rad"] ** 2,
                p["elevation_sigma_rad"] ** 2,
                p["altitude_sigma_m"] ** 2 + p["altitude_step_m"] ** 2 / 12.0,
                p["range_rate_sigma_m_s"] ** 2,
            ]
        )
        return np.broadcast_to(np.diag(variances), (len(values), 5, 5)).copy()

    def locate(self, values: Floats, covariances: Floats, origin_ecef_m: Floats) -> tuple[Floats, Floats]:
        """Return (n, 6) states and (n, 6, 6) covariances; see `Sensor.locate` of the room.

        The position comes from range, azimuth and height (measured, else from the elevation, else the prior); one
        Gauss-Newton step from there weighs in the rest: the elevation where there is a height too, the range rate.
        """
        measured = ~np.isnan(values)
        values, covariances, used = self._with_height(values, covariances, origin_ecef_m)
        states = np.zeros((len(values), 6))
        states[:, :3] = _positions(values, covariances, origin_ecef_m)
        rest = np.zeros_like(measured)
        rest[:, ELEVATION] = measured[:, ELEVATION] & measured[:, ALTITUDE]
        rest[:, RANGE_RATE] = measured[:, RANGE_RATE]
        expected = self.measure(states, origin_ecef_m)
        innovation = np.where(rest, values - expected, 0.0)
        rows = self.jacobian(states, origin_ecef_m)
        p = self.parameters
        speeds = np.array([p["speed_sigma_m_s"], p["speed_sigma_m_s"], p["climb_sigma_m_s"]])
        axes = enu_axes_at(states[:, :3])
        covariances[:, RANGE_RATE, RANGE_RATE] += _turned_sight(
            rows, _weights(covariances, used), axes.swapaxes(1, 2) @ (speeds[:, None] ** 2 * axes), expected[:, RANGE]
        )
        gain = rows.swapaxes(1, 2) @ _weights(covariances, used)
        information = gain @ rows
        information[:, 3:, 3:] += axes.swapaxes(1, 2) @ (speeds[:, None] ** -2.0 * axes)
        covariance: Floats = symmetric(np.linalg.inv(information).astype(np.float64, copy=False))
        return states + np.matvec(covariance, np.matvec(gain, innovation)), covariance

    def detection_probability(self, states: Floats, origin_ecef_m: Floats) -> Floats:
        """Return (n,) chances: one number inside the coverage, 0 outside."""
        p = self.parameters
        range_m = np.linalg.norm(states[:, :3] - origin_ecef_m, axis=1)
        covered = (range_m >= p["range_m_min"]) & (range_m <= p["range_m_max"])
        return np.where(covered & is_above_horizon(states[:, :3], origin_ecef_m), p["detection_probability"], 0.0)

    def _with_height(
        self, values: Floats, covariances: Floats, origin_ecef_m: Floats
    ) -> tuple[Floats, Floats, NDArray[np.bool_]]:
        """Return values and noise with the prior's altitude where nothing tells the height, and what is then known.

        So uncertain a height leaves the plane that touches the sphere of equal range: displaced by x along the plane, a
        target is x^2 / (2 range) off the sphere. Its mean square, 3 sigma_x^4 / (4 range^2), is added to the range's
        noise.
        """
        p = self.parameters
        known = ~np.isnan(values)
        flat = ~known[:, ALTITUDE] & ~known[:, ELEVATION]
        values, covariances = values.copy(), covariances.copy()
        range_m, radar_height = values[flat, RANGE], geodetic_from_ecef(origin_ecef_m[flat])[2]
        altitude = np.clip(p["altitude_prior_m"], radar_height - range_m / 2.0, radar_height + range_m / 2.0)
        sigma = np.minimum(p["altitude_prior_sigma_m"], range_m / 3.0)
        cosine_squared = 1.0 - ((altitude - radar_height) / range_m) ** 2
        values[flat, ALTITUDE] = altitude
        covariances[flat, ALTITUDE, :] = 0.0
        covariances[flat, :, ALTITUDE] = 0.0
        covariances[flat, ALTITUDE, ALTITUDE] = sigma**2
        covariances[flat, RANGE, RANGE] += 0.75 * (sigma**2 / cosine_squared / range_m) ** 2
        return values, covariances, ~np.isnan(values)


def _axes(origin_ecef_m: Floats) -> Floats:
    """Return (n, 3, 3) local axes, or (1, 3, 3) where all rows have one origin, as those of a fixed radar do."""
    one = origin_ecef_m[:1]
    return enu_axes_at(one if np.all(origin_ecef_m == one) else origin_ecef_m)


def _weights(covariances: Floats, used: NDArray[np.bool_]) -> Floats:
    """Return (n, 5, 5) inverses of the noise among the components used, 0 elsewhere."""
    both = used[:, :, None] & used[:, None, :]
    return np.where(both, np.linalg.inv(np.where(both, covariances, np.eye(5))), 0.0)


def _turned_sight(rows: Floats, weights: Floats, velocity_covariance: Floats, range_m: Floats) -> Floats:
    """Return (n,) variances that the range rate has because its sight line is not known exactly.

    A sight line that is off by an angle takes in that much of the velocity across it. With C = (1 - s s') / range, the
    derivative of the sight line s by the position, the mean square of dp' C dv is trace(C P C V).
    """
    sight = rows[:, RANGE, :3]
    of_position = rows[:, :RANGE_RATE, :3]
    information = of_position.swapaxes(1, 2) @ weights[:, :RANGE_RATE, :RANGE_RATE] @ of_position
    across = (np.eye(3) - sight[:, :, None] * sight[:, None, :]) / range_m[:, None, None]
    spread = across @ np.linalg.inv(information) @ across @ velocity_covariance
    variance: Floats = np.trace(spread, axis1=1, axis2=2)
    return variance


def _positions(values: Floats, covariances: Floats, origin_ecef_m: Floats) -> Floats:
    """Return (n, 3) ECEF positions from range, azimuth and (altitude, else elevation).

    Nearly overhead the range tells little of the ground distance, and noise may make it shorter than the height: there
    the ground distance is held at the square root of its square's standard deviation, at which its own is half as much.
    """
    range_m, azimuth, elevation, altitude, _ = values.T
    axes = _axes(origin_ecef_m)
    outward = np.sin(azimuth)[:, None] * axes[:, 0] + np.cos(azimuth)[:, None] * axes[:, 1]
    range_sigma, _, elevation_sigma, altitude_sigma, _ = np.sqrt(np.diagonal(covariances, axis1=1, axis2=2)).T
    drop = range_m**2 / (2.0 * MEAN_RADIUS_M)
    rise = altitude - geodetic_from_ecef(origin_ecef_m)[2] - drop
    floor = np.sqrt(2.0 * np.hypot(np.maximum(range_m, np.abs(rise)) * range_sigma, rise * altitude_sigma))
    rise = np.clip(rise, -range_m, range_m)
    by_elevation = np.isnan(altitude)
    rise = np.where(by_elevation, range_m * np.sin(elevation), rise)
    floor = np.maximum(np.where(by_elevation, range_m * elevation_sigma, floor), 1.0)
    for _ in range(NEWTON_STEPS):
        ground = np.sqrt(np.maximum(range_m**2 - rise**2, floor**2))
        position = origin_ecef_m + ground[:, None] * outward + rise[:, None] * axes[:, 2]
        lat_rad, lon_rad, height = geodetic_from_ecef(position)
        vertical = enu_axes(lat_rad, lon_rad)[:, 2]
        slope = np.vecdot(vertical, axes[:, 2]) - np.where(
            ground > floor, np.vecdot(vertical, outward) * rise / ground, 0.0
        )
        rise = np.where(by_elevation, rise, rise + (altitude - height) / slope)
    ground = np.sqrt(np.maximum(range_m**2 - rise**2, floor**2))
    found: Floats = origin_ecef_m + ground[:, None] * outward + rise[:, None] * axes[:, 2]
    return found
