"""Ballistic and gliding flights: figures come out as asked, energy is kept, an orbit is one."""

import math
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from noroshi.exercise.dynamics.forces import Physics
from noroshi.exercise.keyed import Draws
from noroshi.exercise.movers import ballistic, boost_glide
from noroshi.geo.great_circle import distance_and_bearing
from noroshi.geo.time import NS_PER_S, utc_ns_from_iso
from noroshi.geo.wgs84 import J2, SEMI_MAJOR_AXIS_M, enu_axes, geodetic_from_ecef
from noroshi.records import Kind

START_NS = utc_ns_from_iso("2030-01-01T00:00:00Z")
HOUR_NS = 3_600 * NS_PER_S
DRAWS = Draws(1, 0, "b")
SITE = {"lat_deg": 40.0, "lon_deg": 130.0}
MU = 3.986004418e14


def seconds(flight):
    return (flight.time_ns - START_NS) / NS_PER_S


def kinds(flight):
    """Return the kinds in the order in which they come."""
    return [Kind(int(kind)) for kind in flight.kind[np.concatenate([[True], np.diff(flight.kind) != 0])]]


def heights(flight):
    return geodetic_from_ecef(flight.state_ecef[:, :3])[2]


def energy(flight):
    """Return kinetic and potential energy over mass, J2 in it, in axes that do not turn [m2/s2]."""
    states = Physics().inertial_from_ecef(flight.state_ecef, 0.0)
    r = np.linalg.norm(states[:, :3], axis=1)
    lat = states[:, 2] / r
    potential = -MU / r * (1.0 - J2 * (SEMI_MAJOR_AXIS_M / r) ** 2 * (1.5 * lat**2 - 0.5))
    return 0.5 * np.vecdot(states[:, 3:], states[:, 3:]) + potential


@pytest.mark.parametrize(("range_km", "apogee_km", "bearing_deg"), [(3_700.0, 800.0, 72.0), (400.0, 90.0, 200.0)])
def test_it_reaches_the_range_and_apogee_that_were_published(range_km, apogee_km, bearing_deg):
    mover = ballistic.Mover(**SITE, bearing_deg=bearing_deg, range_km=range_km, apogee_km=apogee_km, start_s=10.0)
    (flight,) = mover.fly("b", START_NS, START_NS + HOUR_NS, DRAWS)
    lat, lon, height = geodetic_from_ecef(flight.state_ecef[:, :3])
    distance, bearing = distance_and_bearing(math.radians(40.0), math.radians(130.0), lat[-1], lon[-1])
    assert flight.time_ns[0] == START_NS + 10 * NS_PER_S
    assert distance == pytest.approx(1e3 * range_km, rel=1e-5)
    assert height.max() == pytest.approx(1e3 * apogee_km, rel=1e-4)
    assert math.degrees(bearing) == pytest.approx(bearing_deg, abs=0.01)
    assert height[[0, -1]] == pytest.approx([0.0, 0.0], abs=0.1)
    assert np.linalg.norm(flight.state_ecef[0, 3:]) == pytest.approx(0.0, abs=1e-6)
    assert kinds(flight) == [Kind.BOOSTING, Kind.BALLISTIC]
    assert (flight.heat_w_sr[flight.kind == Kind.BOOSTING] >= 1e5).all()
    assert (flight.heat_w_sr[flight.kind == Kind.BALLISTIC] == 0.0).all()


