"""Compact position reporting: latitude and longitude from 17 bits each of an even and an odd message.

A message is resolved with the latest of the other format before it if that is young enough, and else near the last
place resolved: so the result depends on what came before only (but see `_quarter_references`). Nothing is dropped for
being unlikely.

Source: RTCA DO-260B, appendix A, A.1.7 (A.1.7.5 near a reference, A.1.7.7 airborne pairs, A.1.7.8 surface pairs).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from noroshi.formats.reading import last_at_or_before
from noroshi.geo.time import NS_PER_S

STEPS = 1 << 17
PAIR_NS = (3 * NS_PER_S, 10 * NS_PER_S)
"""How old the other message of an airborne pair may be: at first so young that the pair holds at 1.8 km/s (the two
places may be half a degree / 59 * 6 apart, 5.6 km); then, for want of a better, as the standard says."""
SURFACE_PAIR_NS = 25 * NS_PER_S
REFERENCE_NS = 60 * NS_PER_S
OWN_AIRPORT_NS = 3600 * NS_PER_S

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


def _zone_limits_deg() -> Floats:
    zones = np.arange(59, 1, -1)
    ratio = (1.0 - np.cos(np.pi / 30.0)) / (1.0 - np.cos(2.0 * np.pi / zones))
    limits_deg: Floats = np.degrees(np.arccos(np.sqrt(ratio)))
    return limits_deg


_ZONE_LIMITS_DEG = _zone_limits_deg()


@dataclass(frozen=True)
class Reports:
    """Position messages, n rows.

    Attributes:
        key: (n,) whose they are.
        time_ns: (n,) when.
        is_odd: (n,) which format.
        is_surface: (n,) which resolution.
        y, x: (n,) the encoded latitude and longitude, 0 to 1.
    """

    key: Integers
    time_ns: Integers
    is_odd: Flags
    is_surface: Flags
    y: Floats
    x: Floats


def resolve(reports: Reports, reference_deg: tuple[float, float] | None) -> Floats:
    """Return (n, 2) latitude and longitude [deg]; NaN where they cannot be told.

    Args:
        reports: the messages.
        reference_deg: latitude and longitude of a place within some hundreds of kilometres; surface positions need one
            where no aircraft is heard in the air.
    """
    place = np.full((len(reports.key), 2), np.nan)
    for within_ns in PAIR_NS:
        rows, partner = _pairs(reports, ~reports.is_surface & np.isnan(place[:, 0]), ~reports.is_surface, within_ns)
        place[rows] = _from_pairs(reports, rows, partner, None)
        _near_last(reports, place, ~reports.is_surface)
    quarter = _quarter_references(reports, place, reference_deg)
    rows, partner = _pairs(reports, reports.is_surface, reports.is_surface, SURFACE_PAIR_NS)
    place[rows] = _from_pairs(reports, rows, partner, quarter[rows])
    _near_last(reports, place, reports.is_surface)
    return place


def _pairs(reports: Reports, wanted: Flags, partners: Flags, within_ns: int) -> tuple[Integers, Integers]:
    """Return the rows that have a partner of the other format, and the partners."""
    even, odd = (
        last_at_or_before(reports.key, reports.time_ns, partners & (reports.is_odd == is_odd), within_ns)
        for is_odd in (False, True)
    )
    partner = np.where(reports.is_odd, even, odd)
    rows = np.flatnonzero(wanted & (partner >= 0))
    return rows, partner[rows]


def _from_pairs(reports: Reports, rows: Integers, partner: Integers, quarter_deg: Floats | None) -> Floats:
    """Return (k, 2) places; with references to choose the quarter of the globe, those of surface messages."""
    span_deg = 360.0 if quarter_deg is None else 90.0
    odd = reports.is_odd[rows]
    y_even, x_even, y_odd, x_odd = (
        np.where(odd == is_odd, column[rows], column[partner])
        for is_odd in (False, True)
        for column in (reports.y, reports.x)
    )
    j = np.floor(59.0 * y_even - 60.0 * y_odd + 0.5)
    lat_even = span_deg / 60.0 * (j % 60.0 + y_even)
    lat_odd = span_deg / 59.0 * (j % 59.0 + y_odd)
    if quarter_deg is None:
        lat_even, lat_odd = (np.where(lat >= 270.0, lat - 360.0, lat) for lat in (lat_even, lat_odd))
    else:
        south = quarter_deg[:, 0] < 0.0
        lat_even, lat_odd = (np.where(south, lat - 90.0, lat) for lat in (lat_even, lat_odd))
    lat = np.where(odd, lat_odd, lat_even)
    zones = _zones(lat)
    m = np.floor(x_even * (zones - 1) - x_odd * zones + 0.5)
    n = np.maximum(zones - odd, 1)
    lon = span_deg / n * (m % n + np.where(odd, x_odd, x_even))
    if quarter_deg is not None:
        lon = lon + 90.0 * np.round((quarter_deg[:, 1] - lon) / 90.0)
    sound = (_zones(lat_even) == _zones(lat_odd)) & (np.abs(lat_even) <= 90.0) & (np.abs(lat_odd) <= 90.0)
    sound &= np.isfinite(lon)  # without a reference the quarter is unknown
    return np.where(sound[:, None], np.column_stack((lat, _wrapped(lon))), np.nan)


def _near_last(reports: Reports, place: Floats, wanted: Flags) -> None:
    """Fill in what is not resolved yet from the last place of the same key."""
    known = ~np.isnan(place[:, 0])
    last = last_at_or_before(reports.key, reports.time_ns, known, REFERENCE_NS)
    rows = np.flatnonzero(wanted & ~known & (last >= 0))
    reference = place[last[rows]]
    span_deg = np.where(reports.is_surface[rows], 90.0, 360.0)
    odd, y, x = reports.is_odd[rows], reports.y[rows], reports.x[rows]
    lat_step = span_deg / (60.0 - odd)
    lat = lat_step * (np.floor(0.5 + reference[:, 0] / lat_step - y) + y)
    lon_step = span_deg / np.maximum(_zones(lat) - odd, 1)
    lon = lon_step * (np.floor(0.5 + reference[:, 1] / lon_step - x) + x)
    sound = np.abs(lat) <= 90.0
    place[rows] = np.where(sound[:, None], np.column_stack((lat, _wrapped(lon))), np.nan)


def _quarter_references(reports: Reports, place: Floats, reference_deg: tuple[float, float] | None) -> Floats:
    """Return (n, 2) roughly where surface messages are, to choose among places a quarter of the globe apart.

    It is their own last place in the air, else the reference, else the recording's first place: what one receiver hears
    is never so far apart.
    """
    known = np.flatnonzero(~np.isnan(place[:, 0]))
    own = last_at_or_before(reports.key, reports.time_ns, ~np.isnan(place[:, 0]), OWN_AIRPORT_NS)
    if reference_deg is not None:
        common = np.array(reference_deg)
    else:
        common = place[known[0]] if len(known) else np.full(2, np.nan)
    return np.where((own >= 0)[:, None], place[own], common)


def _zones(lat_deg: Floats) -> Integers:
    """Return the number of longitude zones at a latitude."""
    return 59 - np.searchsorted(_ZONE_LIMITS_DEG, np.abs(lat_deg), side="right")


def _wrapped(lon_deg: Floats) -> Floats:
    return (lon_deg + 180.0) % 360.0 - 180.0
