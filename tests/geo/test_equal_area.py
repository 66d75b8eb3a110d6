import math

import numpy as np
import pytest
from pyproj import Geod, Proj
from scipy.spatial import cKDTree

from noroshi.geo.equal_area import EARTH_AREA_M2, equal_area_points, lat_from_zone_q, zone_q
from noroshi.geo.wgs84 import SEMI_MAJOR_AXIS_M, ecef_from_geodetic

GEOD = Geod(ellps="WGS84")


def test_the_area_of_the_earth():
    octant, _ = GEOD.polygon_area_perimeter([0, 90, 90, 0], [0, 0, 90, 90])
    assert pytest.approx(8 * octant, rel=1e-12) == EARTH_AREA_M2


def test_zones_are_those_of_proj():
    lat = np.linspace(-89, 89, 41)
    _, y = Proj("+proj=cea +ellps=WGS84")(np.zeros(41), lat)
    assert zone_q(np.radians(lat)) * SEMI_MAJOR_AXIS_M / 2 == pytest.approx(np.asarray(y), abs=1e-3)
    assert np.degrees(lat_from_zone_q(zone_q(np.radians(lat)))) == pytest.approx(lat, abs=1e-9)


@pytest.mark.parametrize("region", [(-10, -70, 35, -20), (120, 20, 150, 50), (0, 80, 180, 90)])
def test_points_in_a_region_stand_for_its_area(region):
    west, south, east, north = region
    points = np.degrees(equal_area_points(200_000))
    inside = np.all((points >= (south, west)) & (points < (north, east)), axis=1)
    lon, step = np.linspace(west, east, 2_001), np.zeros(2_001)
    outline = np.concatenate([lon, lon[::-1]]), np.concatenate([step + south, step + north])
    area_m2 = abs(GEOD.polygon_area_perimeter(*outline)[0])
    edge_m = 2.0 * (east - west + north - south) * 111e3
    spacing_m = math.sqrt(EARTH_AREA_M2 / 200_000)
    assert inside.sum() * EARTH_AREA_M2 / 200_000 == pytest.approx(area_m2, abs=0.1 * edge_m * spacing_m)


def test_a_band_holds_the_same_points_as_the_whole():
    whole = equal_area_points(5_000)
    band = equal_area_points(5_000, lat_rad_min=0.3, lat_rad_max=0.7)
    assert np.array_equal(band, whole[(whole[:, 0] >= 0.3) & (whole[:, 0] <= 0.7)])
    assert len(whole) == 5_000


def test_points_keep_their_distance():
    lat, lon = equal_area_points(20_000).T
    position = ecef_from_geodetic(lat, lon, 0.0)
    nearest = cKDTree(position).query(position, k=2)[0][:, 1]
    assert nearest.min() > 0.8 * math.sqrt(EARTH_AREA_M2 / 20_000)
