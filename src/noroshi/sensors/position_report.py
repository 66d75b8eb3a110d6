"""A target that says where it is, or another's word for it: ADS-B, multilateration, AIS, another nation's reports."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from noroshi.estimation.kalman import symmetric
from noroshi.geo.curvature import radii_of_curvature_m
from noroshi.geo.horizon import is_above_horizon
from noroshi.geo.wgs84 import Floats, ecef_from_geodetic, enu_axes, geodetic_from_ecef
from noroshi.records import SensorSite
from noroshi.sensors import at_sea_level, surface_parameters_of
from noroshi.sensors.rows import AIR_DEPTH_M, FIRST, LOG_VOLUME, RADIUS, SPEED_SPAN_M_S, WIDTH, filled, plain_rows

LAT, LON, ALTITUDE, EAST, NORTH, CLIMB = range(6)
FIELD_M = 1_000_000.0  # false reports are spread over this much of each horizontal axis
GROUND_CLIMB_SIGMA_M_S = 0.1
"""Who states so little climb has its wheels on the ground: taxiways slope by 1.5 % at most (ICAO Annex 14, 3.9.3)."""
SMALLEST_M = 1.0  # nearer to the Earth's axis than this a longitude has no derivative worth dividing by


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sensor:
    """Geodetic position, and velocity along local east, north and up at the target.

    The altitude is compared with the state's height above the ellipsoid; where a report gives a pressure altitude, the
    vertical of the picture is pressure altitude too. Where the sensor has a position, it is the receiver's: it plays no
    part in the measurement, and targets below its radio horizon are not seen. A report without altitude whose climb is
    0 to within `GROUND_CLIMB_SIGMA_M_S` comes from the ground: a first one is put as high as airports are.

    Parameters: `position_sigma_m` is along each horizontal axis. `surface = 1` is for ships: each report without
    altitude counts as measured near sea level (else a first one as at `altitude_prior_m`), and the priors of speed and
    climb are slower.
    """

    COMPONENTS: ClassVar[tuple[str, ...]] = (
        "lat_rad",
        "lon_rad",
        "altitude_m",
        "velocity_east_m_s",
        "velocity_north_m_s",
        "velocity_up_m_s",
    )
    REQUIRED: ClassVar[tuple[str, ...]] = ("lat_rad", "lon_rad")
    WRAPPED: ClassVar[tuple[str, ...]] = ("lon_rad",)
    NEEDS_ORIGIN: ClassVar[bool] = False
    BOUNDS: ClassVar[Mapping[str, tuple[float, float]]] = {
        "lat_rad": (-math.radians(89.9), math.radians(89.9)),
        "lon_rad": (-2.0 * math.pi, 2.0 * math.pi),
        "altitude_m": (-1_500.0, 2e6),
        "velocity_east_m_s": (-15_000.0, 15_000.0),
        "velocity_north_m_s": (-15_000.0, 15_000.0),
        "velocity_up_m_s": (-15_000.0, 15_000.0),
    }
    PARAMETERS: ClassVar[Mapping[str, float]] = {
        "position_sigma_m": 30.0,
        "altitude_sigma_m": 10.0,
        "velocity_sigma_m_s": 2.0,
        "detection_probability": 0.95,
        "scan_period_s": 1.0,
        "surface": 0.0,
        "altitude_prior_m": 5_000.0,
        "altitude_prior_sigma_m": 5_000.0,
        "speed_sigma_m_s": 300.0,
        "climb_sigma_m_s": 20.0,
        "ground_altitude_m": 200.0,  # of airports: most are between the sea and 1,200 m
        "ground_altitude_sigma_m": 500.0,
        "ground_speed_sigma_m_s": 15.0,
    }

    origin_ecef_m: Floats
    parameters: Mapping[str, float]

    @classmethod
    def at(cls, site: SensorSite) -> Self:
        """Return the source at the site; see `Sensor.at` of the room."""
        return cls(
            origin_ecef_m=ecef_from_geodetic(site.lat_rad, site.lon_rad, site.height_m),
            parameters=surface_parameters_of(site, cls.PARAMETERS),
        )

    def measure(self, states: Floats, origin_ecef_m: Floats) -> Floats:
        """Return (n, 6) measurements; the longitude is in (-pi, pi]."""
        lat_rad, lon_rad, height_m = geodetic_from_ecef(states[:, :3])
        velocity_enu = np.matvec(enu_axes(lat_rad, lon_rad), states[:, 3:6])
        return np.hstack([np.stack([lat_rad, lon_rad, height_m], axis=1), velocity_enu])

    def jacobian(self, states: Floats, origin_ecef_m: Floats) -> Floats:
        """Return (n, 6, 6) derivatives of `measure` by the state."""
        lat_rad, lon_rad, height_m = geodetic_from_ecef(states[:, :3])
        axes = enu_axes(lat_rad, lon_rad)
        north_m_rad, east_m_rad = _arcs_m_rad(lat_rad, height_m)
        rows = np.zeros((len(states), 6, 6))
        rows[:, 0, :3] = axes[:, 1] / north_m_rad[:, None]
        rows[:, 1, :3] = axes[:, 0] / east_m_rad[:, None]
        rows[:, 2, :3] = axes[:, 2]
        rows[:, 3:, 3:] = axes
        turned = _turn(np.matvec(axes, states[:, 3:6]), lat_rad)
        rows[:, 3:, :3] = turned @ rows[:, :2, :3]
        return rows

    def noise(self, values: Floats) -> Floats:
        """Return (n, 6, 6) noise; that of latitude and longitude is of one length on the ground."""
        p = self.parameters
        lat_rad = np.nan_to_num(values[:, LAT])
        north_m_rad, east_m_rad = _arcs_m_rad(lat_rad, np.zeros_like(lat_rad))
        sigmas = np.empty((len(values), 6))
        sigmas[:, 0] = p["position_sigma_m"] / north_m_rad
        sigmas[:, 1] = p["position_sigma_m"] / east_m_rad
        sigmas[:, 2] = p["altitude_sigma_m"]
        sigmas[:, 3:] = p["velocity_sigma_m_s"]
        return np.where(np.eye(6, dtype=bool), sigmas[:, :, None] ** 2, 0.0)

    def locate(
        self,
        values: Floats,
        covariances: Floats,
        origin_ecef_m: Floats,
    ) -> tuple[Floats, Floats]:
        """Return (n, 6) states and (n, 6, 6) covariances; see `Sensor.locate` of the room."""
        p = self.parameters
        altitude_m, altitude_sigma_m, speed_m_s = self._prior(values, covariances)
        priors, prior_sigmas = np.zeros((2, len(values), 6))
        priors[:, ALTITUDE], prior_sigmas[:, ALTITUDE] = altitude_m, altitude_sigma_m
        prior_sigmas[:, 3:5], prior_sigmas[:, CLIMB] = speed_m_s[:, None], p["climb_sigma_m_s"]
        measured = ~np.isnan(values)
        values = np.where(measured, values, priors)
        both = measured[:, :, None] & measured[:, None, :]
        covariances = np.where(both, covariances, np.eye(6) * prior_sigmas[:, None] ** 2)
        lat_rad, lon_rad, height_m = values[:, :3].T
        axes = enu_axes(lat_rad, lon_rad)
        north_m_rad, east_m_rad = _arcs_m_rad(lat_rad, height_m)
        columns = np.zeros((len(values), 6, 6))
        columns[:, :3, 0] = axes[:, 1] * north_m_rad[:, None]
        columns[:, :3, 1] = axes[:, 0] * east_m_rad[:, None]
        columns[:, :3, 2] = axes[:, 2]
        columns[:, 3:, 3:] = axes.swapaxes(1, 2)
        columns[:, 3:, :2] = -columns[:, 3:, 3:] @ _turn(values[:, 3:], lat_rad)
        states = np.hstack([ecef_from_geodetic(lat_rad, lon_rad, height_m), np.vecmat(values[:, 3:], axes)])
        covariance = columns @ covariances @ columns.swapaxes(1, 2)
        return states, symmetric(covariance)

    def form(self, values: Floats, covariances: Floats, origin_ecef_m: Floats) -> Floats:
        """Return (n, 55) forms; see `sensors.rows.Linear`."""
        p = self.parameters
        at_sea = np.flatnonzero(np.isnan(values[:, ALTITUDE])) if p["surface"] else np.zeros(0, np.int64)
        if at_sea.size:
            values, covariances = at_sea_level(values, covariances, at_sea, ALTITUDE, p)
        measured = ~np.isnan(values)
        altitude_m, altitude_sigma_m, _ = self._prior(values, covariances)
        altitude = np.where(measured[:, ALTITUDE], values[:, ALTITUDE], altitude_m)
        axes = enu_axes(values[:, LAT], values[:, LON])
        north_m_rad, east_m_rad = _arcs_m_rad(values[:, LAT], altitude)
        scale = np.ones((len(values), 6))
        scale[:, 0], scale[:, 1] = north_m_rad, east_m_rad
        noise = covariances * scale[:, :, None] * scale[:, None, :]
        rows = np.zeros((len(values), 6, 6))
        rows[:, 0, :3], rows[:, 1, :3], rows[:, 2, :3], rows[:, 3:, 3:] = axes[:, 1], axes[:, 0], axes[:, 2], axes
        y = np.where(measured, values, np.nan)
        y[:, :3] = np.where(measured[:, :3], 0.0, np.nan)
        form = np.zeros((len(values), FIRST + WIDTH * 6))
        form[:, :3] = ecef_from_geodetic(values[:, LAT], values[:, LON], altitude)
        vertical = np.where(measured[:, ALTITUDE], noise[:, 2, 2], altitude_sigma_m**2)
        form[:, RADIUS] = np.sqrt(noise[:, 0, 0] + noise[:, 1, 1] + vertical)
        spans = [FIELD_M, FIELD_M, AIR_DEPTH_M, SPEED_SPAN_M_S, SPEED_SPAN_M_S, SPEED_SPAN_M_S]
        form[:, LOG_VOLUME] = np.where(measured, np.log(spans), 0.0).sum(axis=1)
        # A height that every report is given tells no target from what is false: neither gains by it.
        form[at_sea, LOG_VOLUME] += math.log(math.sqrt(2.0 * math.pi) * p["altitude_prior_sigma_m"] / AIR_DEPTH_M)
        return filled(form, rows, y, noise)

    def _prior(self, values: Floats, covariances: Floats) -> tuple[Floats, Floats, Floats]:
        """Return (n,) altitude, its spread and that of the speed, of who tells neither."""
        p = self.parameters
        grounded = (values[:, CLIMB] == 0.0) & (np.sqrt(covariances[:, CLIMB, CLIMB]) <= GROUND_CLIMB_SIGMA_M_S)
        return (
            np.where(grounded, p["ground_altitude_m"], p["altitude_prior_m"]),
            np.where(grounded, p["ground_altitude_sigma_m"], p["altitude_prior_sigma_m"]),
            np.where(grounded, p["ground_speed_sigma_m_s"], p["speed_sigma_m_s"]),
        )

    def linearise(
        self, form: Floats, i_plot: NDArray[np.int64], ahead: Floats, spread: Floats
    ) -> tuple[Floats, Floats, Floats]:
        """Return innovation (p, 6), rows (p, 6, 6) and variance (p, 6); see `sensors.rows.Linear`."""
        return plain_rows(form, i_plot, ahead)

    def detection_probability(self, states: Floats, origin_ecef_m: Floats) -> Floats:
        """Return (n,) chances: one number, or 0 below the horizon of a receiver whose place is known."""
        nowhere = np.isnan(origin_ecef_m).any(axis=1)
        seen = nowhere | is_above_horizon(states[:, :3], origin_ecef_m)
        return np.where(seen, self.parameters["detection_probability"], 0.0)


def _arcs_m_rad(lat_rad: Floats, height_m: Floats) -> tuple[Floats, Floats]:
    """Return (n,) metres northward per radian of latitude, and eastward per radian of longitude."""
    meridian_m, across_m = radii_of_curvature_m(lat_rad)
    return meridian_m + height_m, np.maximum((across_m + height_m) * np.cos(lat_rad), SMALLEST_M)


def _turn(velocity_enu_m_s: Floats, lat_rad: Floats) -> Floats:
    """Return (n, 3, 2) derivatives of a fixed vector's east, north, up parts by the axes' latitude and longitude."""
    east, north, up = velocity_enu_m_s.T
    sin_lat, cos_lat = np.sin(lat_rad), np.cos(lat_rad)
    turn = np.zeros((len(lat_rad), 3, 2))
    turn[:, 0, 1] = sin_lat * north - cos_lat * up
    turn[:, 1, 0], turn[:, 1, 1] = -up, -sin_lat * east
    turn[:, 2, 0], turn[:, 2, 1] = north, cos_lat * east
    return turn
