"""Make `src/noroshi/run/data/coast.npz` from two published packages that carry Natural Earth.

    npm pack world-atlas@2.0.2
    pip download --no-deps geopandas==0.14.4
    python scripts/make_coast.py world-atlas-2.0.2.tgz geopandas-0.14.4-py3-none-any.whl src/noroshi/run/data/coast.npz

Standard library and numpy only; the same packages always give the same arrays, and the same bytes with the same zlib.
Natural Earth's 1:10m lines are thinned to half a kilometre: its own 1:50m lines cut Cape Erimo off by 8 km, and a
radar's picture shows that. Lines are stored as the topology's own integers, each vertex as its difference from the one
before it; a longitude may go on beyond 180 degrees. The format: https://github.com/topojson/topojson-specification
"""

import argparse
import io
import itertools
import json
import struct
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Line = NDArray[np.int64]
"""(n, 2) longitude and latitude in steps of the topology's scale."""

TOWNS = "geopandas/datasets/naturalearth_cities/naturalearth_cities"
TOWN_STEP_DEG = 1e-4
TOLERANCE_M = 500.0
EARTH_RADIUS_M = 6_371_000.0
RING_VERTICES_MIN = 4  # a triangle, closed
SPELLING = {"?saka": "Osaka", "Chi?in?u": "Chisinau", "Washington,  D.C.": "Washington, D.C."}
"""Names that the wheel's Latin-1 file has lost letters of, or spells with two blanks."""


def main() -> None:
    """Read the two packages and write the arrays."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("world_atlas", type=Path, help="world-atlas-2.0.2.tgz from npm")
    parser.add_argument("geopandas", type=Path, help="geopandas-0.14.4-py3-none-any.whl from PyPI")
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    with tarfile.open(arguments.world_atlas) as archive:
        land, countries = (_topology(archive, name) for name in ("land-10m.json", "countries-10m.json"))
    with zipfile.ZipFile(arguments.geopandas) as wheel:
        names, positions = towns(wheel.read(f"{TOWNS}.dbf"), wheel.read(f"{TOWNS}.shp"))
    arrays: dict[str, NDArray[Any]] = {"town_names": names, "town_steps": positions}
    arrays |= _packed("coast", land, rings(land, land["objects"]["land"]))
    arrays |= _packed("borders", countries, shared(countries, countries["objects"]["countries"]))
    arguments.out.write_bytes(encode(arrays))
    sizes = ", ".join(f"{name} {array.shape}" for name, array in arrays.items())
    print(f"{arguments.out}: {arguments.out.stat().st_size} bytes; {sizes}")


def encode(arrays: dict[str, NDArray[Any]]) -> bytes:
    """Return a compressed npz without times of day in it."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name in sorted(arrays):
            column = io.BytesIO()
            np.lib.format.write_array(column, arrays[name], allow_pickle=False)
            entry = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, column.getvalue())
    return buffer.getvalue()


def rings(topology: dict[str, Any], collection: dict[str, Any]) -> list[Line]:
    """Return every closed ring: land clockwise, its holes (the Caspian Sea) the other way round."""
    found = [_stitch(topology, ring) for polygon in _polygons(collection) for ring in polygon]
    south_pole = topology["transform"]["scale"][1] / 2.0 + topology["transform"]["translate"][1]
    at_pole = [np.all(_degrees(topology, ring)[:, 1] <= south_pole) for ring in found]
    return [ring for ring, point in zip(found, at_pole, strict=True) if not point]


def shared(topology: dict[str, Any], collection: dict[str, Any]) -> list[Line]:
    """Return the arcs that two countries have in common."""
    owners: dict[int, list[int]] = {}
    for country, geometry in enumerate(collection["geometries"]):
        for arc in itertools.chain.from_iterable(itertools.chain.from_iterable(_polygons(geometry))):
            owners.setdefault(max(arc, ~arc), []).append(country)
    return [_stitch(topology, [arc]) for arc in sorted(owners) if len(set(owners[arc])) > 1]


