"""A radar that looks round: primary or secondary, 2-D or 3-D, with or without Mode C and range rate."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from noroshi.geo.horizon import is_above_horizon
from noroshi.geo.wgs84 import (
    MEAN_RADIUS_M,
    Floats,
    ecef_from_geodetic,
    enu_axes,
    enu_axes_at,
    geodetic_from_ecef,
    vertical_at,
)
from noroshi.kernel import kernel
from noroshi.records import SensorSite
from noroshi.sensors import at_sea_level, surface_parameters_of
from noroshi.sensors.rows import (
    AIR_DEPTH_M,
    DEPTH,
    FIRST,
    LOG_VOLUME,
    N_ROWS,
    RADIUS,
    SPEED_SPAN_M_S,
    WIDTH,
    begun,
    plain_rows,
    write_rows,
)

RANGE, AZIMUTH, ELEVATION, ALTITUDE, RANGE_RATE = range(5)
SMALLEST_M = 1e-3  # below this a distance has no direction worth dividing by
NEWTON_STEPS = 3
LOW = 0.5
"""Half the false plots of a radar that measures elevation are even from the horizon up to `elevation_rad_max`, the
zenith unless said, as noise is; half lie in the air that weather and birds are in. Either share is chosen: of plots
that are all of one sort the density is believed to be half of what it is."""
BENT = 0.25  # of a range's variance: what an unknown height bends it by beyond that is no noise any more
TELLING = 4.0  # times its variance: of the place a range tells so much that it may tell the height
NEAR_ENOUGH_M = 0.1  # what is left is in the plot's rows, which are linear about its place


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sensor:
    """Slant range, azimuth clockwise from true north, elevation above the local horizontal, altitude, range rate.

    A plot lacks (NaN) what its radar does not measure. The horizontal and true north are those of the ellipsoid at the
    origin. The altitude is compared with the state's height above the ellipsoid. Mode C is a pressure altitude, off by
    the day's weather and the geoid (hundreds of metres); it is not corrected here, so the vertical of the picture is
    whatever the plots carry. The range rate is positive where the range opens; the radar itself stands on the Earth.

    Parameters: the noise is a standard deviation for each component; the altitude's has that of the rounding to
    `altitude_step_m` (25 ft) added to it in squares. Targets are seen from `range_m_min` to `range_m_max`, above the
    radar horizon and up to `elevation_rad_max`, where a radar that measures elevation has its last false plots. A plot
    without height is taken to be at `altitude_prior_m`, but no more than half its range above or below the radar; a
    velocity along each horizontal axis is taken to be within `speed_sigma_m_s`, a climb within `climb_sigma_m_s`.
    `surface = 1` is for radars that look at ships: each plot without height counts as measured at sea level, 50 m give
    or take, and the priors of speed and climb are slower.
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
        "elevation_rad_max": math.pi / 2.0,
        "surface": 0.0,
        "altitude_prior_m": 6_000.0,
        "altitude_prior_sigma_m": 5_000.0,
        "speed_sigma_m_s": 300.0,
        "climb_sigma_m_s": 20.0,
    }

    origin_ecef_m: Floats
    parameters: Mapping[str, float]
    axes: Floats
    height_m: Floats
    own_noise: Floats

    @classmethod
    def at(cls, site: SensorSite) -> Self:
        """Return the radar at the site; see `Sensor.at` of the room."""
        parameters = surface_parameters_of(site, cls.PARAMETERS)
        if not 0.0 <= parameters["range_m_min"] < parameters["range_m_max"]:
            raise ValueError(f"sensor {site.sensor!r}: range_m_min must be from 0 to below range_m_max")
        if not 0.0 < parameters["elevation_rad_max"] <= math.pi / 2.0:
            raise ValueError(f"sensor {site.sensor!r}: elevation_rad_max must be above 0, up to pi / 2")
        origin_ecef_m = ecef_from_geodetic(site.lat_rad, site.lon_rad, site.height_m)
        p = parameters
        variances = [
            p["range_sigma_m"] ** 2,
            p["azimuth_sigma_rad"] ** 2,
            p["elevation_sigma_rad"] ** 2,
            p["altitude_sigma_m"] ** 2 + p["altitude_step_m"] ** 2 / 12.0,
            p["range_rate_sigma_m_s"] ** 2,
        ]
        return cls(
            origin_ecef_m=origin_ecef_m,
            parameters=parameters,
            axes=enu_axes_at(origin_ecef_m[None]),
            height_m=np.array([site.height_m], np.float64),
            own_noise=np.diag(variances),
        )

    def measure(self, states: Floats, origin_ecef_m: Floats) -> Floats:
        """Return (n, 5) measurements; the azimuth is in (-pi, pi]."""
        offset = states[:, :3] - origin_ecef_m
        east, north, up = np.matvec(self._axes(origin_ecef_m), offset).T
        ground = np.hypot(east, north)
        range_m = np.hypot(ground, up)
        range_rate = np.vecdot(offset, states[:, 3:6]) / np.maximum(range_m, SMALLEST_M)
        altitude = geodetic_from_ecef(states[:, :3])[2]
        return np.stack([range_m, np.arctan2(east, north), np.arctan2(up, ground), altitude, range_rate], axis=1)

    def jacobian(self, states: Floats, origin_ecef_m: Floats) -> Floats:
        """Return (n, 5, 6) derivatives of `measure` by the state."""
        axes = self._axes(origin_ecef_m)
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
        noise = np.empty((len(values), 5, 5))
        noise[:] = self.own_noise
        return noise

    def locate(self, values: Floats, covariances: Floats, origin_ecef_m: Floats) -> tuple[Floats, Floats]:
        """Return (n, 6) states and (n, 6, 6) covariances; see `Sensor.locate` of the room.

        The position comes by least squares from range, azimuth and all that tells the height (measured, else the
        prior), linearised where range, azimuth and altitude (else elevation) meet; the range rate is taken in after.
        """
        values, covariances = self._with_height(values, covariances, origin_ecef_m)
        form = self.form(values, covariances, origin_ecef_m)
        return self._begun(form, np.arange(len(form)))

    def begin(self, form: Floats, chosen: NDArray[np.int64]) -> tuple[Floats, Floats] | None:
        """Return what `locate` would of chosen plots, from their forms alone; None if one of them has no height."""
        return self._begun(form, chosen) if form[chosen, N_ROWS].min(initial=0.0) >= 0.0 else None

    def _begun(self, form: Floats, chosen: NDArray[np.int64]) -> tuple[Floats, Floats]:
        p = self.parameters
        return begun(form, chosen, speed_sigma_m_s=p["speed_sigma_m_s"], climb_sigma_m_s=p["climb_sigma_m_s"])

    def form(self, values: Floats, covariances: Floats, origin_ecef_m: Floats) -> Floats:
        """Return (n, 47) forms; see `sensors.rows.Linear`.

        What a plot without height says depends on the height: its form keeps what was measured, for `linearise`.
        """
        p = self.parameters
        at_sea = np.zeros(0, np.int64)
        if p["surface"]:
            at_sea = np.flatnonzero(np.isnan(values[:, ALTITUDE]) & np.isnan(values[:, ELEVATION]))
            values, covariances = at_sea_level(values, covariances, at_sea, ALTITUDE, p)
        axes = self._axes(origin_ecef_m)
        height_m = self.height_m if axes is self.axes else geodetic_from_ecef(origin_ecef_m)[2]
        form = np.empty((len(values), FIRST + WIDTH * 5))
        prior = p["altitude_prior_m"], p["altitude_prior_sigma_m"], p["speed_sigma_m_s"], p["range_m_max"]
        _form(values, covariances, origin_ecef_m, axes, height_m, *prior, p["elevation_rad_max"], form)
        # A height that every plot is given tells no target from what is false: neither gains by it.
        form[at_sea, LOG_VOLUME] += math.log(math.sqrt(2.0 * math.pi) * p["altitude_prior_sigma_m"] / AIR_DEPTH_M)
        return form

    def linearise(
        self, form: Floats, i_plot: NDArray[np.int64], ahead: Floats, spread: Floats
    ) -> tuple[Floats, Floats, Floats]:
        """Return innovation (p, 5), rows (p, 5, 6) and variance (p, 5); see `sensors.rows.Linear`.

        A plot without height is linearised at the expected height, to the second order in range and range rate: what
        its uncertainty makes of their means and noise is taken into account.

        Source: Bar-Shalom, Li and Kirubarajan (2001), Estimation with Applications to Tracking and Navigation, section
        10.3.2 (second-order extended filter).
        """
        innovation, rows, variance = plain_rows(form, i_plot, ahead)
        _without_height(form, i_plot, ahead, spread, innovation, rows, variance)
        return innovation, rows, variance

    def consider(self, form: Floats, i_plot: NDArray[np.int64], ahead: Floats, spread: Floats) -> Floats:
        """Return the (p, 5, 3) directions along which pairs are considered; see `sensors.rows.consider`.

        Near by, an unknown height bends a range by more than its noise, and by the same at each look. A filter that
        estimates the height takes the equations of each look, set up about another height, for so much news of it (20
        to 90 km, a look a second: NEES in the hundreds). So the height is considered, not estimated, and along the
        sight line no place is known better than the range is straight. A range that tells far more of the place than
        its noise, as another radar's does, does tell the height.
        """
        up = np.empty((len(i_plot), 5, 3))
        _consider(form, i_plot, ahead, spread, up)
        return up

    def detection_probability(self, states: Floats, origin_ecef_m: Floats) -> Floats:
        """Return (n,) chances: one number inside the coverage, 0 outside."""
        p = self.parameters
        range_m = np.linalg.norm(states[:, :3] - origin_ecef_m, axis=1)
        covered = (range_m >= p["range_m_min"]) & (range_m <= p["range_m_max"])
        covered &= is_above_horizon(states[:, :3], origin_ecef_m)
        if p["elevation_rad_max"] < math.pi / 2.0:
            east, north, up = np.matvec(self._axes(origin_ecef_m), states[:, :3] - origin_ecef_m).T
            covered &= np.arctan2(up, np.hypot(east, north)) <= p["elevation_rad_max"]
        return np.where(covered, p["detection_probability"], 0.0)

    def _with_height(self, values: Floats, covariances: Floats, origin_ecef_m: Floats) -> tuple[Floats, Floats]:
        """Return values and noise with the prior's altitude where nothing tells the height.

        So uncertain a height leaves the plane that touches the sphere of equal range: displaced by x along the plane, a
        target is x^2 / (2 range) off the sphere. Its mean square, 3 sigma_x^4 / (4 range^2), is added to the range's
        noise.
        """
        p = self.parameters
        known = ~np.isnan(values)
        flat = ~known[:, ALTITUDE] & ~known[:, ELEVATION]
        if not flat.any():
            return values, covariances
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
        return values, covariances

    def _axes(self, origin_ecef_m: Floats) -> Floats:
        """Return (n, 3, 3) local axes, or (1, 3, 3) where all rows have the radar's own place."""
        return self.axes if (origin_ecef_m == self.origin_ecef_m).all() else enu_axes_at(origin_ecef_m)


