import mpmath as mp
import numpy as np
import pyproj
import pytest
from scipy.stats import chi2

from noroshi.estimation.sequential import absorb
from noroshi.geo.wgs84 import ecef_from_geodetic, enu_axes
from noroshi.motion.constant_velocity import Motion as ConstantVelocity
from noroshi.records import SensorSite
from noroshi.sensors.position_report import GROUND_CLIMB_SIGMA_M_S, Sensor
from noroshi.sensors.rows import LOG_VOLUME, NOTHING

PROJ = pyproj.Transformer.from_pipeline("+proj=cart +ellps=WGS84")
GEOD = pyproj.Geod(ellps="WGS84")
NOWHERE = np.full(3, np.nan)


def source(lat_deg=np.nan, lon_deg=np.nan, height_m=np.nan, **parameters):
    place = {"lat_rad": np.radians(lat_deg), "lon_rad": np.radians(lon_deg), "height_m": height_m}
    return Sensor.at(SensorSite(sensor="adsb", type="position_report", **place, parameters=parameters))


def targets(rng, n, lat_deg=85.0, height_m=(0.0, 13000.0)):
    lat, lon = rng.uniform(-1, 1, n) * np.radians(lat_deg), rng.uniform(-np.pi, np.pi, n)
    velocity = np.vecmat(rng.normal(size=(n, 3)) * [300.0, 300.0, 20.0], enu_axes(lat, lon))
    return np.hstack([ecef_from_geodetic(lat, lon, rng.uniform(*height_m, n)), velocity])


def nowhere(n):
    return np.tile(NOWHERE, (n, 1))


def mean_nees(error, covariance):
    return np.mean(np.vecdot(error, np.linalg.solve(covariance, error[:, :, None])[:, :, 0]))


def bounds(n, freedom):
    return chi2.ppf([0.025, 0.975], n * freedom) / n


def test_measures_what_proj_measures():
    states = targets(np.random.default_rng(1), 60)
    ours = source().measure(states, nowhere(60))
    lon, lat, height = PROJ.transform(*states[:, :3].T, direction="INVERSE", radians=True)
    np.testing.assert_allclose(ours[:, :2], np.stack([lat, lon], axis=1), rtol=0, atol=1e-9)
    np.testing.assert_allclose(ours[:, 2], height, rtol=0, atol=2e-4)  # PROJ's own error
    for row, (x, y, z) in enumerate(states[:, :3]):
        topocentric = pyproj.Transformer.from_pipeline(f"+proj=topocentric +ellps=WGS84 +X_0={x} +Y_0={y} +Z_0={z}")
        a_second_later = topocentric.transform(*(states[row, :3] + states[row, 3:]))
        np.testing.assert_allclose(ours[row, 3:], a_second_later, rtol=0, atol=1e-6)


def exact_measure(state):
    a, f = mp.mpf(6378137), 1 / mp.mpf("298.257223563")
    e2 = f * (2 - f)
    x, y, z, vx, vy, vz = state
    across = mp.sqrt(x**2 + y**2)
    lat, lon = mp.atan2(z, across), mp.atan2(y, x)
    for _ in range(40):
        normal = a / mp.sqrt(1 - e2 * mp.sin(lat) ** 2)
        lat = mp.atan2(z + e2 * normal * mp.sin(lat), across)
    height = across * mp.cos(lat) + z * mp.sin(lat) - a**2 / normal
    outward = vx * mp.cos(lon) + vy * mp.sin(lon)
    east, north = vy * mp.cos(lon) - vx * mp.sin(lon), vz * mp.cos(lat) - outward * mp.sin(lat)
    return [lat, lon, height, east, north, outward * mp.cos(lat) + vz * mp.sin(lat)]


def test_jacobian_is_that_of_fifty_digits():
    states = np.vstack([targets(np.random.default_rng(2), 6), targets(np.random.default_rng(3), 2, 20.0, (1e5, 1e6))])
    polar = np.hstack([ecef_from_geodetic(np.radians(89.89), 1.0, 100.0), [100.0, -200.0, 5.0]])
    states = np.vstack([states, polar])
    ours = source().jacobian(states, nowhere(len(states)))
    with mp.workdps(50):
        step = mp.mpf(10) ** -15
        for row, state in enumerate(states):
            x = [mp.mpf(v) for v in state]
            for j in range(6):
                high, low = (exact_measure([x[k] + sign * step * (k == j) for k in range(6)]) for sign in (1, -1))
                exact = np.array([(a - b) / (2 * step) for a, b in zip(high, low, strict=True)], float)
                scale = np.abs(ours[row]).max(axis=1)  # of the whole gradient: a single zero has no relative error
                np.testing.assert_allclose(ours[row, :, j] / scale, exact / scale, rtol=0, atol=1e-9)


