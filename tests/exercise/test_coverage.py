import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from pyproj import Geod, Transformer
from scipy.spatial.transform import Rotation
from skyfield.api import wgs84

from noroshi.exercise.coverage import (
    GroundSight,
    Rings,
    SpaceSight,
    directions,
    fold,
    gains,
    largest_gap_rad,
    revisit,
    ring_angles,
    rings_from_space,
    seen_from_ground,
    seen_from_space,
)
from noroshi.exercise.orbits import STAR_SPAN_RAD, circles, positions, satellites, walker
from noroshi.geo.equal_area import EARTH_AREA_M2, equal_area_points
from noroshi.geo.wgs84 import ecef_from_geodetic

NS = 10**9
EPOCH_NS = 1_893_456_000 * NS
SPHERE = (6_371_000.0, 6_371_000.0)
ECEF_FROM_LLH = Transformer.from_crs(4979, 4978)
# Ballard (1980), IEEE TAES 16(5): satellites, planes, phasing, inclination and largest central angle in degrees.
ROSETTES = [
    (5, 5, 1, 43.66, 69.15),
    (6, 6, 4, 53.13, 66.42),
    (7, 7, 5, 55.69, 60.26),
    (8, 8, 6, 61.86, 56.52),
    (9, 9, 7, 70.54, 54.81),
    (10, 10, 7, 47.93, 51.53),
    (11, 11, 4, 53.79, 47.62),
    (13, 13, 5, 58.44, 43.76),
    (14, 7, 4, 53.98, 41.96),
    (15, 3, 1, 53.51, 42.13),
]


def sphere(n):
    """Directions evenly over a sphere."""
    i = np.arange(n)
    z, lon = 1.0 - (2 * i + 1) / n, i * math.pi * (3.0 - math.sqrt(5.0))
    across = np.sqrt(1.0 - z**2)
    return np.stack([across * np.cos(lon), across * np.sin(lon), z], axis=1)


def constellation():
    return walker(54, 6, 1, inclination_rad=math.radians(81), altitude_m=1e6, node_span_rad=STAR_SPAN_RAD)


def over_a_day(step_s=600):
    time_ns = EPOCH_NS + np.arange(0, 86_400, step_s) * NS
    return positions(satellites(constellation(), EPOCH_NS), time_ns)


@pytest.mark.parametrize(("elevation_deg", "percent"), [(0, 6.78), (5, 4.90), (15, 2.56)])
def test_footprint_counted_by_points(elevation_deg, percent):
    sight = SpaceSight(elevation_rad_min=math.radians(elevation_deg))
    axis = Rotation.random(random_state=3).apply([7_371_000.0, 0.0, 0.0])
    seen = fold(rings_from_space(axis[None, None], sight, 0.0, earth_m=SPHERE), sphere(200_000))
    assert 100 * np.mean(seen) == pytest.approx(percent, abs=0.01)


@pytest.mark.parametrize(("n", "planes", "phasing", "inclination_deg", "angle_deg"), ROSETTES)
def test_ballard(n, planes, phasing, inclination_deg, angle_deg):
    orbits = walker(n, planes, phasing, inclination_rad=math.radians(inclination_deg), altitude_m=1e6)
    track = circles(orbits, np.linspace(0.0, 1.0, 361) * orbits.period_s[0]) / orbits.radius_m[0]
    gaps = np.array([largest_gap_rad(epoch) for epoch in track])
    assert math.degrees(gaps.max()) == pytest.approx(angle_deg, abs=0.01)


