import math

import numpy as np
import pytest
from pyproj import Geod

from noroshi.exercise.coverage import GroundSight, SpaceSight
from noroshi.exercise.coverage_report import (
    Constellation,
    Region,
    added_sensor,
    flight_cover,
    ground_cover,
    space_cover,
)
from noroshi.exercise.orbits import positions, satellites, walker
from noroshi.geo.wgs84 import ecef_from_geodetic

NS = 10**9
EPOCH_NS = 1_893_456_000 * NS
GEOD = Geod(ellps="WGS84")


def box(south, west, north, east, n_points=20_000):
    return Region.of(*map(math.radians, (south, west, north, east)), n_points=n_points)


def radar(name, nation, lat, lon, range_m=200_000.0):
    place = ecef_from_geodetic(math.radians(lat), math.radians(lon), 300.0)
    return GroundSight(name=name, nation=nation, position_ecef_m=place, range_m_min=0.0, range_m_max=range_m)


def test_a_region_has_the_area_of_the_ellipsoid():
    region = box(20, 120, 50, 160)
    lon, level = np.linspace(120, 160, 4_001), np.zeros(4_001)
    area_m2, _ = GEOD.polygon_area_perimeter(np.concatenate([lon, lon[::-1]]), np.concatenate([level + 20, level + 50]))
    assert region.area_m2 == pytest.approx(area_m2, rel=1e-7)
    assert len(region.points) == pytest.approx(20_000, rel=0.02)
    assert region.point_area_m2 * len(region.points) == pytest.approx(region.area_m2)


def test_a_region_may_cross_the_antimeridian():
    region = box(-10, 170, 10, -170)
    assert np.all(np.abs(np.degrees(region.points[:, 1])) >= 170)
    assert region.area_m2 == pytest.approx(box(-10, 0, 10, 20).area_m2)
    assert box(-90, -180, 90, 180).area_m2 == pytest.approx(5.1006562e14, rel=1e-7)
    with pytest.raises(ValueError, match="south"):
        box(10, 0, -10, 20)


def lens_m2(radius_m, apart_m):
    """Area that two circles of one radius share, on a plane."""
    angle = 2.0 * math.acos(apart_m / (2.0 * radius_m))
    return radius_m**2 * (angle - math.sin(angle))


def test_with_and_without_each_nation():
    """Two discs 200 km apart, beside plane geometry; a third nation adds one inside the first."""
    lat, lon = 38.0, 141.0
    other_lon, other_lat, _ = GEOD.fwd(lon, lat, 90.0, 200_000.0)
    sights = [
        radar("a", "JPN", lat, lon),
        radar("b", "USA", other_lat, other_lon),
        radar("c", "AUS", lat, lon, 100_000.0),
    ]
    region = box(33, 136, 43, 149, n_points=80_000)
    found = ground_cover(sights, region, 3_000.0)
    disc, lens, inner = math.pi * 200e3**2, lens_m2(200e3, 200e3), math.pi * 100e3**2
    for computed, expected in (
        (found.alone_m2["JPN"], disc),
        (found.alone_m2["AUS"], inner),
        (found.sensor_m2["b"], disc),
        (found.area_m2[1], 2 * disc - lens),
        (found.lost_m2["USA"], disc - lens),
        (found.lost_m2["AUS"], 0.0),
    ):
        assert computed == pytest.approx(expected, rel=6e-3, abs=1.0)
    assert found.lost_m2["JPN"] < disc - lens
    assert found.area_m2[2] > found.area_m2[3] > 0.0


