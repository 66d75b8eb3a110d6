"""Which day: ASTERIX gives the time since midnight UTC, some of it less than that."""

import numpy as np
from numpy.typing import NDArray

from noroshi.formats.asterix.layout import ABSENT
from noroshi.geo.time import NS_PER_DAY, followed_ns


def reference_ns(
    of_day_ns: NDArray[np.int64], received_ns: NDArray[np.int64], day_ns: int, period_ns: int = NS_PER_DAY
) -> NDArray[np.int64]:
    """Return (n,) roughly when each record of a recording was so, good to a few hours.

    It is the time of reception where that is known. Else the times of day are followed from record to record
    (`followed_ns`), starting on the given day. A record without a time is as old as the one before it.

    Args:
        of_day_ns: time since midnight, -1 where unknown, in the order of the recording.
        received_ns: time of reception, -1 where unknown.
        day_ns: midnight of the day on which the recording begins.
        period_ns: after how long the times begin anew, if that is less than a day.
    """
    known = np.flatnonzero(of_day_ns != ABSENT)
    if not len(known):
        return np.where(received_ns == ABSENT, day_ns, received_ns)
    followed = followed_ns(of_day_ns[known], period_ns) + day_ns
    before = np.maximum(np.searchsorted(known, np.arange(len(of_day_ns)), side="right") - 1, 0)
    return np.where(received_ns == ABSENT, followed[before], received_ns)


def nearest_ns(value_ns: NDArray[np.int64], reference_ns: NDArray[np.int64], period_ns: int) -> NDArray[np.int64]:
    """Return (n,) the times nearest to the references whose time of day leaves the value when divided by the period.

    A shorter period than a day begins anew at midnight: 512 s do not divide a day.
    """
    midnight_ns = reference_ns // NS_PER_DAY * NS_PER_DAY
    last = (NS_PER_DAY - 1 - value_ns) // period_ns
    candidates = []
    for day_ns in (midnight_ns - NS_PER_DAY, midnight_ns, midnight_ns + NS_PER_DAY):
        periods = np.clip((reference_ns - day_ns - value_ns + period_ns // 2) // period_ns, 0, last)
        candidates.append(day_ns + value_ns + periods * period_ns)
    times_ns = np.stack(candidates)
    nearest = np.abs(times_ns - reference_ns).argmin(axis=0)
    found: NDArray[np.int64] = times_ns[nearest, np.arange(len(value_ns))]
    return found
