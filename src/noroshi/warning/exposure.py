"""Whom a threat concerns: how probable it is that it comes to each area, place and cell of people, and when.

One computation serves all three: what comes near a cell comes near its place and its area (`warning/areas.py`).
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from noroshi.geo.wgs84 import MEAN_RADIUS_M, vertical_at
from noroshi.kernel import kernel
from noroshi.warning.areas import CUBES, ROW_RAD, Areas, Floats, Integers, rows_of
from noroshi.warning.forecast import Forecast, once

# How far the ellipsoid's vertical lies from the direction off the Earth's centre, at most [rad]: about its flattening.
DEFLECTION = 0.0034
STRAIGHT_RAD = 100e3 / MEAN_RADIUS_M
EARLY, LATE = 0.05, 0.95  # quantiles of arrival
NEVER = np.inf
ALL_SIXTHS = sum(1 << sixth for sixth in (0, 2, 3, 4, 5, 7))  # of a turn, by the sides of the lines between them


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Exposed:
    """What a forecast means for n areas, places or cells.

    Attributes:
        probability: (n,) that the threat comes down in it, passes over it, or comes near.
        share: (n,) of its people, how many the ways come near to on the average; of a cell the probability.
        landing: (n,) the probability that it comes down in it or near.
        there: (n,) the probability that it is there or near already, at the forecast's first time.
        arrival_ns: (n,) by when one in twenty of the ways that come there has come near, Unix UTC nanoseconds; 0 where
            none does.
        impact_ns: (n,) by when one in twenty of those that come down there is down; 0 where none does.
        over_ns: (n,) by when nineteen in twenty are down, or near for the last time.
    """

    probability: Floats
    share: Floats
    landing: Floats
    there: Floats
    arrival_ns: Integers
    impact_ns: Integers
    over_ns: Integers


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Exposure:
    """What a forecast means for areas, places and cells; each is `Exposed`, in the order of `Areas`.

    Attributes:
        near_m: how near was near.
        areas, places, cells: cells have no times unless these were asked for.
    """

    near_m: float
    areas: Exposed
    places: Exposed
    cells: Exposed

    def people(self, areas: Areas) -> float:
        """Return how many people the threat is expected to come near to, on the average of its ways."""
        return float(self.cells.probability @ areas.cell_people)


def exposed(
    forecast: Forecast,
    areas: Areas,
    near_m: float,
    *,
    among: NDArray[np.bool_] | None = None,
    cell_times: bool = False,
) -> Exposure:
    """Return whom a forecast concerns.

    A way concerns a cell if its track over ground comes within `near_m` of the cell's middle, or within the cell. The
    arrival is the first time at which it does: with `near_m` of 50 km some 10 s before it is overhead, and up to
    minutes before it is down. Angles between verticals are taken for distances on a sphere of 6,371 km, 0.5 % off at
    most.

    Args:
        forecast: the m ways, their k times.
        areas: the areas.
        near_m: how near is near.
        among: (n,) the areas to tell of, which is quicker; None: all.
        cell_times: tell times of cells too.
    """
    found = _swept(forecast, areas, near_m, among, cell_times=cell_times)
    if found is None:
        sizes = len(areas.people), len(areas.place_people), len(areas.cell_people)
        of_areas, of_places, of_cells = (_none(size) for size in sizes)
        return Exposure(near_m=near_m, areas=of_areas, places=of_places, cells=of_cells)
    there, first_ns = found.there, forecast.time_ns[0]
    of_cells = _told(len(areas.cell_people), there, found.cell_ns, found.cell_last_ns, None, forecast.weight, first_ns)
    of_places = _told(
        len(areas.place_people), found.place_ids, found.place_ns, found.place_last_ns, found.place_lands,
        forecast.weight, first_ns,
    )  # fmt: skip
    of_areas = _told_of_areas(found, forecast, areas)
    of_cells.probability[there], of_cells.landing[there] = found.cell_probability, found.cell_landing
    of_cells.share[there] = found.cell_probability
    people = areas.cell_people[there]
    met = np.bincount(found.area_of, found.cell_probability * people)
    of_areas.share[found.area_ids] = met / np.maximum(areas.people[found.area_ids], 1.0)
    kept = found.place_ids >= 0
    met = np.bincount(found.place_of, found.cell_probability * people)[kept]
    of_places.share[found.place_ids[kept]] = met / np.maximum(areas.place_people[found.place_ids[kept]], 1.0)
    return Exposure(near_m=near_m, areas=of_areas, places=of_places, cells=of_cells)


def exposed_areas(
    forecast: Forecast, areas: Areas, near_m: float, *, among: NDArray[np.bool_] | None = None
) -> Exposed:
    """Return what `exposed` says of areas, to the bit, but for the shares of their people, which are NaN: quicker."""
    found = _swept(forecast, areas, near_m, among, areas_alone=True)
    if found is None:
        return _none(len(areas.people))
    told = _told_of_areas(found, forecast, areas)
    told.share.fill(np.nan)
    return told


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Swept:
    """What the m ways of a forecast come near to, of c cells that may be, in a areas and p places.

    Attributes:
        there: (c,) which cells of all.
        area_ids, place_ids: (a,), (p,) which areas and places of all; place -1 is none.
        area_of, place_of: (c,) which of these each cell is in.
        cell_probability, cell_landing: (c,) nothing if areas alone were asked for.
        cell_ns, area_ns, place_ns: (c, m), (a, m), (p, m) when each way first is near, after the first time; `NEVER`.
        cell_last_ns, area_last_ns, place_last_ns: the same shapes, when it last is, or is down; `-NEVER`.
        area_lands, place_lands: (a, m), (p, m) whether each way comes down in it or near.
    """

    there: Integers
    area_ids: Integers
    area_of: Integers
    place_ids: Integers
    place_of: Integers
    cell_probability: Floats
    cell_landing: Floats
    cell_ns: Floats
    area_ns: Floats
    place_ns: Floats
    cell_last_ns: Floats
    area_last_ns: Floats
    place_last_ns: Floats
    area_lands: NDArray[np.bool_]
    place_lands: NDArray[np.bool_]


def _swept(
    forecast: Forecast,
    areas: Areas,
    near_m: float,
    among: NDArray[np.bool_] | None,
    *,
    cell_times: bool = False,
    areas_alone: bool = False,
) -> _Swept | None:
    """Sweep the ways of a forecast over areas; None if it comes near none."""
    passed, step = _passage(forecast)
    cells = _cells(areas, None if among is None else among.tobytes(), near_m if areas_alone else 0.0)
    margin = max(near_m, cells.half_m_max) / MEAN_RADIUS_M + step + DEFLECTION
    grown = _grown(passed, margin)
    cubes = cells.cubes[grown[cells.cubes]]
    if not len(cubes):
        return None
    there = cells.row[grown[cells.cube]]
    area_ids, area_of = _numbered(areas.cell_area[there], len(areas.people))
    place = np.zeros(len(there), np.int64) if areas_alone else areas.cell_place[there]
    place_ids, place_of = _numbered(place, max(len(areas.place_people), 1))
    row, n_ways = areas.cell_row[there], len(forecast.weight)
    last = np.flatnonzero(np.append((np.diff(row) != 0) | (np.diff(area_of) != 0), True)) + 1
    found = _Swept(
        there=there,
        area_ids=area_ids,
        area_of=area_of,
        place_ids=place_ids,
        place_of=place_of,
        cell_probability=np.zeros(len(there)),
        cell_landing=np.zeros(len(there)),
        cell_ns=np.full((len(there) if cell_times else 0, n_ways), NEVER),
        area_ns=np.full((len(area_ids), n_ways), NEVER),
        place_ns=np.full((len(place_ids), n_ways), NEVER),
        cell_last_ns=np.full((len(there) if cell_times else 0, n_ways), -NEVER),
        area_last_ns=np.full((len(area_ids), n_ways), -NEVER),
        place_last_ns=np.full((len(place_ids), n_ways), -NEVER),
        area_lands=np.zeros((len(area_ids), n_ways), bool),
        place_lands=np.zeros((len(place_ids), n_ways), bool),
    )
    _sweep(
        np.ascontiguousarray(forecast.position_ecef_m),
        (forecast.time_ns - forecast.time_ns[0]).astype(np.float64),
        (forecast.end_ns - forecast.time_ns[0]).astype(np.float64),
        forecast.lands,
        forecast.weight,
        near_m,
        areas_alone,
        _grown(cubes, margin),
        np.ascontiguousarray(areas.cell_up[there]),
        areas.cell_lon_rad[there],
        np.searchsorted(row, np.arange(rows_of(math.pi / 2.0) + 2)),
        np.repeat(last, np.diff(last, prepend=0)),
        areas.cell_half_m[there],
        area_of,
        place_of,
        found.cell_probability,
        found.cell_landing,
        found.cell_ns,
        found.cell_last_ns,
        found.area_ns,
        found.area_last_ns,
        found.area_lands,
        found.place_ns,
        found.place_last_ns,
        found.place_lands,
    )
    return found


@once
def _passage(forecast: Forecast) -> tuple[Integers, float]:
    """Return the cubes about the unit sphere that its ways pass, and the longest step between two times [rad]."""
    passed = np.zeros((CUBES, CUBES, CUBES), bool)
    longest = _passes(np.ascontiguousarray(forecast.position_ecef_m), passed)
    return np.flatnonzero(passed), 2.0 * math.asin(min(longest / 2.0, 1.0)) * (1.0 + 2.0 * DEFLECTION)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Cells:
    """Cells of some areas: which, the cube of each, all these cubes; and how far a cell of any area reaches."""

    row: Integers
    cube: Integers
    cubes: Integers
    half_m_max: float


@lru_cache(maxsize=16)
def _cells(areas: Areas, among: bytes | None, near_m: float) -> _Cells:
    """Return the cells of the areas that are meant, a byte each; None: all.

    If near is so near, without those within whose reach nothing comes that does not come within that of others of
    their area: where it is far more than a cell, most.
    """
    row = np.arange(len(areas.cell_area))
    if among is not None:
        row = np.flatnonzero(np.frombuffer(among, np.bool_)[areas.cell_area])
    if near_m > 0.0:
        start = np.searchsorted(areas.cell_row[row], np.arange(rows_of(math.pi / 2.0) + 2))
        is_kept = np.ones(len(row), np.bool_)
        _thin(
            np.ascontiguousarray(areas.cell_up[row]), areas.cell_lat_rad[row], areas.cell_lon_rad[row], start,
            areas.cell_area[row], areas.cell_half_m[row], near_m, is_kept,
        )  # fmt: skip
        row = row[is_kept]
    cube = areas.cell_cube[row]
    return _Cells(row=row, cube=cube, cubes=np.unique(cube), half_m_max=float(areas.cell_half_m.max(initial=0.0)))


@kernel
def _thin(
    up: Floats,
    lat: Floats,
    lon: Floats,
    row_start: Integers,
    area: Integers,
    half_m: Floats,
    near_m: float,
    is_kept: NDArray[np.bool_],
) -> None:
    """Let go of each cell whose disc of radius `near_m` the discs of others of its area, which stay, cover.

    They do if one lies in each sixth of a turn about it, within that radius: seen from there, no two neighbours are
    more than 120 degrees apart, and all of the disc is nearer to one of them than that radius. They are looked for
    within three quarters of it, which leaves room for the Earth's curvature. Cells that reach farther stay.
    """
    reach = 0.75 * near_m / MEAN_RADIUS_M
    for c in range(len(lat)):
        if half_m[c] > near_m:
            continue
        sixths = 0
        across = reach / max(math.cos(min(abs(lat[c]) + reach, math.pi / 2.0)), 1e-9)
        sin_lat, cos_lat, sin_lon, cos_lon = math.sin(lat[c]), math.cos(lat[c]), math.sin(lon[c]), math.cos(lon[c])
        first, last = max(_row_of(lat[c] - reach), 0), min(_row_of(lat[c] + reach), len(row_start) - 2)
        for row in range(first, last + 1):
            at = _first(lon, lon[c] - across, row_start[row], row_start[row + 1])
            while at < row_start[row + 1] and lon[at] <= lon[c] + across and sixths != ALL_SIXTHS:
                if at != c and is_kept[at] and area[at] == area[c] and half_m[at] <= near_m:
                    x, y, z = up[at, 0] - up[c, 0], up[at, 1] - up[c, 1], up[at, 2] - up[c, 2]
                    east = cos_lon * y - sin_lon * x
                    north = cos_lat * z - sin_lat * (cos_lon * x + sin_lon * y)
                    if east == 0.0 and north == 0.0:
                        sixths = ALL_SIXTHS
                    elif east * east + north * north <= reach * reach:
                        slant = math.sqrt(3.0) * east
                        sixths |= 1 << (int(north > 0.0) + 2 * int(north > slant) + 4 * int(north > -slant))
                at += 1
        is_kept[c] = sixths != ALL_SIXTHS


def _numbered(units: Integers, n: int) -> tuple[Integers, Integers]:
    """Return which of the units from -1 to n - 1 there are, rising, and the place of each (c,) among these."""
    is_there = np.zeros(n + 1, np.bool_)
    is_there[units + 1] = True
    return np.flatnonzero(is_there) - 1, (np.cumsum(is_there) - 1)[units + 1]


def _nothing(n: int) -> Exposed:
    """Return that nothing comes near any of n units."""
    return Exposed(
        probability=np.zeros(n),
        share=np.zeros(n),
        landing=np.zeros(n),
        there=np.zeros(n),
        arrival_ns=np.zeros(n, np.int64),
        impact_ns=np.zeros(n, np.int64),
        over_ns=np.zeros(n, np.int64),
    )


@lru_cache(maxsize=16)
def _none(n: int) -> Exposed:
    """Return that nothing comes near any of n units: the same each time, not to be written to."""
    told = _nothing(n)
    for name in told.__slots__:
        getattr(told, name).setflags(write=False)
    return told


def _told_of_areas(found: _Swept, forecast: Forecast, areas: Areas) -> Exposed:
    return _told(
        len(areas.people), found.area_ids, found.area_ns, found.area_last_ns, found.area_lands,
        forecast.weight, forecast.time_ns[0],
    )  # fmt: skip


def _told(
    n: int,
    ids: Integers,
    after_ns: Floats,
    last_ns: Floats,
    lands: NDArray[np.bool_] | None,
    weight: Floats,
    first_ns: np.int64,
) -> Exposed:
    """Return probabilities and quantiles of (c, m) first and last times, over n units; ids of -1 are nobody's."""
    told = _nothing(n)
    if not len(after_ns):
        return told
    touched = np.flatnonzero((ids >= 0) & (after_ns.min(axis=1) < NEVER))
    ids, after_ns, last_ns = ids[touched], after_ns[touched], last_ns[touched]
    comes = after_ns < NEVER
    share = np.where(comes, weight, 0.0)
    told.probability[ids] = share.sum(axis=1)
    told.there[ids] = np.where(after_ns <= 0.0, weight, 0.0).sum(axis=1)
    if lands is not None:
        down = np.where(lands[touched], weight, 0.0)
        told.landing[ids] = down.sum(axis=1)
        told.impact_ns[ids] = np.where(down.any(axis=1), first_ns + _quantile(last_ns, down, EARLY), 0)
    told.arrival_ns[ids] = first_ns + _quantile(after_ns, share, EARLY)
    told.over_ns[ids] = first_ns + _quantile(last_ns, share, LATE)
    return told


