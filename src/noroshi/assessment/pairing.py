"""Who is near whom: sparse pairs of two sets of positions, and the best way to pair them one to one."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from noroshi.estimation.assignment import assign

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


class Pairs(NamedTuple):
    """Rows `ia` of one set and `ib` of the other that are `distance` apart, (p,) each."""

    ia: Integers
    ib: Integers
    distance: Floats

    def rows(self, chosen: NDArray[np.bool_] | Integers) -> "Pairs":
        """Return the chosen pairs."""
        return Pairs(self.ia[chosen], self.ib[chosen], self.distance[chosen])


def present(positions: Floats) -> NDArray[np.bool_]:
    """Say which rows of (n, d) or (n, k, d) positions are somewhere: all components finite."""
    finite: NDArray[np.bool_] = np.all(np.isfinite(positions), axis=-1)
    return finite


def near(a: Floats, b: Floats, cutoff: float) -> Pairs:
    """Return all pairs of (n, d) and (m, d) positions less than `cutoff` apart, in order; rows with NaN have none."""
    rows_a, rows_b = np.flatnonzero(present(a)), np.flatnonzero(present(b))
    if not (len(rows_a) and len(rows_b)):
        return Pairs(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))
    from scipy.spatial import cKDTree

    found = cKDTree(a[rows_a]).sparse_distance_matrix(cKDTree(b[rows_b]), cutoff, output_type="ndarray")
    found = found[found["v"] < cutoff]
    found = found[np.lexsort((found["j"], found["i"]))]
    return Pairs(rows_a[found["i"]], rows_b[found["j"]], found["v"])


def nearest(a: Floats, b: Floats, cutoff: float) -> Pairs:
    """Return for each row of `b` its nearest row of `a` less than `cutoff` away, where there is one."""
    rows_a, rows_b = np.flatnonzero(present(a)), np.flatnonzero(present(b))
    if not (len(rows_a) and len(rows_b)):
        return Pairs(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))
    from scipy.spatial import cKDTree

    distance, i = cKDTree(a[rows_a]).query(b[rows_b], distance_upper_bound=cutoff)
    found = i < len(rows_a)
    return Pairs(rows_a[i[found]], rows_b[found], distance[found])


def best(pairs: Pairs, c: float, p: float) -> Pairs:
    """Return the pairs, each row in at most one, that make the sum of `distance**p - c**p` smallest.

    The same choice is optimal for OSPA and for GOSPA of any alpha: each pair left out costs the same `c**p`.
    """
    n_a, n_b = int(pairs.ia.max(initial=-1)) + 1, int(pairs.ib.max(initial=-1)) + 1
    cost = (pairs.distance / c) ** p
    return pairs.rows(assign(pairs.ia, pairs.ib, cost, n_a, n_b, cost_unassigned=1.0))


def subpattern_distance(pairs: Pairs, n_a: int, n_b: int, c: float, p: float) -> float:
    """Return the OSPA distance of order p of two sets of n_a and n_b things, given the pairs closer than c.

    Source: Schuhmacher, Vo, Vo (2008), A consistent metric for performance evaluation of multi-object filters, IEEE
    Trans. Signal Processing 56(8), 3447-3457; 0 for two empty sets.
    """
    n = max(n_a, n_b)
    if n == 0:
        return 0.0
    if np.isinf(p):
        return _bottleneck(pairs, n_a, c) if n_a == n_b else c
    chosen = best(pairs, c, p)
    return float(c * (((chosen.distance / c) ** p).sum() / n + (n - len(chosen.ia)) / n) ** (1.0 / p))


def _bottleneck(pairs: Pairs, n: int, c: float) -> float:
    """Return the least distance within which all n can be paired with all n, at most c."""
    used_a, ia = np.unique(pairs.ia, return_inverse=True)
    used_b, ib = np.unique(pairs.ib, return_inverse=True)
    if len(used_a) < n or len(used_b) < n:
        return c
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import maximum_bipartite_matching

    limits = np.append(np.unique(pairs.distance), c)
    low, high = 0, len(limits) - 1
    while low < high:
        middle = (low + high) // 2
        kept = pairs.distance <= limits[middle]
        graph = csr_array((np.ones(np.count_nonzero(kept), np.int8), (ia[kept], ib[kept])), shape=(n, n))
        complete = bool((maximum_bipartite_matching(graph) >= 0).all())
        low, high = (low, middle) if complete else (middle + 1, high)
    return float(limits[low])
