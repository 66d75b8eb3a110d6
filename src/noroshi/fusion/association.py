"""Which fused tracks are one, and which contributors do not belong where they are.

Two fused tracks may be one if no owner sees both. The distance is that of Bar-Shalom, Willett, Tian (2011), Tracking
and Data Fusion, section 9.3: (x - y)' (P + Q - C - C')^-1 (x - y), in which C is what both trackers' errors share
because they filtered the same manoeuvres. Of C nobody knows more than a bound; it is taken to be `common` of the
smaller of the two covariances, which leaves the rest positive definite.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from noroshi.estimation.assignment import assign
from noroshi.estimation.gating import DENSE_PAIRS_MAX, chi_square_gate, coarse_pairs, mahalanobis_squared
from noroshi.fusion.fold import unbiased
from noroshi.fusion.table import COARSE, NOBODY, REPORTED, SELF_FED, Fused, Table, Whole, is_falling
from noroshi.fusion.tracklets import Floats, Integers, carried, intersect_rows
from noroshi.geo.time import NS_PER_S
from noroshi.records import TrackStatus
from noroshi.records.identity import ABSENT

SAME_CODE, OTHER_CODE = -10.0, 12.0
"""What a code adds to a squared distance: there are 4096, but they are used again and change."""
SAME_ADDRESS = -1e6  # m-2: an address decides
CLOSE_PROBABILITY = 0.8
OWNERS_MAX = 62
NEAREST = 16  # others' tracks that one may be one with
SURE = 1_000  # looks: joined at once
ADDRESSES = Whole.ICAO_ADDRESS, Whole.MMSI

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """When tracks are joined and parted.

    Attributes:
        join_probability: two estimates of one target are within this quantile of chi-square ...
        part_probability: ... and of two targets if outside this one.
        join_looks: how often in turn two tracks must be each other's best before they become one; close ones count
            double ...
        part_looks: ... and how often in turn a contributor must be outside before it leaves.
        period_steps: settled tracks are looked at once in so many steps.
        common: share of the smaller covariance that two trackers of one target are taken to have in common.
        allowance_m: by how much owners may be displaced against each other before anything is known of it.
        addressed_m: how far apart two of one address may be.
    """

    join_probability: float = 0.999
    part_probability: float = 0.999999
    join_looks: int = 2
    part_looks: int = 3
    period_steps: int = 5
    common: float = 0.3
    allowance_m: float = 100.0
    addressed_m: float = 20_000.0


def associate(table: Table, time_ns: int, step: int, rules: Rules, bias: Floats) -> None:
    """Part fused tracks that are not one and join those that are, at the end of a step.

    Args:
        table: to be changed.
        time_ns: end of the step.
        step: its number.
        rules: see there.
        bias: (o + 1, 10) of the owners, see `registration.biases`.
    """
    part(table, time_ns, step, rules, bias)
    join(table, time_ns, step, rules, len(bias) - 1)


def join(table: Table, time_ns: int, step: int, rules: Rules, n_owners: int) -> None:
    """Join fused tracks that have been each other's best often enough."""
    tracks = table.alive()
    masks, lowest = _owners(table)
    open_ones = masks[tracks] != (1 << n_owners) - 1
    tracks = tracks[open_ones]
    is_asked = (tracks + step) % rules.period_steps == 0
    is_asked |= table.fused[tracks, Fused.BORN] > time_ns - 2 * rules.period_steps * NS_PER_S
    is_asked |= table.fused[tracks, Fused.COUNT] > 0
    asked = tracks[is_asked]
    if not len(asked) or len(tracks) < 2:
        return
    limit = float(chi_square_gate(rules.join_probability, 6))
    a, b, cost = _candidates(table, tracks, asked, masks, lowest, time_ns, rules, limit)
    into = np.arange(table.m)
    is_matched = np.zeros(table.m, np.bool_)
    for owner in np.unique(lowest[a]).tolist():
        here = lowest[a] == owner
        ours, theirs = a[here], into[b[here]]
        free = (into[ours] == ours) & (masks[ours] & masks[theirs] == 0) & (ours != theirs)
        ours, theirs, price = ours[free], theirs[free], cost[here][free]
        pairs = assign(ours, theirs, price, table.m, table.m, cost_unassigned=limit)
        ours, theirs, price = ours[pairs], theirs[pairs], price[pairs]
        is_matched[ours] = True
        ready = _count(table, ours, theirs, price) >= rules.join_looks
        stays, goes = np.minimum(ours, theirs)[ready], np.maximum(ours, theirs)[ready]
        merge(table, stays, goes)
        into[goes] = stays
        into = into[into]
        masks[stays] |= masks[goes]
    lonely = asked[~is_matched[asked]]
    table.fused[lonely, Fused.PARTNER], table.fused[lonely, Fused.COUNT] = NOBODY, 0


