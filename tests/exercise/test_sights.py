import math

import numpy as np
import pytest

from noroshi.exercise.coverage import seen_from_ground, seen_from_space
from noroshi.exercise.flight import Flight
from noroshi.exercise.observers import infrared, position_report, search_radar
from noroshi.exercise.sights import Target, ground_sight, needed_snr, space_sight
from noroshi.exercise.world import Weather, World
from noroshi.geo.equal_area import equal_area_points
from noroshi.geo.wgs84 import ecef_from_geodetic
from noroshi.records import Identity, SensorSite
from noroshi.sensors.infrared import Sensor as Infrared
from noroshi.sensors.search_radar import Sensor as Radar

NS = 10**9
START_NS = 1_893_456_000 * NS
PLACE = math.radians(38.0), math.radians(141.0), 300.0
SITE = SensorSite(sensor="radar", type="search_radar", lat_rad=PLACE[0], lon_rad=PLACE[1], height_m=PLACE[2])


@pytest.mark.parametrize(
    ("swerling", "probability", "snr_db"),
    # Closed forms of Swerling 1 and 3 and Marcum's function, as tabulated in /work's issue 4 and by Skolnik, chapter 2.
    [(0, 0.5, 11.24), (0, 0.9, 13.18), (1, 0.5, 12.77), (1, 0.9, 21.14), (3, 0.5, 11.95), (3, 0.9, 17.30)],
)
def test_needed_signal_to_noise(swerling, probability, snr_db):
    found = needed_snr(probability, swerling=swerling, false_alarm_probability=1e-6, pulses=1)
    assert 10 * math.log10(found) == pytest.approx(snr_db, abs=0.006)


def test_range_goes_with_the_fourth_root():
    # Swerling 1: Pd = Pfa^(1 / (1 + S)).
    snr = math.log(1e-6) / math.log(0.5) - 1.0
    radar = search_radar.Observer(
        reference_range_m=200e3, reference_snr_db=20.0, reference_cross_section_m2=1.0, range_m_max=1e6
    )
    for cross_section_m2 in (0.1, 1.0, 16.0):
        sight = ground_sight("a", "JPN", np.ones(3), radar, Target(cross_section_m2=cross_section_m2))
        assert sight.range_m_max == pytest.approx(200e3 * (100.0 * cross_section_m2 / snr) ** 0.25, rel=1e-9)
    short = search_radar.Observer(range_m_max=150e3)
    assert ground_sight("a", "JPN", np.ones(3), short, Target()).range_m_max == 150e3


def test_who_does_not_see_is_left_out():
    deaf = search_radar.Observer(primary=False, transponder=True)
    assert ground_sight("a", "JPN", np.ones(3), deaf, Target()) is None
    assert ground_sight("a", "JPN", np.ones(3), deaf, Target(reports=True)).range_m_max == deaf.range_m_max
    receiver = position_report.Observer(source="ais", range_m_max=80e3)
    assert ground_sight("a", "JPN", np.ones(3), receiver, Target()) is None
    heard = ground_sight("a", "JPN", np.ones(3), receiver, Target(reports=True))
    assert heard.range_m_max == 80e3
    assert heard.height_m[1] < 1_000.0
    assert space_sight(receiver, Target(), 10_000.0) is None


def hanging(name, position_ecef_m, heat_w_sr=0.0):
    """Something that stays where it is in Earth-fixed axes."""
    state = np.zeros((2, 6))
    state[:, :3] = position_ecef_m
    return Flight(
        name=name,
        time_ns=START_NS + np.array([0, 3_600]) * NS,
        state_ecef=state,
        kind=np.ones(2, np.uint8),
        identity=Identity.absent(1),
        cross_section_m2=1.0,
        heat_w_sr=np.full(2, heat_w_sr),
    )


def world(flights, cloud_top_m=10_000.0):
    end_ns = START_NS + 3_600 * NS
    weather = Weather(cloud_top_m=cloud_top_m)
    return World(seed=1, replicate=0, start_ns=START_NS, end_ns=end_ns, flights=tuple(flights), weather=weather)


def test_a_radar_in_the_world_sees_what_its_cover_says():
    """Half of all looks at the edge in range, nearly all well within, none beyond the horizon or the elevation."""
    radar = search_radar.Observer(merges=False, false_plots_per_scan=0.0, scan_time_s=10.0, elevation_deg_max=30.0)
    at = ecef_from_geodetic(*PLACE)
    sight = ground_sight("radar", "JPN", at, radar, Target())
    bearings = 0.3 + np.arange(5) * 2 * math.pi / 5
    flights, sure, half, never = [], [], [], []
    for height_m, ground_m, group in (
        (10_000.0, 120e3, sure),
        (10_000.0, sight.range_m_max * 0.9995, half),
        (1_000.0, 215e3, never),
        (20_000.0, 15e3, never),
    ):
        for bearing in bearings:
            step = ground_m / 6.371e6
            lat = math.asin(
                math.sin(PLACE[0]) * math.cos(step) + math.cos(PLACE[0]) * math.sin(step) * math.cos(bearing)
            )
            lon = PLACE[1] + math.atan2(
                math.sin(bearing) * math.sin(step) * math.cos(PLACE[0]),
                math.cos(step) - math.sin(PLACE[0]) * math.sin(lat),
            )
            flights.append(hanging(f"{len(flights)}", ecef_from_geodetic(lat, lon, height_m)))
            group.append((flights[-1].name, flights[-1].state_ecef[0, :3], height_m))
    watch = radar.watch(world(flights), SITE, Radar.at(SITE), None)
    owner = watch.observe(START_NS, START_NS + 1_500 * NS).owner
    looks = 150
    for group, low, high in ((sure, 0.93, 1.0), (half, 0.45, 0.55), (never, 0.0, 0.0)):
        rates = [np.sum(owner == name) / looks for name, _, _ in group]
        seen = [seen_from_ground(sight, position[None], height)[0] for _, position, height in group]
        assert low <= np.mean(rates) <= high
        if group is not half:
            assert all(seen) is (group is sure)


@pytest.mark.parametrize("height_m", [15_000.0, 60_000.0, 250_000.0, 700_000.0])
def test_a_satellite_in_the_world_sees_what_its_cover_says(height_m):
    satellite = np.array([7_378_137.0, 0.0, 0.0])
    eye = infrared.Observer(false_lines_per_look=0.0, off_nadir_deg_min=10.0, off_nadir_deg_max=68.0)
    points = equal_area_points(4_000)
    points = points[np.abs(points[:, 0]) + np.abs(points[:, 1]) < 1.3]
    target = ecef_from_geodetic(*points.T, height_m)
    heat = 60_000.0
    flights = [hanging(f"{i}", position, heat) for i, position in enumerate(target)]
    carrier = hanging("eye", satellite)
    site = SensorSite(sensor="eye", type="infrared")
    watch = eye.watch(world([*flights, carrier]), site, Infrared.at(site), carrier)
    owner = watch.observe(START_NS, START_NS + 100 * NS).owner
    rate = np.array([np.sum(owner == flight.name) for flight in flights]) / 20
    sight = space_sight(eye, Target(heat_w_sr=heat), 10_000.0)
    seen = np.array([seen_from_space(satellite[None, None], sight, position[None])[0, 0] for position in target])
    sure = np.abs(rate - 0.5) > 0.35
    assert np.mean(sure) > 0.7
    assert np.mean((rate > 0.5)[sure] == seen[sure]) > 0.995
    assert 0 < seen.sum() < len(seen)
