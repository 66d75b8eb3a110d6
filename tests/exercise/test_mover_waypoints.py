"""Aircraft and ships: turns by the textbook's formula, ways by PROJ's geodesics, and how long sixty take."""

import math
import time

import numpy as np
import pytest
from pydantic import ValidationError
from pyproj import Geod

from noroshi.exercise.dynamics.waypoints import GRAVITY_M_S2, N_WAVES, Ground
from noroshi.exercise.keyed import Draws
from noroshi.exercise.movers import aircraft, ship
from noroshi.geo.time import NS_PER_S, utc_ns_from_iso
from noroshi.geo.wgs84 import enu_axes, geodetic_from_ecef
from noroshi.records import Kind

START_NS = utc_ns_from_iso("2030-01-01T00:00:00Z")
GEOD = Geod(ellps="WGS84")
DRAWS = Draws(1, 0, "a")


def way(*places, **common):
    return [{"lat_deg": lat, "lon_deg": lon, **common, **more} for lat, lon, more in ((*p, {})[:3] for p in places)]


def fly(mover, minutes=15.0, draws=DRAWS):
    (flight,) = mover.fly("a", START_NS, START_NS + int(minutes * 60 * NS_PER_S), draws)
    lat, lon, height = geodetic_from_ecef(flight.state_ecef[:, :3])
    enu = np.matvec(enu_axes(lat, lon), flight.state_ecef[:, 3:])
    return flight, np.degrees(lat), np.degrees(lon), height, enu


def felt_g(flight):
    """Return the load along the flight, from its second differences, gravity being straight down."""
    seconds = (flight.time_ns - flight.time_ns[0]) / NS_PER_S
    lat, lon, _ = geodetic_from_ecef(flight.state_ecef[:, :3])
    enu = enu_axes(lat, lon)
    acceleration = np.matvec(enu, np.gradient(flight.state_ecef[:, 3:], seconds, axis=0))
    acceleration[:, 2] += GRAVITY_M_S2
    return np.linalg.norm(acceleration, axis=1) / GRAVITY_M_S2


@pytest.mark.parametrize(("load_g", "roll_deg_s"), [(1.2, 10.0), (3.0, 60.0), (6.0, 180.0)])
def test_turns_are_coordinated_and_as_tight_as_the_load_allows(load_g, roll_deg_s):
    speed = 240.0
    mover = aircraft.Mover(
        waypoints=way((35.0, 138.0), (35.6, 138.0), (35.3, 138.9), height_m=5_000.0, speed_m_s=speed),
        load_g=load_g,
        roll_deg_s=roll_deg_s,
    )
    flight, _, _, height, enu = fly(mover)
    load = felt_g(flight)
    assert load[2:-2].max() == pytest.approx(load_g, rel=0.02)
    # Stevens, Lewis, Johnson (2015), section 3.6: rate = g sqrt(n^2 - 1) / V.
    course = np.unwrap(np.arctan2(enu[:, 0], enu[:, 1]))
    rate = np.abs(np.gradient(course, (flight.time_ns - START_NS) / NS_PER_S)).max()
    assert rate == pytest.approx(GRAVITY_M_S2 * math.sqrt(load_g**2 - 1.0) / speed, rel=0.02)
    np.testing.assert_allclose(np.hypot(enu[:, 0], enu[:, 1]), speed, rtol=1e-6)
    np.testing.assert_allclose(height, 5_000.0, atol=0.01)


def test_a_long_leg_is_the_geodesic():
    mover = aircraft.Mover(waypoints=way((35.0, 138.0), (41.0, 150.0), height_m=0.0, speed_m_s=600.0))
    _, lat, lon, _, _ = fly(mover, minutes=40.0)
    azimuth, _, total = GEOD.inv(138.0, 35.0, 150.0, 41.0)
    there, _, away = GEOD.inv(np.full(len(lat), 138.0), np.full(len(lat), 35.0), lon, lat)
    across = away * np.sin(np.radians(np.asarray(there) - azimuth))
    assert (
        np.abs(across[1:]).max() < 0.002 * total
    )  # a great circle of the sphere of latitudes, not the geodesic itself
    assert GEOD.inv(lon[-1], lat[-1], 150.0, 41.0)[2] < 100.0


def test_it_is_over_every_waypoint_it_flies_by_and_gone_after_the_last():
    places = [(35.0, 138.0), (35.3, 138.2), (35.1, 138.6), (35.5, 138.7), (35.5, 138.2)]
    mover = aircraft.Mover(waypoints=way(*places, speed_m_s=200.0), load_g=2.0, roll_deg_s=30.0)
    flight, lat, lon, _, _ = fly(mover, minutes=60.0)
    for at_lat, at_lon in places:
        distance = GEOD.inv(lon, lat, np.full(len(lon), at_lon), np.full(len(lat), at_lat))[2]
        assert np.min(distance) < 2_500.0
    assert flight.time_ns[-1] < START_NS + 15 * 60 * NS_PER_S
    patrol = mover.model_copy(update={"again": True})
    flight, lat, lon, _, _ = fly(patrol, minutes=60.0)
    assert flight.time_ns[-1] == START_NS + 3_600 * NS_PER_S
    late = GEOD.inv(lon[3_000:], lat[3_000:], np.full(len(lon) - 3_000, 138.0), np.full(len(lat) - 3_000, 35.0))[2]
    assert np.min(late) < 2_500.0


