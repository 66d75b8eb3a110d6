"""Plain plots in a declared local frame: x east, y north, z up of an origin."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from noroshi.geo.wgs84 import Floats, ecef_from_geodetic, enu_axes_at
from noroshi.kernel import kernel
from noroshi.records import SensorSite
from noroshi.sensors import parameters_of
from noroshi.sensors.rows import FIRST, LOG_VOLUME, RADIUS, WIDTH, plain_rows, write_rows

Z = 2


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sensor:
    """Cartesian position along the origin's east, north and up.

    A site without a position is the laboratory's plane: it touches the ellipsoid at 0 N 0 E, where x, y, z are the
    Earth-fixed y, z and x - 6378137 m.

    Parameters: `sigma_m` is the noise along each axis. A plot without z is in the plane: at height 0 within
    `plane_sigma_m`, climbing within `plane_speed_sigma_m_s`. Every other velocity along an axis is taken to be within
    `speed_sigma_m_s`. False plots are spread over a field `field_m` wide. A laboratory's scale is its own: set these to
    suit. With `frames = 1` plots of one time are one look at the whole field.
    """

    COMPONENTS: ClassVar[tuple[str, ...]] = ("x_m", "y_m", "z_m")
    REQUIRED: ClassVar[tuple[str, ...]] = ("x_m", "y_m")
    WRAPPED: ClassVar[tuple[str, ...]] = ()
    NEEDS_ORIGIN: ClassVar[bool] = True
    BOUNDS: ClassVar[Mapping[str, tuple[float, float]]] = {
        "x_m": (-5e6, 5e6),
        "y_m": (-5e6, 5e6),
        "z_m": (-5e6, 5e6),
    }
    PARAMETERS: ClassVar[Mapping[str, float]] = {
        "sigma_m": 1.0,
        "detection_probability": 0.9,
        "scan_period_s": 1.0,
        "speed_sigma_m_s": 300.0,
        "plane_sigma_m": 1.0,
        "field_m": 1_000.0,
        "frames": 0.0,
        "plane_speed_sigma_m_s": 0.1,
    }

    origin_ecef_m: Floats
    parameters: Mapping[str, float]
    axes: Floats
    own_noise: Floats

    @classmethod
    def at(cls, site: SensorSite) -> Self:
        """Return the frame at the site; see `Sensor.at` of the room."""
        place = (site.lat_rad, site.lon_rad, site.height_m)
        plane = all(math.isnan(x) for x in place)
        origin_ecef_m = ecef_from_geodetic(*((0.0, 0.0, 0.0) if plane else place))
        parameters = parameters_of(site, cls.PARAMETERS)
        return cls(
            origin_ecef_m=origin_ecef_m,
            parameters=parameters,
            axes=enu_axes_at(origin_ecef_m[None]),
            own_noise=parameters["sigma_m"] ** 2 * np.eye(3),
        )

    def measure(self, states: Floats, origin_ecef_m: Floats) -> Floats:
        """Return (n, 3) measurements."""
        enu_m: Floats = np.matvec(self._axes(origin_ecef_m), states[:, :3] - origin_ecef_m)
        return enu_m

    def jacobian(self, states: Floats, origin_ecef_m: Floats) -> Floats:
        """Return (n, 3, 6) derivatives of `measure` by the state."""
        rows = np.zeros((len(states), 3, 6))
        rows[:, :, :3] = self._axes(origin_ecef_m)
        return rows

    def noise(self, values: Floats) -> Floats:
        """Return (n, 3, 3) noise, the same for all rows."""
        return np.tile(self.own_noise, (len(values), 1, 1))

    def locate(self, values: Floats, covariances: Floats, origin_ecef_m: Floats) -> tuple[Floats, Floats]:
        """Return (n, 6) states and (n, 6, 6) covariances; see `Sensor.locate` of the room."""
        p = self.parameters
        speeds_m_s = np.array([p["speed_sigma_m_s"], p["plane_speed_sigma_m_s"]])
        states, spread = np.zeros((len(values), 6)), np.zeros((len(values), 6, 6))
        axes = self._axes(origin_ecef_m)
        _locate(values, covariances, origin_ecef_m, axes, p["plane_sigma_m"], speeds_m_s, states, spread)
        return states, spread

    def form(self, values: Floats, covariances: Floats, origin_ecef_m: Floats) -> Floats:
        """Return (n, 30) forms; see `sensors.rows.Linear`."""
        form, p = np.zeros((len(values), FIRST + WIDTH * 3)), self.parameters
        axes, log_width = self._axes(origin_ecef_m), math.log(p["field_m"])
        _form(values, covariances, origin_ecef_m, axes, p["plane_sigma_m"], log_width, form)
        return form

    def linearise(
        self, form: Floats, i_plot: NDArray[np.int64], ahead: Floats, spread: Floats
    ) -> tuple[Floats, Floats, Floats]:
        """Return innovation (p, 3), rows (p, 3, 6) and variance (p, 3); see `sensors.rows.Linear`."""
        return plain_rows(form, i_plot, ahead)

    def detection_probability(
        self,
        states: Floats,
        origin_ecef_m: Floats,
    ) -> Floats:
        """Return (n,) chances: one number everywhere."""
        return np.full(len(states), self.parameters["detection_probability"])

    def _axes(self, origin_ecef_m: Floats) -> Floats:
        """Return (n, 3, 3) local axes, or (1, 3, 3) where all rows have the frame's own origin."""
        return self.axes if (origin_ecef_m == self.origin_ecef_m).all() else enu_axes_at(origin_ecef_m)


