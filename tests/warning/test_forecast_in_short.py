import math

import numpy as np
import pyproj
import pytest

from noroshi.geo import wgs84
from noroshi.warning.forecast import Forecast, ellipse, ending, ground_track, mixed, path_of, region
from noroshi.warning.points import normal_points, spread

GEOD = pyproj.Geod(ellps="WGS84")
START_NS = 1_893_456_000 * 10**9
TO_50, TO_95 = math.sqrt(2.0 * math.log(2.0)), math.sqrt(-2.0 * math.log(0.05))


def landing(lat_deg, lon_deg, lands=None, end_s=None, weight=None):
    """Return a forecast of ways that come down at these places, after a second on the ground."""
    places = wgs84.ecef_from_geodetic(np.radians(lat_deg), np.radians(lon_deg), 0.0)
    n = len(places)
    return Forecast(
        time_ns=START_NS + np.array([0, 10**9]),
        position_ecef_m=np.stack([places, places], axis=1),
        end_ns=START_NS + np.round(1e9 * (np.ones(n) if end_s is None else end_s)).astype(np.int64),
        lands=np.ones(n, np.bool_) if lands is None else lands,
        weight=np.full(n, 1.0 / n) if weight is None else weight,
    )


def scattered(major_m, minor_m, azimuth_deg, lat_deg=40.0, lon_deg=179.5, n=1_024):
    """Return a forecast that scatters by such standard deviations, placed by geodesics of the ellipsoid."""
    along, across = (normal_points(n, 2) * [major_m, minor_m]).T
    bearing = azimuth_deg + np.degrees(np.arctan2(across, along))
    ones = np.ones(n)
    lon, lat, _ = GEOD.fwd(lon_deg * ones, lat_deg * ones, bearing, np.hypot(along, across))
    return landing(lat, lon)


@pytest.mark.parametrize(("major_m", "within"), [(2e3, 0.01), (200e3, 0.02), (900e3, 0.05)])
def test_an_ellipse_is_that_of_the_geodesics_by_which_the_ways_scatter(major_m, within):
    forecast = scattered(major_m, 0.4 * major_m, 70.0)
    end = ending(forecast)
    assert GEOD.inv(math.degrees(end.lon_rad), math.degrees(end.lat_rad), 179.5, 40.0)[2] < within * major_m
    east, north = math.sin(math.radians(70.0)), math.cos(math.radians(70.0))
    expected = major_m**2 * (np.outer([east, north], [east, north]) + 0.16 * np.outer([north, -east], [north, -east]))
    assert np.allclose(end.covariance_m2, expected, atol=within * major_m**2)
    for share, factor in ((0.5, TO_50), (0.95, TO_95)):
        held = ellipse(forecast, share)
        assert held.major_m == pytest.approx(factor * major_m, rel=0.02 + within)
        assert held.minor_m == pytest.approx(factor * 0.4 * major_m, rel=0.02 + within)
        assert math.degrees(held.azimuth_rad) == pytest.approx(70.0, abs=2.0)


def test_an_outline_is_on_the_edge_of_what_it_holds():
    held = ellipse(scattered(30e3, 10e3, 20.0), 0.95)
    for share, is_in in ((0.999, True), (1.001, False)):
        lat, lon = held.outline(32).T
        middle = np.full(32, math.degrees(held.lon_rad)), np.full(32, math.degrees(held.lat_rad))
        azimuth, _, distance = GEOD.inv(*middle, np.degrees(lon), np.degrees(lat))
        lon, lat, _ = GEOD.fwd(*middle, azimuth, share * distance)
        assert (held.holds(np.radians(lat), np.radians(lon)) == is_in).all()


def test_ways_that_are_no_normal_distribution_have_the_share_inside_all_the_same():
    u = normal_points(2_000, 1)[:, 0]
    forecast = landing(np.where(u > 0.0, 40.0, 45.0) + 0.01 * np.abs(u), 140.0 + 5.0 * (u**2))
    lat, lon, _ = ground_track(forecast)
    for share in (0.5, 0.95):
        assert ellipse(forecast, share).holds(lat[:, -1], lon[:, -1]).mean() == pytest.approx(share, abs=0.02)


def test_only_ways_that_come_down_say_where():
    lands = np.array([True, True, False])
    end = ending(landing([10.0, 10.2, 70.0], [20.0, 20.0, 20.0], lands, np.array([100.0, 300.0, 7_200.0])))
    assert end.probability == pytest.approx(2.0 / 3.0)
    assert math.degrees(end.lat_rad) == pytest.approx(10.1, abs=1e-3)
    assert (end.time_ns - START_NS) * 1e-9 == pytest.approx(200.0)
    assert end.sigma_s == pytest.approx(100.0)
    nowhere = landing([10.0], [20.0], np.array([False]))
    assert math.isnan(ending(nowhere).lat_rad)
    with pytest.raises(ValueError, match="comes down"):
        ellipse(nowhere, 0.5)


