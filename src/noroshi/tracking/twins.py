"""Two tracks, one target: which of them ends, and whether the other goes on from where it is.

Without addresses two firm tracks are of one target if they claim one plot and cannot be told apart. Addresses say more.
An aircraft that turns harder than any model between two distant reports, or whose reports were bad for a while, is
found again by a new track; and one of whose reports some are seconds old (several receivers, one late) has a second
track of those. Both carry its address: it is one target, unless they are farther apart than that explains.
"""

import numpy as np
from numpy.typing import NDArray

from noroshi.estimation.gating import mahalanobis_squared
from noroshi.geo.time import NS_PER_S
from noroshi.geo.wgs84 import Floats
from noroshi.kernel import kernel
from noroshi.records import TrackStatus
from noroshi.records.identity import ABSENT
from noroshi.tracking.bank import Bank, Pairs
from noroshi.tracking.store import Integers, Store, Whole, silent

APART_LOOKS = 5  # two tracks that one look saw both of are two targets, for so many looks
ADDRESSES = int(Whole.ICAO_ADDRESS), int(Whole.MMSI)
LEAP_M_S = 500.0, 50.0  # nobody who tells an address of either sort is faster: farther apart, two use one address
LATE_S = 4.0  # how old the place in a report may be, beside that it was lately not heard
IDENTITY = (Whole.ICAO_ADDRESS, Whole.MODE_3A, Whole.MMSI, *range(Whole.CALL_SIGN, Whole.FIRST_SENSOR))

DIFFERENT, MAY_BE_SAME, SAME, GHOST = range(4)
"""What the younger of two tracks may be: another target's; perhaps the same one's; surely that; of its late reports."""


def settle_twins(
    store: Store, bank: Bank, pairs: Pairs, own_plot: Integers, firm: Integers, now_ns: int, alike: float
) -> tuple[Integers, Integers]:
    """Return the rows that are the younger of two on one target, and those that went on from where one was.

    Two firm tracks of which one takes a plot that the other could have had are on one target if they carry the same
    address, or if none speaks against it, they cannot be told apart and no sensor has seen both in one look for a
    while; and so are two of one address of which one has just become firm, within reach (`_of_one_name`). By its
    address the older then goes on from where the younger is, if that was seen later: of several from the one that was
    seen last, so the nearest in time, else the one born first. From a ghost nothing goes on.

    Args:
        store: the tracks; of those that go on the state is changed.
        bank: their motion models.
        pairs: of the batch.
        own_plot: (t,) which plot each of `pairs.rows` took; -1 for none.
        firm: rows that have just become firm.
        now_ns: the time of the batch.
        alike: squared distance by its covariance (chi-square) within which two states cannot be told apart.
    """
    whole, none = store.whole, pairs.row[:0]
    a, b, both = rivals(pairs.rows, pairs.plot, pairs.group, pairs.is_inside, own_plot, whole)
    apart_ns = APART_LOOKS * int(store.tally["period_ns"].max())
    found = [_compare(whole, a, b, both, now_ns, apart_ns)] if len(a) else []
    if firm.size and (whole[firm][:, ADDRESSES] != ABSENT).any():
        found.append(_of_one_name(store, firm))
    if not found:
        return none, none
    younger, older, verdict = (np.concatenate(each) for each in zip(*found, strict=True))
    ends = verdict != MAY_BE_SAME
    if not ends.all():
        ends[~ends] = _are_alike(store, bank, younger[~ends], older[~ends], alike)
    goes_on = (verdict == SAME) & (whole[younger, Whole.MEASURED] >= whole[older, Whole.MEASURED])
    heirs = none
    if goes_on.any():
        younger_on, older_on = younger[goes_on], older[goes_on]
        born, number = whole[younger_on, Whole.BORN], whole[younger_on, Whole.ID]
        order = np.lexsort((number, born, -whole[younger_on, Whole.MEASURED], older_on))
        heirs, first = np.unique(older_on[order], return_index=True)
        store.save(heirs)
        _inherit(store, heirs, younger_on[order][first])
    return np.unique(younger[ends]), heirs


def has_its_address(whole: Integers, rows: Integers, row: int) -> NDArray[np.bool_]:
    """Return which of the rows carry the address of `row`."""
    mine = whole[row, ADDRESSES]
    return np.asarray(((whole[rows][:, ADDRESSES] == mine) & (mine != ABSENT)).any(axis=1))


def _of_one_name(store: Store, firm: Integers) -> tuple[Integers, Integers, Integers]:
    """Return pairs of a track that has just become firm and an older firm one of its address, and what the former is.

    How far they may be apart is what lateness explains. Where the older has had plots since the new one was born, that
    is all, and the new one is a ghost, of late reports. Else what was flown unheard comes to it, and they are the same:
    of several new tracks each older one goes on as the one that was born soonest after its last plot, each new one as
    the older one heard last, then the nearer; what is left over has the address of another.
    """
    whole = store.whole
    new, known, leap_m_s = _namesakes(whole[: store.n_used], firm)
    if not new.size:
        return new, known, new
    (here, _), (there, _) = store.moments(new), store.moments(known)
    apart_m = np.linalg.norm(here[:, :3] - there[:, :3], axis=1)
    born, last = whole[new, Whole.BORN], whole[known, Whole.MEASURED]
    is_heard = last >= born
    silent_ns = np.where(is_heard, 0, whole[new, Whole.MEASURED] - last)
    within = apart_m <= leap_m_s * (LATE_S + silent_ns / NS_PER_S)
    ghost = within & is_heard & (born > whole[known, Whole.BORN])
    same = np.flatnonzero(within & ~is_heard & ~np.isin(new, new[ghost]))
    number = whole[:, Whole.ID]
    same = same[np.lexsort((number[known[same]], number[new[same]], apart_m[same], (born - last)[same]))]
    chosen, taken = np.zeros(len(new), np.bool_), np.zeros(len(whole), np.bool_)
    for at in same.tolist():
        if not (taken[new[at]] or taken[known[at]]):
            chosen[at] = taken[new[at]] = taken[known[at]] = True
    verdict = np.where(ghost, GHOST, np.where(chosen, SAME, DIFFERENT))
    kept = verdict != DIFFERENT
    return new[kept], known[kept], verdict[kept]