def test_one_more_sensor_helps_most_where_nobody_sees():
    region = box(33, 136, 43, 149)
    sights = [radar("a", "JPN", 38.0, 139.0)]
    places = np.radians([[38.0, 139.2], [38.0, 145.0], [38.0, 141.0], [10.0, 100.0]])
    candidates = [radar("x", "JPN", *np.degrees(place)) for place in places]
    found = added_sensor(sights[0], candidates, places, sights, region, [3_000.0, 10_000.0])
    assert np.degrees(found.places[:, 1]).round(1).tolist() == [145.0, 141.0, 139.2, 100.0]
    assert found.gain_m2[0] == pytest.approx(math.pi * 200e3**2, rel=0.03)
    assert found.gain_m2[3].tolist() == [0.0, 0.0]
    twice = added_sensor(sights[0], candidates, places, sights, region, [10_000.0], least=2)
    assert np.degrees(twice.places[0, 1]) == pytest.approx(139.2)
    assert twice.gain_m2[0, 0] == pytest.approx(lens_m2(200e3, 0.2 * math.cos(math.radians(38)) * 111.3e3), rel=0.03)


def two_constellations():
    time_ns = EPOCH_NS + np.arange(0, 6_000, 60) * NS
    near = walker(24, 4, 1, inclination_rad=math.radians(55), altitude_m=1e6)
    far = walker(12, 3, 1, inclination_rad=math.radians(80), altitude_m=1.4e6)
    return [
        Constellation(
            name=name,
            nation=nation,
            sight=SpaceSight(elevation_rad_min=math.radians(5)),
            position_ecef_m=positions(satellites(orbits, EPOCH_NS), time_ns),
        )
        for name, nation, orbits in (("near", "USA", near), ("far", "AUS", far))
    ]


def test_space_cover_adds_up():
    region = box(20, 120, 50, 160)
    both = two_constellations()
    found = space_cover(both, region, 0.0, 60.0)
    alone = {one.nation: space_cover([one], region, 0.0, 60.0) for one in both}
    assert found.whole.mean_fold == pytest.approx(sum(one.whole.mean_fold for one in alone.values()))
    assert found.without["USA"] == pytest.approx(alone["AUS"].region.share)
    assert alone["USA"].without["USA"] == {1: 0.0, 2: 0.0, 3: 0.0}
    # Equal areas: the whole Earth is the mean of its bands by the area between their parallels.
    width = [math.sin(band.north_rad) - math.sin(band.south_rad) for band in found.bands]
    share = np.average([band.share[1] for band in found.bands], weights=width)
    assert share == pytest.approx(found.whole.share[1], abs=2e-3)
    assert found.whole.least_fold == min(band.least_fold for band in found.bands)
    assert found.whole.longest_gap_s[1] == max(band.longest_gap_s[1] for band in found.bands)
    # A footprint of 5 degrees at 1,000 km is 4.90 % of the Earth, whatever else: the mean fold is n times that.
    assert alone["USA"].whole.mean_fold == pytest.approx(24 * 0.0490, rel=0.01)


def test_a_flight_is_seen_by_whom_it_should_be():
    both = two_constellations()
    k = both[0].position_ecef_m.shape[1]
    lon = np.linspace(130.0, 150.0, k)
    path = ecef_from_geodetic(np.full(k, math.radians(38.0)), np.radians(lon), 10_000.0)
    sights = [radar("a", "JPN", 38.0, 141.0)]
    found = flight_cover("f", np.arange(k) * 60.0, path, sights, both)
    from_radar_m = GEOD.inv(np.full(k, 141.0), np.full(k, 38.0), lon, np.full(k, 38.0))[2]
    assert np.array_equal(
        found.ground[0][np.abs(from_radar_m - 200e3) > 2e3], (from_radar_m < 200e3)[np.abs(from_radar_m - 200e3) > 2e3]
    )
    for row, one in enumerate(both):
        offset = one.position_ecef_m - path
        up = path / np.linalg.norm(path, axis=1, keepdims=True)
        elevation = np.degrees(np.arcsin(np.sum(offset * up, axis=2) / np.linalg.norm(offset, axis=2)))
        assert np.all(found.space[row] >= np.sum(elevation > 5.3, axis=0))
        assert np.all(found.space[row] <= np.sum(elevation > 4.7, axis=0))
    assert np.array_equal(found.fold, found.ground[0] + found.space.sum(axis=0))
    assert found.height_m == pytest.approx(10_000.0, abs=1e-3)
