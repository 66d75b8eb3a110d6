"""Whom a threat concerns: areas, places and cells of people, and how probable it is that it comes to each.

One computation serves all three. The land is cut into cells of 5 km (25 km in large countries), and a cell that lies in
two municipalities into two; each belongs to an area (a prefecture, a state, a country) and to a place (a municipality,
or the town that is nearest). What comes near a cell comes near its place and its area. docs/areas.md says where the
data comes from and how far it is off.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from noroshi.geo.wgs84 import MEAN_RADIUS_M, geodetic_from_ecef
from noroshi.kernel import kernel
from noroshi.warning.forecast import Forecast

ROW_RAD = math.radians(0.1)  # height of the rows that cells are kept by
TILE_RAD = math.radians(1.0)
TILES = (180, 360)
SAMPLES_PER_REACH = 4.0  # along a way; what lies within the reach of it is missed by 0.8 % of the reach at most
REACH_M_MIN = 2_000.0
EARLY, LATE = 0.05, 0.95  # quantiles of arrival
NEVER = np.inf

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Outlines:
    """Polygons of many owners: r closed rings, n vertices one ring after the other.

    An outer ring runs anticlockwise as seen from above, a hole in it clockwise; the last vertex is not the first.

    Attributes:
        owner: (r,) whose each ring is, not falling.
        start: (r + 1,) where each ring begins among the vertices, and their number.
        lat_rad, lon_rad: (n,) geodetic.
    """

    owner: Integers
    start: Integers
    lat_rad: Floats
    lon_rad: Floats

    def of(self, owner: int) -> list[Floats]:
        """Return the rings of one owner, each (k, 2) latitude and longitude [rad]."""
        first, last = np.searchsorted(self.owner, [owner, owner + 1])
        spans = zip(self.start[first:last], self.start[first + 1 : last + 1], strict=True)
        return [np.stack([self.lat_rad[a:b], self.lon_rad[a:b]], axis=1) for a, b in spans]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Areas:
    """Areas of people, n of them, with p places and c cells.

    Attributes:
        code: (n,) ISO 3166-2, "JP-02", or ISO 3166-1 of a whole country, "KP".
        name: (n,) in English.
        local: (n,) in the language of the place.
        people: (n,) who live there by the last census.
        outlines: of the areas.
        place_code: (p,) "JP-02201": of a municipality of Japan its number; "AU-NT:2073124": elsewhere GeoNames'.
        place_name, place_local: (p,) in English and in the language of the place.
        place_area: (p,) in which area it is.
        place_people: (p,).
        place_lat_rad, place_lon_rad: (p,) where people live there.
        place_outlines: of municipalities of Japan; other places have none.
        cell_area, cell_place: (c,) whose each cell is; the place is -1 where the area has none.
        cell_people: (c,).
        cell_lat_rad, cell_lon_rad: (c,) the middle of it, sorted by rows of `ROW_RAD`, then by longitude.
        cell_half_m: (c,) how far it reaches from there: the radius of the disc of a whole cell's area.
        cell_up: (c, 3) the middle as unit vectors of the ellipsoid's vertical.
        cell_row, cell_tile: (c,) the row and the tile of a degree that it is in.
    """

    code: NDArray[np.str_]
    name: NDArray[np.str_]
    local: NDArray[np.str_]
    people: Floats
    outlines: Outlines
    place_code: NDArray[np.str_]
    place_name: NDArray[np.str_]
    place_local: NDArray[np.str_]
    place_area: Integers
    place_people: Floats
    place_lat_rad: Floats
    place_lon_rad: Floats
    place_outlines: Outlines
    cell_area: Integers
    cell_place: Integers
    cell_people: Floats
    cell_lat_rad: Floats
    cell_lon_rad: Floats
    cell_half_m: Floats
    cell_up: Floats
    cell_row: Integers
    cell_tile: Integers

    @classmethod
    def of(cls, columns: Mapping[str, NDArray[Any]], outlines: Outlines, place_outlines: Outlines) -> "Areas":
        """Return areas of the columns of this class as far as `cell_half_m`, cells in any order."""
        lat, lon = columns["cell_lat_rad"], columns["cell_lon_rad"]
        row = _row(lat)
        order = np.lexsort((lon, row))
        cells = {name: columns[name][order] for name in columns if name.startswith("cell_")}
        others = {name: columns[name] for name in columns if not name.startswith("cell_")}
        lat, lon = lat[order], lon[order]
        return cls(
            **others,
            **cells,
            outlines=outlines,
            place_outlines=place_outlines,
            cell_up=np.ascontiguousarray(_up(lat, lon)),
            cell_row=row[order],
            cell_tile=_tile(lat, lon),
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Exposed:
    """What a forecast means for n areas, places or cells.

    Attributes:
        probability: (n,) that the threat comes down in it, passes over it, or comes near.
        landing: (n,) that it comes down in it or near.
        arrival_ns: (n,) by when one in twenty of the ways that come there has come, Unix UTC nanoseconds; 0 where none
            does.
        arrival_latest_ns: (n,) by when nineteen in twenty have.
    """

    probability: Floats
    landing: Floats
    arrival_ns: Integers
    arrival_latest_ns: Integers


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


def exposed(forecast: Forecast, areas: Areas, near_m: float, *, cell_times: bool = False) -> Exposure:
    """Return whom a forecast concerns.

    A way concerns a cell if its track over ground comes within `near_m` of the cell's middle, or within the cell. The
    time is the first at which it does: with `near_m` of 50 km some 10 s before it is overhead. Angles between verticals
    are taken for distances on a sphere of 6,371 km, 0.5 % off at most.

    Args:
        forecast: the m ways, their k times.
        areas: the areas.
        near_m: how near is near.
        cell_times: tell times of cells too.
    """
    up = np.ascontiguousarray(_vertical(forecast.position_ecef_m))
    tiles, step_rad = _tiles_of(up)
    n_cells, n_places, n_areas = len(areas.cell_people), len(areas.place_people), len(areas.people)
    reach_m = max(near_m, float(areas.cell_half_m.max(initial=0.0)))
    margin_rad = reach_m / MEAN_RADIUS_M + step_rad
    there = np.flatnonzero(_grown(tiles, margin_rad).ravel()[areas.cell_tile])
    if not len(there):
        nobody = [_nobody(n) for n in (n_areas, n_places, n_cells)]
        return Exposure(near_m=near_m, areas=nobody[0], places=nobody[1], cells=nobody[2])
    occupied = np.zeros(TILES[0] * TILES[1], bool)
    occupied[areas.cell_tile[there]] = True
    close = _grown(occupied.reshape(TILES), margin_rad)
    area_ids, area_of = np.unique(areas.cell_area[there], return_inverse=True)
    place_ids, place_of = np.unique(areas.cell_place[there], return_inverse=True)
    n_ways = len(forecast.weight)
    first_ns = forecast.time_ns[0]
    hits = _Hits.empty(len(there), len(place_ids), len(area_ids), n_ways, cell_times=cell_times)
    _sweep(
        up,
        (forecast.time_ns - first_ns).astype(np.float64),
        (forecast.end_ns - first_ns).astype(np.float64),
        forecast.lands,
        near_m,
        close,
        np.ascontiguousarray(areas.cell_up[there]),
        areas.cell_lon_rad[there],
        np.searchsorted(areas.cell_row[there], np.arange(_row(math.pi / 2.0) + 2)),
        areas.cell_half_m[there],
        area_of.astype(np.int64),
        place_of.astype(np.int64),
        hits.cell,
        hits.place,
        hits.area,
        hits.cell_lands,
        hits.place_lands,
        hits.area_lands,
        hits.cell_ns,
    )
    weight = forecast.weight
    return Exposure(
        near_m=near_m,
        areas=_told(n_areas, area_ids, hits.area, hits.area_lands, weight, first_ns),
        places=_told(n_places, place_ids, hits.place, hits.place_lands, weight, first_ns),
        cells=_told(n_cells, there, hits.cell_ns, hits.cell_lands, weight, first_ns)
        if cell_times
        else _cells_without_times(n_cells, there, hits.cell, hits.cell_lands, weight),
    )


def _cells_without_times(
    n: int, ids: Integers, hit: NDArray[np.bool_], lands: NDArray[np.bool_], weight: Floats
) -> Exposed:
    empty = _nobody(n)
    empty.probability[ids] = hit @ weight
    empty.landing[ids] = lands @ weight
    return empty


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Hits:
    """Which way comes to which cell, place and area, and when: nanoseconds after the forecast's beginning."""

    cell: NDArray[np.bool_]
    place: Floats
    area: Floats
    cell_lands: NDArray[np.bool_]
    place_lands: NDArray[np.bool_]
    area_lands: NDArray[np.bool_]
    cell_ns: Floats

    @classmethod
    def empty(cls, n_cells: int, n_places: int, n_areas: int, n_ways: int, *, cell_times: bool) -> "_Hits":
        return cls(
            cell=np.zeros((n_cells, n_ways), bool),
            place=np.full((n_places, n_ways), NEVER),
            area=np.full((n_areas, n_ways), NEVER),
            cell_lands=np.zeros((n_cells, n_ways), bool),
            place_lands=np.zeros((n_places, n_ways), bool),
            area_lands=np.zeros((n_areas, n_ways), bool),
            cell_ns=np.full((n_cells if cell_times else 0, n_ways), NEVER),
        )


