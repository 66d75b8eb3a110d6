"""Sparse candidate pairs of two lists, taken apart into what has nothing to do with each other."""

import numpy as np
from numpy.typing import NDArray

from noroshi.estimation.angles import Floats
from noroshi.kernel import kernel

Indices = NDArray[np.int64]


@kernel
def clusters(begin: Indices, ib: Indices, weight: Floats, n_b: int) -> tuple[Indices, Indices]:
    """Return the first a of each a's cluster, and the next a of the same cluster (-1: none), both (n_a,).

    Args:
        begin: (n_a + 1,) where the pairs of each a begin, pairs being ordered by a.
        ib: (p,) row of b of each pair.
        weight: (p,) pairs of weight 0 connect nothing.
        n_b: how many rows b has.
    """
    n_a = begin.shape[0] - 1
    first, after = np.empty(n_a, np.int64), np.empty(n_a, np.int64)
    last, owner = np.empty(n_a, np.int64), np.empty(n_b, np.int64)
    for b in range(n_b):
        owner[b] = -1
    for a in range(n_a):
        first[a], after[a], last[a] = a, -1, a
    for a in range(n_a):
        for e in range(begin[a], begin[a + 1]):
            if weight[e] <= 0.0:
                continue
            if owner[ib[e]] < 0:
                owner[ib[e]] = a
                continue
            low, high = root(first, owner[ib[e]]), root(first, a)
            low, high = min(low, high), max(low, high)
            first[high] = low
    for a in range(n_a):
        head = root(first, a)
        first[a] = head
        if head != a:
            after[last[head]] = a
            last[head] = a
    return first, after


@kernel
def root(first: Indices, a: int) -> int:
    """Return who stands first where a belongs, when each has one before it in `first`; ways there get shorter."""
    while first[a] != a:
        first[a] = first[first[a]]
        a = first[a]
    return a
