"""Comparisons against SciPy, statsmodels' and published values, and against what they promise."""

import numpy as np
import pytest
from scipy import stats

from noroshi.assessment import comparing, intervals

NEVER, NOTHING = np.inf, np.nan


def rng(seed=1):
    return np.random.default_rng(seed)


def test_a_paired_difference_covers_as_often_as_it_says():
    """Of 200 differences of 20 skewed pairs the intervals hold the truth as a binomial of 95 % does, at 99.9 %."""
    draw, held = rng(5), 0
    for _ in range(200):
        common = draw.normal(0.0, 50.0, 20)
        variant, base = common + draw.gamma(4.0, size=20), common
        found = intervals.skewed_mean(variant - base, draw)
        held += found.low <= 4.0 <= found.high
    low, high = stats.binom.interval(0.999, 200, 0.95)
    assert low <= held <= high


def test_never_is_kept_apart_from_when():
    base = np.array([NEVER, NEVER, 10.0, 20.0, 30.0, NOTHING, NEVER])
    variant = np.array([5.0, 6.0, 8.0, 17.0, 29.0, 4.0, NEVER])
    found = comparing.paired(variant, base, rng())
    assert (found.n_pairs, found.n_both, found.only_variant, found.only_base) == (6, 3, 2, 0)
    assert found.difference.value == pytest.approx(-2.0)
    assert found.median_difference.value == pytest.approx(-2.5)  # of -inf, -inf, -3, -2, -1, 0
    assert found.p_came == stats.binomtest(2, 2, 0.5).pvalue
    assert found.p_median == stats.binomtest(0, 5, 0.5).pvalue
    assert found.base.came == intervals.share(3, 6)
    assert found.base.median.value == np.inf
    assert found.variant.n_came == 5


def test_few_pairs_show_nothing_however_large_the_difference():
    base = np.arange(5.0)
    found = comparing.paired(base + 100.0 + 0.1 * base, base, rng())
    assert found.p_difference == pytest.approx(2 / 2**5)
    assert not comparing.is_shown(found.difference, found.p_difference)


@pytest.mark.parametrize("n", [5, 11, 30])
def test_turning_signs_is_scipys_permutation_test(n):
    draw = rng(6)
    differences = draw.normal(0.5, 1.0, n)
    tested = stats.permutation_test(
        (differences,), np.mean, permutation_type="samples", n_resamples=9_999, rng=draw, vectorized=True
    )
    found = comparing.paired(differences, np.zeros(n), draw)
    assert found.p_difference == pytest.approx(tested.pvalue, abs=1e-12 if n < 13 else 0.01)


def test_equal_runs_show_nothing():
    found = comparing.paired(np.full(30, 7.0), np.full(30, 7.0), rng())
    assert found.difference == (0.0, 0.0, 0.0)
    assert found.p_difference == 1.0
    assert not comparing.is_shown(found.difference, found.p_difference)
    assert np.isnan(found.p_median)


def test_nothing_happens_by_chance_more_often_than_it_may():
    """Among 60 pairs of the same law a difference is shown as often as a binomial of 5 % may, at 99.9 %."""
    draw, shown = rng(9), 0
    for _ in range(60):
        found = comparing.paired(draw.gamma(1.0, size=15), draw.gamma(1.0, size=15), draw)
        shown += comparing.is_shown(found.difference, found.p_difference)
    assert shown <= stats.binom.ppf(0.999, 60, 0.05)


def test_two_samples_are_compared_as_scipy_does():
    draw = rng(3)
    a, b = draw.normal(3.0, 1.0, 40), draw.normal(0.0, 2.0, 25)
    found = comparing.unpaired(np.append(a, NEVER), b, draw)
    welch = stats.ttest_ind(a, b, equal_var=False).confidence_interval(0.95)
    assert found.difference.value == pytest.approx(a.mean() - b.mean())
    assert (found.difference.low, found.difference.high) == pytest.approx((welch.low, welch.high), abs=0.15)
    assert found.p_came == pytest.approx(stats.fisher_exact([[40, 1], [25, 0]]).pvalue)