def _owners(table: Table) -> tuple[Integers, Integers]:
    """Return of each fused track the set of owners that see it now, and the lowest of all of its owners."""
    rows = table.members()
    track, owner = table.whole[rows, Whole.TRACK], table.whole[rows, Whole.OWNER]
    masks, lowest = np.zeros(table.m, np.int64), np.full(table.m, OWNERS_MAX)
    is_seen = table.whole[rows, Whole.STATUS] != TrackStatus.COASTING
    for each in range(int(owner.max(initial=-1)), -1, -1):
        mine = owner == each
        lowest[track[mine]] = each
        masks[track[mine & is_seen]] |= 1 << each
    return masks, lowest


def _candidates(
    table: Table, tracks: Integers, asked: Integers, masks: Integers, lowest: Integers, time_ns: int, rules: Rules,
    limit: float,
) -> tuple[Integers, Integers, Floats]:  # fmt: skip
    """Return pairs of tracks that may be one, each once, the higher lowest owner first, and what each costs."""
    mean, spread = table.of_tracks(time_ns, tracks)
    variance = np.trace(spread[:, :3, :3], axis1=1, axis2=2)
    radius = math.sqrt(limit) * np.sqrt(variance) + rules.allowance_m
    at = np.full(table.m, NOBODY)
    at[tracks] = np.arange(len(tracks))
    said = _said(table, ADDRESSES)
    named_a, named_b = _same_address(said, asked, tracks)
    found_a, found_b = [named_a], [named_b]
    if len(asked) * len(tracks) <= DENSE_PAIRS_MAX:  # all at once, as `coarse_pairs` would
        away = mean[at[asked], None, :3] - mean[:, :3]
        near = np.vecdot(away, away) <= (radius[at[asked], None] + radius) ** 2
        ia, ib = np.nonzero(near & (lowest[asked, None] != lowest[tracks]))
        found_a.append(asked[ia])
        found_b.append(tracks[ib])
    else:
        for owner in np.unique(lowest[asked]).tolist():  # an owner's own are not one, however many are at a place
            ours, theirs = asked[lowest[asked] == owner], np.flatnonzero(lowest[tracks] != owner)
            a_m, b_m = mean[at[ours], :3], mean[theirs, :3]
            ia, ib = coarse_pairs(a_m, radius[at[ours]], b_m, radius[theirs], nearest=NEAREST)
            found_a.append(ours[ia])
            found_b.append(tracks[theirs[ib]])
    a, b = np.concatenate(found_a), np.concatenate(found_b)
    apart = (masks[a] & masks[b] == 0) & (lowest[a] != lowest[b])
    a, b = a[apart], b[apart]
    swap = lowest[a] < lowest[b]
    a, b = np.divmod(np.unique(np.where(swap, b, a) * table.m + np.where(swap, a, b)), table.m)
    if not len(a):
        return a, b, np.zeros(0)
    ia, ib = at[a], at[b]
    cost = distance(mean[ia], spread[ia], mean[ib], spread[ib], rules)
    codes = _said(table, (Whole.MODE_3A,))[Whole.MODE_3A]
    ours, theirs = codes[a], codes[b]
    both = (ours != ABSENT) & (theirs != ABSENT)
    cost = cost + np.where(both, np.where(ours == theirs, SAME_CODE, OTHER_CODE), 0.0)
    away = np.linalg.norm(mean[ia, :3] - mean[ib, :3], axis=1)
    for column in ADDRESSES:
        ours, theirs = said[column][a], said[column][b]
        both = (ours != ABSENT) & (theirs != ABSENT)
        same = np.where(away < rules.addressed_m, SAME_ADDRESS + away, np.inf)
        cost = np.where(both, np.where(ours == theirs, same, np.inf), cost)
    return a, b, cost


