"""Nearly constant velocity along straight lines: for laboratory data on the plane that touches the Earth at 0 N 0 E."""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from noroshi.estimation.white_noise import integrated_twice
from noroshi.geo.wgs84 import Floats
from noroshi.motion import require_densities


@dataclass(frozen=True, slots=True)
class Motion:
    """Linear motion disturbed by white-noise acceleration; up, east and north are the Earth-fixed x, y and z.

    Attributes:
        horizontal_psd_m2_s3: power spectral density of the acceleration along y and z.
        vertical_psd_m2_s3: the same along x; 0 leaves what is in the plane there.

    Source: Bar-Shalom, Li and Kirubarajan (2001), Estimation with Applications to Tracking and Navigation, section
    6.2.2.
    """

    COMPONENTS: ClassVar[tuple[str, ...]] = (
        "x_ecef_m",
        "y_ecef_m",
        "z_ecef_m",
        "vx_ecef_m_s",
        "vy_ecef_m_s",
        "vz_ecef_m_s",
    )
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
