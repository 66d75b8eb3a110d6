"""Which parameter matters: Sobol' indices and factorial effects of what runs came to."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from noroshi.assessment.intervals import RESAMPLES, UNKNOWN, Interval, resampled, skewed_mean

Floats = NDArray[np.float64]
Point = Mapping[str, object]
"""Values of parameters by path: the changes of a `Variant`."""


class Indices(NamedTuple):
    """How much of a figure's variance one factor explains: by itself, and with what it does together with others."""

    first: Interval
    total: Interval


def sobol(
    a: Floats, b: Floats, mixed: Mapping[str, Floats], generator: np.random.Generator, resamples: int = RESAMPLES
) -> dict[str, Indices]:
    """Return Sobol' indices by factor, with bootstrap intervals.

    Args:
        a, b: (n,) figures at n points, and at n others independent of them.
        mixed: (n,) figures at the points of `a` with one factor's values of `b`, by factor.
        generator: of the bootstrap.
        resamples: of the bootstrap.

    Returns:
        Unknown ones if any figure is not finite, or all are the same: there is no variance to explain.

    Source: Saltelli et al. (2010), Computer Physics Communications 181, 259-270, table 2 (b) and (f). SciPy has
    the same estimators; its bootstrap takes memory as the square of n.
    """
    rows = np.stack([*mixed.values()])
    if not (np.isfinite(a).all() and np.isfinite(b).all() and np.isfinite(rows).all() and np.ptp(a) > 0.0):
        return dict.fromkeys(mixed, Indices(UNKNOWN, UNKNOWN))

    def indices(count: NDArray[np.int64]) -> Floats:
        weight = count / count.sum()
        centre = 0.5 * weight @ (a + b)
        variance = 0.5 * weight @ ((a - centre) ** 2 + (b - centre) ** 2)
        first = ((b - centre) * (rows - a)) @ weight
        total = 0.5 * (rows - a) ** 2 @ weight
        together: Floats = np.concatenate([first, total]) / variance
        return together

    found = resampled(len(a), indices, generator, resamples)
    return {factor: Indices(found[i], found[len(rows) + i]) for i, factor in enumerate(mixed)}


def effects(
    points: Sequence[Point], figures: Floats, generator: np.random.Generator
) -> dict[str, dict[object, Interval]]:
    """Return what each level of each factor does, against the mean over all levels, in a full factorial.

    Args:
        points: all combinations of the factors' levels, p of them.
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
