"""Real flights moved over the globe."""

import math

import numpy as np
import pyproj
import pytest

from noroshi.exercise.traffic import Move, flights_of, moved
from noroshi.geo.time import NS_PER_S
from noroshi.geo.wgs84 import ecef_from_geodetic, enu_axes, geodetic_from_ecef
from noroshi.records import Identity, Kind, Truth

GEOD = pyproj.Geod(ellps="WGS84")


def state(lat_deg, lon_deg, height_m, east, north, up):
    lat, lon = np.radians([lat_deg]), np.radians([lon_deg])
    axes = enu_axes(lat, lon)[0]
    return np.concatenate([ecef_from_geodetic(lat, lon, np.array([height_m]))[0], axes.T @ [east, north, up]])


def move(lat_deg=36.0, lon_deg=142.0, turn_deg=0.0, later_s=0, start_s=-(10**6), end_s=10**6):
    return Move(
        lat_rad=math.radians(lat_deg),
        lon_rad=math.radians(lon_deg),
        turn_rad=math.radians(turn_deg),
        later_ns=later_s * NS_PER_S,
        start_ns=start_s * NS_PER_S,
        end_ns=end_s * NS_PER_S,
    )


def places(states):
    lat, lon, height = geodetic_from_ecef(states[:, :3])
    return np.degrees(lat), np.degrees(lon), height


def test_distances_bearings_and_heights_stay():
    states = np.array([state(47.0, 8.0, 11_000.0, 0, 0, 0), state(46.0, 7.0, 9_000.0, 0, 0, 0)])
    lat, lon, height = places(moved(states, move(turn_deg=90.0)))
    assert np.allclose(height, [11_000.0, 9_000.0], atol=1e-6)
    before = GEOD.inv(8.0, 47.0, 7.0, 46.0)
    after = GEOD.inv(lon[0], lat[0], lon[1], lat[1])
    assert after[2] == pytest.approx(before[2], rel=0.005)  # the ellipsoid is not a sphere
    assert (after[0] - before[0]) % 360.0 == pytest.approx(90.0, abs=1.5)  # meridians meet otherwise up there
    assert np.mean(lat) == pytest.approx(36.0, abs=0.05)
    assert np.mean(lon) == pytest.approx(142.0, abs=0.05)


def test_velocities_are_those_of_the_moved_path():
    start = state(47.0, 8.0, 11_000.0, 150.0, 180.0, 5.0)
    later = start.copy()
    later[:3] += 1.0 * start[3:]
    both = moved(np.array([start, later]), move(turn_deg=30.0))
    assert np.allclose(both[1, :3] - both[0, :3], both[0, 3:], atol=0.005)


def test_nothing_changes_where_nothing_moves():
    states = np.array([state(47.0, 8.0, 11_000.0, 150.0, 180.0, 5.0)])
    assert np.allclose(moved(states, move(47.0, 8.0)), states, rtol=0, atol=1e-6)


def test_an_unknown_velocity_stays_unknown():
    states = np.array([[*state(47.0, 8.0, 0.0, 0, 0, 0)[:3], np.nan, np.nan, np.nan]])
    assert np.isnan(moved(states, move())[:, 3:]).all()


def truth():
    states = [state(47.0, 8.0 + 0.01 * t, 10_000.0, 100.0, 0, 0) for t in range(6)]
    return Truth(
        target=np.array(["b", "b", "b", "a", "a", "c"]),
        time_ns=np.array([0, 10, 20, 5, 15, 5]) * NS_PER_S,
        kind=np.full(6, Kind.AIRCRAFT, np.uint8),
        state_ecef=np.array(states),
        identity=Identity.absent(6),
    )


def test_flights_come_with_addresses_in_their_time():
    a, b = flights_of(truth(), "north", move(later_s=100), number_max=9, first_address=5)
    assert (a.name, b.name) == ("north a", "north b")
    assert [int(each.identity.icao_address[0]) for each in (a, b)] == [0xF00005, 0xF00006]
    assert b.time_ns.tolist() == [100 * NS_PER_S, 110 * NS_PER_S, 120 * NS_PER_S]
    assert [each.name for each in flights_of(truth(), "n", move(), number_max=1)] == ["n b"]
    assert flights_of(truth(), "n", move(start_s=50), number_max=9) == []
    (only,) = flights_of(truth(), "n", move(end_s=10), number_max=9)
    assert only.time_ns.tolist() == [0, 10 * NS_PER_S]


def test_silences_part_legs_and_repeated_times_are_one():
    times = np.array([0, 10, 10, 200, 210])
    rows = truth()
    rows = rows.replace(target=np.array(["b"] * 6), time_ns=np.append(times, 220) * NS_PER_S)
    first, second = flights_of(rows, "n", move(), number_max=9)
    assert (first.name, first.time_ns.tolist()) == ("n b", [0, 10 * NS_PER_S])
    assert (second.name, len(second.time_ns)) == ("n b/2", 3)
