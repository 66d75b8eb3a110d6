"""The truth's integrator and forces, held to scipy, the standard's tables, GCRF by ERFA, and our own filters'."""

import math

import numpy as np
import pytest
from pyproj import Geod
from scipy.integrate import solve_ivp

from noroshi.exercise.dynamics import forces
from noroshi.exercise.dynamics.boost import AIR_BEGINS_M, Boost, Site, arc, ellipse, falling, fitted, rise, standing
from noroshi.exercise.dynamics.dormand_prince import Stop, march
from noroshi.exercise.dynamics.forces import Physics
from noroshi.geo.atmosphere import density_kg_m3, sound_m_s
from noroshi.geo.great_circle import destination, distance_and_bearing
from noroshi.geo.inertial import ecef_from_gcrf, gcrf_from_ecef
from noroshi.geo.time import NS_PER_S, utc_ns_from_iso
from noroshi.geo.wgs84 import MEAN_RADIUS_M, ecef_from_geodetic, enu_axes, geodetic_from_ecef
from noroshi.motion import ballistic

MU, A_M, J2, SPIN = 3.986004418e14, 6378137.0, 1.0826261738522227e-3, 7.292115146706979e-5
SITE = Site(lat_rad=math.radians(39.2), lon_rad=math.radians(125.7))
M_V = ((0.0, 0.28), (0.6, 0.29), (0.8, 0.35), (1.0, 0.64), (1.2, 0.69), (1.6, 0.62), (2.0, 0.55), (3.0, 0.42),
       (4.0, 0.355), (5.0, 0.33))  # fmt: skip


def by_scipy(t, x, coefficient, *, thrust=None, lift=0.0, bank=lambda t: 0.0, ease=0.0):
    """Return the rate of change in inertial axes, written anew from the equations of `forces.forces`."""
    p, v = x[:3], x[3:]
    r = np.linalg.norm(p)
    z2 = 5.0 * p[2] ** 2 / r**2
    a = -MU / r**3 * p - 1.5 * MU * J2 * A_M**2 / r**5 * p * (np.array([1.0, 1.0, 3.0]) - z2)
    lat, lon, height = geodetic_from_ecef(p)
    n = enu_axes(lat, lon)[2]
    air = v - np.cross([0.0, 0.0, SPIN], p)
    speed = np.linalg.norm(air)
    left = 1.0
    if thrust is not None:
        level, burn, direction = thrust
        left = 1.0 - burn * t
        a = a + level / left * direction(t)
    ratio = 1.0
    if lift == 0.0:
        ratio = np.interp(speed / sound_m_s(float(height)), *np.array(M_V).T) / 0.33
    k = 0.5 * density_kg_m3(np.array([height]))[0] / (coefficient * left) * ratio
    a = a - k * speed * air
    if lift:
        right = np.cross(air, n)
        right /= np.linalg.norm(right)
        up = np.cross(right, air) / speed
        size = k * speed**2 * lift * min(max(1.0 - ease * n @ air, 0.0), 1.0)
        a = a + size * (math.cos(bank(t)) * up + math.sin(bank(t)) * right)
    return np.concatenate([v, a])


def reference(start_s, x, end_s, *args, **more):
    done = solve_ivp(
        by_scipy, (start_s, end_s), x, method="DOP853", rtol=1e-12, atol=1e-6, args=args, max_step=2.0
    ) if not more else solve_ivp(
        lambda t, y: by_scipy(t, y, *args, **more), (start_s, end_s), x, method="DOP853", rtol=1e-12, atol=1e-6,
        max_step=2.0,
    )  # fmt: skip
    return done.y[:, -1]


def test_fall_through_air_is_that_of_scipy():
    physics = Physics()
    fixed = np.concatenate([ecef_from_geodetic(0.7, 2.3, 90e3), enu_axes(0.7, 2.3).T @ [3_000.0, 1_000.0, -1_500.0]])
    start = physics.inertial_from_ecef(fixed, 0.0)
    got = march(0.0, start, np.array([60.0]), physics.row(coefficient_kg_m2=5_000.0)).states[-1]
    expected = reference(0.0, start, 60.0, 5_000.0)
    np.testing.assert_allclose(got[:3], expected[:3], atol=0.05)
    np.testing.assert_allclose(got[3:], expected[3:], atol=0.02)


def test_boost_is_that_of_scipy():
    physics = Physics()
    boost = Boost(level_m_s2=19.0, pitch_rad=0.7, azimuth_rad=1.2, burn_s=(100.0,), upright_s=10.0, leant_s=50.0)
    east, north, up = enu_axes(SITE.lat_rad, SITE.lon_rad)
    along = math.sin(1.2) * east + math.cos(1.2) * north

    def direction(t):
        pitch = np.interp(t, [10.0, 50.0], [math.pi / 2, 0.7])
        return math.sin(pitch) * up + math.cos(pitch) * along

    state = standing(SITE, physics)
    for begin, end in ((0.0, 10.0), (10.0, 50.0), (50.0, 100.0)):
        state = reference(begin, state, end, 20_000.0, thrust=(19.0, (1.0 - 1.0 / 8.0) / 100.0, direction))
    last = rise(SITE, boost, physics)[-1]
    assert last.time_s[-1] == 100.0
    np.testing.assert_allclose(last.states[-1, :3], state[:3], atol=0.05)
    np.testing.assert_allclose(last.states[-1, 3:], state[3:], atol=0.005)