def _quantile(times: Floats, share: Floats, quantile: float) -> Integers:
    """Return (c,) by which of (c, m) times that part of the shares of each row is reached; 0 if all are nought."""
    order = np.argsort(times, axis=1, kind="stable")
    reached = np.cumsum(np.take_along_axis(share, order, axis=1), axis=1)
    at = np.argmax((reached > 0.0) & (reached >= quantile * reached[:, -1:] * (1.0 - 1e-12)), axis=1)
    rows = np.arange(len(times))
    found = times[rows, order[rows, at]]
    whole: Integers = np.where(np.isfinite(found), found, 0.0).astype(np.int64)
    return whole


def _grown(cubes: Integers, by: float) -> NDArray[np.bool_]:
    """Return, flat, the cubes that some point may lie in that is no further than `by` from some of these cubes."""
    grown = np.zeros((CUBES, CUBES, CUBES), bool)
    _grow(cubes, math.ceil(0.5 * CUBES * by), grown)
    return grown.ravel()


@kernel
def _passes(position_ecef_m: Floats, passed: NDArray[np.bool_]) -> float:
    """Mark the cubes that ways pass, as seen from the Earth's centre; return the longest chord between two times."""
    longest = 0.0
    a, b = np.zeros(3), np.zeros(3)
    for i in range(len(position_ecef_m)):
        for k in range(position_ecef_m.shape[1]):
            at = position_ecef_m[i, k]
            if k > 0:
                before = position_ecef_m[i, k - 1]
                if at[0] == before[0] and at[1] == before[1] and at[2] == before[2]:
                    continue
            _towards(at, b)
            passed[_side(b[0]), _side(b[1]), _side(b[2])] = True
            if k > 0:
                longest = max(longest, _square(a, b))
            a[0], a[1], a[2] = b[0], b[1], b[2]
    return math.sqrt(longest)


