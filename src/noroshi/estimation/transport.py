"""The likeliest way to share out what pairs have, each row and column keeping its sum: transport at the least cost."""

import math

import numpy as np

from noroshi.estimation.angles import Floats
from noroshi.estimation.clusters import Indices, clusters, root
from noroshi.kernel import kernel

SWEEPS_MAX = 100  # over all pairs of a cluster; some five are what they take
GAIN_MIN = 1e-9  # of a logarithm: less is rounding
DETOUR = 1e6  # what a share costs that goes through no pair; far above any logarithm
HALVINGS = 16  # of the shares, down to which the first way of sharing out takes the greater before the lesser
ROUNDING = 1e-14  # of a share


def rearrange(
    begin: Indices, ib: Indices, weight: Floats, share: Floats, n_b: int, *, share_min: float = 0.0,
    known: tuple[Indices, Indices] | None = None,
) -> None:  # fmt: skip
    """Move shares between pairs so that the sum of share times log weight is the greatest, in place.

    The sum over each a and the sum over each b stay what they are. What is left has no ring: pairs that hold a share
    make a forest, so that of all orders in which some a may have some b only the likeliest is kept.

    Args:
        begin: (n_a + 1,) where the pairs of each a begin, pairs being ordered by a.
        ib: (p,) row of b of each pair.
        weight: (p,) above zero where the share is.
        share: (p,) zero or more.
        n_b: how many rows b has.
        share_min: pairs that hold no more are left alone.
        known: what `clusters` returned, of the weights or of the shares.

    Source: the network simplex method for the transport problem, Ahuja, Magnanti and Orlin (1993), Network Flows,
    chapter 11. It begins by sharing out along the pairs that had most before, each as much as it can take; what is then
    left over goes by a detour that costs more than anything else, and so is moved to pairs first.
    """
    first, after = clusters(begin, ib, share, n_b) if known is None else known
    heads = np.flatnonzero((first == np.arange(len(first))) & (after >= 0))
    # What most pictures do not need is compiled when one does.
    if len(heads):
        _rearrange(heads, after, begin, ib, weight, share, share_min, n_b)


@kernel
def _rearrange(
    heads: Indices, after: Indices, begin: Indices, ib: Indices, weight: Floats, share: Floats, share_min: float,
    n_b: int,
) -> None:  # fmt: skip
    """Do it where a cluster has a ring, each as a tree over its a, its b, and one more of either, where detours meet.

    Within a cluster the a are 0 to m - 1, the one for detours is m, and then come the b and the one for detours.
    """
    most_a, most_pairs = 0, 0
    for head in heads:
        m, p, a = 0, 0, head
        while a >= 0:
            m, p, a = m + 1, p + begin[a + 1] - begin[a], after[a]
        most_a, most_pairs = max(most_a, m), max(most_pairs, p)
    n_nodes = 2 + most_a + min(n_b, most_pairs)
    pairs = most_pairs + n_nodes
    up, by, mark = np.empty(n_nodes, np.int64), np.empty(n_nodes, np.int64), np.empty(n_nodes, np.int64)
    price, trail, rest = np.empty(n_nodes), np.empty(n_nodes, np.int64), np.empty(n_nodes)
    which, one, other = np.empty(pairs, np.int64), np.empty(pairs, np.int64), np.empty(pairs, np.int64)
    value, held, order = np.empty(pairs), np.empty(pairs), np.empty(pairs, np.int64)
    of_a, local = np.empty(most_a + 1, np.int64), np.full(n_b, -1)
    for head in heads:
        m, n, a = 0, 0, head
        while a >= 0:
            m, a = m + 1, after[a]
        n_here, m, a, has_ring = m + 1, 0, head, False
        while a >= 0:
            of_a[m], mark[m] = n, m
            for e in range(begin[a], begin[a + 1]):
                if share[e] > share_min:
                    if local[ib[e]] < 0:
                        local[ib[e]], mark[n_here] = n_here, n_here
                        n_here += 1
                    which[n], one[n], other[n], held[n] = e, m, local[ib[e]], share[e]
                    above, below = root(mark, m), root(mark, other[n])
                    has_ring |= above == below
                    mark[below] = above
                    n += 1
            m, a = m + 1, after[a]
        of_a[m] = n
        for at in range(n):
            local[ib[which[at]]] = -1
        if not has_ring:
            continue
        for at in range(n):
            value[at] = math.log(weight[which[at]])
        _begin(m, n, n_here, one, other, value, held, rest, order, up, by)
        is_done = _improve(m, n_here + 1, of_a, other, value, held, up, by, mark, price, trail)
        for at in range(n, n + n_here):
            is_done &= at == n + m or held[at] <= ROUNDING
        for at in range(n):
            # A cluster that takes too long stays as it was.
            if is_done:
                share[which[at]] = held[at]


