"""Position reports as a table, one row a report, in the two usual dialects: CSV, Parquet or JSON, also gzip.

Times are seconds or milliseconds since 1970, or text. The columns tell the dialects apart:

- the *traffic* library has feet and knots: `timestamp`, `icao24`, `latitude`, `longitude`, `altitude`, `geoaltitude`
  [ft], `groundspeed` [kt], `track` [deg], `vertical_rate` [ft/min], and `last_position` where it keeps that time;
- *OpenSky* state vectors are SI: `time`, `icao24`, `lat`, `lon`, `velocity` [m/s], `heading` or `true_track` [deg],
  `vertrate` or `vertical_rate` [m/s], `baroaltitude`, `geoaltitude` [m], `lastposupdate` or `time_position`.

JSON is a list of objects, an object of columns as pandas writes it, or an answer of OpenSky's own interface (`states`).
`altitude_m` is the pressure altitude (1013.25 hPa); a row that has only a geometric height has that, and is counted
apart. State vectors hold an old position until a new one comes: such rows are kept as `Quality.DUPLICATE`. A velocity
that has stood to the last digit for ten seconds is held too (after landing often for minutes): it is left out. So are
all velocities of an aircraft whose course is, in the median, more than 45 degrees off its own movement.
Rows that say `onground` have no climb, and an altitude there is held over or garbled: it is left out; not where the
row is too fast to taxi and the altitude is as it was (`reading.Grounded`).

Sources: The OpenSky Network, documentation of "Historical data" and "REST API"; Olive (2019), traffic, a toolbox for
processing and analysing air traffic data, J. Open Source Software 4(39), 1518.
"""

import math
import re
from collections.abc import Iterable, Mapping
from operator import attrgetter
from typing import Any, TypeAlias

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from noroshi.estimation.angles import wrap
from noroshi.formats import Context, Decoded, FormatError
from noroshi.formats.cells import (
    Columns,
    csv_columns,
    flags,
    listed,
    numbers,
    numbers_in_base,
    parquet_columns,
    texts,
    times_ns,
)
from noroshi.formats.reading import JSON_ERRORS, add_reports, finished, json_elements, peek, unpack
from noroshi.geo.time import NS_PER_S
from noroshi.geo.units import FOOT_M, FOOT_PER_MINUTE_M_S, KNOT_M_S
from noroshi.geo.wgs84 import MEAN_RADIUS_M
from noroshi.records import Identity, Quality, take

MEDIA = (".json", ".json.gz", ".csv", ".csv.gz", ".parquet")

TIMES = ("time_position", "lastposupdate", "last_position", "timestamp", "time")
"""In this order: when the position was measured is better than when the row was made."""
PLACE: dict[str, tuple[str, ...]] = {"lat": ("lat", "latitude"), "lon": ("lon", "longitude")}
FEET_AND_KNOTS: dict[str, tuple[str, ...]] = {
    "pressure_altitude": ("altitude",),
    "geometric_height": ("geoaltitude",),
    "speed": ("groundspeed",),
    "track": ("track",),
    "climb": ("vertical_rate",),
}
SI: dict[str, tuple[str, ...]] = {
    "pressure_altitude": ("baroaltitude", "baro_altitude"),
    "geometric_height": ("geoaltitude", "geo_altitude"),
    "speed": ("velocity",),
    "track": ("true_track", "heading"),
    "climb": ("vertrate", "vertical_rate"),
}
STATES = (
    *("icao24", "callsign", "origin_country", "time_position", "last_contact", "lon", "lat", "baro_altitude"),
    *("onground", "velocity", "true_track", "vertical_rate", "sensors", "geo_altitude", "squawk"),
)
HELD_VELOCITY_NS = 10_000_000_000
CONTRARY_RAD = math.radians(45.0)
BYTE_RAD = math.radians(256.0)
MOVING_M_S = 20.0
STEP_NS_MAX = 30_000_000_000
HELD_SPEED_M_S = 2.5  # who is faster and stays in one place to ten decimals has not been heard of again

