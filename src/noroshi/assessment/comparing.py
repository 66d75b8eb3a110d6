"""Two ways to run the same exercise, compared: paired by replicate, with intervals, and honest about "never".

A figure may be infinite, a time that never came, or NaN, which says nothing in this run. A difference of times exists
only where both came; whether they came at all is compared beside it. Comparisons are of the first minus the second.
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from noroshi.assessment.intervals import UNKNOWN, Interval, median, share, skewed_mean

Floats = NDArray[np.float64]

SIGNIFICANCE = 0.05
PERMUTATIONS = 9_999
TIE = 1e-12
"""Sums that differ by so little of them are equal but for their rounding."""
PAIRS_MIN = 20
"""A fixed-width stop looks at no interval of fewer: before that the spread itself is hardly known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """One figure over the runs of a variant.

    Attributes:
        mean: of the runs in which it came; unknown for less than two.
        median: of all runs that say something, those in which it never came by rank.
        came: share of those runs in which it came at all.
        n: runs that say something.
        n_came: runs in which it came.
    """

    mean: Interval
    median: Interval
    came: Interval
    n: int
    n_came: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One figure of a variant beside that of another.

    Attributes:
        variant, base: the figure in each, over the runs that are compared.
        difference: mean of variant minus base, over the pairs in which it came in both.
        median_difference: over all pairs, those in which it came in one only by rank; none if not paired.
        n_pairs: pairs in which it says something in both; of unpaired samples the smaller number.
        n_both: pairs in which it came in both; of unpaired samples the smaller number.
        only_variant, only_base: pairs in which it came in one only; of unpaired samples runs in which it came.
        p_difference: chance of so large a mean difference if there were none; NaN if it cannot be told.
        p_median: chance of so many differences to one side if their median were zero; NaN if it cannot be told.
        p_came: chance of such a difference in whether it comes, if there were none; NaN if it always or never came.
        n_differ: pairs in which it came in both and differs; of unpaired samples the smaller n, 0 if all are equal.
        p_least, p_median_least: the least that p_difference and p_median could be with differences of this size.
        paired: whether runs were compared one by one.
    """

    variant: Summary
    base: Summary
    difference: Interval
    median_difference: Interval
    n_pairs: int
    n_both: int
    only_variant: int
    only_base: int
    p_difference: float
    p_median: float
    p_came: float
    n_differ: int
    p_least: float
    p_median_least: float
    paired: bool = True


def is_shown(difference: Interval, p_adjusted: float) -> bool:
    """Return whether a difference is shown: its interval leaves zero out and its adjusted probability is small."""
    return bool((difference.low > 0.0 or difference.high < 0.0) and p_adjusted <= SIGNIFICANCE)


def summarise(values: Floats, generator: np.random.Generator) -> Summary:
    """Return what a figure comes to over (n,) runs; NaN rows say nothing, infinite ones that it never came."""
    told = values[~np.isnan(values)]
    came = told[np.isfinite(told)]
    return Summary(
        mean=skewed_mean(came, generator),
        median=median(told),
        came=share(len(came), len(told)),
        n=len(told),
        n_came=len(came),
    )


def paired(variant: Floats, base: Floats, generator: np.random.Generator) -> Comparison:
    """Compare (n,) figures of a variant with those of the same replicates of the base.

    The test of the mean turns the signs of differences, all ways of it where they are few: exact without any law of the
    values, and never below 0.05 for less than six pairs. The median is tested by the sign test, and whether it came at
    all by McNemar's exact test, which is the same test.

    Source: Good (2005), Permutation, Parametric and Bootstrap Tests of Hypotheses, section 3.7.
    """
    told = ~(np.isnan(variant) | np.isnan(base))
    variant, base = variant[told], base[told]
    in_variant, in_base = np.isfinite(variant), np.isfinite(base)
    both = in_variant & in_base
    differences = variant[both] - base[both]
    same = variant == base  # infinity minus infinity would say nothing
    by_rank = np.where(same, 0.0, variant) - np.where(same, 0.0, base)
    n_differ = int(np.count_nonzero(differences))
    only_variant, only_base = int((in_variant & ~in_base).sum()), int((in_base & ~in_variant).sum())
    return Comparison(
        variant=summarise(variant, generator),
        base=summarise(base, generator),
        difference=skewed_mean(differences, generator),
        median_difference=median(by_rank),
        n_pairs=len(variant),
        n_both=int(both.sum()),
        only_variant=only_variant,
        only_base=only_base,
        p_difference=_sign_turning(differences, generator),
        p_median=mcnemar(int((by_rank > 0.0).sum()), int((by_rank < 0.0).sum())),
        p_came=mcnemar(only_variant, only_base),
        n_differ=n_differ,
        p_least=least(n_differ),
        p_median_least=least(int(np.count_nonzero(by_rank))),
    )


def unpaired(variant: Floats, base: Floats, generator: np.random.Generator) -> Comparison:
    """Compare (n,) figures with (m,) others of runs that have nothing in common.

    Source: Good (2005), section 3.3 (permutation of two samples); Fisher's exact test of whether it came.
    """
    variant, base = variant[~np.isnan(variant)], base[~np.isnan(base)]
    a, b = variant[np.isfinite(variant)], base[np.isfinite(base)]
    told = [[len(a), len(variant) - len(a)], [len(b), len(base) - len(b)]]
    differ = bool(len(a) and len(b)) and float(np.ptp(np.concatenate([a, b]))) > 0.0
    decided = len(variant) and len(base) and len(a) + len(b) not in (0, len(variant) + len(base))
    return Comparison(
        variant=summarise(variant, generator),
        base=summarise(base, generator),
        difference=skewed_mean(a, generator, b),
        median_difference=UNKNOWN,
        n_pairs=min(len(variant), len(base)),
        n_both=min(len(a), len(b)),
        only_variant=len(a),
        only_base=len(b),
        p_difference=_mixing(a, b, generator),
        p_median=math.nan,
        p_came=float(stats.fisher_exact(told).pvalue) if decided else math.nan,
        n_differ=min(len(a), len(b)) if differ else 0,
        p_least=max(2.0 / math.comb(len(a) + len(b), len(a)), 2.0 / (PERMUTATIONS + 1)) if differ else 1.0,
        p_median_least=math.nan,
        paired=False,
    )


def mcnemar(only_first: int, only_second: int) -> float:
    """Return the chance of so uneven a split of the pairs in which something came once only; NaN for no such pair.

    Source: McNemar (1947), Psychometrika 12, 153-157, with the exact binomial law.
    """
    n = only_first + only_second
    return float(stats.binomtest(only_first, n, 0.5).pvalue) if n else math.nan


def holm(p_values: Sequence[float]) -> list[float]:
    """Return probabilities adjusted for how many were looked at; NaN stays NaN and does not count.

    Source: Holm (1979), Scandinavian Journal of Statistics 6, 65-70.
    """
    told = sorted((p, i) for i, p in enumerate(p_values) if not math.isnan(p))
    adjusted, worst = [math.nan] * len(p_values), 0.0
    for rank, (p, i) in enumerate(told):
        worst = max(worst, min(1.0, (len(told) - rank) * p))
        adjusted[i] = worst
    return adjusted


def least(n_differ: int) -> float:
    """Return the least probability that the tests of pairs can give if so many of them differ, all to one side."""
    return max(2.0 ** (1 - n_differ), 1.0 / (PERMUTATIONS + 1)) if n_differ else 1.0


def pairs_needed(n_tests: int) -> int | None:
    """Return how many pairs, if all differ to one side, show it among so many tests; None if no number does."""
    if max(1, n_tests) / (PERMUTATIONS + 1) > SIGNIFICANCE:
        return None
    return next(n for n in itertools.count(1) if max(1, n_tests) * least(n) <= SIGNIFICANCE)


def holm_of_attainable(p_values: Sequence[float], p_least: Sequence[float]) -> tuple[list[float], list[float]]:
    """Return probabilities adjusted for the tests that could have shown something, and the least that they could be.

    A test that is above 0.05 whichever signs its differences have can show nothing, so it can show nothing wrongly
    either: it does not count, and is NaN. Which these are hangs on the sizes of differences alone, never on their
    signs, so that the chance of any false claim stays at most 0.05.

    Args:
        p_values: not adjusted; NaN does not count.
        p_least: the least that each could be.

    Source: Tarone (1990), Biometrics 46, 515-522, with the bound 0.05 for all; then Holm (1979).
    """
    counts = [not math.isnan(p) and low <= SIGNIFICANCE for p, low in zip(p_values, p_least, strict=True)]
    told, lows = (
        holm([p if count else math.nan for p, count in zip(values, counts, strict=True)])
        for values in (p_values, p_least)
    )
    return told, lows


def is_narrow_enough(values: Floats, half_width: float, *, n_min: int = PAIRS_MIN) -> bool:
    """Return whether so many runs are enough: the mean's 95 % interval reaches at most `half_width` to each side.

    The rule adds 1/n to the variance, so that a lucky run of equal values does not stop it. Asked after each run it
    stops a little early on average: bench/campaign_statistics.py says how often the interval then holds the truth.

    Args:
        values: (n,) figures, or paired differences, so far; those that are not finite are left out.
        half_width: in the unit of the figure, above 0.
        n_min: fewer finite values are never enough.

    Source: Chow, Robbins (1965), Annals of Mathematical Statistics 36, 457-462, with Student's quantile; their 1/n is
    in units of half_width squared here, so that the rule does not depend on the unit.
    """
    came = values[np.isfinite(values)]
    n = len(came)
    if n < max(n_min, 2):
        return False
    quantile = float(stats.t.isf(SIGNIFICANCE / 2.0, n - 1))
    variance = float(np.var(came, ddof=1)) + half_width**2 / n
    return bool(quantile * math.sqrt(variance / n) <= half_width)


def _sign_turning(differences: Floats, generator: np.random.Generator) -> float:
    """Return how often turned signs give so large a mean: all ways if they are few, else some and the given one."""
    n = len(differences)
    if n < 2:
        return math.nan
    if 2**n <= PERMUTATIONS:
        turned = 1.0 - 2.0 * (np.arange(2**n)[:, None] >> np.arange(n) & 1)
    else:
        turned = np.append(np.ones((1, n)), 1.0 - 2.0 * generator.integers(0, 2, (PERMUTATIONS, n)), axis=0)
    sums = np.abs(turned @ differences)
    return float(np.mean(sums >= np.abs(differences.sum()) * (1.0 - TIE)))


def _mixing(a: Floats, b: Floats, generator: np.random.Generator) -> float:
    if min(len(a), len(b)) < 2:
        return math.nan
    if np.ptp(np.concatenate([a, b])) == 0.0:
        return 1.0
    tested = stats.permutation_test(
        (a, b),
        lambda x, y, axis: np.mean(x, axis=axis) - np.mean(y, axis=axis),
        n_resamples=PERMUTATIONS,
        rng=generator,
        vectorized=True,
    )
    return float(tested.pvalue)
