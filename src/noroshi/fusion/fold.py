"""One step of the fold: contributions in order, each into the fused track that its contributor belongs to."""

import math

import numpy as np

from noroshi.fusion.table import (
    BALLISTIC,
    COARSE,
    ENDED,
    NOBODY,
    REPORTED,
    SELF_FED,
    SELF_ONLY,
    SPACE,
    Fused,
    Rows,
    Table,
    Whole,
    fill,
)
from noroshi.fusion.tracklets import (
    CLOSE,
    DENSITY_MAX,
    Floats,
    Integers,
    add_noise,
    carry_on,
    cholesky,
    density_shown,
    distance_squared,
    intersect,
    invert,
    invert_factored,
    turn_shown,
)
from noroshi.geo.time import NS_PER_S
from noroshi.kernel import kernel
from noroshi.records import TrackStatus

OFFSET, ROTATION, CENTRE, DELAY, N_BIAS = 0, 3, 6, 9, 10
"""Columns of an owner's bias, Earth-fixed: displacement [m], rotation [rad] about a centre [m], delay of its stamps."""
HANDOVER_NS = 20 * NS_PER_S  # heard by so much later, another's reports of the target itself are counted
FAR_SQUARED = 22.5  # the 99.9 % quantile of chi-square of six degrees of freedom
LEEWAY = 0.9  # of its own covariance that a tracker is held to
LOST = int(TrackStatus.LOST)
REPLACED, STALE, UNEXPLAINED, UNFIT, CROWDED, N_COUNTS = range(6)
GATE_SQUARED, GATE_ADDED_M = 22.5, 100.0  # how far from it a track may be joined with another, about
PLACE_M = 10_000.0


def in_order(rows: Rows, owner_of: Integers) -> Integers:
    """Return the order in which contributions are folded: of time, owner and number, and else as they stand.

    So the order hangs on what is told and not on how it was cut into messages.

    Args:
        rows: k contributions.
        owner_of: (k,) index of each one's owner, by whose names the rows are sorted.
    """
    rank = np.cumsum(np.diff(owner_of, prepend=owner_of[:1]) != 0)
    return np.lexsort((rows.whole[:, Whole.REVISION], rows.whole[:, Whole.ID], rank, rows.whole[:, Whole.TIME]))


def fold(
    table: Table,
    rows: Rows,
    owner_of: Integers,
    order: Integers,
    density: Floats,
    bias: Floats,
    limits: tuple[int, int],
) -> Integers:
    """Fold contributions into the table.

    Args:
        table: to be changed.
        rows: k contributions.
        owner_of: (k,) index of each one's owner.
        order: (k,) in which they are folded.
        density: (k,) process noise that each one's tracker has at the least.
        bias: (o + 1, 10) of each owner, see `OFFSET`; the last is of what has none.
        limits: how many contributors of one owner may be at one place, and in all; what would be more is not taken in.

    Returns:
        (5 + o + 1,) how many rows another of the same track and time replaces, are older than what is held, are
        explained by no process noise, have a covariance that is none, and would be too many of one owner; and those of
        each owner.
    """
    needed = 2 * (table.n + len(rows.whole))
    if needed > len(table.places) or not (table.n == 0 or (table.places != NOBODY).any()):
        table.places = np.full(1 << max(4, int(needed).bit_length()), NOBODY, np.int64)
        _enter(table.n, table.whole, table.places)
    table.reserve(_strangers(owner_of, rows.whole, table.places, table.whole))
    counts = np.zeros(N_COUNTS + len(bias), np.int64)
    crowd = np.zeros((1 << int(2 * (table.n + len(rows.whole)) + len(bias)).bit_length(), 2), np.int64)
    table.n, table.m = absorb(
        order,
        rows.state, rows.covariance, rows.said, rows.whole,
        owner_of, density, bias, table.state, table.covariance, table.said, table.density, table.turn, table.whole,
        table.fused_state, table.fused_covariance, table.fused, table.places, crowd, np.array(limits),
        table.n, table.m, counts,
    )  # fmt: skip
    return counts


