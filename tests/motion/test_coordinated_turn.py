from datetime import timedelta

import mpmath as mp
import numpy as np
import pytest
from scipy.linalg import eigh, expm
from stonesoup.models.transition.linear import KnownTurnRate

from noroshi.geo.wgs84 import ecef_from_geodetic, enu_axes, enu_axes_at, geodetic_from_ecef
from noroshi.motion import predict_by_jacobian
from noroshi.motion.constant_velocity import Motion as ConstantVelocity
from noroshi.motion.coordinated_turn import Motion


def flights(velocity_enu_m_s, lat_deg, lon_deg, turn_rate_rad_s, height_m=10_000.0):
    lat, lon = np.radians(lat_deg), np.radians(lon_deg)
    velocity = np.vecmat(np.asarray(velocity_enu_m_s), enu_axes(lat, lon))
    place = ecef_from_geodetic(lat, lon, np.full(len(lat), height_m))
    return np.hstack([place, velocity, np.asarray(turn_rate_rad_s)[:, None]])


def some_flights(n, rates, seed=1):
    rng = np.random.default_rng(seed)
    rates = np.resize(np.asarray(rates, float), n)
    return flights(
        rng.normal(size=(n, 3)) * [200.0, 200.0, 20.0], rng.uniform(-89, 89, n), rng.uniform(-180, 180, n), rates
    ), rng.uniform(-20.0, 20.0, n)


def test_without_a_turn_it_is_constant_velocity():
    states, dt_s = some_flights(20, [0.0])
    np.testing.assert_allclose(
        Motion().propagate(states, dt_s)[:, :6], ConstantVelocity().propagate(states[:, :6], dt_s), rtol=0, atol=1e-8
    )
    ours, theirs = Motion().jacobian(states, dt_s)[:, :6, :6], ConstantVelocity().jacobian(states[:, :6], dt_s)
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-13)
    same = {"horizontal_psd_m2_s3": 1.5, "vertical_psd_m2_s3": 0.5}
    quiet, straight = Motion.of(turn_rate_psd_rad2_s3=0.0, **same), ConstantVelocity.of(**same)
    ours, theirs = quiet.process_noise(states, dt_s)[:, :6, :6], straight.process_noise(states[:, :6], dt_s)
    np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("rate", [0.05, -0.2, 1e-6])
def test_turns_as_a_known_turn_rate_does_on_a_plane(rate):
    states = flights([[120.0, 200.0, 0.0]], np.zeros(1), np.zeros(1), [rate], height_m=0.0)
    plane = KnownTurnRate(turn_noise_diff_coeffs=[1.0, 1.0], turn_rate=rate).matrix(time_interval=timedelta(seconds=8))
    x, vx, y, vy = plane @ [0.0, 120.0, 0.0, 200.0]
    ours = Motion().propagate(states, np.array([8.0]))[0]
    np.testing.assert_allclose(ours[[1, 2, 4, 5]], [x, y, vx, vy], rtol=0, atol=1e-3)


def test_a_positive_rate_turns_left():
    states = flights([[0.0, 250.0, 0.0]], np.array([45.0]), np.array([7.0]), [np.radians(3.0)])
    later = Motion().propagate(states, np.array([30.0]))
    east, north, _ = enu_axes_at(later[:, :3])[0] @ later[0, 3:6]
    np.testing.assert_allclose([east, north], [-250.0, 0.0], atol=0.6)  # meridians converge by 0.1 degree in 5 km


@pytest.mark.parametrize("lat_deg", [-70.0, 0.0, 48.0])
def test_a_full_circle_comes_back_level_and_as_fast(lat_deg):
    states = flights([[250.0, 0.0, 0.0]], np.array([lat_deg]), np.array([7.0]), [np.radians(3.0)])
    now = states
    for _ in range(24):
        now = Motion().propagate(now, np.array([5.0]))
        assert abs(geodetic_from_ecef(now[:, :3])[2][0] - 10_000.0) < 0.5
    assert np.linalg.norm(now[0, :3] - states[0, :3]) < 0.5
    np.testing.assert_allclose(np.linalg.norm(now[0, 3:6]), 250.0, atol=1e-3)


