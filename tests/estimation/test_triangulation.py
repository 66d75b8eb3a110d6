import numpy as np
import pytest
from scipy.optimize import least_squares

from noroshi.assessment.consistency import bounds, nees
from noroshi.estimation.triangulation import closest_point


def sightings(n=40, k=3, seed=1, sigma_rad=50e-6):
    rng = np.random.default_rng(seed)
    target = rng.normal(size=(n, 3)) * 3e5 + [6.4e6, 0.0, 0.0]
    origin = target[:, None] + rng.uniform(0.5e6, 4e6, (n, k, 1)) * unit(rng.normal(size=(n, k, 3)))
    sigmas = np.full((n, k), sigma_rad) * rng.uniform(0.5, 2.0, (n, k))
    sight = unit(target[:, None] - origin)
    noise = sigmas[:, :, None] * rng.normal(size=(n, k, 3))
    noise -= np.vecdot(noise, sight)[:, :, None] * sight
    return target, origin, unit(sight + noise), sigmas


def unit(a):
    return a / np.linalg.norm(a, axis=-1, keepdims=True)


def by_scipy(origin, direction, sigmas, start):
    """Return the point and its covariance from azimuths and elevations, as another would parametrise them."""
    azimuth, elevation = np.arctan2(direction[:, 1], direction[:, 0]), np.arcsin(direction[:, 2])

    def residual(point):
        x, y, z = (point - origin).T
        off = (np.arctan2(y, x) - azimuth + np.pi) % (2.0 * np.pi) - np.pi
        rise = np.arctan2(z, np.hypot(x, y)) - elevation
        return np.concatenate([off * np.cos(elevation) / sigmas, rise / sigmas])

    found = least_squares(residual, start, method="lm", x_scale=1e3, xtol=1e-15, ftol=1e-15, gtol=1e-15)
    return found.x, np.linalg.inv(found.jac.T @ found.jac), 2.0 * found.cost


@pytest.mark.parametrize("k", [2, 3, 6])
def test_is_the_least_squares_of_scipy(k):
    target, origin, direction, sigmas = sightings(k=k)
    fix = closest_point(origin, direction, sigmas)
    for row in range(len(target)):
        point, covariance, cost = by_scipy(origin[row], direction[row], sigmas[row], target[row])
        sigma = np.sqrt(np.diag(covariance))
        np.testing.assert_allclose((fix.point[row] - point) / sigma, 0.0, rtol=0, atol=2e-3)
        scale = np.outer(sigma, sigma)
        np.testing.assert_allclose(fix.covariance[row] / scale, covariance / scale, rtol=0, atol=2e-3)
        assert fix.mahalanobis_squared[row] == pytest.approx(cost, rel=2e-3, abs=1e-4)
    np.testing.assert_array_equal(fix.n_lines, k)


def test_covariance_and_miss_are_what_they_say():
    n, k = 2000, 3
    target, origin, direction, sigmas = sightings(n, k, seed=2)
    fix = closest_point(origin, direction, sigmas)
    low, high = bounds(n, 3, 0.999)
    assert low < nees(fix.point - target, fix.covariance).mean() < high
    low, high = bounds(n, 2 * k - 3, 0.999)
    assert low < fix.mahalanobis_squared.mean() < high


def test_without_noise_it_is_the_target():
    target, origin, _, sigmas = sightings()
    fix = closest_point(origin, unit(target[:, None] - origin), sigmas)
    np.testing.assert_allclose(fix.point, target, rtol=0, atol=1e-3)


def test_lines_that_are_not_there_do_not_count():
    _, origin, direction, sigmas = sightings(k=4)
    fewer = closest_point(origin[:, :3], direction[:, :3], sigmas[:, :3])
    origin[:, 3] = np.nan
    masked = closest_point(origin, direction, sigmas)
    np.testing.assert_allclose(masked.point, fewer.point, rtol=1e-12)
    np.testing.assert_allclose(masked.covariance, fewer.covariance, rtol=1e-9)
    np.testing.assert_array_equal(masked.n_lines, 3)


def test_where_lines_do_not_meet_there_is_no_point():
    origins = np.array([[[0.0, 0.0, 0.0], [0.0, 1e6, 0.0]]] * 3)
    directions = np.array(
        [[[1.0, 0.0, 0.0], [1.0, 0.0, 0.0]], [[-0.6, -0.8, 0.0], [-0.6, 0.8, 0.0]], [[1.0, 0, 0], [0.6, -0.8, 0]]]
    )
    sigmas = np.full((3, 2), 1e-4)
    origins[2, 1] = np.nan
    fix = closest_point(origins, directions, sigmas)
    assert np.isnan(fix.point[[0, 2]]).all()  # parallel; one line alone
    assert np.isnan(fix.covariance[[0, 2]]).all()
    behind = closest_point(origins[1:2], -directions[1:2] * [[[1.0], [1.0]]], sigmas[1:2])
    assert np.isnan(fix.point[1]).all() or np.isnan(behind.point).all()


def test_rows_do_not_know_of_each_other_and_none_is_no_row():
    _, origin, direction, sigmas = sightings(9)
    together = closest_point(origin, direction, sigmas)
    for row in range(9):
        one = closest_point(*(a[row : row + 1] for a in (origin, direction, sigmas)))
        np.testing.assert_allclose(one.point[0], together.point[row], rtol=1e-13)
    assert closest_point(origin[:0], direction[:0], sigmas[:0]).point.shape == (0, 3)
