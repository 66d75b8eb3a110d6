"""Columns to records."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from noroshi.formats import Context, Decoded, FormatError
from noroshi.formats.cells import Columns, integers, number_in_base, numbers, numbers_in_base, plain, texts, times_ns
from noroshi.formats.reading import REPORT_COMPONENTS
from noroshi.formats.tables.names import LINE, SYNONYMS, TABLES, TIMES, Types, columns_of, sigma_of, synonyms_of
from noroshi.geo.time import NS_PER_DAY, followed_ns
from noroshi.geo.wgs84 import ecef_from_enu, ecef_from_geodetic, enu_axes
from noroshi.records import (
    KINDS,
    STATUSES,
    Detections,
    Identity,
    Kind,
    Quality,
    SensorSite,
    Tracks,
    TrackStatus,
    Truth,
    certain_kind,
    take,
)

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]

FAMILIES: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] = (
    (
        "search_radar",
        ("range_m", "azimuth_rad"),
        ("range_m", "azimuth_rad", "elevation_rad", "altitude_m", "range_rate_m_s"),
    ),
    ("local_position", ("x_m", "y_m"), ("x_m", "y_m", "z_m")),
    ("position_report", ("lat_rad", "lon_rad"), REPORT_COMPONENTS),
    ("infrared", LINE, LINE),
)
"""Types of sensors, what a row must have to be of one, and what it then may have; the first that fits."""

BEFORE_1980_NS = 315_532_800_000_000_000
"""Times below this that are not called `time_ns` are no dates but seconds since the recording began."""

GROUPS = ("sensor", "target", "track", "identity", "icao_address", "mmsi", "mode_3a", "call_sign")
"""Columns by which a table may be sorted before time."""

FAR_M, FAST_M_S = 1e9, 3e8
"""Beyond twice the Moon's distance, and beyond the speed of light, a number is damage."""

SIGMA_MAX = 1e7
"""A standard deviation that is greater, or of an angle more than a full circle, says nothing, and only overflows."""


