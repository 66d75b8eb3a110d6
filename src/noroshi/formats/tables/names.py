"""The columns of the tables, what they mean, and under which other names they are taken; docs/tables.md lists them."""

import math
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any, TypeAlias

from noroshi.formats import FormatError
from noroshi.geo.units import FOOT_M, KNOT_M_S, NAUTICAL_MILE_M

IDENTITY: Mapping[str, str] = {
    "icao_address": "24-bit aircraft address, six hexadecimal digits (or in Parquet a whole number)",
    "mode_3a": "Mode 3/A code, four octal digits",
    "mmsi": "maritime mobile service identity",
    "call_sign": "call sign",
    "identity": "read only: whatever identifies the target. Nine digits are an MMSI, four octal digits a code, six "
    "hexadecimal digits an address, anything else a call sign",
}
VELOCITY: Mapping[str, str] = {
    "velocity_east_m_s": "velocity towards local east [m/s]",
    "velocity_north_m_s": "velocity towards local north [m/s]",
    "velocity_up_m_s": "velocity along the local vertical [m/s]",
}
PLACE: Mapping[str, str] = {
    "lat_deg": "geodetic latitude on WGS 84 [deg]",
    "lon_deg": "longitude [deg]",
}
DETECTIONS: Mapping[str, str] = {
    "time_ns": "when it was so, Unix UTC nanoseconds",
    "sensor": "name of the sensor; the recording's name where there is no such column",
    "x_m": "east in the sensor's local frame [m]",
    "y_m": "north in the sensor's local frame [m]",
    "z_m": "up in the sensor's local frame [m]",
    "range_m": "slant range [m]",
    "azimuth_rad": "azimuth, clockwise from true north [rad]",
    "elevation_rad": "elevation above the local horizontal [rad]",
    "range_rate_m_s": "range rate, positive where the range opens [m/s]",
    "line_azimuth_rad": "line of sight in Earth-fixed axes: from 0 E towards 90 E about the Earth's axis [rad]",
    "line_elevation_rad": "line of sight in Earth-fixed axes: from the Equator's plane towards north [rad]",
    **PLACE,
    "altitude_m": "altitude of the sensor's own kind [m]: Mode C and ADS-B give pressure altitude",
    **VELOCITY,
    "x_sigma_m": "standard deviation of x_m [m]; each sigma may be missing, then the sensor's type has its own",
    "y_sigma_m": "standard deviation of y_m [m]",
    "z_sigma_m": "standard deviation of z_m [m]",
    "range_sigma_m": "standard deviation of range_m [m]",
    "azimuth_sigma_rad": "standard deviation of azimuth_rad [rad]",
    "elevation_sigma_rad": "standard deviation of elevation_rad [rad]",
    "range_rate_sigma_m_s": "standard deviation of range_rate_m_s [m/s]",
    "line_azimuth_sigma_rad": "standard deviation of line_azimuth_rad [rad]",
    "line_elevation_sigma_rad": "standard deviation of line_elevation_rad [rad]",
    "lat_sigma_deg": "standard deviation of lat_deg [deg]",
    "lon_sigma_deg": "standard deviation of lon_deg [deg]",
    "altitude_sigma_m": "standard deviation of altitude_m [m]",
    "velocity_east_sigma_m_s": "standard deviation of velocity_east_m_s [m/s]",
    "velocity_north_sigma_m_s": "standard deviation of velocity_north_m_s [m/s]",
    "velocity_up_sigma_m_s": "standard deviation of velocity_up_m_s [m/s]",
    "sensor_lat_deg": "latitude of a sensor that moves, else from the sensors table [deg]",
    "sensor_lon_deg": "longitude of a sensor that moves [deg]",
    "sensor_height_m": "height above the ellipsoid of a sensor that moves [m]",
    "sensor_x_ecef_m": "or, instead of these three, its Earth-fixed place: towards 0 N 0 E [m]",
    "sensor_y_ecef_m": "towards 0 N 90 E [m]",
    "sensor_z_ecef_m": "towards the north pole [m]",
    **IDENTITY,
    "quality": "why the row is not to be used; `good`, or empty, where it is",
}
SENSORS: Mapping[str, str] = {
    "sensor": "its name; detections refer to it by this",
    "nation": "who owns it",
    "type": "which file of `noroshi/sensors` describes how it sees; `search_radar` and so on",
    **PLACE,
    "height_m": "height above the ellipsoid [m]",
}
TRUTH: Mapping[str, str] = {
    "time_ns": "Unix UTC nanoseconds",
    "target": "name of the target",
    "kind": "unknown, aircraft, ship, ballistic, boosting, gliding or space",
    **PLACE,
    "altitude_m": "height above the ellipsoid [m]",
    **VELOCITY,
    "x_m": "instead of latitude and longitude, in the laboratory's plane: east [m]",
    "y_m": "north in the laboratory's plane [m]",
    "z_m": "up from the laboratory's plane [m]",
    **IDENTITY,
}
TRACKS: Mapping[str, str] = {
    "time_ns": "when the state holds, Unix UTC nanoseconds",
    "track": "number of the track within its node",
    "node": "who made the track",
    "kind": "the most probable of unknown, aircraft, ship, ballistic, boosting, gliding, space",
    "status": "tentative, firm, coasting or lost",
    **PLACE,
    "altitude_m": "height above the ellipsoid [m]; where the sensors gave pressure altitude, that",
    **VELOCITY,
    "position_sigma_m": "root of the mean of the three position variances [m]",
    "sources": "names of the sensors that fed the track so far: a list, in CSV with semicolons between",
    "icao_address": IDENTITY["icao_address"],
    "mode_3a": IDENTITY["mode_3a"],
    "mmsi": IDENTITY["mmsi"],
    "call_sign": IDENTITY["call_sign"],
    "updated_ns": "when the track was last measured, Unix UTC nanoseconds",
    "revision": "0 at first; higher where late data corrected the row",
    "existence": "probability that there is such a target",
    "label": "release label; empty is released to nobody",
    "kind_probability": "Parquet only: list of the probabilities of the seven kinds, in the order above",
    "state_ecef": "Parquet only: list of the Earth-fixed position [m] and velocity [m/s]",
    "covariance_ecef": "Parquet only: list of the 36 elements of its covariance, row by row",
}
LINE = ("line_azimuth_rad", "line_elevation_rad")
"""What tells a line of sight."""

