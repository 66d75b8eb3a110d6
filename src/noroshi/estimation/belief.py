"""Soft assignment over sparse candidate pairs: the probability of each, by belief propagation."""

import numpy as np
from numpy.typing import NDArray

from noroshi.estimation.angles import Floats
from noroshi.kernel import kernel

Indices = NDArray[np.int64]
CHANGE_MIN = 1e-6
SWEEPS_MAX = 200


def marginals(
    begin: Indices, ib: Indices, weight: Floats, weight_alone: Floats, weight_b: Floats
) -> tuple[Floats, Floats, Floats]:
    """Return the probability of each pair, of each a to be alone, and of each b to be alone.

    The joint probability of a set of pairs in which each a and each b stands at most once is in proportion to the
    product of their weights and of the weights of all a and b that are left alone. The result is exact where the pairs
    make no ring, and close where they do.

    Args:
        begin: (n_a + 1,) where the pairs of each a begin, pairs being ordered by a.
        ib: (p,) row of b of each pair.
        weight: (p,) zero or more.
        weight_alone: (n_a,) of each a, above zero.
        weight_b: (n_b,) of each b, above zero.

    Source: Williams and Lau (2014), Approximate evaluation of marginal association probabilities with belief
    propagation, IEEE Trans. Aerospace and Electronic Systems 50(4), 2942-2959, figure 4.
    """
    pair, alone, alone_b = np.empty(len(weight)), np.empty(len(weight_alone)), np.empty(len(weight_b))
    _propagate(begin, ib, weight, weight_alone, weight_b, pair, alone, alone_b)
    return pair, alone, alone_b


@kernel
def _propagate(
    begin: Indices,
    ib: Indices,
    weight: Floats,
    weight_alone: Floats,
    weight_b: Floats,
    pair: Floats,
    alone: Floats,
    alone_b: Floats,
) -> None:
    p, n_a, n_b = ib.shape[0], weight_alone.shape[0], weight_b.shape[0]
    to_b, to_a, heard = np.empty(p), np.empty(p), np.empty(n_b)  # messages, and the sum of those to each b
    rivals, contested, n_contested = np.empty(n_b, np.int64), np.empty(n_a, np.int64), 0
    for b in range(n_b):
        heard[b], rivals[b] = 0.0, 0
    for e in range(p):
        to_a[e] = 1.0 / weight_b[ib[e]]
        if weight[e] > 0.0:
            rivals[ib[e]] += 1
    # An a none of whose pairs has a rival hears the same in every sweep: only the others are swept.
    for a in range(n_a):
        for e in range(begin[a], begin[a + 1]):
            if weight[e] > 0.0 and rivals[ib[e]] > 1:
                contested[n_contested] = a
                n_contested += 1
                break
    for _ in range(SWEEPS_MAX):
        change = 0.0
        for at in range(n_contested):
            for e in range(begin[contested[at]], begin[contested[at] + 1]):
                heard[ib[e]] = 0.0
        for at in range(n_contested):
            _tell(contested[at], begin, ib, weight, weight_alone, to_a, to_b, heard)
        for at in range(n_contested):
            for e in range(begin[contested[at]], begin[contested[at] + 1]):
                b = ib[e]
                others = max(heard[b] - to_b[e], 0.0) if rivals[b] > 1 else 0.0
                told = 1.0 / (weight_b[b] + others)
                change = max(change, abs(told - to_a[e]) * weight_b[b])
                to_a[e] = told
        if change < CHANGE_MIN:
            break
    for b in range(n_b):
        heard[b] = 0.0
    for a in range(n_a):
        total = _tell(a, begin, ib, weight, weight_alone, to_a, to_b, heard)
        alone[a] = weight_alone[a] / total
        for e in range(begin[a], begin[a + 1]):
            pair[e] = weight[e] * to_a[e] / total
    for b in range(n_b):
        alone_b[b] = weight_b[b] / (weight_b[b] + heard[b])


@kernel
def _tell(
    a: int,
    begin: Indices,
    ib: Indices,
    weight: Floats,
    weight_alone: Floats,
    to_a: Floats,
    to_b: Floats,
    heard: Floats,
) -> float:
    """Let one a tell each of its b what it thinks of their pair; return the sum of its weights."""
    total = float(weight_alone[a])
    for e in range(begin[a], begin[a + 1]):
        total += weight[e] * to_a[e]
    for e in range(begin[a], begin[a + 1]):
        to_b[e] = weight[e] / max(total - weight[e] * to_a[e], weight_alone[a])
        heard[ib[e]] += to_b[e]
    return float(total)