@kernel
def _towards(position_ecef_m: Floats, point: Floats) -> None:
    """Write the unit vector from the Earth's centre to a position."""
    x, y, z = position_ecef_m[0], position_ecef_m[1], position_ecef_m[2]
    inverse = 1.0 / math.sqrt(x * x + y * y + z * z)
    point[0], point[1], point[2] = x * inverse, y * inverse, z * inverse


@kernel
def _side(x: float) -> int:
    return min(int(0.5 * CUBES * (x + 1.0)), CUBES - 1)


@kernel
def _grow(cubes: Integers, by: int, grown: NDArray[np.bool_]) -> None:
    for cube in cubes:
        x, y, z = cube // (CUBES * CUBES), cube // CUBES % CUBES, cube % CUBES
        for i in range(max(x - by, 0), min(x + by + 1, CUBES)):
            for j in range(max(y - by, 0), min(y + by + 1, CUBES)):
                for k in range(max(z - by, 0), min(z + by + 1, CUBES)):
                    grown[i, j, k] = True


@kernel
def _sweep(
    position_ecef_m: Floats,
    after_ns: Floats,
    end_ns: Floats,
    lands: NDArray[np.bool_],
    weight: Floats,
    near_m: float,
    areas_alone: bool,
    close: NDArray[np.bool_],
    cell_up: Floats,
    cell_lon: Floats,
    row_start: Integers,
    stretch_stop: Integers,
    cell_half_m: Floats,
    area_of: Integers,
    place_of: Integers,
    cell_probability: Floats,
    cell_landing: Floats,
    cell_ns: Floats,
    cell_last_ns: Floats,
    area_ns: Floats,
    area_last_ns: Floats,
    area_lands: NDArray[np.bool_],
    place_ns: Floats,
    place_last_ns: Floats,
    place_lands: NDArray[np.bool_],
) -> None:
    """Go along each way, and mark what comes within its reach, with the times at which it first and last does.

    A way is straight lines between unit vectors, none longer than `STRAIGHT_RAD`: they lie 0.2 km deep at most. Where
    areas alone are asked for, one that a line begins and ends near to is passed over, stretch by stretch of its cells
    in a row.
    """
    n_ways, n_times, _ = position_ecef_m.shape
    n_cells = len(cell_half_m)
    squares, last_way = np.empty(n_cells), np.full(n_cells, -1)
    reach = 0.0
    for c in range(n_cells):
        squares[c] = (2.0 * math.sin(max(near_m, cell_half_m[c]) / MEAN_RADIUS_M / 2.0)) ** 2
        reach = max(reach, max(near_m, cell_half_m[c]) / MEAN_RADIUS_M)
    a, b, window = np.empty(3), np.empty(3), np.empty(4)
    before, now = np.empty(3), np.empty(3)
    for way in range(n_ways):
        was_close, is_known = False, False
        for k in range(n_times):
            j = max(k - 1, 0)
            if k > 0 and after_ns[j] >= end_ns[way]:
                break
            _towards(position_ecef_m[way, k], a)
            is_close = close[(_side(a[0]) * CUBES + _side(a[1])) * CUBES + _side(a[2])]
            if not (was_close or is_close):
                is_known = False
                continue
            if is_known:
                before[0], before[1], before[2] = now[0], now[1], now[2]
            else:
                _vertical(position_ecef_m[way, j], before)
            _vertical(position_ecef_m[way, k], now)
            was_close, is_known = is_close, True
            start_ns, stop_ns = min(after_ns[j], end_ns[way]), min(after_ns[k], end_ns[way])
            at_end = lands[way] and (k == n_times - 1 or after_ns[k] >= end_ns[way])
            n_parts = max(math.ceil(math.sqrt(_square(now, before)) / STRAIGHT_RAD), 1)
            part_ns = (stop_ns - start_ns) / n_parts
            for part in range(n_parts):
                _part_of(before, now, part / n_parts, a)
                _part_of(before, now, (part + 1) / n_parts, b)
                down = at_end and part == n_parts - 1
                part_start_ns, part_stop_ns = start_ns + part * part_ns, start_ns + (part + 1) * part_ns
                _window(a, b, reach, window)
                for row in range(_row_of(window[0]), _row_of(window[1]) + 1):
                    if row_start[row] == row_start[row + 1]:
                        continue
                    for turn in range(-1, 2):
                        west, east = window[2] + turn * 2.0 * math.pi, window[3] + turn * 2.0 * math.pi
                        if west > math.pi or east < -math.pi:
                            continue
                        c = _first(cell_lon, west, row_start[row], row_start[row + 1])
                        while c < row_start[row + 1] and cell_lon[c] <= east:
                            area = area_of[c]
                            is_done = area_ns[area, way] <= part_start_ns and area_last_ns[area, way] >= part_stop_ns
                            if areas_alone and is_done and (not down or area_lands[area, way]):
                                c = stretch_stop[c]
                                continue
                            enters, leaves = _within(a, b, cell_up[c], squares[c])
                            if enters <= leaves:
                                time_ns = part_start_ns + enters * part_ns
                                last_ns = part_stop_ns if leaves >= 1.0 else part_start_ns + leaves * part_ns
                                area_ns[area, way] = min(area_ns[area, way], time_ns)
                                area_last_ns[area, way] = max(area_last_ns[area, way], last_ns)
                                if not areas_alone:
                                    place = place_of[c]
                                    place_ns[place, way] = min(place_ns[place, way], time_ns)
                                    place_last_ns[place, way] = max(place_last_ns[place, way], last_ns)
                                    if last_way[c] != way:
                                        cell_probability[c] += weight[way]
                                    last_way[c] = way
                                    if len(cell_ns):
                                        cell_ns[c, way] = min(cell_ns[c, way], time_ns)
                                        cell_last_ns[c, way] = max(cell_last_ns[c, way], last_ns)
                            if down and _square(cell_up[c], b) <= squares[c]:
                                area_lands[area, way] = True
                                if not areas_alone:
                                    cell_landing[c] += weight[way]
                                    place_lands[place_of[c], way] = True
                            c += 1


