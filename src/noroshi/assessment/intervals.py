"""How sure a figure is: 95 % intervals of shares, means, medians and whatever a bootstrap can repeat."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Floats = NDArray[np.float64]
PROBABILITY = 0.95
RESAMPLES = 1_000


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
    if not n:
        return UNKNOWN
    tail = (1.0 - PROBABILITY) / 2.0
    low = float(stats.beta.ppf(tail, n_hits, n - n_hits + 1)) if n_hits else 0.0
    high = float(stats.beta.isf(tail, n_hits + 1, n - n_hits)) if n_hits < n else 1.0
    return Interval(n_hits / n, low, high)


def mean(values: Floats) -> Interval:
    """Return the mean of (n,) independent values with Student's interval; unknown for less than two."""
    if len(values) < 2:
        return UNKNOWN
    half = float(stats.t.isf((1.0 - PROBABILITY) / 2.0, len(values) - 1) * stats.sem(values))
    return Interval(float(np.mean(values)), float(np.mean(values)) - half, float(np.mean(values)) + half)


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
