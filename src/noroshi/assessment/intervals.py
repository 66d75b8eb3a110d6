"""How sure a figure is: 95 % intervals of shares, means, medians and whatever a bootstrap can repeat."""

import warnings
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
PROBABILITY = 0.95
RESAMPLES = 1_000
SKEWED_RESAMPLES = 1_999
EQUAL = 1e-12
"""Values that differ by so little of their size are equal but for their rounding."""


class Interval(NamedTuple):
    """A figure and between which two values it lies with a probability of 95 %; NaN where nothing is known."""

    value: float
    low: float
    high: float


UNKNOWN = Interval(float("nan"), float("nan"), float("nan"))


def share(n_hits: int, n: int) -> Interval:
    """Return the share of n independent trials that were hits, with its exact interval.

    Source: Clopper, Pearson (1934), Biometrika 26, 404-413.
    """
    from scipy import stats

    if not n:
        return UNKNOWN
    tail = (1.0 - PROBABILITY) / 2.0
    low = float(stats.beta.ppf(tail, n_hits, n - n_hits + 1)) if n_hits else 0.0
    high = float(stats.beta.isf(tail, n_hits + 1, n - n_hits)) if n_hits < n else 1.0
    return Interval(n_hits / n, low, high)


def mean(values: Floats) -> Interval:
    """Return the mean of (n,) independent values with Student's interval; unknown for less than two."""
    from scipy import stats

    if len(values) < 2:
        return UNKNOWN
    half = float(stats.t.isf((1.0 - PROBABILITY) / 2.0, len(values) - 1) * stats.sem(values))
    return Interval(float(np.mean(values)), float(np.mean(values)) - half, float(np.mean(values)) + half)


def skewed_mean(values: Floats, generator: np.random.Generator, *more: Floats) -> Interval:
    """Return the mean of (n,) independent values, minus that of another sample if one is given, by the BCa bootstrap.

    It bends with skewed values, where Student's interval does not. If all values are equal the interval is a point: it
    is then for the reader of n to say how much that means. Unknown for less than two values.

    Args:
        values: (n,) finite.
        generator: of the draws.
        more: (m,) finite values of another sample, independent of the first.

    Source: Efron (1987), Journal of the American Statistical Association 82, 171-185 (BCa), through SciPy; for few
    values the level is expanded as in Hesterberg (2015), The American Statistician 69, 371-386, section 3.2: the
    bootstrap divides by n where an unbiased variance divides by n - 1, and a normal quantile stands where Student's
    should.
    """
    from scipy import stats

    samples = (values, *more)
    n = min(map(len, samples))
    if n < 2:
        return UNKNOWN
    value = float(np.mean(values)) - sum(float(np.mean(each)) for each in more)
    spread = [bool(np.ptp(each) > EQUAL * np.abs(each).max()) for each in samples]
    if not any(spread):
        return Interval(value, value, value)
    quantile = stats.t.isf((1.0 - PROBABILITY) / 2.0, n - 1) * np.sqrt(n / (n - 1.0))
    level = float(1.0 - 2.0 * stats.norm.sf(quantile))
    with np.errstate(invalid="ignore", divide="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", stats.DegenerateDataWarning)  # of two or three values: NaN says it
        low, high = stats.bootstrap(
            samples,
            _mean_difference if more else np.mean,
            n_resamples=SKEWED_RESAMPLES,
            confidence_level=level,
            method="BCa" if all(spread) else "percentile",
            rng=generator,
        ).confidence_interval
    return Interval(value, float(low), float(high))


def _mean_difference(a: Floats, b: Floats, axis: int = -1) -> Floats:
    difference: Floats = np.mean(a, axis=axis) - np.mean(b, axis=axis)
    return difference


def median(values: Floats) -> Interval:
    """Return the median of (n,) independent values with the interval of order statistics, which holds for any law.

    Infinite values count by their rank: a time that never came is later than all others. The interval is the narrowest
    pair of order statistics of equal rank from both ends that holds the median with at least 95 %; where six values or
    more are needed for that and there are fewer, it is unbounded.

    Source: David, Nagaraja (2003), Order Statistics, section 7.1.
    """
    from scipy import stats

    n = len(values)
    if not n:
        return UNKNOWN
    ordered = np.sort(values)
    middle = ordered[(n - 1) // 2 : n // 2 + 1]
    value = float(middle[0]) if middle[0] == middle[-1] else float(np.mean(middle))
    rank = int(stats.binom.ppf((1.0 - PROBABILITY) / 2.0, n, 0.5))
    if rank < 1:
        return Interval(value, float("-inf"), float("inf"))
    return Interval(value, float(ordered[rank - 1]), float(ordered[n - rank]))


def resampled(
    n: int, figure: Callable[[NDArray[np.int64]], Floats], generator: np.random.Generator, resamples: int = RESAMPLES
) -> list[Interval]:
    """Return figures with intervals by the bootstrap: what they are if the n cases had fallen out otherwise.

    Args:
        n: how many independent cases there are: targets, scans.
        figure: (k,) figures of cases drawn with repetition, given how often (n,) each was drawn.
        generator: of the draws.
        resamples: how often.

    Source: Efron, Tibshirani (1993), An Introduction to the Bootstrap, section 13.3 (percentile interval). It is narrow
    for few cases: there Student's quantile takes the place of the normal one.
    """
    from scipy import stats

    once = figure(np.ones(n, np.int64))
    if n < 2:
        return [Interval(float(x), float("nan"), float("nan")) for x in once]
    counts = generator.multinomial(n, np.full(n, 1.0 / n), size=resamples)
    drawn = np.array([figure(count) for count in counts])
    low, high = np.full((2, len(once)), np.nan)
    told = np.isfinite(once) & np.isfinite(drawn).any(axis=0)
    tails = [(1.0 - PROBABILITY) / 2.0, (1.0 + PROBABILITY) / 2.0]
    low[told], high[told] = np.nanquantile(drawn[:, told], tails, axis=0)
    wider = stats.t.isf((1.0 - PROBABILITY) / 2.0, n - 1) / stats.norm.isf((1.0 - PROBABILITY) / 2.0)
    wider *= np.sqrt(n / (n - 1.0))  # the bootstrap divides by n where an unbiased variance divides by n - 1
    return [
        Interval(float(x), float(x - wider * (x - a)), float(x + wider * (b - x)))
        for x, a, b in zip(once, low, high, strict=True)
    ]
