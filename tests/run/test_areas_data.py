"""The shipped areas are held to official figures: areas of prefectures, counts of people, islands and cities.

Sources: Geospatial Information Authority of Japan, areas of prefectures; Statistics Bureau of Japan, census of 2020.
"""

import numpy as np
import pytest
from pyproj import Geod

from noroshi.run.areas import areas

GEOD = Geod(ellps="WGS84")
OFFICIAL_KM2 = {
    "JP-01": 78_421.0,  # without the islands that Russia administers
    "JP-02": 9_646.0,
    "JP-13": 2_194.0,
    "JP-15": 12_584.0,
    "JP-20": 13_562.0,
    "JP-25": 4_017.0,
    "JP-42": 4_131.0,
    "JP-46": 9_187.0,
    "JP-47": 2_282.0,
}
ISLANDS = {  # latitude, longitude, municipality
    "Sado": (38.02, 138.37, "JP-15224"),
    "Izu-Oshima": (34.74, 139.40, "JP-13361"),
    "Hachijo": (33.11, 139.80, "JP-13401"),
    "Chichijima": (27.07, 142.21, "JP-13421"),
    "Ishigaki": (24.40, 124.17, "JP-47207"),
    "Yonaguni": (24.46, 123.00, "JP-47382"),
    "Okushiri": (42.15, 139.48, "JP-01367"),
    "Tsushima": (34.40, 129.33, "JP-42209"),
}
CENSUS_2020 = {  # municipalities whose figures GeoNames carries; not among those that were typed in
    "JP-01100": 1_973_395,  # Sapporo
    "JP-02201": 275_192,  # Aomori
    "JP-04100": 1_096_704,  # Sendai
    "JP-05201": 307_672,  # Akita
    "JP-14100": 3_777_491,  # Yokohama
    "JP-27100": 2_752_412,  # Osaka
    "JP-15224": 51_492,  # Sado
    "JP-47207": 47_637,  # Ishigaki
    "JP-01367": 2_410,  # Okushiri
}


def of(code):
    return list(areas().code).index(code)


def contains(rings, lat_deg, lon_deg):
    lat, lon = np.radians(lat_deg), np.radians(lon_deg)
    inside = False
    for ring in rings:
        y, x = ring[:, 0], ring[:, 1]
        y2, x2 = np.roll(y, -1), np.roll(x, -1)
        crosses = (y > lat) != (y2 > lat)
        with np.errstate(divide="ignore", invalid="ignore"):
            at = x + (lat - y) / (y2 - y) * (x2 - x)
        inside ^= bool(np.count_nonzero(crosses & (lon < at)) % 2)
    return inside


def km2(rings):
    return sum(GEOD.polygon_area_perimeter(*np.degrees(ring[:, ::-1]).T)[0] for ring in rings) / 1e6


@pytest.mark.parametrize("code", OFFICIAL_KM2)
def test_prefectures_have_their_official_area(code):
    assert km2(areas().outlines.of(of(code))) == pytest.approx(OFFICIAL_KM2[code], rel=0.01)


@pytest.mark.parametrize("island", ISLANDS)
def test_islands_are_there(island):
    lat_deg, lon_deg, municipality = ISLANDS[island]
    where = areas()
    place = list(where.place_code).index(municipality)
    prefecture = where.place_area[place]
    away = np.hypot(
        where.cell_lat_rad - np.radians(lat_deg),
        (where.cell_lon_rad - np.radians(lon_deg)) * np.cos(where.cell_lat_rad),
    )
    nearest = np.argmin(away)
    assert away[nearest] * 6371.0 < 5.0
    assert where.cell_place[nearest] == place
    assert where.cell_area[nearest] == prefecture
    rings = where.outlines.of(prefecture)
    at_cell = np.degrees([where.cell_lat_rad[nearest], where.cell_lon_rad[nearest]])
    assert contains(rings, lat_deg, lon_deg) or contains(rings, *at_cell)


def test_prefectures_hold_the_people_of_the_census_and_so_do_their_places_and_cells():
    where = areas()
    japan = np.char.startswith(where.code, "JP-")
    assert japan.sum() == 47
    assert where.people[japan].sum() == 126_146_099
    by_place = np.bincount(where.place_area, where.place_people, minlength=len(where.people))
    by_cell = np.bincount(where.cell_area, where.cell_people, minlength=len(where.people))
    np.testing.assert_allclose(by_place[japan], where.people[japan], rtol=1e-5)
    np.testing.assert_allclose(by_cell, where.people, rtol=1e-4)


def test_twelve_prefectures_of_2017_have_the_people_who_were_warned():
    """25,154,545 were counted when it happened; they had lost 0.3 % a year by the census of 2020."""
    twelve = [of(f"JP-{i:02d}") for i in (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 15, 20)]
    assert areas().people[twelve].sum() == 24_824_357
    assert areas().people[twelve].sum() == pytest.approx(25_154_545, rel=0.015)


@pytest.mark.parametrize("code", CENSUS_2020)
def test_municipalities_have_about_the_people_of_the_census(code):
    place = list(areas().place_code).index(code)
    assert areas().place_people[place] == pytest.approx(CENSUS_2020[code], rel=0.06)


def test_there_are_as_many_municipalities_as_japan_has():
    assert np.char.startswith(areas().place_code, "JP-").sum() == 1_741


def test_names_are_in_english_and_in_the_language_of_the_place():
    where = areas()
    assert (where.name[of("JP-02")], where.local[of("JP-02")]) == ("Aomori", "青森県")
    assert where.local[of("KR-11")] == "서울특별시"
    assert where.name[of("US-GU")] == "Guam"
    assert all(where.name)
    assert all(where.local)
    assert all(name.isascii() for name in where.name)
    assert not any(word in name for name in where.place_name[:1741] for word in ("Eastern ", "Western ", ","))


def test_states_and_territories_and_the_countries_around_are_there_once():
    codes = list(areas().code)
    assert len(set(codes)) == len(codes) == 154
    assert sum(code.startswith("US-") for code in codes) == 50 + 1 + 4
    assert sum(code.startswith("AU-") for code in codes) == 8
    assert sum(code.startswith("KR-") for code in codes) == 17
    assert {"KP", "TW", "PH", "RU", "CN", "PW", "FM", "MH", "NZ"} <= set(codes)
    assert len(set(areas().place_code)) == len(areas().place_code)


def test_across_the_date_line_cells_are_where_they_are():
    where = areas()
    lon = np.degrees(where.cell_lon_rad)
    assert np.all(np.abs(lon) <= 180.0)
    for code, west, east in (("US-AK", -180.0, 180.0), ("RU", -180.0, 180.0)):
        mine = lon[where.cell_area == of(code)]
        assert mine.min() < west + 1.0
        assert mine.max() > east - 10.0
