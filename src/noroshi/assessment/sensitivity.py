"""Which parameter matters: Sobol' indices and factorial effects of what runs came to."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from noroshi.assessment.design import Point
from noroshi.assessment.intervals import PROBABILITY, RESAMPLES, UNKNOWN, Interval, skewed_mean

Floats = NDArray[np.float64]


class Indices(NamedTuple):
    """How much of a figure's variance one factor explains: by itself, and with what it does together with others."""

    first: Interval
    total: Interval


def sobol(
    a: Floats, b: Floats, mixed: Mapping[str, Floats], generator: np.random.Generator, resamples: int = RESAMPLES
) -> dict[str, Indices]:
    """Return Sobol' indices by factor, with bootstrap intervals.

    Args:
        a, b: (n,) figures at the points `a` and `b` of a `design.SobolDesign`.
        mixed: (n,) figures at its mixed points, by factor.
        generator: of the bootstrap.
        resamples: of the bootstrap.

    Returns:
        Unknown ones if any figure is not finite, or all are the same: there is no variance to explain.

    Source: Saltelli et al. (2010), Computer Physics Communications 181, 259-270, table 2 (b) and (f), through SciPy.
    """
    rows = np.stack([*mixed.values()])
    if not (np.isfinite(a).all() and np.isfinite(b).all() and np.isfinite(rows).all() and np.ptp(a) > 0.0):
        return dict.fromkeys(mixed, Indices(UNKNOWN, UNKNOWN))
    figures = {"f_A": a[None], "f_B": b[None], "f_AB": rows[:, None]}
    found = stats.sobol_indices(func=figures, n=len(a), rng=generator)
    around = found.bootstrap(confidence_level=PROBABILITY, n_resamples=resamples)
    firsts = zip(found.first_order, around.first_order.confidence_interval.low,
                 around.first_order.confidence_interval.high, strict=True)  # fmt: skip
    totals = zip(found.total_order, around.total_order.confidence_interval.low,
                 around.total_order.confidence_interval.high, strict=True)  # fmt: skip
    return {
        factor: Indices(Interval(*map(float, first)), Interval(*map(float, total)))
        for factor, first, total in zip(mixed, firsts, totals, strict=True)
    }


def effects(
    points: Sequence[Point], figures: Floats, generator: np.random.Generator
) -> dict[str, dict[object, Interval]]:
    """Return what each level of each factor does, against the mean over all levels, in a full factorial.

    Args:
        points: of `design.full_factorial`, p of them.
        figures: (r, p) of r replicates at each; replicates with a figure that is not finite are left out.
        generator: of the bootstrap over replicates.

    Returns:
        By path and level, the mean over replicates with its interval; a replicate's effect is one value, so that what
        its runs have in common does not count twice.
    """
    whole = figures[np.isfinite(figures).all(axis=1)]
    found: dict[str, dict[object, Interval]] = {}
    for path in points[0]:
        levels = list(dict.fromkeys(point[path] for point in points))
        found[path] = {}
        for level in levels:
            there = np.array([point[path] == level for point in points])
            found[path][level] = skewed_mean(whole[:, there].mean(axis=1) - whole.mean(axis=1), generator)
    return found
