"""Nearly constant velocity over the curved Earth: aircraft en route, ships. Level flight stays level."""

import math
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from noroshi.estimation.white_noise import integrated_twice
from noroshi.geo.wgs84 import ECCENTRICITY_SQUARED, Floats, enu_axes_at
from noroshi.kernel import kernel
from noroshi.motion import POSITION_AND_VELOCITY, require_densities
from noroshi.records import Kind


@dataclass(frozen=True, slots=True)
class Motion:
    """Constant speed along a great circle and constant climb, disturbed by white-noise acceleration.

    The velocity v at p turns with the direction of p: a = (p x v) x v / |p|^2 = (v (p.v) - p (v.v)) / |p|^2. This keeps
    the rate of |p| and the speed across p exactly; the map below is its Taylor series to the second order in dt. What
    that leaves out is v^3 dt^3 / (6 |p|^2): 1.4 cm in 60 s and 14 m in 10 minutes at 250 m/s. Level here means at one
    distance from the Earth's centre to the second order: on the ellipsoid, 1 cm in 10 s and 12 m in 10 minutes.

    Attributes:
        horizontal_psd_m2_s3: power spectral density of the acceleration along each horizontal axis: over dt it adds
            horizontal_psd_m2_s3 * dt to the variance of the velocity.
        vertical_psd_m2_s3: the same along the vertical.

    Source: Bar-Shalom, Li and Kirubarajan (2001), Estimation with Applications to Tracking and Navigation, section
    6.2.2, over a sphere through p instead of a plane.
    """

    KIND: ClassVar[Kind] = Kind.AIRCRAFT
    KEEPS_VELOCITY: ClassVar[bool] = True
    COMPONENTS: ClassVar[tuple[str, ...]] = POSITION_AND_VELOCITY
    EXTENT: ClassVar[tuple[tuple[float, float], ...]] = ()

    horizontal_psd_m2_s3: float = 2.0
    vertical_psd_m2_s3: float = 2.0

    @classmethod
    def of(cls, **parameters: float) -> Self:
        """Return the model; see `Motion.of` of the room."""
        model = cls(**parameters)
        require_densities(**parameters)
        return model

    def propagate(self, states: Floats, dt_s: Floats) -> Floats:
        """Return (n, 6) states `dt_s` (n,) later."""
        p, v, dt = states[:, :3], states[:, 3:], dt_s[:, None]
        change = dt * _acceleration(p, v)
        return np.hstack([p + dt * (v + change / 2.0), v + change])

    def jacobian(self, states: Floats, dt_s: Floats) -> Floats:
        """Return (n, 6, 6) derivatives of `propagate` by the state."""
        p, v, dt = states[:, :3], states[:, 3:], dt_s[:, None, None]
        square = np.vecdot(p, p)[:, None, None]
        v_column, p_row = v[:, :, None], p[:, None, :]
        outer = v_column * p_row
        identity = np.eye(3)
        by_p = v_column * v[:, None, :] - np.vecdot(v, v)[:, None, None] * identity
        by_p = (by_p - 2.0 * _acceleration(p, v)[:, :, None] * p_row) * (dt / square)
        by_v = (np.vecdot(p, v)[:, None, None] * identity + outer - 2.0 * outer.swapaxes(1, 2)) * (dt / square)
        rows = np.empty((len(states), 6, 6))
        rows[:, :3, :3] = identity + dt / 2.0 * by_p
        rows[:, :3, 3:] = dt * (identity + by_v / 2.0)
        rows[:, 3:, :3] = by_p
        rows[:, 3:, 3:] = identity + by_v
        return rows

    def process_noise(self, states: Floats, dt_s: Floats) -> Floats:
        """Return (n, 6, 6) process noise; equal along east and north, it needs the direction of up alone."""
        up = enu_axes_at(states[:, :3])[:, 2]
        excess = self.vertical_psd_m2_s3 - self.horizontal_psd_m2_s3
        densities = self.horizontal_psd_m2_s3 * np.eye(3) + excess * up[:, :, None] * up[:, None, :]
        return integrated_twice(densities, dt_s)

    def predict(self, mean: Floats, covariance: Floats, dt_s: Floats) -> tuple[Floats, Floats]:
        """Return (n, 6) means and (n, 6, 6) covariances `dt_s` (n,) later; see `Motion.predict` of the room.

        The covariance is carried along as on a plane: what the bend adds to it is in proportion of the angle flown, one
        part in two thousand for ten seconds at 300 m/s.
        """
        ahead, spread = np.empty_like(mean), np.empty_like(covariance)
        _predict(mean, covariance, dt_s, self.horizontal_psd_m2_s3, self.vertical_psd_m2_s3, ahead, spread)
        return ahead, spread


@kernel
def _predict(
    mean: Floats, covariance: Floats, dt_s: Floats, horizontal: float, vertical: float, ahead: Floats, spread: Floats
) -> None:
    """Write the prediction of each row into `ahead` and `spread`."""
    up = np.empty(3)
    for i in range(mean.shape[0]):
        dt, x = dt_s[i], mean[i]
        square = x[0] * x[0] + x[1] * x[1] + x[2] * x[2]
        along = (x[0] * x[3] + x[1] * x[4] + x[2] * x[5]) / square
        speed = (x[3] * x[3] + x[4] * x[4] + x[5] * x[5]) / square
        up[0], up[1], up[2] = x[0], x[1], x[2] / (1.0 - ECCENTRICITY_SQUARED)
        scale = 1.0 / math.sqrt(up[0] * up[0] + up[1] * up[1] + up[2] * up[2])
        over = abs(dt)
        for a in range(3):
            up[a] *= scale
            change = dt * (x[3 + a] * along - x[a] * speed)
            ahead[i, a] = x[a] + dt * (x[3 + a] + 0.5 * change)
            ahead[i, 3 + a] = x[3 + a] + change
        for a in range(3):
            for b in range(3):
                density = (vertical - horizontal) * up[a] * up[b]
                if a == b:
                    density += horizontal
                noise = density * over
                mixed = covariance[i, a, 3 + b] + dt * covariance[i, 3 + a, 3 + b]
                spread[i, a, 3 + b] = mixed + noise * dt * 0.5
                spread[i, 3 + b, a] = spread[i, a, 3 + b]
                if b <= a:
                    placed = covariance[i, a, b] + dt * (mixed + covariance[i, 3 + a, b])
                    spread[i, a, b] = placed + noise * dt * dt * (1.0 / 3.0)
                    spread[i, b, a] = spread[i, a, b]
                    spread[i, 3 + a, 3 + b] = covariance[i, 3 + a, 3 + b] + noise
                    spread[i, 3 + b, 3 + a] = spread[i, 3 + a, 3 + b]


def _acceleration(p: Floats, v: Floats) -> Floats:
    along, speed_squared, square = np.vecdot(p, v), np.vecdot(v, v), np.vecdot(p, p)
    acceleration: Floats = (v * along[:, None] - p * speed_squared[:, None]) / square[:, None]
    return acceleration
