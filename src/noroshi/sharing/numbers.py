"""Track numbers that others see: keyed hashes for each release class, never counters.

A counter's gaps tell of what is withheld, and a node's own track number is a hash of the plot that started the track,
against which the recipient of a coarsened track could try out guesses of that plot. Partners of one release class see
the same number for the same track; those of different classes cannot join theirs.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from noroshi.sharing.keyed import Remembered, derive, words

BITS = 53  # exact in a double, as the trackers' own numbers are


class Numbers:
    """Track numbers as one release class sees them.

    Args:
        secret: the node's own for `of`; for `system` the one that all nodes of the class hold.
        release_class: name of the class.
    """

    def __init__(self, secret: bytes, release_class: str) -> None:
        own, self._system_key = (derive(secret, f"{what}|{release_class}") for what in ("track", "system track"))
        self._own = Remembered(lambda names, part: _number(words(own, names, part)))
        self._system: dict[str, Remembered] = {}

    def of(self, track_id: NDArray[np.uint64]) -> NDArray[np.uint64]:
        """Return (n,) numbers of (n,) tracks of the node itself."""
        return self._own(track_id)

    def system(self, lineages: Sequence[Sequence[tuple[str, int]]]) -> NDArray[np.uint64]:
        """Return (n,) system track numbers of n fused tracks.

        Args:
            lineages: of each the (owner, number) of the contributions that *the reader may hold*, in the order in which
                they joined. The number is that of the first, which stays when others join, and depends on nothing that
                is withheld; readers that may hold the same see the same.

        Raises:
            ValueError: if a lineage is empty: its reader may not know of the track.
        """
        if not all(lineages):
            raise ValueError("a track without contributions that its reader may hold has no number")
        owners = np.array([lineage[0][0] for lineage in lineages], dtype=np.str_)
        firsts = np.array([lineage[0][1] for lineage in lineages], dtype=np.uint64)
        numbers = np.empty(len(lineages), np.uint64)
        for owner in np.unique(owners).tolist():
            mine = owners == owner
            numbers[mine] = self._of_owner(owner)(firsts[mine])
        return numbers

    def _of_owner(self, owner: str) -> Remembered:
        if owner not in self._system:
            key = derive(self._system_key, owner)
            self._system[owner] = Remembered(lambda names, part: _number(words(key, names, part)))
        return self._system[owner]


def _number(rows: NDArray[np.uint64]) -> NDArray[np.uint64]:
    return np.right_shift(rows[:, 0], np.uint64(64 - BITS))