@pytest.mark.parametrize("rosette", ROSETTES)
def test_fold_is_exact_on_ballard(rosette):
    """At the hull's angle the kernel misses nothing; a digit below the worst point's it misses that point."""
    n, planes, phasing, inclination_deg, _ = rosette
    orbits = walker(n, planes, phasing, inclination_rad=math.radians(inclination_deg), altitude_m=1e6)
    track = circles(orbits, np.linspace(0.0, 1.0, 91) * orbits.period_s[0]) / orbits.radius_m[0]
    gap = max(largest_gap_rad(epoch) for epoch in track)
    points = sphere(4_000)
    nearest = np.array([np.max(epoch @ points.T, axis=0) for epoch in track])
    worst = nearest.min()  # of the lattice: a little nearer than the worst of all directions
    assert gap - math.sqrt(4 * math.pi / 4_000) < math.acos(worst) <= gap
    for cosine in (math.cos(gap) - 1e-12, worst - 1e-12, worst + 1e-12, worst + 1e-3):
        rings = Rings(track, np.full(track.shape[:2], cosine), np.full(track.shape[:2], 2.0))
        assert np.array_equal(fold(rings, points) == 0, nearest < cosine)


@pytest.mark.parametrize(("span", "percent"), [(STAR_SPAN_RAD, 99.8), (2 * math.pi, 83.7)])
def test_walker_star_and_delta(span, percent):
    orbits = walker(
        28, 4, 1, inclination_rad=math.radians(81), altitude_m=1e6, node_span_rad=span, earth_radius_m=SPHERE[0]
    )
    track = circles(orbits, np.arange(200) / 200 * orbits.period_s[0]).swapaxes(0, 1)
    counts = fold(rings_from_space(track, SpaceSight(), 0.0, earth_m=SPHERE), sphere(10_000))
    assert 100 * np.mean(counts >= 1) == pytest.approx(percent, abs=0.5)


def test_fold_counts_what_numpy_counts_and_threads_change_nothing():
    rng = np.random.default_rng(1)
    place = rng.normal(size=(2_500, 3))
    place /= np.linalg.norm(place, axis=1, keepdims=True)
    axis = rng.normal(size=(150, 7, 3))
    axis /= np.linalg.norm(axis, axis=2, keepdims=True)
    low, high = rng.uniform(0.0, 0.8, (150, 7)), rng.uniform(0.8, 1.1, (150, 7))
    cosine = np.einsum("ksx,nx->ksn", axis, place)
    expected = np.sum((cosine >= low[..., None]) & (cosine <= high[..., None]), axis=1)
    counts = fold(Rings(axis, low, high), place)
    assert np.array_equal(counts, expected)
    with ThreadPoolExecutor(2) as executor:
        assert np.array_equal(fold(Rings(axis, low, high), place, executor=executor), counts)


def elevation_deg(satellite_ecef_m, lat_rad, lon_rad):
    """By Skyfield, of satellites (s, 3) above places (n): (s, n)."""
    rows = []
    for lat, lon in zip(lat_rad, lon_rad, strict=True):
        place = wgs84.latlon(math.degrees(lat), math.degrees(lon))
        offset = satellite_ecef_m - place.itrs_xyz.m
        up = np.array([math.cos(lat) * math.cos(lon), math.cos(lat) * math.sin(lon), math.sin(lat)])
        rows.append(np.degrees(np.arcsin(offset @ up / np.linalg.norm(offset, axis=1))))
    return np.array(rows).T


@pytest.mark.parametrize(("least_deg", "off_deg"), [(0, 1e-6), (5, 0.25), (15, 0.25)])
def test_satellites_seen_are_those_above_the_horizon(least_deg, off_deg):
    points = equal_area_points(300)
    sight = SpaceSight(elevation_rad_min=math.radians(least_deg))
    now = over_a_day()[:, ::40]
    counts = fold(rings_from_space(now, sight, 0.0), directions(*points.T, 0.0, sight))
    for epoch in range(now.shape[1]):
        elevation = elevation_deg(now[:, epoch], *points.T)
        assert np.all(counts[epoch] >= np.sum(elevation > least_deg + off_deg, axis=0))
        assert np.all(counts[epoch] <= np.sum(elevation > least_deg - off_deg, axis=0))


def lowest_m(satellite, target, beyond_m=0.0):
    """Least height over the ellipsoid of the line from a satellite to a target, and on beyond it."""
    range_m = np.linalg.norm(satellite - target)
    share = np.linspace(0.0, 1.0 + beyond_m / range_m, 3_001)
    line = satellite + share[:, None] * (target - satellite)
    return ECEF_FROM_LLH.transform(*line.T, direction="INVERSE")[2].min()


