"""One step of the fold: contributions in order, each into the fused track that its contributor belongs to."""

import math

import numpy as np

from noroshi.fusion.table import COARSE, ENDED, NOBODY, SELF_FED, SELF_ONLY, Fused, Real, Whole
from noroshi.fusion.tracklets import Floats, Integers, add_noise, carry_on, density_shown, intersect, invert
from noroshi.geo.time import NS_PER_S
from noroshi.kernel import kernel
from noroshi.records import Kind, TrackStatus

OFFSET, ROTATION, CENTRE, DELAY, N_BIAS = 0, 3, 6, 9, 10
"""Columns of an owner's bias, Earth-fixed: displacement [m], rotation [rad] about a centre [m], delay of its stamps."""
HANDOVER_S = 20.0  # after so long another's reports of the target itself are counted
LOST = int(TrackStatus.LOST)
FALLING = Real.KIND + int(Kind.BALLISTIC), Real.KIND + int(Kind.SPACE)


@kernel
def place_of(owner: int, name: int, places: Integers, whole: Integers) -> int:
    """Return where in the hash table a contributor is, or where it is to be put."""
    mixed = (np.uint64(name) ^ (np.uint64(owner + 1) * np.uint64(0xD1B54A32D192ED03))) * np.uint64(0x9E3779B97F4A7C15)
    mask = len(places) - 1
    at = np.int64(mixed >> np.uint64(20)) & mask
    while places[at] != NOBODY and (whole[places[at], Whole.ID] != name or whole[places[at], Whole.OWNER] != owner):
        at = (at + 1) & mask
    return at


@kernel
def enter(places: Integers, whole: Integers, n: int) -> None:
    """Put n contributors into an empty hash table; of two of one name the later."""
    for row in range(n):
        places[place_of(whole[row, Whole.OWNER], whole[row, Whole.ID], places, whole)] = row


@kernel
def unbias(state: Floats, bias: Floats) -> None:
    """Take a bias out of a state (6,)."""
    r0, r1, r2 = bias[ROTATION], bias[ROTATION + 1], bias[ROTATION + 2]
    x, y, z = state[0] - bias[CENTRE], state[1] - bias[CENTRE + 1], state[2] - bias[CENTRE + 2]
    u, v, w = state[3], state[4], state[5]
    state[0] += u * bias[DELAY] - bias[OFFSET] - (r1 * z - r2 * y)
    state[1] += v * bias[DELAY] - bias[OFFSET + 1] - (r2 * x - r0 * z)
    state[2] += w * bias[DELAY] - bias[OFFSET + 2] - (r0 * y - r1 * x)
    state[3] -= r1 * w - r2 * v
    state[4] -= r2 * u - r0 * w
    state[5] -= r0 * v - r1 * u


@kernel
def leave(row: int, whole: Integers, fused: Integers) -> None:
    """Take a contributor out of its fused track."""
    track = whole[row, Whole.TRACK]
    if track < 0:
        return
    if fused[track, Fused.FIRST] == row:
        fused[track, Fused.FIRST] = whole[row, Whole.NEXT]
    else:
        before = fused[track, Fused.FIRST]
        while whole[before, Whole.NEXT] != row:
            before = whole[before, Whole.NEXT]
        whole[before, Whole.NEXT] = whole[row, Whole.NEXT]
    if fused[track, Fused.FEEDER] == row:
        fused[track, Fused.FEEDER] = NOBODY
    if fused[track, Fused.FOUNDER] == row:
        fused[track, Fused.FOUNDER] = NOBODY
    whole[row, Whole.TRACK], whole[row, Whole.NEXT], whole[row, Whole.IS_IN] = ENDED, NOBODY, 0


@kernel
def join(row: int, track: int, whole: Integers, fused: Integers) -> None:
    """Put a contributor at the end of a fused track's list."""
    whole[row, Whole.TRACK], whole[row, Whole.NEXT] = track, NOBODY
    if fused[track, Fused.FIRST] == NOBODY:
        fused[track, Fused.FIRST] = row
        return
    last = fused[track, Fused.FIRST]
    while whole[last, Whole.NEXT] != NOBODY:
        last = whole[last, Whole.NEXT]
    whole[last, Whole.NEXT] = row


