"""Sobol' indices of a function of known ones, and designs that keep what they promise."""

import numpy as np
import pytest

from noroshi.assessment import design, sensitivity

FIRST, TOTAL = (0.3139, 0.4424, 0.0), (0.5576, 0.4424, 0.2437)
"""Saltelli et al. (2008), Global Sensitivity Analysis: The Primer, section 5.6, a = 7 and b = 0.1."""


def ishigami(points):
    x1, x2, x3 = (np.array([point[name] for point in points]) for name in ("x1", "x2", "x3"))
    return np.sin(x1) + 7.0 * np.sin(x2) ** 2 + 0.1 * x3**4 * np.sin(x1)


def indices(n, resamples):
    factors = [design.Factor(path=name, low=-np.pi, high=np.pi) for name in ("x1", "x2", "x3")]
    drawn = design.sobol_design(factors, n, np.random.default_rng(1))
    mixed = {name: ishigami(points) for name, points in drawn.mixed.items()}
    return sensitivity.sobol(ishigami(drawn.a), ishigami(drawn.b), mixed, np.random.default_rng(2), resamples)


def test_sobol_indices_are_those_of_ishigamis_function():
    many, some = indices(2**14, resamples=2), indices(2**10, resamples=100)
    for name, first, total in zip(("x1", "x2", "x3"), FIRST, TOTAL, strict=True):
        assert many[name].first.value == pytest.approx(first, abs=0.002)
        assert many[name].total.value == pytest.approx(total, abs=0.002)
        assert some[name].first.low <= first <= some[name].first.high
        assert some[name].total.low <= total <= some[name].total.high


def test_figures_without_variance_or_that_never_came_explain_nothing():
    ones = np.ones(4)
    assert np.isnan(sensitivity.sobol(ones, ones, {"x": ones}, np.random.default_rng(1))["x"].first).all()
    never = np.array([1.0, np.inf, 2.0, 3.0])
    assert np.isnan(sensitivity.sobol(never, ones, {"x": ones}, np.random.default_rng(1))["x"].total).all()


def test_effects_of_a_factorial_are_those_that_made_it():
    points = design.full_factorial({"a": [0, 1], "b": ["low", "mid", "high"]})
    assert len(points) == 6
    assert points[1] == {"a": 0, "b": "mid"}
    rng = np.random.default_rng(3)
    true = np.array([10.0 * point["a"] for point in points])
    figures = true + rng.normal(0.0, 100.0, (50, 1)) + rng.normal(0.0, 1.0, (50, 6))
    found = sensitivity.effects(points, figures, rng)
    assert found["a"][1].low <= 5.0 <= found["a"][1].high
    assert all(found["b"][level].low <= 0.0 <= found["b"][level].high for level in ("low", "mid", "high"))


def test_a_latin_hypercube_has_one_point_in_each_part():
    factors = [design.Factor(path="a", low=0.0, high=10.0), design.Factor(path="b", low=-1.0, high=1.0)]
    points = design.latin_hypercube(factors, 10, np.random.default_rng(4))
    assert sorted(int(point["a"]) for point in points) == list(range(10))
    assert sorted(int((point["b"] + 1.0) * 5.0) for point in points) == list(range(10))


def test_sobol_sampling_says_what_it_needs():
    with pytest.raises(ValueError, match="power of two, such as 128"):
        design.sobol_design([design.Factor(path="a", low=0.0, high=1.0)], 100, np.random.default_rng(1))