def test_the_bearing_of_the_launch_is_the_course_at_first_and_the_earth_turns_the_impact_to_the_right():
    asked = {**SITE, "bearing_deg": 72.0, "range_km": 3_700.0, "apogee_km": 800.0, "bearing_of": "launch"}
    (flight,) = ballistic.Mover(**asked).fly("b", START_NS, START_NS + HOUR_NS, DRAWS)
    lat, lon, _ = geodetic_from_ecef(flight.at(START_NS + np.array([60, 3_600]) * NS_PER_S)[:, :3])
    lat[1:], lon[1:] = (angle[-1] for angle in geodetic_from_ecef(flight.state_ecef[:, :3])[:2])
    distance, bearing = distance_and_bearing(math.radians(40.0), math.radians(130.0), lat, lon)
    assert math.degrees(bearing[0]) == pytest.approx(72.0, abs=0.5)
    assert 74.0 < math.degrees(bearing[1]) < 76.0
    assert distance[1] == pytest.approx(3_700e3, rel=1e-5)
    assert heights(flight).max() == pytest.approx(800e3, rel=1e-4)
    lofted = ballistic.Mover(**{**asked, "range_km": 1_000.0, "apogee_km": 6_000.0, "stages": 2, "burn_time_s": 260.0})
    with pytest.raises(ValueError, match="come down behind the launch: say bearing_of = 'impact'"):
        lofted.boost(DRAWS)


def test_outside_the_air_its_energy_stays():
    mover = ballistic.Mover(**SITE, bearing_deg=72.0, range_km=5_000.0, apogee_km=1_100.0)
    (flight,) = mover.fly("b", START_NS, START_NS + HOUR_NS, DRAWS)
    out = (heights(flight) > 300e3) & (flight.kind == Kind.BALLISTIC)
    assert np.ptp(energy(flight)[out]) < 2.0  # of 4e7: what the thin air takes


def test_it_has_the_speed_and_climb_at_burn_out_that_were_said():
    mover = ballistic.Mover(
        **SITE, bearing_deg=100.0, burn_out_speed_m_s=3_000.0, burn_out_climb_deg=35.0, burn_time_s=80.0
    )
    (flight,) = mover.fly("b", START_NS, START_NS + HOUR_NS, DRAWS)
    at = int(np.flatnonzero(flight.kind == Kind.BALLISTIC)[0])
    assert seconds(flight)[at] == 80.0
    lat, lon, _ = geodetic_from_ecef(flight.state_ecef[at, :3])
    east, north, up = enu_axes(lat, lon) @ flight.state_ecef[at, 3:]
    assert math.hypot(east, north, up) == pytest.approx(3_000.0, rel=1e-5)
    assert math.degrees(math.atan2(up, math.hypot(east, north))) == pytest.approx(35.0, abs=1e-3)
    assert math.degrees(math.atan2(east, north)) == pytest.approx(100.0, abs=1e-3)


def test_what_nobody_published_is_drawn_and_the_same_draw_is_the_same_flight():
    mover = ballistic.Mover(**SITE, bearing_deg=72.0, range_km=3_700.0, apogee_km=800.0)
    burns = [mover.boost(Draws(1, replicate, "b")).end_s for replicate in range(12)]
    assert len(set(burns)) == 12
    assert 100.0 < min(burns) < max(burns) < 180.0
    assert mover.boost(Draws(1, 3, "b")) == mover.boost(Draws(1, 3, "b"))
    fixed = mover.model_copy(update={"burn_time_s": 150.0, "growth": 8.0, "boost_coefficient_kg_m2": 2e4})
    assert fixed.boost(Draws(1, 0, "b")).end_s == 150.0


def test_stages_fall_on_their_own():
    mover = ballistic.Mover(
        **SITE, bearing_deg=90.0, range_km=8_000.0, apogee_km=1_200.0, stages=3, separates=True, stage_coast_s=4.0,
        burn_time_s=180.0,
    )  # fmt: skip
    flights = mover.fly("b", START_NS, START_NS + HOUR_NS, DRAWS)
    assert [flight.name for flight in flights] == ["b", "b stage 1", "b stage 2"]
    assert kinds(flights[0]) == [Kind.BOOSTING, Kind.BALLISTIC] * 3
    assert [seconds(flight)[0] for flight in flights[1:]] == [60.0, 124.0]
    for flight in flights[1:]:
        np.testing.assert_allclose(flight.state_ecef[0], flights[0].at(flight.time_ns[:1])[0], atol=1e-6)
        assert heights(flight)[-1] == pytest.approx(0.0, abs=0.1)
        assert (flight.heat_w_sr == 0.0).all()
    ends = [distance_and_bearing(0.698, 2.269, *geodetic_from_ecef(f.state_ecef[-1, :3])[:2])[0] for f in flights]
    assert ends[1] < ends[2] < ends[0]


