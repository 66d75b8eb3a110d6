"""Sobol' indices of a function of known ones, and effects of a factorial of known ones."""

from itertools import product

import numpy as np
import pytest
from scipy import stats
from scipy.stats import qmc

from noroshi.assessment import sensitivity

FIRST, TOTAL = (0.3139, 0.4424, 0.0), (0.5576, 0.4424, 0.2437)
"""Saltelli et al. (2008), Global Sensitivity Analysis: The Primer, section 5.6, a = 7 and b = 0.1."""


def ishigami(x):
    return np.sin(x[..., 0]) + 7.0 * np.sin(x[..., 1]) ** 2 + 0.1 * x[..., 2] ** 4 * np.sin(x[..., 0])


def indices(n, resamples):
    drawn = (2.0 * qmc.Sobol(6, rng=np.random.default_rng(1)).random(n) - 1.0) * np.pi
    a, b = drawn[:, :3], drawn[:, 3:]
    mixed = {f"x{i + 1}": ishigami(np.where(np.arange(3) == i, b, a)) for i in range(3)}
    return sensitivity.sobol(ishigami(a), ishigami(b), mixed, np.random.default_rng(2), resamples)


def test_sobol_indices_are_those_of_ishigamis_function():
    many, some = indices(2**14, resamples=10), indices(2**10, resamples=100)
    for name, first, total in zip(("x1", "x2", "x3"), FIRST, TOTAL, strict=True):
        assert many[name].first.value == pytest.approx(first, abs=0.002)
        assert many[name].total.value == pytest.approx(total, abs=0.002)
        assert some[name].first.low <= first <= some[name].first.high
        assert some[name].total.low <= total <= some[name].total.high


def test_sobol_indices_are_scipys():
    rng = np.random.default_rng(6)
    a, b, mixed = rng.gamma(2.0, size=64), rng.gamma(2.0, size=64), rng.gamma(2.0, size=(3, 64))
    by_scipy = stats.sobol_indices(func={"f_A": a[None], "f_B": b[None], "f_AB": mixed[:, None]}, n=64)
    found = sensitivity.sobol(a, b, dict(zip("xyz", mixed, strict=True)), rng, resamples=2)
    assert [found[name].first.value for name in "xyz"] == pytest.approx(by_scipy.first_order)
    assert [found[name].total.value for name in "xyz"] == pytest.approx(by_scipy.total_order)


def test_figures_without_variance_or_that_never_came_explain_nothing():
    ones = np.ones(4)
    assert np.isnan(sensitivity.sobol(ones, ones, {"x": ones}, np.random.default_rng(1))["x"].first).all()
    never = np.array([1.0, np.inf, 2.0, 3.0])
    assert np.isnan(sensitivity.sobol(never, ones, {"x": ones}, np.random.default_rng(1))["x"].total).all()


def test_effects_of_a_factorial_are_those_that_made_it():
    points = [{"a": a, "b": b} for a, b in product([0, 1], ["low", "mid", "high"])]
    rng = np.random.default_rng(3)
    true = np.array([10.0 * point["a"] for point in points])
    figures = true + rng.normal(0.0, 100.0, (50, 1)) + rng.normal(0.0, 1.0, (50, 6))
    found = sensitivity.effects(points, figures, rng)
    assert found["a"][1].low <= 5.0 <= found["a"][1].high
    assert all(found["b"][level].low <= 0.0 <= found["b"][level].high for level in ("low", "mid", "high"))
