"""What a track can be by its kinematics: records of flights, orbits by SGP4, envelopes by scipy, and whole trackers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyproj import Transformer
from scipy.stats import norm
from sgp4.api import Satrec, jday

from noroshi.geo.wgs84 import (
    GRAVITATIONAL_PARAMETER_M3_S2,
    ROTATION_RATE_RAD_S,
    SEMI_MAJOR_AXIS_M,
    ecef_from_geodetic,
    enu_axes,
)
from noroshi.records import Kind
from noroshi.records.identity import ABSENT
from noroshi.tracking.kinds import AIRCRAFT_CLIMB_M_S, AIRCRAFT_M, AIRCRAFT_M_S, STAYS_UP, kinds_said

LAT_RAD, LON_RAD = np.radians(36.0), np.radians(142.0)
NOBODY = np.array([ABSENT])
STEADY, FREE = Kind.AIRCRAFT, Kind.BALLISTIC  # what the models that are always there claim


def state(height_m, speed_m_s, climb_m_s=0.0):
    """A state over the Pacific that flies north-east."""
    level = np.sqrt(speed_m_s**2 - climb_m_s**2) / np.sqrt(2.0)
    velocity = np.array([level, level, climb_m_s]) @ enu_axes(LAT_RAD, LON_RAD)
    return np.concatenate([ecef_from_geodetic(LAT_RAD, LON_RAD, height_m), velocity])


def said(mean, *, sigma_m=100.0, sigma_m_s=5.0, motion=STEADY, icao=ABSENT, mmsi=ABSENT):
    covariance = np.diag([sigma_m**2] * 3 + [sigma_m_s**2] * 3)
    return kinds_said(np.array([icao]), np.array([mmsi]), mean[None], covariance[None], motion)[0]


@pytest.mark.parametrize(
    ("height_m", "speed_m_s", "climb_m_s"),
    [
        (11_000.0, 250.0, 5.0),  # an airliner
        (25_929.0, 980.4, 0.0),  # SR-71, 1976: the fastest, and the highest in level flight
        (37_650.0, 300.0, 0.0),  # MiG-25M, 1977: the highest, at the top of its zoom
        (10_500.0, 400.0, 285.0),  # F-15, 1975: the steepest
        (500.0, 0.0, 0.0),  # a helicopter that hovers
    ],
)
def test_record_flights_are_aircraft(height_m, speed_m_s, climb_m_s):
    kinds = said(state(height_m, speed_m_s, climb_m_s), sigma_m=50.0, sigma_m_s=3.0)
    assert kinds[Kind.AIRCRAFT] > 0.999


@pytest.mark.parametrize(
    ("height_m", "speed_m_s", "climb_m_s", "motion", "kind"),
    [
        (30_000.0, 2_700.0, 0.0, STEADY, Kind.GLIDING),  # the glider of the trilateral scenario
        (50_000.0, 6_000.0, -150.0, STEADY, Kind.GLIDING),  # HTV-2 as Wright and Tracy have it
        (60_000.0, 1_800.0, 1_200.0, STEADY, Kind.BOOSTING),
        (60_000.0, 1_800.0, 1_200.0, FREE, Kind.BALLISTIC),
        (100_000.0, 3_000.0, 0.0, STEADY, Kind.UNKNOWN),  # no air carries it there
        (10_000.0, 1_600.0, 0.0, STEADY, Kind.UNKNOWN),
        (150_000.0, 3_000.0, -200.0, Kind.GLIDING, Kind.GLIDING),  # a model of its own follows what a glider does
        (500.0, 60.0, 60.0, Kind.BOOSTING, Kind.BOOSTING),
    ],
)
def test_what_no_aircraft_does_is_said_to_be_what_can(height_m, speed_m_s, climb_m_s, motion, kind):
    kinds = said(state(height_m, speed_m_s, climb_m_s), motion=motion)
    assert kinds[kind] > 0.98
    assert kinds[Kind.AIRCRAFT] < 1e-6


def test_who_says_so_is_believed_where_it_can_be_and_else_unknown():
    assert said(state(11_000.0, 250.0), icao=0x840001)[Kind.AIRCRAFT] == 1.0
    assert said(state(0.0, 10.0), mmsi=431_000_001, sigma_m=50.0)[Kind.SHIP] > 0.999
    for forged in (said(state(30_000.0, 2_700.0), icao=0x840001), said(state(9_000.0, 220.0), mmsi=431_000_001)):
        assert forged[Kind.UNKNOWN] > 0.999  # and no missile


@pytest.mark.parametrize("speed_m_s", [0.0, 11.0, 25.0])
def test_what_is_silent_and_moves_as_ships_do_is_mostly_one(speed_m_s):
    kinds = said(state(0.0, speed_m_s), sigma_m=20.0, sigma_m_s=0.5)
    assert kinds[Kind.SHIP] == pytest.approx(0.9)
    assert kinds[Kind.AIRCRAFT] == pytest.approx(0.1)


@pytest.mark.parametrize(("height_m", "speed_m_s"), [(300.0, 11.0), (0.0, 60.0), (3_000.0, 25.0)])
def test_what_is_higher_or_faster_flies(height_m, speed_m_s):
    assert said(state(height_m, speed_m_s), sigma_m=20.0, sigma_m_s=3.0)[Kind.AIRCRAFT] > 0.999


def test_of_what_height_is_not_known_it_is_a_ship_as_far_as_it_may_be_on_the_sea():
    mean = state(0.0, 11.0)
    within = norm.cdf(200.0 / 1_000.0) - norm.cdf(-200.0 / 1_000.0)
    assert said(mean, sigma_m=1_000.0, sigma_m_s=0.5)[Kind.SHIP] == pytest.approx(0.9 * within, rel=1e-6)


def test_a_claim_counts_as_far_as_the_state_is_inside():
    """Against samples of the same normal distribution, with heights by PROJ."""
    mean = state(36_000.0, 900.0, 200.0)
    spread = np.diag([1_500.0**2] * 3 + [120.0**2] * 3)
    spread[0, 3] = spread[3, 0] = 0.3 * 1_500.0 * 120.0
    kinds = kinds_said(NOBODY, NOBODY, mean[None], spread[None], STEADY)[0]
    drawn = np.random.default_rng(1).multivariate_normal(mean, spread, 200_000)
    height_m = Transformer.from_crs("EPSG:4978", "EPSG:4979").transform(*drawn[:, :3].T)[2]
    climb_m_s = drawn[:, 3:] @ enu_axes(LAT_RAD, LON_RAD)[2]
    speed_m_s = np.linalg.norm(drawn[:, 3:], axis=1)
    inside = (height_m < AIRCRAFT_M) & (speed_m_s < AIRCRAFT_M_S) & (climb_m_s < AIRCRAFT_CLIMB_M_S)
    assert 0.3 < inside.mean() < 0.9
    assert kinds[Kind.AIRCRAFT] == pytest.approx(inside.mean(), abs=0.05)  # taken for independent


def test_satellites_stay_up_and_the_highest_of_missiles_comes_down():
    station = Satrec.twoline2rv(
        "1 25544U 98067A   08264.51782528 -.00002182  00000-0 -11606-4 0  2927",
        "2 25544  51.6416 247.4627 0006703 130.5360 325.0288 15.72125391563537",
    )
    julian, part = jday(2008, 9, 20, 12, 25, 40.1)
    error, place_km, velocity_km_s = station.sgp4(julian, part)
    assert error == 0
    # TEME taken for Earth-fixed at an instant: which meridian it is over plays no part.
    place, velocity = 1e3 * np.array(place_km), 1e3 * np.array(velocity_km_s)
    velocity -= np.cross([0.0, 0.0, ROTATION_RATE_RAD_S], place)
    assert said(np.concatenate([place, velocity]), motion=FREE)[Kind.SPACE] > 0.9999
    lofted = said(state(150_000.0, 8_200.0, 8_000.0), motion=FREE)  # some 6,000 km high, faster than an orbit
    assert lofted[Kind.BALLISTIC] > 0.9999
    low = np.concatenate([place, 0.985 * (velocity + np.cross([0.0, 0.0, ROTATION_RATE_RAD_S], place))])
    low[3:] -= np.cross([0.0, 0.0, ROTATION_RATE_RAD_S], place)
    doubted = said(low, motion=FREE, sigma_m_s=200.0)  # the same, 115 m/s slower: lowest at some 0 km
    assert doubted[Kind.SPACE] + doubted[Kind.BALLISTIC] == pytest.approx(1.0)
    odds = doubted[Kind.SPACE] / doubted[Kind.BALLISTIC]
    assert 0.05 < odds / STAYS_UP < 1.5  # by the state alone
    surely = said(low, motion=FREE, sigma_m=100.0, sigma_m_s=2.0)
    assert surely[Kind.BALLISTIC] > 0.99


def test_a_satellite_that_the_first_looks_made_too_slow_by_three_sigmas_is_no_missile():
    """As in quiet hours: one of some hundred that pass a radar; a threat begins at 0.6."""
    height_m = 586e3
    place = np.array([SEMI_MAJOR_AXIS_M + height_m, 0.0, 0.0])
    speed_m_s = np.sqrt(GRAVITATIONAL_PARAMETER_M3_S2 / place[0])
    velocity = 0.945 * speed_m_s * np.array([0.0, np.cos(0.9), np.sin(0.9)])
    velocity -= np.cross([0.0, 0.0, ROTATION_RATE_RAD_S], place)
    slow = said(np.concatenate([place, velocity]), motion=FREE, sigma_m=1_000.0, sigma_m_s=120.0)
    assert 0.1 < slow[Kind.BALLISTIC] < 0.6
    surely = said(np.concatenate([place, velocity]), motion=FREE, sigma_m=1_000.0, sigma_m_s=60.0)
    assert surely[Kind.BALLISTIC] > 0.99


def test_what_is_low_or_slow_is_no_satellite_however_vaguely_it_is_known():
    for height_m, speed_m_s, sigma_m_s in ((60_000.0, 5_000.0, 1_500.0), (300_000.0, 3_000.0, 800.0)):
        kinds = said(state(height_m, speed_m_s, 0.3 * speed_m_s), motion=FREE, sigma_m=1_000.0, sigma_m_s=sigma_m_s)
        assert kinds[Kind.BALLISTIC] > 0.98, (height_m, kinds)


@given(
    st.floats(-1_000.0, 2e6), st.floats(0.0, 12_000.0), st.floats(-1.0, 1.0), st.floats(1.0, 1e5), st.floats(0.1, 5e3),
    st.sampled_from(list(Kind)), st.booleans(),
)  # fmt: skip
def test_probabilities_add_up_wherever_it_is(height_m, speed_m_s, climbing, sigma_m, sigma_m_s, motion, says):
    kinds = said(
        state(height_m, speed_m_s, climbing * speed_m_s), sigma_m=sigma_m, sigma_m_s=sigma_m_s, motion=motion,
        icao=0x840001 if says else ABSENT,
    )  # fmt: skip
    assert kinds.sum() == pytest.approx(1.0, abs=1e-12)
    assert (kinds >= 0.0).all()


@pytest.mark.parametrize("motion", [Kind.BALLISTIC, Kind.BOOSTING, Kind.GLIDING])
def test_what_stays_up_is_space_whatever_model_follows_it(motion):
    """In free flight a model of boosts or glides follows a satellite as well as that of falls."""
    circular = said(state(412e3, 7_380.0), sigma_m=700.0, sigma_m_s=20.0, motion=motion)  # the Earth turns below it
    assert circular[Kind.SPACE] > 0.99
    falls = said(state(412e3, 5_000.0, 1_000.0), sigma_m=700.0, sigma_m_s=20.0, motion=motion)
    assert falls[motion] > 0.99


@pytest.mark.parametrize("motion", [Kind.BALLISTIC, Kind.BOOSTING, Kind.GLIDING])
def test_what_seems_to_leave_the_earth_is_nothing_known(motion):
    """Plots of an over-the-horizon radar that had nothing to do with each other made such tracks, called missiles."""
    kinds = said(state(4_500e3, 18_800.0, 17_100.0), sigma_m=500e3, sigma_m_s=2_500.0, motion=motion)
    assert kinds[Kind.UNKNOWN] > 0.98
    assert said(state(800e3, 9_900.0, 8_000.0), motion=motion)[motion] > 0.99  # the fastest that still comes down
