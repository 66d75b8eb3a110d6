from datetime import timedelta

import mpmath as mp
import numpy as np
import pytest
from scipy.integrate import solve_ivp
from stonesoup.models.transition.linear import Singer

from noroshi.geo.wgs84 import ecef_from_geodetic, enu_axes
from noroshi.motion.constant_velocity import Motion as ConstantVelocity
from noroshi.motion.singer import Motion


def flights(n=12, seed=1, acceleration_m_s2=20.0):
    rng = np.random.default_rng(seed)
    lat, lon = rng.uniform(-1.5, 1.5, n), rng.uniform(-3.1, 3.1, n)
    axes = enu_axes(lat, lon)
    velocity = np.vecmat(rng.normal(size=(n, 3)) * [200.0, 200.0, 20.0], axes)
    acceleration = np.vecmat(rng.normal(size=(n, 3)) * acceleration_m_s2 * [1.0, 1.0, 0.25], axes)
    return np.hstack([ecef_from_geodetic(lat, lon, rng.uniform(0.0, 12e3, n)), velocity, acceleration])


def test_without_acceleration_it_is_constant_velocity():
    states, dt_s = flights(acceleration_m_s2=0.0), np.linspace(-60.0, 60.0, 12)
    ours, theirs = Motion().propagate(states, dt_s), ConstantVelocity().propagate(states[:, :6], dt_s)
    np.testing.assert_allclose(ours[:, :6], theirs, rtol=0, atol=1e-8)
    np.testing.assert_array_equal(ours[:, 6:], 0.0)


@pytest.mark.parametrize(("dt_s", "memory_s"), [(0.5, 20.0), (10.0, 20.0), (-5.0, 20.0), (40.0, 5.0), (2.0, 600.0)])
def test_on_a_plane_it_is_stone_soups_singer(dt_s, memory_s):
    # At 0 N 0 E east is y, and at a crawl the Earth is flat.
    sigma, place = 3.0, ecef_from_geodetic(0.0, 0.0, 0.0)
    state = np.array([[*place, 0.0, 0.1, 0.0, 0.0, 0.02, 0.0]])
    model = Motion.of(memory_s=memory_s, horizontal_sigma_m_s2=sigma, vertical_sigma_m_s2=1.0)
    east = np.ix_([1, 4, 7], [1, 4, 7])
    theirs = Singer(noise_diff_coeff=sigma**2 * 2.0 / memory_s, damping_coeff=1.0 / memory_s)
    matrix = np.asarray(theirs.matrix(time_interval=_span(abs(dt_s))), float)
    covariance = np.asarray(theirs.covar(time_interval=_span(abs(dt_s))), float)
    if dt_s < 0:  # backwards: the inverse, and the noise brought back by it
        matrix = np.linalg.inv(matrix)
        covariance = matrix @ covariance @ matrix.T
    np.testing.assert_allclose(model.jacobian(state, np.array([dt_s]))[0][east], matrix, rtol=1e-6, atol=1e-9)
    ours = model.process_noise(state, np.array([dt_s]))[0][east]
    sigmas = np.sqrt(np.diag(covariance))
    scale = np.outer(sigmas, sigmas)
    np.testing.assert_allclose(ours / scale, covariance / scale, rtol=0, atol=1e-6)


def _span(seconds):

    return timedelta(seconds=seconds)


@pytest.mark.parametrize("x", [1e-4, 0.01, 0.5, 1.5, 20.0, -0.3, -4.0])
def test_noise_is_singers_closed_form_in_many_digits(x):
    memory_s, sigma = 20.0, 3.0
    place = ecef_from_geodetic(0.0, 0.0, 0.0)
    model = Motion.of(memory_s=memory_s, horizontal_sigma_m_s2=sigma, vertical_sigma_m_s2=1.0)
    ours = model.process_noise(np.array([[*place, *np.zeros(6)]]), np.array([x * memory_s]))[0]
    with mp.workdps(60):
        # Bar-Shalom, Li and Kirubarajan (2001), equations 8.2.3-10 to 8.2.3-15; backwards a negative time constant
        t, a = mp.mpf(x) * memory_s, 1 / mp.mpf(memory_s)
        e, e2 = mp.exp(-a * t), mp.exp(-2 * a * t)
        q11 = (1 - e2 + 2 * a * t + 2 * (a * t) ** 3 / 3 - 2 * (a * t) ** 2 - 4 * a * t * e) / (2 * a**5)
        q12 = (e2 + 1 - 2 * e + 2 * a * t * e - 2 * a * t + (a * t) ** 2) / (2 * a**4)
        q13 = (1 - e2 - 2 * a * t * e) / (2 * a**3)
        q22 = (4 * e - 3 - e2 + 2 * a * t) / (2 * a**3)
        q23 = (e2 + 1 - 2 * e) / (2 * a**2)
        q33 = (1 - e2) / (2 * a)
        exact = np.array([[q11, q12, q13], [q12, q22, q23], [q13, q23, q33]]) * 2 * a * sigma**2 * mp.sign(t)
        exact = exact.astype(float)
    rows = np.ix_([1, 4, 7], [1, 4, 7])
    np.testing.assert_allclose(ours[rows], exact, rtol=1e-10, atol=0)


