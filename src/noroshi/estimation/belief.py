"""Soft assignment over sparse candidate pairs: the probability of each, cluster by cluster."""

import numpy as np

from noroshi.estimation.angles import Floats
from noroshi.estimation.clusters import Indices, clusters
from noroshi.kernel import kernel

CHANGE_MIN = 1e-6
SWEEPS_MAX = 15
"""Of a ring little is left after so many. A raid's many rings would take a hundred: in one of targets two standard
deviations apart, some 20 pairs each, a track's probabilities are then still off by 0.05 in sum, and in another order
of the same rows by as much otherwise."""


def marginals(
    begin: Indices,
    ib: Indices,
    weight: Floats,
    weight_alone: Floats,
    weight_b: Floats,
    known: tuple[Indices, Indices] | None = None,
) -> tuple[Floats, Floats, Floats]:
    """Return the probability of each pair, of each a to be alone, and of each b to be alone.

    The joint probability of a set of pairs in which each a and each b stands at most once is in proportion to the
    product of their weights and of the weights of all a and b that are left alone. Rows of a that contest no b, and
    two that contest some with each other alone, are solved in closed form; larger clusters by belief propagation, which
    is exact where the pairs make no ring, and close where they do.

    Args:
        begin: (n_a + 1,) where the pairs of each a begin, pairs being ordered by a.
        ib: (p,) row of b of each pair.
        weight: (p,) zero or more.
        weight_alone: (n_a,) of each a, above zero.
        weight_b: (n_b,) of each b, above zero.
        known: what `clusters` returned, of these weights.

    Source: Williams and Lau (2014), Approximate evaluation of marginal association probabilities with belief
    propagation, IEEE Trans. Aerospace and Electronic Systems 50(4), 2942-2959, figure 4.
    """
    p, n_a, n_b = len(ib), len(weight_alone), len(weight_b)
    pair, alone, alone_b = np.zeros(p), np.empty(n_a), np.ones(n_b)
    ratio = np.empty(p)  # of weights to the b's own
    first, after = clusters(begin, ib, weight, n_b) if known is None else known
    heads = np.empty(n_a, np.int64)
    n_pairs, n_larger = _solve_alone(
        begin, ib, weight, weight_alone, weight_b, first, after, ratio, pair, alone, alone_b, heads
    )
    # What most pictures do not need is compiled when one does.
    if n_pairs:
        _solve_pairs(heads[:n_pairs], after, begin, ib, ratio, weight_alone, np.zeros(n_b), pair, alone, alone_b)
    if n_larger:
        larger = heads[n_a - n_larger :]
        _propagate(
            larger, after, begin, ib, ratio, weight_alone, np.empty(p), np.empty(p), np.zeros(n_b), pair, alone, alone_b
        )
    return pair, alone, alone_b


@kernel
def _solve_alone(
    begin: Indices,
    ib: Indices,
    weight: Floats,
    weight_alone: Floats,
    weight_b: Floats,
    first: Indices,
    after: Indices,
    ratio: Floats,
    pair: Floats,
    alone: Floats,
    alone_b: Floats,
    heads: Indices,
) -> tuple[int, int]:
    """Solve clusters of one a, and return how many there are of two and of more.

    The first a of those of two are written to the beginning of `heads` (n_a,), of those of more to its end.
    """
    n_a, n_pairs, n_larger = weight_alone.shape[0], 0, 0
    for e in range(ib.shape[0]):
        ratio[e] = weight[e] / weight_b[ib[e]]
    for head in range(n_a):
        if first[head] != head:
            continue
        if after[head] >= 0:
            if after[after[head]] < 0:
                heads[n_pairs] = head
                n_pairs += 1
            else:
                n_larger += 1
                heads[n_a - n_larger] = head
            continue
        total = weight_alone[head]
        for e in range(begin[head], begin[head + 1]):
            total += ratio[e]
        alone[head] = weight_alone[head] / total
        for e in range(begin[head], begin[head + 1]):
            if weight[e] > 0.0:
                pair[e] = ratio[e] / total
                alone_b[ib[e]] = 1.0 - pair[e]
    return n_pairs, n_larger


