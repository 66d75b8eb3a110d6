"""The likeliest way to share out what pairs have, each row and column keeping its sum: transport at the least cost."""

import numpy as np
from numpy.typing import NDArray

from noroshi.estimation.angles import Floats
from noroshi.kernel import kernel

Indices = NDArray[np.int64]
SWEEPS_MAX = 20  # over all pairs; some five are what they take
GAIN_MIN = 1e-9  # of a logarithm: less is rounding


def rearrange(begin: Indices, ib: Indices, weight: Floats, share: Floats, n_b: int) -> None:
    """Move shares between pairs so that the sum of share times log weight is the greatest, in place.

    The sum over each a and the sum over each b stay what they are. What is left has no ring: pairs that hold a share
    make a forest, so that of all orders in which some a may have some b only the likeliest is kept.

    Args:
        begin: (n_a + 1,) where the pairs of each a begin, pairs being ordered by a.
        ib: (p,) row of b of each pair.
        weight: (p,) zero or more; pairs of weight zero are left alone.
        share: (p,) zero or more.
        n_b: how many rows b has.

    Source: the network simplex method for the transport problem, Ahuja, Magnanti and Orlin (1993), Network Flows,
    chapter 11, begun from shares that make rings: each that a pair closes is emptied at the pair that can least be
    spared.
    """
    rows, n_rows = _contesting(begin, ib, weight, n_b)
    # What most pictures do not need is compiled when one does.
    if n_rows:
        _rearrange(rows[:n_rows], begin, ib, weight, share, n_b)


@kernel
def _rearrange(rows: Indices, begin: Indices, ib: Indices, weight: Floats, share: Floats, n_b: int) -> None:
    """Do it over some rows of a, who want nothing that others want: as a tree for each that share what they want."""
    n_a = begin.shape[0] - 1
    up, by = np.empty(n_a + n_b, np.int64), np.empty(n_a + n_b, np.int64)  # each one's next in its tree, by which pair
    mark, price, trail = np.zeros(n_a + n_b, np.int64), np.zeros(n_a + n_b), np.empty(n_a + n_b, np.int64)
    value, stamp = np.empty(ib.shape[0]), 0
    for v in range(n_a + n_b):
        up[v], by[v] = -1, -1
    for a in rows:
        for e in range(begin[a], begin[a + 1]):
            value[e] = np.log(weight[e])
    for sweep in range(SWEEPS_MAX + 1):
        n_moved = 0
        for a in rows:
            for e in range(begin[a], begin[a + 1]):
                b = n_a + ib[e]
                # The first time around what holds a share goes into a tree, later what is worth more than its ring.
                is_asked = share[e] > 0.0 if sweep == 0 else value[e] - price[a] - price[b] > GAIN_MIN
                if is_asked and by[a] != e and by[b] != e:
                    stamp += 1
                    n_moved += _close(a, b, e, up, by, mark, stamp, value, share)
        if sweep > 0 and n_moved == 0:
            break
        stamp += 1
        for v in range(n_a + n_b):
            _set_price(v, up, by, mark, stamp, value, price, trail)


@kernel
def _contesting(begin: Indices, ib: Indices, weight: Floats, n_b: int) -> tuple[Indices, int]:
    """Return the rows of a that want some b that another wants too, and how many they are."""
    wanted = np.zeros(n_b, np.int64)
    for e in range(ib.shape[0]):
        wanted[ib[e]] += weight[e] > 0.0
    rows, n = np.empty(begin.shape[0], np.int64), 0
    for a in range(begin.shape[0] - 1):
        contests = False
        for e in range(begin[a], begin[a + 1]):
            contests |= weight[e] > 0.0 and wanted[ib[e]] > 1
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
