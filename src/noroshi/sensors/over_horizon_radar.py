"""An over-the-horizon radar: ground range and azimuth by way of the ionosphere, far, coarse and without height."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from noroshi.estimation.angles import wrap
from noroshi.estimation.kalman import symmetric
from noroshi.geo.horizon import great_circle_m
from noroshi.geo.wgs84 import MEAN_RADIUS_M, Floats, ecef_from_geodetic, enu_axes_at, geodetic_from_ecef
from noroshi.records import SensorSite
from noroshi.sensors import parameters_of

GROUND_RANGE, AZIMUTH = 0, 1
SMALLEST_M = 1e-3  # below this a distance has no direction worth dividing by
STEPS = 4  # the height settles to a millimetre


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sensor:
    """Ground range and azimuth clockwise from true north.

    The ground range is R times the angle at the Earth's centre between radar and target, R the mean radius: within
    0.25 % of the geodesic, far below what the ionosphere leaves unknown. It does not depend on the height, which is
    taken to be at `altitude_prior_m`. The azimuth is that of the straight line from the radar.

    Parameters: targets are seen from `range_m_min` to `range_m_max` within half of `azimuth_width_rad` of
    `azimuth_middle_rad`, whatever their height: the sky wave comes down on them. The noise is what is left after the
    ionosphere is accounted for. A velocity along each horizontal axis is taken to be within `speed_sigma_m_s`.

    Source: Headrick and Thomason (1998), Applications of high-frequency radar, Radio Science 33(4), 1045-1054.
    """

    COMPONENTS: ClassVar[tuple[str, ...]] = ("ground_range_m", "azimuth_rad")
    REQUIRED: ClassVar[tuple[str, ...]] = ("ground_range_m", "azimuth_rad")
    WRAPPED: ClassVar[tuple[str, ...]] = ("azimuth_rad",)
    NEEDS_ORIGIN: ClassVar[bool] = True
    IS_STRAIGHT: ClassVar[bool] = True  # its errors are wider than it bends over them
    BOUNDS: ClassVar[Mapping[str, tuple[float, float]]] = {
        "ground_range_m": (1.0, 1e7),
        "azimuth_rad": (-2.0 * math.pi, 2.0 * math.pi),
    }
    PARAMETERS: ClassVar[Mapping[str, float]] = {
        "range_sigma_m": 10_000.0,
        "azimuth_sigma_rad": math.radians(0.5),
        "detection_probability": 0.7,
        "scan_period_s": 30.0,
        "range_m_min": 900_000.0,
        "range_m_max": 3_000_000.0,
        "azimuth_middle_rad": 0.0,
        "azimuth_width_rad": math.radians(90.0),
        "altitude_prior_m": 8_000.0,
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
        if not 0.0 < parameters["azimuth_width_rad"] <= 2.0 * math.pi:
            raise ValueError(f"sensor {site.sensor!r}: azimuth_width_rad must be above 0 and at most 2 pi")
        return cls(
            origin_ecef_m=ecef_from_geodetic(site.lat_rad, site.lon_rad, site.height_m),
            parameters=parameters,
        )

    def measure(self, states: Floats, origin_ecef_m: Floats) -> Floats:
        """Return (n, 2) measurements; the azimuth is in (-pi, pi]."""
        axes = enu_axes_at(origin_ecef_m)
        east, north = np.matvec(axes[:, :2], states[:, :3] - origin_ecef_m).T
        return np.stack([great_circle_m(states[:, :3], origin_ecef_m), np.arctan2(east, north)], axis=1)

    def jacobian(self, states: Floats, origin_ecef_m: Floats) -> Floats:
        """Return (n, 2, 6) derivatives of `measure` by the state."""
        axes, position = enu_axes_at(origin_ecef_m), states[:, :3]
        east, north = np.matvec(axes[:, :2], position - origin_ecef_m).T[:, :, None]
        square = np.maximum(east**2 + north**2, SMALLEST_M**2)
        from_centre_m = np.linalg.norm(position, axis=1)[:, None]
        up = position / from_centre_m
        away = np.vecdot(up, origin_ecef_m)[:, None] * up - origin_ecef_m
        away /= np.maximum(np.linalg.norm(away, axis=1)[:, None], SMALLEST_M)
        rows = np.zeros((len(states), 2, 6))
        rows[:, GROUND_RANGE, :3] = MEAN_RADIUS_M / from_centre_m * away
        rows[:, AZIMUTH, :3] = (north * axes[:, 0] - east * axes[:, 1]) / square
        return rows

    def noise(self, values: Floats) -> Floats:
        """Return (n, 2, 2) noise, the same for all rows."""
        p = self.parameters
        return np.tile(np.diag([p["range_sigma_m"] ** 2, p["azimuth_sigma_rad"] ** 2]), (len(values), 1, 1))

    def locate(self, values: Floats, covariances: Floats, origin_ecef_m: Floats) -> tuple[Floats, Floats]:
        """Return (n, 6) states and (n, 6, 6) covariances; see `Sensor.locate` of the room.

        The ground range says the angle at the Earth's centre, the azimuth the plane through the radar's vertical, and
        the prior the height.
        """
        p = self.parameters
        axes, azimuth = enu_axes_at(origin_ecef_m), values[:, AZIMUTH, None]
        sin, cos = np.sin(azimuth), np.cos(azimuth)
        ahead, right = sin * axes[:, 0] + cos * axes[:, 1], cos * axes[:, 0] - sin * axes[:, 1]
        angle = values[:, GROUND_RANGE] / MEAN_RADIUS_M
        position, outward = _reached(angle, ahead, right, origin_ecef_m, p["altitude_prior_m"])
        arm_m = np.hypot(*np.matvec(axes[:, :2], position - origin_ecef_m).T)
        stretch = np.linalg.norm(position, axis=1) / MEAN_RADIUS_M
        columns = np.stack([stretch[:, None] * outward, arm_m[:, None] * right], axis=2)
        up = enu_axes_at(position)[:, 2]
        upward = up[:, :, None] * up[:, None, :]
        covariance = np.zeros((len(values), 6, 6))
        covariance[:, :3, :3] = columns @ covariances @ columns.swapaxes(1, 2)
        covariance[:, :3, :3] += p["altitude_prior_sigma_m"] ** 2 * upward
        covariance[:, 3:, 3:] = p["speed_sigma_m_s"] ** 2 * (np.eye(3) - upward) + p["climb_sigma_m_s"] ** 2 * upward
        return np.hstack([position, np.zeros_like(position)]), symmetric(covariance)

    def room(self, values: Floats) -> Floats:
        """Return (n,) ranges times azimuths [m rad] that hold all false plots of a look if they are as dense as here.

        They are even over the ground that it sees, so there are more of them to a metre of range the further off it is.
        """
        p = self.parameters
        near_m, far_m = p["range_m_min"], p["range_m_max"]
        range_m = np.clip(values[:, GROUND_RANGE], max(near_m, SMALLEST_M), far_m)
        room: Floats = p["azimuth_width_rad"] * (far_m**2 - near_m**2) / (2.0 * range_m)
        return room

    def detection_probability(self, states: Floats, origin_ecef_m: Floats) -> Floats:
        """Return (n,) chances: one number in range and sector, 0 outside."""
        p = self.parameters
        ground_range_m, azimuth = self.measure(states, origin_ecef_m).T
        seen = (ground_range_m >= p["range_m_min"]) & (ground_range_m <= p["range_m_max"])
        seen &= np.abs(wrap(azimuth - p["azimuth_middle_rad"])) <= p["azimuth_width_rad"] / 2.0
        return np.where(seen, p["detection_probability"], 0.0)


def _reached(
    angle: Floats, ahead: Floats, right: Floats, origin_ecef_m: Floats, height_m: float
) -> tuple[Floats, Floats]:
    """Return the (n, 3) places at angles from the origin, seen from the Earth's centre, and the way on from there.

    They are at a height and have no part along `right`, as the radar sees it, whose vertical misses the centre.
    """
    from_centre_m = np.linalg.norm(origin_ecef_m, axis=1)
    start = origin_ecef_m / from_centre_m[:, None]
    level = ahead - np.vecdot(ahead, start)[:, None] * start
    level /= np.linalg.norm(level, axis=1)[:, None]
    side = np.cross(level, start)
    sin, cos = np.sin(angle), np.cos(angle)
    to_level, to_side = np.vecdot(right, level), np.vecdot(right, side)
    radius_m = from_centre_m + height_m
    for _ in range(STEPS):
        lift = (from_centre_m / radius_m - cos) / np.maximum(sin, SMALLEST_M / MEAN_RADIUS_M)
        wanted = np.clip(lift * np.vecdot(right, start) / np.hypot(to_level, to_side), -1.0, 1.0)
        turn = (np.arcsin(wanted) - np.arctan2(to_level, to_side))[:, None]
        way = np.cos(turn) * level + np.sin(turn) * side
        direction = cos[:, None] * start + sin[:, None] * way
        radius_m = radius_m + height_m - geodetic_from_ecef(radius_m[:, None] * direction)[2]
    return radius_m[:, None] * direction, cos[:, None] * way - sin[:, None] * start