def test_a_failure_cuts_the_thrust_and_throws_debris():
    mover = ballistic.Mover(
        **SITE, bearing_deg=90.0, range_km=3_000.0, apogee_km=600.0, burn_time_s=120.0, failure_at_s=75.5, debris=6
    )
    flights = mover.fly("b", START_NS, START_NS + HOUR_NS, DRAWS)
    assert [flight.name for flight in flights] == ["b", *(f"b debris {n}" for n in range(1, 7))]
    assert seconds(flights[0])[flights[0].kind == Kind.BALLISTIC][0] == 75.5
    assert all(seconds(flight)[0] == 75.5 for flight in flights[1:])
    thrown = [flight.state_ecef[0, 3:] - flights[0].at(flight.time_ns[:1])[0, 3:] for flight in flights[1:]]
    assert 5.0 < np.std(thrown) < 40.0
    flown = mover.model_copy(update={"figures": "flown"})
    (body, *_) = flown.fly("b", START_NS, START_NS + HOUR_NS, DRAWS)
    assert heights(body).max() == pytest.approx(600e3, rel=1e-4)
    assert heights(flights[0]).max() < 300e3


def test_its_last_part_stays_in_orbit():
    mover = ballistic.Mover(
        **SITE, bearing_deg=170.0, range_km=2_800.0, apogee_km=500.0, stages=2, orbit=True, burn_time_s=260.0
    )
    flights = mover.fly("b", START_NS, START_NS + 2 * HOUR_NS, DRAWS)
    assert [flight.name for flight in flights] == ["b", "b stage 1", "b stage 2"]
    assert kinds(flights[0]) == [Kind.BOOSTING, Kind.BALLISTIC, Kind.BOOSTING, Kind.SPACE]
    free = flights[0].kind == Kind.SPACE
    states = Physics().inertial_from_ecef(flights[0].state_ecef[free], seconds(flights[0])[free])
    r, v2 = np.linalg.norm(states[:, :3], axis=1), np.vecdot(states[:, 3:], states[:, 3:])
    axis = 1.0 / (2.0 / r - v2 / MU)  # vis viva: Bate, Mueller, White (1971), section 1.6
    assert axis == pytest.approx(6_371e3 + 500e3, rel=0.01)
    assert np.ptp(r) < 60e3
    lat, lon, _ = geodetic_from_ecef(flights[2].state_ecef[-1, :3])
    distance, bearing = distance_and_bearing(math.radians(40.0), math.radians(130.0), lat, lon)
    assert distance == pytest.approx(2_800e3, rel=1e-5)
    assert math.degrees(bearing) == pytest.approx(170.0, abs=0.01)