COLD = {"earth_range_m": 0.0, "limb_range_m": 0.0}


@pytest.mark.parametrize(
    ("height_m", "sight"),
    [
        (12_000.0, SpaceSight(line_height_m=10_000.0)),
        (60_000.0, SpaceSight(line_height_m=10_000.0, off_nadir_rad=(0.5, 1.04))),
        (200_000.0, SpaceSight(line_height_m=10_000.0, limb_height_m=100_000.0, **COLD)),
        (800_000.0, SpaceSight(limb_height_m=50_000.0, off_nadir_rad=(0.2, 1.2), **COLD)),
        (1_400_000.0, SpaceSight(limb_height_m=50_000.0, off_nadir_rad=(0.6, 1.9), **COLD)),
        (
            300_000.0,
            SpaceSight(
                line_height_m=10_000.0, limb_height_m=80_000.0, earth_range_m=1.5e6, limb_range_m=3e6, sky_range_m=5e6
            ),
        ),
        (60_000.0, SpaceSight(line_height_m=10_000.0, limb_height_m=80_000.0, earth_range_m=1.5e6, limb_range_m=3e6)),
    ],
)
def test_what_the_earth_cloud_and_a_warm_background_hide(height_m, sight):
    """Beside the ray itself, walked along step by step over PROJ's ellipsoid."""
    points = equal_area_points(80)
    target = ecef_from_geodetic(points[:, 0], points[:, 1], height_m)
    now = over_a_day()[::9, 7:8]
    doubtful, seen, n = 0, 0, 0
    for satellite in now:
        rings = rings_from_space(satellite[None], sight, height_m)
        counts = fold(rings, directions(*points.T, height_m, sight))[0]
        for j in range(80):
            line_m = lowest_m(satellite[0], target[j])
            ray_m = lowest_m(satellite[0], target[j], beyond_m=9e6)
            away = target[j] - satellite[0]
            range_m = np.linalg.norm(away)
            off_nadir = math.acos(-away @ satellite[0] / range_m / np.linalg.norm(satellite[0]))
            far_m = (
                sight.earth_range_m
                if ray_m < 0.0
                else sight.limb_range_m
                if ray_m < sight.limb_height_m
                else sight.sky_range_m
            )
            least, most = sight.off_nadir_rad
            clear = [line_m - sight.line_height_m, far_m - range_m, off_nadir - least, most - off_nadir]
            unsure = [abs(clear[0]) < 500.0, abs(clear[1]) < 0.005 * range_m, min(map(abs, clear[2:])) < 0.006]
            unsure += [abs(ray_m) < 500.0, abs(ray_m - sight.limb_height_m) < 500.0]
            n += 1
            if any(unsure):
                doubtful += 1
                continue
            assert counts[j] == all(margin > 0 for margin in clear), clear
            assert counts[j] == seen_from_space(satellite[None], sight, target[j : j + 1])[0, 0]
            seen += int(counts[j])
    assert doubtful < 0.05 * n
    assert 0 < seen < n - doubtful


def test_nobody_sees_below_the_clouds():
    [(low, high)] = ring_angles(np.array([7.4e6]), 6_376_000.0, 6_371_000.0, SpaceSight(line_height_m=10_000.0))
    assert high[0] < low[0]


def test_a_satellite_that_is_gone_sees_nothing():
    now = np.full((1, 2, 3), np.nan)
    now[0, 1] = [7.4e6, 0.0, 0.0]
    counts = fold(rings_from_space(now, SpaceSight(), 0.0), directions(np.zeros(1), np.zeros(1), 0.0))
    assert counts[:, 0].tolist() == [0, 1]


def test_revisit_by_hand():
    counts = np.array([[1, 0, 2], [0, 0, 2], [0, 0, 1], [1, 0, 2], [0, 0, 1], [2, 0, 1]], np.uint16)
    once, twice = revisit(counts, 60.0), revisit(counts, 60.0, least=2)
    assert once.share == pytest.approx([0.5, 0.0, 1.0])
    assert once.mean_gap_s == pytest.approx([90.0, 360.0, 0.0])
    assert once.longest_gap_s == pytest.approx([120.0, 360.0, 0.0])
    assert twice.longest_gap_s == pytest.approx([300.0, 360.0, 120.0])


