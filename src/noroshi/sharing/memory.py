"""What a recipient was told of each track, as far as the next release depends on it."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from noroshi.geo.time import NS_PER_S
from noroshi.kernel import kernel
from noroshi.sharing.index import EMPTY, Index

NEVER_NS = np.iinfo(np.int64).min
KEPT_NS = 2 * 3600 * NS_PER_S  # longer than the longest period of reports


@dataclass(frozen=True, slots=True, eq=False)
class Memory:
    """Of each track that a recipient was told of, when the last row told held.

    Attributes:
        track_id: (m,) the node's own numbers.
        told_ns: (m,).
        index: where each number stands.
    """

    track_id: NDArray[np.uint64]
    told_ns: NDArray[np.int64]
    index: Index

    @classmethod
    def of(cls, track_id: NDArray[np.uint64], told_ns: NDArray[np.int64]) -> Self:
        """Return the memory of what a recipient was told; of tracks it forgot nothing is known."""
        return cls(track_id, told_ns, Index.of(track_id))

    @classmethod
    def empty(cls) -> Self:
        """Return the memory of a recipient that was told nothing."""
        return cls.of(np.zeros(0, np.uint64), np.zeros(0, np.int64))

    def told(self, track_id: NDArray[np.uint64]) -> NDArray[np.int64]:
        """Return (n,) times last told of; `NEVER_NS` where never."""
        at = self.index.find(track_id)
        return np.where(at == EMPTY, NEVER_NS, self.told_ns[at]) if len(self.told_ns) else np.full(len(at), NEVER_NS)

    def with_told(self, track_id: NDArray[np.uint64], time_ns: NDArray[np.int64]) -> Self:
        """Return the memory after more was told; tracks not told of for two hours are forgotten."""
        if not len(track_id):
            return self
        at = self.index.find(track_id)
        names, told, index = self.track_id, self.told_ns, self.index
        if (at == EMPTY).any():
            recent = told >= time_ns.max() - KEPT_NS
            names, told = names[recent], told[recent]
            new = np.setdiff1d(track_id, names)
            names, told = np.concatenate([names, new]), np.append(told, np.full(len(new), NEVER_NS))
            index = Index.of(names)
            at = index.find(track_id)
        else:
            told = told.copy()
        np.maximum.at(told, at, time_ns)
        return type(self)(names, told, index)


def spaced(
    track_id: NDArray[np.uint64],
    time_ns: NDArray[np.int64],
    is_last: NDArray[np.bool_],
    told_ns: NDArray[np.int64],
    interval_ns: int,
    *,
    on_grid: bool,
) -> NDArray[np.bool_]:
    """Return (n,) which rows to tell of, so that a track is told of at most once an interval.

    Args:
        track_id, time_ns: (n,).
        is_last: (n,) that the track has ended: told in any case, if the track was told of at all.
        told_ns: (n,) when the track was last told of, `NEVER_NS` if never.
        interval_ns: the interval.
        on_grid: whether intervals are the same for all tracks, or start with what was last told.
    """
    order = np.lexsort((time_ns, track_id))
    chosen = np.zeros(len(track_id), np.bool_)
    _space(track_id, time_ns, is_last, told_ns, order.astype(np.int64), interval_ns, on_grid, chosen)
    return chosen


@kernel
def _space(
    track_id: NDArray[np.uint64],
    time_ns: NDArray[np.int64],
    is_last: NDArray[np.bool_],
    told_ns: NDArray[np.int64],
    order: NDArray[np.int64],
    interval_ns: int,
    on_grid: bool,
    chosen: NDArray[np.bool_],
) -> None:
    never = np.iinfo(np.int64).min
    previous, told = np.int64(-1), never
    for row in order:
        if previous < 0 or track_id[row] != track_id[previous]:
            told = told_ns[row]
        previous = row
        if told == never:
            chosen[row] = not is_last[row]
        elif is_last[row]:
            chosen[row] = True
        elif on_grid:
            chosen[row] = time_ns[row] // interval_ns > told // interval_ns
        else:
            chosen[row] = time_ns[row] - told >= interval_ns
        if chosen[row]:
            told = max(told, time_ns[row])
