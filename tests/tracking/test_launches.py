"""Launches are noticed from one satellite's lines, are not where nothing rises, and are handed over to tracks."""

import math

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from noroshi.exercise.flight import Flight
from noroshi.exercise.keyed import Draws
from noroshi.exercise.movers.ballistic import Mover
from noroshi.exercise.observers.infrared import Observer
from noroshi.exercise.world import World
from noroshi.geo.wgs84 import ecef_from_geodetic
from noroshi.motion.boost import Motion as Boost
from noroshi.motion.constant_velocity import Motion as ConstantVelocity
from noroshi.records import Identity, Kind, Quality, SensorSite, Tracks, TrackStatus, certain_kind, concatenate
from noroshi.sensors.infrared import Sensor
from noroshi.sensors.prepare import arrange
from noroshi.tracking import launches
from noroshi.tracking.launches import _evidence, _places, noticed, perigee_m, rising, together, watch
from noroshi.tracking.trackers.soft import Tracker

NS, START_NS = 10**9, 1_900_000_000 * 10**9
FLOWN = {"lat_deg": 40.0, "lon_deg": 130.0, "bearing_deg": 75.0, "range_km": 3_000.0, "apogee_km": 650.0}


def satellite(name, lat_deg, lon_deg):
    """A satellite that moves north at 6.5 km/s, 1,000 km high."""
    time_ns = START_NS + np.arange(0, 301, 5) * NS
    lat = math.radians(lat_deg) + 6_500.0 / 7_371_000.0 * np.arange(0, 301, 5)
    place = ecef_from_geodetic(lat, math.radians(lon_deg), 1_000_000.0)
    velocity = np.gradient(place, 5.0, axis=0)
    return Flight(name=name, time_ns=time_ns, state_ecef=np.hstack([place, velocity]),
                  kind=np.full(len(lat), Kind.SPACE, np.uint8), identity=Identity.absent(1), cross_section_m2=1.0,
                  heat_w_sr=np.zeros(len(lat)))  # fmt: skip


def seen_by(eyes, flights, seed, **how):
    """Return (batch, sensor, owner) of each look of some satellites, in the order of time."""
    world = World(seed=seed, replicate=0, start_ns=START_NS, end_ns=START_NS + 200 * NS, flights=(*flights, *eyes))
    found = []
    for eye in eyes:
        site = SensorSite(sensor=eye.name, type="infrared", lat_rad=0.0, lon_rad=0.0, height_m=0.0,
                          parameters={"line_sigma_rad": 60e-6})  # fmt: skip
        sensor = Sensor.at(site)
        sighting = Observer(**how).watch(world, site, sensor, eye).observe(START_NS, START_NS + 200 * NS)
        plots = arrange(sighting.detections, sensor)
        is_plot = plots.quality == Quality.GOOD
        for time_ns in np.unique(plots.time_ns[is_plot]):
            own = np.flatnonzero(is_plot & (plots.time_ns == time_ns))
            found.append((launches.take(plots, own), sensor, sighting.owner[own]))
    return sorted(found, key=lambda each: (int(each[0].time_ns[0]), each[0].sensor))


def tracker(*eyes):
    return Tracker(node="n", sensor_names=tuple(eye.name for eye in eyes), motions=[ConstantVelocity(), Boost()])


def missile(seed, **changed):
    return Mover(**FLOWN | changed).fly("m", START_NS, START_NS + 200 * NS, Draws(seed, 0, "m"))


@pytest.mark.parametrize("seed", range(1, 6))
def test_one_satellite_alone_notices_a_launch_within_six_looks(seed):
    eye, flown = satellite("a", 30.0, 135.0), missile(seed)
    made, first_ns, said = tracker(eye), None, []
    for plots, sensor, owner in seen_by([eye], flown, seed):
        first_ns = int(plots.time_ns[0]) if first_ns is None and (owner == "m").any() else first_ns
        made.step(plots, sensor)
        found = noticed(made, "n", int(plots.time_ns.min()))
        if len(found):
            said.append(found)
    said = concatenate(said)
    assert len(np.unique(said.launch_id)) == 1
    assert int(said.time_ns[0]) - first_ns <= 30 * NS
    assert said.probability.min() >= launches.PROBABILITY
    assert not said.track_id.any()
    way = flown[0].at(said.time_ns)[:, :3] - said.origin_ecef_m
    way /= np.linalg.norm(way, axis=1)[:, None]
    assert np.degrees(np.arccos(np.clip(np.vecdot(way, said.direction_ecef), -1.0, 1.0))).max() < 0.02


def test_a_track_that_begins_later_takes_the_notice_over_and_late_data_takes_it_back():
    eyes, flown = [satellite("a", 30.0, 135.0), satellite("b", 30.0, 115.0)], missile(5)
    made, taken = tracker(*eyes), []
    lines = seen_by(eyes, flown, 5, false_lines_per_look=0.0)
    alone = [each for each in lines if each[0].sensor == "a" or each[0].time_ns[0] > START_NS + 70 * NS]
    for plots, sensor, _ in alone:
        before, state = noticed(made, "n", 0), made.state()
        made.step(plots, sensor)
        found = noticed(made, "n", 0)
        if found.track_id.any():
            taken.append(found)
            made.take_back(made.last_change())
            assert launches.concatenate([noticed(made, "n", 0)]).track_id.tolist() == before.track_id.tolist()
            made.restore(state)
            made.step(plots, sensor)
    assert len(taken)
    assert taken[0].track_id[0] in made.alive()
    assert len(np.unique(taken[-1].launch_id)) == 1  # the second satellite's lines joined the first one's notice


