"""What was tracked of all that moved: threats, the rest, who was silent, who lied, who came into a zone."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from noroshi.assessment.exercises.definition import Definition
from noroshi.assessment.exercises.happened import Happened, Zone
from noroshi.assessment.exercises.held import Held
from noroshi.assessment.results import Figure
from noroshi.geo.time import NS_PER_S
from noroshi.geo.wgs84 import MEAN_RADIUS_M, ecef_from_geodetic, geodetic_from_ecef
from noroshi.records.identity import ABSENT

Flags = NDArray[np.bool_]

NOTICE_S = 60.0
"""An entry is noticed if a track shows it within so long after."""
SAYS_M = 5_000.0
"""A track that says a target's name so far from the target, or further, contradicts it."""

OF = ("node", "coalition")
MEASURES = {
    "threats_tracked": Definition("share", 1, "Of the threats, those that ever had a firm track.", OF),
    "threat_time_tracked": Definition("share", 1, "Of the time that threats fly, that with a firm track.", OF),
    "background_tracked": Definition("share", 1, "Of the other targets' time, that with a firm track.", OF),
    "false_tracks": Definition("1", -1, "Firm tracks on no target, the most at once; of the worst node.", OF),
    "track_breaks": Definition("1", -1, "How often the nearest track on a target was another; of the worst node.", OF),
    "position_error_m_p95": Definition("m", -1, "95 % of the tracks on targets are nearer; of the worst node.", OF),
    "dark_ships_held": Definition("share", 1, "Of the time that targets are silent, that with a firm track.", OF),
    "false_positions_noticed": Definition(
        "share", 1, f"Of the targets that report a false place, those that meanwhile have a firm track at their true "
        f"place and, in one picture, another with their name {SAYS_M / 1e3:g} km or further away.", OF,
    ),
    "entries_noticed": Definition(
        "share", 1, f"Of the entries into an area, those with a firm track on who enters, shown in the area, within "
        f"{NOTICE_S:g} s.", OF,
    ),
}  # fmt: skip


def figures(happened: Happened) -> Iterator[Figure]:
    """Give what each node tracked, and what any of them did."""
    yield from asked(happened, [name for name in MEASURES if name != "entries_noticed"])


def asked(
    happened: Happened, names: Sequence[str], chosen: Flags | None = None, zone: Zone | None = None, subject: str = ""
) -> Iterator[Figure]:
    """Give some of the measures.

    Args:
        happened: what happened.
        names: of the measures.
        chosen: (n,) the targets that count; all if None. Tracks on no target count anyway.
        zone: which circle `entries_noticed` is about.
        subject: of the figures.
    """
    mask = np.ones(len(happened.targets.names), bool) if chosen is None else chosen
    for shared, pictures in ((False, happened.own), (True, happened.known)):
        for name in names:
            taken = MEASURE[name] if name in MEASURE else _entries(zone)
            for node, held in pictures.items():
                yield Figure(
                    measure=name, value=taken(happened, [held], mask), node=node, shared=shared, subject=subject
                )
            value = taken(happened, list(pictures.values()), mask)
            yield Figure(measure=name, value=value, shared=shared, subject=subject)


def chosen_of(happened: Happened, entries: Sequence[str]) -> Flags:
    """Return (n,) the targets of some entries of the scenario."""
    names = {name for entry in entries for name in happened.entries.get(entry, (entry,))}
    return np.isin(happened.targets.names, sorted(names))


Taken = Callable[[Happened, list[Held], Flags], float]
"""A measure of one or several nodes' pictures: of several what any of them has, or the worst."""


def _held(happened: Happened, pictures: list[Held]) -> Flags:
    found = np.zeros(happened.targets.row.shape, bool)
    for held in pictures:
        found |= held.is_held
    return found


def _threats_tracked(happened: Happened, pictures: list[Held], mask: Flags) -> float:
    counted = happened.targets.is_threat & mask & happened.targets.is_there.any(axis=1)
    return _ratio(np.asarray(_held(happened, pictures)[counted].any(axis=1)), np.ones(int(counted.sum()), bool))


def _threat_time(happened: Happened, pictures: list[Held], mask: Flags) -> float:
    counted = happened.targets.is_threat & mask
    return _ratio(_held(happened, pictures)[counted], happened.targets.is_there[counted])


def _background(happened: Happened, pictures: list[Held], mask: Flags) -> float:
    counted = ~happened.targets.is_threat & mask
    return _ratio(_held(happened, pictures)[counted], happened.targets.is_there[counted])


def _false_tracks(_: Happened, pictures: list[Held], __: Flags) -> float:
    return max(
        float((held.n_tracks - np.bincount(held.on.i_time, minlength=len(held.n_tracks))).max(initial=0))
        for held in pictures
    )


def _breaks(_: Happened, pictures: list[Held], mask: Flags) -> float:
    return float(max(_n_breaks(held, mask) for held in pictures))