@kernel
def _form(
    values: Floats,
    covariances: Floats,
    origin: Floats,
    axes: Floats,
    origin_height_m: Floats,
    altitude_prior_m: float,
    altitude_sigma_m: float,
    speed_sigma_m_s: float,
    range_m_max: float,
    fan_rad: float,
    form: Floats,
) -> None:
    """Write the form of each plot."""
    rows, y, noise = np.empty((5, 6)), np.empty(5), np.empty((5, 5))
    scale, white, used = np.empty(5), np.empty((5, 5)), np.empty(5, np.int64)
    for k in range(5):
        scale[k] = 1.0
        for c in range(6):
            rows[k, c] = 0.0
    log_area, log_depth = math.log(math.pi * range_m_max * range_m_max), math.log(AIR_DEPTH_M)
    log_span = math.log(SPEED_SPAN_M_S)
    for i in range(values.shape[0]):
        at = i if axes.shape[0] > 1 else 0
        east, north, up = axes[at, 0], axes[at, 1], axes[at, 2]
        range_m, azimuth, elevation, altitude = values[i, 0], values[i, 1], values[i, 2], values[i, 3]
        is_flat = math.isnan(altitude) and math.isnan(elevation)
        wanted = altitude
        if is_flat:
            wanted = min(
                max(altitude_prior_m, origin_height_m[at] - 0.5 * range_m), origin_height_m[at] + 0.5 * range_m
            )
        sin, cos = math.sin(azimuth), math.cos(azimuth)
        if math.isnan(wanted):
            rise = range_m * math.sin(elevation)
            floor = max(1.0, range_m * math.sqrt(covariances[i, 2, 2]))
        else:
            rise = wanted - origin_height_m[at] - range_m * range_m / (2.0 * MEAN_RADIUS_M)
            sigma = altitude_sigma_m if is_flat else math.sqrt(covariances[i, 3, 3])
            blur = max(range_m, abs(rise)) * math.sqrt(covariances[i, 0, 0])
            floor = max(1.0, math.sqrt(2.0 * math.sqrt(blur * blur + rise * rise * sigma * sigma)))
        rise = min(max(rise, -range_m), range_m)
        ux, uy, uz, height = 0.0, 0.0, 0.0, 0.0
        x, y_m, z, ground = 0.0, 0.0, 0.0, 0.0
        for step in range(NEWTON_STEPS + 1):
            ground = math.sqrt(max(range_m * range_m - rise * rise, floor * floor))
            x = origin[i, 0] + ground * (sin * east[0] + cos * north[0]) + rise * up[0]
            y_m = origin[i, 1] + ground * (sin * east[1] + cos * north[1]) + rise * up[1]
            z = origin[i, 2] + ground * (sin * east[2] + cos * north[2]) + rise * up[2]
            if math.isnan(wanted):
                break
            ux, uy, uz, height = vertical_at(x, y_m, z)
            if step == NEWTON_STEPS:
                break
            slope = ux * up[0] + uy * up[1] + uz * up[2]
            if ground > floor:
                outward = ux * (sin * east[0] + cos * north[0]) + uy * (sin * east[1] + cos * north[1])
                outward += uz * (sin * east[2] + cos * north[2])
                slope -= outward * rise / ground
            if abs(wanted - height) < NEAR_ENOUGH_M:
                break
            rise = min(max(rise + (wanted - height) / slope, -range_m), range_m)
        form[i, 0], form[i, 1], form[i, 2] = x, y_m, z
        slant = math.sqrt(ground * ground + rise * rise)
        across = ground * ground * covariances[i, 1, 1]
        log_volume = log_area
        if not math.isnan(values[i, 4]):
            log_volume += log_span
        if is_flat:
            vertical = min(altitude_sigma_m, range_m / 3.0)
            form[i, RADIUS] = math.sqrt(covariances[i, 0, 0] + across + vertical * vertical)
            form[i, LOG_VOLUME], form[i, DEPTH] = log_volume, 0.0
            form[i, N_ROWS] = -1.0
            for c in range(3):
                form[i, FIRST + c] = origin[i, c]
                form[i, FIRST + 3 + c], form[i, FIRST + 6 + c], form[i, FIRST + 9 + c] = east[c], north[c], up[c]
            form[i, FIRST + 12], form[i, FIRST + 13] = range_m, covariances[i, 0, 0]
            form[i, FIRST + 14], form[i, FIRST + 15] = azimuth, covariances[i, 1, 1]
            form[i, FIRST + 16], form[i, FIRST + 17] = values[i, 4], covariances[i, 4, 4]
            continue
        vertical = covariances[i, 3, 3] if not math.isnan(altitude) else slant * slant * covariances[i, 2, 2]
        form[i, RADIUS] = math.sqrt(covariances[i, 0, 0] + across + vertical)
        scale[1], scale[2] = ground, slant
        for k in range(5):
            y[k] = math.nan
            for j in range(5):
                noise[k, j] = scale[k] * scale[j] * covariances[i, k, j]
        for c in range(3):
            outward = sin * east[c] + cos * north[c]
            sight = (ground * outward + rise * up[c]) / slant
            rows[0, c], rows[4, 3 + c] = sight, sight
            rows[1, c] = cos * east[c] - sin * north[c]
            rows[2, c] = (ground * up[c] - rise * outward) / slant
        rows[3, 0], rows[3, 1], rows[3, 2] = ux, uy, uz
        y[0], y[1] = range_m - slant, 0.0
        if not math.isnan(elevation):
            # Where the elevation itself put the plot, nothing is left of it.
            y[2] = slant * (elevation - math.atan2(rise, ground)) if ground <= floor or not math.isnan(wanted) else 0.0
        if not math.isnan(altitude):
            y[3] = altitude - height
        if not math.isnan(elevation) and not math.isnan(altitude):
            log_volume += math.log(slant)  # an elevation of its own may be anything
        if not math.isnan(values[i, 4]):
            y[4] = values[i, 4]
            noise[4, 4] += speed_sigma_m_s * speed_sigma_m_s * (covariances[i, 1, 1] + vertical / (slant * slant))
        # What is even in azimuth and elevation thins out upwards with the distance, and gathers about the zenith.
        form[i, DEPTH] = 0.0
        if math.isnan(altitude):
            _, _, _, height = vertical_at(x, y_m, z)
            low = min(max(0.5 + 0.5 * (AIR_DEPTH_M - height) / math.sqrt(vertical), 0.0), 1.0)
            form[i, DEPTH] = 1.0 / (low * LOW / AIR_DEPTH_M + (1.0 - LOW) / (fan_rad * ground))
        form[i, LOG_VOLUME] = log_volume + (math.log(form[i, DEPTH]) if math.isnan(altitude) else log_depth)
        write_rows(form[i], rows, y, noise, white, used)


