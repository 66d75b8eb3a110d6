"""Which units a sensor's numbers are in, where they contradict those that they were taken for, and what to do."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from noroshi.assessment.units import RANGE_UNITS, height_unit, range_and_height_units, speed_unit
from noroshi.geo.units import FOOT_M
from noroshi.records import Detections, concatenate

RANGE_COLUMN = {"nautical miles": "range_nmi", "kilometres": "range_km"}


@dataclass(frozen=True, slots=True)
class Units:
    """Units of a sensor's heights, ranges and speeds that were taken for metres and metres a second; "" if they are.

    `is_unknown`: metres are impossible, and nothing that was tried is surely right.
    """

    height: str = ""
    range: str = ""
    speed: str = ""
    is_unknown: bool = False

    @property
    def factors(self) -> tuple[float, float]:
        """What ranges and heights are to be multiplied by."""
        return RANGE_UNITS.get(self.range, 1.0), FOOT_M if self.height else 1.0

    def told(self) -> str:
        """Return what is wrong in words, with its remedy; "" where nothing is."""
        if self.is_unknown:
            return (
                "heights are greater than ranges as metres, and no other units surely explain it: look at the units of "
                "both columns, and at the height of its site"
            )
        said = []
        if self.range:
            said.append(f"ranges are {self.range}, taken for metres: name the column {RANGE_COLUMN[self.range]}")
        if self.height:
            said.append(f"heights are {self.height}, taken for metres: name the column altitude_ft")
        if self.speed:
            other = "name the columns velocity_east_kt and velocity_north_kt" if self.speed == "knots" else (
                "convert them to m/s")  # fmt: skip
            said.append(f"velocities are {self.speed}, taken for m/s, by the ways flown: {other}")
        return "; ".join(said)


def units(batches: Sequence[Detections], site_height_m: float) -> Units:
    """Return the units that one sensor's numbers show, where they contradict those that they were taken for."""
    found = Units()
    for batch in _alike(batches):
        columns = dict(zip(batch.components, batch.values.T, strict=True))
        height = columns.get("altitude_m", np.full(len(batch), np.nan))
        if "range_m" in columns:
            both = range_and_height_units(columns["range_m"], height, site_height_m)
            if both == ("", ""):
                return Units(is_unknown=True)
            if both is not None:
                range_unit, unit = ("" if each == "metres" else each for each in both)
                return Units(range=range_unit, height=unit)
        found = Units(height=found.height or height_unit(height) or "", speed=found.speed or speed_unit(batch) or "")
    return found


def rescaled(plots: Detections, factors: tuple[float, float]) -> Detections:
    """Return plots with their ranges and heights multiplied; factors as in `Units.factors`."""
    values = plots.values.copy()
    for name, factor in zip(("range_m", "altitude_m"), factors, strict=True):
        if name in plots.components:
            values[:, plots.components.index(name)] *= factor
    return plots.replace(values=values)


def _alike(batches: Sequence[Detections]) -> list[Detections]:
    by_components: dict[tuple[str, ...], list[Detections]] = {}
    for batch in batches:
        if len(batch):
            by_components.setdefault(batch.components, []).append(batch)
    return [concatenate(each) for each in by_components.values()]