def test_locate_gives_back_the_state_and_a_consistent_covariance():
    n, sensor, rng = 4000, source(), np.random.default_rng(4)
    states = targets(rng, n)
    exact = sensor.measure(states, nowhere(n))
    noise = sensor.noise(exact)
    np.testing.assert_allclose(sensor.locate(exact, noise, nowhere(n))[0], states, rtol=0, atol=1e-7)
    coupled = noise.copy()  # a position's own error ellipse is seldom along north and east
    coupled[:, 0, 1] = coupled[:, 1, 0] = 0.9 * np.sqrt(noise[:, 0, 0] * noise[:, 1, 1])
    for covariance_in in (noise, coupled):
        noisy = exact + np.matvec(np.linalg.cholesky(covariance_in), rng.normal(size=(n, 6)))
        found, covariance = sensor.locate(noisy, covariance_in, nowhere(n))
        low, high = bounds(n, 6)
        assert low < mean_nees(found - states, covariance) < high


def test_an_error_of_latitude_turns_the_velocity_with_it():
    sensor = source(position_sigma_m=50_000.0, velocity_sigma_m_s=0.01)
    n, rng = 4000, np.random.default_rng(5)
    states = np.repeat(targets(rng, 1, 60.0), n, axis=0)
    exact = sensor.measure(states, nowhere(n))
    noise = sensor.noise(exact)
    noisy = exact + np.matvec(np.linalg.cholesky(noise), rng.normal(size=(n, 6)))
    found, covariance = sensor.locate(noisy, noise, nowhere(n))
    sampled = np.cov((found - states).T)
    turned = covariance[:, 3:, :3].mean(axis=0)
    np.testing.assert_allclose(turned, sampled[3:, :3], rtol=0, atol=0.05 * np.abs(turned).max())
    assert np.abs(turned).max() > 1e4  # m^2/s: it is there at all


def test_a_ship_that_reports_for_an_hour_stays_at_sea_level():
    sea, rng = source(surface=1.0), np.random.default_rng(8)
    values = np.full((1, 6), np.nan)
    values[0, :2] = 0.61, 2.43
    state, spread = sea.locate(values, sea.noise(values), nowhere(1))
    for _ in range(360):
        state, spread = ConstantVelocity().predict(state, spread, np.array([10.0]))
        values[0, :2] = [0.61, 2.43] + rng.normal(size=2) * 4e-6
        form, fit = sea.form(values, sea.noise(values), nowhere(1)), np.empty((1, 3))
        innovation, rows, variance = sea.linearise(form, np.zeros(1, np.int64), state, spread)
        absorb(state, spread, innovation, rows, variance, fit, NOTHING)
    up = enu_axes(0.61, 2.43)[2]
    assert abs(sea.measure(state, nowhere(1))[0, 2]) < 1.0
    assert 20.0 < np.sqrt(up @ spread[0, :3, :3] @ up) < 50.0


def test_the_height_that_every_ship_is_given_speaks_for_none():
    told, level = source(surface=1.0), source(altitude_prior_m=0.0)
    values = np.full((1, 6), np.nan)
    values[0, :2] = 0.61, 2.43
    ratio = []
    for sensor in (told, level):
        form = sensor.form(values, sensor.noise(values), nowhere(1))
        ahead, spread, fit = (
            np.concatenate([form[0, :3], np.zeros(3)])[None],
            np.eye(6)[None] * 20.0**2,
            np.empty((1, 3)),
        )
        absorb(ahead, spread, *sensor.linearise(form, np.zeros(1, np.int64), ahead, spread), fit, NOTHING)
        ratio.append(form[0, LOG_VOLUME] - 0.5 * (fit[0, 1] + fit[0, 2] * np.log(2.0 * np.pi)))
    assert ratio[0] == pytest.approx(ratio[1], abs=0.15)


def test_noise_is_of_one_length_on_the_ground():
    sensor = source(position_sigma_m=75.0)
    lat_deg = np.array([0.0, 45.0, -60.0, 85.0])
    values = np.full((4, 6), np.nan)
    values[:, 0], values[:, 1] = np.radians(lat_deg), 0.3
    sigma_deg = np.degrees(np.sqrt(np.diagonal(sensor.noise(values), axis1=1, axis2=2)[:, :2]))
    zero = np.zeros(4)
    north = GEOD.inv(zero, lat_deg - sigma_deg[:, 0] / 2, zero, lat_deg + sigma_deg[:, 0] / 2)[2]
    east = GEOD.inv(zero, lat_deg, sigma_deg[:, 1], lat_deg)[2]
    np.testing.assert_allclose(north, 75.0, rtol=1e-6)
    np.testing.assert_allclose(east, 75.0, rtol=1e-6)


