"""Lines of sight, against heights along them by PROJ."""

import numpy as np
import pyproj
from hypothesis import given, settings
from hypothesis import strategies as st

from noroshi.geo.sight import is_clear, tangent_height_m
from noroshi.geo.wgs84 import ecef_from_geodetic

GEODETIC = pyproj.Transformer.from_crs("EPSG:4978", "EPSG:4979", always_xy=True)


def heights(points):
    return np.array(GEODETIC.transform(*points.T))[2]


@settings(max_examples=60, deadline=None)
@given(lat=st.floats(-1.5, 1.5), angle=st.floats(0.0, 1.5), round_=st.floats(0.0, 6.2), high=st.floats(4e5, 2e6))
def test_the_tangent_height_is_the_least_height_along_the_line(lat, angle, round_, high):
    origin = ecef_from_geodetic(lat, 0.7, high)
    up = origin / np.linalg.norm(origin)
    side = np.cross(up, [0.0, 0.0, 1.0])
    side /= np.linalg.norm(side)
    level = np.cos(round_) * side + np.sin(round_) * np.cross(up, side)
    line = -np.cos(angle) * up + np.sin(angle) * level
    along = np.linspace(0.0, 2.0 * np.linalg.norm(origin), 40_001)
    least = heights(origin + along[:, None] * line).min()
    found = tangent_height_m(line[None], origin[None])[0]
    # Deep in the Earth heights mean little; what matters is on which side of the surface it is.
    if least > -50e3:
        assert abs(found - least) < 30.0 + 1e-3 * abs(least)
    else:
        assert found < -40e3


@settings(max_examples=60, deadline=None)
@given(lat=st.floats(-1.5, 1.5), away=st.floats(0.01, 1.0), low=st.floats(0.0, 3e5), top=st.floats(0.0, 2e4))
def test_a_way_is_clear_if_all_of_it_is_above_the_height(lat, away, low, top):
    origin = ecef_from_geodetic(lat, 0.0, 8e5)
    position = ecef_from_geodetic(lat, away, low)
    least = heights(origin + np.linspace(0.0, 1.0, 5_001)[:, None] * (position - origin)).min()
    if abs(least - top) > 100.0:
        assert is_clear(position[None], origin[None], top)[0] == (least > top)