def _nobody(n: int) -> Exposed:
    return Exposed(
        probability=np.zeros(n),
        landing=np.zeros(n),
        arrival_ns=np.zeros(n, np.int64),
        arrival_latest_ns=np.zeros(n, np.int64),
    )


def _told(
    n: int, ids: Integers, after_ns: Floats, lands: NDArray[np.bool_], weight: Floats, first_ns: np.int64
) -> Exposed:
    """Return probabilities and quantiles of arrival of (c, m) first times, spread over n units; ids of -1 are nobody's."""
    told = _nobody(n)
    touched = np.flatnonzero((ids >= 0) & np.any(after_ns < NEVER, axis=1))
    if not len(touched):
        return told
    ids, after_ns = ids[touched], after_ns[touched]
    order = np.argsort(after_ns, axis=1, kind="stable")
    times = np.take_along_axis(after_ns, order, axis=1)
    share = np.cumsum(np.where(times < NEVER, weight[order], 0.0), axis=1)
    total = share[:, -1:]
    told.probability[ids] = total[:, 0]
    told.landing[ids] = lands[touched] @ weight
    for quantile, column in ((EARLY, told.arrival_ns), (LATE, told.arrival_latest_ns)):
        at = np.argmax(share >= quantile * total * (1.0 - 1e-12), axis=1)
        column[ids] = first_ns + times[np.arange(len(ids)), at].astype(np.int64)
    return told


