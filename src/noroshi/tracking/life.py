"""When a track has been missed: the looks that its sensors took without seeing it."""

import numpy as np
from numpy.typing import NDArray

from noroshi.geo.wgs84 import Floats
from noroshi.kernel import kernel
from noroshi.tracking.store import NEVER, Bound, Whole

Integers = NDArray[np.int64]
STALE_LOOKS = 5
FAR_OFF_NS = 2**62
HEARD_OUT_NS = 15 * 10**9


@kernel
def missed_look(track: Integers, period_ns: Integers, number: int) -> tuple[int, int]:
    """Return when a track has missed so many looks since its last plot, and whose look that is; -1 if nobody looks.

    A sensor that has not seen the track for STALE_LOOKS of its own looks is taken to be out of reach of it. A look
    counts as missed a quarter of a period after it is due: the beam comes around when it does, not to the nanosecond.
    The looks of one sensor are not independent of each other, a receiver hears nothing for a while: so none counts more
    than one look ahead of another that looks at least every HEARD_OUT_NS.
    """
    n, newest = period_ns.shape[0], NEVER
    for s in range(n):
        newest = max(newest, track[Whole.FIRST_SENSOR + n + s])
    in_reach, only = 0, -1
    for s in range(n):
        last = track[Whole.FIRST_SENSOR + n + s]
        if last != NEVER and newest - last < STALE_LOOKS * period_ns[s]:
            in_reach, only = in_reach + 1, s
    if in_reach == 0 or number < 1:
        return FAR_OFF_NS, -1
    if in_reach == 1:
        return newest + number * period_ns[only] + period_ns[only] // 4, only
    coming, counted = np.empty(n, np.int64), np.empty(n, np.int64)
    for s in range(n):
        last, period = track[Whole.FIRST_SENSOR + n + s], period_ns[s]
        coming[s], counted[s] = FAR_OFF_NS, 0
        if last != NEVER and newest - last < STALE_LOOKS * period:
            coming[s] = last + ((newest - last) // period + 1) * period + period // 4
    when, whose = 0, -1
    for _ in range(number):
        fewest = FAR_OFF_NS
        for s in range(n):
            if coming[s] < FAR_OFF_NS and period_ns[s] <= HEARD_OUT_NS:
                fewest = min(fewest, counted[s])
        whose = -1
        for s in range(n):
            if coming[s] < FAR_OFF_NS and counted[s] <= fewest and (whose < 0 or coming[s] < coming[whose]):
                whose = s
        when = max(when, coming[whose])
        coming[whose] += period_ns[whose]
        counted[whose] += 1
    return when, whose


@kernel
def out_of_looks(track: Integers, period_ns: Integers, number: int) -> int:
    """Return when the sensors that have seen a track have had more than so many looks since it was born."""
    n, seen_by, only = period_ns.shape[0], 0, -1
    for s in range(n):
        if track[Whole.FIRST_SENSOR + n + s] != NEVER:
            seen_by, only = seen_by + 1, s
    if seen_by == 1:
        return int(track[Whole.BORN] + number * period_ns[only])
    coming = np.empty(n, np.int64)
    for s in range(n):
        is_seen = track[Whole.FIRST_SENSOR + n + s] != NEVER
        coming[s] = track[Whole.BORN] + period_ns[s] if is_seen else FAR_OFF_NS
    when, _ = _last_of(coming, period_ns, number + 1 - seen_by)
    return when


@kernel
def decided(track: Integers, due_ns: Integers) -> int:
    """Return when the sensors that have seen a track have had the time to say of it whether it is there.

    Each alone takes `due_ns` (n,) for that; together they are as much faster as they look more often.
    """
    n, rate = due_ns.shape[0], 0.0
    for s in range(n):
        if track[Whole.FIRST_SENSOR + n + s] != NEVER:
            rate += 1.0 / due_ns[s]
    return int(track[Whole.BORN] + 1.0 / rate)


@kernel
def _last_of(coming: Integers, period_ns: Integers, number: int) -> tuple[int, int]:
    """Return when so many looks have been, and whose the last is; `coming` (n,) is each sensor's next, and changes."""
    when, whose = FAR_OFF_NS, -1
    for _ in range(number):
        when, whose = FAR_OFF_NS, -1
        for s in range(coming.shape[0]):
            if coming[s] < when:
                when, whose = coming[s], s
        if whose < 0:
            break
        coming[whose] += period_ns[whose]
    return when, whose


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