def test_flights_of_a_quarter_of_an_hour_take_less_than_a_tenth_of_a_second():
    threat = ballistic.Mover(**SITE, bearing_deg=72.0, range_km=3_700.0, apogee_km=800.0)
    glider = boost_glide.Mover(**SITE, bearing_deg=72.0)
    for mover in (threat, glider):
        mover.fly("b", START_NS, START_NS + HOUR_NS // 4, DRAWS)
        start = time.process_time()
        mover.fly("b", START_NS, START_NS + HOUR_NS // 4, DRAWS)
        assert time.process_time() - start < 0.1


@settings(max_examples=25)
@given(
    lat_deg=st.floats(-90.0, 90.0),
    bearing_deg=st.floats(0.0, 360.0),
    range_km=st.floats(30.0, 15_000.0),
    steepness=st.floats(0.03, 3.0),
    stages=st.integers(1, 4),
    failure_at_s=st.none() | st.floats(2.0, 200.0),
)
def test_anything_within_bounds_flies_or_says_why_in_one_line(
    lat_deg, bearing_deg, range_km, steepness, stages, failure_at_s
):
    mover = ballistic.Mover(
        lat_deg=lat_deg, lon_deg=179.9, bearing_deg=bearing_deg, range_km=range_km, stages=stages, separates=True,
        apogee_km=min(max(steepness * range_km, 10.0), 12_000.0), failure_at_s=failure_at_s,
    )  # fmt: skip
    try:
        flights = mover.fly("b", START_NS, START_NS + HOUR_NS // 4, DRAWS)
    except ValueError as error:
        said = str(error)
    else:
        said = "it flew"
        assert all(np.isfinite(flight.state_ecef).all() for flight in flights)
    assert "\n" not in said


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"range_km": 1_000.0}, "both of one pair"),
        ({"range_km": 1_000.0, "apogee_km": 250.0, "burn_out_speed_m_s": 3_000.0}, "both of one pair"),
        ({}, "both of one pair"),
        ({"range_km": 1_000.0, "apogee_km": 250.0, "orbit": True, "failure_at_s": 50.0}, "goes with no failure_at_s"),
        ({"range_km": 1_000.0, "apogee_km": 250.0, "leant_s": 5.0, "upright_s": 10.0}, "not after upright_s"),
        ({"range_km": 1_000.0, "apogee_km": 250.0, "burn_time_s": {"low": 90.0, "high": 80.0}}, "exchange them"),
    ],
)
def test_numbers_that_contradict_each_other_are_named(fields, words):
    with pytest.raises(ValidationError, match=words):
        ballistic.Mover(**SITE, bearing_deg=72.0, **fields)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"burn_time_s": 500.0}, "shorter burn_time_s"),
        ({"burn_time_s": -5.0}, "narrower distribution"),
        ({"failure_at_s": 0.5}, "say a later one"),
        ({"ballistic_coefficient_kg_m2": -1.0}, "narrower distribution above 0"),
    ],
)
def test_numbers_that_cannot_be_flown_are_named_in_one_line(fields, words):
    mover = ballistic.Mover(**SITE, bearing_deg=72.0, range_km=1_000.0, apogee_km=250.0, **fields)
    with pytest.raises(ValueError, match=words) as error:
        mover.fly("b", START_NS, START_NS + HOUR_NS, DRAWS)
    assert "\n" not in str(error.value)


def glide(**fields):
    mover = boost_glide.Mover(**SITE, bearing_deg=90.0, burn_out_speed_m_s=5_500.0, growth=8.0, **fields)
    (flight,) = mover.fly("g", START_NS, START_NS + HOUR_NS, DRAWS)
    return flight


def test_a_glider_boosts_falls_glides_and_falls():
    flight = glide(burn_time_s=140.0)
    assert kinds(flight) == [Kind.BOOSTING, Kind.BALLISTIC, Kind.GLIDING, Kind.BALLISTIC]
    first = int(np.flatnonzero(flight.kind == Kind.GLIDING)[0])
    assert abs(int(heights(flight).argmax()) - first) <= 3  # there it ceases to climb
    gliding = flight.kind == Kind.GLIDING
    assert (flight.heat_w_sr[gliding] == 1_000.0).all()
    speed = np.linalg.norm(flight.state_ecef[:, 3:], axis=1)
    last = int(np.flatnonzero(gliding)[-1]) + 1
    assert speed[last] == pytest.approx(1_500.0, abs=1e-3)
    assert heights(flight)[-1] == pytest.approx(0.0, abs=0.1)


