import math

import numpy as np
import pyproj
import pytest
from scipy.integrate import solve_ivp

from noroshi.exercise.dynamics.boost import Boost, Site, arc, fitted
from noroshi.exercise.dynamics.forces import Physics
from noroshi.geo import wgs84
from noroshi.geo.atmosphere import density_kg_m3
from noroshi.warning import ways
from noroshi.warning.falling import COEFFICIENT_KG_M2, SLOW_DRAG_MAX, UNREST_M2_S3, fall_from
from noroshi.warning.forecast import ellipse, ending, path_of

SPIN = np.array([0.0, 0.0, wgs84.ROTATION_RATE_RAD_S])
TO_GEODETIC = pyproj.Transformer.from_pipeline("+inv +proj=cart +ellps=WGS84")
GEOD = pyproj.Geod(ellps="WGS84")
START_NS = 1_893_456_000 * 10**9


def turned(v, seconds):
    angle = wgs84.ROTATION_RATE_RAD_S * seconds
    cos, sin = math.cos(angle), math.sin(angle)
    return np.array([cos * v[0] + sin * v[1], cos * v[1] - sin * v[0], v[2]])


def fallen(state, coefficient, slow_drag, *, zonal=(0.0, 0.0), oblate=True, turns=True):
    """Return place and time of the impact, integrated by scipy where the axes stand still."""
    j3, j4 = zonal
    a, mu = wgs84.SEMI_MAJOR_AXIS_M, wgs84.GRAVITATIONAL_PARAMETER_M3_S2
    spin = SPIN if turns else np.zeros(3)

    def potential_slope(p):  # Vallado (2013), equation 8-30: the zonal terms by their own derivatives
        r = np.linalg.norm(p)
        x, y, z = p
        u = z / r
        total = -mu * p / r**3
        j2 = wgs84.J2 if oblate else 0.0
        total = total - 1.5 * j2 * mu * a**2 / r**5 * np.array([x, y, 3.0 * z]) + 7.5 * j2 * mu * a**2 / r**5 * u**2 * p
        level = 2.5 * j3 * mu * a**3 / r**6 * (7.0 * u**3 - 3.0 * u)
        total = total + np.array([level * x, level * y, 0.0])
        total[2] += 0.5 * j3 * mu * a**3 / r**5 * (35.0 * u**4 - 30.0 * u**2 + 3.0)
        bulge = 15.0 / 8.0 * j4 * mu * a**4 / r**7
        total = total + bulge * (1.0 - 14.0 * u**2 + 21.0 * u**4) * np.array([x, y, 0.0])
        total[2] += bulge * (5.0 - 70.0 / 3.0 * u**2 + 21.0 * u**4) * z
        return total

    def height(t, y):
        return TO_GEODETIC.transform(*turned(y[:3], t if turns else 0.0))[2]

    def rate(t, y):
        flow = y[3:] - np.cross(spin, y[:3])
        speed = np.linalg.norm(flow)
        slow = np.clip((1_500.0 - speed) / 1_200.0, 0.0, 1.0)
        drag = 0.5 * density_kg_m3(np.array([height(t, y)]))[0] * (1.0 + slow_drag * slow) * speed / coefficient
        return np.concatenate([y[3:], potential_slope(y[:3]) - drag * flow])

    height.terminal, height.direction = True, -1.0
    first = np.concatenate([state[:3], state[3:] + np.cross(spin, state[:3])])
    end = solve_ivp(rate, (0.0, 8_000.0), first, method="DOP853", rtol=1e-10, atol=1e-4, events=height)
    return turned(end.y[:3, -1], end.t[-1] if turns else 0.0), end.t[-1]


def burnt_out(range_km=3_700.0, apogee_km=800.0):
    site = Site(lat_rad=math.radians(39.2), lon_rad=math.radians(125.7))
    plan = Boost(level_m_s2=math.nan, pitch_rad=math.nan, azimuth_rad=math.nan, burn_s=(141.0,))
    physics = Physics(air=False)
    boost = fitted(
        site, plan, physics, range_m=range_km * 1e3, apogee_m=apogee_km * 1e3, bearing_rad=1.25, coefficient_kg_m2=5e3
    )
    return arc(site, boost, physics, 5e3).burn_out


def reached(state):
    forecast = ways.fly(state[None], ways.bodies(1), START_NS)
    assert forecast.lands.all()
    return forecast.position_ecef_m[0, -1], (forecast.end_ns[0] - START_NS) * 1e-9


@pytest.mark.parametrize("coefficient", [800.0, 5_000.0, 1e9])
def test_it_comes_down_where_scipy_says_in_axes_that_stand_still(coefficient):
    state, rows = burnt_out(), ways.bodies(1)
    rows[:, ways.COEFFICIENT], rows[:, ways.SLOW_DRAG] = math.log(coefficient), 0.8
    forecast = ways.fly(state[None], rows, START_NS)
    place, after_s = fallen(state, coefficient, 0.8)
    assert np.linalg.norm(forecast.position_ecef_m[0, -1] - place) < 15.0
    assert (forecast.end_ns[0] - START_NS) * 1e-9 == pytest.approx(after_s, abs=0.1)


