"""Which fused tracks are one, and which contributors do not belong where they are.

Two fused tracks may be one if no owner tells of both. The distance is that of Bar-Shalom, Willett, Tian (2011), Tracking
and Data Fusion, section 9.3: (x - y)' (P + Q - C - C')^-1 (x - y), in which C is what both trackers' errors share because
they filtered the same manoeuvres. Of C nobody knows more than a bound; it is taken to be `common` of the smaller of the
two covariances, which leaves the rest positive definite.
"""

import math
from dataclasses import dataclass

import numpy as np

from noroshi.estimation.assignment import assign
from noroshi.estimation.gating import chi_square_gate, coarse_pairs
from noroshi.fusion.fold import found, is_falling, join, leave, predict, unbias
from noroshi.fusion.table import COARSE, NOBODY, SELF_FED, Fused, Real, Table, Whole
from noroshi.fusion.tracklets import (
    Floats,
    Integers,
    add_noise,
    carry_on,
    distance_squared,
    intersect,
)
from noroshi.geo.time import NS_PER_S
from noroshi.kernel import kernel
from noroshi.records import TrackStatus
from noroshi.records.identity import ABSENT

SAME_ADDRESS, SAME_CODE, OTHER_CODE = -1e3, -10.0, 12.0
"""What identity adds to a squared distance: addresses decide; of codes there are 4096, but they repeat and change."""
OWNERS_MAX = 62
SURE = 1_000  # looks: joined at once
COASTING = int(TrackStatus.COASTING)
ADDRESSES = int(Whole.ICAO_ADDRESS), int(Whole.MMSI)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """When tracks are joined and parted.

    Attributes:
        join_probability: two estimates of one target are within this quantile of chi-square ...
        part_probability: ... and of two targets if outside this one.
        join_looks: how often in turn two tracks must be each other's best before they become one ...
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
    """Join fused tracks that are one and part those that are not, at the end of a step."""
    tracks = table.alive()
    if not len(tracks):
        return
    n_owners = len(bias)
    limits = chi_square_gate(rules.join_probability, 6), chi_square_gate(rules.part_probability, 6)
    mine = tracks[(tracks + step) % rules.period_steps == 0]
    table.reserve(table.n)
    table.m = _part(
        mine, time_ns, float(limits[0]), float(limits[1]), rules.part_looks, rules.common, rules.allowance_m, bias,
        table.real, table.whole, table.fused_real, table.fused, table.m,
    )  # fmt: skip
    tracks = table.alive()
    masks, lowest, is_new = (
        np.zeros(len(tracks), np.int64),
        np.zeros(len(tracks), np.int64),
        np.zeros(len(tracks), np.bool_),
    )
    _owners(tracks, time_ns - 2 * rules.period_steps * NS_PER_S, table.whole, table.fused, masks, lowest, is_new)
    open_ones = masks != (1 << n_owners) - 1
    tracks, masks, lowest, is_new = tracks[open_ones], masks[open_ones], lowest[open_ones], is_new[open_ones]
    asked = np.flatnonzero(is_new | ((tracks + step) % rules.period_steps == 0))
    if not len(asked) or len(tracks) < 2:
        return
    place, radius = np.empty((len(tracks), 3)), np.empty(len(tracks))
    _places(
        tracks,
        time_ns,
        math.sqrt(float(limits[0])),
        rules.addressed_m,
        table.real,
        table.whole,
        table.fused_real,
        table.fused,
        place,
        radius,
    )
    ia, ib = coarse_pairs(place[asked], radius[asked], place, radius)
    ia = asked[ia]
    apart = (masks[ia] & masks[ib]) == 0
    ia, ib = ia[apart], ib[apart]
    if not len(ia):
        _unmatched(table, tracks[asked])
        return
    # The side with the lower owner is b; each pair once.
    swap = lowest[ia] < lowest[ib]
    ia, ib = np.where(swap, ib, ia), np.where(swap, ia, ib)
    order = np.lexsort((ib, ia))
    ia, ib = ia[order], ib[order]
    again = (np.diff(ia, prepend=-1) == 0) & (np.diff(ib, prepend=-1) == 0)
    ia, ib = ia[~again], ib[~again]
    cost = np.empty(len(ia))
    _costs(
        tracks[ia],
        tracks[ib],
        time_ns,
        rules.common,
        rules.allowance_m,
        rules.addressed_m,
        table.real,
        table.whole,
        table.fused_real,
        table.fused,
        cost,
    )
    settled: list[Integers] = [np.zeros(0, np.int64)]
    chosen: list[Integers] = [np.zeros(0, np.int64)]
    for owner in range(1, n_owners):
        here = np.flatnonzero((lowest[ia] == owner) & (cost < limits[0]))
        if len(here):
            found_pairs = assign(
                ia[here], ib[here], cost[here], len(tracks), len(tracks), cost_unassigned=float(limits[0])
            )
            chosen.append(here[found_pairs])
        settled.append(asked[lowest[asked] == owner])
    pairs = np.concatenate(chosen)
    _unmatched(table, np.setdiff1d(tracks[asked], tracks[ia[pairs]]))
    _count(tracks[ia[pairs]], tracks[ib[pairs]], cost[pairs], float(chi_square_gate(0.8, 6)), table.fused)
    _merge(
        tracks[ia[pairs]],
        tracks[ib[pairs]],
        rules.join_looks,
        time_ns,
        table.real,
        table.whole,
        table.fused_real,
        table.fused,
    )


def _unmatched(table: Table, tracks: Integers) -> None:
    table.fused[tracks, Fused.PARTNER], table.fused[tracks, Fused.COUNT] = NOBODY, 0


@kernel
def _owners(
    tracks: Integers, young_ns: int, whole: Integers, fused: Integers, masks: Integers, lowest: Integers, is_new: Floats
) -> None:
    """Write of each track the set of owners that see it now, the lowest of all its owners, and whether it is young."""
    for i in range(len(tracks)):
        row, mask, least = fused[tracks[i], Fused.FIRST], 0, OWNERS_MAX
        while row != NOBODY:
            owner = whole[row, Whole.OWNER]
            least = min(least, owner)
            if whole[row, Whole.STATUS] != COASTING:
                mask |= 1 << owner
            row = whole[row, Whole.NEXT]
        masks[i], lowest[i] = mask, least
        is_new[i] = fused[tracks[i], Fused.BORN] > young_ns or fused[tracks[i], Fused.COUNT] > 0


@kernel
def _places(
    tracks: Integers, time_ns: int, sigmas: float, reach_m: float, real: Floats, whole: Integers, fused_real: Floats,
    fused: Integers, place: Floats, radius: Floats,
) -> None:  # fmt: skip
    """Write where tracks are, and how far from there another estimate of the same target may be."""
    mean, spread = np.empty(6), np.empty((6, 6))
    for i in range(len(tracks)):
        predict(tracks[i], time_ns, real, whole, fused_real, fused, mean, spread)
        place[i] = mean[:3]
        radius[i] = sigmas * math.sqrt(spread[0, 0] + spread[1, 1] + spread[2, 2])


@kernel
def _said(track: int, column: int, whole: Integers, fused: Integers) -> int:
    """Return what the first contributor that says anything says of who the target is."""
    row = fused[track, Fused.FIRST]
    while row != NOBODY:
        if whole[row, column] != ABSENT:
            return whole[row, column]
        row = whole[row, Whole.NEXT]
    return ABSENT


@kernel
def _apart(
    mean: Floats, spread: Floats, other: Floats, other_spread: Floats, common: float, allowance_m: float, low: Floats
) -> float:
    """Return the squared distance of two estimates; `mean` and `spread` are written over."""
    smaller = 0.0
    own, theirs = 0.0, 0.0
    for i in range(3):
        own += spread[i, i]
        theirs += other_spread[i, i]
    smaller = 1.0 if own <= theirs else 0.0
    for i in range(6):
        mean[i] -= other[i]
        for j in range(6):
            shared = common * (spread[i, j] * smaller + other_spread[i, j] * (1.0 - smaller))
            spread[i, j] += other_spread[i, j] - 2.0 * shared
    for i in range(3):
        spread[i, i] += allowance_m * allowance_m
    return distance_squared(mean, spread, low)


@kernel
def _costs(
    a: Integers, b: Integers, time_ns: int, common: float, allowance_m: float, addressed_m: float, real: Floats,
    whole: Integers, fused_real: Floats, fused: Integers, cost: Floats,
) -> None:  # fmt: skip
    """Write the cost of each pair of tracks: squared distance and what identity says; infinite if addresses differ."""
    mean, spread, other, other_spread = np.empty(6), np.empty((6, 6)), np.empty(6), np.empty((6, 6))
    low = np.empty((6, 6))
    for i in range(len(a)):
        predict(a[i], time_ns, real, whole, fused_real, fused, mean, spread)
        predict(b[i], time_ns, real, whole, fused_real, fused, other, other_spread)
        away = math.sqrt((mean[0] - other[0]) ** 2 + (mean[1] - other[1]) ** 2 + (mean[2] - other[2]) ** 2)
        distance = _apart(mean, spread, other, other_spread, common, allowance_m, low)
        extra = 0.0
        ours, theirs = _said(a[i], Whole.MODE_3A, whole, fused), _said(b[i], Whole.MODE_3A, whole, fused)
        if ours != ABSENT and theirs != ABSENT:
            extra = SAME_CODE if ours == theirs else OTHER_CODE
        for column in ADDRESSES:
            ours, theirs = _said(a[i], column, whole, fused), _said(b[i], column, whole, fused)
            if ours != ABSENT and theirs != ABSENT:
                if ours != theirs:
                    distance = math.inf
                elif away < addressed_m:
                    distance, extra = min(distance, 1e2), SAME_ADDRESS
        cost[i] = distance + extra


@kernel
def _count(a: Integers, b: Integers, cost: Floats, close: float, fused: Integers) -> None:
    """Count how often in turn two tracks were each other's best; a close pair counts double, one address decides."""
    for i in range(len(a)):
        step = SURE if cost[i] < 0.5 * SAME_ADDRESS else 2 if cost[i] < close else 1
        if fused[a[i], Fused.PARTNER] == b[i]:
            fused[a[i], Fused.COUNT] += step
        else:
            fused[a[i], Fused.PARTNER], fused[a[i], Fused.COUNT] = b[i], step


