"""Which measures a scenario may ask for, with their units, and what a scenario must have for each."""

from collections.abc import Mapping
from functools import cache

from noroshi.assessment.exercises import (
    agreement,
    all_clears,
    clocks,
    custodies,
    deciding,
    ledger,
    links,
    stepping,
    uncertainty,
    warned,
)
from noroshi.assessment.exercises.catalogue import MEASURES
from noroshi.run import rooms

OF_EXERCISES: Mapping[str, str] = {name: each.unit for name, each in MEASURES.items()}
"""Measures of exercises and what each is in."""

OF_AREAS = ("entries_noticed",)
"""Those that are about an area."""

ALWAYS = tuple(name for name in OF_EXERCISES if name not in OF_AREAS)
"""Those that every run is measured by, whether its scenario names them or not."""

OF_THREATS = (
    *custodies.MEASURES, *clocks.MEASURES, *uncertainty.MEASURES, *ledger.MEASURES, "first_warning_lead_s",
    "lead_time_s", "threats_tracked", "threat_time_tracked", "share_delay_s", "sensor_delay_s", "sensor_delay_s_p95",
    "plots_lost",
)  # fmt: skip
"""Those that say nothing unless something boosts, falls or glides."""

_TOLD = ("time_to_launch_notice_s", "time_to_threat_s", "time_to_proposal_s", "time_to_alert_s")
OF_WARNINGS = (
    *warned.MEASURES, *all_clears.MEASURES, *deciding.MEASURES, *stepping.MEASURES, *ledger.MEASURES, *_TOLD,
    *(name for name in uncertainty.MEASURES if name.startswith("forecast_")),
)  # fmt: skip
"""Those that rest on what a nation tells, which does so only if its file has a `[warning]` table."""

OF_LINKS = tuple(name for name in links.MEASURES if name not in ("sensor_delay_s", "sensor_delay_s_p95", "plots_lost"))
"""Those that rest on links."""

OF_PARTNERS = tuple(agreement.MEASURES)
"""Those that rest on there being more than one nation."""

OF_INJECTS: Mapping[str, str] = {"dark_ships_held": "dark", "false_positions_noticed": "false_position"}
"""Those that rest on an inject, and on which."""


@cache
def known() -> Mapping[str, str]:
    """Return the unit of each measure, by its name: those of exercises, then the metrics of `assessment/`."""
    metrics = [name for room in rooms.names("assessment") for name in rooms.load("assessment", room).NAMES]
    return {**OF_EXERCISES, **{name: _unit(name) for name in metrics if name not in OF_EXERCISES}}


def unit_of(name: str) -> str | None:
    """Return the unit of a measure, None if there is none of this name; metrics are loaded only if it may be one."""
    return OF_EXERCISES.get(name) or known().get(name)


def _unit(name: str) -> str:
    """Return the unit that a metric's name tells, "1" if it has none."""
    endings = {"_m_s": "m/s", "_m": "m", "_s": "s", "_rad": "rad", "_hz": "Hz", "_share": "share"}
    plain = name.removesuffix("_max").removesuffix("_mean").removesuffix("_rms")
    return next((unit for ending, unit in endings.items() if plain.endswith(ending)), "1")
