import io
import json
import runpy
import struct
import sys
import tarfile
import zipfile
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from noroshi.geo.wgs84 import MEAN_RADIUS_M
from noroshi.run.coast import Lines, borders, coast, towns

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "make_coast.py"

# Published positions, not taken from Natural Earth; that itself is 3.9 km off where Norway, Finland and Sweden meet.
CAPES = {
    "Erimo": (41.925, 143.249),
    "Soya": (45.523, 141.937),
    "Inubo": (35.708, 140.869),
    "Sata": (30.994, 130.661),
    "Shionomisaki": (33.433, 135.760),
    "Finisterre": (42.883, -9.272),
    "Europa Point": (36.109, -5.345),
    "Agulhas": (-34.833, 20.000),
    "Dezhnev": (66.080, -169.652),
    "Land's End": (50.066, -5.716),
}
TRIPOINTS = {
    "Germany, France, Switzerland": (47.5897, 7.5889),
    "Germany, Austria, Czechia": (48.7717, 13.8394),
    "Norway, Finland, Sweden": (69.0600, 20.5487),
    "Brazil, Argentina, Paraguay": (-25.5935, -54.5930),
}
# The antipodes of all of these are at sea.
ON_LAND = {
    "Paris": (48.85, 2.35),
    "Alice Springs": (-23.70, 133.88),
    "Delhi": (28.61, 77.21),
    "Mount Fuji": (35.36, 138.73),
    "inland of the Antarctic": (-82.0, 60.0),
    "Chukotka, beyond 180 degrees": (67.0, -178.0),
}
AT_SEA = {
    "Sea of Japan": (40.0, 134.5),
    "Caspian Sea": (42.0, 50.5),
    "west of the Galapagos": (0.0, -95.0),
    "Bay of Biscay": (45.5, -5.0),
}


def distance_m(lines: Lines, lat_deg: float, lon_deg: float) -> float:
    lat, lon = np.radians([lat_deg, lon_deg])
    haversine = np.sin((lines.lat_rad - lat) / 2) ** 2
    haversine += np.cos(lat) * np.cos(lines.lat_rad) * np.sin((lines.lon_rad - lon) / 2) ** 2
    return float(2 * MEAN_RADIUS_M * np.arcsin(np.sqrt(haversine)).min())


def turns(lines: Lines, lat_deg: float, lon_deg: float) -> int:
    """How often all rings go clockwise round the place, less how often round its antipode."""
    lat, lon = np.radians([lat_deg, lon_deg])
    away = lines.lon_rad - lon
    north = np.cos(lat) * np.sin(lines.lat_rad) - np.sin(lat) * np.cos(lines.lat_rad) * np.cos(away)
    azimuth = np.arctan2(np.sin(away) * np.cos(lines.lat_rad), north)
    step = np.diff(azimuth)[lines.line[1:] == lines.line[:-1]]
    return round(float(np.sum((step + np.pi) % (2 * np.pi) - np.pi)) / (2 * np.pi))


@pytest.mark.parametrize("cape", CAPES)
def test_coast_reaches_the_capes(cape):
    assert distance_m(coast(), *CAPES[cape]) < 5_000.0


@pytest.mark.parametrize("point", TRIPOINTS)
def test_three_borders_meet_where_they_do(point):
    assert distance_m(borders(), *TRIPOINTS[point]) < 5_000.0


def test_borders_are_between_countries_only():
    assert distance_m(borders(), 35.0, 138.0) > 500_000.0  # Japan has none on land
    assert distance_m(borders(), -25.0, 135.0) > 1_000_000.0  # nor Australia


@pytest.mark.parametrize("place", ON_LAND)
def test_rings_go_clockwise_round_land(place):
    assert turns(coast(), *ON_LAND[place]) == 1


@pytest.mark.parametrize("place", AT_SEA)
def test_rings_leave_the_sea_out(place):
    assert turns(coast(), *AT_SEA[place]) == 0


def test_rings_are_closed_and_steps_short():
    shore = coast()
    first = np.flatnonzero(np.diff(shore.line, prepend=-1))
    last = np.append(first[1:], len(shore.line)) - 1
    assert np.all(last - first >= 3)
    assert np.allclose(shore.lat_rad[first], shore.lat_rad[last])
    assert np.allclose(np.cos(shore.lon_rad[first] - shore.lon_rad[last]), 1.0)
    within = shore.line[1:] == shore.line[:-1]
    assert np.degrees(np.abs(np.diff(shore.lon_rad)[within])).max() < 30.0
    assert np.all(np.abs(shore.lat_rad) <= np.pi / 2)