def exact_propagate(state, dt):
    p, v, rate = state[:3], state[3:6], state[6]

    def dot(a, b):
        return sum(x * y for x, y in zip(a, b, strict=True))

    def cross(a, b):
        return [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]

    f = 1 / mp.mpf("298.257223563")
    e2, across = f * (2 - f), mp.sqrt(p[0] ** 2 + p[1] ** 2)
    lat, lon = mp.atan2(p[2], across), mp.atan2(p[1], p[0])
    for _ in range(60):
        normal = 6378137 / mp.sqrt(1 - e2 * mp.sin(lat) ** 2)
        lat = mp.atan2(p[2] + e2 * normal * mp.sin(lat), across)
    up = [mp.cos(lat) * mp.cos(lon), mp.cos(lat) * mp.sin(lon), mp.sin(lat)]
    climb = dot(up, v)
    left = cross(up, v)
    level = [v[i] - climb * up[i] for i in range(3)]
    s, c = mp.sin(rate * dt), mp.cos(rate * dt)
    d = [climb * dt * up[i] + (s * level[i] + (1 - c) * left[i]) / rate for i in range(3)]
    w = [climb * up[i] + c * level[i] + s * left[i] for i in range(3)]
    to_p, to_v = cross(cross(p, d), d), cross(cross(p, d), w)
    square = dot(p, p)
    return (
        [p[i] + d[i] + to_p[i] / (2 * square) for i in range(3)] + [w[i] + to_v[i] / square for i in range(3)] + [rate]
    )


def test_jacobian_is_that_of_many_digits_from_no_turn_to_the_sharpest():
    rates = [1e-12, -1e-6, 4e-3, 0.0099, 0.0101, -0.05, 0.3, -0.3]
    states, dt_s = some_flights(len(rates), rates, seed=2)
    dt_s[3:5] = 10.0  # a turn angle just below and just above where the series begins
    ours, moved = Motion().jacobian(states, dt_s), Motion().propagate(states, dt_s)
    with mp.workdps(90):
        step = mp.mpf(10) ** -16
        for row in range(len(rates)):
            x, dt = [mp.mpf(v) for v in states[row]], mp.mpf(dt_s[row])
            np.testing.assert_allclose(moved[row], np.array(exact_propagate(x, dt), float), rtol=1e-13, atol=1e-8)
            for j in range(7):
                ends = [exact_propagate([x[k] + sign * step * (k == j) for k in range(7)], dt) for sign in (1, -1)]
                exact = np.array([(high - low) / (2 * step) for high, low in zip(*ends, strict=True)], float)
                block = slice(0, 3) if j < 3 else slice(3, 6) if j < 6 else slice(6, 7)
                scale = np.abs(ours[row, :, block]).max(axis=1) + 1e-9  # nothing but itself changes the turn rate
                np.testing.assert_allclose(ours[row, :, j] / scale, exact / scale, rtol=0, atol=1e-9)


@pytest.mark.parametrize(("rate", "dt_s"), [(0.3, 8.0), (-0.05, 10.0), (0.2, -3.0), (1e-3, 20.0), (9e-3, 10.0)])
def test_noise_of_the_acceleration_is_van_loans_on_a_plane(rate, dt_s):
    states = flights([[150.0, 80.0, 0.0]], np.zeros(1), np.zeros(1), [rate])
    drift, density = np.zeros((4, 4)), np.diag([0.0, 0.0, 2.0, 2.0])
    drift[:2, 2:], drift[2:, 2:] = np.eye(2), rate * np.array([[0.0, -1.0], [1.0, 0.0]])
    # Van Loan (1978), Computing integrals involving the matrix exponential; time runs backwards where dt is negative
    sign = np.sign(dt_s)
    exponential = expm(np.block([[-sign * drift, density], [np.zeros((4, 4)), sign * drift.T]]) * abs(dt_s))
    theirs = exponential[4:, 4:].T @ exponential[:4, 4:]
    model = Motion.of(horizontal_psd_m2_s3=2.0, turn_rate_psd_rad2_s3=0.0)
    ours = model.process_noise(states, np.array([dt_s]))[0][np.ix_([1, 2, 4, 5], [1, 2, 4, 5])]
    np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-9)