@kernel
def _without_height(
    form: Floats,
    i_plot: NDArray[np.int64],
    ahead: Floats,
    spread: Floats,
    innovation: Floats,
    rows: Floats,
    variance: Floats,
) -> None:
    """Write the rows of the pairs whose plot has no height."""
    offset, sight, across = np.empty(3), np.empty(3), np.empty((3, 3))
    bent = np.empty((2, 6, 6))
    for i in range(i_plot.shape[0]):
        plot = form[i_plot[i]]
        if plot[N_ROWS] >= 0.0:
            continue
        own = plot[FIRST:]
        for c in range(3):
            offset[c] = ahead[i, c] - own[c]
        slant, bend, bend_squared, _ = _bend(offset, spread[i], sight, across)
        e, n, rate = 0.0, 0.0, 0.0
        for c in range(3):
            e += own[3 + c] * offset[c]
            n += own[6 + c] * offset[c]
            rate += sight[c] * ahead[i, 3 + c]
        ground = max(math.sqrt(e * e + n * n), SMALLEST_M)
        turn = own[14] - math.atan2(e, n)
        turn -= 2.0 * math.pi * np.rint(turn / (2.0 * math.pi))
        innovation[i, 0], variance[i, 0] = own[12] - slant - 0.5 * bend, own[13] + 0.5 * bend_squared
        # The arm of the azimuth's noise is as uncertain as the place: overhead it is not zero.
        level_variance = 0.0
        for a in range(3):
            level_variance += spread[i, a, a]
            for b in range(3):
                level_variance -= own[9 + a] * spread[i, a, b] * own[9 + b]
        arm_squared = ground * ground + max(level_variance, 0.0)
        innovation[i, 1], variance[i, 1] = ground * turn, arm_squared * own[15]
        innovation[i, 2], variance[i, 2] = own[16] - rate, own[17]
        if not math.isnan(own[16]):
            bend, bend_squared = _bend_rate(sight, ahead[i], rate, slant, spread[i], bent)
            innovation[i, 2] -= 0.5 * bend
            variance[i, 2] += 0.5 * bend_squared
        for c in range(3):
            rows[i, 0, c], rows[i, 0, 3 + c] = sight[c], 0.0
            rows[i, 1, c], rows[i, 1, 3 + c] = (n * own[3 + c] - e * own[6 + c]) / ground, 0.0
            rows[i, 2, c], rows[i, 2, 3 + c] = (ahead[i, 3 + c] - rate * sight[c]) / slant, sight[c]


