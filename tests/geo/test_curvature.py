import numpy as np
import pyproj

from noroshi.geo.curvature import radii_of_curvature_m

GEOD = pyproj.Geod(ellps="WGS84")
PROJ = pyproj.Transformer.from_crs("EPSG:4979", "EPSG:4978", always_xy=True)


def test_radii_are_those_of_proj_along_short_arcs():
    lat_deg, zero, half = np.linspace(-85.0, 85.0, 35), np.zeros(35), np.full(35, 0.05)
    meridian_m, across_m = radii_of_curvature_m(np.radians(lat_deg))
    north_m = GEOD.inv(zero, lat_deg - half, zero, lat_deg + half)[2]
    np.testing.assert_allclose(meridian_m, north_m / np.radians(0.1), rtol=1e-7)
    # by Meusnier's theorem a parallel's radius is that of the section across the meridian times cos(latitude)
    parallel_m = np.hypot(*PROJ.transform(zero, lat_deg, zero)[:2])
    np.testing.assert_allclose(across_m * np.cos(np.radians(lat_deg)), parallel_m, rtol=1e-14)


def test_published_radii_at_the_equator_and_the_pole():
    meridian_m, across_m = radii_of_curvature_m(np.radians([0.0, 90.0]))
    # NGA.STND.0036_1.0.0_WGS84: polar radius of curvature 6399593.6258 m; at the equator a (1 - e^2) and a
    np.testing.assert_allclose(meridian_m, [6335439.3273, 6399593.6258], rtol=0, atol=1e-4)
    np.testing.assert_allclose(across_m, [6378137.0, 6399593.6258], rtol=0, atol=1e-4)
