"""A filter with each model is consistent with a truth that another integrator flies by equations written here."""

import importlib

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from noroshi.assessment.consistency import bounds, nees
from noroshi.estimation.kalman import update
from noroshi.geo import wgs84
from noroshi.geo.atmosphere import density_kg_m3

RUNS, LOOKS, LOOK_S, KICKS, SIGMA_M = 200, 12, 2.0, 4, 30.0
SPIN = np.array([0.0, 0.0, wgs84.ROTATION_RATE_RAD_S])


def fall(p, v):
    """Return the acceleration of free fall, Vallado (2013) equations 8-25 and 3.6.2, over rows."""
    r2 = np.vecdot(p, p)[:, None]
    tilt = 1.5 * wgs84.J2 * wgs84.SEMI_MAJOR_AXIS_M**2 / r2
    pull = -wgs84.GRAVITATIONAL_PARAMETER_M3_S2 * p / r2**1.5
    pull = pull * (1.0 + tilt * (np.array([1.0, 1.0, 3.0]) - 5.0 * p[:, 2:] ** 2 / r2))
    return pull - 2.0 * np.cross(SPIN, v) - np.cross(SPIN, np.cross(SPIN, p))


def air(p, v, log_coefficient, turn=0.0, climb=0.0):
    speed = np.linalg.norm(v, axis=1)[:, None]
    ahead = v / speed
    left = np.cross(p, ahead)
    left /= np.linalg.norm(left, axis=1)[:, None]
    drag = density_kg_m3(wgs84.geodetic_from_ecef(p)[2])[:, None] * speed**2 / 2.0 / np.exp(log_coefficient)
    return drag * (turn * left + climb * np.cross(ahead, left) - ahead)


def singer(m, y):
    p, v, a = y[:, :3], y[:, 3:6], y[:, 6:]
    turn = np.cross(p, v) / np.vecdot(p, p)[:, None]
    return np.hstack([v, a + np.cross(turn, v), np.cross(turn, a) - a / m.memory_s])


def hover(m, y):
    return np.hstack([y[:, 3:], -y[:, 3:] / m.memory_s])


def ballistic(m, y):
    p, v = y[:, :3], y[:, 3:6]
    return np.hstack([v, fall(p, v) + air(p, v, y[:, 6:]), np.zeros((len(y), 1))])


def boost(m, y):
    p, v, a, q, w = y[:, :3], y[:, 3:6], y[:, 6:7], y[:, 7:8], y[:, 8:]
    ahead, up = (each / np.linalg.norm(each, axis=1)[:, None] for each in (v, p))
    push = a * ahead + w * (up - (up * ahead).sum(axis=1)[:, None] * ahead)
    return np.hstack([v, fall(p, v) + push, a * q, q * q, w * q])


def glide(m, y):
    p, v = y[:, :3], y[:, 3:6]
    means = [np.log(m.coefficient_mean_kg_m2), 0.0, m.lift_to_drag_mean]
    force = air(p, v, y[:, 6:7], y[:, 7:8], y[:, 8:])
    return np.hstack([v, fall(p, v) + force, (means - y[:, 6:]) / m.memory_s])


def cube(m):
    return [m.acceleration_psd_m2_s3] * 3


# The equation; height, east, north and up of the velocity and what is beyond at the start; standard deviations of what
# is beyond; densities of the white noise along the components from the fourth on, in east, north and up where the model
# tells them apart.
CASES = {
    "singer": (
        singer,
        (9e3, (200.0, 100.0, 0.0), (0.0, 0.0, 0.0)),
        lambda m: [m.horizontal_sigma_m_s2, m.horizontal_sigma_m_s2, m.vertical_sigma_m_s2],
        lambda m: [
            0,
            0,
            0,
            *np.array([m.horizontal_sigma_m_s2, m.horizontal_sigma_m_s2, m.vertical_sigma_m_s2]) ** 2 * 2 / m.memory_s,
        ],
    ),
    "hover": (
        hover,
        (300.0, (0.0, 0.0, 0.0), ()),
        lambda m: [],
        lambda m: list(
            np.array([m.horizontal_sigma_m_s, m.horizontal_sigma_m_s, m.vertical_sigma_m_s]) ** 2 * 2 / m.memory_s
        ),
    ),
    "ballistic": (
        ballistic,
        (60e3, (3000.0, 1500.0, -1000.0), (np.log(4000.0),)),
        lambda m: [0.1],
        lambda m: [*cube(m), m.coefficient_psd_per_s],
    ),
    "boost": (
        boost,
        (40e3, (1200.0, 300.0, 900.0), (30.0, 0.008, 8.0)),
        lambda m: [3.0, 0.001, 3.0],
        lambda m: [*cube(m), m.axial_psd_m2_s5, m.ratio_psd_per_s3, m.upward_psd_m2_s5],
    ),
    "glide": (
        glide,
        (48e3, (5000.0, 1000.0, 0.0), (np.log(13_000.0), 0.0, 2.6)),
        lambda m: [0.1, 0.1, 0.1],
        lambda m: [
            *cube(m),
            *np.array([m.coefficient_sigma, m.lift_to_drag_sigma, m.lift_to_drag_sigma]) ** 2 * 2 / m.memory_s,
        ],
    ),
}