def _row(lat_rad: Floats | float) -> Any:
    return np.floor((np.asarray(lat_rad) + math.pi / 2.0) / ROW_RAD).astype(np.int64)


def _tile(lat_rad: Floats, lon_rad: Floats) -> Integers:
    row = np.clip((lat_rad + math.pi / 2.0) / TILE_RAD, 0, TILES[0] - 1).astype(np.int64)
    column = ((lon_rad + math.pi) / TILE_RAD).astype(np.int64) % TILES[1]
    tile: Integers = row * TILES[1] + column
    return tile


def _up(lat_rad: Floats, lon_rad: Floats) -> Floats:
    across = np.cos(lat_rad)
    return np.stack([across * np.cos(lon_rad), across * np.sin(lon_rad), np.sin(lat_rad)], axis=-1)


def _vertical(position_ecef_m: Floats) -> Floats:
    """Return the (m, k, 3) unit vectors of the ellipsoid's vertical below positions."""
    lat_rad, lon_rad, _ = geodetic_from_ecef(position_ecef_m)
    return _up(lat_rad, lon_rad)


def _tiles_of(up: Floats) -> tuple[NDArray[np.bool_], float]:
    """Return the tiles that points of ways lie in, and half the longest step between two points [rad]."""
    lat_rad, lon_rad = np.arcsin(np.clip(up[..., 2], -1.0, 1.0)), np.arctan2(up[..., 1], up[..., 0])
    tiles = np.zeros(TILES[0] * TILES[1], bool)
    tiles[_tile(lat_rad, lon_rad).ravel()] = True
    chord = np.linalg.norm(np.diff(up, axis=1), axis=-1).max(initial=0.0)
    return tiles.reshape(TILES), math.asin(min(chord / 2.0, 1.0))


def _grown(tiles: NDArray[np.bool_], by_rad: float) -> NDArray[np.bool_]:
    """Return the tiles that some point may lie in that is no further than `by_rad` from some tile."""
    grown = np.zeros(TILES, bool)
    _grow(tiles, by_rad, grown)
    return grown


@kernel
def _grow(tiles: NDArray[np.bool_], by_rad: float, grown: NDArray[np.bool_]) -> None:
    n_rows, n_columns = tiles.shape
    rows = int(math.ceil(by_rad / TILE_RAD))
    for i in range(n_rows):
        low, high = max(i - rows, 0), min(i + rows, n_rows - 1)
        farthest = max(abs(low * TILE_RAD - math.pi / 2.0), abs((high + 1) * TILE_RAD - math.pi / 2.0))
        ratio = math.sin(min(by_rad, math.pi / 2.0)) / max(math.cos(farthest), 1e-9)
        columns = n_columns // 2 if ratio >= 1.0 else int(math.ceil(math.asin(ratio) / TILE_RAD))
        for j in range(n_columns):
            if tiles[i, j]:
                for a in range(low, high + 1):
                    for b in range(j - columns, j + columns + 1):
                        grown[a, b % n_columns] = True