@kernel
def _bend(offset: Floats, spread: Floats, sight: Floats, across: Floats) -> tuple[float, float, float, float]:
    """Return the range of a place, what its uncertainty bends it by, and its variance to the first order.

    Of what it is bent by, the range is half the second longer, with half the third as variance.

    Args:
        offset: (3,) the place.
        spread: (3, 3) or larger, its covariance.
        sight: (3,) on return the sight line.
        across: (3, 3) on return the covariance across it.
    """
    square = offset[0] * offset[0] + offset[1] * offset[1] + offset[2] * offset[2]
    slant = max(math.sqrt(square), SMALLEST_M)
    for a in range(3):
        sight[a] = offset[a] / slant
        for b in range(3):
            across[a, b] = spread[a, b]
    for a in range(3):
        along = sight[0] * across[0, a] + sight[1] * across[1, a] + sight[2] * across[2, a]
        for b in range(3):
            across[b, a] -= sight[b] * along
    bend, bend_squared, straight = 0.0, 0.0, 0.0
    for a in range(3):
        along = across[a, 0] * sight[0] + across[a, 1] * sight[1] + across[a, 2] * sight[2]
        for b in range(3):
            across[a, b] -= along * sight[b]
            straight += sight[a] * spread[a, b] * sight[b]
        bend += across[a, a] / slant
    for a in range(3):
        for b in range(3):
            bend_squared += (across[a, b] / slant) ** 2
    return slant, bend, bend_squared, straight