class Table:
    """The columns of one table under their proper names, rows on axis 0."""

    def __init__(self, kind: str, columns: Columns, types: Types) -> None:
        self.kind = kind
        self.columns: dict[str, tuple[Any, float]] = {}
        self.unused: list[str] = []
        self.midnights = 0
        self.n = len(next(iter(columns.values())))
        more = columns_of(types) if kind == "detections" else []
        proper, synonyms = {*TABLES[kind], *more}, {**synonyms_of(more), **SYNONYMS}
        self.timed_by = next((name for name in TIMES if name in columns), None)
        for name in columns:
            other, factor = synonyms.get(name, (name, 1.0))
            if name in proper:
                self.columns[name] = (columns[name], 1.0)
            elif other in proper and other not in columns and other not in self.columns:
                self.columns[other] = (columns[name], factor)
            elif name != self.timed_by:
                self.unused.append(name)
        self.times = columns[self.timed_by] if self.timed_by else None

    def number(self, name: str) -> Floats:
        """Return (n,) numbers; NaN where there is none."""
        if name not in self.columns:
            return np.full(self.n, np.nan)
        column, factor = self.columns[name]
        return numbers(column, name) * factor

    def whole(self, name: str, default: Integers | int) -> Integers:
        """Return (n,) whole numbers."""
        if name not in self.columns:
            return np.broadcast_to(np.int64(default), self.n).copy()
        values, known = integers(self.columns[name][0])
        return np.where(known, values, default)

    def text(self, name: str, default: str = "") -> NDArray[np.str_]:
        """Return (n,) texts."""
        found = texts(self.columns[name][0]) if name in self.columns else np.full(self.n, "")
        return np.where(found == "", default, found) if default else found

    def code(self, name: str, words: tuple[str, ...], default: int) -> Integers:
        """Return (n,) places of the texts among `words`."""
        text = np.strings.lower(self.text(name))
        return np.select([text == word for word in words], list(range(len(words))), default).astype(np.int64)

    def _spelled(self, name: str, base: int, below: int) -> Integers:
        """Return (n,) numbers that a column spells in a base; -1 for none."""
        return numbers_in_base(self.columns[name][0], base, below) if name in self.columns else np.full(self.n, -1)

    def lists(self, name: str, size: int) -> tuple[Floats, Flags]:
        """Return (n, size) numbers of a list column, and which rows have a list of that size."""
        values, known = np.full((self.n, size), np.nan), np.zeros(self.n, np.bool_)
        column = self.columns[name][0] if name in self.columns else None
        if column is not None and _is_list(column) and pa.types.is_floating(column.type.value_type):
            known = np.asarray(pc.list_value_length(column).fill_null(0)) == size
            values[known] = numbers(column.filter(pa.array(known)).flatten()).reshape(-1, size)
        return values, known

    def time(self, context: Context) -> tuple[Integers, Flags]:
        """Return (n,) times and which rows have one."""
        if self.timed_by is None:
            raise FormatError("no column with the time")
        time_ns, known = times_ns(self.times, TIMES[self.timed_by], name=self.timed_by)
        if self.timed_by != "time_ns" and known.any() and np.abs(time_ns[known]).max() < BEFORE_1980_NS:
            days = self._days(time_ns[known], known)
            self.midnights = int(days.max())
            time_ns = time_ns + (NS_PER_DAY if context.day_ns is None else context.day_ns)
            time_ns[known] += days * NS_PER_DAY
        return time_ns, known

    def _days(self, of_day_ns: Integers, known: Flags) -> Integers:
        """Return (k,) how many midnights had passed at each row with a time; all 0 where they are no times of day.

        Times that run on beyond a day count from the recording's beginning, and so do those of a table that is sorted
        by target, or by sensor, before time: there the times begin anew where another one's rows do.
        """
        none = np.zeros(len(of_day_ns), np.int64)
        if of_day_ns.min() < 0 or of_day_ns.max() >= NS_PER_DAY:
            return none
        days = np.rint((followed_ns(of_day_ns) - of_day_ns) / NS_PER_DAY).astype(np.int64)
        if days.min() < 0 or not days.any():
            return none
        for name in GROUPS:
            if name in self.columns:
                _, which = np.unique(self.text(name)[known], return_inverse=True)
                if not np.isin(which[days == 0], which[days != 0]).any():
                    return none
        return days

    def identity(self) -> Identity:
        """Return (n,) who the targets say they are."""
        icao_address = self._spelled("icao_address", 16, 1 << 24)
        if "icao_address" in self.columns and pa.types.is_integer(self.columns["icao_address"][0].type):
            whole = self.whole("icao_address", -1)
            icao_address = np.where((whole >= 0) & (whole < 1 << 24), whole, -1)
        mode_3a, mmsi = self._spelled("mode_3a", 8, 1 << 12), self._spelled("mmsi", 10, 10**9)
        call_sign = np.strings.upper(self.text("call_sign"))
        if "identity" in self.columns:
            any_of_them, which = np.unique(self.text("identity"), return_inverse=True)
            told = [_identified(str(one)) for one in any_of_them]
            own = [np.array([one[i] for one in told])[which.reshape(self.n)] for i in range(4)]
            icao_address, mode_3a, mmsi = (
                np.where(given < 0, other, given)
                for given, other in zip((icao_address, mode_3a, mmsi), own[:3], strict=True)
            )
            call_sign = np.where(call_sign == "", own[3], call_sign)
        width = max(8, call_sign.dtype.itemsize // 4)  # as that of an absent one
        return Identity(icao_address=icao_address, mode_3a=mode_3a, mmsi=mmsi, call_sign=call_sign.astype(f"<U{width}"))


def read(kind: str, columns: Columns, metadata: Mapping[str, str], decoded: Decoded, context: Context) -> None:
    """Add the rows of a table to `decoded`."""
    table = Table(kind, columns, context.types)
    if kind == "sensors":
        _read_sensors(table, columns, decoded)
        return
    time_ns, timed = table.time(context)
    decoded.damage["no time"] += int((~timed).sum())
    if table.midnights:
        times = "time" if table.midnights == 1 else "times"
        decoded.notes.append(
            f"'{table.timed_by}' is taken for the time of day: it falls by more than 12 hours "
            f"{table.midnights} {times}: there the next day begins"
        )
    if kind == "detections":
        _read_detections(table, time_ns, timed, decoded, context)
    elif kind == "truth":
        _read_truth(table, time_ns, timed, decoded)
    else:
        _read_tracks(table, time_ns, timed, metadata, decoded, context)
    decoded.columns_not_used += table.unused


def _read_sensors(table: Table, columns: Columns, decoded: Decoded) -> None:
    place = np.column_stack([table.number(name) for name in ("lat_deg", "lon_deg", "height_m")])
    names, kinds, nations = (table.text(name) for name in ("sensor", "type", "nation"))
    parameters: dict[str, Floats] = {}
    for name in table.unused:
        proper, factor = SYNONYMS.get(name, (name, 1.0))
        found = numbers(columns[name]) if _is_plain(columns[name]) else np.empty(0)
        another = proper in TABLES["sensors"] or proper in parameters or (proper != name and proper in columns)
        if another or np.isnan(found).all():
            decoded.columns_not_used.append(name)
        else:
            parameters[proper] = numbers(columns[name], name) * factor
    for i in range(table.n):
        if not names[i]:
            decoded.damage["sensor without a name"] += 1
            continue
        decoded.counts["sensor"] += 1
        decoded.sites.append(
            SensorSite(
                sensor=str(names[i]),
                type=str(kinds[i]),
                nation=str(nations[i]),
                lat_rad=float(np.radians(place[i, 0])),
                lon_rad=float(np.radians(place[i, 1])),
                height_m=float(place[i, 2]),
                parameters={name: float(column[i]) for name, column in parameters.items() if np.isfinite(column[i])},
            )
        )


def _read_detections(table: Table, time_ns: Integers, timed: Flags, decoded: Decoded, context: Context) -> None:
    sensor = table.text("sensor", context.source)
    families = _families(table, context.types)
    names = dict.fromkeys(name for _, _, components in families for name in components)
    values, sigmas = (
        {name: measured(table, name) for name in names},
        {name: measured(table, name, True) for name in names},
    )
    lat_deg, lon_deg, height_m = (table.number(f"sensor_{name}") for name in ("lat_deg", "lon_deg", "height_m"))
    origin = np.column_stack([table.number(f"sensor_{axis}_ecef_m") for axis in "xyz"])
    misplaced = (np.abs(lat_deg) > 90.0) | (np.abs(lon_deg) > 360.0) | (np.abs(height_m) > FAR_M)
    misplaced |= (np.abs(origin) > FAR_M).any(axis=1)
    most = {name: 2.0 * math.pi if name.endswith("_rad") else SIGMA_MAX for name in names}
    vague = np.any([np.abs(sigmas[name]) > most[name] for name in names], axis=0)
    decoded.damage["sensor is not on Earth"] += int((timed & misplaced).sum())
    decoded.damage["absurd standard deviation"] += int((timed & ~misplaced & vague).sum())
    is_fixed = np.asarray(np.isfinite(origin).all(axis=1), np.bool_)
    origin = np.where(is_fixed[:, None], origin, ecef_from_geodetic(np.radians(lat_deg), np.radians(lon_deg), height_m))
    identity = table.identity()
    quality = table.code("quality", tuple(code.name.lower() for code in Quality), Quality.GOOD).astype(np.uint8)
    left = timed & ~misplaced & ~vague
    for kind, required, components in families:
        mine = left & np.all([~np.isnan(values[name]) for name in required], axis=0)
        left &= ~mine
        for rows in rows_by(sensor, mine):
            name = str(sensor[rows[0]])
            batch = Detections.of(
                sensor=name,
                components=tuple(components),
                time_ns=time_ns[rows],
                values=np.column_stack([values[one][rows] for one in components]),
                sigmas=np.column_stack([sigmas[one][rows] for one in components]),
                origin_ecef_m=origin[rows],
                identity=take(identity, rows),
                received_ns=context.received_ns,
            )
            decoded.detections.append(batch.replace(quality=quality[rows]))
            decoded.sites.append(SensorSite(sensor=name, type=kind))
        decoded.counts[f"detection of type {kind}"] += int(mine.sum())
    decoded.counts["detection without a position"] += int(left.sum())


def _families(table: Table, types: Types) -> list[tuple[str, Sequence[str], Sequence[str]]]:
    """Return the types of sensors that rows may be of, in the order in which they are tried.

    Other types come after those of the tables' own columns, but for one that asks for all that one of these asks for
    and finds more of its own in the table: more than a range and an azimuth is no plain radar.
    """

    def there(family: tuple[str, Sequence[str], Sequence[str]]) -> tuple[int, int]:
        return len(family[1]), sum(name in table.columns for name in family[2])

    others = [(kind, *both) for kind, both in sorted(types.items())]
    first = [
        other for other in others if any(set(one[1]) <= set(other[1]) and there(other) > there(one) for one in FAMILIES)
    ]
    return [*first, *FAMILIES, *(other for other in others if other not in first)]


def rows_by(key: NDArray[Any], chosen: Flags) -> list[NDArray[np.intp]]:
    """Return the chosen rows of each key, the keys in order of their first row."""
    rows = np.flatnonzero(chosen)
    _, first, which, counts = np.unique(key[rows], return_index=True, return_inverse=True, return_counts=True)
    each = np.split(rows[np.argsort(which, kind="stable")], np.cumsum(counts)[:-1])
    return [each[i] for i in np.argsort(first, kind="stable")]


def measured(table: Table, component: str, sigma: bool = False) -> Floats:
    """Return the (n,) values of a component, or their standard deviations."""
    in_degrees = component in ("lat_rad", "lon_rad")
    column = component.replace("_rad", "_deg") if in_degrees else component
    found = table.number(sigma_of(column) if sigma else column)
    return np.radians(found) if in_degrees else found


def _states(table: Table) -> Floats:
    """Return (n, 6) Earth-fixed states of latitude, longitude, altitude and velocity; or of the laboratory's plane."""
    lat_rad, lon_rad = np.radians(table.number("lat_deg")), np.radians(table.number("lon_deg"))
    velocity = np.column_stack([table.number(f"velocity_{axis}_m_s") for axis in ("east", "north", "up")])
    if "lat_deg" not in table.columns:
        plane = np.column_stack([table.number(name) for name in ("x_m", "y_m", "z_m")])
        plane[:, 2] = np.nan_to_num(plane[:, 2], nan=0.0)
        lat_rad = lon_rad = np.zeros(table.n)
        position = ecef_from_enu(plane, ecef_from_geodetic(0.0, 0.0, 0.0))
    else:
        position = ecef_from_geodetic(lat_rad, lon_rad, table.number("altitude_m"))
    return np.hstack((position, np.vecmat(velocity, enu_axes(lat_rad, lon_rad))))


def _is_possible(table: Table, state: Floats) -> Flags:
    """Return which rows have a place on Earth or in the space around it, and no absurd velocity."""
    there = (np.abs(state[:, :3]) <= FAR_M).all(axis=1) & ~(np.abs(state[:, 3:]) > FAST_M_S).any(axis=1)
    return there & ~(np.abs(table.number("lat_deg")) > 90.0) & ~(np.abs(table.number("lon_deg")) > 360.0)


def _read_truth(table: Table, time_ns: Integers, timed: Flags, decoded: Decoded) -> None:
    state, target = _states(table), table.text("target")
    sound = timed & _is_possible(table, state) & (target != "")
    decoded.damage["no target or place"] += int((timed & ~sound).sum())
    decoded.counts["truth"] += int(sound.sum())
    rows = np.flatnonzero(sound)
    decoded.truths.append(
        Truth(
            target=target[rows],
            time_ns=time_ns[rows],
            kind=table.code("kind", KINDS, Kind.UNKNOWN)[rows].astype(np.uint8),
            state_ecef=state[rows],
            identity=take(table.identity(), rows),
        )
    )


def _read_tracks(
    table: Table, time_ns: Integers, timed: Flags, metadata: Mapping[str, str], decoded: Decoded, context: Context
) -> None:
    state, given = table.lists("state_ecef", 6)
    state = np.where(given[:, None], state, _states(table))
    covariance, given = table.lists("covariance_ecef", 36)
    variances = np.full((table.n, 6), np.nan)
    sigma_m = np.abs(table.number("position_sigma_m"))
    variances[:, :3] = np.minimum(sigma_m, FAR_M)[:, None] ** 2
    isotropic = np.where(np.eye(6, dtype=bool), variances[:, :, None], 0.0)
    probability, listed = table.lists("kind_probability", len(Kind))
    likely = certain_kind(table.code("kind", KINDS, Kind.UNKNOWN), table.n)
    existence, revision = table.number("existence"), table.whole("revision", 0)
    placed = timed & _is_possible(table, state)
    absurd = (sigma_m > FAR_M) | (np.abs(covariance) > FAR_M**2).any(axis=1)
    absurd |= (existence < 0.0) | (existence > 1.0) | (revision < 0) | (revision >= 1 << 31)
    sound = placed & ~absurd
    decoded.damage["no place"] += int((timed & ~placed).sum())
    decoded.damage["absurd uncertainty, existence or revision"] += int((placed & absurd).sum())
    decoded.counts["track"] += int(sound.sum())
    node, label = table.text("node", metadata.get("node") or context.source), table.text("label")
    source_names, sources = _sources(table, metadata)
    whole = Tracks(
        node=metadata.get("node") or context.source,
        label=metadata.get("label", ""),
        source_names=source_names,
        track_id=_track_numbers(table),
        time_ns=time_ns,
        updated_ns=table.whole("updated_ns", time_ns),
        revision=np.where(absurd, 0, revision).astype(np.int32),
        state_ecef=state,
        covariance_ecef=np.where(given[:, None, None], covariance.reshape(-1, 6, 6), isotropic),
        existence=np.where(np.isnan(existence), 1.0, existence),
        kind_probability=np.where(listed[:, None], probability, likely),
        status=table.code("status", STATUSES, TrackStatus.FIRM).astype(np.uint8),
        sources=sources,
        identity=table.identity(),
    )
    for rows in rows_by(np.strings.add(np.strings.add(node, "\n"), label), sound):
        decoded.tracks.append(take(whole, rows).replace(node=str(node[rows[0]]), label=str(label[rows[0]])))
    if not sound.any():
        decoded.tracks.append(take(whole, np.flatnonzero(sound)))


def _track_numbers(table: Table) -> NDArray[np.uint64]:
    """Return (n,) track numbers; where the table has names instead, they are numbered as they come."""
    column = table.columns["track"][0]
    if pa.types.is_integer(column.type):
        number, known = plain(column)
        return np.where(known, number, 0).astype(np.uint64)
    names, first, which = np.unique(table.text("track"), return_index=True, return_inverse=True)
    told = [number_in_base(str(name), 10, 1 << 64) for name in names]
    if min(told, default=0) < 0:
        told = np.argsort(np.argsort(first, kind="stable"), kind="stable").tolist()
    return np.array(told, np.uint64)[which.reshape(table.n)]


def _sources(table: Table, metadata: Mapping[str, str]) -> tuple[tuple[str, ...], Flags]:
    """Return the names of all sources and the (n, s) table of who fed what."""
    column = table.columns["sources"][0] if "sources" in table.columns else None
    if column is not None and _is_list(column) and pa.types.is_string(column.type.value_type):
        fed = [[str(name) for name in row or ()] for row in column.to_pylist()]
    else:
        fed = [[part.strip() for part in str(row).split(";") if part.strip()] for row in table.text("sources")]
    told = [name for name in metadata.get("source_names", "").split("\n") if name]
    names = tuple(dict.fromkeys([*told, *(name for row in fed for name in row)]))
    place = {name: i for i, name in enumerate(names)}
    sources = np.zeros((table.n, len(names)), np.bool_)
    for i, row in enumerate(fed):
        sources[i, [place[name] for name in row]] = True
    return names, sources


def _identified(text: str) -> tuple[int, int, int, str]:
    """Return address, code, MMSI and call sign, of which one is `text`."""
    if len(text) == 9 and text.isdigit():
        return -1, -1, number_in_base(text, 10, 10**9), ""
    if len(text) == 4 and (code := number_in_base(text, 8, 1 << 12)) >= 0:
        return -1, code, -1, ""
    if len(text) == 6 and (address := number_in_base(text, 16, 1 << 24)) >= 0:
        return address, -1, -1, ""
    return -1, -1, -1, text.upper()


def _is_list(column: Any) -> bool:
    return bool(
        pa.types.is_list(column.type) or pa.types.is_large_list(column.type) or pa.types.is_fixed_size_list(column.type)
    )


def _is_plain(column: Any) -> bool:
    return any(is_it(column.type) for is_it in (pa.types.is_string, pa.types.is_integer, pa.types.is_floating))