@kernel
def _slot(key: int, crowd: Integers) -> int:
    """Return where a key is counted in (k, 2) keys and counts, or is to be; no key is 0."""
    mask = len(crowd) - 1
    at = int(np.int64(np.uint64(key) >> np.uint64(20)) & mask)
    while crowd[at, 1] and crowd[at, 0] != key:
        at = (at + 1) & mask
    crowd[at, 0] = key
    return at


@kernel
def _place(owner: int, state: Floats, covariance: Floats) -> int:
    """Return a hash of an owner and of the cell that a contributor is in; cells are no narrower than its gate."""
    reach_m = math.sqrt(GATE_SQUARED * (covariance[0, 0] + covariance[1, 1] + covariance[2, 2])) + GATE_ADDED_M
    level = math.ceil(math.log2(max(reach_m / PLACE_M, 1.0)))
    size_m = PLACE_M * 2.0**level
    key = np.uint64(owner + 1) * np.uint64(0xD1B54A32D192ED03) + np.uint64(level)
    for i in range(3):
        cell = np.uint64(np.int64(math.floor(state[i] / size_m)))
        key = ((key ^ cell) * np.uint64(0x9E3779B97F4A7C15)) ^ (key >> np.uint64(29))
    return int(np.int64(key))


@kernel
def place_of(owner: int, name: int, places: Integers, whole: Integers) -> int:
    """Return where in the hash table a contributor is, or where it is to be put."""
    mixed = (np.uint64(name) ^ (np.uint64(owner + 1) * np.uint64(0xD1B54A32D192ED03))) * np.uint64(0x9E3779B97F4A7C15)
    mask = len(places) - 1
    at = int(np.int64(mixed >> np.uint64(20)) & mask)
    while places[at] != NOBODY and (whole[places[at], Whole.ID] != name or whole[places[at], Whole.OWNER] != owner):
        at = (at + 1) & mask
    return at


@kernel
def _enter(n: int, whole: Integers, places: Integers) -> None:
    """Enter n contributors into an empty hash table; of those of one name the latest."""
    for row in range(n):
        places[place_of(whole[row, Whole.OWNER], whole[row, Whole.ID], places, whole)] = row


@kernel
def _is_stranger(row: int, time_ns: int, whole: Integers) -> bool:
    """Return whether what is told at a time begins a contributor, where the hash table gives this row for its name."""
    return row == NOBODY or (whole[row, Whole.TRACK] == ENDED and whole[row, Whole.TIME] < time_ns)


@kernel
def _strangers(owner_of: Integers, told: Integers, places: Integers, whole: Integers) -> int:
    """Return how many contributors a step may begin at the most."""
    n = 0
    for k in range(len(told)):
        row = places[place_of(owner_of[k], told[k, Whole.ID], places, whole)]
        n += _is_stranger(row, told[k, Whole.TIME], whole)
    return n


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


def unbiased(states: Floats, bias: Floats) -> Floats:
    """Return (n, 6) states without (n, 10) biases."""
    rotation, from_centre, velocity = bias[:, ROTATION:CENTRE], states[:, :3] - bias[:, CENTRE:DELAY], states[:, 3:]
    shift = velocity * bias[:, DELAY:] - bias[:, OFFSET:ROTATION] - np.cross(rotation, from_centre)
    return np.hstack([states[:, :3] + shift, velocity - np.cross(rotation, velocity)])


@kernel
def _leave(row: int, whole: Integers, fused: Integers) -> None:
    """Take a contributor out of its fused track, as `Table.leave`."""
    track = whole[row, Whole.TRACK]
    if track >= 0:
        before, at = NOBODY, fused[track, Fused.FIRST]
        while at != row:
            before, at = at, whole[at, Whole.NEXT]
        if before == NOBODY:
            fused[track, Fused.FIRST] = whole[row, Whole.NEXT]
        else:
            whole[before, Whole.NEXT] = whole[row, Whole.NEXT]
        if fused[track, Fused.FEEDER] == row:
            fused[track, Fused.FEEDER] = NOBODY
        if fused[track, Fused.FOUNDER] == row:
            fused[track, Fused.FOUNDER] = NOBODY
    whole[row, Whole.TRACK], whole[row, Whole.NEXT], whole[row, Whole.IS_IN] = ENDED, NOBODY, 0


