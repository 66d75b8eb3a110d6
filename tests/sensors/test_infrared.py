import numpy as np
import pyproj
import pytest
from astropy.coordinates import cartesian_to_spherical

from noroshi.assessment.consistency import bounds, nees
from noroshi.geo.wgs84 import ecef_from_geodetic, enu_axes
from noroshi.records import SensorSite
from noroshi.sensors.infrared import Sensor

GEOSTATIONARY_M = 35_786_000.0


def sensor(**parameters):
    site = SensorSite(
        sensor="space", type="infrared", lat_rad=0.0, lon_rad=0.0, height_m=GEOSTATIONARY_M, parameters=parameters
    )
    return Sensor.at(site)


def seen(n=300, seed=1, satellite_height_m=GEOSTATIONARY_M, heights_m=(0.0, 100e3)):
    """Return targets that a satellite sees, and where it is."""
    rng = np.random.default_rng(seed)
    lat, lon = rng.uniform(-1.0, 1.0, n), rng.uniform(-1.0, 1.0, n)
    reach = 1.0 if satellite_height_m > 1e7 else 0.25
    place = ecef_from_geodetic(
        lat + rng.uniform(-reach, reach, n) * 0.5, lon + rng.uniform(-reach, reach, n) * 0.5, rng.uniform(*heights_m, n)
    )
    origin = ecef_from_geodetic(lat, lon, satellite_height_m)
    return np.hstack([place, rng.normal(size=(n, 3)) * 2000.0]), origin


def test_angles_are_those_of_spherical_coordinates_about_the_origin():
    states, origin = seen()
    _, elevation, azimuth = cartesian_to_spherical(*(states[:, :3] - origin).T)
    ours = sensor().measure(states, origin)
    np.testing.assert_allclose(ours[:, 0], (azimuth.value + np.pi) % (2.0 * np.pi) - np.pi, rtol=0, atol=1e-12)
    np.testing.assert_allclose(ours[:, 1], elevation.value, rtol=0, atol=1e-12)


def test_noise_is_one_angle_across_the_line_at_any_elevation():
    states, origin = seen()
    one, rng = sensor(), np.random.default_rng(2)
    values = one.measure(states, origin)
    noise = one.noise(values)
    noisy = values + np.vecmat(rng.normal(size=values.shape), np.linalg.cholesky(noise).swapaxes(1, 2))

    def line(v):
        return np.stack([np.cos(v[:, 1]) * np.cos(v[:, 0]), np.cos(v[:, 1]) * np.sin(v[:, 0]), np.sin(v[:, 1])], axis=1)

    off = np.linalg.norm(line(noisy) - line(values), axis=1)
    low, high = bounds(len(off), 2, 0.999)
    assert low < np.mean((off / 50e-6) ** 2) < high


@pytest.mark.parametrize("height_m", [500e3, 1_000e3, GEOSTATIONARY_M])
def test_a_line_alone_is_right_across_and_knows_how_little_it_knows_along(height_m):
    states, origin = seen(satellite_height_m=height_m)
    one, rng = sensor(), np.random.default_rng(3)
    noise = one.noise(one.measure(states, origin))
    values = one.measure(states, origin)
    values += np.vecmat(rng.normal(size=values.shape), np.linalg.cholesky(noise).swapaxes(1, 2))
    found, covariance = one.locate(values, noise, origin)
    error = states[:, :3] - found[:, :3]
    assert np.all(np.linalg.norm(error, axis=1) < 2.5 * np.sqrt(np.linalg.eigvalsh(covariance[:, :3, :3])[:, 2]))
    line = (found[:, :3] - origin) / np.linalg.norm(found[:, :3] - origin, axis=1)[:, None]
    across = np.linalg.svd(line[:, None, :])[2][:, 1:]
    missed = np.matvec(across, error)
    spread = across @ covariance[:, :3, :3] @ across.swapaxes(1, 2)
    low, high = bounds(len(missed), 2, 0.999)
    assert low < nees(missed, spread).mean() < high


def test_height_prior_is_where_the_line_is_put():
    # Straight down: from 0 to 100 km the middle is 50 km and half of the way is 50 km.
    origin = ecef_from_geodetic(0.0, 0.5, 700e3)[None]
    values = np.array([[0.5 - np.pi, 0.0]])
    found, covariance = sensor().locate(values, sensor().noise(values), origin)
    np.testing.assert_allclose(found[0, :3], ecef_from_geodetic(0.0, 0.5, 50e3), rtol=0, atol=1e-3)
    along = enu_axes(0.0, 0.5)[2]
    np.testing.assert_allclose(np.sqrt(along @ covariance[0, :3, :3] @ along), 50e3, rtol=1e-6)


def test_earth_and_cloud_hide_what_lies_behind_the_lowest_point_of_the_way():
    rng, n, cloud_m = np.random.default_rng(5), 300, 10e3
    lat, lon, height = rng.uniform(-0.7, 0.7, n), rng.uniform(-0.8, 0.8, n), rng.uniform(0.0, 300e3, n)
    states = np.hstack([ecef_from_geodetic(lat, lon, height), np.zeros((n, 3))])
    origin = np.tile(ecef_from_geodetic(0.2, 0.0, 1_000e3), (n, 1))
    chance = sensor(cloud_top_m=cloud_m).detection_probability(states, origin)
    way = origin[:, None] + np.linspace(0.0, 1.0, 3001)[:, None] * (states[:, None, :3] - origin[:, None])
    to_geodetic = pyproj.Transformer.from_pipeline("+inv +proj=cart +ellps=WGS84")
    lowest_m = to_geodetic.transform(*np.moveaxis(way, 2, 0))[2].min(axis=1)
    is_marginal = np.abs(lowest_m - cloud_m) < 50.0
    assert is_marginal.mean() < 0.02
    np.testing.assert_array_equal((chance > 0.0)[~is_marginal], (lowest_m > cloud_m)[~is_marginal])
    assert 0.2 < (chance > 0.0).mean() < 0.8


def test_sees_no_further_than_it_is_told():
    states, origin = seen(5, heights_m=(20e3, 30e3))
    assert sensor().detection_probability(states, origin).max() == 0.9
    assert sensor(range_m_max=1e7).detection_probability(states, origin).max() == 0.0


def test_refuses_heights_in_the_wrong_order():
    with pytest.raises(ValueError, match="height_prior_m_min"):
        sensor(height_prior_m_min=1e5, height_prior_m_max=0.0)