@kernel
def _merge(
    a: Integers, b: Integers, looks: int, time_ns: int, real: Floats, whole: Integers, fused_real: Floats,
    fused: Integers,
) -> None:  # fmt: skip
    """Make one of those pairs that have been counted often enough; the one founded first stays.

    The two have seen the same manoeuvres, so they are joined by covariance intersection. What comes after is new.
    """
    work, low, own = np.empty((6, 6)), np.empty((6, 6)), np.empty((6, 6))
    others, mixed, spread, other_spread = np.empty((6, 6)), np.empty((6, 6)), np.empty((6, 6)), np.empty((6, 6))
    mean, other = np.empty(6), np.empty(6)
    for i in range(len(a)):
        if fused[a[i], Fused.COUNT] < looks:
            continue
        stays, goes = min(a[i], b[i]), max(a[i], b[i])
        if fused[stays, Fused.FIRST] == NOBODY:  # it has been joined to an older one in this step
            stays = fused[stays, Fused.PARTNER]
        if fused[goes, Fused.FIRST] == NOBODY or stays == goes or _share_owner(stays, goes, whole, fused):
            continue
        latest_ns = max(fused[stays, Fused.TIME], fused[goes, Fused.TIME])
        predict(stays, latest_ns, real, whole, fused_real, fused, mean, spread)
        predict(goes, latest_ns, real, whole, fused_real, fused, other, other_spread)
        intersect(mean, spread, other, other_spread, work, low, own, others, mixed)
        fused_real[stays, :6] = mean
        fused_real[stays, 6:] = spread.reshape(36)
        fused[stays, Fused.TIME] = latest_ns
        if fused[stays, Fused.FEEDER] == NOBODY:
            fused[stays, Fused.FEEDER] = fused[goes, Fused.FEEDER]
        elif fused[goes, Fused.FEEDER] != NOBODY:
            whole[fused[goes, Fused.FEEDER], Whole.IS_IN] = 0
        row = fused[goes, Fused.FIRST]
        while row != NOBODY:
            after = whole[row, Whole.NEXT]
            join(row, stays, whole, fused)
            whole[row, Whole.AGAINST] = 0
            row = after
        fused[goes, Fused.FIRST], fused[goes, Fused.PARTNER] = NOBODY, stays
        fused[stays, Fused.PARTNER], fused[stays, Fused.COUNT] = NOBODY, 0