def test_glide_with_a_bank_is_that_of_scipy():
    physics = Physics(mach=False)
    fixed = np.concatenate([ecef_from_geodetic(0.7, 2.3, 50e3), enu_axes(0.7, 2.3).T @ [4_800.0, 1_000.0, -50.0]])
    start = physics.inertial_from_ecef(fixed, 0.0)
    places, values = np.array([0.0, 20.0, 30.0, 200.0]), np.radians([0.0, 0.0, 50.0, 50.0])
    row = physics.row(coefficient_kg_m2=9_000.0, lift=2.6, ease_s_m=0.02)
    got = march(0.0, start, np.array([100.0]), row, bank_s=places, bank_rad=values).states[-1]
    expected = reference(
        0.0, start, 100.0, 9_000.0, lift=2.6, ease=0.02, bank=lambda t: float(np.interp(t, places, values))
    )
    np.testing.assert_allclose(got[:3], expected[:3], atol=0.05)
    np.testing.assert_allclose(got[3:], expected[3:], atol=0.005)
    _, _, up = enu_axes(0.7, 2.3)
    assert (got - march(0.0, start, np.array([100.0]), row).states[-1])[:3] @ np.cross(
        start[3:], up
    ) > 0.0  # to the right


def test_a_quarter_of_an_hour_outside_the_air_is_that_of_the_filter_and_of_gcrf():
    """Three ways: here in axes that do not turn, the filter in Earth-fixed ones, and two bodies' energy in GCRF."""
    physics = Physics()
    fixed = np.concatenate([ecef_from_geodetic(0.7, 2.3, 150e3), enu_axes(0.7, 2.3).T @ [4_000.0, 500.0, 3_000.0]])
    start_ns = utc_ns_from_iso("2024-06-06T12:34:56Z")
    marched = march(
        0.0, physics.inertial_from_ecef(fixed, 0.0), np.array([900.0]), physics.row(coefficient_kg_m2=5_000.0)
    )
    here = physics.ecef_from_inertial(marched.states, marched.time_s)[-1]
    filtered = ballistic.Motion().propagate(np.append(fixed, math.log(5_000.0))[None], np.array([900.0]))[0]
    np.testing.assert_allclose(here[:3], filtered[:3], atol=1.0)
    np.testing.assert_allclose(here[3:], filtered[3:6], atol=2e-3)
    in_gcrf = solve_ivp(
        lambda t, y: by_scipy(t, y, 1e12), (0.0, 900.0), gcrf_from_ecef(fixed, start_ns), method="DOP853",
        rtol=1e-12, atol=1e-6,
    ).y[:, -1]  # fmt: skip
    back = ecef_from_gcrf(in_gcrf, start_ns + 900 * NS_PER_S)
    tilt = 0.0026  # of GCRF's pole against the Earth's since 2000, which turns J2's by as much
    np.testing.assert_allclose(here[:3], back[:3], atol=J2 * tilt * 3.0 * 9.8 * 900.0**2 / 2.0)


def test_turning_axes_come_back():
    physics, states = Physics(), np.random.default_rng(1).normal(size=(5, 6)) * 1e6
    seconds = np.linspace(0.0, 5_000.0, 5)
    back = physics.inertial_from_ecef(physics.ecef_from_inertial(states, seconds), seconds)
    np.testing.assert_allclose(back, states, atol=1e-6)


def test_stops_come_where_they_are_due():
    bare = Physics(spin_rad_s=0.0, oblate=False, sphere_m=6.371e6, air=False)
    start, row, late = np.array([6.371e6, 0.0, 0.0, 500.0, 10.0, 0.0]), bare.row(coefficient_kg_m2=1.0), np.array([1e4])
    top = march(0.0, start, late, row, stop=Stop.TOP)
    assert top.states[-1, :3] @ top.states[-1, 3:] == pytest.approx(0.0, abs=1e-3)
    half = march(0.0, start, late, row, stop=Stop.BELOW, value=5e3)
    assert forces.height_of(half.states[-1], row) == pytest.approx(5e3, abs=1e-5)
    ground = march(0.0, start, np.arange(1.0, 1e3), row, stop=Stop.BELOW)
    assert ground.stopped
    assert ground.time_s[-1] == pytest.approx(2.0 * top.time_s[-1], abs=1e-6)
    assert len(ground.states) == len(ground.time_s)
    slow = march(0.0, start, late, row, stop=Stop.SLOW, value=300.0)
    assert np.linalg.norm(slow.states[-1, 3:]) == pytest.approx(300.0, abs=1e-6)


def test_numbers_without_sense_are_refused():
    row = Physics().row(coefficient_kg_m2=1.0)
    with pytest.raises(ValueError, match="absurd"):
        march(0.0, np.full(6, np.nan), np.array([10.0]), row)


