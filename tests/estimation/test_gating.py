import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2

from noroshi.estimation.gating import chi_square_gate, coarse_pairs, mahalanobis_squared


@pytest.mark.parametrize("probability", [0.5, 0.99, 0.999999])
def test_gates_agree_with_scipy(probability):
    n_measured = np.arange(1, 10)
    np.testing.assert_allclose(chi_square_gate(probability, n_measured), chi2.ppf(probability, n_measured), rtol=1e-12)
    assert chi_square_gate(probability, 0) == 0.0
    assert chi_square_gate(probability, 3) == pytest.approx(chi2.ppf(probability, 3), rel=1e-12)
    with pytest.raises(IndexError):
        chi_square_gate(probability, 10)


def test_mahalanobis_squared_by_explicit_inverse():
    rng = np.random.default_rng(6)
    root, innovation = rng.normal(size=(20, 3, 3)), rng.normal(size=(20, 3))
    S = root @ root.swapaxes(1, 2) + np.eye(3)
    expected = [v @ np.linalg.inv(s) @ v for v, s in zip(innovation, S, strict=True)]
    np.testing.assert_allclose(mahalanobis_squared(innovation, S), expected, rtol=1e-12)


def every_pair(positions_a, radius_a, positions_b, radius_b):
    apart = np.sqrt(((positions_a[None] - positions_b[:, None]) ** 2).sum(-1))
    ib, ia = np.nonzero(apart <= np.broadcast_to(radius_a, len(positions_a)) + np.reshape(radius_b, (-1, 1)))
    return ia, ib


@settings(max_examples=60)
@given(st.integers(0, 40), st.integers(0, 40), st.integers(0, 2**32 - 1))
def test_pairs_are_those_of_a_full_search(n_a, n_b, seed):
    rng = np.random.default_rng(seed)
    positions_a, positions_b = rng.normal(size=(n_a, 3)) * 1e5, rng.normal(size=(n_b, 3)) * 1e5
    radius_a, radius_b = 10.0 ** rng.uniform(0.0, 6.0, n_a), 10.0 ** rng.uniform(0.0, 5.0, n_b)
    radius_a[rng.random(n_a) < 0.2] = 0.0
    for array in (positions_a, positions_b, radius_a, radius_b):
        array.setflags(write=False)
    ours = coarse_pairs(positions_a, radius_a, positions_b, radius_b)
    np.testing.assert_array_equal(ours, every_pair(positions_a, radius_a, positions_b, radius_b))
    alone = coarse_pairs(positions_a, 5e4, positions_b)
    np.testing.assert_array_equal(alone, every_pair(positions_a, 5e4, positions_b, 0.0))


def test_the_edge_is_inside():
    ia, ib = coarse_pairs(np.zeros((1, 3)), 3.0, np.array([[0.0, 0.0, 5.0], [0.0, 5.0000001, 0.0]]), 2.0)
    assert (ia.tolist(), ib.tolist()) == ([0], [0])


def test_one_wide_row_does_not_widen_the_others():
    """A single search radius would look at all 4e8 pairs and run out of memory."""
    rng = np.random.default_rng(7)
    positions = rng.uniform(-1e6, 1e6, (20_000, 3))
    radius = np.full(20_000, 10.0)
    radius[0] = 1e7
    ia, ib = coarse_pairs(positions, radius, positions)
    assert np.count_nonzero(ia == 0) == 20_000
    np.testing.assert_array_equal(ib[ia != 0], ia[ia != 0])


@pytest.mark.parametrize("bad", [np.nan, np.inf, -1.0])
def test_what_is_not_finite_or_negative_is_refused(bad):
    points = np.zeros((2, 3))
    with pytest.raises(ValueError, match="finite"):
        coarse_pairs(points, bad, points)
    with pytest.raises(ValueError, match="finite"):
        coarse_pairs(points, 1.0, points, np.array([1.0, bad]))
    if bad != -1.0:
        with pytest.raises(ValueError, match="finite"):
            coarse_pairs(np.full((1, 3), bad), 1.0, points)
