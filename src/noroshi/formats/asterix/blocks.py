"""Data blocks and their records: one table of raw numbers for each category.

What cannot be read is counted by reason, and reading goes on where the next block plainly begins.
"""

from array import array
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import TypeAlias

from noroshi.formats.asterix.layout import ABSENT, Edition, LayoutError, editions
from noroshi.geo.time import S_PER_DAY

HEADER_BYTES = 3  # category, and the length of the whole block
BLOCKS_AHEAD_MAX = 16  # how far to follow lengths to see whether they lead anywhere
RECORDS_MAX = 1 << 16  # more than a block can hold
SAMPLES = 64  # how many records of a source show its edition
NO_BLOCK = "data block cut short or its length damaged"
SAC, SIC = "010/SAC", "010/SIC"
HEAD = ("place in the recording", "received_ns", "edition")
"""What stands before the fields in each row."""

Attempt: TypeAlias = tuple[list[list[int]], int, str]
"""(rows, where they end, why not later or "")"""


class CategoryRows:
    """The records of one category as they come, a row of raw numbers each: `HEAD`, then the wanted fields.

    Old editions of some categories differ beyond recognition, and a block does not say which one it is. A block is read
    by the first edition that fits it to its end; first comes the one that fits most of the first blocks of the same
    source with sensible times, the newest among equals.

    Attributes:
        editions: those that libasterix knows, newest first.
        values: the rows, one after the other.
        n_bytes: how long their records were.
    """

    def __init__(self, category: int, paths: tuple[str, ...], times: tuple[str, ...]) -> None:
        """Prepare for the fields at `paths`, of which `times` say when."""
        self.paths = (*HEAD, *paths)
        self.editions = editions(category, self.paths)
        self.values = array("q")
        self.n_bytes = 0
        self._blank = [ABSENT] * len(self.paths)
        self._sac = self.paths.index(SAC)
        self._times = [self.paths.index(path) for path in times]
        self._samples: Counter[int] = Counter()
        self._fits: dict[int, list[int]] = {}

    def learn(self, data: bytes, pos: int, end: int) -> None:
        """Note which editions fit the block between `pos` and `end`, as far as it is needed."""
        source = _source(data, pos, end)
        if len(self.editions) == 1 or self._samples[source] >= SAMPLES:
            return
        fits = self._fits.setdefault(source, [0] * len(self.editions))
        for number, edition in enumerate(self.editions):
            rows, _, reason = self._attempt(edition, data, pos, end, SAMPLES)
            fits[number] += 0 if reason else 1 + all(self._is_timed(edition, row) for row in rows)
            self._samples[source] += max(len(rows), 1) if not number else 0

    def add_block(self, data: bytes, pos: int, end: int, received_ns: int | None, place: int) -> tuple[int, int, str]:
        """Add the records between `pos` and `end`.

        Returns:
            How many records there were, where the last one ended, and why no further ("" if that is the end).
        """
        best: Attempt = ([], pos - 1, "")
        chosen = 0
        fits = self._fits.get(_source(data, pos, end), [0] * len(self.editions))
        for number in sorted(range(len(fits)), key=lambda i: (-fits[i], i)):
            attempt = self._attempt(self.editions[number], data, pos, end)
            if attempt[1] > best[1]:
                best, chosen = attempt, number
            if not attempt[2]:
                break
        rows, stop, reason = best
        self.n_bytes += stop - pos
        for i, row in enumerate(rows):
            row[: len(HEAD)] = place + i, ABSENT if received_ns is None else received_ns, chosen
            self.values.extend(row)
        return len(rows), stop, reason

    def _attempt(self, edition: Edition, data: bytes, pos: int, end: int, n_max: int = RECORDS_MAX) -> Attempt:
        rows: list[list[int]] = []
        while pos < end and len(rows) < n_max:
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

    def _is_timed(self, edition: Edition, row: list[int]) -> bool:
        """Return whether a record has a time, and none beyond the end of the day."""
        given = [(row[slot], edition.fields[self.paths[slot]].scale) for slot in self._times if row[slot] != ABSENT]
        return bool(given) and all(raw * scale_s < S_PER_DAY for raw, scale_s in given)


def read_datagram(
    data: bytes,
    received_ns: int | None,
    rows: Mapping[int, CategoryRows],
    counts: Counter[str],
    damage: Counter[str],
    place: int,
) -> tuple[int, int]:
    """Add the records of all blocks in `data` to `rows`.

    A block of a category that is not in `rows` counts as one record; it is not opened.

    Returns:
        How many records, good or damaged, there were, and how many bytes were lost to damage.
    """
    pos, met, lost = 0, 0, 0
    while pos < len(data):
        stop = block_end(data, pos)
        category = data[pos]
        if not stop or (category not in rows and not _leads_on(data, stop, rows)):
            damage[NO_BLOCK] += 1
            met += 1
            stop = _next_block(data, pos + 1, rows)
            lost += stop - pos
        elif category not in rows:
            counts[f"category {category:03d} not read"] += 1
            met += 1
        else:
            n, good_until, reason = rows[category].add_block(data, pos + HEADER_BYTES, stop, received_ns, place + met)
            met += n
            if reason or not n:
                damage[f"category {category:03d}: {reason or 'no record'}"] += 1
                met += 1
                stop = stop if _leads_on(data, stop, rows) else _next_block(data, good_until, rows)
                lost += stop - good_until
        pos = stop
    return met, lost


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


def _source(data: bytes, pos: int, end: int) -> int:
    """Return the data source of the first record, where every category that is read has it; -1 if there is none."""
    stop = pos + 1
    while stop <= end and data[stop - 1] & 1:
        stop += 1
    return int.from_bytes(data[stop : stop + 2], "big") if stop + 2 <= end and data[pos] >= 0x80 else -1


def _leads_on(data: bytes, pos: int, known: Mapping[int, object]) -> bool:
    """Return whether the blocks from `pos` on lead to two of known categories, or end where the data ends."""
    n_known = 0
    for at, stop in islice(chain(data, pos), BLOCKS_AHEAD_MAX):
        if data[at] in known:
            n_known += 1
            if n_known == 2 or not opens(data, at, known):
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
