"""OSPA(2): how far two sets of tracks are apart over a window, switched and broken tracks included."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from noroshi.assessment.pairing import Pairs, near, present, subpattern_distance
from noroshi.assessment.pictures import CUTOFF_M, LIVE, View, paths
from noroshi.records import Tracks, Truth

Floats = NDArray[np.float64]

NAMES = ("ospa2_m",)
PERFECT = {"ospa2_m": 0.0}
WINDOW = 10
"""How many pictures a window holds unless stated."""


def ospa2(paths_a: Floats, paths_b: Floats, c: float, p: float = 2.0, q: float = 1.0) -> float:
    """Return the OSPA(2) distance of (n, k, d) and (m, k, d) paths over all k times.

    The distance of two paths is the mean, of order q, of their cut-off distances over the times at which at least one
    of them is somewhere; where only one is, that is c. The distance of the sets is the OSPA distance over it.

    Args:
        paths_a, paths_b: in any Cartesian axes and unit; NaN where a path is nowhere. A path that is nowhere at all is
            no member of its set.
        c: cut-off, in the same unit.
        p: order of the distance between the sets, 1 to infinity.
        q: order of the distance between paths, 1 or more and finite.

    Source: Beard, Vo, Vo (2020), A solution for large-scale multi-object tracking, IEEE Trans. Signal Processing 68,
    2754-2769, the OSPA(2) metric (its base distance is the case q = 1).
    """
    k = paths_a.shape[1]
    return float(ospa2_windows(paths_a, paths_b, k, c, p, q)[-1]) if k else 0.0


def ospa2_windows(paths_a: Floats, paths_b: Floats, window: int, c: float, p: float = 2.0, q: float = 1.0) -> Floats:
    """Return (k,) OSPA(2) distances, each over the last `window` times up to its own (fewer at the start)."""
    k = paths_a.shape[1]
    there_a, there_b = present(paths_a), present(paths_b)
    at = [near(paths_a[:, i], paths_b[:, i], c) for i in range(k)]
    distances = np.empty(k)
    for i in range(k):
        first = max(i - window + 1, 0)
        inside = slice(first, i + 1)
        pairs = _windowed(at[inside], there_a[:, inside], there_b[:, inside], c, q)
        n_a, n_b = there_a[:, inside].any(axis=1).sum(), there_b[:, inside].any(axis=1).sum()
        distances[i] = subpattern_distance(pairs, int(n_a), int(n_b), c, p)
    return distances


def _windowed(at: list[Pairs], there_a: NDArray[np.bool_], there_b: NDArray[np.bool_], c: float, q: float) -> Pairs:
    """Return the pairs that are near at some time of the window and how far their paths are apart over it."""
    n_b = len(there_b)
    key = np.concatenate([each.ia * n_b + each.ib for each in at])
    pair, code = np.unique(key, return_inverse=True)
    ia, ib = pair // max(n_b, 1), pair % max(n_b, 1)
    apart = np.bincount(code, (np.concatenate([each.distance for each in at]) / c) ** q, len(pair))
    n_either = (there_a[ia] | there_b[ib]).sum(axis=1)
    n_near = np.bincount(code, minlength=len(pair))
    return Pairs(ia, ib, c * ((apart + n_either - n_near) / n_either) ** (1.0 / q))


def measure(
    truth: Truth,
    tracks: Tracks,
    *,
    times_ns: NDArray[np.int64],
    c: float = CUTOFF_M,
    p: float = 2.0,
    q: float = 1.0,
    window: int = WINDOW,
    view: View = LIVE,
) -> Mapping[str, float]:
    """Return the mean over the times of OSPA(2) over the last `window` pictures."""
    distances = ospa2_windows(*paths(truth, tracks, times_ns, view), window, c, p, q)
    return {"ospa2_m": float(distances.mean()) if len(distances) else float("nan")}