def radar(**changes):
    settings = {
        "name": "a",
        "nation": "JPN",
        "position_ecef_m": ecef_from_geodetic(math.radians(38.0), math.radians(141.0), 300.0),
        "range_m_min": 0.0,
        "range_m_max": 600_000.0,
    }
    return GroundSight(**settings | changes)


def places(n):
    points = equal_area_points(n, lat_rad_min=math.radians(30), lat_rad_max=math.radians(46))
    return points[np.abs(points[:, 1] - math.radians(141)) < math.radians(9)]


def test_a_radar_sees_as_far_as_the_horizon_lets_it():
    points = places(4_000_000)
    target = ecef_from_geodetic(*points.T, 10_000.0)
    seen = seen_from_ground(radar(), target, 10_000.0)
    area_m2 = seen.sum() * EARTH_AREA_M2 / 4_000_000
    # 483.4 km: the radar horizon of the literature for 0.3 and 10 km; a spherical cap of that radius.
    assert area_m2 == pytest.approx(2 * math.pi * 6.371e6**2 * (1 - math.cos(483.4e3 / 6.371e6)), rel=2e-3)
    lat, lon = np.degrees(points.T)
    ground_m = Geod(ellps="WGS84").inv(np.full(len(lat), 141.0), np.full(len(lat), 38.0), lon, lat)[2]
    assert np.all(seen[ground_m < 481e3])
    assert not np.any(seen[ground_m > 486e3])


def test_range_sectors_elevation_and_height_limit_it():
    points = places(100_000)
    target = ecef_from_geodetic(*points.T, 10_000.0)
    azimuth, _, ground_m = Geod(ellps="WGS84").inv(
        np.full(len(points), 141.0), np.full(len(points), 38.0), *np.degrees(points.T[::-1])
    )
    short = seen_from_ground(radar(range_m_max=200_000.0, range_m_min=100_000.0), target, 10_000.0)
    assert np.all(short[(ground_m > 101e3) & (ground_m < 198e3)])
    assert not np.any(short[(ground_m < 98e3) | (ground_m > 201e3)])
    west = seen_from_ground(radar(sectors_rad=((math.radians(200), math.radians(340)),)), target, 10_000.0)
    inside = (azimuth % 360 > 201) & (azimuth % 360 < 339)
    assert np.array_equal(west[inside], seen_from_ground(radar(), target, 10_000.0)[inside])
    assert not np.any(west[(azimuth % 360 < 199) | (azimuth % 360 > 341)])
    north = seen_from_ground(radar(dead_rad=((math.radians(40), math.radians(320)),)), target, 10_000.0)
    assert not np.any(north[(azimuth % 360 > 41) & (azimuth % 360 < 319)])
    assert north.any()
    cone = seen_from_ground(radar(elevation_rad=(-1.0, math.radians(20))), target, 10_000.0)
    assert not np.any(cone[ground_m < 25e3])
    assert not np.any(seen_from_ground(radar(height_m=(0.0, 100.0)), target, 10_000.0))
    sky_wave = seen_from_ground(radar(earth_factor=math.inf, range_m_max=900e3), target, 0.0)
    assert np.all(sky_wave[(ground_m > 600e3) & (ground_m < 800e3)])


def test_gains_are_the_places_newly_seen():
    points = places(100_000)
    others = [radar(), radar(position_ecef_m=ecef_from_geodetic(math.radians(34.0), math.radians(136.0), 100.0))]
    missing = ~seen_from_ground(others[0], ecef_from_geodetic(*points.T, 3_000.0), 3_000.0)
    found = gains(others, points, 3_000.0, missing)
    target = ecef_from_geodetic(*points.T, 3_000.0)
    assert found[0] == 0
    assert found[1] == np.sum(seen_from_ground(others[1], target, 3_000.0) & missing) > 0