def _n_breaks(held: Held, mask: Flags) -> int:
    pair = held.nearest
    n = 0
    for target in np.flatnonzero(mask).tolist():
        own = pair[target][pair[target] >= 0]
        n += int((np.diff(held.on.i_track[own]) != 0).sum())
    return n


def _error_p95(_: Happened, pictures: list[Held], mask: Flags) -> float:
    errors = [held.on.position_error_m[mask[held.on.i_target]] for held in pictures]
    return max((float(np.quantile(each, 0.95)) for each in errors if len(each)), default=math.nan)


def _dark(happened: Happened, pictures: list[Held], mask: Flags) -> float:
    silent = _during(happened, mask, is_silent=True)
    return _ratio(_held(happened, pictures) & silent, silent)


def _false_positions(happened: Happened, pictures: list[Held], mask: Flags) -> float:
    lying = _during(happened, mask, is_silent=False)
    noticed = np.any([_contradicted(happened, held, lying) for held in pictures], axis=0)
    counted = lying.any(axis=1)
    return _ratio(noticed[counted], np.ones(int(counted.sum()), bool))


def _contradicted(happened: Happened, held: Held, lying: Flags) -> Flags:
    """Return (n,) whether a picture ever has a track on a liar and another, far from it, that says its name."""
    targets = happened.targets
    is_held = held.is_held
    said = held.tracks.identity
    found = np.zeros(len(targets.names), bool)
    for target in np.flatnonzero(lying.any(axis=1)).tolist():
        row = targets.row[target]
        who = int(row[row >= 0][0]) if (row >= 0).any() else -1
        if who < 0:
            continue
        numbers = [(column, int(getattr(targets.truth.identity, column)[who])) for column in ("mmsi", "icao_address")]
        says = np.zeros(len(held.shown_row), bool)
        for column, number in numbers:
            says |= (getattr(said, column)[held.shown_row] == number) & (number != ABSENT)
        for shown in np.flatnonzero(says & (lying & is_held)[target][held.shown_time]).tolist():
            place = targets.truth.state_ecef[row[held.shown_time[shown]], :3]
            if np.linalg.norm(held.shown_ecef[shown, :3] - place) >= SAYS_M:
                found[target] = True
                break
    return found


def _during(happened: Happened, mask: Flags, *, is_silent: bool) -> Flags:
    """Return (n, k) which targets are there and silent, or lie, when."""
    targets = happened.targets
    found = np.zeros(targets.row.shape, bool)
    for lie in happened.lies:
        if lie.is_silent == is_silent:
            when = (targets.times_ns >= lie.begins_ns) & (targets.times_ns < lie.ends_ns)
            found[targets.names == lie.target] |= when
    return found & targets.is_there & mask[:, None]


def _entries(zone: Zone | None) -> Taken:
    def taken(happened: Happened, pictures: list[Held], mask: Flags) -> float:
        if zone is None:
            return math.nan
        noticed = [_noticed(happened, pictures, target, zone) for target in np.flatnonzero(mask).tolist()]
        every = [each for entries in noticed for each in entries]
        return sum(every) / len(every) if every else math.nan

    return taken


def _noticed(happened: Happened, pictures: list[Held], target: int, zone: Zone) -> list[bool]:
    """Return for each entry of a target into a zone whether it was noticed."""
    targets = happened.targets
    there = np.flatnonzero(targets.row[target] >= 0)
    inside = is_in(zone, targets.truth.state_ecef[targets.row[target, there], :3])
    entries = there[1:][inside[1:] & ~inside[:-1]]
    shown = np.zeros(len(targets.times_ns), bool)
    for held in pictures:
        mine = held.on.i_target == target
        shown[held.on.i_time[mine][is_in(zone, held.on_ecef_m[mine])]] = True
    at_ns = targets.times_ns
    return [
        bool(shown[(at_ns >= at_ns[entry]) & (at_ns <= at_ns[entry] + round(NOTICE_S * NS_PER_S))].any())
        for entry in entries.tolist()
    ]


def is_in(zone: Zone, position_ecef_m: NDArray[np.float64]) -> Flags:
    """Return (n,) which of (n, 3) places are in, or above, a circle."""
    lat, lon, _ = geodetic_from_ecef(position_ecef_m)
    place = ecef_from_geodetic(lat, lon, 0.0)
    middle = ecef_from_geodetic(zone.lat_rad, zone.lon_rad, 0.0)
    cosine = place @ middle / (np.linalg.norm(place, axis=1) * np.linalg.norm(middle))
    return np.asarray(np.arccos(np.clip(cosine, -1.0, 1.0)) * MEAN_RADIUS_M <= zone.radius_m)


def _ratio(part: Flags, whole: Flags) -> float:
    return float(part.sum() / whole.sum()) if whole.any() else math.nan


MEASURE: Mapping[str, Taken] = {
    "threats_tracked": _threats_tracked,
    "threat_time_tracked": _threat_time,
    "background_tracked": _background,
    "false_tracks": _false_tracks,
    "track_breaks": _breaks,
    "position_error_m_p95": _error_p95,
    "dark_ships_held": _dark,
    "false_positions_noticed": _false_positions,
}