TABLES: Mapping[str, Mapping[str, str]] = {
    "detections": DETECTIONS,
    "sensors": SENSORS,
    "truth": TRUTH,
    "tracks": TRACKS,
}

TIMES: Mapping[str, int | None] = {
    "time_ns": 1,
    "time_s": 1_000_000_000,
    "t": 1_000_000_000,
    "time": None,
    "timestamp": None,
}
"""Names of the time, and the nanoseconds that a number counts; None where its size tells (see docs/tables.md)."""

DEG = math.pi / 180.0
SYNONYMS: Mapping[str, tuple[str, float]] = {
    "x": ("x_m", 1.0),
    "y": ("y_m", 1.0),
    "z": ("z_m", 1.0),
    "x_km": ("x_m", 1e3),
    "y_km": ("y_m", 1e3),
    "z_km": ("z_m", 1e3),
    "range": ("range_m", 1.0),
    "range_km": ("range_m", 1e3),
    "range_nmi": ("range_m", NAUTICAL_MILE_M),
    "azimuth_deg": ("azimuth_rad", DEG),
    "elevation_deg": ("elevation_rad", DEG),
    "line_azimuth_deg": ("line_azimuth_rad", DEG),
    "line_elevation_deg": ("line_elevation_rad", DEG),
    "range_rate_kt": ("range_rate_m_s", KNOT_M_S),
    "lat": ("lat_deg", 1.0),
    "latitude": ("lat_deg", 1.0),
    "latitude_deg": ("lat_deg", 1.0),
    "lat_rad": ("lat_deg", 1.0 / DEG),
    "lon": ("lon_deg", 1.0),
    "longitude": ("lon_deg", 1.0),
    "longitude_deg": ("lon_deg", 1.0),
    "lon_rad": ("lon_deg", 1.0 / DEG),
    "altitude_ft": ("altitude_m", FOOT_M),
    "alt_ft": ("altitude_m", FOOT_M),
    "altitude_km": ("altitude_m", 1e3),
    "flight_level": ("altitude_m", 100.0 * FOOT_M),
    "velocity_east_kt": ("velocity_east_m_s", KNOT_M_S),
    "velocity_north_kt": ("velocity_north_m_s", KNOT_M_S),
    "height_m": ("altitude_m", 1.0),
    "azimuth_sigma_deg": ("azimuth_sigma_rad", DEG),
    "elevation_sigma_deg": ("elevation_sigma_rad", DEG),
    "line_azimuth_sigma_deg": ("line_azimuth_sigma_rad", DEG),
    "line_elevation_sigma_deg": ("line_elevation_sigma_rad", DEG),
    "sensor_x_ecef_km": ("sensor_x_ecef_m", 1e3),
    "sensor_y_ecef_km": ("sensor_y_ecef_m", 1e3),
    "sensor_z_ecef_km": ("sensor_z_ecef_m", 1e3),
    "track_id": ("track", 1.0),
    "icao24": ("icao_address", 1.0),
    "squawk": ("mode_3a", 1.0),
    "callsign": ("call_sign", 1.0),
}
"""Other name: the column it stands for, and what its numbers are multiplied by."""