# Where what is not known is small enough for a filter that is linear about its mean, and white noise is white.
TUNING = {
    "glide": {"coefficient_sigma": 0.15, "lift_to_drag_sigma": 0.3},
    "ballistic": {"coefficient_variance_per_mach": 0.0, "wind_psd_m2_s": 0.0},
}


@pytest.mark.parametrize("name", list(CASES))
def test_matched_filter_is_consistent(name):
    equation, (height_m, velocity, beyond), sigmas, densities = CASES[name]
    model, rng = (
        importlib.import_module(f"noroshi.motion.{name}").Motion.of(**TUNING.get(name, {})),
        np.random.default_rng(7),
    )
    axes = wgs84.enu_axes(0.6, 0.4)
    start = np.array([*wgs84.ecef_from_geodetic(0.6, 0.4, height_m), *(np.array(velocity) @ axes), *beyond])
    d = len(start)
    into_ecef = np.eye(d)
    for block in range(3, 9 if name == "singer" else 6, 3):
        into_ecef[block : block + 3, block : block + 3] = axes.T
    speed_sigma = 3.0 if name == "hover" else 20.0
    spread = into_ecef @ np.diag(np.array([SIGMA_M] * 3 + [speed_sigma] * 3 + sigmas(model)) ** 2) @ into_ecef.T
    root = into_ecef[:, 3:] * np.sqrt(densities(model))
    truth = start + rng.normal(size=(RUNS, d)) @ np.linalg.cholesky(spread).T
    mean, covariance = np.tile(start, (RUNS, 1)), np.tile(spread, (RUNS, 1, 1))
    H, R = np.eye(3, d), SIGMA_M**2 * np.eye(3)
    part_s = LOOK_S / KICKS

    def rate(_, y):
        return equation(model, y.reshape(RUNS, d)).ravel()

    for _ in range(LOOKS):
        for _ in range(KICKS):  # half the noise before, half after: white noise to the second order
            truth = truth + rng.normal(size=(RUNS, root.shape[1])) @ root.T * np.sqrt(part_s / 2.0)
            flown = solve_ivp(rate, (0.0, part_s), truth.ravel(), method="DOP853", rtol=1e-9, atol=1e-4)
            truth = flown.y[:, -1].reshape(RUNS, d)
            truth = truth + rng.normal(size=(RUNS, root.shape[1])) @ root.T * np.sqrt(part_s / 2.0)
        mean, covariance = model.predict(mean, covariance, np.full(RUNS, LOOK_S))
        measured = truth[:, :3] + SIGMA_M * rng.normal(size=(RUNS, 3))
        mean, covariance, *_ = update(mean, covariance, measured - mean[:, :3], H, R)
    low, high = bounds(RUNS, d, 1.0 - 0.05 / len(CASES))  # Bonferroni: all cases within their bounds at 95 %
    assert low < nees(truth - mean, covariance).mean() < high


@pytest.mark.parametrize(("name", "within"), [("singer", 2e-3), *((n, 1e-12) for n in CASES if n != "singer")])
@pytest.mark.parametrize("dt_s", [-3.0, 0.0, 0.7, 10.0])
def test_prediction_is_that_of_the_models_own_parts(name, within, dt_s):
    _, (height_m, velocity, beyond), _, _ = CASES[name]
    model, rng, n = importlib.import_module(f"noroshi.motion.{name}").Motion.of(), np.random.default_rng(3), 20
    lat, lon = rng.uniform(-1.4, 1.4, n), rng.uniform(-3.1, 3.1, n)
    place = wgs84.ecef_from_geodetic(lat, lon, np.full(n, height_m))
    states = np.hstack([place, np.vecmat(velocity, wgs84.enu_axes(lat, lon)), np.tile(beyond, (n, 1))])
    d = states.shape[1]
    sizes = np.array([200.0] * 3 + [20.0] * 3 + [(high - low) / 30.0 for low, high in model.EXTENT])
    root = rng.normal(size=(n, d, d)) * sizes[:, None]
    covariance, dt = root @ root.swapaxes(1, 2), np.full(n, dt_s)
    ahead, spread = model.predict(states, covariance, dt)
    transition = model.jacobian(states, dt)
    plain = transition @ covariance @ transition.swapaxes(1, 2) + model.process_noise(states, dt)
    sigmas = np.sqrt(np.diagonal(plain, axis1=1, axis2=2))
    assert np.abs((spread - plain) / sigmas[:, :, None] / sigmas[:, None, :]).max() < within
    np.testing.assert_allclose(ahead, model.propagate(states, dt), rtol=1e-13, atol=1e-9)