def test_towns_are_where_they_are_and_legible():
    known = towns()
    assert len(known.name) == len(known.lat_rad) == len(known.lon_rad) > 200
    index = list(known.name).index("Tokyo")
    assert np.degrees([known.lat_rad[index], known.lon_rad[index]]) == pytest.approx([35.69, 139.69], abs=0.1)
    assert "Tokyo" in known.name[:20]
    assert all("?" not in name and name.isprintable() and name == name.strip() for name in known.name)
    assert len(set(known.name)) == len(known.name)


def test_the_file_is_small_and_its_sources_are_named():
    data = files("noroshi.run").joinpath("data")
    assert len(data.joinpath("coast.npz").read_bytes()) < 600_000
    sources = data.joinpath("SOURCES.txt").read_text()
    for word in ("world-atlas 2.0.2", "Natural Earth 4.1.0", "public domain", "ISC", "de facto", "geopandas 0.14.4"):
        assert word in sources


def _packages(folder: Path) -> list[str]:
    """Two little packages: two countries that share the meridian of 180 degrees, an islet, and two towns."""
    step = {"scale": [0.01, 0.01], "translate": [-180.0, -90.0]}
    half = [[100, 9000], [1000, 0], [0, -1000], [-1000, 0]]  # east of the meridian, open to it
    arcs = [[[100, 9000], [-200, 0]], [[100, 8000], [0, 1000]], half, [[20000, 9000], [0, 0], [0, 0], [0, 0]]]
    west = [[35900, 9000], [-1000, 0], [0, -1000], [1200, 0]]
    countries = [
        {"type": "Polygon", "arcs": [[2, 1]]},
        {"type": "MultiPolygon", "arcs": [[[~1, 4]]]},
    ]
    arcs += [west]
    ring = [[100, 9000], [1000, 0], [0, -1000], [-1000, 0], [0, 1000]]
    islet = [[20000, 9000], [0, 0], [0, 0], [0, 0]]
    land = {"type": "Topology", "transform": step, "arcs": [ring, islet]}
    land["objects"] = {"land": {"type": "GeometryCollection", "geometries": []}}
    land["objects"]["land"]["geometries"] = [{"type": "MultiPolygon", "arcs": [[[0]], [[1]]]}]
    both = {"type": "Topology", "transform": step, "arcs": arcs}
    both["objects"] = {"countries": {"type": "GeometryCollection", "geometries": countries}}
    atlas, wheel = folder / "atlas.tgz", folder / "geopandas.whl"
    with tarfile.open(atlas, "w:gz") as archive:
        for name, topology in (("land-10m.json", land), ("countries-10m.json", both)):
            data = json.dumps(topology).encode()
            entry = tarfile.TarInfo(f"package/{name}")
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    names = [b"Small", b"?saka"]
    dbf = struct.pack("<B3xIHH20x", 3, 2, 65, 11) + bytes(33) + b"".join(b" " + name.ljust(10) for name in names)
    points = b"".join(struct.pack(">ii", i, 10) + struct.pack("<idd", 1, 10.0 * i, 1.0) for i in (1, 2))
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("geopandas/datasets/naturalearth_cities/naturalearth_cities.dbf", dbf)
        archive.writestr("geopandas/datasets/naturalearth_cities/naturalearth_cities.shp", bytes(100) + points)
    return [str(atlas), str(wheel)]


def test_the_script_is_deterministic_and_right(tmp_path, monkeypatch, capsys):
    packages = _packages(tmp_path)
    made = []
    for name in ("one.npz", "two.npz"):
        monkeypatch.setattr(sys, "argv", [str(SCRIPT), *packages, str(tmp_path / name)])
        runpy.run_path(str(SCRIPT), run_name="__main__")
        made.append((tmp_path / name).read_bytes())
    assert made[0] == made[1]
    assert str(tmp_path) in capsys.readouterr().out
    arrays = np.load(io.BytesIO(made[0]))
    assert arrays["coast_lengths"].tolist() == [5]  # the islet is a point
    assert arrays["coast_differences"].tolist() == [[1000, 0], [0, -1000], [-1000, 0], [0, 1000]]
    assert arrays["borders_lengths"].tolist() == [2]  # the one arc that both countries have
    assert (arrays["borders_starts"] + arrays["borders_differences"]).tolist() == [[100, 9000]]
    assert arrays["town_names"].tolist() == ["Osaka", "Small"]
    assert arrays["town_steps"].tolist() == [[200000, 10000], [100000, 10000]]
