"""Lines taken in at the expected state: the rows are a derivative, and the second order is what sampling says."""

import numpy as np
import pytest
from scipy.stats import special_ortho_group

from noroshi.assessment.consistency import bounds, nees
from noroshi.geo.wgs84 import ecef_from_geodetic, enu_axes
from noroshi.records import Detections, SensorSite
from noroshi.sensors.infrared import Sensor
from noroshi.sensors.prepare import arrange
from noroshi.sensors.rows import absorb_forms, form_of, linearise

SENSOR = Sensor.at(SensorSite(sensor="one", type="infrared", lat_rad=0.0, lon_rad=0.0, height_m=1e6, parameters={}))


def scene(n, seed=1):
    """Return n targets 1,000 km or so from as many satellites."""
    rng = np.random.default_rng(seed)
    lat, lon = rng.uniform(-1.2, 1.2, n), rng.uniform(-3.0, 3.0, n)
    origin = ecef_from_geodetic(lat, lon, np.full(n, 900e3))
    flat = np.stack([*rng.uniform(-5e5, 5e5, (2, n)), rng.uniform(-850e3, -700e3, n)], axis=1)
    states = np.hstack([origin + np.vecmat(flat, enu_axes(lat, lon)), rng.normal(size=(n, 3)) * 2e3])
    return states, origin, rng


def plots(values, origin):
    n = len(values)
    made = Detections.of(
        sensor="one", components=SENSOR.COMPONENTS, time_ns=np.full(n, 10**18), values=values, origin_ecef_m=origin
    )
    return arrange(made, SENSOR)


def test_rows_are_the_derivative_of_the_innovation():
    states, origin, rng = scene(50)
    seen = plots(SENSOR.measure(states, origin), origin)
    form, each, still = form_of(SENSOR, seen), np.arange(50), np.zeros((50, 6, 6))
    expected = states + rng.normal(size=states.shape) * 100.0
    innovation, rows, _ = linearise(SENSOR, seen, form, each, expected, still)
    for c in range(3):
        ahead, behind = expected.copy(), expected.copy()
        ahead[:, c] += 10.0
        behind[:, c] -= 10.0
        after, _, _ = linearise(SENSOR, seen, form, each, ahead, still)
        before, _, _ = linearise(SENSOR, seen, form, each, behind, still)
        np.testing.assert_allclose(-(after - before) / 20.0, rows[:, :, c], rtol=0, atol=2e-4)
    np.testing.assert_allclose(
        (rows[:, :, :3] @ (states - expected)[:, :3, None])[..., 0], innovation, rtol=0, atol=0.1
    )


def test_an_update_is_that_by_the_angles_own_jacobian_where_all_is_nearly_linear():
    states, origin, rng = scene(50)
    spin = special_ortho_group(3, seed=2).rvs(50)
    covariance = np.tile(np.diag([1.0] * 3 + [100.0] * 3) * 100.0, (50, 1, 1))
    covariance[:, :3, :3] = spin @ np.diag([50.0**2, 100.0**2, 20.0**2]) @ spin.swapaxes(1, 2)
    values = SENSOR.measure(states, origin) + 5e-5 * rng.normal(size=(50, 2))
    expected = states + np.matvec(np.linalg.cholesky(covariance), rng.normal(size=states.shape))
    noise = SENSOR.noise(SENSOR.measure(expected, origin))  # one angle across the line, where the Jacobian is
    seen = plots(values, origin)
    mean, spread = expected.copy(), covariance.copy()
    absorb_forms(
        SENSOR, seen, form_of(SENSOR, seen), np.arange(50), mean, spread, np.empty((50, 3)), np.ones(50, np.bool_)
    )
    H = SENSOR.jacobian(expected, origin)
    S = H @ covariance @ H.swapaxes(1, 2) + noise
    K = np.linalg.solve(S, H @ covariance).swapaxes(1, 2)
    np.testing.assert_allclose(mean, expected + np.matvec(K, values - SENSOR.measure(expected, origin)), atol=0.05)
    sigma = np.sqrt(np.diagonal(covariance, axis1=1, axis2=2))
    difference = (spread - (covariance - K @ H @ covariance)) / sigma[:, :, None] / sigma[:, None, :]
    assert np.abs(difference).max() < 1e-4


@pytest.mark.parametrize("along_m", [100.0, 100e3])
def test_innovations_have_the_mean_and_spread_that_they_are_given(along_m):
    # The second order: with 100 km along another line, the angles are far from linear in what is not known.
    states, origin, rng = scene(4_000)
    spin = special_ortho_group(3, seed=3).rvs(4_000)
    covariance = np.zeros((4_000, 6, 6))
    covariance[:, :3, :3] = spin @ np.diag([100.0**2, 200.0**2, along_m**2]) @ spin.swapaxes(1, 2)
    covariance[:, 3:, 3:] = np.eye(3)
    expected = states - np.matvec(np.linalg.cholesky(covariance), rng.normal(size=states.shape))
    exact = SENSOR.measure(states, origin)
    noise = SENSOR.noise(exact)
    values = exact + np.sqrt(np.diagonal(noise, axis1=1, axis2=2)) * rng.normal(size=exact.shape)
    seen = plots(values, origin)
    innovation, rows, variance = linearise(SENSOR, seen, form_of(SENSOR, seen), np.arange(4_000), expected, covariance)
    S = rows @ covariance @ rows.swapaxes(1, 2) + variance[:, :, None] * np.eye(2)
    low, high = bounds(4_000, 2, 0.999)
    assert low < nees(innovation, S).mean() < high