@kernel
def found(
    row: int, track: int, real: Floats, whole: Integers, fused_real: Floats, fused: Integers, bias: Floats
) -> None:
    """Begin a fused track with what one contributor says."""
    fused[track] = NOBODY
    fused[track, Fused.TIME], fused[track, Fused.BORN] = whole[row, Whole.TIME], whole[row, Whole.TIME]
    fused[track, Fused.FOUNDER], fused[track, Fused.COUNT] = row, 0
    fused_real[track] = real[row, :42]
    unbias(fused_real[track], bias[whole[row, Whole.OWNER]])
    join(row, track, whole, fused)
    whole[row, Whole.IS_IN], whole[row, Whole.AGAINST] = 1, 0
    if whole[row, Whole.FLAGS] & SELF_FED:
        fused[track, Fused.FEEDER] = row


@kernel
def density_of(track: int, real: Floats, whole: Integers, fused: Integers) -> float:
    """Return the process noise of a fused track: the most that one of its contributors shows."""
    most, row = 0.0, fused[track, Fused.FIRST]
    while row != NOBODY:
        most = max(most, real[row, Real.DENSITY])
        row = whole[row, Whole.NEXT]
    return most


@kernel
def is_falling(row: Floats) -> bool:
    """Return whether a contributor takes its target to fall freely."""
    return row[FALLING[0]] + row[FALLING[1]] > 0.5


@kernel
def predict(
    track: int, time_ns: int, real: Floats, whole: Integers, fused_real: Floats, fused: Integers, mean: Floats,
    spread: Floats,
) -> None:  # fmt: skip
    """Write where a fused track is at a time, (6,) and (6, 6)."""
    dt_s = (time_ns - fused[track, Fused.TIME]) / NS_PER_S
    state, covariance = fused_real[track, :6], fused_real[track, 6:].reshape(6, 6)
    carry_on(state, covariance, dt_s, is_falling(real[fused[track, Fused.FIRST]]), mean, spread)
    add_noise(spread, dt_s, density_of(track, real, whole, fused))


