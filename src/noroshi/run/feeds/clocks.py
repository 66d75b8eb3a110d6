"""Clocks that are wrong, and recordings that are played as if they were live: what has to be added to their times.

A live plot is a little older than its arrival. Where a sensor's times are not, batch after batch by the same amount,
its clock is of another time, and what is missing is added from then on. Until that is known, and where a single time is
far from the others, a row is not given: it would be taken for the future, or throw the tracks back into the past.
"""

from collections import Counter, deque

import numpy as np
from numpy.typing import NDArray

from noroshi.geo.time import NS_PER_S

AHEAD_NS = NS_PER_S
"""So much may a sensor's clock be ahead of ours; a node refuses what is from later."""

BEHIND_NS = 30 * NS_PER_S
"""So late may a plot be; a node's window for late data is as long."""

AGREE_NS = 5 * NS_PER_S
BATCHES, ROWS = 3, 10
"""So many batches in a row must be wrong by the same amount, give or take `AGREE_NS`; or the rows of one that has so
many, but for the lowest and highest quarter."""

FAR = "time far from that of its arrival"


class Clocks:
    """What is added to the times of each sensor of a feed.

    Attributes:
        added_ns: by sensor, where it is not nothing.
        behind_ns: by sensor, how long before its arrival the rows of the last batch were so (median), as corrected.
    """

    def __init__(self) -> None:
        self.added_ns: dict[str, int] = {}
        self.behind_ns: dict[str, int] = {}
        self._wrong: dict[str, deque[int]] = {}

    def settle(
        self, sensor: str, time_ns: NDArray[np.int64], received_ns: int, damage: Counter[str]
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Return (n,) corrected times and which of them may be used; count the others."""
        if not len(time_ns):
            return time_ns, np.zeros(0, np.bool_)
        quarter_ns, age_ns, other_ns = (
            int(age) for age in np.quantile(received_ns - time_ns - self.added_ns.get(sensor, 0), (0.25, 0.5, 0.75))
        )
        if -AHEAD_NS <= age_ns <= BEHIND_NS:
            self._wrong.pop(sensor, None)
        else:
            wrong = self._wrong.setdefault(sensor, deque(maxlen=BATCHES))
            wrong.extend((quarter_ns, age_ns, other_ns) if len(time_ns) >= ROWS else (age_ns,))
            if len(wrong) == BATCHES and max(wrong) - min(wrong) < AGREE_NS:
                self.added_ns[sensor] = self._as_another(self.added_ns.get(sensor, 0) + sorted(wrong)[BATCHES // 2])
                del self._wrong[sensor]
        corrected = time_ns + self.added_ns.get(sensor, 0)
        ages_ns = received_ns - corrected
        usable = (ages_ns >= -AHEAD_NS) & (ages_ns <= BEHIND_NS)
        if not usable.all():
            damage[FAR] += int((~usable).sum())
        if usable.any():
            self.behind_ns[sensor] = int(np.median(ages_ns[usable]))
        return corrected, usable

    def _as_another(self, added_ns: int) -> int:
        """Return what another sensor of the feed needs if it is nearly this: one recording has one clock."""
        near = [each for each in self.added_ns.values() if abs(each - added_ns) < AGREE_NS]
        return near[0] if near else added_ns
