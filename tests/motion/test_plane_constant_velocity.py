from datetime import timedelta

import numpy as np
from stonesoup.models.transition.linear import CombinedLinearGaussianTransitionModel, ConstantVelocity

from noroshi.motion.plane_constant_velocity import Motion


def test_is_the_textbook_model():
    up_east_north = [ConstantVelocity(noise_diff_coeff=q) for q in (0.5, 3.0, 3.0)]
    theirs, interval = CombinedLinearGaussianTransitionModel(up_east_north), timedelta(seconds=7)
    states, dt_s = np.arange(6.0)[None], np.array([7.0])
    order = [0, 2, 4, 1, 3, 5]
    ours = Motion.of(horizontal_psd_m2_s3=3.0, vertical_psd_m2_s3=0.5)
    matrix = theirs.matrix(time_interval=interval)[np.ix_(order, order)]
    np.testing.assert_array_equal(ours.jacobian(states, dt_s)[0], matrix)
    np.testing.assert_array_equal(ours.propagate(states, dt_s)[0], matrix @ states[0])
    np.testing.assert_allclose(
        ours.process_noise(states, dt_s)[0], theirs.covar(time_interval=interval)[np.ix_(order, order)], rtol=1e-15
    )


def test_what_is_in_the_plane_stays_there_unless_told_otherwise():
    noise = Motion().process_noise(np.zeros((1, 6)), np.array([5.0]))[0]
    np.testing.assert_array_equal(noise[[0, 3]], 0.0)
    assert noise[1, 1] > 0.0