@kernel
def absorb(
    order: Integers, new_real: Floats, new_whole: Integers, owner_of: Integers, density: Floats, bias: Floats,
    real: Floats, whole: Integers, fused_real: Floats, fused: Integers, places: Integers, n: int, m: int,
    counts: Integers,
) -> tuple[int, int]:  # fmt: skip
    """Fold contributions into the table and return how many rows of it are used now.

    Args:
        order: (k,) rows of the contributions in the order of the fold, times rising.
        new_real, new_whole: (k, 50), (k, 11) contributions.
        owner_of: (k,) index of each one's owner.
        density: (o,) process noise that each owner's trackers have at the least.
        bias: (o, 10) of each owner, see `OFFSET`.
        real, whole, fused_real, fused, places: of the table, with room for k more rows.
        n, m: how many are in use.
        counts: (3,) to add to: rows that another of the same track and time replaces, rows older than what was held,
            contributions that no process noise explains.
    """
    work, low, inverse = np.empty((6, 6)), np.empty((6, 6)), np.empty((6, 6))
    others, mixed, spread, ahead = np.empty((6, 6)), np.empty((6, 6)), np.empty((6, 6)), np.empty((6, 6))
    mean, middle, state, before, vector = np.empty(6), np.empty(6), np.empty(6), np.empty(6), np.empty(6)
    who, is_last = np.empty(len(order), np.int64), np.ones(len(order), np.bool_)
    for i in range(len(order)):
        k = order[i]
        owner, name = owner_of[k], new_whole[k, Whole.ID]
        at = place_of(owner, name, places, whole)
        row = places[at]
        if row == NOBODY or (whole[row, Whole.TRACK] == ENDED and whole[row, Whole.TIME] < new_whole[k, Whole.TIME]):
            row, places[at] = n, n
            n += 1
            real[row, Real.DENSITY] = density[owner]
            whole[row] = 0
            whole[row, Whole.ID], whole[row, Whole.OWNER], whole[row, Whole.TRACK] = name, owner, NOBODY
            whole[row, Whole.NEXT] = NOBODY
            whole[row, Whole.TIME] = new_whole[k, Whole.TIME] - 1
        who[i] = row
    # Of rows of one track and time, the last in order counts: it is the corrected one.
    stamp = np.full(n, -1)
    for i in range(len(order) - 1, -1, -1):
        k = order[i]
        if stamp[who[i]] == new_whole[k, Whole.TIME]:
            is_last[i] = False
            counts[0] += 1
        stamp[who[i]] = new_whole[k, Whole.TIME]
    for i in range(len(order)):
        k, row = order[i], who[i]
        owner, time_ns = owner_of[k], new_whole[k, Whole.TIME]
        if not is_last[i]:
            continue
        if new_whole[k, Whole.STATUS] == LOST:
            if time_ns >= whole[row, Whole.TIME]:
                leave(row, whole, fused)
                whole[row, Whole.TRACK], whole[row, Whole.TIME] = ENDED, time_ns
            continue
        if (
            time_ns <= whole[row, Whole.TIME]
            or new_whole[k, Whole.UPDATED] < whole[row, Whole.UPDATED]
            or whole[row, Whole.TRACK] == ENDED
        ):
            counts[1] += 1
            continue
        track, dt_ns = whole[row, Whole.TRACK], time_ns - whole[row, Whole.TIME]
        if track == NOBODY:
            real[row, :50] = new_real[k]
            whole[row, : Whole.OWNER] = new_whole[k]
            found(row, m, real, whole, fused_real, fused, bias)
            m += 1
            continue
        # The previous contribution, carried on to the time of this one.
        dt_s, falls = dt_ns / NS_PER_S, is_falling(new_real[k])
        for c in range(6):
            before[c], state[c] = real[row, c], new_real[k, c]
        unbias(before, bias[owner])
        unbias(state, bias[owner])
        after = new_real[k, 6:42].reshape(6, 6)
        is_coarse = (new_whole[k, Whole.FLAGS] & COARSE) != 0
        shown = real[row, Real.DENSITY]
        if not is_coarse:
            carry_on(before, real[row, 6:42].reshape(6, 6), dt_s, falls, mean, spread)
            shown = max(density[owner], density_shown(spread, dt_s, after, shown, work, low))
            real[row, Real.DENSITY] = min(shown, 1e4)
        # The fused state, carried on likewise.
        since_s = (time_ns - fused[track, Fused.TIME]) / NS_PER_S
        fused_state, covariance = fused_real[track, :6], fused_real[track, 6:].reshape(6, 6)
        carry_on(fused_state, covariance, since_s, falls, middle, ahead)
        add_noise(ahead, since_s, density_of(track, real, whole, fused))
        fused[track, Fused.TIME] = time_ns
        for a in range(6):
            fused_state[a] = middle[a]
            for b in range(6):
                covariance[a, b] = ahead[a, b]
        counted = True
        if new_whole[k, Whole.FLAGS] & SELF_FED:
            feeder = fused[track, Fused.FEEDER]
            if feeder == NOBODY or (
                feeder != row and time_ns - whole[feeder, Whole.TIME] > max(
                    HANDOVER_S * NS_PER_S, 2 * whole[feeder, Whole.INTERVAL]
                )
            ):  # fmt: skip
                if feeder != NOBODY:
                    whole[feeder, Whole.IS_IN] = 0
                fused[track, Fused.FEEDER] = row
            elif feeder != row:
                counted = (new_whole[k, Whole.FLAGS] & SELF_ONLY) == 0
                is_coarse = True
        elif fused[track, Fused.FEEDER] == row:
            fused[track, Fused.FEEDER] = NOBODY
        if counted:
            if is_coarse or whole[row, Whole.IS_IN] == 0 or math.isinf(shown):
                intersect(fused_state, covariance, state, after, work, low, inverse, others, mixed)
                whole[row, Whole.IS_IN] = 0 if is_coarse else 1
            else:
                add_noise(spread, dt_s, shown)
                if invert(after, low, inverse) and invert(spread, low, others) and invert(ahead, low, mixed):
                    for a in range(6):
                        vector[a] = 0.0
                        for b in range(6):
                            work[a, b] = mixed[a, b] + inverse[a, b] - others[a, b]
                            vector[a] += mixed[a, b] * (middle[b] - mean[b]) + inverse[a, b] * (state[b] - mean[b])
                    if invert(work, low, mixed):
                        for a in range(6):
                            total = mean[a]
                            for b in range(6):
                                total += mixed[a, b] * vector[b]
                                covariance[a, b] = mixed[a, b]
                            fused_state[a] = total
        else:
            whole[row, Whole.IS_IN] = 0
        counts[2] += math.isinf(shown)
        real[row, :50] = new_real[k]
        whole[row, : Whole.OWNER] = new_whole[k]
        whole[row, Whole.INTERVAL] = dt_ns
    return n, m


@kernel
def fall_silent(time_ns: int, silent_ns: int, coarse_silent_ns: int, whole: Integers, fused: Integers, n: int) -> None:
    """End contributors of whom nothing has come for too long."""
    for row in range(n):
        if whole[row, Whole.TRACK] < 0:
            continue
        limit = coarse_silent_ns if whole[row, Whole.FLAGS] & COARSE else silent_ns
        if time_ns - whole[row, Whole.TIME] > max(limit, 4 * whole[row, Whole.INTERVAL]):
            leave(row, whole, fused)
