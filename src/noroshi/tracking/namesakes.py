"""One address, two tracks: who left every gate and was found again under another number.

An aircraft that turns harder than any model between two distant reports, or whose reports were bad for a while, is
found again by a new track; and one of whose reports some are seconds old (several receivers, one late) has a second
track of those. Both carry its address: it is one target, unless they are farther apart than that explains.
"""

import numpy as np
from numpy.typing import NDArray

from noroshi.geo.time import NS_PER_S
from noroshi.geo.wgs84 import Floats
from noroshi.kernel import kernel
from noroshi.records import TrackStatus
from noroshi.records.identity import ABSENT
from noroshi.tracking.store import Integers, Store, Whole

ADDRESSES = int(Whole.ICAO_ADDRESS), int(Whole.MMSI)
LEAP_M_S = 500.0, 50.0  # nobody who tells an address of either sort is faster: farther apart, two use one address
LATE_S = 4.0  # how old the place in a report may be, beside that it was lately not heard


def namesakes(store: Store, new: Integers) -> tuple[Integers, Integers, NDArray[np.bool_]]:
    """Return the pairs of a track that has become firm just now and another firm one of its address, if one target.

    The third says which other has had plots since the new one was born: the new one is of late reports, or a ghost, and
    nothing to go on from. How far they may be apart is what lateness explains; if not, what was flown unheard too.

    Args:
        store: the tracks.
        new: rows of those that have become firm.
    """
    whole = store.whole
    new = new[(whole[new][:, ADDRESSES] != ABSENT).any(axis=1)]
    if not new.size:
        return new, new, np.zeros(0, np.bool_)
    one, other, leap_m_s = _of_one_name(whole[: store.n_used], new)
    if not one.size:
        return one, other, np.zeros(0, np.bool_)
    (here, _), (there, _) = store.moments(one), store.moments(other)
    is_heard = whole[other, Whole.MEASURED] >= whole[one, Whole.BORN]
    silent_ns = np.where(is_heard, 0, whole[one, Whole.MEASURED] - whole[other, Whole.MEASURED])
    gap_s = LATE_S + silent_ns / NS_PER_S
    within = np.linalg.norm(here[:, :3] - there[:, :3], axis=1) <= leap_m_s * gap_s
    return one[within], other[within], is_heard[within]


def has_its_address(whole: Integers, rows: Integers, row: int) -> NDArray[np.bool_]:
    """Return which of the rows carry the address of `row`."""
    mine = whole[row, ADDRESSES]
    return np.asarray(((whole[rows][:, ADDRESSES] == mine) & (mine != ABSENT)).any(axis=1))


@kernel
def _of_one_name(whole: Integers, new: Integers) -> tuple[Integers, Integers, Floats]:
    """Return the pairs of a new row and another firm one of its address, and how fast who has such a one may be."""
    most = len(ADDRESSES) * whole.shape[0]
    one, other, leap_m_s, found = np.empty(most, np.int64), np.empty(most, np.int64), np.empty(most), 0
    for sort in range(len(ADDRESSES)):
        column = ADDRESSES[sort]
        order = np.argsort(whole[new, column])
        names = whole[new[order], column]
        for i in range(whole.shape[0]):
            name = whole[i, column]
            if name == ABSENT or whole[i, Whole.STATUS] < TrackStatus.FIRM:
                continue
            at = np.searchsorted(names, name)
            if at == names.shape[0] or names[at] != name:
                continue
            if new[order[at]] != i:
                one[found], other[found], leap_m_s[found] = new[order[at]], i, LEAP_M_S[sort]
                found += 1
    return one[:found], other[:found], leap_m_s[:found]