def towns(dbf: bytes, shp: bytes) -> tuple[NDArray[np.str_], NDArray[np.int32]]:
    """Return the towns' (n,) names and (n, 2) longitude and latitude [1e-4 degree], the most important first.

    Natural Earth lists the least important first. Source: ESRI Shapefile Technical Description (1998), point records;
    dBASE III file header.
    """
    n, header, width = struct.unpack("<IHH", dbf[4:12])
    rows = [dbf[header + i * width + 1 : header + (i + 1) * width] for i in range(n)]
    points = np.frombuffer(shp[100:], np.dtype([("head", "V8"), ("type", "<i4"), ("at", "<f8", 2)]))
    found = [row.decode("latin-1").strip() for row in rows]
    names = np.array([SPELLING.get(name, name) for name in found])
    return names[::-1].copy(), np.round(points["at"][::-1] / TOWN_STEP_DEG).astype(np.int32)


def _topology(archive: tarfile.TarFile, name: str) -> dict[str, Any]:
    file = archive.extractfile(f"package/{name}")
    if file is None:
        raise SystemExit(f"{archive.name!r}: holds no {name}; give the npm package world-atlas 2.0.2")
    topology: dict[str, Any] = json.load(file)
    return topology


def _polygons(geometry: dict[str, Any]) -> list[list[list[int]]]:
    if geometry["type"] == "GeometryCollection":
        return list(itertools.chain.from_iterable(_polygons(part) for part in geometry["geometries"]))
    return [geometry["arcs"]] if geometry["type"] == "Polygon" else geometry.get("arcs", [])


def _stitch(topology: dict[str, Any], arcs: list[int]) -> Line:
    parts = [np.cumsum(topology["arcs"][max(arc, ~arc)], axis=0)[:: -1 if arc < 0 else 1] for arc in arcs]
    return np.concatenate([parts[0], *(part[1:] for part in parts[1:])])


def _degrees(topology: dict[str, Any], line: Line) -> NDArray[np.float64]:
    transform = topology["transform"]
    degrees: NDArray[np.float64] = line * np.array(transform["scale"]) + np.array(transform["translate"])
    return degrees


def _thinned(topology: dict[str, Any], line: Line) -> Line:
    """Return the line without the vertices whose loss moves it by less than the tolerance; its ends stay.

    Source: Douglas and Peucker (1973), Algorithms for the reduction of the number of points required to represent a
    digitized line or its caricature, Cartographica 10, 112-122; distances to chords in space.
    """
    lon, lat = np.deg2rad(_degrees(topology, line)).T
    at = EARTH_RADIUS_M * np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=1)
    keep = np.zeros(len(line), bool)
    keep[[0, -1]] = True
    spans = [(0, len(line) - 1)]
    while spans:
        first, last = spans.pop()
        if last - first < 2:
            continue
        chord, inner = at[last] - at[first], at[first + 1 : last] - at[first]
        square = float(chord @ chord)
        along = np.clip(inner @ chord / square, 0.0, 1.0) if square > 0.0 else np.zeros(len(inner))
        distance = np.linalg.norm(inner - along[:, None] * chord, axis=1)
        farthest = int(distance.argmax())
        if distance[farthest] > TOLERANCE_M:
            middle = first + 1 + farthest
            keep[middle] = True
            spans += [(first, middle), (middle, last)]
    return line[keep]


def _packed(name: str, topology: dict[str, Any], lines: list[Line]) -> dict[str, NDArray[Any]]:
    """Return thinned lines as starts, differences and lengths; islets of which thinning leaves nothing are left out."""
    thin = [_thinned(topology, line) for line in lines]
    closed = [bool(np.all(line[0] == line[-1])) for line in thin]
    thin = [line for line, ring in zip(thin, closed, strict=True) if not ring or len(line) >= RING_VERTICES_MIN]
    scale_deg = np.array(topology["transform"]["scale"])
    around = round(360.0 / scale_deg[0])
    differences = np.concatenate([np.diff(line, axis=0) for line in thin])
    differences[:, 0] -= around * np.round(differences[:, 0] / around).astype(np.int64)
    if np.abs(differences).max() > np.iinfo(np.int16).max:
        raise SystemExit(f"{name}: a step is too long to be stored")
    return {
        f"{name}_starts": np.array([line[0] for line in thin], np.int32),
        f"{name}_differences": differences.astype(np.int16),
        f"{name}_lengths": np.array([len(line) for line in thin], np.int32),
        f"{name}_scale_deg": scale_deg,
        f"{name}_offset_deg": np.array(topology["transform"]["translate"]),
    }


if __name__ == "__main__":
    main()
