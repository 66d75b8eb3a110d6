import numpy as np
import pyproj
import pytest
from scipy.integrate import solve_ivp
from scipy.optimize import brentq

from noroshi.geo import wgs84
from noroshi.geo.atmosphere import density_kg_m3
from noroshi.geo.gravity import free_fall
from noroshi.motion.ballistic import Motion as Ballistic
from noroshi.motion.glide import Motion

TO_GEODETIC = pyproj.Transformer.from_pipeline("+inv +proj=cart +ellps=WGS84")


def gliders(n=6, seed=1):
    rng = np.random.default_rng(seed)
    lat, lon = rng.uniform(-1.3, 1.3, n), rng.uniform(-3.1, 3.1, n)
    course, climb, speed = rng.uniform(-3.1, 3.1, n), rng.uniform(-0.02, 0.02, n), rng.uniform(3e3, 6e3, n)
    enu = speed * np.array([np.cos(climb) * np.sin(course), np.cos(climb) * np.cos(course), np.sin(climb)])
    velocity = np.vecmat(enu.T, wgs84.enu_axes(lat, lon))
    place = wgs84.ecef_from_geodetic(lat, lon, rng.uniform(42e3, 60e3, n))
    log_coefficient = np.log(rng.uniform(8e3, 2e4, n))
    return np.column_stack([place, velocity, log_coefficient, rng.uniform(-1.5, 1.5, n), rng.uniform(1.0, 3.0, n)])


def rate(t, y, model):
    p, v = y[:3], y[3:6]
    up = p / np.linalg.norm(p)
    speed = np.linalg.norm(v)
    ahead = v / speed
    left = np.cross(up, ahead)
    left /= np.linalg.norm(left)
    over = np.cross(ahead, left)
    height = TO_GEODETIC.transform(*p)[2]
    drag = density_kg_m3(np.array([height]))[0] * speed**2 / 2.0 / np.exp(y[6])
    means = [np.log(model.coefficient_mean_kg_m2), 0.0, model.lift_to_drag_mean]
    force = drag * (y[7] * left + y[8] * over - ahead)
    return np.concatenate([v, free_fall(y[None, :6])[0] + force, (means - y[6:]) / model.memory_s])


@pytest.mark.parametrize(("dt_s", "within_m"), [(5.0, 0.02), (60.0, 1.0)])
def test_flies_as_another_integrator_does(dt_s, within_m):
    states, model = gliders(), Motion()
    ours = model.propagate(states, np.full(len(states), dt_s))
    for state, ahead in zip(states, ours, strict=True):
        theirs = solve_ivp(rate, (0.0, dt_s), state, args=(model,), method="DOP853", rtol=1e-11, atol=1e-6).y[:, -1]
        assert np.linalg.norm(ahead[:3] - theirs[:3]) < within_m
        assert np.linalg.norm(ahead[3:6] - theirs[3:6]) < within_m / 10.0
        np.testing.assert_allclose(ahead[6:], theirs[6:], rtol=0, atol=1e-6)


def test_without_lift_it_is_ballistic():
    states = gliders()
    states[:, 7:] = 0.0
    dt_s = np.full(len(states), 2.0)
    held = Motion.of(memory_s=1e9, lift_to_drag_mean=0.0)
    ours, theirs = held.propagate(states, dt_s)[:, :6], Ballistic().propagate(states[:, :7], dt_s)[:, :6]
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-5)


def test_a_positive_turn_is_to_the_left():
    state = gliders(1)
    state[0, 7] = 1.5
    axes = wgs84.enu_axes_at(state[:, :3])[0]
    before, after = axes @ state[0, 3:6], axes @ Motion().propagate(state, np.array([20.0]))[0, 3:6]
    assert before[0] * after[1] - before[1] * after[0] > 0.0