_WANTED = sorted(
    {*TIMES, "icao24", "callsign", "squawk", "onground"}
    | {name for names in (PLACE, FEET_AND_KNOTS, SI) for synonyms in names.values() for name in synonyms}
)
_BY_COLUMN = re.compile(rb'\{\s*"(' + "|".join(_WANTED).encode() + rb')"\s*:\s*(\{\s*"0"|\[)')
_WITH_UNITS = re.compile(
    rb"(?<![a-z_])((lat|lon)(itude)?_(deg|rad)|(altitude|height)_(m|km|ft)|velocity_(east|north|up)_m_s)(?![a-z_])"
)
"""Columns that say their unit are of a table (docs/tables.md): the dialects have none such and would pass them over."""
Cell: TypeAlias = float | int | str | bool | None
_Row: Any = msgspec.defstruct("_Row", [(name, Cell, None) for name in _WANTED], gc=False)
_Table: Any = msgspec.defstruct("_Table", [(name, dict[str, Cell] | list[Cell] | None, None) for name in _WANTED])


def sniff(head: bytes, name: str) -> float:
    """Return how sure one can be that a file is a table of position reports."""
    head = peek(head)
    if head.startswith(b"PAR1"):
        return 0.3 + 0.6 * (b"icao24" in head and not _WITH_UNITS.search(head))
    start = head[:4096].lower()
    if _BY_COLUMN.match(start):
        return 0.6 + 0.3 * name.endswith(MEDIA)
    if start.startswith(b"["):
        return 0.95 if b'"icao24"' in start and b'"lat' in start else 0.0
    if start.startswith(b"{"):
        return 0.9 if b'"states"' in start else 0.0
    names = start.partition(b"\n")[0]
    return 0.9 if b"icao24" in names and b"lat" in names and not _WITH_UNITS.search(names) else 0.0


def decode(data: bytes, context: Context) -> Decoded:
    """Return the position reports that a table holds.

    Raises:
        FormatError: if it is no such table, or no row has a time.
    """
    decoded = Decoded()
    data, decoded.damage = unpack(data)
    beginning = data[:64].lstrip()[:1]
    if data.startswith(b"PAR1"):
        columns, _ = parquet_columns(data)
    elif beginning == b"[":
        columns = _from_list(data, decoded)
    elif beginning == b"{":
        columns = _from_object(data)
    else:
        columns, n_wrong = csv_columns(data)
        decoded.damage["wrong number of fields"] += n_wrong
    decoded.columns_not_used += [name for name in columns if name not in _WANTED]
    _read(columns, decoded, context)
    return finished(decoded)


def _from_list(data: bytes, decoded: Decoded) -> Columns:
    try:
        rows = msgspec.json.decode(data, type=list[_Row])
    except JSON_ERRORS:
        rows = _sound_rows(data, decoded)
    return _arrays((name, list(map(attrgetter(name), rows))) for name in _WANTED)


def _sound_rows(data: bytes, decoded: Decoded) -> list[Any]:
    text = data.decode("utf-8", "replace")
    elements, ended = json_elements(text, text.index("[") + 1)
    decoded.damage["cut short or not JSON from here on"] += not ended
    rows = []
    for element in elements:
        try:
            rows.append(msgspec.convert(element, _Row))
        except msgspec.ValidationError:
            decoded.damage["not an object of numbers and text"] += 1
    return rows


def _from_object(data: bytes) -> Columns:
    try:
        if b'"states"' in data[:4096]:
            states = msgspec.json.decode(data, type=dict[str, Any])["states"]
            sound = [state for state in states if isinstance(state, list) and len(state) >= len(STATES)]
            return _arrays((name, [state[i] for state in sound]) for i, name in enumerate(STATES) if name in _WANTED)
        table = msgspec.json.decode(data, type=_Table)
    except (*JSON_ERRORS, KeyError, TypeError) as error:
        raise FormatError(f"not JSON of position reports: {error}") from error
    columns = {name: column for name in _WANTED if (column := getattr(table, name)) is not None}
    lengths = {len(column) for column in columns.values()}
    if len(lengths) > 1:
        raise FormatError("its columns are not of equal length")
    keys = next((list(column) for column in columns.values() if isinstance(column, dict)), [])
    return _arrays(
        (name, [column.get(key) for key in keys] if isinstance(column, dict) else column)
        for name, column in columns.items()
    )


def _arrays(columns: Iterable[tuple[str, list[Cell]]]) -> Columns:
    return {name: _array(cells) for name, cells in columns if cells.count(None) < len(cells)}


def _array(cells: list[Cell]) -> Any:
    try:
        return pa.array(cells)
    except (pa.ArrowException, OverflowError):  # numbers and text in one column
        return pa.array([None if cell is None else str(cell) for cell in cells], pa.string())


