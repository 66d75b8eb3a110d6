"""Areas, places and cells of people.

The land is cut into cells of 5 km (25 km in large countries), and a cell that lies in two municipalities into two; each
belongs to an area (a prefecture, a state, a country) and to a place (a municipality, or the town that is nearest).
docs/areas.md says where the data comes from and how far it is off.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

ROW_RAD = math.radians(0.1)  # height of the rows that cells are kept by
CUBES = 64  # along each axis of the cube about the unit sphere: 200 km each

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
        cell_row, cell_cube: (c,) the row and the cube about the unit sphere that it is in.
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
    cell_cube: Integers

    @classmethod
    def of(cls, columns: Mapping[str, NDArray[Any]], outlines: Outlines, place_outlines: Outlines) -> "Areas":
        """Return areas of the columns of this class as far as `cell_half_m`, cells in any order."""
        lat, lon = columns["cell_lat_rad"], columns["cell_lon_rad"]
        row = rows_of(lat)
        order = np.lexsort((lon, row))
        cells = {name: columns[name][order] for name in columns if name.startswith("cell_")}
        others = {name: columns[name] for name in columns if not name.startswith("cell_")}
        lat, lon = lat[order], lon[order]
        up = np.ascontiguousarray(_up(lat, lon))
        return cls(
            **others,
            **cells,
            outlines=outlines,
            place_outlines=place_outlines,
            cell_up=up,
            cell_row=row[order],
            cell_cube=_cube(up),
        )


def rows_of(lat_rad: Floats | float) -> Any:
    """Return the rows of `ROW_RAD`, from the south pole on, that latitudes are in."""
    return np.floor((np.asarray(lat_rad) + math.pi / 2.0) / ROW_RAD).astype(np.int64)


def _up(lat_rad: Floats, lon_rad: Floats) -> Floats:
    across = np.cos(lat_rad)
    return np.stack([across * np.cos(lon_rad), across * np.sin(lon_rad), np.sin(lat_rad)], axis=-1)


def _cube(up: Floats) -> Integers:
    """Return which cube about the unit sphere each of (n, 3) unit vectors is in."""
    x, y, z = np.minimum((0.5 * CUBES * (up + 1.0)).astype(np.int64), CUBES - 1).T
    cube: Integers = (x * CUBES + y) * CUBES + z
    return cube