@kernel
def _begin(
    m: int, n: int, end: int, one: Indices, other: Indices, value: Floats, held: Floats, rest: Floats,
    order: Indices, up: Indices, by: Indices,
) -> None:  # fmt: skip
    """Share out anew along the n pairs, the greatest of before first, and the rest by detours: one tree.

    Pair n + v is the detour of node v, and n + m that of all; `end` is the b of the detours.
    """
    count = np.zeros(HALVINGS + 2, np.int64)
    for v in range(end + 1):
        rest[v], up[v], by[v] = 0.0, -1, -1
    for at in range(n):
        rest[one[at]] += held[at]
        rest[other[at]] += held[at]
        count[min(max(1 - math.frexp(held[at])[1], 0), HALVINGS) + 1] += 1
    for k in range(HALVINGS + 1):
        count[k + 1] += count[k]
    for at in range(n):
        k = min(max(1 - math.frexp(held[at])[1], 0), HALVINGS)
        order[count[k]] = at
        count[k] += 1
    whole = 0.0
    for v in range(m):
        whole += rest[v]
    for i in range(n):
        at = order[i]
        a, b = one[at], other[at]
        held[at] = 0.0
        if rest[a] <= 0.0 or rest[b] <= 0.0:
            continue
        moved = min(rest[a], rest[b])
        held[at] = moved
        rest[a], rest[b] = max(rest[a] - moved, 0.0), max(rest[b] - moved, 0.0)
        # Who has something left is the root of its tree.
        if rest[a] <= 0.0:
            up[a], by[a] = b, at
        else:
            up[b], by[b] = a, at
    for v in range(end):
        one[n + v], other[n + v] = (v, end) if v <= m else (m, v)
        value[n + v], held[n + v] = 0.0 if v == m else -DETOUR, whole if v == m else 0.0
        if up[v] < 0:
            up[v], by[v] = m if v > m else end, n + v
            held[n + v] += rest[v] if v != m else 0.0


@kernel
def _improve(
    m: int, n_nodes: int, of_a: Indices, other: Indices, value: Floats, held: Floats,
    up: Indices, by: Indices, mark: Indices, price: Floats, trail: Indices,
) -> bool:  # fmt: skip
    """Let pairs take the place of others in the tree while that is worth anything; return whether it was finished."""
    stamp = 0
    for v in range(n_nodes):
        mark[v] = 0
    for _ in range(SWEEPS_MAX):
        stamp, n_moved = stamp + 1, 0
        for v in range(n_nodes):
            _set_price(v, up, by, mark, stamp, value, price, trail)
        for a in range(m):
            best, most = -1, GAIN_MIN
            for at in range(of_a[a], of_a[a + 1]):
                gain = value[at] - price[a] - price[other[at]]
                if gain > most:
                    best, most = at, gain
            if best >= 0:
                stamp += 1
                n_moved += _close(a, other[best], best, up, by, mark, stamp, value, held)
        if n_moved == 0:
            return True
    return False


@kernel
def _set_price(
    v: int, up: Indices, by: Indices, mark: Indices, stamp: int, value: Floats, price: Floats, trail: Indices
) -> None:
    """Set what v and all on the way to the root of its tree are worth: those of two beside each other sum to a pair's.

    What bears the stamp has its price already.
    """
    n = 0
    while mark[v] != stamp:
        mark[v] = stamp
        trail[n] = v
        n += 1
        if up[v] < 0:
            break
        v = up[v]
    while n > 0:
        n -= 1
        v = trail[n]
        price[v] = value[by[v]] - price[up[v]] if up[v] >= 0 else 0.0


@kernel
def _close(
    a: int, b: int, e: int, up: Indices, by: Indices, mark: Indices, stamp: int, value: Floats, held: Floats
) -> int:
    """Move what is to be moved around the ring that a pair closes, if that is worth it; return whether it was."""
    v = a
    while v >= 0:
        mark[v] = stamp
        v = up[v]
    top = b
    while mark[top] != stamp:
        top = up[top]
    # Around the ring shares fall and rise by turns, beginning with the pairs beside e, which fall as e rises.
    gain, room, lowest, side = value[e], np.inf, -1, a
    for start in (a, b):
        v, falls = start, True
        while v != top:
            f = by[v]
            gain += -value[f] if falls else value[f]
            if falls and held[f] < room:
                room, lowest, side = held[f], v, start
            v, falls = up[v], not falls
    if gain <= GAIN_MIN:
        return 0
    held[e] += room
    for start in (a, b):
        v, falls = start, True
        while v != top:
            held[by[v]] += -room if falls else room
            v, falls = up[v], not falls
    held[by[lowest]] = 0.0
    up[lowest], by[lowest] = -1, -1
    _turn(side, up, by)
    up[side], by[side] = b if side == a else a, e
    return 1


@kernel
def _turn(v: int, up: Indices, by: Indices) -> None:
    """Let a tree hang from v."""
    below, edge = -1, -1
    while v >= 0:
        above, own = up[v], by[v]
        up[v], by[v] = below, edge
        below, edge = v, own
        v = above
