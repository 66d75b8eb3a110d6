import mpmath as mp
import numpy as np
import pytest
from scipy.integrate import solve_ivp

from noroshi.geo import wgs84
from noroshi.geo.gravity import fall, free_fall
from noroshi.motion.boost import Motion, _slopes


def launched(n=8, seed=1):
    rng = np.random.default_rng(seed)
    lat, lon = rng.uniform(-1.3, 1.3, n), rng.uniform(-3.1, 3.1, n)
    course, climb, speed = rng.uniform(-3.1, 3.1, n), rng.uniform(0.4, 1.4, n), rng.uniform(300.0, 4e3, n)
    enu = speed * np.array([np.cos(climb) * np.sin(course), np.cos(climb) * np.cos(course), np.sin(climb)])
    velocity = np.vecmat(enu.T, wgs84.enu_axes(lat, lon))
    place = wgs84.ecef_from_geodetic(lat, lon, rng.uniform(5e3, 150e3, n))
    beyond = [rng.uniform(10.0, 60.0, n), rng.uniform(0.0, 0.012, n), rng.uniform(-15.0, 15.0, n)]
    return np.column_stack([place, velocity, *beyond])


@pytest.mark.parametrize("dt_s", [2.0, 20.0, 50.0])
def test_flies_as_another_integrator_burns_its_mass(dt_s):
    states = launched()
    ours = Motion().propagate(states, np.full(len(states), dt_s))
    for state, ahead in zip(states, ours, strict=True):
        thrust, flow, upward = state[6:]  # of a mass of 1 at the start

        def rate(t, y, thrust=thrust, flow=flow, upward=upward):
            along, up = y[3:] / np.sqrt(y[3:] @ y[3:] + 1.0), y[:3] / np.linalg.norm(y[:3])
            push = thrust * along + upward * (up - along * (along @ up))
            return np.concatenate([y[3:], free_fall(y[None])[0] + push / (1.0 - flow * t)])

        theirs = solve_ivp(rate, (0.0, dt_s), state[:6], method="DOP853", rtol=1e-12, atol=1e-6).y[:, -1]
        np.testing.assert_allclose(ahead[:3], theirs[:3], rtol=0, atol=0.05)
        np.testing.assert_allclose(ahead[3:6], theirs[3:], rtol=0, atol=0.005)
        mass = 1.0 - flow * dt_s
        np.testing.assert_allclose(ahead[6:], [thrust / mass, flow / mass, upward / mass], rtol=1e-6)


def test_straight_up_from_a_stage_is_the_rocket_equation_less_gravity():
    # Tsiolkovsky: u ln(m0 / m), u = a / q; straight up on the Earth's axis, where nothing turns.
    place = np.array([0.0, 0.0, 6.4e6])
    state = np.array([[*place, 0.0, 0.0, 500.0, 30.0, 0.01, 15.0]])  # which nothing holds up
    ahead = Motion().propagate(state, np.array([40.0]))[0]
    gained = 30.0 / 0.01 * np.log(1.0 / (1.0 - 0.01 * 40.0))
    low, high = (40.0 * free_fall(np.array([[0.0, 0.0, z, 0.0, 0.0, 0.0]]))[0, 2] for z in (place[2], ahead[2]))
    assert 500.0 + gained + low < ahead[5] < 500.0 + gained + high


def test_burns_no_more_than_it_has():
    state = launched(1)
    state[0, 6:] = [50.0, 0.015, 10.0]
    ahead = Motion().propagate(state, np.array([600.0]))[0]
    assert np.isfinite(ahead).all()
    assert ahead[7] < 0.2
    assert ahead[6] < 50.0 * 0.2 / 0.015


def test_slopes_have_the_derivatives_of_many_digits():
    x = launched(1, seed=3)[0]
    rate, by_state, falls, by_fall = np.zeros(9), np.zeros((9, 9)), np.zeros(9), np.zeros((9, 9))
    _slopes(x, 0.0, rate, by_state)
    fall(x, falls, by_fall)

    def thrust(*x):
        speed, radius = (mp.sqrt(sum(c**2 for c in part) + own) for part, own in ((x[3:6], 1), (x[:3], 0)))
        climb = sum(x[i] * x[3 + i] for i in range(3)) / (speed * radius)
        return [x[6] * x[3 + i] / speed + x[8] * (x[i] / radius - climb * x[3 + i] / speed) for i in range(3)]

    with mp.workdps(40):
        at = [mp.mpf(a) for a in x]
        theirs = [
            [mp.diff(lambda *v, i=i: thrust(*v)[i], at, tuple(int(j == k) for k in range(9))) for j in range(9)]
            for i in range(3)
        ]
    np.testing.assert_allclose((rate - falls)[3:6], np.array(thrust(*at), float), rtol=1e-12)
    np.testing.assert_allclose((by_state - by_fall)[3:6], np.array(theirs, float), rtol=1e-9, atol=1e-18)
    np.testing.assert_allclose(rate[6:], x[7] * x[6:], rtol=1e-15)
    by_beyond = [[x[7], x[6], 0.0], [0.0, 2.0 * x[7], 0.0], [0.0, x[8], x[7]]]
    np.testing.assert_allclose(by_state[6:, 6:], by_beyond, rtol=1e-15)


@pytest.mark.parametrize("dt_s", [2.0, 10.0, 20.0])
def test_thrust_along_an_unknown_velocity_spreads_as_flights_do(dt_s):
    """Flights that begin in any direction, each by another integrator, against mean and spread of the prediction."""
    n, rng = 1000, np.random.default_rng(2)
    place = wgs84.ecef_from_geodetic(0.6, 0.4, 10e3)
    start = np.hstack([np.tile(place, (n, 1)), rng.normal(size=(n, 3)) * 1000.0])
    thrust = 40.0

    def rate(_, y):
        y = y.reshape(n, 6)
        v = y[:, 3:]
        return np.hstack([v, free_fall(y) + thrust * v / np.linalg.norm(v, axis=1)[:, None]]).ravel()

    flown = solve_ivp(rate, (0.0, dt_s), start.ravel(), method="DOP853", rtol=1e-8).y[:, -1].reshape(n, 6)
    model = Motion.of(acceleration_psd_m2_s3=0.0, axial_psd_m2_s5=0.0, ratio_psd_per_s3=0.0, upward_psd_m2_s5=0.0)
    spread = np.diag([0.0] * 3 + [1e6] * 3 + [0.0] * 3)
    mean, covariance = model.predict(
        np.array([[*place, 0.0, 0.0, 0.0, thrust, 0.0, 0.0]]), spread[None], np.array([dt_s])
    )
    sigma = np.sqrt(np.diag(covariance[0])[:6])
    np.testing.assert_allclose(flown.std(axis=0), sigma, rtol=0.1)
    assert np.abs((flown.mean(axis=0) - mean[0, :6]) / sigma).max() < 0.2
