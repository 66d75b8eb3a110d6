import numpy as np
import pytest
from scipy.linalg import expm

from noroshi.estimation.white_noise import integrated_twice


@pytest.mark.parametrize("dt_s", [0.3, 12.0, -5.0])
def test_is_van_loans_integral(dt_s):
    root = np.random.default_rng(1).normal(size=(3, 3))
    density = root @ root.T
    drift, input_density = np.zeros((6, 6)), np.zeros((6, 6))
    drift[:3, 3:], input_density[3:, 3:] = np.sign(dt_s) * np.eye(3), density
    # Van Loan (1978), Computing integrals involving the matrix exponential; time runs backwards where dt is negative
    exponential = expm(np.block([[-drift, input_density], [np.zeros((6, 6)), drift.T]]) * abs(dt_s))
    theirs = exponential[6:, 6:].T @ exponential[:6, 6:]
    ours = integrated_twice(density, np.array([dt_s]))[0]
    np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-12)


def test_each_row_has_its_own_density_and_duration():
    densities, dt_s = np.stack([np.eye(3), 4.0 * np.eye(3)]), np.array([2.0, -1.0])
    both = integrated_twice(densities, dt_s)
    for row in range(2):
        np.testing.assert_array_equal(both[row], integrated_twice(densities[row], dt_s[row : row + 1])[0])
