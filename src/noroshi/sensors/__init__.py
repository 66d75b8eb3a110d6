"""How each type of sensor sees. One file a type, used by the simulator and the tracker alike.

The file's name is its key (`type = "search_radar"`). A file holds `class Sensor` that satisfies the protocol below;
`tests/test_every_sensor.py` holds each one to it. What all types share is here and in `prepare.py`.
"""

import math
from collections.abc import Mapping
from typing import ClassVar, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from noroshi.records import Kind, SensorSite

AT_SEA: Mapping[str, float] = {
    "altitude_prior_m": 0.0,
    "altitude_prior_sigma_m": 50.0,
    "speed_sigma_m_s": 10.0,
    "climb_sigma_m_s": 0.5,
}
"""The defaults of `surface = 1`: sea level is the geoid, up to 106 m from the ellipsoid, 30 m in root mean square, and
tides and decks are metres beside."""


class Sensor(Protocol):
    """One sensor of a type.

    Attributes:
        COMPONENTS: every quantity that the type may measure, unit last, in the order of all arrays below (m of them).
        REQUIRED: those without which a row is of no use.
        BOUNDS: (low, high) outside which a value is absurd and the row is refused.
        WRAPPED: components that are angles on a full circle, whose differences wrap to (-pi, pi].
        PARAMETERS: the numbers a site may set, with their defaults; `scan_period_s` (from one look to the next) and
            `detection_probability` are always among them.
        NEEDS_ORIGIN: whether a row whose origin is unknown is of no use.

    A type that sees some kinds of targets better than others, as what is hot, may have `detection_by_kind(self)`: the
    (kinds,) chances, in the order of `Kind`, that one look sees what moves so; `detection_probability` is the greatest.
    A tracker then learns how a target moves from what it sees, and from looks that it is told of (`Quality.NOTHING`)
    and that did not see it. NaN is what may be too faint at all looks or at none, nobody knows: missed looks do not
    speak against its moving so.
    """

    COMPONENTS: ClassVar[tuple[str, ...]]
    REQUIRED: ClassVar[tuple[str, ...]]
    BOUNDS: ClassVar[Mapping[str, tuple[float, float]]]
    WRAPPED: ClassVar[tuple[str, ...]]
    PARAMETERS: ClassVar[Mapping[str, float]]
    NEEDS_ORIGIN: ClassVar[bool]

    @classmethod
    def at(cls, site: SensorSite) -> Self:
        """Return the sensor described by `site`.

        Raises:
            ValueError: if a parameter is unknown to the type or its value makes no sense.
        """
        ...

    @property
    def parameters(self) -> Mapping[str, float]:
        """`PARAMETERS` with what the site sets."""
        ...

    @property
    def origin_ecef_m(self) -> NDArray[np.float64]:
        """(3,) where it stands; NaN where that has no meaning."""
        ...

    def measure(self, states: NDArray[np.float64], origin_ecef_m: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the (n, m) noise-free measurements of (n, 6) Earth-fixed states from (n, 3) origins."""
        ...

    def jacobian(self, states: NDArray[np.float64], origin_ecef_m: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the (n, m, 6) derivatives of `measure` by the state."""
        ...

    def noise(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the (n, m, m) noise that this type has where a recording states none.

        It is finite even in rows whose values are NaN.
        """
        ...

    def locate(
        self, values: NDArray[np.float64], covariances: NDArray[np.float64], origin_ecef_m: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return where single plots put their target: (n, 6) states and (n, 6, 6) covariances.

        What a plot does not measure (the height of a 2-D plot, the velocity) is filled from a broad prior of the type.
        Good rows only (`prepare.arrange`): the result of a row without a required component is undefined.
        """
        ...

    def detection_probability(
        self, states: NDArray[np.float64], origin_ecef_m: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return the (n,) chance that one look sees each target: 0 beyond range or below the horizon."""
        ...


def detection_by_kind(sensor: Sensor) -> NDArray[np.float64]:
    """Return the (kinds,) chances that one look sees a target of each `Kind`: alike, unless its type says otherwise."""
    if hasattr(sensor, "detection_by_kind"):
        by_kind: NDArray[np.float64] = sensor.detection_by_kind()
        return by_kind
    return np.full(len(Kind), sensor.parameters["detection_probability"])


def surface_parameters_of(site: SensorSite, defaults: Mapping[str, float]) -> dict[str, float]:
    """Return what `parameters_of` does, of which `surface = 1` makes the defaults those of ships (`AT_SEA`)."""
    surface = site.parameters.get("surface", 0.0)
    if surface not in (0.0, 1.0):
        raise ValueError(f"sensor {site.sensor!r}: parameter 'surface' is {surface}: it is 1 for ships, else 0")
    return parameters_of(site, {**defaults, **(AT_SEA if surface else {})})


def at_sea_level(
    values: NDArray[np.float64],
    covariances: NDArray[np.float64],
    rows: NDArray[np.int64],
    altitude: int,
    parameters: Mapping[str, float],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return (n, m) values and (n, m, m) noise with the surface's altitude in some rows; `altitude` is its column."""
    values, covariances = values.copy(), covariances.copy()
    values[rows, altitude] = parameters["altitude_prior_m"]
    covariances[rows, altitude, :] = 0.0
    covariances[rows, :, altitude] = 0.0
    covariances[rows, altitude, altitude] = parameters["altitude_prior_sigma_m"] ** 2
    return values, covariances


def parameters_of(site: SensorSite, defaults: Mapping[str, float]) -> dict[str, float]:
    """Return `defaults` with what `site` sets.

    Raises:
        ValueError: if the site sets a parameter that is not among `defaults`, one that is not finite, a standard
            deviation or a period that is not positive, or a probability outside 0 to 1.
    """
    for name, value in site.parameters.items():
        where = f"sensor {site.sensor!r} of type {site.type!r}: parameter {name!r}"
        if name not in defaults:
            raise ValueError(f"{where} is unknown; the type has {', '.join(sorted(defaults))}")
        if not math.isfinite(value):
            raise ValueError(f"{where} is {value}: give a number")
        if value <= 0.0 and ("_sigma_" in name or "_period_" in name):
            raise ValueError(f"{where} is {value}: it must be positive")
        if not 0.0 <= value <= 1.0 and "probability" in name:
            raise ValueError(f"{where} is {value}: it must be from 0 to 1")
    return {**defaults, **site.parameters}
