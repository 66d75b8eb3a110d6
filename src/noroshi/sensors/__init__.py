"""How each type of sensor sees. One file a type, used by the simulator and the tracker alike.

The file's name is its key (`type = "search_radar"`). A file holds `class Sensor` that satisfies the protocol below;
`tests/test_every_sensor.py` holds each one to it.
"""

from collections.abc import Mapping
from typing import ClassVar, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from noroshi.records import SensorSite


class Sensor(Protocol):
    """One sensor of a type.

    Attributes:
        COMPONENTS: every quantity that the type may measure, unit last, in the order of all arrays below (m of them).
        REQUIRED: those without which a row is of no use.
        BOUNDS: (low, high) outside which a value is absurd and the row is refused.
        WRAPPED: components that are angles on a full circle, whose differences wrap to (-pi, pi].
    """

    COMPONENTS: ClassVar[tuple[str, ...]]
    REQUIRED: ClassVar[tuple[str, ...]]
    BOUNDS: ClassVar[Mapping[str, tuple[float, float]]]
    WRAPPED: ClassVar[tuple[str, ...]]

    @classmethod
    def at(cls, site: SensorSite) -> Self:
        """Return the sensor described by `site`.

        Raises:
            ValueError: if a parameter is unknown to the type or its value makes no sense.
        """
        ...

    @property
    def origin_ecef_m(self) -> NDArray[np.float64]:
        """(3,) where it stands; NaN where that has no meaning."""
        ...

    def measure(self, states: NDArray[np.float64], origin_ecef_m: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the (n, m) noise-free measurements of (n, 6) Earth-fixed states from (n, 3) origins."""
        ...

    def jacobian(self, states: NDArray[np.float64], origin_ecef_m: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return (n, m, 6) derivatives of `measure` by the state."""
        ...

    def noise(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the (n, m, m) noise that this type has where a recording states none."""
        ...

    def locate(
        self, values: NDArray[np.float64], covariances: NDArray[np.float64], origin_ecef_m: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return where single plots put their target: (n, 6) states and (n, 6, 6) covariances.

        What a plot does not measure (the height of a 2-D plot, the velocity) is filled from a broad prior of the type.
        """
        ...

    def detection_probability(
        self, states: NDArray[np.float64], origin_ecef_m: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return the (n,) chance that one look sees each target: 0 beyond range or below the horizon."""
        ...
