"""Where a sensor is told to look, look by look; where it is told nothing it goes on with its fixed scan.

A look costs what a look costs, wherever it goes: each one that is told is one that the scan does not get.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from noroshi.geo.wgs84 import Floats


class Aim(NamedTuple):
    """One look that is asked for.

    Attributes:
        time_ns: the look that begins then, or next after it; Unix UTC nanoseconds.
        place_ecef_m: where it is to look.
    """

    time_ns: int
    place_ecef_m: tuple[float, float, float]


@dataclass(slots=True)
class Aims:
    """What one sensor has been told, by the numbers of its looks.

    Attributes:
        start_ns, period_ns: of the sensor's looks.
    """

    start_ns: int
    period_ns: int
    _told: dict[int, tuple[float, float, float]] = field(default_factory=dict)

    def tell(self, aims: Sequence[Aim], now_ns: int) -> None:
        """Take in what has come now. Looks that have begun stay; of two aims for one look the later told counts."""
        for aim in aims:
            look = -(-(aim.time_ns - self.start_ns) // self.period_ns)
            if self.start_ns + look * self.period_ns > now_ns:
                self._told[look] = aim.place_ecef_m

    def of(self, first_look: int, n_looks: int) -> Floats:
        """Return the (n, 3) places at which looks are aimed; NaN where nothing is told."""
        places = np.full((n_looks, 3), np.nan)
        for look in range(first_look, first_look + n_looks):
            if look in self._told:
                places[look - first_look] = self._told[look]
        return places

    def state(self) -> list[Any]:
        """Return what was told, as plain data."""
        return [[look, list(place)] for look, place in self._told.items()]

    def restore(self, state: Sequence[Any]) -> None:
        """Go back to `state`."""
        self._told = {look: (x, y, z) for look, (x, y, z) in state}