def _same_address(said: Mapping[int, Integers], asked: Integers, tracks: Integers) -> tuple[Integers, Integers]:
    """Return pairs of tracks that carry one address, however far apart."""
    found_a, found_b = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for column in ADDRESSES:
        ours, theirs = said[column][asked], said[column][tracks]
        if (ours == ABSENT).all():
            continue
        order = np.argsort(theirs, kind="stable")
        first, last = (np.searchsorted(theirs[order], ours, side) for side in ("left", "right"))
        count = np.where(ours != ABSENT, last - first, 0)
        a = np.repeat(np.arange(len(asked)), count)
        offset = np.arange(len(a)) - np.repeat(np.cumsum(count) - count, count)
        b = order[first[a] + offset]
        other = asked[a] != tracks[b]
        found_a.append(asked[a[other]])
        found_b.append(tracks[b[other]])
    return np.concatenate(found_a), np.concatenate(found_b)


def _said(table: Table, columns: Sequence[int]) -> dict[int, Integers]:
    """Return what the earliest contributor that says anything says of who each target is: (m,) for each column."""
    rows = table.members()[::-1]
    tracks, said = table.whole[rows, Whole.TRACK], {}
    for column in columns:
        told = table.whole[rows, column]
        says = told != ABSENT
        said[column] = np.full(table.m, ABSENT)
        said[column][tracks[says]] = told[says]
    return said


def distance(mean: Floats, spread: Floats, other: Floats, other_spread: Floats, rules: Rules) -> Floats:
    """Return (n,) squared distances of two estimates, (n, 6) and (n, 6, 6) each."""
    own, theirs = (np.trace(each[:, :3, :3], axis1=1, axis2=2) for each in (spread, other_spread))
    smaller = np.where((own <= theirs)[:, None, None], spread, other_spread)
    total = spread + other_spread - 2.0 * rules.common * smaller
    total[:, range(3), range(3)] += rules.allowance_m**2
    return mahalanobis_squared(mean - other, total)


def _count(table: Table, a: Integers, b: Integers, cost: Floats) -> Integers:
    """Count how often in turn two tracks were each other's best, and return it."""
    close = float(chi_square_gate(CLOSE_PROBABILITY, 6))
    step = np.where(cost < 0.5 * SAME_ADDRESS, SURE, np.where(cost < close, 2, 1))
    before = np.where(table.fused[a, Fused.PARTNER] == b, table.fused[a, Fused.COUNT], 0)
    table.fused[a, Fused.PARTNER], table.fused[a, Fused.COUNT] = b, before + step
    return before + step


def merge(table: Table, stays: Integers, goes: Integers) -> None:
    """Make one of pairs of fused tracks, each in one pair only; the one founded first stays.

    The two have seen the same manoeuvres, so they are joined by covariance intersection. What comes after is new.
    """
    if not len(stays):
        return
    latest_ns = np.maximum(table.fused[stays, Fused.TIME], table.fused[goes, Fused.TIME])
    (mean, spread), (other, other_spread) = table.of_tracks(latest_ns, stays), table.of_tracks(latest_ns, goes)
    intersect_rows(mean, spread, other, other_spread)
    table.fused_state[stays], table.fused_covariance[stays] = mean, spread
    table.fused[stays, Fused.TIME] = latest_ns
    for to, track in zip(stays.tolist(), goes.tolist(), strict=True):
        feeder = int(table.fused[track, Fused.FEEDER])
        if table.fused[to, Fused.FEEDER] == NOBODY:
            table.fused[to, Fused.FEEDER] = feeder
        elif feeder != NOBODY:
            table.whole[feeder, Whole.IS_IN] = 0
        rows = table.members_of(track)
        table.join(rows, to)
        table.whole[rows, Whole.AGAINST] = 0
    table.fused[goes, Fused.FIRST] = NOBODY
    table.fused[stays, Fused.PARTNER], table.fused[stays, Fused.COUNT] = NOBODY, 0


def where(table: Table, rows: Integers, times_ns: Integers | int, bias: Floats) -> tuple[Floats, Floats]:
    """Return where contributors put their targets at a time, their owners' biases taken out."""
    dt_s = (times_ns - table.whole[rows, Whole.TIME]) / NS_PER_S
    which = np.where(table.whole[rows, Whole.FLAGS] & REPORTED, len(bias) - 1, table.whole[rows, Whole.OWNER])
    states = unbiased(table.state[rows], bias[which])
    return carried(
        states, table.covariance[rows], dt_s, is_falling(table.said[rows]), table.turn[rows], table.density[rows]
    )