@kernel
def _locate(
    values: Floats,
    covariances: Floats,
    origin_ecef_m: Floats,
    axes: Floats,
    plane_sigma_m: float,
    speeds_m_s: Floats,
    states: Floats,
    spread: Floats,
) -> None:
    """Write where plots put their targets; `speeds_m_s` is of a velocity along an axis, and of one up from a plane."""
    for i in range(len(values)):
        to_local, noise = axes[i if len(axes) > 1 else 0], covariances[i]
        for c in range(3):
            states[i, c] = origin_ecef_m[i, c]
        for k in range(3):
            is_there = not math.isnan(values[i, k])
            speed_m_s = speeds_m_s[1] if k == Z and not is_there else speeds_m_s[0]
            for c in range(3):
                if is_there:
                    states[i, c] += values[i, k] * to_local[k, c]
                for d in range(3):
                    spread[i, 3 + c, 3 + d] += speed_m_s**2 * to_local[k, c] * to_local[k, d]
            if not is_there:
                for c in range(3):
                    for d in range(3):
                        spread[i, c, d] += plane_sigma_m**2 * to_local[k, c] * to_local[k, d]
                continue
            for j in range(3):
                if not math.isnan(values[i, j]):
                    for c in range(3):
                        for d in range(3):
                            spread[i, c, d] += 0.5 * (noise[k, j] + noise[j, k]) * to_local[k, c] * to_local[j, d]
        for c in range(6):
            for d in range(c):
                spread[i, c, d] = spread[i, d, c]


@kernel
def _form(
    values: Floats,
    covariances: Floats,
    origin_ecef_m: Floats,
    axes: Floats,
    plane_sigma_m: float,
    log_width: float,
    form: Floats,
) -> None:
    rows, white, used = np.zeros((3, 6)), np.empty((3, 3)), np.empty(3, np.int64)
    y = np.empty(3)
    for i in range(len(values)):
        to_local, square_m2, n = axes[i if len(axes) > 1 else 0], 0.0, 0
        for c in range(3):
            form[i, c] = origin_ecef_m[i, c]
        for k in range(3):
            is_there = not math.isnan(values[i, k])
            y[k] = 0.0 if is_there else math.nan
            square_m2 += covariances[i, k, k] if is_there else plane_sigma_m**2
            n += is_there
            for c in range(3):
                rows[k, c] = to_local[k, c]
                if is_there:
                    form[i, c] += values[i, k] * to_local[k, c]
        form[i, RADIUS], form[i, LOG_VOLUME] = math.sqrt(square_m2), log_width * n
        write_rows(form[i], rows, y, covariances[i], white, used)