@kernel
def _share_owner(a: int, b: int, whole: Integers, fused: Integers) -> bool:
    """Return whether one owner sees both tracks now."""
    mask, row = 0, fused[a, Fused.FIRST]
    while row != NOBODY:
        if whole[row, Whole.STATUS] != COASTING:
            mask |= 1 << whole[row, Whole.OWNER]
        row = whole[row, Whole.NEXT]
    row = fused[b, Fused.FIRST]
    while row != NOBODY:
        if whole[row, Whole.STATUS] != COASTING and mask & (1 << whole[row, Whole.OWNER]):
            return True
        row = whole[row, Whole.NEXT]
    return False


@kernel
def _where(row: int, time_ns: int, real: Floats, whole: Integers, bias: Floats, mean: Floats, spread: Floats) -> None:
    """Write where a contributor puts its target at a time."""
    dt_s = (time_ns - whole[row, Whole.TIME]) / NS_PER_S
    state = real[row, :6].copy()
    unbias(state, bias[whole[row, Whole.OWNER]])
    carry_on(state, real[row, 6:42].reshape(6, 6), dt_s, is_falling(real[row]), mean, spread)
    add_noise(spread, dt_s, real[row, Real.DENSITY])


@kernel
def _part(
    tracks: Integers, time_ns: int, inside: float, outside: float, looks: int, common: float, allowance_m: float,
    bias: Floats, real: Floats, whole: Integers, fused_real: Floats, fused: Integers, m: int,
) -> int:  # fmt: skip
    """Let contributors go that have been far from their track's founder often enough; return how many tracks there are.

    What they leave behind is begun anew from those that stay.
    """
    mean, spread, other, other_spread = np.empty(6), np.empty((6, 6)), np.empty(6), np.empty((6, 6))
    low = np.empty((6, 6))
    for i in range(len(tracks)):
        track = tracks[i]
        first = fused[track, Fused.FOUNDER]
        if first == NOBODY:
            first = fused[track, Fused.FIRST]
        row, has_parted = fused[track, Fused.FIRST], False
        while row != NOBODY:
            after = whole[row, Whole.NEXT]
            if row != first:
                _where(first, time_ns, real, whole, bias, mean, spread)
                _where(row, time_ns, real, whole, bias, other, other_spread)
                distance = _apart(mean, spread, other, other_spread, common, allowance_m, low)
                for column in ADDRESSES:
                    ours, theirs = whole[first, column], whole[row, column]
                    if ours != ABSENT and theirs != ABSENT:
                        distance = 0.5 * (inside + outside) if ours == theirs else math.inf
                if distance > outside:
                    whole[row, Whole.AGAINST] += 1
                elif distance < inside:
                    whole[row, Whole.AGAINST] = 0
                if whole[row, Whole.AGAINST] >= looks:
                    leave(row, whole, fused)
                    found(row, m, real, whole, fused_real, fused, bias)
                    m += 1
                    has_parted = True
            row = after
        if has_parted:
            begin_anew(track, bias, real, whole, fused_real, fused)
    return m


