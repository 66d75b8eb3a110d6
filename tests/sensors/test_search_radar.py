import mpmath as mp
import numpy as np
import pyproj
import pytest
from scipy.stats import chi2

from noroshi.geo.wgs84 import ecef_from_enu, ecef_from_geodetic, enu_axes
from noroshi.records import SensorSite
from noroshi.sensors.rows import LOG_VOLUME
from noroshi.sensors.search_radar import ALTITUDE, AZIMUTH, ELEVATION, RANGE, RANGE_RATE, Sensor

KINDS = {
    "2-D with Mode C": (RANGE, AZIMUTH, ALTITUDE),
    "3-D": (RANGE, AZIMUTH, ELEVATION),
    "3-D with Mode C": (RANGE, AZIMUTH, ELEVATION, ALTITUDE),
    "2-D with Mode C and range rate": (RANGE, AZIMUTH, ALTITUDE, RANGE_RATE),
    "3-D with Mode C and range rate": (RANGE, AZIMUTH, ELEVATION, ALTITUDE, RANGE_RATE),
}


def radar(lat_deg=50.0, lon_deg=8.0, height_m=300.0, **parameters):
    place = {"lat_rad": np.radians(lat_deg), "lon_rad": np.radians(lon_deg), "height_m": height_m}
    return Sensor.at(SensorSite(sensor="north", type="search_radar", **place, parameters=parameters))


def targets(sensor, rng, n, ground_km=(30.0, 300.0), height_m=(3000.0, 12000.0)):
    """Return (n, 6) states whose velocities are drawn from the radar's prior, and the origins."""
    origin = np.tile(sensor.origin_ecef_m, (n, 1))
    bearing, ground = rng.uniform(-np.pi, np.pi, n), rng.uniform(*ground_km, n) * 1e3
    height = rng.uniform(*height_m, n)
    rough = ecef_from_enu(np.stack([ground * np.sin(bearing), ground * np.cos(bearing), 0 * ground], axis=1), origin)
    lon, lat, _ = PROJ.transform(*rough.T, direction="INVERSE", radians=True)
    axes = enu_axes(lat, lon)
    sigmas = np.array([300.0, 300.0, 20.0])
    velocity = np.vecmat(rng.normal(size=(n, 3)) * sigmas, axes)
    return np.hstack([ecef_from_geodetic(lat, lon, height), velocity]), origin


PROJ = pyproj.Transformer.from_pipeline("+proj=cart +ellps=WGS84")


def mean_nees(error, covariance):
    return np.mean(np.vecdot(error, np.linalg.solve(covariance, error[:, :, None])[:, :, 0]))


def bounds(n, freedom, confidence=0.95):
    tail = (1.0 - confidence) / 2.0
    return chi2.ppf([tail, 1.0 - tail], n * freedom) / n


@pytest.mark.parametrize("site", [(50.0, 8.0, 300.0), (-33.9, 151.2, 0.0), (69.6, -179.9, 1500.0), (0.0, 0.0, 0.0)])
def test_measures_what_proj_measures(site):
    lat_deg, lon_deg, height_m = site
    sensor, rng = radar(*site), np.random.default_rng(1)
    states, origin = targets(sensor, rng, 300, (0.5, 400.0), (0.0, 20000.0))
    topocentric = pyproj.Transformer.from_pipeline(
        f"+proj=topocentric +ellps=WGS84 +lat_0={lat_deg} +lon_0={lon_deg} +h_0={height_m}"
    )

    def enu(seconds):
        return np.stack(topocentric.transform(*(states[:, :3] + seconds * states[:, 3:]).T))

    east, north, up = enu(0.0)
    range_m = np.sqrt(east**2 + north**2 + up**2)
    ours = sensor.measure(states, origin)
    np.testing.assert_allclose(ours[:, RANGE], range_m, rtol=0, atol=1e-8)
    np.testing.assert_allclose(ours[:, AZIMUTH], np.arctan2(east, north), rtol=0, atol=1e-10)
    np.testing.assert_allclose(ours[:, ELEVATION], np.arcsin(up / range_m), rtol=0, atol=1e-10)
    height = PROJ.transform(*states[:, :3].T, direction="INVERSE")[2]
    np.testing.assert_allclose(ours[:, ALTITUDE], height, rtol=0, atol=2e-4)  # PROJ's own error
    opened = np.linalg.norm(enu(0.01), axis=0) - np.linalg.norm(enu(-0.01), axis=0)
    np.testing.assert_allclose(ours[:, RANGE_RATE], opened / 0.02, rtol=0, atol=1e-4)


