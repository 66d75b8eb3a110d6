import numpy as np
import pyproj
import pytest
from scipy.integrate import solve_ivp

from noroshi.geo import wgs84
from noroshi.geo.atmosphere import density_kg_m3
from noroshi.motion.ballistic import Motion

SPIN = np.array([0.0, 0.0, wgs84.ROTATION_RATE_RAD_S])
TO_GEODETIC = pyproj.Transformer.from_pipeline("+inv +proj=cart +ellps=WGS84")
VACUUM = np.log(1e30)


def turned(seconds):
    angle = wgs84.ROTATION_RATE_RAD_S * seconds
    return np.array([[np.cos(angle), np.sin(angle), 0.0], [-np.sin(angle), np.cos(angle), 0.0], [0.0, 0.0, 1.0]])


def inertial(state):
    """Return position and velocity in axes that stand still and agree with the Earth's at time zero."""
    return np.concatenate([state[:3], state[3:6] + np.cross(SPIN, state[:3])])


def flown(state, seconds, with_air=True):
    """Return a state later, integrated where the axes stand still, the air turning with the Earth."""

    def rate(t, y):
        p, v = y[:3], y[3:]
        r2 = p @ p
        tilt = 1.5 * wgs84.J2 * wgs84.SEMI_MAJOR_AXIS_M**2 / r2
        acceleration = -wgs84.GRAVITATIONAL_PARAMETER_M3_S2 * p / r2**1.5
        acceleration *= 1.0 + tilt * (np.array([1.0, 1.0, 3.0]) - 5.0 * p[2] ** 2 / r2)
        if with_air:
            _, _, height = TO_GEODETIC.transform(*(turned(t) @ p))
            wind = v - np.cross(SPIN, p)
            pressed = density_kg_m3(np.array([height]))[0] * np.linalg.norm(wind) / 2.0
            acceleration = acceleration - pressed * wind / np.exp(state[6])
        return np.concatenate([v, acceleration])

    end = solve_ivp(rate, (0.0, seconds), inertial(state), method="DOP853", rtol=1e-12, atol=1e-6).y[:, -1]
    axes = turned(seconds)
    return np.concatenate([axes @ end[:3], axes @ (end[3:] - np.cross(SPIN, end[:3]))])


def lofted(n=8, seed=1, heights_m=(80e3, 300e3), climbs=(-0.6, 0.8), speeds_m_s=(2e3, 6e3)):
    rng = np.random.default_rng(seed)
    lat, lon = rng.uniform(-1.3, 1.3, n), rng.uniform(-3.1, 3.1, n)
    course, climb, speed = rng.uniform(-3.1, 3.1, n), rng.uniform(*climbs, n), rng.uniform(*speeds_m_s, n)
    enu = speed * np.array([np.cos(climb) * np.sin(course), np.cos(climb) * np.cos(course), np.sin(climb)])
    velocity = np.vecmat(enu.T, wgs84.enu_axes(lat, lon))
    place = wgs84.ecef_from_geodetic(lat, lon, rng.uniform(*heights_m, n))
    return np.column_stack([place, velocity, np.log(rng.uniform(1e3, 2e4, n))])


@pytest.mark.parametrize(("dt_s", "within_m"), [(10.0, 1e-4), (120.0, 2e-3), (600.0, 0.05)])
def test_without_air_it_flies_as_in_axes_that_stand_still(dt_s, within_m):
    states = lofted(climbs=(0.6, 1.0), speeds_m_s=(5e3, 7e3))
    states[:, 6] = VACUUM
    ours = Motion().propagate(states, np.full(len(states), dt_s))
    for state, ahead in zip(states, ours, strict=True):
        theirs = flown(state, dt_s, with_air=False)
        assert np.linalg.norm(ahead[:3] - theirs[:3]) < within_m
        assert np.linalg.norm(ahead[3:6] - theirs[3:]) < within_m / 50.0


@pytest.mark.parametrize(("dt_s", "within_m"), [(5.0, 0.02), (40.0, 0.5)])
def test_with_air_it_flies_as_in_axes_that_stand_still(dt_s, within_m):
    states = lofted(heights_m=(40e3, 110e3), climbs=(-0.5, 0.3))
    ours = Motion().propagate(states, np.full(len(states), dt_s))
    for state, ahead in zip(states, ours, strict=True):
        theirs = flown(state, dt_s)
        assert np.linalg.norm(ahead[:3] - theirs[:3]) < within_m
        assert np.linalg.norm(ahead[3:6] - theirs[3:]) < within_m


