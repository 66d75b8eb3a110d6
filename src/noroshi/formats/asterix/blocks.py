"""Data blocks and their records: one table of raw numbers for each category.

What cannot be read is counted by reason, and reading goes on where the next block plainly begins.
"""

from array import array
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import TypeAlias

from noroshi.formats.asterix.layout import ABSENT, Edition, LayoutError, editions

HEADER_BYTES = 3  # category, and the length of the whole block
BLOCKS_AHEAD_MAX = 16  # how far to follow lengths to see whether they lead anywhere
NO_BLOCK = "data block cut short or its length damaged"
SAC, SIC = "010/SAC", "010/SIC"
HEAD = ("place in the recording", "received_ns", "edition")
"""What stands before the fields in each row."""

Attempt: TypeAlias = tuple[list[list[int]], int, str]
"""(rows, where they end, why not later or "")"""


class CategoryRows:
    """The records of one category as they come, a row of raw numbers each: `HEAD`, then the wanted fields.

    Attributes:
        editions: those that libasterix knows, newest first.
        values: the rows, one after the other.
    """

    def __init__(self, category: int, paths: tuple[str, ...]) -> None:
        """Prepare for the fields at `paths`."""
        self.paths = (*HEAD, *paths)
        self.editions = editions(category, self.paths)
        self.values = array("q")
        self._blank = [ABSENT] * len(self.paths)
        self._sac = self.paths.index(SAC)

    def add_block(self, data: bytes, pos: int, end: int, received_ns: int | None, place: int) -> tuple[int, int, str]:
        """Add the records between `pos` and `end`; the newest edition that fits all of them reads them.

        Old editions of some categories differ beyond recognition, and a block does not say which one it is.

        Returns:
            How many records there were, where the last one ended, and why no further ("" if that is the end).
        """
        best: Attempt = ([], pos, "")
        chosen = 0
        for number, edition in enumerate(self.editions):
            attempt = self._attempt(edition, data, pos, end)
            if not number or attempt[1] > best[1]:
                best, chosen = attempt, number
            if not best[2]:
                break
        rows, stop, reason = best
        for i, row in enumerate(rows):
            row[: len(HEAD)] = place + i, ABSENT if received_ns is None else received_ns, chosen
            self.values.extend(row)
        return len(rows), stop, reason

    def _attempt(self, edition: Edition, data: bytes, pos: int, end: int) -> Attempt:
        rows: list[list[int]] = []
        while pos < end:
            row = self._blank.copy()
            try:
                stop = edition.read(data, pos, end, row)
            except LayoutError as error:
                return rows, pos, str(error)
            if row[self._sac] == ABSENT:
                return rows, pos, "no data source"
            rows.append(row)
            pos = stop
        return rows, pos, ""


def read_datagram(
    data: bytes,
    received_ns: int | None,
    rows: Mapping[int, CategoryRows],
    counts: Counter[str],
    damage: Counter[str],
    place: int,
) -> int:
    """Add the records of all blocks in `data` to `rows` and return how many records, blocks and faults were met.

    A block of a category that is not in `rows` counts as one; it is not opened.
    """
    pos, met = 0, 0
    while pos < len(data):
        stop = block_end(data, pos)
        if not stop:
            damage[NO_BLOCK] += 1
            met += 1
            pos = _next_block(data, pos + 1, rows)
            continue
        category = data[pos]
        if category not in rows:
            whole = _leads_on(data, stop, rows)
            (counts if whole else damage)[f"category {category:03d} not read" if whole else NO_BLOCK] += 1
            met += 1
            pos = stop if whole else _next_block(data, pos + 1, rows)
            continue
        n, good_until, reason = rows[category].add_block(data, pos + HEADER_BYTES, stop, received_ns, place + met)
        met += n
        if reason or not n:
            damage[f"category {category:03d}: {reason or 'no record'}"] += 1
            met += 1
            stop = stop if _leads_on(data, stop, rows) else _next_block(data, good_until, rows)
        pos = stop
    return met


def block_end(data: bytes, pos: int) -> int:
    """Return where the block at `pos` ends by its own word, or 0 if it cannot be a block."""
    length = int.from_bytes(data[pos + 1 : pos + HEADER_BYTES], "big")
    stop = pos + length
    return stop if length >= HEADER_BYTES and stop <= len(data) else 0


def chain(data: bytes, pos: int) -> Iterator[tuple[int, int]]:
    """Yield (position, end) of the blocks that follow each other from `pos` on."""
    while pos < len(data) and (stop := block_end(data, pos)):
        yield pos, stop
        pos = stop


def opens(data: bytes, pos: int, known: Mapping[int, object]) -> bool:
    """Return whether a block of a known category stands at `pos` whose first record names its source.

    The data source is the first item of every category that noroshi reads, so the first bit of the record is set.
    """
    return pos + HEADER_BYTES < len(data) and data[pos] in known and data[pos + HEADER_BYTES] >= 0x80


def _leads_on(data: bytes, pos: int, known: Mapping[int, object]) -> bool:
    """Return whether the blocks from `pos` on lead to one of a known category, or end where the data ends."""
    for at, stop in islice(chain(data, pos), BLOCKS_AHEAD_MAX):
        if data[at] in known:
            return opens(data, at, known)
        pos = stop
    return pos == len(data)


def _begins(data: bytes, pos: int, known: Mapping[int, object]) -> bool:
    """Return whether a known block stands at `pos`, and after it another or the end."""
    stop = block_end(data, pos) if opens(data, pos, known) else 0
    return stop > 0 and (stop == len(data) or opens(data, stop, known))


def _next_block(data: bytes, pos: int, known: Mapping[int, object]) -> int:
    while pos < len(data) and not _begins(data, pos, known):
        pos += 1
    return pos