def test_a_path_goes_the_mean_way_and_tells_how_wide_it_is():
    times = np.arange(0.0, 101.0, 10.0)
    z = normal_points(256, 2)
    east_m, north_m = 1e3 * times[None] + 300.0 * z[:, :1], 100.0 * z[:, 1:] + 0.0 * times[None]
    lat = np.radians(north_m / 111e3)
    positions = wgs84.ecef_from_geodetic(lat, np.radians(east_m / 111.3195e3), 50e3)
    n_s = 1e9
    forecast = Forecast(
        time_ns=START_NS + (times * n_s).astype(np.int64),
        position_ecef_m=positions,
        end_ns=np.full(256, START_NS + 100 * 10**9),
        lands=np.ones(256, np.bool_),
        weight=np.full(256, 1.0 / 256),
    )
    path = path_of(forecast)
    assert np.array_equal(path["time_ns"], forecast.time_ns)
    assert np.allclose(path["height_m"], 50e3, atol=20.0)
    assert np.allclose(path["along_sigma_m"], 300.0 * 6_428.0 / 6_378.0, rtol=0.01)
    assert np.allclose(path["across_sigma_m"], 100.0 * 6_428.0 / 6_378.0, rtol=0.01)
    assert np.degrees(path["lon_rad"][-1]) == pytest.approx(100e3 / 111.3195e3, abs=1e-3)
    half = region(forecast, START_NS + 50 * 10**9, 0.5)
    assert half.major_m == pytest.approx(TO_50 * 300.0, rel=0.05)
    assert math.degrees(half.azimuth_rad) == pytest.approx(90.0, abs=3.0)


def test_forecasts_are_mixed_by_their_probability_and_the_shorter_one_stays_where_it_ended():
    short, far = landing([1.0, 2.0], [0.0, 0.0]), landing([3.0], [0.0])
    longer = Forecast(
        time_ns=START_NS + np.array([0, 1, 2]) * 10**9,
        position_ecef_m=np.repeat(far.position_ecef_m[:, :1], 3, axis=1),
        end_ns=far.end_ns,
        lands=far.lands,
        weight=far.weight,
    )
    both = mixed([short, longer], np.array([3.0, 1.0]))
    assert both.position_ecef_m.shape == (3, 3, 3)
    assert np.allclose(both.weight, [0.375, 0.375, 0.25])
    assert np.array_equal(both.position_ecef_m[:2, 2], short.position_ecef_m[:, 1])


@pytest.mark.parametrize(("n", "d"), [(128, 6), (256, 8), (512, 10)])
def test_points_have_the_moments_of_a_normal_distribution(n, d):
    points = normal_points(n, d)
    assert np.allclose(points.mean(axis=0), 0.0, atol=1e-12)
    assert np.allclose(points.T @ points / n, np.eye(d), atol=1e-12)
    assert np.allclose((points**3).mean(axis=0), 0.0, atol=1e-12)
    assert np.allclose((points**4).mean(axis=0), 3.0, atol=0.6)


def test_a_singular_covariance_is_spread_only_where_it_says():
    covariance = np.diag([4.0, 0.0, 1e12])
    states = spread(np.ones(3), covariance, normal_points(256, 3))
    assert np.allclose(np.cov(states.T, bias=True), covariance, rtol=1e-9, atol=1e-9)


def test_a_few_ways_far_off_do_not_stretch_the_half_that_is_sure():
    near = scattered(5e3, 2e3, 30.0, n=256)
    far = scattered(1_500e3, 100e3, 60.0, n=256)
    both = mixed([near, far], np.array([0.9, 0.1]))
    alone, half, most = ellipse(near, 0.5), ellipse(both, 0.5), ellipse(both, 0.95)
    # 50 of 90 in a hundred of the near ones, and next to none of the others
    assert half.area_m2 == pytest.approx(alone.area_m2 * math.log(1.0 - 0.5 / 0.9) / math.log(0.5), rel=0.12)
    lat, lon, _ = ground_track(both)
    for held, share in ((half, 0.5), (most, 0.95)):
        assert both.weight @ held.holds(lat[:, -1], lon[:, -1]) == pytest.approx(share, abs=0.01)
    assert most.major_m > 500e3
