import numpy as np
import pyproj
import pytest
from hypothesis import given
from hypothesis import strategies as st

from noroshi.geo import wgs84

PROJ = pyproj.Transformer.from_crs("EPSG:4979", "EPSG:4978", always_xy=True)


def places(height_low_m, height_high_m, n=5000):
    rng = np.random.default_rng(1)
    lat, lon = np.arcsin(rng.uniform(-1.0, 1.0, n)), rng.uniform(-np.pi, np.pi, n)
    return lat, lon, rng.uniform(height_low_m, height_high_m, n)


def frozen(*arrays):
    for array in arrays:
        array.setflags(write=False)
    return arrays


@pytest.mark.parametrize(
    ("ours", "published", "rounding"),
    [
        (wgs84.SEMI_MINOR_AXIS_M, 6356752.3142, 5e-5),  # NGA.STND.0036_1.0.0_WGS84, chapter 3
        (wgs84.ECCENTRICITY_SQUARED, 6.694379990141e-3, 5e-16),  # ibid.
        (wgs84.J2, 1.082626173852e-3, 5e-16),  # ibid., the dynamic value
        (wgs84.MEAN_RADIUS_M, 6371008.7714, 5e-5),  # Moritz (2000)
    ],
)
def test_constants_are_the_published_ones(ours, published, rounding):
    assert ours == pytest.approx(published, abs=rounding)


@pytest.mark.parametrize("heights_m", [(-6.3e6, -1e5), (-1e5, 1e5), (1e5, 4.3e7)])
def test_agrees_with_proj(heights_m):
    lat, lon, height = frozen(*places(*heights_m))
    theirs = np.stack(PROJ.transform(np.degrees(lon), np.degrees(lat), height), axis=-1)
    np.testing.assert_allclose(wgs84.ecef_from_geodetic(lat, lon, height), theirs, rtol=0, atol=1e-7)
    lat_back, lon_back, height_back = wgs84.geodetic_from_ecef(*frozen(theirs))
    np.testing.assert_allclose(lat_back, lat, rtol=0, atol=1e-13)
    np.testing.assert_allclose(lon_back, lon, rtol=0, atol=1e-13)
    np.testing.assert_allclose(height_back, height, rtol=0, atol=1e-7)


def test_inverse_agrees_with_proj_near_the_ground():
    lat, lon, height = places(-1e4, 1e5)
    position = wgs84.ecef_from_geodetic(lat, lon, height)
    lon_deg, lat_deg, height_m = PROJ.transform(*position.T, direction="INVERSE")
    ours = wgs84.geodetic_from_ecef(position)
    np.testing.assert_allclose(ours[0], np.radians(lat_deg), rtol=0, atol=1e-9)
    np.testing.assert_allclose(ours[1], np.radians(lon_deg), rtol=0, atol=1e-13)
    np.testing.assert_allclose(ours[2], height_m, rtol=0, atol=2e-4)  # PROJ's own error, seen in its round trip


@pytest.mark.parametrize(
    ("position", "lat_deg", "height_m"),
    [
        ((0.0, 0.0, wgs84.SEMI_MINOR_AXIS_M + 5.0), 90.0, 5.0),
        ((0.0, 0.0, -wgs84.SEMI_MINOR_AXIS_M), -90.0, 0.0),
        ((0.0, -wgs84.SEMI_MAJOR_AXIS_M - 7.0, 0.0), 0.0, 7.0),
        ((0.0, 0.0, 0.0), 90.0, -wgs84.SEMI_MINOR_AXIS_M),
        ((1e-300, 0.0, 6e6), 90.0, 6e6 - wgs84.SEMI_MINOR_AXIS_M),
    ],
)
def test_special_places(position, lat_deg, height_m):
    lat, _, height = wgs84.geodetic_from_ecef(np.array(position))
    assert np.degrees(lat) == pytest.approx(lat_deg, abs=1e-13)
    assert height == pytest.approx(height_m, abs=1e-8)


