"""Where each of many numbers stands: a hash table in two arrays, since looking up by bisection was the largest cost."""

from typing import Self

import numpy as np
from numpy.typing import NDArray

from noroshi.kernel import kernel

EMPTY = -1
SPREAD = 0x9E3779B97F4A7C15  # Source: Knuth, The Art of Computer Programming 3, section 6.4: 2^64 over the golden ratio


class Index:
    """Positions of n distinct numbers. It is not changed: `of` makes another one."""

    __slots__ = ("_names", "_rows", "_shift")

    def __init__(self, names: NDArray[np.uint64], rows: NDArray[np.int64], shift: int) -> None:
        self._names, self._rows, self._shift = names, rows, shift

    @classmethod
    def of(cls, names: NDArray[np.uint64]) -> Self:
        """Return the index of (n,) distinct numbers."""
        bits = max(4, int(2 * len(names)).bit_length())
        table, rows = np.zeros(1 << bits, np.uint64), np.full(1 << bits, EMPTY)
        _enter(np.ascontiguousarray(names), table, rows, 64 - bits)
        return cls(table, rows, 64 - bits)

    def find(self, names: NDArray[np.uint64]) -> NDArray[np.int64]:
        """Return (m,) the position of each of (m,) numbers, -1 where it is not known."""
        found = np.empty(len(names), np.int64)
        _find(np.ascontiguousarray(names), self._names, self._rows, self._shift, found)
        return found


@kernel
def _enter(names: NDArray[np.uint64], table: NDArray[np.uint64], rows: NDArray[np.int64], shift: int) -> None:
    for row in range(len(names)):
        at = np.int64((names[row] * np.uint64(SPREAD)) >> np.uint64(shift))
        while rows[at] != EMPTY:
            at = (at + 1) % len(table)
        table[at], rows[at] = names[row], row


@kernel
def _find(
    names: NDArray[np.uint64],
    table: NDArray[np.uint64],
    rows: NDArray[np.int64],
    shift: int,
    found: NDArray[np.int64],
) -> None:
    mask = len(table) - 1
    for row in range(len(names)):
        at = np.int64((names[row] * np.uint64(SPREAD)) >> np.uint64(shift))
        while rows[at] != EMPTY and table[at] != names[row]:
            at = (at + 1) & mask
        found[row] = rows[at]