def test_it_climbs_and_speeds_up_within_its_limits():
    mover = aircraft.Mover(
        waypoints=[
            {"lat_deg": 35.0, "lon_deg": 138.0, "height_m": 1_000.0, "speed_m_s": 150.0},
            {"lat_deg": 35.5, "lon_deg": 138.0, "height_m": 6_000.0, "speed_m_s": 250.0},
            {"lat_deg": 36.5, "lon_deg": 138.0, "height_m": 6_000.0, "speed_m_s": 250.0},
        ],
        climb_m_s=20.0,
    )
    flight, lat, _, height, enu = fly(mover)
    seconds = (flight.time_ns - START_NS) / NS_PER_S
    assert np.abs(enu[:, 2]).max() <= 20.0 + 1e-6
    assert np.abs(np.gradient(np.hypot(enu[:, 0], enu[:, 1]), seconds)).max() <= 1.0 + 1e-3
    assert height[np.argmin(np.abs(lat - 35.5))] == pytest.approx(6_000.0, abs=100.0)
    assert np.hypot(enu[-1, 0], enu[-1, 1]) == pytest.approx(250.0, abs=1e-6)
    np.testing.assert_allclose(np.gradient(height, seconds)[1:-1], enu[1:-1, 2], atol=0.5)  # half a second's change
    assert height.max() < 6_000.0 + 20.0**2 / (2 * 0.2 * GRAVITY_M_S2)  # what levelling out takes


def test_it_follows_the_ground_drawn_from_its_seed():
    mover = aircraft.Mover(
        waypoints=way((35.0, 138.0), (36.5, 138.0), height_m=80.0, speed_m_s=240.0),
        ground={"sigma_m": 60.0, "length_m": 12_000.0},
        climb_m_s=80.0,
        climb_load_g=1.5,
    )
    flight, _, _, height, _ = fly(mover, minutes=10.0)
    land = Ground.rolling(DRAWS.uniforms("ground", first_look=0, n_looks=N_WAVES, per_look=4), 60.0, 12_000.0)
    on_it = (
        flight.state_ecef[:, :3] - height[:, None] * enu_axes(*geodetic_from_ecef(flight.state_ecef[:, :3])[:2])[:, 2]
    )
    above = height - land.height_m(on_it)
    assert height.std() > 20.0
    assert above[100:].min() > 20.0
    assert above[100:].max() < 140.0
    assert (fly(mover, draws=Draws(2, 0, "a"))[3][:500] != height[:500]).any()


def test_a_ground_is_as_rough_as_it_says():
    land = Ground.rolling(DRAWS.uniforms("x", first_look=0, n_looks=N_WAVES, per_look=4), 50.0, 5_000.0)
    rng = np.random.default_rng(2)
    heights = land.height_m(rng.normal(size=(20_000, 3)) * 1e6)
    assert heights.std() == pytest.approx(50.0, rel=0.1)
    assert heights.min() >= 0.0


def test_a_ship_turns_slowly_stays_on_the_sea_and_answers():
    mover = ship.Mover(
        waypoints=way((34.0, 139.0), (34.05, 139.0), (34.05, 139.1), speed_m_s=8.0),
        turn_deg_s=0.4,
        height_m=35.0,
        transponder={"mmsi": 431000001, "call_sign": "jabc"},
    )
    flight, _, _, height, enu = fly(mover, minutes=30.0)
    course = np.unwrap(np.arctan2(enu[:, 0], enu[:, 1]))
    rate = np.degrees(np.abs(np.gradient(course, (flight.time_ns - START_NS) / NS_PER_S)))
    assert rate.max() == pytest.approx(0.4, rel=0.03)
    assert math.degrees(course[-1]) == pytest.approx(90.0, abs=0.2)
    np.testing.assert_allclose(height, 35.0, atol=1e-6)
    assert (flight.kind == Kind.SHIP).all()
    assert flight.identity.mmsi.tolist() == [431000001]
    assert flight.identity.call_sign.tolist() == ["JABC"]
    assert flight.identity.icao_address.tolist() == [-1]


def test_it_may_be_under_way_at_the_start_or_come_later():
    places = way((35.0, 138.0), (38.0, 138.0), speed_m_s=200.0)
    for start_s, first_ns in ((-100.0, START_NS), (100.0, START_NS + 100 * NS_PER_S)):
        flight, *_ = fly(aircraft.Mover(waypoints=places, start_s=start_s))
        assert flight.time_ns[0] == first_ns
    assert aircraft.Mover(waypoints=places, start_s=1_000.0).fly("a", START_NS, START_NS + 900 * NS_PER_S, DRAWS) == []


def test_numbers_that_contradict_each_other_are_named():
    with pytest.raises(ValidationError, match="leave one out"):
        aircraft.Mover(waypoints=way((35.0, 138.0), (35.0, 138.0)))
    with pytest.raises(ValidationError, match="leave one out"):
        ship.Mover(waypoints=way((35.0, 138.0), (35.0, 138.0)))
    with pytest.raises(ValidationError, match="less than or equal to 6"):
        aircraft.Mover(waypoints=way((35.0, 138.0), (36.0, 138.0)), load_g=9.0)


def test_sixty_aircraft_take_less_than_half_a_second():
    movers = [
        aircraft.Mover(waypoints=way((35.0 + k / 60, 138.0), (36.0, 138.5 + k / 60), (35.2, 140.0), speed_m_s=230.0))
        for k in range(60)
    ]
    fly(movers[0])
    start = time.process_time()
    flights = [mover.fly(str(k), START_NS, START_NS + 900 * NS_PER_S, DRAWS) for k, mover in enumerate(movers)]
    assert time.process_time() - start < 0.5
    assert len(flights) == 60
