import numpy as np
import pytest
from estimation_problems import assert_spd, problem
from hypothesis import given, settings
from hypothesis import strategies as st

from noroshi.estimation import kalman, unscented

SEEDS = st.integers(0, 2**32 - 1)
SPREADS = [unscented.cubature, unscented.unscented]
NOWHERE = np.zeros(3, np.bool_)


def polar(x, row=None):
    return np.stack([np.hypot(x[:, 0], x[:, 1]), np.arctan2(x[:, 1], x[:, 0]), np.arctan2(x[:, 2], x[:, 3])], axis=-1)


WRAPPED = np.array([False, True, True])


@pytest.mark.parametrize("spread", SPREADS)
@given(seed=SEEDS)
def test_points_have_the_moments_they_stand_for(spread, seed):
    mean, covariance, *_ = problem(seed, decades=2.0)
    sigma = spread(mean, covariance)
    assert sigma.mean_weights.sum() == pytest.approx(1.0, abs=1e-14)
    assert (sigma.covariance_weights >= 0.0).all()
    scale = np.sqrt(covariance.diagonal(axis1=1, axis2=2))
    np.testing.assert_allclose((sigma.mean_weights @ sigma.points) / scale, mean / scale, rtol=1e-12, atol=1e-12)
    apart = (sigma.points - mean[:, None, :]) / scale[:, None, :]
    found = (apart.swapaxes(1, 2) * sigma.covariance_weights) @ apart
    np.testing.assert_allclose(found, covariance / (scale[:, :, None] * scale[:, None, :]), atol=1e-11)


@pytest.mark.parametrize("spread", [*SPREADS, lambda m, c: unscented.unscented(m, c, alpha=0.1, kappa=-3.0)])
@given(seed=SEEDS)
def test_linear_functions_give_the_kalman_filter(spread, seed):
    mean, covariance, innovation, H, R = problem(seed)
    rng = np.random.default_rng(seed)
    F = rng.normal(size=(7, 6, 6))
    predicted = unscented.predict(mean, covariance, lambda x, row: np.matvec(F[row], x), np.eye(6), spread=spread)
    for ours, exact in zip(predicted, kalman.predict(mean, covariance, F, np.eye(6)), strict=True):
        np.testing.assert_allclose(ours, exact, rtol=1e-7, atol=1e-7)
    values = np.matvec(H, mean) + innovation
    values[rng.random(values.shape) < 0.2] = np.nan
    updated = unscented.update(
        mean, covariance, values, lambda x, row: np.matvec(H[row], x), R, wrapped=NOWHERE, spread=spread
    )
    exact = kalman.update(mean, covariance, values - np.matvec(H, mean), H, R)
    for ours, theirs in zip(updated, exact, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("spread", SPREADS)
@settings(max_examples=60)
@given(seed=SEEDS)
def test_covariances_stay_positive_definite(spread, seed):
    """Strongly bent functions over scales of six decades."""
    mean, covariance, innovation, _, R = problem(seed, decades=3.0)
    for _ in range(3):
        values = polar(mean) + innovation
        result = unscented.update(mean, covariance, values, polar, R, wrapped=WRAPPED, spread=spread)
        assert_spd(result.covariance)
        mean, covariance = unscented.predict(
            result.mean, result.covariance, lambda x, row: x + np.sin(x), 1e-6 * np.eye(6), spread=spread
        )
        assert_spd(covariance)


@pytest.mark.parametrize("spread", SPREADS)
@given(seed=SEEDS, turn=st.floats(-np.pi, np.pi))
def test_it_does_not_matter_where_the_circle_begins(spread, seed, turn):
    mean, covariance, innovation, _, R = problem(seed, d=4)
    covariance = covariance * 1e-3
    values = polar(mean) + 0.1 * innovation
    here = unscented.update(mean, covariance, values, polar, R, wrapped=WRAPPED, spread=spread)
    shift = np.array([0.0, turn, turn])
    there = unscented.update(
        mean, covariance, values + shift, lambda x, row: polar(x) + shift, R, wrapped=WRAPPED, spread=spread
    )
    for ours, theirs in zip(here, there, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("spread", SPREADS)
def test_rows_do_not_depend_on_each_other(spread):
    mean, covariance, innovation, _, R = problem(3)
    values = polar(mean) + innovation
    values[2, 1] = np.nan
    values.setflags(write=False)
    together = unscented.update(mean, covariance, values, polar, R, wrapped=WRAPPED, spread=spread)
    for i in range(len(mean)):
        one = slice(i, i + 1)
        alone = unscented.update(mean[one], covariance[one], values[one], polar, R[one], wrapped=WRAPPED, spread=spread)
        for ours, theirs in zip(together, alone, strict=True):
            np.testing.assert_array_equal(ours[one], theirs)


def test_each_point_knows_its_row():
    mean, covariance, *_ = problem(4)
    shift = np.arange(7.0)
    moved, _ = unscented.predict(mean, covariance, lambda x, row: x + shift[row, None], np.eye(6))
    np.testing.assert_allclose(moved, mean + shift[:, None], atol=1e-12)


@pytest.mark.parametrize("spread", SPREADS)
def test_no_rows(spread):
    mean, covariance, values, _, R = (array[:0] for array in problem(5))
    assert unscented.predict(mean, covariance, lambda x, row: x, np.eye(6), spread=spread)[0].shape == (0, 6)
    result = unscented.update(mean, covariance, values, polar, R, wrapped=WRAPPED, spread=spread)
    assert result.covariance.shape == (0, 6, 6)


def test_a_bent_function_is_closer_to_the_truth_than_its_tangent():
    """Range and bearing to place, as in Julier & Uhlmann (2004), section V: the tangent misses the bias."""
    mean, covariance = np.array([[1.0, np.pi / 2.0]]), np.diag([0.02**2, np.radians(15.0) ** 2])[None]

    def place(x, row=None):
        return x[:, :1] * np.stack([np.cos(x[:, 1]), np.sin(x[:, 1])], axis=-1)

    exact = np.array([0.0, np.exp(-0.5 * np.radians(15.0) ** 2)])
    for spread in SPREADS:
        moved, _ = unscented.predict(mean, covariance, place, np.zeros((2, 2)), spread=spread)
        assert np.linalg.norm(moved[0] - exact) < 0.02 * np.linalg.norm(place(mean)[0] - exact)