def test_is_its_equation_over_the_sphere_to_the_second_order():
    states, memory_s, dt_s = flights(6), 20.0, 10.0
    ours = Motion.of(memory_s=memory_s).propagate(states, np.full(6, dt_s))

    def rate(_, y):
        p, v, a = y[:3], y[3:6], y[6:]
        turn = np.cross(p, v) / (p @ p)  # of the local level as the target moves on
        return np.concatenate([v, a + np.cross(turn, v), np.cross(turn, a) - a / memory_s])

    for state, ahead in zip(states, ours, strict=True):
        theirs = solve_ivp(rate, (0.0, dt_s), state, method="DOP853", rtol=1e-12, atol=1e-9).y[:, -1]
        np.testing.assert_allclose(ahead[:3], theirs[:3], rtol=0, atol=0.01)
        np.testing.assert_allclose(ahead[3:], theirs[3:], rtol=0, atol=0.002)


def exact_propagate(state, dt, memory):
    p, v, a = state[:3], state[3:6], state[6:]

    def dot(a, b):
        return sum(x * y for x, y in zip(a, b, strict=True))

    def bend(a, b):
        return [(a[i] * dot(p, b) - p[i] * dot(a, b)) / dot(p, p) for i in range(3)]

    e = mp.exp(-dt / memory)
    d = [v[i] * dt + memory**2 * (dt / memory - 1 + e) * a[i] for i in range(3)]
    w = [v[i] + memory * (1 - e) * a[i] for i in range(3)]
    b = [e * a[i] for i in range(3)]
    to_p, to_v, to_a = bend(d, d), bend(d, w), bend(d, b)
    return (
        [p[i] + d[i] + to_p[i] / 2 for i in range(3)]
        + [w[i] + to_v[i] for i in range(3)]
        + [b[i] + to_a[i] for i in range(3)]
    )


def test_jacobian_is_that_of_fifty_digits():
    states = flights(6, seed=2)
    dt_s, memory_s = np.array([1e-3, -20.0, 5.0, 60.0, 0.7, 12.0]), 20.0
    model = Motion.of(memory_s=memory_s)
    ours, moved = model.jacobian(states, dt_s), model.propagate(states, dt_s)
    with mp.workdps(50):
        step = mp.mpf(10) ** -15
        for row in range(6):
            x, dt = [mp.mpf(v) for v in states[row]], mp.mpf(dt_s[row])
            theirs = np.array(exact_propagate(x, dt, memory_s), float)
            np.testing.assert_allclose(moved[row], theirs, rtol=1e-13, atol=1e-8)
            for j in range(9):
                ends = [
                    exact_propagate([x[k] + sign * step * (k == j) for k in range(9)], dt, memory_s) for sign in (1, -1)
                ]
                exact = np.array([(high - low) / (2 * step) for high, low in zip(*ends, strict=True)], float)
                scale = np.abs(ours[row]).max(axis=1)
                np.testing.assert_allclose(ours[row, :, j] / scale, exact / scale, rtol=0, atol=1e-12)


def test_noise_is_set_along_east_north_and_up():
    state = flights(1, seed=4)
    model = Motion.of(memory_s=10.0, horizontal_sigma_m_s2=2.0, vertical_sigma_m_s2=0.5)
    noise = model.process_noise(state, np.array([200.0]))[0]
    lat_lon = np.arctan2(state[0, 2], np.hypot(*state[0, :2])), np.arctan2(state[0, 1], state[0, 0])
    axes = enu_axes(*lat_lon)  # geocentric: 0.2 degrees off
    enu = np.sqrt(np.diag(axes @ noise[6:, 6:] @ axes.T))
    np.testing.assert_allclose(enu, [2.0, 2.0, 0.5], rtol=1e-3)