@kernel
def _consider(form: Floats, i_plot: NDArray[np.int64], ahead: Floats, spread: Floats, up: Floats) -> None:
    """Write the directions along which the rows of pairs are considered, and widen their spread."""
    offset, sight, across = np.empty(3), np.empty(3), np.empty((3, 3))
    for i in range(i_plot.shape[0]):
        plot = form[i_plot[i]]
        up[i] = 0.0
        if plot[N_ROWS] >= 0.0:
            continue
        for c in range(3):
            offset[c] = ahead[i, c] - plot[FIRST + c]
        _, _, bend_squared, straight = _bend(offset, spread[i], sight, across)
        bent, noise = 0.5 * bend_squared, plot[FIRST + 13]
        if bent <= BENT * noise:
            continue
        x, y, z, _ = vertical_at(ahead[i, 0], ahead[i, 1], ahead[i, 2])
        for k in range(0 if straight <= TELLING * (noise + bent) else 1, 3):
            up[i, k, 0], up[i, k, 1], up[i, k, 2] = x, y, z
        for a in range(3):
            for b in range(3):
                spread[i, a, b] += sight[a] * sight[b] * max(bent - straight, 0.0)


@kernel
def _bend_rate(
    sight: Floats, state: Floats, rate: float, range_m: float, spread: Floats, work: Floats
) -> tuple[float, float]:
    """Return twice the mean and twice the variance of what the uncertainty of a state bends its range rate by.

    Args:
        sight: (3,) the sight line.
        state: (6,) or more.
        rate: the range rate expected [m/s].
        range_m: the range.
        spread: (6, 6) or larger, the state's covariance.
        work: (2, 6, 6) scratch: the second derivatives, and those times the covariance.
    """
    curvature, bent = work[0], work[1]
    for a in range(3):
        for b in range(3):
            level = (1.0 if a == b else 0.0) - sight[a] * sight[b]
            left, right = state[3 + a] - rate * sight[a], state[3 + b] - rate * sight[b]
            curvature[a, b] = -(sight[a] * right + left * sight[b] + rate * level) / range_m**2
            curvature[a, 3 + b] = curvature[3 + a, b] = level / range_m
            curvature[3 + a, 3 + b] = 0.0
    bend, bend_squared = 0.0, 0.0
    for a in range(6):
        for b in range(6):
            bent[a, b] = 0.0
            for c in range(6):
                bent[a, b] += curvature[a, c] * spread[c, b]
        bend += bent[a, a]
    for a in range(6):
        for b in range(6):
            bend_squared += bent[a, b] * bent[b, a]
    return bend, bend_squared
