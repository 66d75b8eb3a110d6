"""An infrared satellite: the direction in which something hot is seen, and nothing of how far away it is."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from noroshi.estimation.kalman import symmetric
from noroshi.geo.sight import is_clear, scale_m
from noroshi.geo.wgs84 import SEMI_MAJOR_AXIS_M, Floats, ecef_from_geodetic, geodetic_from_ecef
from noroshi.kernel import kernel
from noroshi.records import Kind, SensorSite
from noroshi.sensors import parameters_of
from noroshi.sensors.rows import FIRST, LINE, LOG_VOLUME, N_ROWS, RADIUS, WIDTH

AZIMUTH, ELEVATION = 0, 1
SMALLEST_M = 1e-3  # below this a distance has no direction worth dividing by
ABOVE = math.log(1e-20), 3_000.0  # seen from above: one new target in all space below 2,000 km, as fast as missiles are
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
    From the ground or an aircraft, below `height_prior_m_max`, these and `range_m_max` also tell how many new targets a
    look has and how fast they are (`expect`): a camera that looks for aircraft starts tracks sooner if it says so.

    What is seen is hot, with `detection_probability`; what falls freely is cold, and seen with
    `cold_detection_probability` alone. What the air heats while it glides may be bright enough or not, and so at one
    look after the other. In the simulated world the same hangs on the heat that a flight has under
    thrust, gliding and after (`exercise.flight`): a body that is not said to be warm is never seen there.
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
        "cold_detection_probability": 0.02,
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
        line, right, up = _axes(values)
        range_m, sigma_m = self._range(line, origin_ecef_m)
        states = np.zeros((len(values), 6))
        states[:, :3] = origin_ecef_m + range_m[:, None] * line
        columns = np.stack([right, up], axis=2)
        covariance = np.zeros((len(values), 6, 6))
        covariance[:, :3, :3] = columns @ _across(values, covariances) @ columns.swapaxes(1, 2)
        covariance[:, :3, :3] *= (range_m**2 + sigma_m**2)[:, None, None]
        covariance[:, :3, :3] += (sigma_m**2)[:, None, None] * line[:, :, None] * line[:, None, :]
        covariance[:, 3:, 3:] = p["speed_sigma_m_s"] ** 2 * np.eye(3)
        return states, symmetric(covariance)

    def form(self, values: Floats, covariances: Floats, origin_ecef_m: Floats) -> Floats:
        """Return (n, 22) forms; see `sensors.rows.Linear`.

        What a line says in metres depends on the range: its form keeps what was measured, for `linearise`. The rows are
        in metres at the range where `locate` puts the target; false lines are even over the sphere of directions.
        """
        line, right, _ = _axes(values)
        range_m, _ = self._range(line, origin_ecef_m)
        noise = _across(values, covariances)
        form = np.zeros((len(values), FIRST + WIDTH * 2))
        form[:, :3] = origin_ecef_m + range_m[:, None] * line
        form[:, RADIUS] = self.parameters["range_m_max"]  # anywhere along it: what is known rises above any prior
        form[:, LOG_VOLUME] = np.log(4.0 * math.pi * range_m**2)
        form[:, N_ROWS] = LINE
        form[:, FIRST : FIRST + 9] = np.hstack([origin_ecef_m, line, right])
        form[:, FIRST + 9] = range_m
        form[:, FIRST + 10 : FIRST + 13] = noise[:, (0, 0, 1), (0, 1, 1)]
        return form

    def linearise(
        self, form: Floats, i_plot: NDArray[np.int64], ahead: Floats, spread: Floats
    ) -> tuple[Floats, Floats, Floats]:
        """Return innovation (p, 2), rows (p, 2, 6) and variance (p, 2); see `sensors.rows.Linear`.

        Across the expected line, to the second order: what the state's uncertainty along the line makes of the angles'
        mean and noise is taken into account. It is most of the noise where lines of two satellites meet for the first
        time, and nothing once the range is known to a hundredth.

        Source: Bar-Shalom, Li and Kirubarajan (2001), Estimation with Applications to Tracking and Navigation, section
        10.3.2 (second-order extended filter).
        """
        p = len(i_plot)
        innovation, rows, variance = np.empty((p, 2)), np.zeros((p, 2, 6)), np.empty((p, 2))
        _linearise(form, i_plot, ahead, spread, innovation, rows, variance)
        return innovation, rows, variance

    def sight(
        self, values: Floats, covariances: Floats, origin_ecef_m: Floats, heights_m: tuple[float, float]
    ) -> tuple[Floats, Floats, Floats, Floats]:
        """Return what of n lines is known and what is not; see `tracking.sightlines.Sighted`."""
        line, right, up = _axes(values)
        noise = _across(values, covariances)
        white: Floats = np.linalg.inv(np.linalg.cholesky(noise)).astype(np.float64, copy=False)
        reach_m = np.stack(_between(line, origin_ecef_m, *heights_m), axis=1)
        return line, white @ np.stack([right, up], axis=1), np.log(np.linalg.det(noise)), reach_m

    def expect(self, origin_ecef_m: Floats) -> tuple[Floats, Floats]:
        """Return what targets are new to a look from n places; see `tracking.sightlines.Sighted`.

        One in what is seen. From below `height_prior_m_max` that is the layer of the prior's heights up to the horizon
        or `range_m_max`, to a factor of two; who is above it looks for missiles in all of space.
        """
        p = self.parameters
        low_m, top_m = p["height_prior_m_min"], p["height_prior_m_max"]
        height_m = geodetic_from_ecef(origin_ecef_m)[2]
        horizon_m = _horizon_m(height_m) + _horizon_m(np.array(top_m))
        reach_m = np.minimum(horizon_m, p["range_m_max"])
        volume_m3 = math.pi * reach_m**2 * np.minimum(2.0 / 3.0 * reach_m, top_m - low_m)
        is_above = height_m >= top_m
        log_new = np.where(is_above, ABOVE[0], -np.log(np.maximum(volume_m3, 1.0)))
        return log_new, np.where(is_above, ABOVE[1], p["speed_sigma_m_s"])

    def detection_probability(self, states: Floats, origin_ecef_m: Floats) -> Floats:
        """Return (n,) chances: one number, or 0 where the Earth or cloud is in the way or the target is too far."""
        p = self.parameters
        range_m = np.linalg.norm(states[:, :3] - origin_ecef_m, axis=1)
        clear = is_clear(states[:, :3], origin_ecef_m, p["cloud_top_m"]) & (range_m <= p["range_m_max"])
        return np.where(clear, p["detection_probability"], 0.0)

    def detection_by_kind(self) -> Floats:
        """Return the (kinds,) chances that one look sees what moves like each `Kind`; see `Sensor` of the room."""
        p = self.parameters
        chance = np.full(len(Kind), p["detection_probability"])
        chance[[Kind.BALLISTIC, Kind.SPACE]] = min(p["cold_detection_probability"], p["detection_probability"])
        chance[Kind.GLIDING] = np.nan
        return chance

    def _range(self, line: Floats, origin_ecef_m: Floats) -> tuple[Floats, Floats]:
        """Return the (n,) ranges at which the prior of the height puts targets, and their standard deviations."""
        p = self.parameters
        near_m, far_m = _between(line, origin_ecef_m, p["height_prior_m_min"], p["height_prior_m_max"])
        sigma_m = np.maximum((far_m - near_m) / 2.0, p["least_range_sigma_m"])
        return np.maximum((far_m + near_m) / 2.0, sigma_m), sigma_m


def _axes(values: Floats) -> tuple[Floats, Floats, Floats]:
    """Return (n, 3) unit vectors along the lines, and across them with growing azimuth and with growing elevation."""
    cosine, sine = np.cos(values[:, ELEVATION]), np.sin(values[:, ELEVATION])
    right = np.stack([-np.sin(values[:, AZIMUTH]), np.cos(values[:, AZIMUTH]), np.zeros(len(values))], axis=1)
    line = np.stack([cosine * right[:, 1], -cosine * right[:, 0], sine], axis=1)
    return line, right, np.cross(line, right)


def _across(values: Floats, covariances: Floats) -> Floats:
    """Return (n, 2, 2) noise [rad2] along the two directions across each line."""
    scale = np.ones((len(values), 2))
    scale[:, AZIMUTH] = np.maximum(np.cos(values[:, ELEVATION]), SMALLEST_COSINE)
    return scale[:, :, None] * covariances * scale[:, None, :]


@kernel
def _linearise(
    form: Floats,
    i_plot: NDArray[np.int64],
    ahead: Floats,
    spread: Floats,
    innovation: Floats,
    rows: Floats,
    variance: Floats,
) -> None:
    line, across, blur, off = np.empty(3), np.empty((2, 3)), np.empty((3, 3)), np.empty(2)
    by_position = np.empty((3, 3))
    for i in range(i_plot.shape[0]):
        own = form[i_plot[i], FIRST:]
        distance = 0.0
        for c in range(3):
            line[c] = ahead[i, c] - own[c]
            distance += line[c] * line[c]
        distance = max(math.sqrt(distance), SMALLEST_M)
        along = 0.0
        for c in range(3):
            line[c] /= distance
            along += line[c] * own[6 + c]
        # The measured direction's own axes, turned with it into the expected one.
        length = 0.0
        for c in range(3):
            across[0, c] = own[6 + c] - along * line[c]
            length += across[0, c] ** 2
        length = math.sqrt(length)
        if length < 1e-9:
            innovation[i] = math.nan
            continue
        for c in range(3):
            across[0, c] /= length
        for c in range(3):
            a, b = (c + 1) % 3, (c + 2) % 3
            across[1, c] = line[a] * across[0, b] - line[b] * across[0, a]
        cosine, sine = 0.0, 0.0
        for k in range(2):
            off[k] = 0.0
            for c in range(3):
                off[k] += across[k, c] * own[3 + c]
            sine += off[k] ** 2
        for c in range(3):
            cosine += line[c] * own[3 + c]
        sine = math.sqrt(sine)
        stretch = math.atan2(sine, cosine) / sine if sine > 1e-12 else 1.0
        # Covariance of the position over the squared range, in the axes along and across the expected line.
        for a in range(3):
            for b in range(3):
                value = 0.0
                for c in range(3):
                    value += spread[i, a, c] * (line[c] if b == 2 else across[b, c])
                by_position[a, b] = value
        for a in range(3):
            for b in range(3):
                value = 0.0
                for c in range(3):
                    value += (line[c] if a == 2 else across[a, c]) * by_position[c, b]
                blur[a, b] = value / (distance * distance)
        n00 = own[10] + blur[0, 2] * blur[0, 2] + blur[0, 0] * blur[2, 2]
        n01 = own[11] + blur[0, 2] * blur[1, 2] + blur[0, 1] * blur[2, 2]
        n11 = own[12] + blur[1, 2] * blur[1, 2] + blur[1, 1] * blur[2, 2]
        for k in range(2):
            off[k] = stretch * off[k] + blur[k, 2]
        # Rows with independent noise: along the axes of its ellipse.
        turn = 0.5 * math.atan2(2.0 * n01, n00 - n11)
        cos, sin = math.cos(turn), math.sin(turn)
        scale = own[9]
        innovation[i, 0], innovation[i, 1] = (
            scale * (cos * off[0] + sin * off[1]),
            scale * (cos * off[1] - sin * off[0]),
        )
        variance[i, 0] = scale * scale * (cos * cos * n00 + 2.0 * cos * sin * n01 + sin * sin * n11)
        variance[i, 1] = scale * scale * (sin * sin * n00 - 2.0 * cos * sin * n01 + cos * cos * n11)
        for a in range(3):
            rows[i, 0, a] = scale / distance * (cos * across[0, a] + sin * across[1, a])
            rows[i, 1, a] = scale / distance * (cos * across[1, a] - sin * across[0, a])


def _horizon_m(height_m: Floats) -> Floats:
    """Return how far it is from a height to where the line of sight touches the ground."""
    height_m = np.maximum(height_m, 0.0)
    return np.sqrt(height_m * (2.0 * SEMI_MAJOR_AXIS_M + height_m))


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
    start, way = origin_ecef_m / scale_m(height_m), line / scale_m(height_m)
    a, b, c = np.vecdot(way, way), np.vecdot(start, way), np.vecdot(start, start) - 1.0
    square = b**2 - a * c
    root = np.sqrt(np.where(square > 0.0, square, np.nan))
    return (-b - root) / a, (-b + root) / a