@kernel
def _vertical(position_ecef_m: Floats, up: Floats) -> None:
    up[0], up[1], up[2], _ = vertical_at(position_ecef_m[0], position_ecef_m[1], position_ecef_m[2])


@kernel
def _window(a: Floats, b: Floats, reach: float, window: Floats) -> None:
    """Write the least and greatest latitude and longitude of what may lie within `reach` of a short line."""
    lat_a, lat_b = math.asin(min(max(a[2], -1.0), 1.0)), math.asin(min(max(b[2], -1.0), 1.0))
    lon_a, lon_b = math.atan2(a[1], a[0]), math.atan2(b[1], b[0])
    margin = reach + _square(a, b)  # a great circle bulges towards the pole, by less than its length squared
    window[0] = max(min(lat_a, lat_b) - margin, -math.pi / 2.0)
    window[1] = min(max(lat_a, lat_b) + margin, math.pi / 2.0)
    farthest = min(max(abs(window[0]), abs(window[1])), math.pi / 2.0)
    ratio = math.sin(min(margin, math.pi / 2.0)) / max(math.cos(farthest), 1e-9)
    if ratio >= 1.0:
        window[2], window[3] = -math.pi, math.pi - 1e-12
        return
    span = lon_b - lon_a - 2.0 * math.pi * math.floor((lon_b - lon_a + math.pi) / (2.0 * math.pi))
    window[2] = lon_a + min(span, 0.0) - math.asin(ratio)
    window[3] = lon_a + max(span, 0.0) + math.asin(ratio)


