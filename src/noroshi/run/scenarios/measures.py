"""Which measures a scenario may ask for, with their units."""

from collections.abc import Mapping
from functools import cache

from noroshi.run import rooms

OF_EXERCISES: Mapping[str, str] = {
    "threats_tracked": "share",  # of the threats, those that ever had a firm track
    "threat_time_tracked": "share",  # of the time that threats fly, that with a firm track
    "time_to_first_plot_s": "s",  # from the beginning of a threat
    "time_to_firm_track_s": "s",
    "warning_time_left_s": "s",  # from the first firm track to the end of the threat
    "background_tracked": "share",  # of the other targets' time
    "false_tracks": "1",  # firm tracks of nothing, greatest at once
    "track_breaks": "1",  # times that a target's track number changes
    "position_error_m_p95": "m",
    "common_picture": "share",  # of firm tracks, those that every node has
    "staleness_s_p95": "s",  # age of what came over links
    "link_bytes_s": "B/s",  # mean of the busiest link
    "dark_ships_held": "share",  # of the time that ships are dark, that with a firm track
    "false_positions_noticed": "share",  # of flights that report a false position
    "entries_noticed": "share",  # of entries into an area
}
"""Measures of exercises and what each is in."""

OF_AREAS = ("entries_noticed",)
"""Those that are about an area."""


@cache
def known() -> Mapping[str, str]:
    """Return the unit of each measure, by its name: those of exercises, then the metrics of `assessment/`."""
    metrics = [name for room in rooms.names("assessment") for name in rooms.load("assessment", room).NAMES]
    return {**OF_EXERCISES, **{name: _unit(name) for name in metrics if name not in OF_EXERCISES}}


def _unit(name: str) -> str:
    """Return the unit that a metric's name tells, "1" if it has none."""
    endings = {"_m_s": "m/s", "_m": "m", "_s": "s", "_rad": "rad", "_hz": "Hz", "_share": "share"}
    plain = name.removesuffix("_max").removesuffix("_mean").removesuffix("_rms")
    return next((unit for ending, unit in endings.items() if plain.endswith(ending)), "1")
