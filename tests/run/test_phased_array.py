"""A radar that looks at each target when it likes, several times a second, has one track of each."""

import numpy as np
import pytest

import noroshi
from noroshi.geo.wgs84 import ecef_from_geodetic, enu_axes
from noroshi.records import Detections, SensorSite, concatenate, digest, take
from noroshi.run.listen.desk import PLACED, Desk, Wish
from noroshi.sensors.search_radar import Sensor

NS = 10**9
START_NS = 1_700_000_000 * NS
SIGMA = np.array([30.0, np.radians(0.15), np.radians(0.15)])
N = 5


def site(**parameters):
    return SensorSite(
        sensor="array", type="search_radar", lat_rad=0.8, lon_rad=0.1, height_m=100.0, parameters=parameters
    )


def plots(seed):
    """Return a minute of five aircraft, each seen each 0.3 to 2 s."""
    rng = np.random.default_rng(seed)
    radar = Sensor.at(site())
    bearing = rng.uniform(0, 2 * np.pi, N)
    lat, lon = 0.8 + 0.01 * np.cos(bearing), 0.1 + 0.014 * np.sin(bearing)
    axes = enu_axes(lat, lon)
    heading = rng.uniform(0, 2 * np.pi, N)
    velocity = 220.0 * (np.sin(heading)[:, None] * axes[:, 0] + np.cos(heading)[:, None] * axes[:, 1])
    place = ecef_from_geodetic(lat, lon, np.full(N, 9e3))
    looks = sorted((t, i) for i in range(N) for t in np.cumsum(rng.choice([0.3, 1.0, 2.0], 200)) * 1.03 if t < 60)
    time_s, who = map(np.array, zip(*looks, strict=True))
    states = np.hstack([place[who] + velocity[who] * time_s[:, None], velocity[who]])
    values = radar.measure(states, np.broadcast_to(radar.origin_ecef_m, (len(who), 3)))[:, :3]
    return Detections.of(
        sensor="array",
        components=("range_m", "azimuth_rad", "elevation_rad"),
        time_ns=START_NS + np.round(time_s * NS).astype(np.int64),
        values=values + SIGMA * rng.normal(size=values.shape),
        sigmas=SIGMA,
    )


@pytest.mark.parametrize("seed", range(3))
def test_each_target_has_one_track_and_feeding_by_the_second_gives_the_same(seed):
    whole, array = plots(seed), site(scan_period_s=4.0)
    tracks = noroshi.track([whole], [array]).tracks
    assert np.unique(tracks.track_id).size == N
    tracking = noroshi.Tracking([array])
    seconds = np.split(np.arange(len(whole)), np.flatnonzero(np.diff(whole.time_ns // NS)) + 1)
    given = [rows for second in seconds if (rows := tracking.feed(take(whole, second))) is not None]
    assert digest(concatenate(given)) == digest(tracks)


def test_that_no_rotation_shows_is_told():
    done = noroshi.track([plots(4)], [site()])
    assert any("'array' turns at no steady rate" in note and "10 s is taken" in note for note in done.notes)
    assert np.unique(done.tracks.track_id).size == N


def test_what_is_listened_to_is_one_track_a_target_too():
    whole = plots(5)
    desk = Desk(Wish(known=(site(scan_period_s=4.0),)))
    for second in np.split(np.arange(len(whole)), np.flatnonzero(np.diff(whole.time_ns // NS)) + 1):
        some = take(whole, second)
        now_ns = int(some.time_ns.max())
        desk.receive([some.replace(received_ns=now_ns)], {}, now_ns)
    assert len(desk.pictures(now_ns)[PLACED]) == N