@kernel
def _solve_pairs(
    heads: Indices,
    after: Indices,
    begin: Indices,
    ib: Indices,
    ratio: Floats,
    weight_alone: Floats,
    other: Floats,
    pair: Floats,
    alone: Floats,
    alone_b: Floats,
) -> None:
    """Solve clusters of two by going through what the first may have; `other` (n_b,) is zero before and after."""
    for one in heads:
        two = after[one]
        rest = weight_alone[two]
        for e in range(begin[two], begin[two + 1]):
            other[ib[e]] = ratio[e]
            rest += ratio[e]
        total = weight_alone[one] * rest
        for e in range(begin[one], begin[one + 1]):
            without = rest
            if other[ib[e]] > 0.0:
                # Summed anew: a difference would lose its digits where this b is all that the other has.
                without = weight_alone[two]
                for f in range(begin[two], begin[two + 1]):
                    if ib[f] != ib[e]:
                        without += ratio[f]
            pair[e] = ratio[e] * without
            total += pair[e]
        for e in range(begin[two], begin[two + 1]):
            other[ib[e]] = 0.0
        alone[one] = weight_alone[one] * rest / total
        free = weight_alone[one]
        for e in range(begin[one], begin[one + 1]):
            other[ib[e]] = ratio[e]
            free += ratio[e]
            pair[e] /= total
            if ratio[e] > 0.0:
                alone_b[ib[e]] = 1.0 - pair[e]
        alone[two] = weight_alone[two] * free / total
        for e in range(begin[two], begin[two + 1]):
            without = free
            if other[ib[e]] > 0.0:
                without = weight_alone[one]
                for f in range(begin[one], begin[one + 1]):
                    if ib[f] != ib[e]:
                        without += ratio[f]
            pair[e] = ratio[e] * without / total
            if ratio[e] > 0.0:
                alone_b[ib[e]] = max(alone_b[ib[e]] - pair[e], 0.0)
        for e in range(begin[one], begin[one + 1]):
            other[ib[e]] = 0.0


@kernel
def _propagate(
    heads: Indices,
    after: Indices,
    begin: Indices,
    ib: Indices,
    ratio: Floats,
    weight_alone: Floats,
    to_a: Floats,
    to_b: Floats,
    heard: Floats,
    pair: Floats,
    alone: Floats,
    alone_b: Floats,
) -> None:
    """Solve clusters by messages to and fro; `heard` (n_b,) is the sum of those to each b, zero before and after.

    Each a goes by the newest word of all others, not by that of the sweep before: half as many sweeps come as far.
    """
    for head in heads:
        a = head
        while a >= 0:
            for e in range(begin[a], begin[a + 1]):
                to_a[e], to_b[e] = 1.0, 0.0
            a = after[a]
        for _ in range(SWEEPS_MAX):
            change, a = 0.0, head
            while a >= 0:
                own, first, end = weight_alone[a], begin[a], begin[a + 1]
                total = own
                for e in range(first, end):
                    told = 1.0 / (1.0 + max(heard[ib[e]] - to_b[e], 0.0))
                    change = max(change, abs(told - to_a[e]))
                    to_a[e] = told
                    pair[e] = ratio[e] * told
                    total += pair[e]
                alone[a] = total
                for e in range(first, end):
                    told = ratio[e] / max(total - pair[e], own)
                    heard[ib[e]] += told - to_b[e]
                    to_b[e] = told
                a = after[a]
            if change < CHANGE_MIN:
                break
        a = head
        while a >= 0:
            for e in range(begin[a], begin[a + 1]):
                if ratio[e] > 0.0:
                    alone_b[ib[e]] = 1.0 / (1.0 + heard[ib[e]])
                pair[e] /= alone[a]
            alone[a] = weight_alone[a] / alone[a]
            a = after[a]
        a = head
        while a >= 0:
            for e in range(begin[a], begin[a + 1]):
                heard[ib[e]] = 0.0
            a = after[a]