@kernel
def _is_counted(row: int, track: int, updated_ns: int, flags: int, whole: Integers, fused: Integers) -> int:
    """Return how a contribution enters: 2 by what is new in it, 1 by intersection, 0 not at all.

    The reports that a target gives of itself are one source, whoever hears them: those of one contributor are counted,
    the feeder's. Others that rest on nothing else are not; of others that do in part nobody knows how much is new. The
    feeder is another as soon as that was measured much later: to go on telling is not to hear. What it was measured by
    is not known here, so that one who has heard one report and sees by radar keeps exact reports of others out.
    """
    feeder = fused[track, Fused.FEEDER]
    if not flags & SELF_FED:
        if feeder == row:
            fused[track, Fused.FEEDER] = NOBODY
    elif feeder != row:
        if feeder != NOBODY and updated_ns - whole[feeder, Whole.UPDATED] <= max(
            HANDOVER_NS, 2 * whole[feeder, Whole.INTERVAL]
        ):
            return 0 if flags & SELF_ONLY else 1
        if feeder != NOBODY:
            whole[feeder, Whole.IS_IN] = 0
        fused[track, Fused.FEEDER] = row
    return 1 if flags & COARSE else 2


@kernel
def _far_enough(
    spread: Floats, dt_s: float, after: Floats, mean: Floats, state: Floats, density: float, work: Floats, low: Floats,
    off: Floats,
) -> float:  # fmt: skip
    """Return at least so much process noise that the way from `mean` to `state` is not too far for a filter.

    A filter moves by its gain times what is new in a plot, the covariance of which is what its own has shrunk by. What
    moves further than that has another process noise than its covariances show, or is no filter.
    """
    while density < DENSITY_MAX:
        for a in range(6):
            off[a] = state[a] - mean[a]
            for b in range(a + 1):
                work[a, b] = spread[a, b] - LEEWAY * after[a, b]
        add_noise(work, dt_s, density)
        if distance_squared(off, work, low) <= FAR_SQUARED:
            break
        density *= 2.0
    return density