def _are_alike(store: Store, bank: Bank, a: Integers, b: Integers, alike: float) -> NDArray[np.bool_]:
    """Return whether two tracks, brought to the later of their times, cannot be told apart."""
    time_ns = np.maximum(store.whole[a, Whole.TIME], store.whole[b, Whole.TIME])
    mean, spread = bank.predict(store, np.concatenate([a, b]), np.concatenate([time_ns, time_ns]))
    n = len(a)
    return np.asarray(mahalanobis_squared(mean[:n] - mean[n:], spread[:n] + spread[n:]) < alike)


def _inherit(store: Store, rows: Integers, younger: Integers) -> None:
    """Let older tracks, which keep their number and birth, go on from where younger ones are."""
    whole = store.whole
    store.real[rows] = store.real[younger]
    for column in (Whole.TIME, Whole.MEASURED, Whole.STATUS, Whole.DEADLINE, Whole.MISSES):
        whole[rows, column] = whole[younger, column]
    for column in IDENTITY:
        new = whole[younger, column]
        whole[rows, column] = np.where(silent(new, column), whole[rows, column], new)
    last = slice(Whole.FIRST_SENSOR + store.layout.n_sensors, None)
    whole[rows, last] = np.maximum(whole[rows, last], whole[younger, last])
    store.refresh(rows)


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


@kernel
def _compare(
    whole: Integers, a: Integers, b: Integers, both: NDArray[np.bool_], now_ns: int, apart_ns: int
) -> tuple[Integers, Integers, Integers]:
    """Return the younger and the older of those rivals that are one target by their address, or may be one.

    They may be where no address and no code speaks against it and no look has seen both (`both`: this one does) for
    so long.
    """
    younger, older, verdict = np.empty(len(a), np.int64), np.empty(len(a), np.int64), np.empty(len(a), np.int64)
    for e in range(a.shape[0]):
        if both[e]:
            whole[a[e], Whole.APART], whole[b[e], Whole.APART] = now_ns, now_ns
    n = 0
    for e in range(a.shape[0]):
        one, two = whole[a[e]], whole[b[e]]
        if one[Whole.BORN] < two[Whole.BORN] or (one[Whole.BORN] == two[Whole.BORN] and one[Whole.ID] < two[Whole.ID]):
            younger[n], older[n] = b[e], a[e]
        else:
            younger[n], older[n] = a[e], b[e]
        found, ours, theirs = MAY_BE_SAME, one[Whole.MODE_3A], two[Whole.MODE_3A]
        last_apart_ns = min(one[Whole.APART], two[Whole.APART])
        if (ours != ABSENT and theirs != ABSENT and ours != theirs) or (
            whole[younger[n], Whole.TIME] - last_apart_ns <= apart_ns
        ):
            found = DIFFERENT
        for column in ADDRESSES:
            if one[column] != ABSENT and two[column] != ABSENT:
                found = SAME if one[column] == two[column] else DIFFERENT
        verdict[n] = found
        n += found != DIFFERENT
    return younger[:n], older[:n], verdict[:n]


@kernel
def _namesakes(whole: Integers, firm: Integers) -> tuple[Integers, Integers, Floats]:
    """Return the pairs of each new row and another firm one of its address, and how fast who has such a one may be."""
    new, known, leap_m_s = np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0)
    for is_counted in (False, True):
        found = 0
        for sort in range(len(ADDRESSES)):
            column = ADDRESSES[sort]
            order = np.argsort(whole[firm, column], kind="mergesort")
            names = whole[firm[order], column]
            for i in range(whole.shape[0]):
                name = whole[i, column]
                if name == ABSENT or whole[i, Whole.STATUS] < TrackStatus.FIRM:
                    continue
                at = np.searchsorted(names, name)
                while at < names.shape[0] and names[at] == name:
                    other, is_against = firm[order[at]], firm[order[at]] == i
                    for also in range(len(ADDRESSES)):
                        ours, theirs = whole[i, ADDRESSES[also]], whole[other, ADDRESSES[also]]
                        is_against = is_against or (ours != ABSENT and theirs != ABSENT and ours != theirs)
                    if not is_against:
                        if is_counted:
                            new[found], known[found], leap_m_s[found] = other, i, LEAP_M_S[sort]
                        found += 1
                    at += 1
        if not is_counted:
            new, known, leap_m_s = np.empty(found, np.int64), np.empty(found, np.int64), np.empty(found)
    return new, known, leap_m_s