@kernel
def _within(a: Floats, b: Floats, point: Floats, square: float) -> tuple[float, float]:
    """Return between which shares of the way from a to b one is as near to a point as the root of `square`.

    The first is greater than the second if one never is.
    """
    length, along, away = _square(a, b), 0.0, _square(point, a)
    for i in range(3):
        along += (point[i] - a[i]) * (b[i] - a[i])
    if length <= 0.0:
        return (0.0, 1.0) if away <= square else (2.0, -1.0)
    across = away - along * along / length
    if across > square:
        return 2.0, -1.0
    half = math.sqrt((square - across) * length)
    return max((along - half) / length, 0.0), min((along + half) / length, 1.0)


@kernel
def _square(a: Floats, b: Floats) -> float:
    return float((a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2 + (a[2] - b[2]) ** 2)


@kernel
def _row_of(lat: float) -> int:
    return int((lat + math.pi / 2.0) / ROW_RAD)


@kernel
def _part_of(a: Floats, b: Floats, share: float, point: Floats) -> None:
    """Write the unit vector that lies so far between two others."""
    length = 0.0
    for i in range(3):
        point[i] = a[i] + share * (b[i] - a[i])
        length += point[i] * point[i]
    length = math.sqrt(length)
    for i in range(3):
        point[i] /= length


@kernel
def _first(values: Floats, least: float, low: int, high: int) -> int:
    """Return the first index from `low` to `high` whose value is not below `least`."""
    while low < high:
        middle = (low + high) // 2
        if values[middle] < least:
            low = middle + 1
        else:
            high = middle
    return low