@kernel
def absorb(
    order: Integers, new_state: Floats, new_triangle: Floats, new_said: Floats, new_whole: Integers,
    owner_of: Integers, least_density: Floats, bias: Floats, state: Floats, covariance: Floats, said: Floats,
    density: Floats, turn: Floats, whole: Integers, fused_state: Floats, fused_covariance: Floats, fused: Integers,
    places: Integers, crowd: Integers, limits: Integers, n: int, m: int, counts: Integers,
) -> tuple[int, int]:  # fmt: skip
    """Do what `fold` says with the table's arrays; return how many contributors and fused tracks there are now."""
    work, low, both, inverse = np.empty((6, 6)), np.empty((6, 6)), np.empty((4, 6, 6)), np.empty((3, 6, 6))
    spread, mean, now = np.empty((2, 6, 6)), np.empty((2, 6)), np.empty((2, 6))
    vector, dt_s, told, told_low = np.empty(6), np.empty(2), np.empty((6, 6)), np.empty((6, 6))
    who, is_last = np.empty(len(order), np.int64), np.empty(len(order), np.bool_)
    is_joining = False
    for i in range(len(order)):
        k = order[i]
        at = place_of(owner_of[k], new_whole[k, Whole.ID], places, whole)
        row = places[at]
        if _is_stranger(row, new_whole[k, Whole.TIME], whole):
            row, places[at] = n, n
            n += 1
            density[row], turn[row] = least_density[k], 0.0
            for c in range(whole.shape[1]):
                whole[row, c] = 0
            for c in range(said.shape[1]):
                said[row, c] = 0.0
            for a in range(6):
                state[row, a] = 0.0
                for b in range(6):
                    covariance[row, a, b] = 0.0
            whole[row, Whole.ID], whole[row, Whole.OWNER] = new_whole[k, Whole.ID], owner_of[k]
            whole[row, Whole.TRACK], whole[row, Whole.NEXT] = NOBODY, NOBODY
            whole[row, Whole.TIME] = new_whole[k, Whole.TIME] - 1
        who[i] = row
        is_joining |= whole[row, Whole.TRACK] == NOBODY
    if is_joining:
        for row in range(n):
            if whole[row, Whole.TRACK] >= 0:
                crowd[_slot(_place(whole[row, Whole.OWNER], state[row], covariance[row]), crowd), 1] += 1
                crowd[_slot(int(whole[row, Whole.OWNER] + 1) << 20, crowd), 1] += 1
    # Of rows of one track and time the last in order counts: it is the corrected one.
    last_ns = np.empty(n, np.int64)
    for row in range(n):
        last_ns[row] = -1
    for i in range(len(order) - 1, -1, -1):
        time_ns = new_whole[order[i], Whole.TIME]
        is_last[i] = last_ns[who[i]] != time_ns
        last_ns[who[i]] = time_ns
    for i in range(len(order)):
        k, row = order[i], who[i]
        time_ns = new_whole[k, Whole.TIME]
        if not is_last[i]:
            counts[REPLACED] += 1
            continue
        if new_whole[k, Whole.STATUS] == LOST:
            if time_ns >= whole[row, Whole.TIME]:
                _leave(row, whole, fused)
                whole[row, Whole.TIME] = time_ns
            continue
        if (
            time_ns <= whole[row, Whole.TIME]
            or new_whole[k, Whole.UPDATED] < whole[row, Whole.UPDATED]
            or whole[row, Whole.TRACK] == ENDED
        ):
            counts[STALE] += 1
            continue
        fill(new_triangle[k], told)
        if not cholesky(told, told_low):
            counts[UNFIT] += 1
            continue
        for c in range(6):
            now[0, c], now[1, c] = state[row, c], new_state[k, c]
        which = len(bias) - 1 if new_whole[k, Whole.FLAGS] & REPORTED else owner_of[k]
        for s in range(2):
            unbias(now[s], bias[which])
        track = whole[row, Whole.TRACK]
        if track == NOBODY:
            here = _slot(_place(owner_of[k], new_state[k], told), crowd)
            of_owner = _slot(int(owner_of[k] + 1) << 20, crowd)
            if crowd[here, 1] >= limits[0] or crowd[of_owner, 1] >= limits[1]:
                counts[CROWDED] += 1
                counts[N_COUNTS + owner_of[k]] += 1
                continue
            crowd[here, 1] += 1
            crowd[of_owner, 1] += 1
            track, m = m, m + 1
            for c in range(fused.shape[1]):
                fused[track, c] = NOBODY
            fused[track, Fused.TIME], fused[track, Fused.BORN], fused[track, Fused.COUNT] = time_ns, time_ns, 0
            fused[track, Fused.FOUNDER], fused[track, Fused.FIRST] = row, row
            whole[row, Whole.TRACK], whole[row, Whole.IS_IN] = track, 1
            if new_whole[k, Whole.FLAGS] & SELF_FED:
                fused[track, Fused.FEEDER] = row
            for a in range(6):
                fused_state[track, a] = now[1, a]
                for b in range(6):
                    fused_covariance[track, a, b] = told[a, b]
        else:
            way = _is_counted(row, track, new_whole[k, Whole.UPDATED], new_whole[k, Whole.FLAGS], whole, fused)
            falls = new_said[k, BALLISTIC] + new_said[k, SPACE] > 0.5
            # The contributor's previous word, and the fused track, carried on to the time of this one.
            dt_s[0] = (time_ns - whole[row, Whole.TIME]) / NS_PER_S
            dt_s[1] = (time_ns - fused[track, Fused.TIME]) / NS_PER_S
            turn[row] = turn_shown(now[0], now[1], dt_s[0], covariance[row], told)
            for c in range(6):
                vector[c] = fused_state[track, c]
            for s in range(2):
                carry_on(
                    now[0] if s == 0 else vector, covariance[row] if s == 0 else fused_covariance[track], dt_s[s],
                    falls, turn[row], mean[s], spread[s],
                )  # fmt: skip
            shown = max(density[row], least_density[k])
            if not new_whole[k, Whole.FLAGS] & COARSE:
                shown = density_shown(spread[0], dt_s[0], told, shown, work, low)
                if math.isinf(shown):
                    counts[UNEXPLAINED] += 1
                    way = min(way, 1)
                shown = max(least_density[k], min(shown, DENSITY_MAX))
                shown = _far_enough(spread[0], dt_s[0], told, mean[0], now[1], shown, work, low, vector)
            if new_whole[k, Whole.UPDATED] > whole[row, Whole.UPDATED]:
                density[row] = shown
            else:
                # Nothing was measured, and so no noise shown: what was shown before stands, but for as likely as it is
                # said to fall now, which has none.
                falling = min(new_said[k, BALLISTIC] + new_said[k, SPACE], 1.0)
                density[row] = max((1.0 - falling) * density[row], least_density[k])
            others, other = 0, fused[track, Fused.FIRST]
            while other != NOBODY:
                others += whole[other, Whole.IS_IN] if other != row else 0
                other = whole[other, Whole.NEXT]
            # How the target moves knows the latest best: in a turn the others' word is older than what they now see.
            for s in range(2):
                add_noise(spread[s], dt_s[s], shown if s == 0 else CLOSE * shown)
            fused[track, Fused.TIME] = time_ns
            for a in range(6):
                fused_state[track, a] = mean[1, a]
                for b in range(6):
                    fused_covariance[track, a, b] = spread[1, a, b]
            if way == 2 and others == 0:
                for a in range(6):  # nobody else is counted: it is where the one says
                    fused_state[track, a] = now[1, a]
                    for b in range(6):
                        fused_covariance[track, a, b] = told[a, b]
            elif way == 1 or (way == 2 and whole[row, Whole.IS_IN] == 0):
                intersect(
                    fused_state[track], fused_covariance[track], now[1], told, work, low, both
                )  # fmt: skip
            elif way == 2:
                # In information form, about the carried-on previous word: what it says now, less what it said before.
                invert_factored(told_low, inverse[2])
                is_fine = invert(spread[0], low, inverse[0]) & invert(spread[1], low, inverse[1])
                for a in range(6):
                    vector[a] = 0.0
                    for b in range(6):
                        work[a, b] = inverse[1, a, b] + inverse[2, a, b] - inverse[0, a, b]
                        vector[a] += inverse[1, a, b] * (mean[1, b] - mean[0, b])
                        vector[a] += inverse[2, a, b] * (now[1, b] - mean[0, b])
                if is_fine and invert(work, low, inverse[0]):
                    for a in range(6):
                        total = mean[0, a]
                        for b in range(6):
                            total += inverse[0, a, b] * vector[b]
                            fused_covariance[track, a, b] = inverse[0, a, b]
                        fused_state[track, a] = total
            whole[row, Whole.IS_IN] = way == 2
            whole[row, Whole.INTERVAL] = time_ns - whole[row, Whole.TIME]
        for c in range(new_whole.shape[1]):
            whole[row, c] = new_whole[k, c]
        for c in range(new_said.shape[1]):
            said[row, c] = new_said[k, c]
        for a in range(6):
            state[row, a] = new_state[k, a]
            for b in range(6):
                covariance[row, a, b] = told[a, b]
    return n, m


def silent(table: Table, time_ns: int, silent_ns: int, coarse_silent_ns: int) -> Integers:
    """Return the contributors of whom nothing has come for too long."""
    rows = table.members()
    rows = rows[time_ns - table.whole[rows, Whole.TIME] > min(silent_ns, coarse_silent_ns)]
    held = table.whole[rows]
    limits = np.where(held[:, Whole.FLAGS] & COARSE, coarse_silent_ns, silent_ns)
    silent_rows: Integers = rows[time_ns - held[:, Whole.TIME] > np.maximum(limits, 4 * held[:, Whole.INTERVAL])]
    return silent_rows