def test_nan_gives_nan():
    assert np.isnan(wgs84.geodetic_from_ecef(np.array([[np.nan, 0.0, 0.0], [7e6, 0.0, np.nan]]))[0]).all()


# Squares of components below 1e-150 m vanish in floating point, and with them the sign of what is there.
coordinate = st.floats(-5e7, 5e7).map(lambda x: x if abs(x) > 1e-100 else 0.0)


@given(coordinate, coordinate, coordinate)
def test_any_position_goes_there_and_back(x, y, z):
    position = np.array([[x, y, z]])
    lat, lon, height = wgs84.geodetic_from_ecef(position)
    assert abs(lat[0]) <= np.pi / 2
    assert abs(lon[0]) <= np.pi
    np.testing.assert_allclose(wgs84.ecef_from_geodetic(lat, lon, height), position, rtol=0, atol=1e-6)


def test_rows_do_not_depend_on_each_other():
    position = np.concatenate([wgs84.ecef_from_geodetic(*places(-6.3e6, 4e7, 200)), np.zeros((1, 3))])
    batch = np.stack(wgs84.geodetic_from_ecef(position), axis=-1)
    rows = np.stack([np.stack(wgs84.geodetic_from_ecef(position[i : i + 1]), axis=-1)[0] for i in range(len(position))])
    np.testing.assert_array_equal(batch, rows)


def test_axes_are_a_right_handed_frame_with_up_last():
    lat, lon, height = frozen(*places(0.0, 1e5))
    axes = wgs84.enu_axes(lat, lon)
    np.testing.assert_allclose(axes @ axes.swapaxes(1, 2), np.broadcast_to(np.eye(3), axes.shape), atol=1e-15)
    np.testing.assert_allclose(np.linalg.det(axes), 1.0, atol=1e-14)
    climb = wgs84.ecef_from_geodetic(lat, lon, height + 1000.0) - wgs84.ecef_from_geodetic(lat, lon, height)
    np.testing.assert_allclose(axes[:, 2] * 1000.0, climb, atol=1e-8)
    np.testing.assert_array_equal(axes[:, 0, 2], 0.0)
    assert wgs84.enu_axes(0.1, 0.2).shape == (3, 3)


@pytest.mark.parametrize("origin", [(35.7, 139.7, 40.0), (-90.0, 0.0, 2800.0), (52.0, -1.5, 35e6)])
def test_enu_agrees_with_proj(origin):
    lat_deg, lon_deg, height_m = origin
    pipeline = pyproj.Transformer.from_pipeline(
        f"+proj=topocentric +ellps=WGS84 +lat_0={lat_deg} +lon_0={lon_deg} +h_0={height_m}"
    )
    position = wgs84.ecef_from_geodetic(*places(0.0, 1e6))
    theirs = np.stack(pipeline.transform(*position.T), axis=-1)
    origin_ecef = wgs84.ecef_from_geodetic(np.radians(lat_deg), np.radians(lon_deg), height_m)
    frozen(position, origin_ecef, theirs)
    np.testing.assert_allclose(wgs84.enu_from_ecef(position, origin_ecef), theirs, rtol=0, atol=1e-7)
    np.testing.assert_allclose(wgs84.ecef_from_enu(theirs, origin_ecef), position, rtol=0, atol=1e-7)


def test_each_row_may_have_its_own_origin():
    position = wgs84.ecef_from_geodetic(*places(0.0, 1e6, 50))
    origin = wgs84.ecef_from_geodetic(*places(0.0, 100.0, 51))[1:]
    enu = wgs84.enu_from_ecef(position, origin)
    np.testing.assert_array_equal(enu, [wgs84.enu_from_ecef(p, o) for p, o in zip(position, origin, strict=True)])
    np.testing.assert_allclose(wgs84.ecef_from_enu(enu, origin), position, atol=1e-8)


def test_no_rows():
    none = np.empty((0, 3))
    assert wgs84.ecef_from_geodetic(*wgs84.geodetic_from_ecef(none)).shape == (0, 3)
    assert wgs84.enu_from_ecef(none, none).shape == (0, 3)