def test_what_a_report_lacks_comes_from_the_prior():
    air, sea = source(), source(surface=1.0)
    values = np.full((1, 6), np.nan)
    values[0, :2] = [0.9, 0.1]
    up = enu_axes(0.9, 0.1)[2]
    for sensor, height, height_sigma, speed_sigma, climb_sigma in (
        (air, 5000.0, 5000.0, 300.0, 20.0),
        (sea, 0.0, 50.0, 10.0, 0.5),
    ):
        states, covariance = sensor.locate(values, sensor.noise(values), nowhere(1))
        np.testing.assert_allclose(states[0, :3], ecef_from_geodetic(0.9, 0.1, height), atol=1e-8)
        np.testing.assert_array_equal(states[0, 3:], 0.0)
        np.testing.assert_allclose(up @ covariance[0, :3, :3] @ up, height_sigma**2, rtol=1e-9)
        np.testing.assert_allclose(up @ covariance[0, 3:, 3:] @ up, climb_sigma**2, rtol=1e-9)
        np.testing.assert_allclose(np.trace(covariance[0, 3:, 3:]), 2.0 * speed_sigma**2 + climb_sigma**2, rtol=1e-9)
    assert source(surface=1.0, speed_sigma_m_s=40.0).parameters["speed_sigma_m_s"] == 40.0


def test_who_stands_on_the_ground_is_put_as_high_as_airports_are():
    sensor = source()
    values = np.full((3, 6), np.nan)
    values[:, 0], values[:, 1], values[1:, 5] = 0.9, 0.1, 0.0
    noise = sensor.noise(values)
    noise[1, 5, 5] = GROUND_CLIMB_SIGMA_M_S**2  # the third says that it is level, as precisely as others in the air
    states, covariance = sensor.locate(values, noise, nowhere(3))
    up = enu_axes(0.9, 0.1)[2]
    height_m = sensor.measure(states, nowhere(3))[:, 2]
    np.testing.assert_allclose(height_m, [5000.0, 200.0, 5000.0], atol=1e-6)
    np.testing.assert_allclose(np.sqrt(up @ covariance[:, :3, :3] @ up), [5000.0, 500.0, 5000.0])
    np.testing.assert_allclose(np.sqrt(up @ covariance[:, 3:, 3:] @ up), [20.0, GROUND_CLIMB_SIGMA_M_S, 2.0])
    np.testing.assert_allclose(sensor.form(values, noise, nowhere(3))[:, :3], states[:, :3], atol=1e-6)


def test_finite_to_the_edge_of_its_bounds_and_at_the_pole_itself():
    sensor = source()
    values = np.zeros((2, 6))
    values[:, 0] = np.array([1.0, -1.0]) * sensor.BOUNDS["lat_rad"][1]
    values[:, 3] = 250.0
    states, covariance = sensor.locate(values, sensor.noise(values), nowhere(2))
    np.testing.assert_allclose(sensor.measure(states, nowhere(2)), values, atol=1e-8)
    assert np.linalg.eigvalsh(covariance)[:, 0].min() > 0.0
    pole = np.array([[0.0, 0.0, 6356752.3142 + 9000.0, 100.0, 0.0, 0.0]])
    assert np.isfinite(sensor.measure(pole, nowhere(1))).all()
    assert np.isfinite(sensor.jacobian(pole, nowhere(1))).all()


def test_a_receiver_with_a_place_does_not_hear_below_its_horizon():
    receiver, anywhere = source(50.0, 8.0, 20.0, detection_probability=0.7), source(detection_probability=0.7)
    states = np.zeros((2, 6))
    states[:, :3] = ecef_from_geodetic(np.radians([50.0, 53.0]), np.radians([8.5, 8.0]), np.array([0.0, 1000.0]))
    states[0, :3] = ecef_from_geodetic(np.radians(50.1), np.radians(8.0), 10.0)
    heard = receiver.detection_probability(states, np.tile(receiver.origin_ecef_m, (2, 1)))
    np.testing.assert_array_equal(heard, [0.7, 0.0])
    np.testing.assert_array_equal(anywhere.detection_probability(states, nowhere(2)), [0.7, 0.7])
    mixed = np.stack([NOWHERE, receiver.origin_ecef_m])
    np.testing.assert_array_equal(receiver.detection_probability(states[::-1], mixed), [0.7, 0.7])


@pytest.mark.parametrize(("parameters", "complaint"), [({"surface": 0.5}, "surface"), ({"sigma_m": 3.0}, "position_s")])
def test_refuses_parameters_that_make_no_sense(parameters, complaint):
    with pytest.raises(ValueError, match=complaint):
        source(**parameters)