UNITS = ("_m_s2", "_rad_s", "_m_s", "_rad", "_deg", "_hz", "_db", "_m")
"""How a measured quantity's name ends."""

Types: TypeAlias = Mapping[str, tuple[Sequence[str], Sequence[str]]]
"""What rows of types of sensors must have, and may have; see `Context.types`."""


def sigma_of(column: str) -> str:
    """Return the name of the column with a column's standard deviation: `range_m` has `range_sigma_m`."""
    unit = next((unit for unit in UNITS if column.endswith(unit)), "")
    return f"{column.removesuffix(unit)}_sigma{unit}"


def columns_of(types: Types) -> list[str]:
    """Return the columns that types of sensors bring to the detections table: what they measure, and how exactly."""
    components = dict.fromkeys(name for _, components in types.values() for name in components)
    return [column for name in components for column in (name, sigma_of(name)) if column not in SYNONYMS]


def synonyms_of(columns: Iterable[str]) -> dict[str, tuple[str, float]]:
    """Return other names of such columns: angles in degrees, lengths in kilometres."""
    found = {}
    for name in columns:
        for unit, other, factor in (("_rad", "_deg", DEG), ("_m", "_km", 1e3)):
            if name.endswith(unit):
                found[name.removesuffix(unit) + other] = (name, factor)
    return {name: meant for name, meant in found.items() if name not in DETECTIONS}


def named(pairs: Iterable[tuple[str, str]], types: Types = MappingProxyType({})) -> dict[str, str]:
    """Return which columns of somebody else's are which of ours, `range_nmi: rho_nm`, all in lower case.

    Args:
        pairs: ours and theirs.
        types: what other types of sensors measure.

    Raises:
        FormatError: if ours is no name of the tables, or a column is named twice, be it in two units.
    """
    more = columns_of(types)
    known = sorted({*SYNONYMS, *TIMES, *more, *synonyms_of(more)}.union(*TABLES.values()))
    found: dict[str, str] = {}
    for ours, theirs in ((ours.strip().lower(), theirs.strip().lower()) for ours, theirs in pairs):
        if ours not in known:
            near = ", ".join(get_close_matches(ours, known, cutoff=0.0))
            raise FormatError(f"column {ours}={theirs}: tables know no '{ours}'; near it are {near} (docs/tables.md)")
        if not theirs:
            raise FormatError(f"column {ours}: write which of yours it is, {ours}=YOURS")
        for before, which in found.items():
            if _meaning(ours) == _meaning(before) or theirs == which:
                raise FormatError(f"column {ours}={theirs}: cannot be beside {before}={which}; name each column once")
        found[ours] = theirs
    return found


def renamed(columns: Mapping[str, Any], wanted: Mapping[str, str]) -> tuple[dict[str, Any], list[str]]:
    """Return columns under the names that `named` gave them, and which others would have meant the same."""
    ours = {theirs: name for name, theirs in wanted.items() if theirs in columns}
    meant = set(map(_meaning, ours.values()))
    displaced = [name for name in columns if name not in ours and _meaning(name) in meant]
    return {ours.get(name, name): columns[name] for name in columns if name not in displaced}, displaced


def _meaning(name: str) -> str:
    return "time" if name in TIMES else SYNONYMS.get(name, (name, 1.0))[0]


def proper(names: Iterable[str]) -> set[str]:
    """Return the names of the columns that these stand for."""
    return {SYNONYMS.get(name, (name, 1.0))[0] for name in names}


def table_of(names: Iterable[str], types: Types = MappingProxyType({})) -> str | None:
    """Return which table has these columns, rows of other types of sensors among its detections; None if none."""
    other = synonyms_of(columns_of(types))
    found = {other.get(name, (name, 1.0))[0] for name in proper(names)}
    timed = bool(found & TIMES.keys())
    placed = {"lat_deg", "lon_deg"} <= found or {"x_m", "y_m"} <= found
    if timed and "track" in found and ({"lat_deg", "lon_deg"} <= found or "state_ecef" in found):
        return "tracks"
    if timed and "target" in found and placed:
        return "truth"
    measured = placed or {"range_m", "azimuth_rad"} <= found or set(LINE) <= found
    if timed and (measured or any(set(required) <= found for required, _ in types.values())):
        return "detections"
    described = {"lat_deg", "lon_deg"} <= found or "type" in found
    return "sensors" if not timed and "sensor" in found and described else None
