"""Where a sensor stands and of what type it is."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorSite:
    """One row of the sensors table (docs/tables.md).

    Attributes:
        sensor: its name; detections refer to it by this.
        type: which file in `sensors/` describes how it sees.
        nation: who owns it.
        lat_rad, lon_rad, height_m: geodetic position on WGS 84, height above the ellipsoid.
        parameters: the type's own numbers, each named with its unit (`range_sigma_m`); the type has a default for each.
    """

    sensor: str
    type: str
    nation: str = ""
    lat_rad: float = float("nan")
    lon_rad: float = float("nan")
    height_m: float = float("nan")
    parameters: Mapping[str, float] = field(default_factory=dict)

    @property
    def has_place(self) -> bool:
        """Whether it is known where it stands."""
        return not math.isnan(self.lat_rad)
