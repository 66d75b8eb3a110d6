import numpy as np
import pyproj
import pytest

from noroshi.geo import horizon, wgs84


def test_published_value():
    # 4.12 (sqrt h1 + sqrt h2) km for heights in metres, the usual rule for a 4/3 Earth: 10 km and 300 m give 483.4 km.
    assert round(float(horizon.radar_horizon_m(300.0, 10_000.0)) / 1000.0, 1) == 483.4


def test_what_is_below_the_surface_counts_as_on_it():
    np.testing.assert_array_equal(horizon.radar_horizon_m(np.array([-5.0, 0.0]), 0.0), [0.0, 0.0])


def test_a_satellite_sees_the_earth_it_ought_to():
    # Without air, a satellite at one Earth radius of height sees 60 degrees of arc.
    arc_m = horizon.radar_horizon_m(0.0, wgs84.MEAN_RADIUS_M, earth_factor=1.0)
    assert arc_m == pytest.approx(wgs84.MEAN_RADIUS_M * np.pi / 3.0, rel=1e-14)


def pairs(n=4000):
    rng = np.random.default_rng(2)
    lat, lon = np.arcsin(rng.uniform(-1.0, 1.0, n)), rng.uniform(-np.pi, np.pi, n)
    height = 10.0 ** rng.uniform(0.0, 6.0, (2, n))
    far = rng.uniform(0.0, 2.0, n) * horizon.radar_horizon_m(*height, earth_factor=1.0)
    there_lon, there_lat, _ = pyproj.Geod(ellps="WGS84").fwd(
        np.degrees(lon), np.degrees(lat), rng.uniform(-180.0, 180.0, n), far
    )
    a = wgs84.ecef_from_geodetic(lat, lon, height[0])
    b = wgs84.ecef_from_geodetic(np.radians(there_lat), np.radians(there_lon), height[1])
    for array in (a, b):
        array.setflags(write=False)
    return a, b, far


def test_without_air_it_is_the_sight_line_past_the_ellipsoid():
    a, b, far = pairs()
    # With the ellipsoid scaled to a unit sphere, a sight line is free if its point nearest to the centre is outside.
    scale = np.array([wgs84.SEMI_MAJOR_AXIS_M, wgs84.SEMI_MAJOR_AXIS_M, wgs84.SEMI_MINOR_AXIS_M])
    start, along = a / scale, (b - a) / scale
    nearest = np.clip(-np.vecdot(start, along) / np.vecdot(along, along), 0.0, 1.0)
    is_free = np.linalg.norm(start + nearest[:, None] * along, axis=1) >= 1.0 - 1e-12
    ours = horizon.is_above_horizon(b, a, earth_factor=1.0)
    reach = horizon.radar_horizon_m(wgs84.geodetic_from_ecef(a)[2], wgs84.geodetic_from_ecef(b)[2], earth_factor=1.0)
    is_marginal = np.abs(far / reach - 1.0) < 0.006
    assert is_marginal.mean() < 0.02
    np.testing.assert_array_equal(ours[~is_marginal], is_free[~is_marginal])
    assert 0.3 < ours.mean() < 0.7


def test_great_circle_is_near_the_geodesic():
    a, b, far = pairs()
    is_far = far > 1e4
    ground_a, ground_b = (wgs84.ecef_from_geodetic(*wgs84.geodetic_from_ecef(each[is_far])[:2], 0.0) for each in (a, b))
    np.testing.assert_allclose(horizon.great_circle_m(ground_a, ground_b), far[is_far], rtol=2.5e-3)


def test_shapes_and_symmetry():
    a, b, _ = pairs(50)
    visible = horizon.is_above_horizon(b, a)
    np.testing.assert_array_equal(visible, horizon.is_above_horizon(a, b))
    np.testing.assert_array_equal(
        horizon.is_above_horizon(b, a[0]), [horizon.is_above_horizon(each, a[0]) for each in b]
    )
    assert horizon.is_above_horizon(b[:0], a[0]).shape == (0,)
    assert (horizon.is_above_horizon(b, a, earth_factor=1.0) <= visible).all()