def test_what_the_air_takes_is_what_drag_alone_would_take():
    # At one height: 1 / v grows by density / (2 beta) for each metre ahead, v(t) = v0 / (1 + k v0 t).
    place = wgs84.ecef_from_geodetic(0.0, 0.0, 30e3)
    state = np.array([[*place, 0.0, 3000.0, 0.0, np.log(2000.0)]])
    ahead = Motion().propagate(state, np.array([2.0]))[0]
    k = 1.8410e-2 / (2.0 * 2000.0)
    assert np.linalg.norm(ahead[3:6]) == pytest.approx(3000.0 / (1.0 + k * 3000.0 * 2.0), rel=1e-3)


@pytest.mark.parametrize("lat_deg", [0.0, 45.0, -60.0])
def test_what_falls_is_deflected_to_the_east_as_textbooks_say(lat_deg):
    # Goldstein, Classical Mechanics, section 4.10: omega g t^3 cos(latitude) / 3.
    lat = np.radians(lat_deg)
    axes = wgs84.enu_axes(lat, 0.0)
    place = wgs84.ecef_from_geodetic(lat, 0.0, 1000.0)
    fall_s = 10.0
    ahead = Motion().propagate(np.array([[*place, 0.0, 0.0, 0.0, VACUUM]]), np.array([fall_s]))[0]
    east, _, up = axes @ (ahead[:3] - place)
    g = -2.0 * up / fall_s**2
    assert 9.77 < g < 9.84
    assert east == pytest.approx(wgs84.ROTATION_RATE_RAD_S * g * fall_s**3 * np.cos(lat) / 3.0, rel=1e-3)


def orbit(height_m, inclination_rad):
    """Return a round orbit's Earth-fixed state at its northward crossing of the equator."""
    r = wgs84.SEMI_MAJOR_AXIS_M + height_m
    speed = np.sqrt(wgs84.GRAVITATIONAL_PARAMETER_M3_S2 / r)
    p = np.array([r, 0.0, 0.0])
    v = speed * np.array([0.0, np.cos(inclination_rad), np.sin(inclination_rad)])
    return np.array([[*p, *(v - np.cross(SPIN, p)), VACUUM]]), r


def test_a_days_orbit_keeps_its_energy_and_its_node_moves_as_j2_makes_it():
    inclination = np.radians(51.6)
    state, r = orbit(800e3, inclination)
    span_s, steps = 600.0, 144

    def jacobi(x):
        p, v = x[0, :3], x[0, 3:6]
        s = np.linalg.norm(p)
        legendre = (3.0 * (p[2] / s) ** 2 - 1.0) / 2.0
        potential = 1.0 - wgs84.J2 * (wgs84.SEMI_MAJOR_AXIS_M / s) ** 2 * legendre
        turning = (wgs84.ROTATION_RATE_RAD_S * np.hypot(p[0], p[1])) ** 2
        return (v @ v - turning) / 2.0 - wgs84.GRAVITATIONAL_PARAMETER_M3_S2 / s * potential

    before = jacobi(state)
    for _ in range(steps):
        state = Motion().propagate(state, np.array([span_s]))
    assert jacobi(state) == pytest.approx(before, rel=1e-9)
    still = turned(span_s * steps).T
    momentum = np.cross(still @ state[0, :3], still @ (state[0, 3:6] + np.cross(SPIN, state[0, :3])))
    node = np.arctan2(momentum[0], -momentum[1])
    # Vallado (2013), equation 9-38: -3/2 J2 (a/p)^2 n cos(i)
    rate = -1.5 * wgs84.J2 * (wgs84.SEMI_MAJOR_AXIS_M / r) ** 2 * np.cos(inclination)
    rate *= np.sqrt(wgs84.GRAVITATIONAL_PARAMETER_M3_S2 / r**3)
    assert node == pytest.approx(rate * span_s * steps, rel=0.01)


def test_jacobian_is_the_change_of_what_another_integrator_flies():
    state = lofted(1, seed=5, heights_m=(60e3, 60.001e3), climbs=(-0.3, -0.29))[0]
    ours = Motion().jacobian(state[None], np.array([8.0]))[0]
    for j, step in enumerate([50.0] * 3 + [0.5] * 3 + [1e-3]):
        ahead, behind = state.copy(), state.copy()
        ahead[j] += step
        behind[j] -= step
        theirs = (flown(ahead, 8.0) - flown(behind, 8.0)) / (2.0 * step)
        scale = np.repeat([np.abs(ours[:3, j]).max(), np.abs(ours[3:6, j]).max()], 3)
        np.testing.assert_allclose(ours[:6, j] / scale, theirs / scale, rtol=0, atol=1e-4)


def test_a_long_way_back_through_dense_air_stays_finite():
    place = wgs84.ecef_from_geodetic(0.0, 0.0, 5e3)
    state = np.array([[*place, 0.0, 2000.0, -500.0, np.log(300.0)]])
    model, dt_s = Motion(), np.array([-60.0])
    for found in (model.propagate(state, dt_s), model.jacobian(state, dt_s), model.process_noise(state, dt_s)):
        assert np.isfinite(found).all()
