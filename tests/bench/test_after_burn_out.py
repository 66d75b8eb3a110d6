"""The bound of what lines of sight tell of a burn: against closed forms, and against least squares on drawn lines."""

import importlib.util
from pathlib import Path

import numpy as np

from noroshi.geo.time import NS_PER_S

PATH = Path(__file__).resolve().parents[2] / "bench/after_burn_out.py"
SPEC = importlib.util.spec_from_file_location("after_burn_out", PATH)
bench = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(bench)

LAST_NS = 50 * NS_PER_S


def lines(n, information):
    return [(LAST_NS - k * NS_PER_S, "a", information) for k in range(n)]


def test_places_at_even_times_bound_the_last_state_as_a_straight_line_does():
    n, sigma_m = 11, 80.0
    bound = bench.covariance_of(lines(n, np.eye(3) / sigma_m**2), LAST_NS, cubic=False)
    place, speed = 2.0 * (2 * n - 1) / (n * (n + 1)), 12.0 / (n * (n**2 - 1))  # of a regression, at its last point
    np.testing.assert_allclose(np.diag(bound), sigma_m**2 * np.repeat([place, speed], 3), rtol=1e-9)


def test_a_cubic_is_bounded_as_least_squares_scatters():
    rng, sigma_m, n = np.random.default_rng(3), 80.0, 15
    before_s = -np.arange(n, dtype=np.float64)
    bound = bench.covariance_of(lines(n, np.eye(3) / sigma_m**2), LAST_NS, cubic=True)
    fits = np.polynomial.polynomial.polyfit(before_s, rng.normal(0.0, sigma_m, (n, 20_000)), 3)
    np.testing.assert_allclose(np.sqrt(np.diag(bound)[[0, 3]]), fits[:2].std(axis=1), rtol=0.03)


def test_what_is_older_tells_nothing_of_a_cubic():
    newer = lines(21, np.eye(3))
    older = [(LAST_NS - 40 * NS_PER_S, "a", np.eye(3))]
    both = [bench.covariance_of(each, LAST_NS, cubic=True) for each in (newer, newer + older)]
    np.testing.assert_array_equal(*both)
    assert not np.array_equal(*[bench.covariance_of(each, LAST_NS, cubic=False) for each in (newer, newer + older)])