@kernel
def _sweep(
    up: Floats,
    after_ns: Floats,
    end_ns: Floats,
    lands: NDArray[np.bool_],
    near_m: float,
    close: NDArray[np.bool_],
    cell_up: Floats,
    cell_lon: Floats,
    row_start: Integers,
    cell_half_m: Floats,
    area_of: Integers,
    place_of: Integers,
    cell_hit: NDArray[np.bool_],
    place_ns: Floats,
    area_ns: Floats,
    cell_lands: NDArray[np.bool_],
    place_lands: NDArray[np.bool_],
    area_lands: NDArray[np.bool_],
    cell_ns: Floats,
) -> None:
    """Go along each way in short steps, and mark what comes into its reach, with the time at which it first does."""
    n_ways, n_times, _ = up.shape
    reach_max_m = near_m
    for c in range(len(cell_half_m)):
        reach_max_m = max(reach_max_m, cell_half_m[c])
    cosines = np.empty(len(cell_half_m))
    for c in range(len(cell_half_m)):
        cosines[c] = math.cos(max(near_m, cell_half_m[c]) / MEAN_RADIUS_M)
    step = max(near_m, REACH_M_MIN) / SAMPLES_PER_REACH / MEAN_RADIUS_M
    reach = reach_max_m / MEAN_RADIUS_M
    n_rows = len(row_start) - 1
    point = np.empty(3)
    for way in range(n_ways):
        for k in range(n_times):
            if k > 0 and after_ns[k - 1] >= end_ns[way]:
                break
            start_ns = min(after_ns[max(k - 1, 0)], end_ns[way])
            stop_ns = min(after_ns[k], end_ns[way])
            a, b = up[way, max(k - 1, 0)], up[way, k]
            last = k == n_times - 1 or after_ns[k] >= end_ns[way]
            if not (_is_close(a, close) or _is_close(b, close)):
                continue
            chord = math.sqrt((a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2 + (a[2] - b[2]) ** 2)
            n_steps = max(int(math.ceil(chord / step)), 1)
            for s in range(1, n_steps + 1):
                share = s / n_steps
                length = 0.0
                for i in range(3):
                    point[i] = a[i] + share * (b[i] - a[i])
                    length += point[i] * point[i]
                length = math.sqrt(length)
                for i in range(3):
                    point[i] /= length
                time_ns = start_ns + share * (stop_ns - start_ns)
                down = last and s == n_steps and lands[way]
                lat = math.asin(min(max(point[2], -1.0), 1.0))
                lon = math.atan2(point[1], point[0])
                low = max(int((lat - reach + math.pi / 2.0) / ROW_RAD), 0)
                high = min(int((lat + reach + math.pi / 2.0) / ROW_RAD), n_rows - 1)
                widest = math.sin(min(reach, 1.5)) / max(math.cos(lat), 1e-9)
                width = math.asin(widest) + 1e-9 if widest < 1.0 else math.pi
                for row in range(low, high + 1):
                    if row_start[row] == row_start[row + 1]:
                        continue
                    for turn in range(-1, 2):
                        east = lon + turn * 2.0 * math.pi
                        if east + width < -math.pi or east - width > math.pi:
                            continue
                        c = _first(cell_lon, east - width, row_start[row], row_start[row + 1])
                        while c < row_start[row + 1] and cell_lon[c] <= east + width:
                            if down or not cell_hit[c, way]:
                                dot = point[0] * cell_up[c, 0] + point[1] * cell_up[c, 1] + point[2] * cell_up[c, 2]
                                if dot >= cosines[c]:
                                    area, place = area_of[c], place_of[c]
                                    if not cell_hit[c, way]:
                                        cell_hit[c, way] = True
                                        if len(cell_ns):
                                            cell_ns[c, way] = time_ns
                                        area_ns[area, way] = min(area_ns[area, way], time_ns)
                                        place_ns[place, way] = min(place_ns[place, way], time_ns)
                                    if down:
                                        cell_lands[c, way] = True
                                        area_lands[area, way] = True
                                        place_lands[place, way] = True
                            c += 1


@kernel
def _is_close(up: Floats, close: NDArray[np.bool_]) -> bool:
    row = min(int((math.asin(min(max(up[2], -1.0), 1.0)) + math.pi / 2.0) / TILE_RAD), close.shape[0] - 1)
    column = int((math.atan2(up[1], up[0]) + math.pi) / TILE_RAD) % close.shape[1]
    return bool(close[row, column])


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