def test_azimuth_is_clockwise_from_north_and_an_opening_range_is_positive():
    sensor = radar()
    origin = np.tile(sensor.origin_ecef_m, (2, 1))
    axes = enu_axes(np.radians(50.0), np.radians(8.0))
    places = ecef_from_enu(np.array([[1000.0, 0.0, 1000.0], [0.0, -1000.0, 0.0]]), origin)
    states = np.hstack([places, np.vecmat(np.array([[10.0, 0.0, 10.0], [0.0, 7.0, 0.0]]), axes)])
    found = sensor.measure(states, origin)
    np.testing.assert_allclose(found[0, [AZIMUTH, ELEVATION, RANGE_RATE]], [np.pi / 2, np.pi / 4, 200**0.5], rtol=1e-9)
    np.testing.assert_allclose(found[1, [ELEVATION, RANGE_RATE]], [0.0, -7.0], atol=1e-8)
    np.testing.assert_allclose(abs(found[1, AZIMUTH]), np.pi, atol=1e-9)


def exact_geodetic(p):
    a, f = mp.mpf(6378137), 1 / mp.mpf("298.257223563")
    e2 = f * (2 - f)
    across = mp.sqrt(p[0] ** 2 + p[1] ** 2)
    lat = mp.atan2(p[2], across)
    for _ in range(40):
        normal = a / mp.sqrt(1 - e2 * mp.sin(lat) ** 2)
        lat = mp.atan2(p[2] + e2 * normal * mp.sin(lat), across)
    return lat, mp.atan2(p[1], p[0]), across * mp.cos(lat) + p[2] * mp.sin(lat) - a**2 / normal


def exact_measure(state, origin):
    lat, lon, _ = exact_geodetic(origin)
    x, y, z = (state[i] - origin[i] for i in range(3))
    east = -mp.sin(lon) * x + mp.cos(lon) * y
    outward = mp.cos(lon) * x + mp.sin(lon) * y
    north, up = mp.cos(lat) * z - mp.sin(lat) * outward, mp.cos(lat) * outward + mp.sin(lat) * z
    range_m = mp.sqrt(x**2 + y**2 + z**2)
    rate = (x * state[3] + y * state[4] + z * state[5]) / range_m
    return [range_m, mp.atan2(east, north), mp.asin(up / range_m), exact_geodetic(state)[2], rate]