def test_what_is_left_out_is_as_large_as_stated():
    state = burnt_out()
    place, _ = reached(state)
    without_oblateness, _ = fallen(state, 1e12, 0.0, oblate=False)
    more, _ = fallen(state, 1e12, 0.0, zonal=(-2.5327e-6, -1.6196e-6))
    # Source: research note of this project, section 8.2, V10: 5.4 km of J2, by another program
    assert np.linalg.norm(place - without_oblateness) == pytest.approx(5.4e3, rel=0.1)
    assert np.linalg.norm(place - more) < 40.0


def test_how_far_a_metre_a_second_moves_the_impact():
    # Source: research note, section 8.2, V21: 1.84 km for each m/s of speed
    state = burnt_out()
    ahead = state[3:] / np.linalg.norm(state[3:])
    faster, _ = reached(state + np.concatenate([np.zeros(3), ahead]))
    assert np.linalg.norm(faster - reached(state)[0]) == pytest.approx(1.84e3, rel=0.02)


def test_the_covariance_on_the_ground_is_that_of_a_linear_map_where_errors_are_small():
    state = burnt_out()
    root = np.diag([60.0, 80.0, 100.0, 0.5, 0.8, 0.6]) @ np.random.default_rng(2).normal(size=(6, 6))
    covariance = root @ root.T
    end = ending(fall_from(state, covariance, START_NS, coefficient_kg_m2=(1e9, 1.001e9)))
    place, after_s = fallen(state, 1e9, 0.0)
    lon, lat, _ = TO_GEODETIC.transform(*place)
    assert GEOD.inv(math.degrees(end.lon_rad), math.degrees(end.lat_rad), lon, lat)[2] < 100.0
    axes = wgs84.enu_axes(math.radians(lat), math.radians(lon))[:2]
    steps = np.diag([100.0] * 3 + [0.5] * 3)
    slopes = np.stack(
        [(fallen(state + s, 1e9, 0.0)[0] - fallen(state - s, 1e9, 0.0)[0]) / (2 * s.sum()) for s in steps], axis=1
    )
    expected = axes @ slopes @ covariance @ slopes.T @ axes.T
    assert np.allclose(end.covariance_m2, expected, rtol=0.02, atol=0.01 * expected.max())
    assert (end.time_ns - START_NS) * 1e-9 == pytest.approx(after_s, abs=0.2)


@pytest.mark.parametrize("worse", [1.0, 30.0, 600.0])
def test_of_flights_drawn_from_what_is_believed_the_stated_shares_land_inside(worse):
    rng = np.random.default_rng(5)
    state, n = burnt_out(), 4_000
    root = np.diag([100.0] * 3 + [1.0] * 3) @ np.linalg.qr(rng.normal(size=(6, 6)))[0] * math.sqrt(worse)
    covariance = root @ root.T
    forecast = fall_from(state, covariance, START_NS)
    rows = ways.bodies(n)
    rows[:, ways.COEFFICIENT] = rng.uniform(*np.log(COEFFICIENT_KG_M2), n)
    rows[:, ways.SLOW_DRAG] = rng.uniform(0.0, SLOW_DRAG_MAX, n)
    truth = ways.fly(rng.multivariate_normal(state, covariance, n), rows, START_NS, step_s=600.0)
    lat, lon, _ = wgs84.geodetic_from_ecef(truth.position_ecef_m[:, -1])
    for share, within in ((0.5, 0.04), (0.95, 0.02)):
        assert ellipse(forecast, share).holds(lat, lon).mean() == pytest.approx(share, abs=within)


def test_what_nobody_measures_any_more_has_a_wider_ellipse():
    state, covariance = burnt_out(), np.diag([50.0**2] * 3 + [0.25] * 3)
    areas = [
        ellipse(fall_from(state, covariance, START_NS, unseen_s=each), 0.5).area_m2
        for each in (0.0, 30.0, 120.0, 600.0)
    ]
    assert np.all(np.diff(areas) > 0.0)
    assert areas[-1] > areas[0] * (0.25 + 600.0 * UNREST_M2_S3) / 0.25  # as the variance of the velocity has grown


def test_ways_that_never_come_down_are_told_for_half_an_hour_and_land_nowhere():
    radius = 7.4e6
    state = np.array([radius, 0.0, 0.0, 0.0, 0.0, math.sqrt(wgs84.GRAVITATIONAL_PARAMETER_M3_S2 / radius)])
    forecast = fall_from(state, np.diag([1e4] * 3 + [1.0] * 3), START_NS)
    assert not forecast.lands.any()
    assert np.all(forecast.end_ns - START_NS == 1_800 * 10**9)
    assert ending(forecast).probability == 0.0


def test_the_same_state_gives_the_same_bytes():
    state, covariance = burnt_out(), np.diag([50.0**2] * 3 + [0.25] * 3)
    first, second = (fall_from(state, covariance, START_NS) for _ in range(2))
    assert first.position_ecef_m.tobytes() == second.position_ecef_m.tobytes()
    assert first.end_ns.tobytes() == second.end_ns.tobytes()


def test_what_is_on_the_ground_lies_there():
    state = burnt_out()
    state[:3] *= 6.3e6 / np.linalg.norm(state[:3])
    forecast = fall_from(state, np.diag([100.0] * 3 + [1.0] * 3), START_NS)
    end = ending(forecast)
    assert np.all(forecast.end_ns == START_NS)
    assert end.probability == 1.0
    assert end.sigma_s == 0.0
    assert len(path_of(forecast)["time_ns"]) == 1