def beside_founders(table: Table, step: int, period_steps: int) -> tuple[Integers, Integers]:
    """Return the contributors of tracks whose turn it is, but the founder or else the first, and that beside each."""
    rows = table.members()
    track = table.whole[rows, Whole.TRACK]
    founder, first = table.fused[track, Fused.FOUNDER], table.fused[track, Fused.FIRST]
    reference = np.where(founder == NOBODY, first, founder)
    mine = ((track + step) % period_steps == 0) & (reference != rows)
    return rows[mine], reference[mine]


def part(table: Table, time_ns: int, step: int, rules: Rules, bias: Floats) -> None:
    """Let contributors go that have been far from their track's founder, or its first, often enough.

    What they leave behind is begun anew from those that stay.
    """
    rows, reference = beside_founders(table, step, rules.period_steps)
    if not len(rows):
        return
    (mean, spread), (other, other_spread) = where(table, rows, time_ns, bias), where(table, reference, time_ns, bias)
    squared = distance(mean, spread, other, other_spread, rules)
    outside, inside = (float(chi_square_gate(p, 6)) for p in (rules.part_probability, rules.join_probability))
    near = np.linalg.norm(mean[:, :3] - other[:, :3], axis=1) < rules.addressed_m
    for column in ADDRESSES:
        ours, theirs = table.whole[rows, column], table.whole[reference, column]
        said = (ours != ABSENT) & (theirs != ABSENT)
        squared = np.where(said, np.where((ours == theirs) & near, inside, np.inf), squared)
    against = table.whole[rows, Whole.AGAINST]
    against = np.where(squared > outside, against + 1, np.where(squared < inside, 0, against))
    table.whole[rows, Whole.AGAINST] = against
    leaving = rows[against >= rules.part_looks]
    if not len(leaving):
        return
    left = [table.leave(row) for row in leaving.tolist()]
    table.reserve(len(leaving))
    for row in leaving.tolist():
        track, table.m = table.m, table.m + 1
        table.fused[track] = NOBODY
        table.fused[track, [Fused.BORN, Fused.FOUNDER, Fused.COUNT]] = time_ns, row, 0
        table.join([row], track)
        table.whole[row, Whole.AGAINST] = 0
        left.append(track)
    begin_anew(table, np.unique(np.array(left, np.int64)), bias)


def begin_anew(table: Table, tracks: Integers, bias: Floats) -> None:
    """Make fused tracks' states of what their contributors say now, as if they had just been joined of them."""
    is_meant = np.zeros(table.m, np.bool_)
    is_meant[tracks] = True
    rows = table.members()
    rows = rows[is_meant[table.whole[rows, Whole.TRACK]]]
    rows = rows[np.argsort(table.whole[rows, Whole.TRACK], kind="stable")]
    of = table.whole[rows, Whole.TRACK]
    latest_ns = np.zeros(table.m, np.int64)
    np.maximum.at(latest_ns, of, table.whole[rows, Whole.TIME])
    is_self = table.whole[rows, Whole.FLAGS] & SELF_FED != 0
    without = is_self & (table.fused[of, Fused.FEEDER] == NOBODY)
    table.fused[of[without][::-1], Fused.FEEDER] = rows[without][::-1]  # the first of each
    mean, spread = where(table, rows, latest_ns[of], bias)
    first = np.flatnonzero(np.diff(of, prepend=-1))
    rank = np.arange(len(rows)) - np.repeat(first, np.diff(np.append(first, len(rows))))
    for each in range(int(rank.max(initial=0)) + 1):
        mine = rank == each
        if each == 0:
            table.fused_state[of[mine]], table.fused_covariance[of[mine]] = mean[mine], spread[mine]
            continue
        state, covariance = table.fused_state[of[mine]], table.fused_covariance[of[mine]]
        intersect_rows(state, covariance, mean[mine], spread[mine])
        table.fused_state[of[mine]], table.fused_covariance[of[mine]] = state, covariance
    table.fused[of, Fused.TIME] = latest_ns[of]
    is_fine = table.whole[rows, Whole.FLAGS] & COARSE == 0
    table.whole[rows, Whole.IS_IN] = is_fine & (~is_self | (table.fused[of, Fused.FEEDER] == rows))