@kernel
def begin_anew(track: int, bias: Floats, real: Floats, whole: Integers, fused_real: Floats, fused: Integers) -> None:
    """Make a fused track's state of what its contributors say now, as if it had just been joined of them."""
    work, low, own = np.empty((6, 6)), np.empty((6, 6)), np.empty((6, 6))
    others, mixed, spread, other_spread = np.empty((6, 6)), np.empty((6, 6)), np.empty((6, 6)), np.empty((6, 6))
    mean, other = np.empty(6), np.empty(6)
    latest_ns, row = 0, fused[track, Fused.FIRST]
    while row != NOBODY:
        latest_ns = max(latest_ns, whole[row, Whole.TIME])
        row = whole[row, Whole.NEXT]
    row = fused[track, Fused.FIRST]
    is_first = True
    while row != NOBODY:
        _where(row, latest_ns, real, whole, bias, other, other_spread)
        if is_first:
            for i in range(6):
                mean[i] = other[i]
                for j in range(6):
                    spread[i, j] = other_spread[i, j]
            is_first = False
        else:
            intersect(mean, spread, other, other_spread, work, low, own, others, mixed)
        whole[row, Whole.IS_IN] = (whole[row, Whole.FLAGS] & (COARSE | SELF_FED)) == 0 or fused[
            track, Fused.FEEDER
        ] == row
        row = whole[row, Whole.NEXT]
    fused[track, Fused.TIME] = latest_ns
    fused_real[track, :6] = mean
    fused_real[track, 6:] = spread.reshape(36)
