"""One address, two tracks: who left every gate and was found again under another number.

An aircraft that turns harder than any model between two distant reports, or whose reports were bad for a while, is
found again by a new track. Both carry its address, the older has had no plot since: it is one target.
"""

import numpy as np
from numpy.typing import NDArray

from noroshi.geo.time import NS_PER_S
from noroshi.kernel import kernel
from noroshi.records import TrackStatus
from noroshi.records.identity import ABSENT
from noroshi.tracking.store import Integers, Store, Whole

ADDRESSES = int(Whole.ICAO_ADDRESS), int(Whole.MMSI)
LEAP_M_S = 500.0  # nobody who tells an address is faster: farther apart, two use one address


def namesakes(store: Store, rows: Integers) -> tuple[Integers, Integers]:
    """Return the rows that are firm from now on and whose address an older track has, and those older tracks' rows.

    Args:
        store: the tracks.
        rows: those that have just had a plot.
    """
    whole = store.whole
    is_new = (whole[rows, Whole.STATUS] >= TrackStatus.FIRM) & (whole[rows, Whole.IS_TOLD] == 0)
    new = rows[is_new & (whole[rows][:, ADDRESSES] != ABSENT).any(axis=1)]
    if not new.size:
        return new, new
    younger, older = _of_one_name(whole[: store.n_used], new)
    if not younger.size:
        return younger, older
    (here, _), (there, _) = store.moments(younger), store.moments(older)
    gap_s = (whole[younger, Whole.TIME] - whole[older, Whole.MEASURED]) / NS_PER_S
    within = np.linalg.norm(here[:, :3] - there[:, :3], axis=1) <= LEAP_M_S * gap_s
    return younger[within], older[within]


def has_its_address(whole: Integers, rows: Integers, row: int) -> NDArray[np.bool_]:
    """Return which of the rows carry the address of `row`."""
    mine = whole[row, ADDRESSES]
    return np.asarray(((whole[rows][:, ADDRESSES] == mine) & (mine != ABSENT)).any(axis=1))


@kernel
def _of_one_name(whole: Integers, new: Integers) -> tuple[Integers, Integers]:
    """Return the pairs of a new row and a firm one of its address that has had no plot since the new one was born."""
    younger, older = np.empty(whole.shape[0], np.int64), np.empty(whole.shape[0], np.int64)
    found = 0
    for column in ADDRESSES:
        order = np.argsort(whole[new, column])
        names = whole[new[order], column]
        for i in range(whole.shape[0]):
            name = whole[i, column]
            if name == ABSENT or whole[i, Whole.STATUS] < TrackStatus.FIRM:
                continue
            at = np.searchsorted(names, name)
            if at == names.shape[0] or names[at] != name:
                continue
            row = new[order[at]]
            if row != i and whole[i, Whole.MEASURED] < whole[row, Whole.BORN] and found < younger.shape[0]:
                younger[found], older[found] = row, i
                found += 1
    return younger[:found], older[:found]