def test_an_equilibrium_glide_is_calm_and_a_skip_is_not():
    def climbs(flight):
        height = heights(flight)[flight.kind == Kind.GLIDING]
        return int(((np.diff(height[:-1]) <= 0.0) & (np.diff(height[1:]) > 0.0)).sum()), height

    calm, skips = climbs(glide(burn_time_s=140.0)), climbs(glide(burn_time_s=140.0, glide="skip"))
    assert skips[0] >= 3
    assert (
        np.abs(np.diff(calm[1], 2)[len(calm[1]) // 2 :]).max()
        < np.abs(np.diff(skips[1], 2)[len(skips[1]) // 2 :]).max() / 2.0
    )


def test_a_bank_turns_it_and_lift_carries_it_further():
    straight, right, left = (
        glide(burn_time_s=140.0, banks=[{"from_s": 400.0, "for_s": 200.0, "bank_deg": bank}] if bank else [])
        for bank in (0.0, 45.0, -45.0)
    )

    def end(flight):
        lat, lon, _ = geodetic_from_ecef(flight.state_ecef[-1, :3])
        return distance_and_bearing(math.radians(40.0), math.radians(130.0), lat, lon)

    assert end(right)[1] > end(straight)[1] + 0.05
    assert end(left)[1] < end(straight)[1] - 0.05
    assert end(right)[0] < end(straight)[0]
    assert (
        end(glide(burn_time_s=140.0, lift_over_drag=3.0))[0]
        > end(straight)[0]
        > end(glide(burn_time_s=140.0, lift_over_drag=1.5))[0]
    )


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"banks": [{"from_s": 10.0, "for_s": 5.0, "bank_deg": 60.0}]}, "longer for_s"),
        ({"banks": [{"from_s": at_s, "for_s": 50.0, "bank_deg": 6.0} for at_s in (10.0, 30.0)]},
         "one after another"),
        ({"slowest_m_s": 5_000.0, "burn_out_speed_m_s": 4_000.0}, "not below"),
    ],
)  # fmt: skip
def test_a_gliders_numbers_that_contradict_each_other_are_named(fields, words):
    with pytest.raises(ValidationError, match=words):
        boost_glide.Mover(**SITE, bearing_deg=90.0, **fields)


def test_a_steered_boost_wanders_off_its_plane_and_ends_as_was_asked():
    asked = {"bearing_deg": 80.0, "burn_out_speed_m_s": 4_000.0, "burn_out_climb_deg": 30.0}
    off_deg = []
    for number in range(40):
        draws = Draws(1, number, "b")
        plain, steered = (ballistic.Mover(**SITE, **asked, steering_deg=each).boost(draws) for each in (0.0, 2.0))
        assert plain.off_rad == ()
        assert steered.burn_s == plain.burn_s
        assert len(steered.off_rad) == math.ceil(plain.end_s / 5.0)
        off_deg.append(np.degrees(steered.off_rad))
    assert np.std(np.concatenate(off_deg), axis=0) == pytest.approx([2.0, 2.0], rel=0.2)
    courses_deg = []
    for each in (0.0, 2.0):
        (flight,) = ballistic.Mover(**SITE, **asked, steering_deg=each).fly("b", START_NS, START_NS + HOUR_NS, DRAWS)
        last = np.flatnonzero(flight.kind == Kind.BOOSTING)[-1] + 1
        lat, lon, _ = geodetic_from_ecef(flight.state_ecef[last - 60 : last + 1, :3])
        east, north, up = np.einsum("nij,nj->in", enu_axes(lat, lon), flight.state_ecef[last - 60 : last + 1, 3:])
        assert math.hypot(east[-1], north[-1], up[-1]) == pytest.approx(4_000.0, rel=1e-4)
        courses_deg.append(np.degrees(np.arctan2(east, north)))
    assert [course[-1] for course in courses_deg] == pytest.approx([80.0, 80.0], abs=0.01)
    assert np.abs(courses_deg[1] - courses_deg[0]).max() > 0.2
