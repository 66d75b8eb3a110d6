"""Which pairs are worth a look."""

import math
from functools import cache

import numpy as np
from numpy.typing import NDArray

from noroshi.estimation.angles import Floats
from noroshi.kernel import kernel

Indices = NDArray[np.intp]
MEASURED_MAX = 9


DENSE_PAIRS_MAX = 20_000  # up to here all distances are found sooner than trees are built


def chi_square_gate(probability: float, n_measured: NDArray[np.int64] | int) -> Floats:
    """Return the squared Mahalanobis distance that a true pair stays within with this probability.

    It is 0 where nothing was measured.

    Raises:
        IndexError: if more than 9 components were measured.

    Source: the quantile of chi-square, whose tail is a finite sum for whole degrees of freedom (Abramowitz and Stegun
    (1964), Handbook of Mathematical Functions, 26.4.4 and 26.4.5).
    """
    gate: Floats = _quantiles(probability)[np.asarray(n_measured)]
    return gate


def mahalanobis_squared(innovation: Floats, S: Floats) -> Floats:
    """Return (n,) squared Mahalanobis distances of innovations (n, m) with covariances (n, m, m).

    Raises:
        numpy.linalg.LinAlgError: if a covariance is singular.
    """
    squared = np.empty(len(innovation))
    if not _eliminate(np.array(innovation, np.float64, order="C"), np.array(S, np.float64, order="C"), squared):
        raise np.linalg.LinAlgError("a covariance is singular")
    return squared


@kernel
def _eliminate(innovation: Floats, S: Floats, squared: Floats) -> bool:
    """Write the squared distances by elimination, in place; return whether no pivot was zero."""
    m = innovation.shape[1]
    for i in range(innovation.shape[0]):
        squared[i] = 0.0
        for a in range(m):
            if S[i, a, a] == 0.0:
                return False
            squared[i] += innovation[i, a] * innovation[i, a] / S[i, a, a]
            for b in range(a + 1, m):
                factor = S[i, b, a] / S[i, a, a]
                innovation[i, b] -= factor * innovation[i, a]
                for c in range(a + 1, b + 1):
                    S[i, b, c] -= factor * S[i, c, a]
    return True


def coarse_pairs(
    positions_a: Floats,
    radius_a: Floats | float,
    positions_b: Floats,
    radius_b: Floats | float = 0.0,
    *,
    nearest: int | None = None,
) -> tuple[Indices, Indices]:
    """Return the indices of all pairs whose positions are no further apart than the sum of their radii.

    The pairs are ordered by b, then by a. Rows are searched in groups of like radius, so that one wide row does not
    widen the search of the others.

    Args:
        positions_a: (n_a, 3), any Cartesian axes.
        radius_a: (n_a,) or one for all.
        positions_b: (n_b, 3), the same axes.
        radius_b: (n_b,) or one for all.
        nearest: beyond some thousand pairs, of each a and every group the nearest b alone, so many: what a crowd costs.

    Raises:
        ValueError: if a position or radius is not finite, or a radius is negative.
    """
    radius_a = np.broadcast_to(np.asarray(radius_a, np.float64), len(positions_a))
    radius_b = np.broadcast_to(np.asarray(radius_b, np.float64), len(positions_b))
    for positions, radius in ((positions_a, radius_a), (positions_b, radius_b)):
        if not (np.isfinite(positions).all() and np.isfinite(radius).all() and (radius >= 0.0).all()):
            raise ValueError("coarse_pairs needs finite positions and finite radii of zero or more")
    if len(positions_a) * len(positions_b) <= DENSE_PAIRS_MAX:
        apart = positions_b[:, None] - positions_a
        ib, ia = np.nonzero(np.vecdot(apart, apart) <= (radius_b[:, None] + radius_a) ** 2)
        return ia, ib
    from scipy.spatial import cKDTree  # here, since it takes a third of a second that few programs need

    groups_b = [(rows, cKDTree(positions_b[rows]), radius_b[rows].max()) for rows in _groups(radius_b)]
    found_a, found_b = [np.empty(0, np.intp)], [np.empty(0, np.intp)]
    for rows_a in _groups(radius_a):
        tree_a, reach_a = cKDTree(positions_a[rows_a]), radius_a[rows_a].max()
        for rows_b, tree_b, reach_b in groups_b:
            reach = np.nextafter(reach_a + reach_b, np.inf)
            if nearest is None:
                near = tree_a.sparse_distance_matrix(tree_b, reach, output_type="ndarray")
                i, j, apart_m = near["i"], near["j"], near["v"]
            else:
                far, found = tree_b.query(positions_a[rows_a], np.arange(1, nearest + 1), distance_upper_bound=reach)
                i, k = np.nonzero(np.isfinite(far))
                j, apart_m = found[i, k], far[i, k]
            ia, ib = rows_a[i], rows_b[j]
            within = apart_m <= radius_a[ia] + radius_b[ib]
            found_a.append(ia[within])
            found_b.append(ib[within])
    ia, ib = np.concatenate(found_a), np.concatenate(found_b)
    order = np.lexsort((ia, ib))
    return ia[order], ib[order]


def _groups(radius: Floats) -> list[Indices]:
    """Return the rows of each power of two."""
    exponent = np.frexp(radius)[1]
    return [np.flatnonzero(exponent == each) for each in np.unique(exponent)]


@cache
def _quantiles(probability: float) -> Floats:
    quantiles = np.zeros(MEASURED_MAX + 1)
    quantiles[1:] = [_quantile(probability, k) for k in range(1, MEASURED_MAX + 1)]
    quantiles.setflags(write=False)
    return quantiles


def _quantile(probability: float, k: int) -> float:
    """Return the quantile of chi-square by bisection to the last digit."""
    low, high = 0.0, 1.0
    while _tail(high, k) > 1.0 - probability:
        high *= 2.0
    while low < (middle := 0.5 * (low + high)) < high:
        low, high = (middle, high) if _tail(middle, k) > 1.0 - probability else (low, middle)
    return high


def _tail(x: float, k: int) -> float:
    """Return the probability that chi-square with k degrees of freedom exceeds x."""
    start = k % 2 / 2.0
    terms = (math.exp((i + start) * math.log(0.5 * x) - 0.5 * x - math.lgamma(i + start + 1.0)) for i in range(k // 2))
    return (math.erfc(math.sqrt(0.5 * x)) if k % 2 else 0.0) + sum(terms)