def test_false_lines_alone_are_no_launch():
    eye, said = satellite("a", 30.0, 135.0), 0
    made = tracker(eye)
    for seed in range(10):
        for plots, sensor, _ in seen_by([eye], [], seed, false_lines_per_look=3.0):
            watch(made.store, plots, sensor, np.zeros(len(plots)), 0) if "period_ns" in made.store.tally else None
            made.store.tally["period_ns"] = np.array([5 * NS])
            said += len(noticed(made, "n", 0))
        made = tracker(eye)
    assert said == 0


def test_evidence_is_what_draws_of_the_account_give():
    eye, flown = satellite("a", 30.0, 135.0), missile(7)
    lines = [each for each in seen_by([eye], flown, 7, false_lines_per_look=0.0) if (each[2] == "m").any()][:2]
    made = tracker(eye)
    for plots, sensor, _ in lines:
        made.step(plots, sensor)
    kept = launches._kept(made.store)
    line, t = kept.line[None, :2], float(np.diff(kept.line_ns[:2])[0]) / NS
    place, slant, is_there = _places(line[:, 0], launches.SLOW[:, 0])
    rng, n = np.random.default_rng(1), 400_000
    density = 0.0
    across = np.linalg.pinv(line[0, 0, launches.ROWS : launches.COST].reshape(2, 3))
    for k, typical in enumerate(launches.SLOW):
        _, share, cell, climb, climb_sigma, level_sigma, lift, lift_sigma, push_sigma, jerk_sigma = typical
        assert is_there[0, k]
        up = place[0, k] / np.linalg.norm(place[0, k])
        u = line[0, 0, launches.DIRECTION : launches.ROWS]
        level = np.linalg.svd(up[None])[2][1:]

        def draw(mean, sigma, side, up=up, level=level):
            return (mean + sigma * rng.normal(size=(n, 1))) * up + side * rng.normal(size=(n, 2)) @ level

        at = place[0, k] + cell / max(abs(u @ up), 0.1) * rng.normal(size=(n, 1)) * u
        at = at + slant[0, k] * rng.normal(size=(n, 2)) @ across.T
        at = at + t * draw(climb, climb_sigma, level_sigma) + t**2 / 2.0 * draw(lift, lift_sigma, push_sigma)
        at = at + t**3 / 6.0 * jerk_sigma * rng.normal(size=(n, 3))
        way = at - line[0, 1, :3]
        way /= np.linalg.norm(way, axis=1)[:, None]
        off = way @ line[0, 1, launches.ROWS : launches.COST].reshape(2, 3).T
        cloud = multivariate_normal(off.mean(axis=0), np.cov(off.T) + np.eye(2))
        density += share * cloud.pdf([0.0, 0.0]) * 2.0 * math.pi
    found = _evidence(line, kept.line_ns[None, :2])[0, 1] + line[0, 1, launches.COST]
    assert found == pytest.approx(math.log(density), abs=0.02)


def tracks(height_m, velocity_enu):
    """One firm track on the equator at 0 E, where east, north and up are y, z and x."""
    east, north, up = velocity_enu
    state = np.array([[6_378_137.0 + height_m, 0.0, 0.0, up, east, north]])
    covariance = np.diag([1e4] * 3 + [400.0] * 3)[None]
    return Tracks(node="n", source_names=("r",), track_id=np.array([7], np.uint64), time_ns=np.array([START_NS]),
                  updated_ns=np.array([START_NS]), revision=np.zeros(1, np.int32), state_ecef=state,
                  covariance_ecef=covariance, existence=np.ones(1), kind_probability=certain_kind(Kind.UNKNOWN, 1),
                  status=np.array([TrackStatus.FIRM], np.uint8), sources=np.ones((1, 1), np.bool_),
                  identity=Identity.absent(1))  # fmt: skip


@pytest.mark.parametrize(
    ("height_m", "velocity_enu", "rises"),
    [
        (30e3, (500.0, 0.0, 700.0), True),
        (150e3, (2_500.0, 0.0, 2_000.0), True),
        (10e3, (250.0, 0.0, 15.0), False),
        (15e3, (400.0, 0.0, 200.0), False),  # a fighter's climb
        (30e3, (500.0, 0.0, -700.0), False),
        (500e3, (7_500.0, 0.0, 300.0), False),  # in orbit
        (4_500e3, (5_000.0, 0.0, 17_000.0), False),  # and nothing leaves the Earth
    ],
)
def test_what_climbs_like_a_rocket_is_told(height_m, velocity_enu, rises):
    found = rising(tracks(height_m, velocity_enu))
    assert len(found) == rises
    if rises:
        np.testing.assert_allclose(found.direction_ecef, [[1.0, 0.0, 0.0]], atol=1e-9)
        assert found.launch_id == found.track_id == [7]
        named = found.replace(launch_id=np.array([3], np.uint64))
        assert together("n", named, found).launch_id.tolist() == [3]


def test_a_circle_is_lowest_everywhere():
    radius_m = 7_000_000.0
    speed = math.sqrt(3.986004418e14 / radius_m) - 7.292115e-5 * radius_m
    np.testing.assert_allclose(perigee_m(np.array([[radius_m, 0, 0, 0, speed, 0]])), radius_m, rtol=1e-7)