def test_mcnemar_and_holm_give_published_values():
    # Wikipedia, "McNemar's test" (2026), exact binomial of its second example: 6 and 16 discordant pairs, 0.0525.
    assert comparing.mcnemar(6, 16) == pytest.approx(0.0525, abs=5e-5)
    # Wikipedia, "Holm-Bonferroni method" (2026): of 0.01, 0.04, 0.03, 0.005 the first and last are rejected.
    assert comparing.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert comparing.holm([NOTHING, 0.04]) == pytest.approx([NOTHING, 0.04], nan_ok=True)


@pytest.mark.parametrize("n", [6, 17, 100])
def test_a_medians_interval_holds_as_often_as_the_binomial_says(n):
    """The chance that the median is between its order statistics: at least 95 %, and less for the next pair in."""
    found = intervals.median(np.arange(1.0, n + 1.0))
    rank = int(found.low)
    assert found.high == n + 1 - rank
    assert stats.binom.cdf(n - rank, n, 0.5) - stats.binom.cdf(rank - 1, n, 0.5) >= 0.95
    assert stats.binom.cdf(n - rank - 1, n, 0.5) - stats.binom.cdf(rank, n, 0.5) < 0.95
    assert intervals.median(np.arange(5.0))[1:] == (-np.inf, np.inf)


def test_a_stop_of_fixed_width():
    draw = rng(4)
    values = draw.normal(0.0, 10.0, 400)
    stops = next(n for n in range(2, 401) if comparing.is_narrow_enough(values[:n], 2.0))
    half = intervals.mean(values[:stops])
    assert half.high - half.value <= 2.0
    assert 60 <= stops <= 140  # (1.96 * 10 / 2) squared is 96
    assert not comparing.is_narrow_enough(np.zeros(19), 2.0)
    assert comparing.is_narrow_enough(np.zeros(20), 2.0)
    assert comparing.is_narrow_enough(1_000.0 * values[:stops], 2_000.0)
    assert not comparing.is_narrow_enough(np.full(100, NEVER), 2.0)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("n", [0, 1])
def test_the_mean_of_too_few_values_is_unknown_without_a_word(n):
    assert np.isnan(intervals.skewed_mean(np.ones(n), np.random.default_rng(0)).low)


@pytest.mark.parametrize(("n_tests", "n"), [(1, 6), (2, 7), (6, 8), (22, 10), (500, 15), (501, None)])
def test_so_many_pairs_are_needed_to_show_anything(n_tests, n):
    assert comparing.pairs_needed(n_tests) == n
    for pairs, is_shown in ((n, True), (n - 1, False)) if n else ():
        p = comparing.paired(np.arange(1.0, pairs + 1.0), np.zeros(pairs), rng()).p_difference
        assert pairs > 13 or p == pytest.approx(comparing.least(pairs))  # of more some permutations are drawn
        assert (min(comparing.holm([comparing.least(pairs)] * n_tests)) <= comparing.SIGNIFICANCE) == is_shown


def test_a_test_that_can_show_nothing_does_not_count():
    told, lows = comparing.holm_of_attainable([0.02, 0.25, NOTHING, 0.04], [0.01, 0.25, NOTHING, 0.02])
    assert told == pytest.approx([0.04, NOTHING, NOTHING, 0.04], nan_ok=True)
    assert lows == pytest.approx([0.02, NOTHING, NOTHING, 0.02], nan_ok=True)


def test_leaving_them_out_makes_no_more_false_claims():
    """Of tables of 12 lines, in which few or many of eight pairs differ, at most 5 % claim anything, at 99.9 %."""
    draw, claims, n = rng(12), 0, 400
    signs = 1.0 - 2.0 * (np.arange(2**8)[:, None] >> np.arange(8) & 1)
    for _ in range(n):
        size = draw.gamma(1.0, size=(12, 8)) * (draw.random((12, 8)) < draw.uniform(0.2, 1.0, (12, 1)))
        differences = size * draw.choice([-1.0, 1.0], size=(12, 8))
        sums = np.abs(differences @ signs.T)
        p = np.mean(sums >= np.abs(differences.sum(axis=1))[:, None] * (1.0 - 1e-12), axis=1)
        low = [comparing.least(int(np.count_nonzero(each))) for each in differences]
        told, _ = comparing.holm_of_attainable(p.tolist(), low)
        claims += any(each <= comparing.SIGNIFICANCE for each in told)
    assert 0 < claims <= stats.binom.ppf(0.999, n, 0.05)