def test_jacobian_is_that_of_fifty_digits():
    sensor = radar(-37.0, 174.0, 25.0)
    states, origin = targets(sensor, np.random.default_rng(3), 6, (1.0, 400.0), (100.0, 30000.0))
    ours, measured = sensor.jacobian(states, origin), sensor.measure(states, origin)
    with mp.workdps(50):
        step = mp.mpf(10) ** -15
        for row in range(len(states)):
            x, o = [mp.mpf(v) for v in states[row]], [mp.mpf(v) for v in origin[row]]
            np.testing.assert_allclose(measured[row], np.array(exact_measure(x, o), float), rtol=1e-11, atol=1e-8)
            for j in range(6):
                ends = [exact_measure([x[k] + sign * step * (k == j) for k in range(6)], o) for sign in (1, -1)]
                exact = np.array([(high - low) / (2 * step) for high, low in zip(*ends, strict=True)], float)
                scale = np.abs(ours[row]).max(axis=1)  # of the whole gradient: a single zero has no relative error
                np.testing.assert_allclose(ours[row, :, j] / scale, exact / scale, rtol=0, atol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_locate_gives_back_the_place_that_was_measured(kind):
    sensor = radar()
    states, origin = targets(sensor, np.random.default_rng(4), 500, (5.0, 400.0), (3000.0, 40000.0))
    values = np.full((500, 5), np.nan)
    values[:, KINDS[kind]] = sensor.measure(states, origin)[:, KINDS[kind]]
    found, _ = sensor.locate(values, sensor.noise(values), origin)
    np.testing.assert_allclose(found[:, :3], states[:, :3], rtol=0, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_covariance_is_consistent_with_the_errors(kind):
    n, sensor, rng = 4000, radar(), np.random.default_rng(5)
    states, origin = targets(sensor, rng, n)
    exact = sensor.measure(states, origin)
    noise = sensor.noise(exact)
    values = np.full((n, 5), np.nan)
    noisy = exact + rng.normal(size=(n, 5)) * np.sqrt(np.diagonal(noise, axis1=1, axis2=2))
    values[:, KINDS[kind]] = noisy[:, KINDS[kind]]
    found, covariance = sensor.locate(values, noise, origin)
    low, high = bounds(n, 6)
    assert low < mean_nees(found - states, covariance) < high
    low, high = bounds(n, 3)
    assert low < mean_nees((found - states)[:, :3], covariance[:, :3, :3]) < high


def test_noise_that_is_correlated_is_used_so():
    n, sensor, rng = 4000, radar(), np.random.default_rng(6)
    states, origin = targets(sensor, rng, n)
    exact = sensor.measure(states, origin)
    noise = sensor.noise(exact)
    noise[:, RANGE, RANGE_RATE] = noise[:, RANGE_RATE, RANGE] = 0.95 * 70.0 * 2.0
    values = exact + np.matvec(np.linalg.cholesky(noise), rng.normal(size=(n, 5)))
    found, covariance = sensor.locate(values, noise, origin)
    low, high = bounds(n, 6)
    assert low < mean_nees(found - states, covariance) < high
    corner = np.corrcoef(np.vecdot(found[:, :3] - states[:, :3], states[:, :3] - origin), values[:, 4] - exact[:, 4])
    assert corner[0, 1] > 0.3  # and the errors do carry it


def test_range_rate_narrows_the_velocity_along_the_sight_line_only():
    sensor = radar(range_rate_sigma_m_s=3.0)
    states, origin = targets(sensor, np.random.default_rng(7), 50, (50.0, 300.0))
    values = sensor.measure(states, origin)
    found, covariance = sensor.locate(values, sensor.noise(values), origin)
    sight = (found[:, :3] - origin) / np.linalg.norm(found[:, :3] - origin, axis=1)[:, None]
    along = np.vecdot(sight, np.matvec(covariance[:, 3:, 3:], sight)) ** 0.5
    leak = 300.0 * np.radians(0.08)  # the azimuth's error lets in the velocity across
    np.testing.assert_allclose(along, np.hypot(3.0, leak), rtol=1e-3)
    np.testing.assert_allclose(np.vecdot(sight, found[:, 3:]), values[:, RANGE_RATE], atol=0.1)
    lon, lat, _ = PROJ.transform(*found[:, :3].T, direction="INVERSE", radians=True)
    across = np.cross(sight, enu_axes(lat, lon)[:, 2])
    across /= np.linalg.norm(across, axis=1)[:, None]
    np.testing.assert_allclose(np.vecdot(across, np.matvec(covariance[:, 3:, 3:], across)) ** 0.5, 300.0, rtol=1e-6)


@pytest.mark.parametrize("ground_km", [(0.0, 0.5), (0.5, 2.0), (2.0, 6.0)])
def test_overhead_where_range_tells_no_ground_distance_the_covariance_still_covers_the_error(ground_km):
    n, sensor, rng = 2000, radar(), np.random.default_rng(8)
    states, origin = targets(sensor, rng, n, ground_km, (8000.0, 12000.0))
    values = sensor.measure(states, origin)
    noise = sensor.noise(values)
    values += rng.normal(size=(n, 5)) * np.sqrt(np.diagonal(noise, axis1=1, axis2=2))
    values[:, [ELEVATION, RANGE_RATE]] = np.nan
    if ground_km[0] == 0.0:
        assert np.mean(values[:, RANGE] < values[:, ALTITUDE] - 300.0) > 0.3  # no triangle has such sides
    found, covariance = sensor.locate(values, noise, origin)
    assert np.isfinite(found).all()
    error = (found - states)[:, :3]
    squared = np.vecdot(error, np.linalg.solve(covariance[:, :3, :3], error[:, :, None])[:, :, 0])
    assert np.mean(squared < chi2.ppf(0.999, 3)) > 0.98  # it is the square of the ground distance that is Gaussian
    assert np.linalg.norm(error, axis=1).max() < 4000.0


def test_a_plot_without_height_covers_all_heights_at_which_aircraft_fly():
    n, sensor, rng = 2000, radar(), np.random.default_rng(9)
    states, origin = targets(sensor, rng, n, (5.0, 300.0), (1000.0, 13000.0))
    values = sensor.measure(states, origin)
    values[:, 2:] = np.nan
    found, covariance = sensor.locate(values, sensor.noise(values), origin)
    np.testing.assert_allclose(sensor.measure(found, origin)[:, :2], values[:, :2], rtol=1e-9)
    error = (found - states)[:, :3]
    squared = np.vecdot(error, np.linalg.solve(covariance[:, :3, :3], error[:, :, None])[:, :, 0])
    assert np.mean(squared < chi2.ppf(0.99, 3)) > 0.98
    height = sensor.measure(found, origin)[:, ALTITUDE]
    near = values[:, RANGE] < 11000.0
    np.testing.assert_allclose(height[~near & (values[:, RANGE] > 12000.0)], 6000.0, atol=1e-6)
    assert np.all(height[near] <= 300.0 + values[near, RANGE])


def test_a_radar_on_a_mountain_sees_ships_below_it():
    sensor = radar(height_m=3000.0, altitude_prior_m=0.0, altitude_prior_sigma_m=50.0)
    values = np.array([[range_m, 1.0, np.nan, np.nan, np.nan] for range_m in (1000.0, 3000.0, 20_000.0, 150_000.0)])
    origin = np.tile(sensor.origin_ecef_m, (4, 1))
    found, covariance = sensor.locate(values, sensor.noise(values), origin)
    np.testing.assert_allclose(sensor.measure(found, origin)[:, ALTITUDE], [2500.0, 1500.0, 0.0, 0.0], atol=1e-6)
    np.testing.assert_allclose(sensor.measure(found, origin)[:, RANGE], values[:, RANGE], rtol=1e-9)
    assert np.linalg.eigvalsh(covariance)[:, 0].min() > 0.0


def test_mode_c_noise_is_that_of_its_rounding_and_what_is_stated_beyond_it():
    rounded = np.random.default_rng(10).uniform(0.0, 10000.0, 200_000)
    rounding = np.std(np.round(rounded / 30.48) * 30.48 - rounded)
    noise = radar(altitude_step_m=30.48, altitude_sigma_m=5.0).noise(np.zeros((2, 5)))
    np.testing.assert_allclose(noise[:, ALTITUDE, ALTITUDE], rounding**2 + 25.0, rtol=0.01)
    generic = radar().noise(np.zeros((1, 5)))[0].diagonal() ** 0.5
    np.testing.assert_allclose(generic[:2], [70.0, 0.08 * np.pi / 180.0], rtol=1e-12)


def test_targets_are_seen_inside_the_coverage_only():
    sensor = radar(50.0, 8.0, 30.0, detection_probability=0.8, range_m_max=200_000.0)
    lat = np.radians([50.001, 50.5, 51.5, 51.5, 53.0])
    height = np.array([30.0, 9000.0, 9000.0, 200.0, 9000.0])
    states = np.zeros((5, 6))
    states[:, :3] = ecef_from_geodetic(lat, np.full(5, np.radians(8.0)), height)
    # too near, seen, seen, below the horizon (167 km, which takes 1.2 km of height), too far
    found = sensor.detection_probability(states, np.tile(sensor.origin_ecef_m, (5, 1)))
    np.testing.assert_array_equal(found, [0.0, 0.8, 0.8, 0.0, 0.0])


@pytest.mark.parametrize(
    ("parameters", "complaint"),
    [
        ({"range_m_min": 5e5}, "range_m_min"),
        ({"azimuth_sigma_rad": 0.0}, "positive"),
        ({"detection_probability": 1.2}, "from 0 to 1"),
        ({"scan_period_s": -4.0}, "positive"),
        ({"range_m_max": float("nan")}, "give a number"),
        ({"azimuth_sigma_deg": 0.1}, "azimuth_sigma_rad"),
    ],
)
def test_refuses_parameters_that_make_no_sense(parameters, complaint):
    with pytest.raises(ValueError, match=complaint):
        radar(**parameters)


def test_a_radar_that_looks_at_the_surface_puts_plots_without_height_at_sea_level():
    sensor = radar(height_m=60.0, surface=1.0, azimuth_sigma_rad=0.005, range_sigma_m=15.0)
    values = np.full((3, 5), np.nan)
    values[:, RANGE], values[:, AZIMUTH] = [6e3, 20e3, 30e3], [0.3, 2.0, -1.0]
    values[2, ALTITUDE] = 3000.0  # a height that was measured is kept
    noise, origin = sensor.noise(values), np.tile(sensor.origin_ecef_m, (3, 1))
    found, covariance = sensor.begin(sensor.form(values, noise, origin), np.arange(3))
    np.testing.assert_allclose(sensor.measure(found, origin)[:, ALTITUDE], [0.0, 0.0, 3000.0], atol=0.5)
    lon, lat, _ = PROJ.transform(*found[:, :3].T, direction="INVERSE", radians=True)
    axes = enu_axes(lat, lon)
    sigmas = np.sqrt(np.diagonal(axes @ covariance[:, :3, :3] @ axes.swapaxes(1, 2), axis1=1, axis2=2))
    np.testing.assert_allclose(sigmas[:2, 2], 50.0, rtol=0.01)
    speeds = np.sqrt(np.diagonal(axes @ covariance[:, 3:, 3:] @ axes.swapaxes(1, 2), axis1=1, axis2=2))
    np.testing.assert_allclose(speeds, [[10.0, 10.0, 0.5]] * 3, rtol=1e-6)
    assert np.isnan(values[:2, ALTITUDE]).all()
    np.testing.assert_array_equal(noise[0], sensor.noise(values)[0])


def test_the_height_that_every_plot_of_the_surface_is_given_speaks_for_no_target():
    """A ship at sea level is no likelier beside false plots than the same by a radar that gives no height."""
    told, level = radar(height_m=60.0, surface=1.0), radar(height_m=60.0)
    values = np.full((1, 5), np.nan)
    values[0, :2] = 20e3, 0.3
    origin = told.origin_ecef_m[None]
    form = told.form(values, told.noise(values), origin)
    at_m, spread = form[0, :3], np.eye(6)[None] * 20.0**2
    ratio = []
    for sensor in (told, level):
        form = sensor.form(values, sensor.noise(values), origin)
        ahead = np.concatenate([at_m, np.zeros(3)])[None]
        innovation, rows, variance = sensor.linearise(form, np.zeros(1, np.int64), ahead, spread)
        kept = ~np.isnan(innovation[0])
        h = rows[0][kept]
        total = h @ spread[0] @ h.T + np.diag(variance[0][kept])
        ratio.append(np.exp(form[0, LOG_VOLUME]) / np.sqrt(np.linalg.det(2.0 * np.pi * total)))
    assert ratio[0] == pytest.approx(ratio[1], rel=0.15)


def test_surface_is_one_or_nothing():
    with pytest.raises(ValueError, match="surface"):
        radar(surface=2.0)
