from datetime import timedelta

import numpy as np
import pytest
from stonesoup.models.transition.linear import OrnsteinUhlenbeck

from noroshi.geo.wgs84 import ecef_from_geodetic, enu_axes
from noroshi.motion.hover import Motion


@pytest.mark.parametrize("dt_s", [0.1, 5.0, 90.0, -7.0])
def test_is_stone_soups_ornstein_uhlenbeck_along_each_axis(dt_s):
    lat, lon = 0.9, -1.2
    axes = np.kron(np.eye(2), enu_axes(lat, lon))
    state = np.array([[*ecef_from_geodetic(lat, lon, 300.0), 3.0, -2.0, 1.0]])
    model = Motion.of(memory_s=15.0, horizontal_sigma_m_s=3.0, vertical_sigma_m_s=0.5)
    transition = axes @ model.jacobian(state, np.array([dt_s]))[0] @ axes.T
    noise = axes @ model.process_noise(state, np.array([dt_s]))[0] @ axes.T
    for axis, sigma in enumerate([3.0, 3.0, 0.5]):
        theirs = OrnsteinUhlenbeck(noise_diff_coeff=sigma**2 * 2.0 / 15.0, damping_coeff=1.0 / 15.0)
        span = timedelta(seconds=abs(dt_s))
        matrix = np.asarray(theirs.matrix(time_interval=span), float)
        covariance = np.asarray(theirs.covar(time_interval=span), float)
        if dt_s < 0:  # backwards: the inverse, and the noise brought back by it
            matrix = np.linalg.inv(matrix)
            covariance = matrix @ covariance @ matrix.T
        rows = np.ix_([axis, axis + 3], [axis, axis + 3])
        np.testing.assert_allclose(transition[rows], matrix, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(noise[rows], covariance, rtol=1e-9)
    ahead = model.propagate(state, np.array([dt_s]))[0]
    np.testing.assert_allclose(ahead[:3] - state[0, :3], matrix[0, 1] * state[0, 3:], rtol=0, atol=1e-8)
    np.testing.assert_allclose(ahead[3:], matrix[1, 1] * state[0, 3:], rtol=1e-12)


def test_comes_to_rest_its_speed_times_the_memory_ahead():
    state = np.array([[*ecef_from_geodetic(0.7, 0.1, 100.0), 10.0, 0.0, 0.0]])
    ahead = Motion.of(memory_s=20.0).propagate(state, np.array([400.0]))[0]
    np.testing.assert_allclose(ahead - state[0], [200.0, 0.0, 0.0, -10.0, 0.0, 0.0], rtol=0, atol=1e-5)


def test_refuses_a_memory_of_nothing():
    with pytest.raises(ValueError, match="memory_s"):
        Motion.of(memory_s=0.0)
