"""When a track has been missed: the looks that its sensors took without seeing it."""

import numpy as np
from numpy.typing import NDArray

from noroshi.geo.wgs84 import Floats
from noroshi.kernel import kernel
from noroshi.records import TrackStatus
from noroshi.tracking.store import NEVER, Bound, Whole

Integers = NDArray[np.int64]
STALE_LOOKS = 5
FAR_OFF_NS = 2**62


@kernel
def missed_look(track: Integers, period_ns: Integers, number: int) -> tuple[int, int]:
    """Return when a track has missed so many looks since its last plot, and whose look that is; -1 if nobody looks.

    A sensor that has not seen the track for STALE_LOOKS of its own looks is taken to be out of reach of it. A look
    counts as missed a quarter of a period after it is due: the beam comes around when it does, not to the nanosecond.
    """
    n = period_ns.shape[0]
    newest = NEVER
    for s in range(n):
        newest = max(newest, track[Whole.FIRST_SENSOR + n + s])
    counted = np.empty(n, np.int64)
    for s in range(n):
        counted[s] = 0
    when, whose = FAR_OFF_NS, -1
    for _ in range(number):
        when, whose = FAR_OFF_NS, -1
        for s in range(n):
            last, period = track[Whole.FIRST_SENSOR + n + s], period_ns[s]
            if last == NEVER or newest - last >= STALE_LOOKS * period:
                continue
            look = last + ((newest - last) // period + 1 + counted[s]) * period + period // 4
            if look < when:
                when, whose = look, s
        if whose < 0:
            break
        counted[whose] += 1
    return when, whose


@kernel
def out_of_looks(track: Integers, period_ns: Integers, number: int) -> int:
    """Return when the sensors that have seen a track have had more than so many looks since it was born."""
    n = period_ns.shape[0]
    counted = np.empty(n, np.int64)
    for s in range(n):
        counted[s] = 0
    more, when = number + 1, FAR_OFF_NS
    for s in range(n):
        if track[Whole.FIRST_SENSOR + n + s] != NEVER:
            more -= 1
    for _ in range(more):
        when, whose = FAR_OFF_NS, -1
        for s in range(n):
            if track[Whole.FIRST_SENSOR + n + s] == NEVER:
                continue
            look = track[Whole.BORN] + (1 + counted[s]) * period_ns[s]
            if look < when:
                when, whose = look, s
        if whose < 0:
            break
        counted[whose] += 1
    return when


@kernel
def due(bounds: Floats, n_used: int, now_s: float) -> Integers:
    """Return the rows whose deadline has come."""
    deadline_s, found = bounds[Bound.DEADLINE_S], 0
    for i in range(n_used):
        found += deadline_s[i] <= now_s
    rows, at = np.empty(found, np.int64), 0
    if found > 0:
        for i in range(n_used):
            if deadline_s[i] <= now_s:
                rows[at] = i
                at += 1
    return rows


@kernel
def rivals(
    rows: Integers, plot: Integers, group: Integers, is_inside: NDArray[np.bool_], own_plot: Integers, whole: Integers
) -> tuple[Integers, Integers, NDArray[np.bool_]]:
    """Return rows of firm tracks of which one took a plot that the other could have had, and whether that had its own.

    Args:
        rows: (t,) the tracks of a batch.
        plot, group: (p,) its pairs: which plot, which of the tracks.
        is_inside: (p,) whether they passed the gate.
        own_plot: (t,) which plot each track took; -1 for none.
        whole: the store's.
    """
    n_plots = 0
    for e in range(plot.shape[0]):
        n_plots = max(n_plots, plot[e] + 1)
    owner = np.empty(n_plots, np.int64)
    for j in range(n_plots):
        owner[j] = -1
    for t in range(rows.shape[0]):
        if own_plot[t] >= 0 and whole[rows[t], Whole.STATUS] >= TrackStatus.FIRM:
            owner[own_plot[t]] = t
    a, b = np.empty(plot.shape[0], np.int64), np.empty(plot.shape[0], np.int64)
    apart = np.empty(plot.shape[0], np.bool_)
    found = 0
    for e in range(plot.shape[0]):
        taker, other = owner[plot[e]], group[e]
        if not is_inside[e] or taker < 0 or taker == other or whole[rows[other], Whole.STATUS] < TrackStatus.FIRM:
            continue
        a[found], b[found], apart[found] = rows[taker], rows[other], own_plot[other] >= 0
        found += 1
    return a[:found], b[:found], apart[:found]
