"""The likeliest way to share out what pairs have, each row and column keeping its sum: transport at the least cost."""

import numpy as np
from numpy.typing import NDArray

from noroshi.estimation.angles import Floats
from noroshi.kernel import kernel

Indices = NDArray[np.int64]
SWEEPS_MAX = 20  # over all pairs; some five are what they take
GAIN_MIN = 1e-9  # of a logarithm: less is rounding


def rearrange(begin: Indices, ib: Indices, weight: Floats, share: Floats, n_b: int, *, share_min: float = 0.0) -> None:
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

    Source: the network simplex method for the transport problem, Ahuja, Magnanti and Orlin (1993), Network Flows,
    chapter 11, begun from shares that make rings: each that a pair closes is emptied at the pair that can least be
    spared.
    """
    rows, n_rows = _contesting(begin, ib, share, share_min, n_b)
    # What most pictures do not need is compiled when one does.
    if n_rows:
        _rearrange(rows[:n_rows], begin, ib, weight, share, share_min, n_b)


@kernel
def _rearrange(
    rows: Indices, begin: Indices, ib: Indices, weight: Floats, share: Floats, share_min: float, n_b: int
) -> None:
    """Do it over some rows of a, who want nothing that others want: as a tree for each that share what they want."""
    n_a, stamp = begin.shape[0] - 1, 0
    up, by = np.empty(n_a + n_b, np.int64), np.empty(n_a + n_b, np.int64)  # each one's next in its tree, by which pair
    mark, price, trail = np.empty(n_a + n_b, np.int64), np.empty(n_a + n_b), np.empty(n_a + n_b, np.int64)
    value = np.empty(ib.shape[0])
    for a in rows:
        up[a], by[a], mark[a] = -1, -1, 0
        for e in range(begin[a], begin[a + 1]):
            b = n_a + ib[e]
            up[b], by[b], mark[b] = -1, -1, 0
            value[e] = np.log(weight[e]) if share[e] > share_min else -np.inf
    for sweep in range(SWEEPS_MAX + 1):
        n_moved = 0
        for a in rows:
            for e in range(begin[a], begin[a + 1]):
                b = n_a + ib[e]
                # The first time around what holds a share goes into a tree, later what is worth more than its ring.
                is_asked = value[e] > -np.inf if sweep == 0 else value[e] - price[a] - price[b] > GAIN_MIN
                if is_asked and by[a] != e and by[b] != e:
                    stamp += 1
                    n_moved += _close(a, b, e, up, by, mark, stamp, value, share)
        if n_moved == 0:
            break
        stamp += 1
        for a in rows:
            _set_price(a, up, by, mark, stamp, value, price, trail)
            for e in range(begin[a], begin[a + 1]):
                _set_price(n_a + ib[e], up, by, mark, stamp, value, price, trail)


@kernel
def _contesting(begin: Indices, ib: Indices, share: Floats, share_min: float, n_b: int) -> tuple[Indices, int]:
    """Return the rows of a that have a share of some b that another has one of too, and how many they are."""
    holders = np.zeros(n_b, np.int64)
    for e in range(ib.shape[0]):
        holders[ib[e]] += share[e] > share_min
    rows, n = np.empty(begin.shape[0], np.int64), 0
    for a in range(begin.shape[0] - 1):
        contests = False
        for e in range(begin[a], begin[a + 1]):
            contests |= share[e] > share_min and holders[ib[e]] > 1
        rows[n] = a
        n += contests
    return rows, n


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
    a: int,
    b: int,
    e: int,
    up: Indices,
    by: Indices,
    mark: Indices,
    stamp: int,
    value: Floats,
    share: Floats,
) -> int:
    """Join two trees by a pair, or move what is to be moved around the ring that it closes; return whether any was."""
    v = a
    while v >= 0:
        mark[v] = stamp
        v = up[v]
    top = b
    while top >= 0 and mark[top] != stamp:
        top = up[top]
    if top < 0:
        _turn(a, up, by)
        up[a], by[a] = b, e
        return 0
    # Around the ring shares fall and rise by turns, beginning with the pairs beside e, which fall as e rises.
    gain, room, back = value[e], np.inf, share[e]
    lowest, highest, side_low, side_high = -1, -1, a, a
    for start in (a, b):
        v, falls = start, True
        while v != top:
            f = by[v]
            if falls:
                gain -= value[f]
                if share[f] < room:
                    room, lowest, side_low = share[f], v, start
            else:
                gain += value[f]
                if share[f] < back:
                    back, highest, side_high = share[f], v, start
            v, falls = up[v], not falls
    if gain > GAIN_MIN:
        moved, out, side = room, lowest, side_low
    elif share[e] > 0.0:
        moved, out, side = -back, highest, side_high
    else:
        return 0
    share[e] += moved
    for start in (a, b):
        v, falls = start, True
        while v != top:
            share[by[v]] += -moved if falls else moved
            v, falls = up[v], not falls
    if out < 0:
        share[e] = 0.0
        return 1
    share[by[out]] = 0.0
    up[out], by[out] = -1, -1
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