def _read(columns: Columns, decoded: Decoded, context: Context) -> None:
    n = len(next(iter(columns.values()), ()))
    if not {"lat", "latitude"} & columns.keys() or not set(TIMES) & columns.keys():
        raise FormatError(
            f"no position reports: needs latitude, longitude and timestamp; found columns {listed(columns)}"
        )
    time_ns, timed = np.zeros(n, np.int64), np.zeros(n, np.bool_)
    for name in TIMES:
        if name in columns:
            candidate_ns, known = times_ns(columns[name], name=name)
            time_ns, timed = np.where(timed, time_ns, candidate_ns), timed | known
    if not timed.any():
        raise FormatError("no row has a time")
    values, geometric, in_a_byte = _values(columns, n)
    placed = np.isfinite(values[:, 0]) & np.isfinite(values[:, 1])
    nobody = pa.nulls(n, pa.string())
    identity = Identity(
        icao_address=numbers_in_base(columns.get("icao24", nobody), 16, 1 << 24),
        mode_3a=numbers_in_base(columns.get("squawk", nobody), 8, 1 << 12),
        mmsi=np.full(n, -1, np.int64),
        call_sign=np.strings.upper(texts(columns.get("callsign", nobody))),
    )
    rows = np.flatnonzero(timed & placed)
    held = _held(identity.icao_address[rows], time_ns[rows], values[rows])
    stale = _stale(identity.icao_address[rows], time_ns[rows], values[rows])
    values[rows[stale], 3:] = np.nan
    wrapped = _contrary(identity.icao_address[rows], time_ns[rows], values[rows]) & in_a_byte
    values[rows[wrapped], 3:5] = _out_of_a_byte(identity.icao_address[rows], time_ns[rows], values[rows])[wrapped]
    contrary = _contrary(identity.icao_address[rows], time_ns[rows], values[rows])
    values[rows[contrary], 3:] = np.nan
    wrapped &= ~contrary
    grounded = flags(columns["onground"])[rows] if "onground" in columns else None
    mine = take(identity, rows)
    moved_m_s = np.hypot(*_movement_m_s(mine.icao_address, time_ns[rows], values[rows]).T)
    add_reports(
        decoded,
        context,
        time_ns=time_ns[rows],
        values=values[rows],
        identity=mine,
        grounded=grounded,
        speed_m_s=moved_m_s,
    )
    if len(rows):
        quality = np.where(held, Quality.DUPLICATE, Quality.GOOD).astype(np.uint8)
        decoded.detections[-1] = decoded.detections[-1].replace(quality=quality)
    decoded.damage["no time"] += int(n - timed.sum())
    decoded.counts["report without a position"] += int((timed & ~placed).sum())
    decoded.counts["position report, held over"] += int(held.sum())
    for sort, chosen in {
        "position report, velocity held over": stale,
        "position report, velocity against the movement": contrary,
        "position report, course out of a byte": wrapped,
        "position report, geometric height": ~stale & ~contrary & ~wrapped & geometric[rows],
        "position report": ~stale & ~contrary & ~wrapped & ~geometric[rows],
    }.items():
        decoded.counts[sort] += int((chosen & ~held).sum())


def _values(columns: Columns, n: int) -> tuple[NDArray[np.float64], NDArray[np.bool_], bool]:
    """Return (n, 6) values in the order of `REPORT_COMPONENTS`, which heights are geometric, if courses fit a byte."""
    metric = "groundspeed" not in columns and any(name in columns for name in (*SI["speed"], *SI["pressure_altitude"]))
    names: Mapping[str, tuple[str, ...]] = PLACE | (SI if metric else FEET_AND_KNOTS)
    altitude_unit, speed_unit, climb_unit = (1.0, 1.0, 1.0) if metric else (FOOT_M, KNOT_M_S, FOOT_PER_MINUTE_M_S)

    def column(key: str) -> NDArray[np.float64]:
        found = next((name for name in names[key] if name in columns), None)
        return np.full(n, np.nan) if found is None else numbers(columns[found], found)

    pressure, height = column("pressure_altitude"), column("geometric_height")
    geometric = np.isnan(pressure) & np.isfinite(height)
    speed_m_s, track_deg = column("speed") * speed_unit, column("track")
    track_rad = np.radians(track_deg)
    in_a_byte = not np.any((track_deg < -128.0) | (track_deg >= 128.0))
    values = (
        np.radians(column("lat")),
        np.radians(column("lon")),
        np.where(geometric, height, pressure) * altitude_unit,
        speed_m_s * np.sin(track_rad),
        speed_m_s * np.cos(track_rad),
        column("climb") * climb_unit,
    )
    return np.column_stack(values), geometric, in_a_byte


