import numpy as np
import pyproj
from scipy.stats import chi2

from noroshi.records import SensorSite
from noroshi.sensors.local_position import Sensor


def frame(lat_deg=np.nan, lon_deg=np.nan, height_m=np.nan, **parameters):
    place = {"lat_rad": np.radians(lat_deg), "lon_rad": np.radians(lon_deg), "height_m": height_m}
    return Sensor.at(SensorSite(sensor="lab", type="local_position", **place, parameters=parameters))


def origins(sensor, n):
    return np.tile(sensor.origin_ecef_m, (n, 1))


def test_the_laboratory_plane_is_a_permutation_of_the_axes_to_the_last_bit():
    sensor = frame()
    values = np.array([[1.5, -2.25, 0.0], [1024.0, 7.0, 16.0]])
    states, _ = sensor.locate(values, sensor.noise(values), origins(sensor, 2))
    np.testing.assert_array_equal(states[:, :3], values[:, [2, 0, 1]] + np.array([6378137.0, 0.0, 0.0]))
    np.testing.assert_array_equal(sensor.measure(states, origins(sensor, 2)), values)
    np.testing.assert_array_equal(sensor.jacobian(states, origins(sensor, 2))[0, :, :3], np.eye(3)[[1, 2, 0]])


def test_elsewhere_it_measures_what_proj_measures():
    sensor, rng = frame(-33.0, 151.0, 40.0), np.random.default_rng(1)
    topocentric = pyproj.Transformer.from_pipeline("+proj=topocentric +ellps=WGS84 +lat_0=-33 +lon_0=151 +h_0=40")
    states = np.zeros((100, 6))
    states[:, :3] = sensor.origin_ecef_m + rng.normal(size=(100, 3)) * 1e5
    theirs = np.stack(topocentric.transform(*states[:, :3].T), axis=1)
    np.testing.assert_allclose(sensor.measure(states, origins(sensor, 100)), theirs, rtol=0, atol=1e-8)


def test_locate_is_consistent():
    n, sensor, rng = 4000, frame(60.0, -20.0, 0.0, sigma_m=40.0, speed_sigma_m_s=15.0), np.random.default_rng(2)
    states = np.hstack([sensor.origin_ecef_m + rng.normal(size=(n, 3)) * 1e4, rng.normal(size=(n, 3)) * 15.0])
    noise = sensor.noise(np.zeros((n, 3)))
    noise[:, 0, 2] = noise[:, 2, 0] = -0.8 * 1600.0
    values = sensor.measure(states, origins(sensor, n))
    values += np.matvec(np.linalg.cholesky(noise), rng.normal(size=(n, 3)))
    found, covariance = sensor.locate(values, noise, origins(sensor, n))
    error = found - states
    low, high = chi2.ppf([0.025, 0.975], n * 6) / n
    assert low < np.mean(np.vecdot(error, np.linalg.solve(covariance, error[:, :, None])[:, :, 0])) < high


def test_a_plot_without_z_lies_in_the_plane():
    sensor = frame(plane_sigma_m=2.0, plane_speed_sigma_m_s=0.5)
    values = np.array([[3.0, 4.0, np.nan]])
    states, covariance = sensor.locate(values, sensor.noise(values), origins(sensor, 1))
    np.testing.assert_array_equal(states[0], [6378137.0, 3.0, 4.0, 0.0, 0.0, 0.0])
    np.testing.assert_allclose(covariance[0], np.diag([4.0, 1.0, 1.0, 0.25, 300.0**2, 300.0**2]), rtol=1e-12)


def test_it_sees_everywhere():
    sensor = frame(detection_probability=0.6)
    np.testing.assert_array_equal(sensor.detection_probability(np.zeros((3, 6)), origins(sensor, 3)), 0.6)