def test_glides_as_far_and_as_long_as_the_closed_form():
    """Equilibrium glide: Eggers, Allen and Neice (1958), NACA report 1382, equations for range and time.

    From the equator northwards. The closed form leaves out the path's slope (1 %) and the Earth's rotation, which turns
    the glider eastwards until the Coriolis acceleration helps to carry it (another 1 %).
    """
    ratio, coefficient, first_m_s, last_m_s = 2.6, 13_000.0, 6_000.0, 2_000.0
    model = Motion.of(memory_s=1e9, coefficient_mean_kg_m2=coefficient, lift_to_drag_mean=ratio)

    def unbalanced(height_m):
        state = np.array([[wgs84.SEMI_MAJOR_AXIS_M + height_m, 0.0, 0.0, 0.0, 0.0, first_m_s]])
        lift = ratio * density_kg_m3(np.array([height_m]))[0] * first_m_s**2 / (2.0 * coefficient)
        return free_fall(state)[0, 0] + lift + first_m_s**2 / state[0, 0]

    height_m = brentq(unbalanced, 30e3, 80e3)
    radius_m = wgs84.SEMI_MAJOR_AXIS_M + height_m
    state = np.array([[radius_m, 0.0, 0.0, -8.0, 0.0, first_m_s, np.log(coefficient), 0.0, ratio]])
    flown_s, flown_m = 0.0, 0.0
    while np.linalg.norm(state[0, 3:6]) > last_m_s:
        before, state = state, model.propagate(state, np.array([5.0]))
        across = np.linalg.norm(np.cross(before[0, :3], state[0, :3]))
        flown_m += wgs84.SEMI_MAJOR_AXIS_M * np.arctan2(across, before[0, :3] @ state[0, :3])
        flown_s += 5.0
    g = wgs84.GRAVITATIONAL_PARAMETER_M3_S2 / radius_m**2
    orbital = np.sqrt(g * radius_m)
    i, f = first_m_s / orbital, last_m_s / orbital
    range_m = ratio * wgs84.SEMI_MAJOR_AXIS_M / 2.0 * np.log((1.0 - f**2) / (1.0 - i**2))
    time_s = ratio * orbital / (2.0 * g) * np.log((1.0 + i) * (1.0 - f) / ((1.0 - i) * (1.0 + f)))
    assert flown_m == pytest.approx(range_m, rel=0.03)
    assert flown_s == pytest.approx(time_s, rel=0.03)


def test_what_it_does_is_forgotten_in_its_memory():
    state = gliders(1)
    model = Motion.of(memory_s=30.0)
    ahead = model.propagate(state, np.array([30.0]))[0]
    mean = np.array([np.log(model.coefficient_mean_kg_m2), 0.0, model.lift_to_drag_mean])
    np.testing.assert_allclose(ahead[6:] - mean, (state[0, 6:] - mean) / np.e, rtol=1e-5)
    long = model.process_noise(state, np.array([200.0]))[0]
    sigmas = [model.coefficient_sigma, model.lift_to_drag_sigma, model.lift_to_drag_sigma]
    np.testing.assert_allclose(np.sqrt(np.diag(long)[6:]), sigmas, rtol=1e-4)


@pytest.mark.parametrize("name", ["coefficient_sigma", "lift_to_drag_sigma", "memory_s"])
def test_refuses_what_makes_no_sense(name):
    with pytest.raises(ValueError, match=name):
        Motion.of(**{name: -1.0})


def test_above_the_air_it_is_as_unforeseen_as_what_falls():
    """No air, no unrest of it; in the air more, up to what is stated at a drag of 1 m/s2."""
    model, fallen = Motion(), Ballistic()
    states, dt_s = np.repeat(gliders(1), 3, axis=0), np.full(3, 0.1)
    up = states[0, :3] / np.linalg.norm(states[0, :3])
    states[1, :3] += 30e3 * up
    states[2, :3] += 400e3 * up
    velocity = [float(np.trace(noise[3:6, 3:6])) / 0.3 for noise in model.process_noise(states, dt_s)]
    free = float(np.trace(fallen.process_noise(states[2:, :7], dt_s[:1])[0, 3:6, 3:6])) / 0.3
    assert velocity[2] == pytest.approx(free, rel=0.01)
    assert velocity[2] < velocity[1] < velocity[0]
    ends = np.stack([states[0], model.propagate(states[:1], dt_s[:1])[0]])
    heights = TO_GEODETIC.transform(*ends[:, :3].T)[2]
    drag = density_kg_m3(heights) * np.square(ends[:, 3:6]).sum(axis=1) / 2.0 / np.exp(ends[:, 6])
    expected = model.acceleration_psd_m2_s3 + model.air_psd_m2_s3 * min(drag.mean(), 1.0)
    assert velocity[0] == pytest.approx(expected, rel=0.01)


@pytest.mark.parametrize("height_m", [3e3, 15e3, 40e3, 90e3])
@pytest.mark.parametrize("dt_s", [5.0, 20.0, 60.0])
def test_a_velocity_that_is_not_known_does_not_grow_without_bound(height_m, dt_s):
    """Air slows what it turns: what is not known of a velocity at first is at most what gravity and the bound add."""
    model = Motion()
    spread = np.diag([1e3**2] * 3 + [2_500.0**2] * 3 + [0.66**2, 1.15**2, 1.15**2])[None]
    place = wgs84.ecef_from_geodetic(0.6, 0.4, height_m)
    mean, covariance = model.predict(np.array([[*place, 0.0, 0.0, 0.0, 9.16, 0.0, 2.0]]), spread, np.array([dt_s]))
    assert np.linalg.norm(mean[0, 3:6]) < 10.0 * dt_s
    assert np.sqrt(np.diag(covariance[0])[3:6]).max() < 2_550.0