def test_sound_is_that_of_the_standard():
    # U.S. Standard Atmosphere, 1976, NOAA-S/T 76-1562, table I: geometric height [m] and speed of sound [m/s].
    table = {0: 340.29, 5_000: 320.55, 10_000: 299.53, 20_000: 295.07, 30_000: 301.71, 40_000: 317.19, 50_000: 329.80,
             60_000: 315.07, 70_000: 297.06, 80_000: 282.54}  # fmt: skip
    for height_m, speed in table.items():
        assert sound_m_s(float(height_m)) == pytest.approx(speed, abs=0.006)


def test_great_circles_are_those_of_proj_on_a_sphere():
    geod, rng = Geod(a=MEAN_RADIUS_M, b=MEAN_RADIUS_M), np.random.default_rng(3)
    lat, to_lat = np.arcsin(rng.uniform(-1, 1, (2, 500)))
    lon, to_lon = rng.uniform(-np.pi, np.pi, (2, 500))
    azimuth, _, distance = geod.inv(*np.degrees([lon, lat, to_lon, to_lat]))
    got_m, got_rad = distance_and_bearing(lat, lon, to_lat, to_lon)
    np.testing.assert_allclose(got_m, distance, rtol=1e-9, atol=1e-4)
    np.testing.assert_allclose(np.degrees(got_rad), np.asarray(azimuth) % 360.0, atol=1e-7)
    there = destination(lat, lon, got_rad, got_m)
    np.testing.assert_allclose(there, [to_lat, to_lon], atol=1e-9)


# Source: warning research note, section 2.1: closed form, integration and Lambert agree on these.
@pytest.mark.parametrize(("range_km", "apogee_km", "speed", "climb_deg"), [(1_001, 7_687, 8_276.0, 85.89)])
def test_an_ellipse_through_range_and_apogee(range_km, apogee_km, speed, climb_deg):
    got_m_s, got_rad = ellipse(1e3 * range_km, 1e3 * apogee_km)
    assert got_m_s == pytest.approx(speed, abs=0.5)
    assert math.degrees(got_rad) == pytest.approx(climb_deg, abs=0.005)


@pytest.mark.parametrize(
    ("range_km", "apogee_km", "bearing_deg", "burn_s", "stages"),
    [(300, 75, 90, 60, 1), (330, 50, 200, 70, 1), (1_300, 300, 10, 90, 1), (3_700, 800, 72, 140, 1),
     (5_500, 1_000, 340, 170, 2), (10_000, 1_300, 300, 180, 3), (12_000, 1_250, 45, 240, 3), (950, 4_475, 76, 250, 2),
     (1_001, 7_687, 62, 190, 3), (4_000, 250, 130, 150, 2)],
)  # fmt: skip
def test_a_generic_boost_is_found(range_km, apogee_km, bearing_deg, burn_s, stages):
    plan = Boost(
        level_m_s2=math.nan, pitch_rad=math.nan, azimuth_rad=math.nan, burn_s=(burn_s / stages,) * stages,
        coast_s=2.0 * (stages > 1), growth=8.0 if stages == 1 else 4.0, leant_s=min(60.0, 0.6 * burn_s),
    )  # fmt: skip
    found = fitted(
        SITE, plan, Physics(), range_m=1e3 * range_km, apogee_m=1e3 * apogee_km,
        bearing_rad=math.radians(bearing_deg), coefficient_kg_m2=5_000.0,
    )  # fmt: skip
    got = arc(SITE, found, Physics(), 5_000.0)
    assert got.range_m == pytest.approx(1e3 * range_km, rel=2e-6)
    assert got.apogee_m == pytest.approx(1e3 * apogee_km, rel=2e-6)
    assert math.degrees(got.bearing_rad) == pytest.approx(bearing_deg, abs=1e-3)


def test_a_boost_too_weak_to_lift_off_says_so():
    plan = Boost(level_m_s2=math.nan, pitch_rad=math.nan, azimuth_rad=math.nan, burn_s=(400.0,))
    with pytest.raises(ValueError, match="shorter burn_time_s"):
        fitted(SITE, plan, Physics(), range_m=300e3, apogee_m=75e3, bearing_rad=1.0, coefficient_kg_m2=5_000.0)


def test_falling_ends_on_the_ground_wherever_it_begins():
    physics = Physics()
    row = physics.row(coefficient_kg_m2=1_000.0)
    for height_m, climb_m_s in ((20e3, 500.0), (20e3, -100.0), (AIR_BEGINS_M + 50e3, 1_000.0), (200e3, -500.0)):
        fixed = np.concatenate([ecef_from_geodetic(0.6, 2.3, height_m), enu_axes(0.6, 2.3).T @ [900.0, 0.0, climb_m_s]])
        leg = falling(0.0, physics.inertial_from_ecef(fixed, 0.0), row, until_s=2_000.0)
        assert (np.diff(leg.time_s) > 0.0).all()
        assert forces.height_of(leg.states[-1], row) == pytest.approx(0.0, abs=0.01)
    with pytest.raises(ValueError, match="shorter exercise"):
        falling(0.0, leg.states[0], row, until_s=1e7)