def _held(address: NDArray[np.int64], time_ns: NDArray[np.int64], values: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which reports say again what the one before of the same aircraft said, though it moves."""
    order = np.lexsort((np.arange(len(address)), address))
    key, place = address[order], values[order, :2]
    moves = np.hypot(values[order, 3], values[order, 4]) > HELD_SPEED_M_S
    again = (key[1:] == key[:-1]) & (place[1:] == place[:-1]).all(axis=1)
    again &= moves[1:] | (time_ns[order][1:] == time_ns[order][:-1])
    held = np.zeros(len(address), np.bool_)
    held[order[1:]] = again
    return held


def _stale(address: NDArray[np.int64], time_ns: NDArray[np.int64], values: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which reports have a velocity that its aircraft has told unchanged for too long."""
    order = np.lexsort((np.arange(len(address)), time_ns, address))
    key, velocity = address[order], values[order, 3:]
    new = np.ones(len(order), np.bool_)
    same = (velocity[1:] == velocity[:-1]) | (np.isnan(velocity[1:]) & np.isnan(velocity[:-1]))
    new[1:] = (key[1:] != key[:-1]) | ~same.all(axis=1)
    first = np.maximum.accumulate(np.where(new, np.arange(len(order)), 0))
    stale = np.zeros(len(order), np.bool_)
    old = time_ns[order] - time_ns[order][first] > HELD_VELOCITY_NS
    stale[order] = old & np.isfinite(velocity).any(axis=1)
    return stale


def _contrary(address: NDArray[np.int64], time_ns: NDArray[np.int64], values: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which reports have a velocity and are of an aircraft whose velocities are not those of its movement."""
    off = np.abs(wrap(_movement_rad(address, time_ns, values) - np.arctan2(values[:, 3], values[:, 4])))
    off[~(np.hypot(values[:, 3], values[:, 4]) > MOVING_M_S)] = np.nan
    tells = np.isfinite(off)
    wrong = [each for each in np.unique(address[tells]) if np.median(off[tells & (address == each)]) > CONTRARY_RAD]
    return np.asarray(np.isin(address, wrong) & np.isfinite(values[:, 3:5]).all(axis=1))


def _out_of_a_byte(
    address: NDArray[np.int64], time_ns: NDArray[np.int64], values: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the (n, 2) velocities of reports whose table keeps the course in a byte: 228 degrees became -28.

    A negative course lacks 256 degrees; one below 104 may, and the movement tells.
    """
    speed_m_s, course = np.hypot(values[:, 3], values[:, 4]), np.arctan2(values[:, 3], values[:, 4])
    movement, more = _movement_rad(address, time_ns, values), course + BYTE_RAD
    nearer = np.abs(wrap(more - movement)) < np.abs(wrap(course - movement))
    course = np.where((course < 0.0) | (more < 2.0 * np.pi) & nearer, more, course)
    velocity: NDArray[np.float64] = speed_m_s[:, None] * np.stack([np.sin(course), np.cos(course)], axis=1)
    return velocity


def _movement_rad(
    address: NDArray[np.int64], time_ns: NDArray[np.int64], values: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return (n,) the course of the aircraft's movement; NaN where that is not known or it hardly moves."""
    east, north = _movement_m_s(address, time_ns, values).T
    course: NDArray[np.float64] = np.arctan2(east, north)
    return course


def _movement_m_s(
    address: NDArray[np.int64], time_ns: NDArray[np.int64], values: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return (n, 2) the aircraft's movement east and north since its report before, or if that is not near to its next.

    It is NaN where neither is near or the aircraft hardly moves.
    """
    order = np.lexsort((np.arange(len(address)), time_ns, address))
    key, place = address[order], values[order, :2]
    step_ns = np.diff(time_ns[order])
    near = (key[1:] == key[:-1]) & (step_ns > 0) & (step_ns <= STEP_NS_MAX)
    moved = np.diff(place, axis=0)[:, ::-1] * MEAN_RADIUS_M / (np.where(near, step_ns, STEP_NS_MAX) / NS_PER_S)[:, None]
    moved[:, 0] *= np.cos(place[1:, 0])
    moved[~(near & (np.hypot(*moved.T) > MOVING_M_S))] = np.nan
    nowhere = np.full((1, 2), np.nan)
    before, after = np.concatenate([nowhere, moved]), np.concatenate([moved, nowhere])
    movement = np.empty((len(order), 2))
    movement[order] = np.where(np.isnan(before), after, before)
    return movement
