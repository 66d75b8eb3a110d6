"""What ways to the ground take for granted within one step."""

import numpy as np
import pytest

from noroshi.geo.wgs84 import ecef_from_geodetic, vertical_at
from noroshi.warning.ways import _vertical_near


@pytest.mark.parametrize("lat_deg", [-90.0, -40.0, 0.0, 35.0, 89.0])
def test_the_vertical_within_a_step_is_as_near_as_it_says(lat_deg):
    rng = np.random.default_rng(3)
    for height_m in (0.0, 50e3, 100e3):
        start = ecef_from_geodetic(np.radians([lat_deg]), np.array([2.4]), np.array([height_m]))[0]
        away = rng.normal(size=(50, 3))
        for end in start + 20e3 * away / np.linalg.norm(away, axis=1, keepdims=True):
            *up, height = _vertical_near(start, vertical_at(*start), end)
            *wanted_up, wanted = vertical_at(*end)
            assert height == pytest.approx(wanted, abs=0.2)
            assert np.linalg.norm(np.subtract(up, wanted_up)) < 2.5e-5
