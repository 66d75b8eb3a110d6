"""Real traffic moved over the globe, held to the geodesics of PROJ."""

import numpy as np
import pytest
from pyproj import Geod

from noroshi.estimation.interpolation import hermite
from noroshi.exercise.traffic import flights_of, moved
from noroshi.geo.wgs84 import ecef_from_geodetic, enu_axes, geodetic_from_ecef
from noroshi.records import Identity, Kind, Truth

NS = 10**9
GEOD = Geod(ellps="WGS84")
SWISS, TOKYO = np.radians([47.0, 8.0]), np.radians([36.0, 140.0])


def along(lat_deg, lon_deg, azimuth_deg, seconds, speed=230.0, height=10_000.0, climb=5.0):
    """Return states of a flight along PROJ's geodesic at the height's own scale."""
    lon, lat, back = GEOD.fwd(
        np.full(len(seconds), lon_deg),
        np.full(len(seconds), lat_deg),
        np.full(len(seconds), azimuth_deg),
        speed * seconds,
    )
    course = np.radians(np.asarray(back) + 180.0)
    lat, lon = np.radians(lat), np.radians(lon)
    grow = 1.0 + (height + climb * seconds) / 6.378e6
    enu = np.stack([speed * grow * np.sin(course), speed * grow * np.cos(course), np.full(len(seconds), climb)], axis=1)
    return np.concatenate(
        [ecef_from_geodetic(lat, lon, height + climb * seconds), np.vecmat(enu, enu_axes(lat, lon))], axis=1
    )


def truth_of(states, time_s, name="A"):
    n = len(states)
    return Truth(
        target=np.full(n, name),
        time_ns=(np.asarray(time_s) * NS).astype(np.int64),
        kind=np.full(n, Kind.AIRCRAFT, np.uint8),
        state_ecef=states,
        identity=Identity.absent(n).replace(icao_address=np.where(np.arange(n) == 2, 7, -1)),
    )


def move(truth, **more):
    return flights_of(
        truth, from_lat_rad=SWISS[0], from_lon_rad=SWISS[1], to_lat_rad=TOKYO[0], to_lon_rad=TOKYO[1], **more
    )


def test_the_centre_comes_to_lie_on_the_centre_and_courses_turn():
    seconds = np.arange(0.0, 600.0, 5.0)
    states = along(47.0, 8.0, 30.0, seconds)
    (flight,) = move(truth_of(states, seconds), turn_rad=np.radians(60.0), shift_ns=1_000 * NS)
    lat, lon, height = geodetic_from_ecef(flight.state_ecef[:, :3])
    assert np.degrees([lat[0], lon[0]]) == pytest.approx([36.0, 140.0], abs=1e-9)
    azimuth, _, distance = GEOD.inv(*np.degrees([lon[0], lat[0], lon[-1], lat[-1]]))
    assert azimuth == pytest.approx(90.0, abs=0.2)
    assert distance == pytest.approx(230.0 * seconds[-1], rel=0.01)
    np.testing.assert_allclose(height, 10_000.0 + 5.0 * seconds, atol=1e-3)
    assert flight.time_ns[0] == 1_000 * NS
    assert flight.identity.icao_address.tolist() == [7]
    assert (flight.heat_w_sr == 0.0).all()


def test_velocities_are_those_of_the_moved_places():
    seconds = np.arange(0.0, 60.0, 1.0)
    (flight,) = move(truth_of(along(46.0, 9.0, 200.0, seconds), seconds), turn_rad=1.0)
    odd = hermite(flight.time_ns[::2], flight.state_ecef[::2], flight.time_ns[1:-1:2])
    assert np.abs(odd - flight.state_ecef[1:-1:2])[:, :3].max() < 1e-3


def test_no_turn_changes_nothing_and_there_and_back_is_where_it_was():
    states = along(46.0, 9.0, 200.0, np.arange(0.0, 60.0, 1.0))
    np.testing.assert_allclose(moved(states, np.eye(3)), states, atol=1e-6)
    turn = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))[0]
    turn *= np.sign(np.linalg.det(turn))
    np.testing.assert_allclose(moved(moved(states, turn), turn.T), states, atol=1e-5)


def test_gaps_part_a_flight_unknown_velocities_are_filled_and_ends_are_cut():
    seconds = np.concatenate([np.arange(0.0, 100.0, 5.0), np.arange(300.0, 400.0, 5.0)])
    states = along(47.0, 8.0, 30.0, seconds)
    known = move(truth_of(states, seconds))
    assert [flight.name for flight in known] == ["A", "A part 2"]
    states[:, 3:] = np.nan
    filled = move(truth_of(states, seconds), start_ns=42 * NS, end_ns=350 * NS, prefix="real ")
    assert [flight.name for flight in filled] == ["real A", "real A part 2"]
    assert [int(filled[0].time_ns[0]), int(filled[1].time_ns[-1])] == [42 * NS, 350 * NS]
    for with_velocity, without in zip(known, filled, strict=True):
        at = without.time_ns[2:-2]
        assert np.abs(with_velocity.at(at) - without.at(at))[:, :3].max() < 1.0
    assert move(truth_of(states, seconds), start_ns=10**6 * NS) == []