def test_noise_of_the_turn_rate_reaches_velocity_and_position_as_sampled_paths_show():
    n, steps, dt_s, density = 20_000, 40, 4.0, 1e-4
    states = np.repeat(flights([[0.0, 200.0, 0.0]], np.zeros(1), np.zeros(1), [0.0]), n, axis=0)
    rng = np.random.default_rng(3)
    quiet, noisy = (
        Motion.of(),
        Motion.of(horizontal_psd_m2_s3=0.0, vertical_psd_m2_s3=0.0, turn_rate_psd_rad2_s3=density),
    )
    ours = noisy.process_noise(states[:1], np.array([dt_s]))[0]
    part = np.full(n, dt_s / steps)
    for _ in range(steps):
        states[:, 6] += rng.normal(size=n) * np.sqrt(density * dt_s / steps) / 2.0**0.5
        states = quiet.propagate(states, part)
        states[:, 6] += rng.normal(size=n) * np.sqrt(density * dt_s / steps) / 2.0**0.5
    sampled = np.cov(states.T)
    west = [1, 4, 6]  # at 0 N 0 E heading north, left is west: minus y
    np.testing.assert_allclose(ours[np.ix_(west, west)], sampled[np.ix_(west, west)], rtol=0.03)
    assert ours[1, 6] < 0.0


@pytest.mark.parametrize(("rate", "sigma"), [(0.0, 0.05), (0.04, 0.03), (-0.03, 0.02)])
@pytest.mark.parametrize("dt_s", [5.0, 10.0])
def test_an_uncertain_rate_is_predicted_to_the_second_order(rate, sigma, dt_s):
    """Beside the moments of 400,000 targets drawn and flown; the Jacobian alone claims more than it knows."""
    rng = np.random.default_rng(1)
    state = flights([[150.0, 100.0, 2.0]], np.array([45.0]), np.array([7.0]), [rate])
    sizes = np.array([60.0] * 3 + [8.0] * 3 + [sigma])
    root = np.eye(7) + 0.3 * rng.normal(size=(7, 7))
    correlation = root @ root.T
    unit = np.sqrt(np.diag(correlation))
    covariance = correlation / unit[:, None] / unit * sizes[:, None] * sizes
    model = Motion.of(horizontal_psd_m2_s3=0.0, vertical_psd_m2_s3=0.0, turn_rate_psd_rad2_s3=0.0)
    flown = model.propagate(rng.multivariate_normal(state[0], covariance, 400_000), np.full(400_000, dt_s))
    mean = flown.mean(axis=0)

    def off(ahead, spread):
        """Return how far the mean is off, and how many times the claimed variance is exceeded at worst."""
        away = flown - ahead[0]
        return np.linalg.norm((ahead[0] - mean)[:3]), eigh(away.T @ away / len(away), spread[0], eigvals_only=True)[-1]

    second = off(*model.predict(state, covariance[None], np.array([dt_s])))
    first = off(*predict_by_jacobian(model, state, covariance[None], np.array([dt_s])))
    assert second[0] < max(0.1 * first[0], 0.5)  # the drawn mean is some 0.2 m off by chance
    assert second[1] - 1.0 < 0.01 * (first[1] - 1.0)


@pytest.mark.parametrize("dt_s", [45.0, 90.0, 300.0, 900.0])
@pytest.mark.parametrize("rate", [0.0, 0.0436])
def test_who_was_unseen_for_long_goes_on_no_faster(dt_s, rate):
    """Whatever the turn, nobody is faster than at first: beside 100,000 targets drawn and flown."""
    speed_m_s, rng = 100.0, np.random.default_rng(2)
    state = flights([[speed_m_s, 0.0, 0.0]], np.array([45.0]), np.array([7.0]), [rate])
    covariance = np.diag([50.0**2] * 3 + [3.0**2] * 3 + [0.0175**2])
    still = dict.fromkeys(("horizontal_psd_m2_s3", "vertical_psd_m2_s3"), 0.0)
    model = Motion.of(**still, turn_rate_psd_rad2_s3=4e-6)
    ahead, spread = model.predict(state, covariance[None], np.array([dt_s]))
    assert np.linalg.norm(ahead[0, 3:6]) < 1.2 * speed_m_s
    assert np.linalg.eigvalsh(spread[0])[0] > -1e-6 * np.trace(spread[0])
    drawn = rng.multivariate_normal(state[0], covariance + np.diag([0.0] * 6 + [4e-6 * dt_s / 3.0]), 100_000)
    flown = model.propagate(drawn, np.full(100_000, dt_s))
    for place in (slice(0, 3), slice(3, 6)):
        away = np.sqrt(np.mean(np.sum((flown[:, place] - ahead[0, place]) ** 2, axis=1)))
        assert 0.7 * away < np.sqrt(np.trace(spread[0, place, place])) < 1.7 * away
