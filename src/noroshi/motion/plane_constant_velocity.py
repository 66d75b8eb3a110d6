"""Nearly constant velocity along straight lines: for laboratory data on the plane that touches the Earth at 0 N 0 E."""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from noroshi.estimation.white_noise import integrated_twice
from noroshi.geo.wgs84 import Floats
from noroshi.kernel import kernel
from noroshi.motion import POSITION_AND_VELOCITY, require_densities
from noroshi.records import Kind


@dataclass(frozen=True, slots=True)
class Motion:
    """Linear motion disturbed by white-noise acceleration; up, east and north are the Earth-fixed x, y and z.

    Attributes:
        horizontal_psd_m2_s3: power spectral density of the acceleration along y and z.
        vertical_psd_m2_s3: the same along x; 0 leaves what is in the plane there.

    Source: Bar-Shalom, Li and Kirubarajan (2001), Estimation with Applications to Tracking and Navigation, section
    6.2.2.
    """

    KIND: ClassVar[Kind] = Kind.AIRCRAFT
    KEEPS_VELOCITY: ClassVar[bool] = True
    COMPONENTS: ClassVar[tuple[str, ...]] = POSITION_AND_VELOCITY
    EXTENT: ClassVar[tuple[tuple[float, float], ...]] = ()

    horizontal_psd_m2_s3: float = 1.0
    vertical_psd_m2_s3: float = 0.0

    @classmethod
    def of(cls, **parameters: float) -> Self:
        """Return the model; see `Motion.of` of the room."""
        model = cls(**parameters)
        require_densities(**parameters)
        return model

    def propagate(self, states: Floats, dt_s: Floats) -> Floats:
        """Return (n, 6) states `dt_s` (n,) later."""
        return np.hstack([states[:, :3] + dt_s[:, None] * states[:, 3:], states[:, 3:]])

    def jacobian(self, states: Floats, dt_s: Floats) -> Floats:
        """Return (n, 6, 6) derivatives of `propagate` by the state."""
        rows = np.tile(np.eye(6), (len(states), 1, 1))
        rows[:, :3, 3:] = dt_s[:, None, None] * np.eye(3)
        return rows

    def process_noise(self, states: Floats, dt_s: Floats) -> Floats:
        """Return (n, 6, 6) process noise."""
        densities = [self.vertical_psd_m2_s3, self.horizontal_psd_m2_s3, self.horizontal_psd_m2_s3]
        return integrated_twice(np.diag(densities), dt_s)

    def predict(self, mean: Floats, covariance: Floats, dt_s: Floats) -> tuple[Floats, Floats]:
        """Return (n, 6) means and (n, 6, 6) covariances `dt_s` (n,) later; see `Motion.predict` of the room."""
        ahead, spread = np.empty_like(mean), np.empty_like(covariance)
        _predict(mean, covariance, dt_s, self.horizontal_psd_m2_s3, self.vertical_psd_m2_s3, ahead, spread)
        return ahead, spread


@kernel
def _predict(
    mean: Floats, covariance: Floats, dt_s: Floats, horizontal: float, vertical: float, ahead: Floats, spread: Floats
) -> None:
    """Write the prediction of each row into `ahead` and `spread`."""
    for i in range(mean.shape[0]):
        dt = dt_s[i]
        for a in range(3):
            ahead[i, a] = mean[i, a] + dt * mean[i, 3 + a]
            ahead[i, 3 + a] = mean[i, 3 + a]
            for b in range(3):
                noise = 0.0
                if a == b:
                    noise = abs(dt) * (vertical if a == 0 else horizontal)
                mixed = covariance[i, a, 3 + b] + dt * covariance[i, 3 + a, 3 + b]
                spread[i, a, 3 + b] = mixed + noise * dt * 0.5
                spread[i, 3 + b, a] = spread[i, a, 3 + b]
                if b <= a:
                    placed = covariance[i, a, b] + dt * (mixed + covariance[i, 3 + a, b])
                    spread[i, a, b] = placed + noise * dt * dt * (1.0 / 3.0)
                    spread[i, b, a] = spread[i, a, b]
                    spread[i, 3 + a, 3 + b] = covariance[i, 3 + a, 3 + b] + noise
                    spread[i, 3 + b, 3 + a] = spread[i, 3 + a, 3 + b]
