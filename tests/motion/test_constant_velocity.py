import mpmath as mp
import numpy as np
import pyproj
import pytest
from scipy.integrate import solve_ivp

from noroshi.geo.wgs84 import ecef_from_geodetic, enu_axes, geodetic_from_ecef
from noroshi.motion.constant_velocity import Motion

GEOD = pyproj.Geod(ellps="WGS84")
PROJ = pyproj.Transformer.from_pipeline("+proj=cart +ellps=WGS84")


def flights(velocity_enu_m_s, lat_deg, lon_deg, height_m=10_000.0):
    lat, lon = np.radians(lat_deg), np.radians(lon_deg)
    velocity = np.vecmat(np.asarray(velocity_enu_m_s), enu_axes(lat, lon))
    return np.hstack([ecef_from_geodetic(lat, lon, np.full(len(lat), height_m)), velocity])


def level_flights():
    """Return one flight at 250 m/s for each of many courses and latitudes, and where it begins."""
    lat, course = (grid.ravel() for grid in np.meshgrid([-75.0, -30.0, 0.0, 45.0, 60.0], np.arange(0.0, 360.0, 30.0)))
    lon = np.linspace(-180.0, 180.0, len(lat))
    angle = np.radians(course)
    velocity = 250.0 * np.stack([np.sin(angle), np.cos(angle), 0.0 * angle], axis=1)
    return flights(velocity, lat, lon), lat, lon, course


@pytest.mark.parametrize(("step_s", "series_m"), [(10.0, 0.4), (60.0, 2.1), (600.0, 14.0)])
def test_level_flight_stays_level_on_its_great_circle_for_ten_minutes(step_s, series_m):
    states, lat, lon, course = level_flights()
    for _ in range(int(600.0 / step_s)):
        states = Motion().propagate(states, np.full(len(states), step_s))
    lon_end, lat_end, height = PROJ.transform(*states[:, :3].T, direction="INVERSE")
    assert np.abs(height - 10_000.0).max() < 12.5  # the ellipsoid is no sphere: worst along the meridian at the equator
    course_flown, _, flown_m = GEOD.inv(lon, lat, lon_end, lat_end)
    assert np.abs(flown_m * np.sin(np.radians(course_flown - course))).max() < 6.0
    shadow_m = 150_000.0 / (1.0 + 10_000.0 / 6.371e6)  # the way on the ground below is shorter, within 1.4 m
    assert np.abs(flown_m - shadow_m).max() < 1.4 + series_m
    np.testing.assert_allclose(np.linalg.norm(states[:, 3:], axis=1), 250.0, rtol=3e-4)


def test_within_a_scan_level_flight_leaves_its_height_by_centimetres():
    states, *_ = level_flights()
    later = Motion().propagate(states, np.full(len(states), 10.0))
    assert np.abs(geodetic_from_ecef(later[:, :3])[2] - 10_000.0).max() < 0.01


@pytest.mark.parametrize(("dt_s", "error_m"), [(60.0, 0.02), (600.0, 15.0)])
def test_what_the_series_leaves_out_is_what_the_docstring_states(dt_s, error_m):
    states = level_flights()[0][:6]
    later = Motion().propagate(states, np.full(6, dt_s))

    def rate(_, state):
        p, v = state[:3], state[3:]
        return np.concatenate([v, np.cross(np.cross(p, v), v) / (p @ p)])

    exact = np.array([solve_ivp(rate, (0.0, dt_s), state, rtol=1e-13, atol=1e-9).y[:, -1] for state in states])
    error = np.linalg.norm((later - exact)[:, :3], axis=1)
    assert error.max() < error_m
    np.testing.assert_allclose(error, 250.0**3 * dt_s**3 / (6.0 * 6.38e6**2), rtol=0.02)


def test_a_climb_goes_on_at_its_rate_and_speed():
    states = flights([[200.0, 50.0, 12.0], [-200.0, 0.0, -7.0]], np.zeros(2), np.array([10.0, 20.0]))
    p = states[:, :3]
    later = Motion().propagate(states, np.full(2, 30.0))
    climbed = np.linalg.norm(later[:, :3], axis=1) - np.linalg.norm(p, axis=1)
    np.testing.assert_allclose(climbed, [360.0, -210.0], atol=0.02)
    climb = np.vecdot(later[:, :3], later[:, 3:]) / np.linalg.norm(later[:, :3], axis=1)
    np.testing.assert_allclose(climb, [12.0, -7.0], atol=1e-3)


def exact_propagate(state, dt):
    p, v = state[:3], state[3:]

    def cross(a, b):
        return [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]

    a = [c / sum(x * x for x in p) for c in cross(cross(p, v), v)]
    return [p[i] + v[i] * dt + a[i] * dt**2 / 2 for i in range(3)] + [v[i] + a[i] * dt for i in range(3)]


def test_jacobian_is_that_of_fifty_digits():
    rng = np.random.default_rng(1)
    states = flights(rng.normal(size=(8, 3)) * 2000.0, rng.uniform(-89, 89, 8), rng.uniform(-180, 180, 8))
    dt_s = rng.uniform(-60.0, 60.0, 8)
    ours, moved = Motion().jacobian(states, dt_s), Motion().propagate(states, dt_s)
    with mp.workdps(50):
        step = mp.mpf(10) ** -15
        for row in range(8):
            x, dt = [mp.mpf(v) for v in states[row]], mp.mpf(dt_s[row])
            np.testing.assert_allclose(moved[row], np.array(exact_propagate(x, dt), float), rtol=1e-14, atol=1e-9)
            for j in range(6):
                ends = [exact_propagate([x[k] + sign * step * (k == j) for k in range(6)], dt) for sign in (1, -1)]
                exact = np.array([(high - low) / (2 * step) for high, low in zip(*ends, strict=True)], float)
                scale = np.abs(ours[row]).max(axis=1)
                np.testing.assert_allclose(ours[row, :, j] / scale, exact / scale, rtol=0, atol=1e-13)


def test_noise_is_set_along_east_north_and_up():
    states = flights([[100.0, 0.0, 0.0]], np.array([52.0]), np.array([-5.0]))
    noise = Motion.of(horizontal_psd_m2_s3=2.0, vertical_psd_m2_s3=0.5).process_noise(states, np.array([3.0]))[0]
    turn = np.kron(np.eye(2), enu_axes(np.radians(52.0), np.radians(-5.0)))
    # q dt^3 / 3, q dt^2 / 2 and q dt
    expected = np.zeros((6, 6))
    for axis, density in enumerate([2.0, 2.0, 0.5]):
        expected[axis, axis], expected[axis, axis + 3] = density * 9.0, density * 4.5
        expected[axis + 3, axis], expected[axis + 3, axis + 3] = density * 4.5, density * 3.0
    np.testing.assert_allclose(turn @ noise @ turn.T, expected, rtol=0, atol=1e-12)
